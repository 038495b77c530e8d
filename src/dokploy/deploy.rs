//! One deploy, from the last look before it to its row's end.
//!
//! `compose.deploy` only queues and names neither job nor row (FACTS §6). The marker, sent as title, finds both: first the job in the
//! queue, then the row, whose id is latched. What Dokploy took is never asked for again: where the answer was lost, the marker is looked for,
//! and only what is nowhere to be seen for long enough is sent once more, under the same marker.
//!
//! What a deploy sends is the text of its job's start (FACTS §6), not the one that was live when it was asked for: the text is read once more
//! when the row is there. Somebody else's deploy beside it, or another text, means that what comes of it is not ours to judge.

use super::aftermath::{self, Aftermath, Row};
use super::failure::refused;
use super::features::Feature;
use super::follow::{Follow, Seen, Verdict};
use super::foreign::{Others, in_the_way};
use super::observe::not_answered;
use super::procedure::Step;
use super::replace::{ATTEMPT_GAP, ATTEMPTS, read};
use super::retry::{Outcome, Patience};
use super::rows::{self, Deployment, Job};
use super::session::App;
use super::{Body, Call, Masks, Refusal};
use crate::engine::{Answer, DeployEnd, DeployProgress, Failure, FailureKind, Flaw, Moment, RowStatus};
use crate::schedule::canonical;
use serde_json::Value;
use std::collections::VecDeque;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Begin,
    /// The last look before: the text, the queue, the history.
    Looking,
    /// The one call that deploys.
    Sending,
    /// Following what was accepted, or may have been.
    Following(Follow),
    /// Its row is there: the text is read once more. What the look said waits for that.
    Comparing(Follow, Verdict),
    /// Between two looks.
    Resting(Follow),
    /// Before another attempt.
    Pausing,
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
    others: Others,
    /// Whether the text was ours when the row was there.
    is_of_our_text: bool,
    /// Title of another deploy whose log is ours, too (FACTS §6).
    twin: Option<String>,
    dead_row: Option<String>,
    flaw: Option<Flaw>,
}

impl std::fmt::Debug for Deploy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Deploy({}, {:?}, attempt {})", self.marker, self.stage, self.attempts)
    }
}

impl Deploy {
    pub(super) fn new(app: App, expected: &str, marker: &str) -> Self {
        let others = Others::new(&app, marker);
        Self {
            app,
            expected: canonical(expected),
            marker: marker.to_owned(),
            stage: Stage::Begin,
            attempts: 0,
            progress: Vec::new(),
            others,
            is_of_our_text: false,
            twin: None,
            dead_row: None,
            flaw: None,
        }
    }

    /// It is made to err so.
    pub(super) fn flawed_by(self, flaw: Option<Flaw>) -> Self {
        Self { flaw, ..self }
    }

    /// What there is to tell since it was last asked.
    pub(super) fn take_progress(&mut self) -> Vec<DeployProgress> {
        std::mem::take(&mut self.progress)
    }

    pub(super) fn step(&mut self, now: Moment, outcomes: Vec<Outcome>, masks: &mut Masks) -> Step {
        let mut outcomes = VecDeque::from(outcomes);
        match std::mem::replace(&mut self.stage, Stage::Begin) {
            Stage::Begin | Stage::Pausing => self.look(),
            Stage::Looking => self.looked(now, &mut outcomes, masks).unwrap_or_else(|failure| Step::Done(Answer::Failed(failure))),
            Stage::Sending => self.sent(now, outcomes.pop_front()),
            Stage::Following(follow) => self.followed(now, follow, &mut outcomes),
            Stage::Comparing(follow, verdict) => self.compared(now, follow, verdict, outcomes.pop_front(), masks),
            Stage::Resting(follow) => self.poll(follow),
            Stage::Watching(aftermath) => self.watched(now, aftermath, &mut outcomes),
            Stage::Musing(aftermath) => self.watch(aftermath),
        }
    }

    fn look(&mut self) -> Step {
        self.stage = Stage::Looking;
        let row = Call::Compose { compose: self.app.compose.clone() };
        Step::Ask(std::iter::once(row).chain(lists(&self.app)).collect(), Patience::Long)
    }

