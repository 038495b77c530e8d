//! What a rollback may go back to. Promise 5 in types: [`super::rollback`] takes a [`Restore`], and one that names a phase is made of
//! something that says the phase was verified: an event of this run, what a journal or bundle of this machine keeps, or the marker of the
//! live text. There is no other way to make a [`Verified`].

use super::{Event, Proof, Remembered, Target};
use crate::schedule::{Header, PhaseId, Schedule, ServiceName, is_phase};
use std::collections::BTreeSet;

/// Something that was verified by samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verified<T> {
    what: T,
    services: BTreeSet<ServiceName>,
}

/// A state that a run left, by the name it is kept under. Its text need not be of the plan as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub run: String,
    pub name: String,
}

impl Kept {
    fn target(&self) -> Target {
        Target::Kept { run: self.run.clone(), name: self.name.clone() }
    }
}

impl Verified<PhaseId> {
    /// The phase that this event says is verified, if it says so of one.
    pub(super) fn phase(event: &Event) -> Option<Self> {
        match event {
            Event::PhaseVerified { phase, services, .. } => Some(Self { what: *phase, services: services.clone() }),
            _ => None,
        }
    }

    /// The phase of the plan that a kept state is, if it was verified and its text is still the phase's.
    pub(super) fn remembered(state: &Remembered, schedule: &Schedule) -> Option<Self> {
        let what = schedule.phase_named(&state.name).filter(|phase| is_phase(schedule.phase(*phase), &state.text))?;
        let services = verified_services(state)?.intersection(&schedule.phase(what).services).cloned().collect();
        Some(Self { what, services })
    }

    /// What the marker of a live text says of a phase: of its own, whether it was verified; of the one before, that it was when this one
    /// was sent, since no run sends a phase before the one before it holds.
    pub(super) fn marked(phase: PhaseId, live: &str, schedule: &Schedule) -> Option<Self> {
        let header = Header::parse(live)?;
        let named = schedule.phase_named(&header.phase)?;
        let is_itself = phase == named && header.verified && header.files == schedule.phase(phase).digest;
        let is_before = phase.0 + 1 == named.0;
        (is_itself || is_before).then(|| Self { what: phase, services: schedule.phase(phase).services.clone() })
    }

    pub(super) fn id(&self) -> PhaseId {
        self.what
    }
}

impl Verified<Kept> {
    /// A kept state, if it was verified.
    pub(super) fn kept(state: &Remembered) -> Option<Self> {
        let what = Kept { run: state.run.clone(), name: state.name.clone() };
        Some(Self { what, services: verified_services(state)?.clone() })
    }
}

impl<T> Verified<T> {
    pub(super) fn services(&self) -> &BTreeSet<ServiceName> {
        &self.services
    }
}

fn verified_services(state: &Remembered) -> Option<&BTreeSet<ServiceName>> {
    match &state.proof {
        Proof::Verified(services) if !services.is_empty() => Some(services),
        Proof::Verified(_) | Proof::Found { .. } => None,
    }
}

/// What was there before the first change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Baseline {
    /// Services that were healthy then: going back means that they are healthy again.
    pub healthy: BTreeSet<ServiceName>,
    /// The others: named, not held against it.
    pub not_healthy: BTreeSet<ServiceName>,
}

/// Where a rollback goes, and what must hold there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Restore {
    /// A verified phase.
    Phase(Verified<PhaseId>),
    /// What was there before this run, which nobody claims was well.
    Baseline(Baseline),
    /// By hand: what another run left verified.
    Kept(Verified<Kept>),
    /// By hand: what another run found, which nobody claims was well.
    Found(Kept, Baseline),
}

impl Restore {
    /// By hand, what a kept state is: a phase of the plan if it still is one.
    pub(super) fn remembered(state: &Remembered, schedule: &Schedule) -> Option<Self> {
        if let Proof::Found { healthy, not_healthy } = &state.proof {
            let baseline = Baseline { healthy: healthy.clone(), not_healthy: not_healthy.clone() };
            return Some(Restore::Found(Kept { run: state.run.clone(), name: state.name.clone() }, baseline));
        }
        let phase = Verified::remembered(state, schedule).map(Restore::Phase);
        phase.or_else(|| Verified::kept(state).map(Restore::Kept))
    }

    pub(super) fn target(&self) -> Target {
        match self {
            Restore::Phase(phase) => Target::Phase(phase.id()),
            Restore::Baseline(_) => Target::Baseline,
            Restore::Kept(kept) => kept.what.target(),
            Restore::Found(kept, _) => kept.target(),
        }
    }

    /// Services that must be healthy for the rollback to be verified.
    pub(super) fn required(&self) -> &BTreeSet<ServiceName> {
        match self {
            Restore::Phase(phase) => phase.services(),
            Restore::Kept(kept) => kept.services(),
            Restore::Baseline(baseline) | Restore::Found(_, baseline) => &baseline.healthy,
        }
    }

    /// Services that were not healthy before either.
    pub(super) fn not_held_against(&self) -> BTreeSet<ServiceName> {
        match self {
            Restore::Phase(_) | Restore::Kept(_) => BTreeSet::new(),
            Restore::Baseline(baseline) | Restore::Found(_, baseline) => baseline.not_healthy.clone(),
        }
    }

    /// Whether nothing was healthy there, so that stopping loses nothing.
    pub(super) fn is_dead(&self) -> bool {
        matches!(self, Restore::Baseline(baseline) | Restore::Found(_, baseline) if baseline.healthy.is_empty())
    }
}
