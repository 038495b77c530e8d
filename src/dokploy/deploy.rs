//! One deploy, from the last look before it to its row's end.
//!
//! `compose.deploy` only queues and names neither job nor row (FACTS §6). The marker, sent as title, finds both: first the job in the
//! queue, then the row, whose id is latched. What is asked for once is never asked for again: where the answer was lost, the marker is
//! looked for.

use super::aftermath::{self, Aftermath, Row};
use super::failure::refused;
use super::features::Feature;
use super::follow::{Follow, Seen, Verdict};
use super::observe::not_answered;
use super::procedure::Step;
use super::replace::{passes, read};
use super::retry::{Outcome, Patience};
use super::rows::{self, Deployment, Job, Status};
use super::session::App;
use super::{Body, Call, Masks, Refusal};
use crate::engine::{Answer, DeployEnd, DeployProgress, Failure, FailureKind, Moment, RowStatus};
use crate::schedule::canonical;
use std::collections::{BTreeSet, VecDeque};

/// So often the deploy is begun anew, last look included, when nothing left this machine.
const ATTEMPTS: u32 = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Begin,
    /// The last look before: the text, the queue, the history.
    Looking,
    /// The one call that deploys.
    Sending,
    /// Following what was accepted, or may have been.
    Following(Follow),
    /// Between two looks.
    Resting(Follow),
    /// Watching a command that Dokploy follows no longer.
    Watching(Aftermath),
    /// Between two looks at it.
    Musing(Aftermath),
}

/// Deploys once and follows it to its end. Its `Debug` form shows no text.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Deploy {
    app: App,
    expected: String,
    marker: String,
    stage: Stage,
    attempts: u32,
    progress: Vec<DeployProgress>,
    /// Rows that were there before it was asked for.
    older: BTreeSet<String>,
    dead_row: Option<String>,
}

impl std::fmt::Debug for Deploy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Deploy({}, {:?}, attempt {})", self.marker, self.stage, self.attempts)
    }
}

impl Deploy {
    pub(super) fn new(app: App, expected: &str, marker: &str) -> Self {
        let expected = canonical(expected);
        Self {
            app,
            expected,
            marker: marker.to_owned(),
            stage: Stage::Begin,
            attempts: 0,
            progress: Vec::new(),
            older: BTreeSet::new(),
            dead_row: None,
        }
    }

    /// What there is to tell since it was last asked.
    pub(super) fn take_progress(&mut self) -> Vec<DeployProgress> {
        std::mem::take(&mut self.progress)
    }

    pub(super) fn step(&mut self, now: Moment, outcomes: Vec<Outcome>, masks: &mut Masks) -> Step {
        let mut outcomes = VecDeque::from(outcomes);
        match std::mem::replace(&mut self.stage, Stage::Begin) {
            Stage::Begin => self.look(),
            Stage::Looking => self.looked(now, &mut outcomes, masks).unwrap_or_else(|failure| Step::Done(Answer::Failed(failure))),
            Stage::Sending => self.sent(now, outcomes.pop_front()),
            Stage::Following(follow) => self.followed(now, follow, &mut outcomes),
            Stage::Resting(follow) => self.poll(follow),
            Stage::Watching(aftermath) => self.watched(now, aftermath, &mut outcomes),
            Stage::Musing(aftermath) => self.watch(aftermath),
        }
    }

    fn look(&mut self) -> Step {
        self.stage = Stage::Looking;
        let row = Call::Compose { compose: self.app.compose.clone() };
        Step::Ask(std::iter::once(row).chain(self.lists()).collect(), Patience::Long)
    }