    fn looked(&mut self, now: Moment, outcomes: &mut VecDeque<Outcome>, masks: &mut Masks) -> Result<Step, Failure> {
        let row = read(&self.app, outcomes.pop_front(), masks)?;
        let Seen { jobs, rows } = seen(&self.app, outcomes);
        let (jobs, rows) = (jobs.transpose()?, rows?);
        self.others.know(&rows);
        // Already asked for, by a run that was cut off: followed, never asked for twice.
        let queued = jobs.iter().flatten().any(|job| job.title == self.marker);
        if queued || rows.iter().any(|row| row.title == self.marker) {
            let mut follow = Follow::accepted(&self.app, &self.marker, now);
            return Ok(self.judge(now, &mut follow, Seen { jobs: jobs.map(Ok), rows: Ok(rows) }));
        }
        if let Some(title) = in_the_way(&self.app, jobs.as_deref(), &rows).or_else(|| self.others.came_before_our_text(&rows)) {
            return Ok(Step::Done(Answer::Deployed(DeployEnd::Busy { title })));
        }
        if canonical(&row.text) != self.expected {
            return Ok(Step::Done(Answer::TextChanged { live: row.text }));
        }
        Ok(self.send())
    }

    fn send(&mut self) -> Step {
        self.stage = Stage::Sending;
        self.attempts += 1;
        let call = Call::Deploy { compose: self.app.compose.clone(), marker: self.marker.clone() };
        // Not repeated blindly even when nothing left: everything is looked at again first.
        Step::Ask(vec![call], Patience::None)
    }

    fn sent(&mut self, now: Moment, outcome: Option<Outcome>) -> Step {
        let call = Call::Deploy { compose: String::new(), marker: String::new() };
        if matches!(outcome, Some(Outcome::Lost(_))) && self.flaw == Some(Flaw::SendsAgain) {
            return self.send();
        }
        match outcome {
            Some(Outcome::Body(body)) if self.is_taken(&body) => self.poll(self.accepted(now)),
            // Whatever it means, the marker shows what became of it.
            Some(Outcome::Body(_) | Outcome::Lost(_) | Outcome::Refused(Refusal::Server(..))) | None => self.poll(self.unsure(now)),
            Some(Outcome::Failed(failure)) if failure.kind == FailureKind::NotDokploy => {
                // Whoever answered so may have let it through.
                self.poll(self.unsure(now))
            }
            Some(Outcome::Refused(refusal @ Refusal::BadInput(_))) => Step::Done(Answer::Failed(refused(&call, &refusal))),
            Some(Outcome::Refused(refusal)) => self.again(now, refused(&call, &refusal)),
            Some(Outcome::Failed(failure)) => self.again(now, failure),
        }
    }

    /// It certainly was not asked for: another attempt, last look included, unless there were enough.
    fn again(&mut self, now: Moment, failure: Failure) -> Step {
        if self.attempts >= ATTEMPTS {
            return Step::Done(Answer::Failed(failure));
        }
        self.stage = Stage::Pausing;
        Step::Wait(now + ATTEMPT_GAP * self.attempts)
    }

    fn accepted(&self, now: Moment) -> Follow {
        Follow::accepted(&self.app, &self.marker, now).after(self.others.known().clone())
    }

    fn unsure(&self, now: Moment) -> Follow {
        Follow::unsure(&self.app, &self.marker, now).after(self.others.known().clone())
    }

    /// Whether an answer to the deploy says that it was taken. Old versions answer nothing at all.
    fn is_taken(&self, body: &Body) -> bool {
        match body {
            Body::Json(answer) => answer.get("success") == Some(&Value::Bool(true)),
            Body::Empty => !self.app.features.has(Feature::AppInDeployAnswer),
        }
    }

    fn poll(&mut self, follow: Follow) -> Step {
        self.stage = Stage::Following(follow);
        Step::Ask(lists(&self.app), Patience::Brief)
    }

    fn followed(&mut self, now: Moment, mut follow: Follow, outcomes: &mut VecDeque<Outcome>) -> Step {
        let seen = seen(&self.app, outcomes);
        self.judge(now, &mut follow, seen)
    }

