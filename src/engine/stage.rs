//! Where the work stands: one variant for each thing that a run can be waiting for, with just what that wait needs.
//!
//! ```text
//! New → Finding → Locking → Surveying → Asserting? → Resolving? → Previewing? → Confirming → KeepingBaseline → TakingBaseline
//!   → per phase: Gate* Approval* Earlier → Replacing → Delivering(called → building → settling → soaking) → KeepingPhase → Replacing(mark)
//!   → on failure: Failing(inquiry → logs → evidence → policy) → RollingBack(probe) → Replacing → Proving | Stopping | Delivering → Ended
//! ```

use super::containers::Before;
use super::deploy::Delivery;
use super::failure::Failing;
use super::judgement::Assertion;
use super::ours;
use super::rollback::Way;
use super::turn::Turn;
use super::watch::Watch;
use super::{DeployPurpose, Moment, OpId, Outline};
use crate::schedule::{GateId, PhaseId};
use std::time::Duration;

/// What a run waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// To begin.
    #[default]
    New,
    /// For the app to be found.
    Finding { op: OpId },
    /// For the app to be ours on this machine. `held`: by whom it is, and until when that one is waited for.
    Locking { op: OpId, held: Option<Held> },
    /// By hand: for the run that holds the app to take the request to fail its phase. `lock`: taking the app goes on meanwhile.
    AskingHolder { op: OpId, lock: OpId, holder: String },
    /// To go on after it was cut off.
    Resuming { gap: Duration, changed: Vec<String>, outline: Option<Box<Outline>> },
    /// Whether what this run brought up before it was cut off still holds; with the rollback that brought it, if one did.
    Reasserting { assertion: Assertion, way: Option<Way> },
    /// For everything that pre-flight reads.
    Surveying { op: OpId },
    /// Whether what is live holds.
    Asserting { candidate: PhaseId, assertion: Assertion },
    /// By hand: whether what is to be gone back to, which is live, holds.
    AssertingTarget { assertion: Assertion },
    /// For the commits of git references.
    Resolving { op: OpId },
    /// For one round of the gates to come, to tell of those that do not hold.
    Previewing { watch: Watch },
    /// For the user to agree.
    Confirming { op: OpId },
    /// For the live text to be on disk.
    KeepingBaseline { op: OpId },
    /// By hand: for the text that is gone back to to be on disk, too.
    KeepingTarget { op: OpId },
    /// By hand: for one round of what runs, right before the way back.
    LookingBack { way: Way, watch: Watch },
    /// For one round of what is there before the first change.
    TakingBaseline { assertion: Assertion },
    /// Whether a gate holds.
    Gate { phase: PhaseId, gate: GateId, assertion: Assertion, rest: Vec<Check> },
    /// For a person.
    Approval { phase: PhaseId, gate: GateId, op: OpId, until: Moment, rest: Vec<Check> },
    /// Whether the services delivered earlier hold, right before a deploy or after an approval.
    Earlier { phase: PhaseId, assertion: Assertion, rest: Vec<Check> },
    /// For a text to be live.
    Replacing { op: OpId, purpose: DeployPurpose, then: Then },
    /// For a deploy to end, settle and soak.
    Delivering(Delivery),
    /// Whether the app is still this run's, before anything is said or done that takes it for granted.
    Ours { op: OpId, next: Box<ours::Next> },
    /// For our deploy to be out of the queue, where it waits behind somebody else's. The run ends then.
    Yielding { op: OpId, who: String },
    /// For a verified text to be on disk.
    KeepingPhase { phase: PhaseId, op: OpId },
    /// For the evidence of a failure, and for what to do about it.
    Failing(Box<Failing>),
    /// For the one round that decides how to roll back.
    Probing { way: Way, before: Before, watch: Watch },
    /// For the host's containers, where the app had none before and shows none now: an empty list alone says nothing.
    Recounting { way: Way, op: OpId },
    /// Whether the services hold after only the text was put back.
    Proving { way: Way, assertion: Assertion },
    /// For the app's containers to be stopped.
    Stopping { way: Way, op: OpId },
    /// For the sight of stopped containers.
    SeeingStopped { way: Way, watch: Watch, until: Moment },
    /// For one round of everything that may run, after a rollback failed: what the user is told must be so now.
    LastLook { watch: Watch },
    /// For nothing.
    Ended,
}

/// Another run that holds the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// Who, in words.
    pub holder: String,
    /// Until when it is waited for.
    pub until: Moment,
}

/// What is still to be checked before a phase is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// A gate's expectations.
    Expectations(GateId),
    /// A gate's approval.
    Approval(GateId),
    /// The services delivered earlier.
    Earlier,
}

/// What follows when a text is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It is deployed.
    Deploy(Job, Before),
    /// Nothing: it only marks a verified phase.
    Next(PhaseId),
    /// What runs is proved to hold.
    Prove(Way),
    /// What runs is stopped.
    Stop(Way),
    /// Nothing: it only marks a verified rollback, and the run ends.
    End,
}

/// What is being brought up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// A phase.
    Phase(PhaseId),
    /// What was verified before.
    Rollback(Way),
}

impl Job {
    pub(super) fn purpose(&self) -> DeployPurpose {
        match self {
            Job::Phase(phase) => DeployPurpose::Phase(*phase),
            Job::Rollback(way) => DeployPurpose::Rollback(way.restore.target()),
        }
    }