    fn looked(&mut self, now: Moment, outcomes: &mut VecDeque<Outcome>, masks: &mut Masks) -> Result<Step, Failure> {
        let row = read(&self.app, outcomes.pop_front(), masks)?;
        let Seen { jobs, rows } = self.seen(outcomes);
        let (jobs, rows) = (jobs.transpose()?, rows?);
        // Already asked for, by a run that was cut off: followed, never asked for twice.
        let queued = jobs.iter().flatten().any(|job| job.title == self.marker);
        if queued || rows.iter().any(|row| row.title == self.marker) {
            let mut follow = Follow::accepted(&self.app, &self.marker, now);
            return Ok(self.judge(now, &mut follow, Seen { jobs: jobs.map(Ok), rows: Ok(rows) }));
        }
        let ours = |job: &&Job| job.compose.as_deref() == Some(self.app.compose.as_str());
        if let Some(job) = jobs.iter().flatten().find(ours) {
            return Ok(Step::Done(Answer::Deployed(DeployEnd::Busy { title: job.title.clone() })));
        }
        if let Some(row) = rows.iter().find(|row| row.status == Status::Going && !self.app.dead_rows.contains(&row.id)) {
            return Ok(Step::Done(Answer::Deployed(DeployEnd::Busy { title: row.title.clone() })));
        }
        if canonical(&row.text) != self.expected {
            return Ok(Step::Done(Answer::TextChanged { live: row.text }));
        }
        self.older = rows.into_iter().map(|row| row.id).collect();
        self.stage = Stage::Sending;
        self.attempts += 1;
        let call = Call::Deploy { compose: self.app.compose.clone(), marker: self.marker.clone() };
        // Not repeated blindly even when nothing left: everything is looked at again first.
        Ok(Step::Ask(vec![call], Patience::None))
    }

    fn sent(&mut self, now: Moment, outcome: Option<Outcome>) -> Step {
        let call = Call::Deploy { compose: String::new(), marker: String::new() };
        let fail = |failure| Step::Done(Answer::Failed(failure));
        match outcome {
            Some(Outcome::Body(body)) if self.is_taken(&body) => self.poll(self.accepted(now)),
            // Whatever it means, the marker shows what became of it.
            Some(Outcome::Body(_) | Outcome::Lost(_) | Outcome::Refused(Refusal::Server(..))) | None => self.poll(self.unsure(now)),
            Some(Outcome::Failed(failure)) if failure.kind == FailureKind::NotDokploy => {
                // Whoever answered so may have let it through.
                self.poll(self.unsure(now))
            }
            Some(Outcome::Failed(failure)) if passes(&failure) && self.attempts < ATTEMPTS => self.look(),
            Some(Outcome::Failed(failure)) => fail(failure),
            Some(Outcome::Refused(refusal)) => fail(refused(&call, &refusal)),
        }
    }

    fn accepted(&self, now: Moment) -> Follow {
        Follow::accepted(&self.app, &self.marker, now).after(self.older.clone())
    }

    fn unsure(&self, now: Moment) -> Follow {
        Follow::unsure(&self.app, &self.marker, now).after(self.older.clone())
    }

    /// Whether an answer to the deploy says that it was taken. Old versions answer nothing at all.
    fn is_taken(&self, body: &Body) -> bool {
        match body {
            Body::Json(answer) => answer.get("success") == Some(&serde_json::Value::Bool(true)),
            Body::Empty => !self.app.features.has(Feature::AppInDeployAnswer),
        }
    }

    fn poll(&mut self, follow: Follow) -> Step {
        self.stage = Stage::Following(follow);
        Step::Ask(self.lists(), Patience::Brief)
    }

    /// What one look asks: the history, and the queue where it can be seen.
    fn lists(&self) -> Vec<Call> {
        let rows = Call::Deployments { compose: self.app.compose.clone() };
        let queue = self.app.features.has(Feature::Queue).then_some(Call::Queue);
        queue.into_iter().chain([rows]).collect()
    }

    /// What one look saw.
    fn seen(&self, outcomes: &mut VecDeque<Outcome>) -> Seen {
        let jobs = if self.app.features.has(Feature::Queue) { queue_of(outcomes.pop_front()).transpose() } else { None };
        Seen { jobs, rows: rows_of(&self.app, outcomes.pop_front()) }
    }

    fn followed(&mut self, now: Moment, mut follow: Follow, outcomes: &mut VecDeque<Outcome>) -> Step {
        let seen = self.seen(outcomes);
        self.judge(now, &mut follow, seen)
    }

