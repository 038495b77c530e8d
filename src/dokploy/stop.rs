//! Stopping the app's containers.

use super::failure::{failure, refused};
use super::procedure::Step;
use super::retry::{Outcome, Patience};
use super::rows::app_containers;
use super::session::App;
use super::{Body, Call, Refusal};
use crate::engine::{Answer, Failure, FailureKind, Moment};
use std::time::Duration;

/// The stop goes on when its answer is lost: so often the containers are looked at, with this gap. Each that ignores SIGTERM takes 10 s
/// (FACTS §13.3).
const LOOKS: u32 = 12;
const LOOK_GAP: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Begin,
    Stopping,
    /// The answer was lost: do they still run?
    Looking {
        why: String,
        looks: u32,
    },
    Resting {
        why: String,
        looks: u32,
    },
}

/// Stops the app's containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    app: App,
    stage: Stage,
}

impl Stop {
    pub(super) fn new(app: App) -> Self {
        Self { app, stage: Stage::Begin }
    }

    pub(super) fn step(&mut self, now: Moment, outcomes: Vec<Outcome>) -> Step {
        let outcome = outcomes.into_iter().next();
        match self.stage.clone() {
            Stage::Begin => {
                self.stage = Stage::Stopping;
                // Stopping twice is stopping once, so what did not leave is sent again.
                Step::Ask(vec![Call::Stop { compose: self.app.compose.clone() }], Patience::Long)
            }
            Stage::Stopping => self.answered(outcome),
            Stage::Looking { why, looks } => match outcome {
                Some(Outcome::Body(Body::Json(answer))) if is_stopped(&answer) => Step::Done(Answer::Stopped),
                _ if looks < LOOKS => {
                    self.stage = Stage::Resting { why, looks: looks + 1 };
                    Step::Wait(now + LOOK_GAP)
                }
                _ => {
                    let message = format!("the answer to the stop was lost ({why}), and containers run or cannot be seen");
                    acted(failure(FailureKind::Unreachable, message))
                }
            },
            Stage::Resting { why, looks } => self.look(why, looks),
        }
    }

    fn answered(&mut self, outcome: Option<Outcome>) -> Step {
        match outcome {
            Some(Outcome::Body(Body::Json(answer))) if answer != serde_json::Value::Bool(false) => Step::Done(Answer::Stopped),
            Some(Outcome::Body(_)) => acted(failure(FailureKind::ServerError, "Dokploy did not say that it stopped the containers")),
            Some(Outcome::Lost(why)) => self.look(why, 1),
            Some(Outcome::Failed(failed)) if failed.kind == FailureKind::NotDokploy => self.look(failed.message, 1),
            // The command failed, and may have stopped some of them first (FACTS §2).
            Some(Outcome::Refused(refusal @ Refusal::Server(..))) => acted(refused(&Call::Stop { compose: String::new() }, &refusal)),
            Some(Outcome::Refused(refusal)) => Step::Done(Answer::Failed(refused(&Call::Stop { compose: String::new() }, &refusal))),
            Some(Outcome::Failed(failure)) => Step::Done(Answer::Failed(failure)),
            None => self.look("no answer".to_owned(), 1),
        }
    }

    fn look(&mut self, why: String, looks: u32) -> Step {
        self.stage = Stage::Looking { why, looks };
        let call = Call::AppContainers { app_name: self.app.app_name.clone(), server: self.app.server.clone() };
        Step::Ask(vec![call], Patience::Brief)
    }
}

/// Whether there are containers and none runs. An empty list is no proof: it is what Dokploy says when it cannot ask (FACTS §7).
fn is_stopped(answer: &serde_json::Value) -> bool {
    app_containers(answer).is_ok_and(|containers| !containers.is_empty() && containers.iter().all(|(_, runs)| !runs))
}

fn acted(failure: Failure) -> Step {
    Step::Done(Answer::Failed(Failure { may_have_acted: true, ..failure }))
}
