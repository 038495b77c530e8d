//! Joints: where paths that went differently may have come to the same. What follows is run once for all of them.
//!
//! A joint is right after a deploy ended, everything settled, a phase was verified, or a rollback began. What decides what follows is told by
//! the events so far (what is verified, what failed, where a rollback goes) and by the world (containers and what is to become of them, faults
//! in force, jobs in the queue), times only as far as they are still to come. `tests/merging.rs` compares the table with the one that is made
//! without joints, pairs included, and `tests/rehearsing.rs` the single faults of a larger plan.

use super::outcome::Tail;
use super::rehearsal::Rehearsal;
use crate::engine::{DeployPurpose, Event, Moment, Target, Undo};
use crate::schedule::PhaseId;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

/// What decides what follows from a joint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Begin {
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
        let mut past = Past::default();
        run.told().iter().for_each(|(_, event)| past.take(event));
        let text = past.text() + &past.marks + &past.soaks;
        let schedule = Arc::clone(run.schedule());
        let goes_to = past.goes_to.map(|phase| &schedule.phase(phase).services);
        Some(Self { past: text, world: run.signature(|service| goes_to.is_none_or(|services| services.contains(service))) })
    }
}

/// What of a run's past decides what follows.
#[derive(Debug, Default)]
struct Past {
    baseline: String,
    /// The last verified phase.
    verified: String,
    /// All of the way there.
    forward: String,
    failed: String,
    /// All of the way back.
    back: String,
    marks: String,
    /// Soaks that began anew since the last deploy: they have less time left than one that begins.
    soaks: String,
    /// The phase whose text is deployed on the way back: nothing but its services will be there.
    goes_to: Option<PhaseId>,
    /// Whether what was verified was deployed again. What went before, but for what failed, is of no consequence any more.
    is_put_back: bool,
}

impl Past {
    fn take(&mut self, event: &Event) {
        let is_back = |purpose: &DeployPurpose| matches!(purpose, DeployPurpose::Rollback(_));
        let way = |past: &mut Self, is_back: bool, text: String| if is_back { past.back += &text } else { past.forward += &text };
        match event {
            Event::BaselineTaken { healthy, not_healthy } => self.baseline = format!("b{healthy:?}{not_healthy:?}"),
            Event::PhaseVerified { phase, services, .. } => {
                self.verified = format!("v{}{services:?}", phase.0);
                self.forward += &self.verified;
                self.soaks.clear();
            }
            Event::PhaseFailed { phase, open, .. } => {
                self.failed = format!("f{}{open}", phase.0);
                self.forward += &self.failed;
            }
            Event::DeployEnded { purpose, status, .. } => {
                way(self, is_back(purpose), format!("d{purpose:?}{status:?}"));
                self.soaks.clear();
                self.is_put_back |= is_back(purpose);
            }
            Event::Settled { purpose, .. } => way(self, is_back(purpose), format!("s{purpose:?}")),
            Event::SoakRestarted { .. } => self.soaks.push('r'),
            Event::RollbackStarted { target, undo } => {
                add(&mut self.back, format_args!("g{target:?}{undo:?}"));
                self.goes_to = match (target, undo) {
                    (Target::Phase(phase), Undo::Redeploy) => Some(*phase),
                    _ => None,
                };
                self.soaks.clear();
            }
            Event::WarningBegan { expectation, .. } => add(&mut self.marks, format_args!("w{}", expectation.0)),
            Event::WarningOver { expectation, .. } => add(&mut self.marks, format_args!("o{}", expectation.0)),
            Event::NotDone { may_have_acted, .. } => add(&mut self.marks, format_args!("n{may_have_acted}")),
            Event::Resumed { .. } => self.marks.push('k'),
            _ => {}
        }
    }

    fn text(&self) -> String {
        let way = if self.is_put_back { format!("{}{}", self.verified, self.failed) } else { self.forward.clone() };
        format!("{}{way}{}", self.baseline, self.back)
    }
}

fn add(text: &mut String, what: fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = text.write_fmt(what);
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