    fn judge(&mut self, now: Moment, follow: &mut Follow, seen: Seen) -> Step {
        let rows = seen.rows.as_ref().ok().cloned().unwrap_or_default();
        match follow.judge(now, seen, &mut self.progress) {
            Verdict::AskAgain(at) => {
                self.stage = Stage::Resting(follow.clone());
                Step::Wait(at)
            }
            Verdict::Ended(end) => {
                let DeployEnd::Finished { deployment, status, error } = &end else { return Step::Done(Answer::Deployed(end)) };
                let shares_log = self.notice_shared_log(&deployment.0, &rows);
                // With a reason of its own in the row, the command was never begun (FACTS §13.1).
                if self.app.server.is_none() || *status == RowStatus::Done || error.is_some() {
                    return Step::Done(Answer::Deployed(end));
                }
                self.watch(Aftermath::new(&deployment.0, Row::Ended(*status), shares_log, now))
            }
            Verdict::Orphaned { deployment } => {
                let shares_log = self.notice_shared_log(&deployment, &rows);
                let aftermath = Aftermath::new(&deployment, Row::Running, shares_log, now);
                self.notice(aftermath.why());
                self.dead_row = aftermath.dead_row().map(str::to_owned);
                self.watch(aftermath)
            }
        }
    }

    fn watch(&mut self, aftermath: Aftermath) -> Step {
        let calls = aftermath.calls(&self.app);
        self.stage = Stage::Watching(aftermath);
        Step::Ask(calls, Patience::Brief)
    }

    fn watched(&mut self, now: Moment, mut aftermath: Aftermath, outcomes: &mut VecDeque<Outcome>) -> Step {
        let is_first = aftermath.is_new();
        match aftermath.judge(now, outcomes) {
            aftermath::Verdict::AskAgain(at) => {
                if is_first && aftermath.dead_row().is_none() {
                    self.notice(aftermath.why());
                }
                self.stage = Stage::Musing(aftermath);
                Step::Wait(at)
            }
            aftermath::Verdict::Ended(end, told) => {
                self.progress.extend(told.map(|what| DeployProgress::Noticed { what }));
                Step::Done(Answer::Deployed(end))
            }
        }
    }

    /// Whether another row has the same log, which is told: what it says may be the other's (FACTS §6).
    fn notice_shared_log(&mut self, deployment: &str, rows: &[Deployment]) -> bool {
        let Some(own) = rows.iter().find(|row| row.id == deployment) else { return false };
        let other = rows.iter().find(|row| row.id != own.id && row.log_path == own.log_path && !own.log_path.is_empty());
        if let Some(other) = other {
            self.notice(format!(
                "the deploy \"{}\" began in the same second and shares its log: what it says may be of the other",
                other.title
            ));
        }
        other.is_some()
    }

    fn notice(&mut self, what: String) {
        self.progress.push(DeployProgress::Noticed { what });
    }

    /// A row that it found to be dead.
    pub(super) fn dead_row(&self) -> Option<&str> {
        self.dead_row.as_deref()
    }
}

/// The queue; `None` when this Dokploy does not show it.
pub(super) fn queue_of(outcome: Option<Outcome>) -> Result<Option<Vec<Job>>, Failure> {
    match outcome {
        Some(Outcome::Body(Body::Json(answer))) => rows::queue(&answer).map(Some).map_err(|_| super::failure::unreadable(&Call::Queue)),
        Some(Outcome::Refused(Refusal::NoSuchProcedure)) => Ok(None),
        other => Err(not_answered(&Call::Queue, other)),
    }
}

/// The app's history.
pub(super) fn rows_of(app: &App, outcome: Option<Outcome>) -> Result<Vec<Deployment>, Failure> {
    let call = Call::Deployments { compose: app.compose.clone() };
    match outcome {
        Some(Outcome::Body(Body::Json(answer))) => rows::deployments(&answer).map_err(|_| super::failure::unreadable(&call)),
        other => Err(not_answered(&call, other)),
    }
}
