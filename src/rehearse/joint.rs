//! Joints: where paths that went differently may have come to the same. What follows is run once for all of them.
//!
//! A joint is right after a deploy ended, everything settled, a phase was verified, or a rollback began. What decides what follows is told by
//! the events so far (what is verified, what failed, where a rollback goes) and by the world (containers and what is to become of them, faults
//! in force, jobs in the queue), times only as far as they are still to come. `tests/rehearsing.rs` compares the table with the one that is
//! made without joints.

use super::outcome::Tail;
use super::rehearsal::Rehearsal;
use crate::engine::{Event, Moment};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// What decides what follows from a joint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Begin {
    past: String,
    world: u64,
    sketch: Sketch,
}

/// How a rollback begins, in what can matter to it: what failed and where it goes, which containers there are in which state, what is still
/// wrong. Moments are left out: whatever else goes wrong is tried at moments of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sketch {
    past: String,
    world: u64,
}

impl Begin {
    /// Of a run that is at a joint. `None`: the run's own time is so far gone that it may decide, too.
    pub(super) fn of(run: &mut Rehearsal) -> Option<Self> {
        let limit = run.schedule().limits.run;
        if run.now().0 > limit / 2 {
            return None;
        }
        let (mut past, mut marks) = (String::new(), String::new());
        for (_, event) in run.told() {
            let _ = match &**event {
                Event::BaselineTaken { healthy, not_healthy } => write!(past, "b{healthy:?}{not_healthy:?}"),
                Event::PhaseVerified { phase, services, .. } => write!(past, "v{}{services:?}", phase.0),
                Event::PhaseFailed { phase, open, .. } => write!(past, "f{}{open}", phase.0),
                Event::DeployEnded { purpose, status, .. } => write!(past, "d{purpose:?}{status:?}"),
                Event::Settled { purpose, .. } => write!(past, "s{purpose:?}"),
                // A soak that began anew has less time left than one that begins.
                Event::SoakRestarted { .. } => write!(marks, "r"),
                Event::RollbackStarted { target, undo } => write!(past, "g{target:?}{undo:?}"),
                Event::WarningBegan { expectation, .. } => write!(marks, "w{}", expectation.0),
                Event::WarningOver { expectation, .. } => write!(marks, "o{}", expectation.0),
                Event::NotDone { may_have_acted, .. } => write!(marks, "n{may_have_acted}"),
                Event::Warned { .. } => write!(marks, "!"),
                Event::Resumed { .. } => write!(marks, "k"),
                _ => continue,
            };
        }
        let sketch = Sketch { past: past.clone(), world: run.sketch() };
        Some(Self { past: past + &marks, world: run.signature(), sketch })
    }

    pub(super) fn sketch(&self) -> Sketch {
        self.sketch.clone()
    }
}

/// The tails that are known.
#[derive(Debug, Default)]
pub(super) struct Tails(Mutex<BTreeMap<Begin, Arc<Tail>>>);

impl Tails {
    pub(super) fn find(&self, begin: &Begin) -> Option<Arc<Tail>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(begin).cloned()
    }

    pub(super) fn learn(&self, begins: impl IntoIterator<Item = (Begin, Moment)>, tail: impl Fn(Moment) -> Tail) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (begin, at) in begins {
            known.entry(begin).or_insert_with(|| Arc::new(tail(at)));
        }
    }
}
