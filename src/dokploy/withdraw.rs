//! Taking our waiting job out of the queue.

use super::deploy::{queue_of, rows_of};
use super::failure::refused;
use super::features::Feature;
use super::procedure::Step;
use super::retry::{Outcome, Patience};
use super::rows::{Deployment, Job};
use super::session::App;
use super::{Call, Refusal};
use crate::engine::{Answer, Failure, Moment};
use std::collections::VecDeque;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Begin,
    Looking,
    Cleaning,
    /// Looking whether it is gone, for the first or the second time.
    Proving {
        looks: u32,
    },
    Resting {
        looks: u32,
    },
}

/// Looks in a row that must not show it: queue and history are not read at the same instant, and it may be on its way from one to the other.
const LOOKS: u32 = 2;
const LOOK_GAP: Duration = Duration::from_secs(2);

/// Cleans the app's waiting jobs, if all of them are ours: Dokploy cleans all or none (FACTS §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Withdraw {
    app: App,
    marker: String,
    stage: Stage,
}

impl Withdraw {
    pub(super) fn new(app: App, marker: &str) -> Self {
        Self { app, marker: marker.to_owned(), stage: Stage::Begin }
    }

    pub(super) fn step(&mut self, now: Moment, outcomes: Vec<Outcome>) -> Step {
        let mut outcomes = VecDeque::from(outcomes);
        let step = match self.stage {
            // What cannot be seen is not cleaned: other people's jobs might go with it.
            Stage::Begin if !self.app.features.has(Feature::Queue) => Ok(Step::Done(Answer::Withdrawn(false))),
            Stage::Begin => Ok(self.look(Stage::Looking)),
            Stage::Looking => self.looked(&mut outcomes),
            Stage::Cleaning => self.cleaned(outcomes.pop_front()),
            Stage::Proving { looks } => self.read(&mut outcomes).map(|(jobs, rows)| self.proved(now, looks, &jobs, &rows)).map_err(acted),
            Stage::Resting { looks } => Ok(self.look(Stage::Proving { looks })),
        };
        step.unwrap_or_else(|failure| Step::Done(Answer::Failed(failure)))
    }

    fn look(&mut self, stage: Stage) -> Step {
        self.stage = stage;
        Step::Ask(vec![Call::Queue, Call::Deployments { compose: self.app.compose.clone() }], Patience::Long)
    }

    fn looked(&mut self, outcomes: &mut VecDeque<Outcome>) -> Result<Step, Failure> {
        let (jobs, rows) = self.read(outcomes)?;
        let waiting: Vec<&Job> =
            jobs.iter().filter(|job| !job.active && job.compose.as_deref() == Some(self.app.compose.as_str())).collect();
        let all_ours = waiting.iter().all(|job| job.title == self.marker);
        if !all_ours || self.has_started(&jobs, &rows) {
            return Ok(Step::Done(Answer::Withdrawn(false)));
        }
        // Also when it is not shown: one look is no proof that it is not there.
        self.stage = Stage::Cleaning;
        Ok(Step::Ask(vec![Call::CleanQueues { compose: self.app.compose.clone() }], Patience::None))
    }

    fn cleaned(&mut self, outcome: Option<Outcome>) -> Result<Step, Failure> {
        match outcome {
            Some(Outcome::Failed(failure)) => Err(failure),
            Some(Outcome::Refused(refusal)) if !matches!(refusal, Refusal::Server(..)) => {
                Err(refused(&Call::CleanQueues { compose: String::new() }, &refusal))
            }
            // Answered or lost: the queue tells.
            _ => Ok(self.look(Stage::Proving { looks: 1 })),
        }
    }

    fn read(&self, outcomes: &mut VecDeque<Outcome>) -> Result<(Vec<Job>, Vec<Deployment>), Failure> {
        // A Dokploy that does not show its queue cannot prove that the job is gone.
        let Some(jobs) = queue_of(outcomes.pop_front())? else { return Err(refused(&Call::Queue, &Refusal::NoSuchProcedure)) };
        Ok((jobs, rows_of(&self.app, outcomes.pop_front())?))
    }

    /// Gone means neither queued nor started, twice in a row.
    fn proved(&mut self, now: Moment, looks: u32, jobs: &[Job], rows: &[Deployment]) -> Step {
        let queued = jobs.iter().any(|job| job.title == self.marker);
        if queued || self.has_started(jobs, rows) {
            return Step::Done(Answer::Withdrawn(false));
        }
        if looks < LOOKS {
            self.stage = Stage::Resting { looks: looks + 1 };
            return Step::Wait(now + LOOK_GAP);
        }
        Step::Done(Answer::Withdrawn(true))
    }

    fn has_started(&self, jobs: &[Job], rows: &[Deployment]) -> bool {
        jobs.iter().any(|job| job.active && job.title == self.marker) || rows.iter().any(|row| row.title == self.marker)
    }
}

fn acted(failure: Failure) -> Failure {
    Failure { may_have_acted: true, ..failure }
}
