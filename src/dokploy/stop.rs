//! Stopping the app's containers.

use super::failure::{failure, refused};
use super::procedure::Step;
use super::retry::{Outcome, Patience};
use super::rows::app_containers;
use super::session::App;
use super::{Body, Call, Refusal};
use crate::engine::{Answer, Failure, FailureKind, Moment};
use serde_json::Value;
use std::time::Duration;

/// The stop goes on when its answer is lost: so often the containers are looked at, with this gap. Each that ignores SIGTERM takes 10 s
/// (FACTS §13.3).
const LOOKS: u32 = 12;
const LOOK_GAP: Duration = Duration::from_secs(5);

/// So often it is sent: stopping twice is stopping once.
const ATTEMPTS: u32 = 3;

/// Looks after which a stop that was not confirmed is sent again, while there are attempts left.
const LOOKS_BEFORE_ANOTHER: u32 = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Begin,
    Stopping,
    /// The answer was lost: do they still run?
    Looking {
        why: Failure,
        looks: u32,
    },
    Resting {
        why: Failure,
        looks: u32,
    },
}

/// Stops the app's containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    app: App,
    stage: Stage,
    attempts: u32,
    /// Whether an attempt may have stopped something.
    acted: bool,
}

impl Stop {
    pub(super) fn new(app: App) -> Self {
        Self { app, stage: Stage::Begin, attempts: 0, acted: false }
    }

    pub(super) fn step(&mut self, now: Moment, outcomes: Vec<Outcome>) -> Step {
        let outcome = outcomes.into_iter().next();
        match self.stage.clone() {
            Stage::Begin => self.send(),
            Stage::Stopping => self.answered(outcome),
            Stage::Looking { why, looks } => match outcome {
                Some(Outcome::Body(Body::Json(answer))) if is_stopped(&answer) => Step::Done(Answer::Stopped),
                _ if looks >= LOOKS_BEFORE_ANOTHER && self.attempts < ATTEMPTS => self.send(),
                _ if looks < LOOKS => {
                    self.stage = Stage::Resting { why, looks: looks + 1 };
                    Step::Wait(now + LOOK_GAP)
                }
                _ => self.failed(&why),
            },
            Stage::Resting { why, looks } => self.look(why, looks),
        }
    }

    fn send(&mut self) -> Step {
        self.attempts += 1;
        self.stage = Stage::Stopping;
        // What did not leave is sent again.
        Step::Ask(vec![Call::Stop { compose: self.app.compose.clone() }], Patience::Long)
    }

    fn answered(&mut self, outcome: Option<Outcome>) -> Step {
        let call = Call::Stop { compose: String::new() };
        let (why, acted) = match outcome {
            Some(Outcome::Body(Body::Json(Value::Bool(true)))) => return Step::Done(Answer::Stopped),
            Some(Outcome::Body(_)) => (failure(FailureKind::ServerError, "Dokploy did not say that it stopped the containers"), true),
            Some(Outcome::Lost(why)) => (failure(FailureKind::Unreachable, format!("the answer to the stop was lost ({why})")), true),
            // The command failed, and may have stopped some of them first (FACTS §2).
            Some(Outcome::Refused(refusal @ Refusal::Server(..))) => (refused(&call, &refusal), true),
            Some(Outcome::Refused(refusal)) => (refused(&call, &refusal), false),
            Some(Outcome::Failed(failed)) => {
                let acted = failed.kind == FailureKind::NotDokploy;
                (failed, acted)
            }
            None => (failure(FailureKind::Unreachable, "no answer"), true),
        };
        self.acted |= acted;
        if !self.acted && self.attempts >= ATTEMPTS {
            return Step::Done(Answer::Failed(why));
        }
        // Whatever came of it, the containers tell.
        self.look(why, 1)
    }

    fn look(&mut self, why: Failure, looks: u32) -> Step {
        self.stage = Stage::Looking { why, looks };
        let call = Call::AppContainers { app_name: self.app.app_name.clone(), server: self.app.server.clone() };
        Step::Ask(vec![call], Patience::Brief)
    }

    fn failed(&self, why: &Failure) -> Step {
        let message = format!("{}, and containers run or cannot be seen", why.message);
        Step::Done(Answer::Failed(Failure { message, may_have_acted: self.acted, ..why.clone() }))
    }
}

/// Whether there are containers and none runs. An empty list is no proof: it is what Dokploy says when it cannot ask (FACTS §7).
fn is_stopped(answer: &serde_json::Value) -> bool {
    app_containers(answer).is_ok_and(|containers| !containers.is_empty() && containers.iter().all(|(_, runs)| !runs))
}
