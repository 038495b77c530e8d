//! One deploy: asked for once, under a marker that nothing else has, and followed to its row's end.
//!
//! Dokploy cannot cancel (FACTS §6). Past the queue's deadline a waiting job is withdrawn, and past the build's deadline nothing is done
//! until the row is final: no update and no rollback, since the row would act after them. A grace as long as `within` is waited for that;
//! then the run ends and says that the outcome is unknown.

use super::containers::Before;
use super::failure::{self, Draft};
use super::replace;
use super::settle::{self, Settling, Soaking};
use super::stage::{Job, Stage, Then};
use super::turn::{Known, Turn};
use super::watch::Watch;
use super::{
    Answer, Cause, DeployEnd, DeployProgress, DeploymentId, Effect, Event, Intent, Moment, OpId, Reason, RowStatus, back, ours, underway,
};
use crate::schedule::SOAK_TRIES;
use std::time::Duration;

/// A time that was over while nobody was at work is over so long after the first look: what a look finds is told piece by piece, and the end
/// of a deploy may be the next of them.
const AFTER_LOOK: Duration = Duration::from_secs(1);

/// A deploy on its way, and what it brought up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    pub job: Job,
    /// The containers right before it.
    pub before: Before,
    pub step: Leg,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leg {
    /// Asked for; its row is not there yet.
    Called {
        op: OpId,
        marker: String,
        until: Moment,
        /// It waited in the queue before the run was cut off: its time ends then.
        resumed_until: Option<Moment>,
        queued: Option<(usize, Option<String>)>,
        is_told: bool,
        is_heard: bool,
    },
    /// It waited too long: our job is being taken out of the queue.
    Withdrawing { op: OpId, withdrawal: OpId },
    /// Its row is there.
    Building { op: OpId, deployment: DeploymentId, until: Moment, is_told: bool },
    /// Its time is over and its row is not final.
    Overdue { op: OpId, deployment: DeploymentId, until: Moment },
    /// Its row is done; services become healthy.
    Settling(Settling),
    /// They are, and must stay so.
    Soaking(Soaking),
}

impl Delivery {
    pub(super) fn watch(&self) -> Option<&Watch> {
        match &self.step {
            Leg::Settling(settling) => Some(&settling.watch),
            Leg::Soaking(soaking) => Some(&soaking.watch),
            _ => None,
        }
    }

