//! Somebody asks, from another terminal, that the phase in flight be failed (`plan rollback` while a run is at work).
//!
//! It is a failure like any other, with a person as its cause. While a deploy of ours is on its way nothing can be undone, since Dokploy
//! cannot cancel (FACTS §6): the request waits for the row. A rollback is never rolled back, and between two phases there is nothing to
//! fail: the run stops there, on its verified state.

use super::containers::Before;
use super::deploy::Leg;
use super::failure::{self, Draft};
use super::stage::{Job, Stage, Then};
use super::turn::{Known, Turn};
use super::{Cause, DeployPurpose, Event, Reason, ours};

/// The request came.
pub(super) fn heard(turn: &mut Turn, by: String) {
    if turn.is_leaving() {
        return;
    }
    let stage = turn.stage().clone();
    if is_going_back(&stage) {
        return turn.warn(format!("{by} asked for the phase to be failed: a rollback is under way already, and is not rolled back"));
    }
    if turn.ledger().asked.is_some() {
        return;
    }
    turn.emit(Event::FailureAsked { by: by.clone() });
    match stage {
        Stage::Delivering(delivery) => match delivery.step {
            Leg::Settling(_) | Leg::Soaking(_) => failure::begin_after(turn, delivery, Draft::Cause(Cause::Asked { by }), None),
            // Its row decides when something may be done.
            Leg::Called { .. } | Leg::Withdrawing { .. } | Leg::Building { .. } | Leg::Overdue { .. } => {}
        },
        Stage::Failing(failing) => failure::asked(turn, *failing),
        Stage::Ours { op, next } => match *next {
            ours::Next::Verified(delivery) => {
                turn.abandon(op);
                failure::begin_after(turn, delivery, Draft::Cause(Cause::Asked { by }), None);
            }
            // It fails already, and is undone since somebody asked.
            ours::Next::Failed(..) | ours::Next::Stop(_) => {}
        },
        // A write is on its way: what follows it is asked when it is answered. Or the run gives way to another one.
        Stage::Replacing { .. } | Stage::KeepingPhase { .. } | Stage::Yielding { .. } => {}
        _ => stop(turn, &by),
    }
}

/// Whether a rollback is under way.
fn is_going_back(stage: &Stage) -> bool {
    match stage {
        Stage::Probing { .. }
        | Stage::Recounting { .. }
        | Stage::Proving { .. }
        | Stage::Stopping { .. }
        | Stage::SeeingStopped { .. }
        | Stage::LastLook { .. }
        | Stage::Replacing { purpose: DeployPurpose::Rollback(_), .. }
        | Stage::Replacing { then: Then::End, .. } => true,
        Stage::Delivering(delivery) => matches!(delivery.job, Job::Rollback(_)),
        Stage::Failing(failing) => failing.is_of_rollback(),
        Stage::Ours { next, .. } => next.is_of_rollback(),
        _ => false,
    }
}

/// Between two phases, or before the first: nothing is in flight.
fn stop(turn: &mut Turn, by: &str) {
    if turn.ledger().changed {
        let what = format!("{by} asked for it between two phases");
        return turn.end(Reason::GateNotHeld { what }, Known::Holds);
    }
    turn.end(Reason::Refused { why: vec![format!("{by} asked for it before anything was changed")] }, Known::Holds);
}

/// A phase's text is live and was not deployed yet, and somebody asked in the meantime: fails it. `true` if so.
pub(super) fn instead_of_deploy(turn: &mut Turn, job: &Job, before: &Before) -> bool {
    let (Job::Phase(_), Some(by)) = (job, turn.ledger().asked.clone()) else { return false };
    failure::begin_before(turn, job.clone(), before.clone(), Draft::Cause(Cause::Asked { by }));
    true
}

/// A phase is verified and another would follow, and somebody asked in the meantime: stops. `true` if so.
pub(super) fn instead_of_next(turn: &mut Turn) -> bool {
    let Some(by) = turn.ledger().asked.clone() else { return false };
    stop(turn, &by);
    true
}