    fn judge(&mut self, now: Moment, follow: &mut Follow, seen: Seen) -> Step {
        let rows = seen.rows.as_ref().map_or(&[][..], Vec::as_slice);
        let jobs = seen.jobs.as_ref().and_then(|jobs| jobs.as_ref().ok()).map(Vec::as_slice);
        let ours = follow.place_in(rows);
        let (first, after) = (self.others.came_first(jobs, rows, ours), self.others.came_after(rows, ours));
        self.twin = ours.and_then(|ours| twin_of(&rows[ours], rows));
        let verdict = follow.judge(now, seen, &mut self.progress);
        // One that comes after ours is no matter until ours is over: its deploy has our text, or our next look at the text finds another.
        if let Some(title) = first.or(after.filter(|_| !matches!(verdict, Verdict::AskAgain(_)))) {
            return Step::Done(Answer::Deployed(DeployEnd::Overtaken { title }));
        }
        if follow.has_started() && !self.is_of_our_text {
            self.stage = Stage::Comparing(follow.clone(), verdict);
            return Step::Ask(vec![Call::Compose { compose: self.app.compose.clone() }], Patience::Brief);
        }
        self.conclude(now, follow, verdict)
    }

    /// The text as it is now that the row is there.
    fn compared(&mut self, now: Moment, mut follow: Follow, verdict: Verdict, outcome: Option<Outcome>, masks: &mut Masks) -> Step {
        match read(&self.app, outcome, masks) {
            Ok(row) if canonical(&row.text) == self.expected => {
                self.is_of_our_text = true;
                self.conclude(now, &follow, verdict)
            }
            Ok(row) => Step::Done(Answer::TextChanged { live: row.text }),
            Err(failure) => {
                let again = follow.not_answered(now, failure, &mut self.progress);
                self.conclude(now, &follow, Verdict::AskAgain(again))
            }
        }
    }

    fn conclude(&mut self, now: Moment, follow: &Follow, verdict: Verdict) -> Step {
        match verdict {
            Verdict::AskAgain(at) if at <= now => self.poll(follow.clone()),
            Verdict::AskAgain(at) => {
                self.stage = Stage::Resting(follow.clone());
                Step::Wait(at)
            }
            // Its answer was lost and it is nowhere: Dokploy never took it.
            Verdict::Ended(DeployEnd::NeverStarted { .. }) if !follow.was_taken() && self.attempts < ATTEMPTS => self.look(),
            Verdict::Ended(end) => {
                let DeployEnd::Finished { deployment, status, error } = &end else { return Step::Done(Answer::Deployed(end)) };
                let shares_log = self.notice_shared_log();
                // With a reason of its own in the row, the command was never begun (FACTS §13.1).
                if self.app.server.is_none() || *status == RowStatus::Done || error.is_some() {
                    return Step::Done(Answer::Deployed(end));
                }
                self.watch(Aftermath::new(&deployment.0, Row::Ended(*status), shares_log, now))
            }
            Verdict::Orphaned { deployment } => {
                let shares_log = self.notice_shared_log();
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

    /// Says, if so, that another row has the same log: what it says may be the other's (FACTS §6).
    fn notice_shared_log(&mut self) -> bool {
        if let Some(title) = &self.twin {
            let what = format!("the deploy \"{title}\" began in the same second and shares its log: what it says may be of the other");
            self.notice(what);
        }
        self.twin.is_some()
    }

    fn notice(&mut self, what: String) {
        self.progress.push(DeployProgress::Noticed { what });
    }

    /// A row that it found to be dead.
    pub(super) fn dead_row(&self) -> Option<&str> {
        self.dead_row.as_deref()
    }
}

/// The title of another deploy that has the same log.
fn twin_of(own: &Deployment, rows: &[Deployment]) -> Option<String> {
    let is_twin = |row: &&Deployment| row.id != own.id && row.log_path == own.log_path && !own.log_path.is_empty();
    rows.iter().find(is_twin).map(|row| row.title.clone())
}

/// What one look asks: the history, and the queue where it can be seen.
pub(super) fn lists(app: &App) -> Vec<Call> {
    let rows = Call::Deployments { compose: app.compose.clone() };
    let queue = app.features.has(Feature::Queue).then_some(Call::Queue);
    queue.into_iter().chain([rows]).collect()
}

/// What one look saw.
pub(super) fn seen(app: &App, outcomes: &mut VecDeque<Outcome>) -> Seen {
    let jobs = if app.features.has(Feature::Queue) { queue_of(outcomes.pop_front()).transpose() } else { None };
    Seen { jobs, rows: rows_of(app, outcomes.pop_front()) }
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