    /// The phase that is at stake.
    pub(super) fn phase(&self) -> PhaseId {
        match self {
            Job::Phase(phase) => *phase,
            Job::Rollback(way) => way.failed,
        }
    }

    /// The phase whose time limits hold: a baseline has none of its own and takes those of the phase that failed.
    pub(super) fn timing(&self) -> PhaseId {
        match self {
            Job::Phase(phase) => *phase,
            Job::Rollback(way) => match way.restore.target() {
                super::Target::Phase(phase) => phase,
                super::Target::Baseline | super::Target::Kept { .. } => way.failed,
            },
        }
    }
}

impl Stage {
    /// The watch of this stage, if it has one.
    pub(super) fn watch(&self) -> Option<&Watch> {
        match self {
            Stage::Asserting { assertion, .. }
            | Stage::Reasserting { assertion, .. }
            | Stage::TakingBaseline { assertion }
            | Stage::AssertingTarget { assertion }
            | Stage::Gate { assertion, .. }
            | Stage::Earlier { assertion, .. }
            | Stage::Proving { assertion, .. } => Some(&assertion.watch),
            Stage::Previewing { watch }
            | Stage::LastLook { watch }
            | Stage::Probing { watch, .. }
            | Stage::LookingBack { watch, .. }
            | Stage::SeeingStopped { watch, .. } => Some(watch),
            Stage::Delivering(delivery) => delivery.watch(),
            _ => None,
        }
    }

    pub(super) fn watch_mut(&mut self) -> Option<&mut Watch> {
        match self {
            Stage::Asserting { assertion, .. }
            | Stage::Reasserting { assertion, .. }
            | Stage::TakingBaseline { assertion }
            | Stage::AssertingTarget { assertion }
            | Stage::Gate { assertion, .. }
            | Stage::Earlier { assertion, .. }
            | Stage::Proving { assertion, .. } => Some(&mut assertion.watch),
            Stage::Previewing { watch }
            | Stage::LastLook { watch }
            | Stage::Probing { watch, .. }
            | Stage::LookingBack { watch, .. }
            | Stage::SeeingStopped { watch, .. } => Some(watch),
            Stage::Delivering(delivery) => delivery.watch_mut(),
            _ => None,
        }
    }

    /// When waiting ends, whatever else happens. Judged between rounds, never in the middle of one.
    pub(super) fn deadline(&self) -> Option<Moment> {
        match self {
            Stage::Asserting { assertion, .. }
            | Stage::Reasserting { assertion, .. }
            | Stage::TakingBaseline { assertion }
            | Stage::AssertingTarget { assertion }
            | Stage::Gate { assertion, .. }
            | Stage::Earlier { assertion, .. }
            | Stage::Proving { assertion, .. } => Some(assertion.until),
            Stage::Approval { until, .. } | Stage::SeeingStopped { until, .. } => Some(*until),
            Stage::Locking { held, .. } => held.as_ref().map(|held| held.until),
            Stage::Delivering(delivery) => delivery.deadline(),
            Stage::Failing(failing) => failing.deadline(),
            _ => None,
        }
    }

    /// Nobody was at work for so long. What is waited for here waits as long again; what Dokploy does went on, and is looked at, within
    /// `look`, before its time is called over; an approval's time is over when it is.
    pub(super) fn put_off(&mut self, turn: &Turn, gap: Duration, look: Duration) {
        match self {
            Stage::Asserting { assertion, .. }
            | Stage::TakingBaseline { assertion }
            | Stage::Gate { assertion, .. }
            | Stage::Earlier { assertion, .. } => assertion.until = turn.no_longer_than_the_run(assertion.until + gap),
            Stage::Proving { assertion, .. } => assertion.until = assertion.until + gap,
            Stage::SeeingStopped { until, .. } => *until = *until + gap,
            Stage::Delivering(delivery) => delivery.put_off(turn, look),
            Stage::Failing(failing) => failing.put_off(gap),
            _ => {}
        }
    }

    /// The next moment at which this stage does something by itself.
    pub(super) fn next_wake(&self) -> Option<Moment> {
        match self.watch() {
            Some(watch) if watch.is_asking() => Some(watch.next_wake()),
            Some(watch) => Some(self.deadline().map_or(watch.next_wake(), |deadline| deadline.min(watch.next_wake()))),
            None => self.deadline(),
        }
    }

    /// Whether this lock is being taken.
    pub(super) fn is_locking(&self, op: OpId) -> bool {
        matches!(self, Stage::Locking { op: awaited, .. } | Stage::AskingHolder { lock: awaited, .. } if *awaited == op)
    }

    /// Whether a call that changes something was sent and not answered: an interrupt waits for it.
    pub(super) fn is_writing(&self) -> bool {
        match self {
            Stage::Replacing { .. } | Stage::Stopping { .. } | Stage::Yielding { .. } => true,
            Stage::Delivering(delivery) => delivery.is_writing(),
            _ => false,
        }
    }

    /// The call that [`Self::is_writing`] is about.
    pub(super) fn writes(&self) -> Option<OpId> {
        match self {
            Stage::Replacing { op, .. } | Stage::Stopping { op, .. } => Some(*op),
            Stage::Delivering(delivery) if delivery.is_writing() => delivery.op(),
            _ => None,
        }
    }

    /// Whether a deploy of ours may still be on its way.
    pub(super) fn is_deploying(&self) -> bool {
        matches!(self, Stage::Delivering(delivery) if delivery.watch().is_none())
    }
}