    pub(super) fn watch_mut(&mut self) -> Option<&mut Watch> {
        match &mut self.step {
            Leg::Settling(settling) => Some(&mut settling.watch),
            Leg::Soaking(soaking) => Some(&mut soaking.watch),
            _ => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Moment> {
        match &self.step {
            Leg::Called { until, .. } | Leg::Building { until, .. } | Leg::Overdue { until, .. } => Some(*until),
            Leg::Withdrawing { .. } => None,
            Leg::Settling(settling) => Some(settling.deadline()),
            Leg::Soaking(soaking) => Some(soaking.until),
        }
    }

    /// Nobody was at work: services settle or soak anew, and what became of the deploy is looked at before its time is called over.
    pub(super) fn put_off(&mut self, turn: &Turn, look: Duration) {
        let schedule = turn.schedule();
        let phase = schedule.phase(self.job.timing());
        let anew = |time| limit(turn, &self.job, time);
        match &mut self.step {
            Leg::Called { until, .. } | Leg::Building { until, .. } | Leg::Overdue { until, .. } => *until = (*until).max(turn.now + look),
            Leg::Settling(settling) => settling.begin_anew(anew(phase.settle)),
            Leg::Soaking(soaking) => {
                soaking.begin_anew(turn.now + phase.soak, anew(phase.soak * SOAK_TRIES + schedule.sampling.timeout));
            }
            Leg::Withdrawing { .. } => {}
        }
    }

    /// Whether a call was sent and nothing is known of its arrival.
    pub(super) fn is_writing(&self) -> bool {
        matches!(self.step, Leg::Called { is_heard: false, .. } | Leg::Withdrawing { .. })
    }

    /// The effect that follows the deploy.
    pub(super) fn op(&self) -> Option<OpId> {
        match &self.step {
            Leg::Called { op, .. } | Leg::Withdrawing { op, .. } | Leg::Building { op, .. } | Leg::Overdue { op, .. } => Some(*op),
            Leg::Settling(_) | Leg::Soaking(_) => None,
        }
    }

    pub(super) fn deployment(&self) -> Option<DeploymentId> {
        match &self.step {
            Leg::Building { deployment, .. } | Leg::Overdue { deployment, .. } => Some(deployment.clone()),
            Leg::Settling(settling) => settling.deployment.clone(),
            Leg::Soaking(soaking) => soaking.deployment.clone(),
            Leg::Called { .. } | Leg::Withdrawing { .. } => None,
        }
    }
}

/// Asks for the deploy of the live text.
pub(super) fn begin(turn: &mut Turn, job: Job, before: Before) {
    let (schedule, options) = (turn.schedule(), turn.options());
    let purpose = job.purpose();
    let marker = turn.ledger().marker(&purpose, &schedule, &options);
    let expected = turn.ledger().live.clone();
    let op = turn.op();
    turn.emit(Event::Deploying { op, purpose, marker: marker.clone(), before: before.0.clone() });
    call(turn, op, job, before, expected, marker, None);
}

/// Goes on with a deploy that was asked for before the run was cut off: looks for it, follows it, and sends it only if it is nowhere.
/// `queued`: it was seen waiting, so that its time in the queue counts from when it was asked for.
pub(super) fn again(turn: &mut Turn, job: Job, deploy: &underway::Deploy, queued: bool) {
    let expected = turn.ledger().live.clone();
    let op = turn.op();
    let until = deploy.asked + turn.schedule().limits.queue;
    let before = Before(deploy.before.clone());
    call(turn, op, job, before, expected, deploy.marker.clone(), queued.then_some(until));
}

fn call(turn: &mut Turn, op: OpId, job: Job, before: Before, expected: String, marker: String, resumed_until: Option<Moment>) {
    let until = limit(turn, &job, turn.schedule().limits.queue);
    turn.effect(Effect::Platform { op, intent: Intent::Deploy { expected, marker: marker.clone() } });
    let step = Leg::Called { op, marker, until, resumed_until, queued: None, is_told: false, is_heard: false };
    turn.enter(Stage::Delivering(Delivery { job, before, step }));
}

/// So long from now. A rollback has its own time: the run's does not count.
pub(super) fn limit(turn: &Turn, job: &Job, limit: Duration) -> Moment {
    match job {
        Job::Phase(_) => turn.within(limit),
        Job::Rollback(_) => turn.now + limit,
    }
}

/// Dokploy said something of the deploy, or of its withdrawal.
pub(super) fn answered(turn: &mut Turn, delivery: Delivery, op: OpId, answer: Answer) {
    if let Leg::Withdrawing { withdrawal, .. } = delivery.step
        && withdrawal == op
    {
        return withdrawn(turn, delivery, matches!(answer, Answer::Withdrawn(true)));
    }
    if delivery.op() != Some(op) {
        return;
    }
    match answer {
        Answer::Progress(progress) => progressed(turn, delivery, progress),
        Answer::Deployed(end) => ended(turn, delivery, end),
        Answer::TextChanged { live } => {
            turn.emit(Event::NotDone {
                op,
                why: "somebody changed the live compose text".to_owned(),
                may_have_acted: delivery.deployment().is_some(),
            });
            if turn.is_leaving() {
                return turn.end(Reason::Interrupted, Known::Nothing);
            }
            replace::text_changed(turn, Then::Deploy(delivery.job, delivery.before), &live);
        }
        Answer::Failed(failure) => {
            turn.emit(Event::NotDone { op, why: failure.message.clone(), may_have_acted: failure.may_have_acted });
            if turn.is_leaving() {
                return turn.end(Reason::Interrupted, Known::Nothing);
            }
            let why = format!("the deploy could not be asked for or followed: {}", failure.message);
            let (is_open, is_rollback) = (failure.may_have_acted, matches!(delivery.job, Job::Rollback(_)));
            if is_open || is_rollback {
                let deployment = delivery.deployment();
                failure::begin(turn, delivery.job, Draft::Open(Cause::CouldNotAsk { why }), deployment);
            } else {
                turn.end(Reason::CouldNotAsk { why }, Known::Holds);
            }
        }
        _ => {}
    }
}

fn progressed(turn: &mut Turn, mut delivery: Delivery, progress: DeployProgress) {
    let purpose = delivery.job.purpose();
    match (progress, &mut delivery.step) {
        (DeployProgress::Queued { ahead, active, whose, since }, Leg::Called { queued, is_heard, is_told, until, resumed_until, .. }) => {
            *is_heard = true;
            // Not before it was found again: what is withdrawn before that would be sent anew.
            *until = resumed_until.take().map_or(*until, |until| until.max(turn.now + AFTER_LOOK));
            *is_told = false;
            let now = Some((ahead, active.clone()));
            if *queued != now {
                *queued = now;
                turn.emit(Event::Queued { purpose, ahead, active, whose, since });
            }
        }
        (DeployProgress::Started { deployment }, Leg::Called { op, .. } | Leg::Withdrawing { op, .. }) => {
            let op = *op;
            let within = turn.schedule().phase(delivery.job.timing()).within;
            // Seen before the run was cut off: its time went on.
            let known = turn.ledger().underway.deploy_for(&purpose).cloned();
            let known = known.filter(|deploy| deploy.row.as_ref().is_some_and(|(row, _)| *row == deployment));
            let until = if let Some((_, until)) = known.as_ref().and_then(|deploy| deploy.row.as_ref()) {
                (*until).max(turn.now + AFTER_LOOK)
            } else {
                let until = limit(turn, &delivery.job, within);
                turn.emit(Event::DeployStarted { purpose, deployment: deployment.clone(), until });
                until
            };
            delivery.step = match known.and_then(|deploy| deploy.overdue) {
                Some(until) => Leg::Overdue { op, deployment, until: until.max(turn.now + AFTER_LOOK) },
                None => Leg::Building { op, deployment, until, is_told: false },
            };
        }
        (DeployProgress::Unreachable { why }, Leg::Called { until, is_told, .. } | Leg::Building { until, is_told, .. }) => {
            if !*is_told {
                *is_told = true;
                turn.emit(Event::Holding { why, until: *until });
            }
            return turn.enter(Stage::Delivering(delivery));
        }
        (DeployProgress::Noticed { what }, _) => {
            turn.warn(what);
            return turn.enter(Stage::Delivering(delivery));
        }
        _ => return,
    }
    if turn.is_leaving() {
        return turn.end(Reason::Interrupted, Known::Nothing);
    }
    turn.enter(Stage::Delivering(delivery));
}

fn ended(turn: &mut Turn, delivery: Delivery, end: DeployEnd) {
    let purpose = delivery.job.purpose();
    let known = turn.ledger().underway.deploy_for(&purpose).cloned();
    let is_overdue = known.as_ref().is_some_and(|deploy| deploy.overdue.is_some());
    match end {
        DeployEnd::Finished { deployment, status, error } => {
            if known.is_none_or(|deploy| deploy.row.is_none()) {
                turn.emit(Event::DeployStarted { purpose: purpose.clone(), deployment: deployment.clone(), until: turn.now });
            }
            turn.emit(Event::DeployEnded { purpose, status, error: error.clone() });
            if turn.is_leaving() {
                return turn.end(Reason::Interrupted, Known::Nothing);
            }
            // Asked for while it was on its way: what it brought up is undone, however well it may be.
            if let (Job::Phase(_), Some(by), RowStatus::Done, false) = (&delivery.job, turn.ledger().asked.clone(), status, is_overdue) {
                return failure::begin_after(turn, delivery, Draft::Cause(Cause::Asked { by }), Some(deployment));
            }
            match status {
                _ if is_overdue => failure::begin_after(turn, delivery, Draft::Cause(Cause::DeployTimeout), Some(deployment)),
                RowStatus::Done => settle::begin(turn, delivery.job, delivery.before, Some(deployment)),
                RowStatus::Error | RowStatus::Cancelled => {
                    failure::begin_after(turn, delivery, Draft::Deploy { status, error }, Some(deployment));
                }
            }
        }
        DeployEnd::NeverStarted { evidence } => {
            failure::begin_after(turn, delivery, Draft::Cause(Cause::NeverStarted { evidence }), None);
        }
        DeployEnd::Orphaned { deployment, evidence } => {
            failure::begin_after(turn, delivery, Draft::Open(Cause::CouldNotAsk { why: evidence }), Some(deployment));
        }
        DeployEnd::Forgotten { evidence } => {
            failure::begin_after(turn, delivery, Draft::Open(Cause::CouldNotAsk { why: evidence }), None);
        }
        DeployEnd::Busy { title } => busy(turn, delivery.job, &title),
        DeployEnd::Overtaken { title } => {
            if turn.is_leaving() {
                return turn.end(Reason::Interrupted, Known::Nothing);
            }
            match &delivery.step {
                Leg::Called { marker, .. } => {
                    let marker = marker.clone();
                    ours::yield_to(turn, marker, in_the_way(&title));
                }
                _ => busy(turn, delivery.job, &title),
            }
        }
    }
}

/// Somebody else deploys the app: this run touches nothing more. A rollback did not come to its end then, and says so; one that meets another
/// run leaves the app to it.
pub(super) fn busy(turn: &mut Turn, job: Job, title: &str) {
    let who = in_the_way(title);
    match job {
        Job::Rollback(_) if !ours::is_title_of_a_run(title) && !back::is_by_hand(turn) => {
            failure::begin(turn, job, Draft::Cause(Cause::CouldNotAsk { why: who }), None);
        }
        Job::Phase(_) | Job::Rollback(_) => turn.end(Reason::Busy { who }, Known::Nothing),
    }
}

/// Who deploys the app, in words.
pub(super) fn in_the_way(title: &str) -> String {
    let who = if ours::is_title_of_a_run(title) { "another run of plan" } else { "somebody else" };
    format!("{who} deploys this app: \"{title}\"")
}

/// A deadline of the deploy is over.
pub(super) fn overdue(turn: &mut Turn, mut delivery: Delivery) {
    match delivery.step.clone() {
        Leg::Called { op, marker, .. } => {
            let withdrawal = turn.ask(Intent::Withdraw { marker });
            delivery.step = Leg::Withdrawing { op, withdrawal };
            turn.enter(Stage::Delivering(delivery));
        }
        Leg::Building { op, deployment, .. } => {
            let until = turn.now + turn.schedule().phase(delivery.job.timing()).within;
            turn.emit(Event::DeployOverdue { purpose: delivery.job.purpose(), until });
            delivery.step = Leg::Overdue { op, deployment, until };
            turn.enter(Stage::Delivering(delivery));
        }
        Leg::Overdue { op, deployment, .. } => {
            turn.abandon(op);
            failure::begin_after(turn, delivery, Draft::Open(Cause::DeployTimeout), Some(deployment));
        }
        Leg::Settling(_) | Leg::Soaking(_) | Leg::Withdrawing { .. } => {}
    }
}

/// Whether our job is out of the queue. If it is not, it may start at any time: nothing is touched.
fn withdrawn(turn: &mut Turn, delivery: Delivery, withdrawn: bool) {
    if let Some(op) = delivery.op() {
        turn.abandon(op);
    }
    if turn.is_leaving() {
        return turn.end(Reason::Interrupted, if withdrawn { Known::Holds } else { Known::Nothing });
    }
    let cause = Cause::QueueTimeout { withdrawn };
    let draft = if withdrawn { Draft::Cause(cause) } else { Draft::Open(cause) };
    failure::begin_after(turn, delivery, draft, None);
}
