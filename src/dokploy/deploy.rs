//! One deploy, from the last look before it to its row's end.
//!
//! `compose.deploy` only queues and names neither job nor row (FACTS §6). The marker, sent as title, finds both: first the job in the
//! queue, then the row, whose id is latched. What is asked for once is never asked for again: where the answer was lost, the marker is
//! looked for.
//!
//! What a deploy sends is the text of its job's start (FACTS §6), not the one that was live when it was asked for: the text is read once more
//! when the row is there. Somebody else's deploy beside it, or another text, means that what comes of it is not ours to judge.

use super::failure::refused;
use super::follow::{Follow, Seen, Verdict};
use super::foreign::{Others, in_the_way};
use super::observe::not_answered;
use super::procedure::Step;
use super::replace::{passes, read};
use super::retry::{Outcome, Patience};
use super::rows::{self, Deployment, Job};
use super::session::App;
use super::{Body, Call, Masks, Refusal};
use crate::engine::{Answer, DeployEnd, DeployProgress, Failure, FailureKind, Moment};
use crate::schedule::canonical;
use std::collections::VecDeque;

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
    /// Its row is there: the text is read once more. What the look said waits for that.
    Comparing(Follow, Verdict),
    /// Between two looks.
    Resting(Follow),
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
            Stage::Comparing(follow, verdict) => self.compared(now, follow, verdict, outcomes.pop_front(), masks),
            Stage::Resting(follow) => self.poll(follow),
        }
    }

    fn look(&mut self) -> Step {
        self.stage = Stage::Looking;
        let compose = self.app.compose.clone();
        Step::Ask(vec![Call::Compose { compose: compose.clone() }, Call::Queue, Call::Deployments { compose }], Patience::Long)
    }

    fn looked(&mut self, now: Moment, outcomes: &mut VecDeque<Outcome>, masks: &mut Masks) -> Result<Step, Failure> {
        let row = read(&self.app, outcomes.pop_front(), masks)?;
        let jobs = queue_of(outcomes.pop_front())?;
        let rows = rows_of(&self.app, outcomes.pop_front())?;
        self.others.know(&rows);
        // Already asked for, by a run that was cut off: followed, never asked for twice.
        let queued = jobs.iter().flatten().any(|job| job.title == self.marker);
        if queued || rows.iter().any(|row| row.title == self.marker) {
            let mut follow = Follow::accepted(&self.app, &self.marker, now);
            return Ok(self.judge(now, &mut follow, Seen { jobs: jobs.map(Ok), rows: Ok(rows) }));
        }
        if let Some(title) = in_the_way(&self.app, jobs.as_deref(), &rows) {
            return Ok(Step::Done(Answer::Deployed(DeployEnd::Busy { title })));
        }
        if canonical(&row.text) != self.expected {
            return Ok(Step::Done(Answer::TextChanged { live: row.text }));
        }
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
            // Old versions answer nothing or `true` (FACTS §6). The marker shows what became of it in any case.
            Some(Outcome::Body(_)) => self.poll(Follow::accepted(&self.app, &self.marker, now)),
            Some(Outcome::Lost(_) | Outcome::Refused(Refusal::Server(..))) | None => {
                self.poll(Follow::unsure(&self.app, &self.marker, now))
            }
            Some(Outcome::Failed(failure)) if failure.kind == FailureKind::NotDokploy => {
                // Whoever answered so may have let it through.
                self.poll(Follow::unsure(&self.app, &self.marker, now))
            }
            Some(Outcome::Failed(failure)) if passes(&failure) && self.attempts < ATTEMPTS => self.look(),
            Some(Outcome::Failed(failure)) => fail(failure),
            Some(Outcome::Refused(refusal)) => fail(refused(&call, &refusal)),
        }
    }

    fn poll(&mut self, follow: Follow) -> Step {
        self.stage = Stage::Following(follow);
        Step::Ask(vec![Call::Queue, Call::Deployments { compose: self.app.compose.clone() }], Patience::Brief)
    }

    fn followed(&mut self, now: Moment, mut follow: Follow, outcomes: &mut VecDeque<Outcome>) -> Step {
        let jobs = queue_of(outcomes.pop_front()).transpose();
        let rows = rows_of(&self.app, outcomes.pop_front());
        self.judge(now, &mut follow, Seen { jobs, rows })
    }

    fn judge(&mut self, now: Moment, follow: &mut Follow, seen: Seen) -> Step {
        let rows = seen.rows.as_ref().map_or(&[][..], Vec::as_slice);
        let jobs = seen.jobs.as_ref().and_then(|jobs| jobs.as_ref().ok()).map(Vec::as_slice);
        let ours = follow.place_in(rows);
        let (first, after) = (self.others.came_first(jobs, rows, ours), self.others.came_after(rows, ours));
        let verdict = follow.judge(now, seen, &mut self.progress);
        // One that comes after ours is no matter until ours is over: its deploy has our text, or our next look at the text finds another.
        if let Some(title) = first.or(after.filter(|_| matches!(verdict, Verdict::Ended(_)))) {
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
            Verdict::Ended(end) => Step::Done(Answer::Deployed(end)),
        }
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
