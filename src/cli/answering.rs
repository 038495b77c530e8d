//! Who answers a run's questions: people, or nobody but the command line, and in the sandbox the faults that speak for a gate's approver.

use crate::drive::{Approve, AsTold, Automatic, Confirmation, People, Told};
use crate::engine::Approver;
use crate::sandbox::Sandbox;
use crate::schedule::{GateId, PhaseId, Schedule};
use crate::world::{Fault, GateFault, Target};
use std::collections::{BTreeMap, BTreeSet};

/// Who answers questions.
pub(super) enum Answering {
    People(People),
    /// The sandbox itself, when nobody is at a terminal; what the command line answers comes first.
    Nobody(BTreeMap<GateId, Approver>),
    /// Some gates as their faults say, everything else as another does.
    Faults {
        gates: BTreeSet<GateId>,
        told: AsTold<Box<dyn Fn(GateId) -> Told>>,
        others: Box<Answering>,
    },
}

impl Answering {
    /// The same, but for the gates that a fault speaks for: those are answered as the sandbox's world says at that moment.
    pub(super) fn but_for(self, schedule: &Schedule, faults: &[Fault], sandbox: &Sandbox) -> Self {
        let gates = answered_by_faults(schedule, faults);
        if gates.is_empty() {
            return self;
        }
        let (sandbox, names) = (sandbox.access(), schedule.gates.iter().map(|gate| gate.name.clone()).collect::<Vec<_>>());
        let told = move |gate: GateId| match sandbox.with_world(|world, now| world.approval(now, &names[gate.0])) {
            None => Told::Yes,
            Some(GateFault::Refused) => Told::No,
            Some(GateFault::Silent) => Told::Nothing,
        };
        Self::Faults { gates, told: AsTold(Box::new(told)), others: Box::new(self) }
    }
}

/// Gates that a fault speaks for.
pub(super) fn answered_by_faults(schedule: &Schedule, faults: &[Fault]) -> BTreeSet<GateId> {
    let named = |gate: &str| faults.iter().any(|fault| matches!(&fault.target, Target::Gate(name, _) if name == gate));
    let answered = schedule.gates.iter().enumerate().filter(|(_, gate)| gate.approval.is_some() && named(&gate.name));
    answered.map(|(at, _)| GateId(at)).collect()
}

impl Approve for Answering {
    async fn confirm(&self, after: Option<PhaseId>) -> Confirmation {
        match self {
            Self::People(people) => people.confirm(after).await,
            Self::Nobody(_) => Automatic.confirm(after).await,
            Self::Faults { others, .. } => Box::pin(others.confirm(after)).await,
        }
    }

    async fn rollback(&self, failed: PhaseId) -> Confirmation {
        match self {
            Self::People(people) => people.rollback(failed).await,
            Self::Nobody(_) => Automatic.rollback(failed).await,
            Self::Faults { others, .. } => Box::pin(others.rollback(failed)).await,
        }
    }

    fn answered_elsewhere(&self) {
        match self {
            Self::People(people) => people.answered_elsewhere(),
            Self::Nobody(_) => {}
            Self::Faults { others, .. } => others.answered_elsewhere(),
        }
    }

    async fn approve(&self, gate: GateId) -> (Approver, bool) {
        match self {
            Self::People(people) => people.approve(gate).await,
            Self::Nobody(given) => match given.get(&gate) {
                Some(who) => (who.clone(), true),
                None => Automatic.approve(gate).await,
            },
            Self::Faults { gates, told, .. } if gates.contains(&gate) => told.approve(gate).await,
            Self::Faults { others, .. } => Box::pin(others.approve(gate)).await,
        }
    }
}
