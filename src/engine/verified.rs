//! What a rollback may go back to. Promise 5 in types: [`super::rollback`] takes a [`Restore`], and one that names a phase is made of an
//! event that says the phase was verified.

use super::{Event, Target};
use crate::schedule::{PhaseId, ServiceName};
use std::collections::BTreeSet;

/// Something that was verified by samples. Made by [`Verified::phase`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verified<T> {
    what: T,
    services: BTreeSet<ServiceName>,
}

impl Verified<PhaseId> {
    /// The phase that this event says is verified, if it says so of one.
    pub(super) fn phase(event: &Event) -> Option<Self> {
        match event {
            Event::PhaseVerified { phase, services, .. } => Some(Self { what: *phase, services: services.clone() }),
            _ => None,
        }
    }

    pub(super) fn id(&self) -> PhaseId {
        self.what
    }

    pub(super) fn services(&self) -> &BTreeSet<ServiceName> {
        &self.services
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
    /// The last verified phase.
    Phase(Verified<PhaseId>),
    /// What was there before, which nobody claims was well.
    Baseline(Baseline),
}

impl Restore {
    pub(super) fn target(&self) -> Target {
        match self {
            Restore::Phase(phase) => Target::Phase(phase.id()),
            Restore::Baseline(_) => Target::Baseline,
        }
    }

    /// Services that must be healthy for the rollback to be verified.
    pub(super) fn required(&self) -> &BTreeSet<ServiceName> {
        match self {
            Restore::Phase(phase) => phase.services(),
            Restore::Baseline(baseline) => &baseline.healthy,
        }
    }

    /// Services that were not healthy before either.
    pub(super) fn not_held_against(&self) -> BTreeSet<ServiceName> {
        match self {
            Restore::Phase(_) => BTreeSet::new(),
            Restore::Baseline(baseline) => baseline.not_healthy.clone(),
        }
    }

    /// Whether nothing was healthy there, so that stopping loses nothing.
    pub(super) fn is_dead(&self) -> bool {
        matches!(self, Restore::Baseline(baseline) if baseline.healthy.is_empty())
    }
}
