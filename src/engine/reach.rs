//! What an event speaks of by index, and whether a record's outline has that much: a journal that was changed by hand must not be able to
//! make a reader fall over.

use super::{Cause, DeployPurpose, Event, Outline, Position, Target};
use crate::schedule::{ExpectationId, GateId, PhaseId};

/// A record without an outline may speak of so many gates and expectations; more are in no plan.
const UNOUTLINED_MAX: usize = 10_000;

/// How many phases, gates and expectations there must be for something to make sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Phases.
    pub phases: usize,
    /// Gates.
    pub gates: usize,
    /// Expectations.
    pub expectations: usize,
}

impl Reach {
    fn phase(&mut self, PhaseId(at): PhaseId) {
        self.phases = self.phases.max(at.saturating_add(1));
    }

    fn gate(&mut self, GateId(at): GateId) {
        self.gates = self.gates.max(at.saturating_add(1));
    }

    fn expectation(&mut self, ExpectationId(at): ExpectationId) {
        self.expectations = self.expectations.max(at.saturating_add(1));
    }

    fn target(&mut self, target: &Target) {
        if let Target::Phase(phase) = target {
            self.phase(*phase);
        }
    }

    fn purpose(&mut self, purpose: &DeployPurpose) {
        match purpose {
            DeployPurpose::Phase(phase) | DeployPurpose::Mark(phase) => self.phase(*phase),
            DeployPurpose::Rollback(target) => self.target(target),
        }
    }

    fn cause(&mut self, cause: &Cause) {
        if let Cause::Expectations { samples } = cause {
            for (id, _) in samples {
                self.expectation(*id);
            }
        }
    }

    /// What an event speaks of.
    pub fn of(event: &Event) -> Self {
        let mut reach = Self::default();
        match event {
            Event::RunStarted { files, .. } => reach.phases = files.len(),
            Event::Surveyed { live: Position::Phase(phase, _), .. }
            | Event::NotHeld { phase, .. }
            | Event::PhaseStarted { phase }
            | Event::PhaseVerified { phase, .. } => reach.phase(*phase),
            Event::StartFound { after, to_run, .. } => after.iter().chain(to_run).for_each(|phase| reach.phase(*phase)),
            Event::GateAsked { gate, phase } => {
                reach.gate(*gate);
                reach.phase(*phase);
            }
            Event::GateHeld { gate }
            | Event::ApprovalAsked { gate, .. }
            | Event::ApprovalGiven { gate, .. }
            | Event::ApprovalNotGiven { gate, .. } => reach.gate(*gate),
            Event::GateNotHeld { gate, cause } => {
                reach.gate(*gate);
                reach.cause(cause);
            }
            Event::Replacing { purpose, .. }
            | Event::Replaced { purpose }
            | Event::Deploying { purpose, .. }
            | Event::Queued { purpose, .. }
            | Event::DeployStarted { purpose, .. }
            | Event::DeployOverdue { purpose, .. }
            | Event::DeployEnded { purpose, .. }
            | Event::Settled { purpose, .. } => reach.purpose(purpose),
            Event::PhaseFailed { phase, cause, .. } => {
                reach.phase(*phase);
                reach.cause(cause);
            }
            Event::TargetFound { target, .. } | Event::RollbackStarted { target, .. } | Event::RollbackVerified { target, .. } => {
                reach.target(target);
            }
            Event::RollbackFailed { target, cause, .. } => {
                reach.target(target);
                reach.cause(cause);
            }
            Event::WarningBegan { expectation, .. } | Event::WarningOver { expectation, .. } => reach.expectation(*expectation),
            Event::Round { services, others, asides } => {
                let samples = services.values().flat_map(|service| service.samples.keys());
                samples.chain(others.keys()).chain(asides.keys()).for_each(|at| reach.expectation(ExpectationId(*at)));
            }
            // These name nothing by index.
            _ => {}
        }
        reach
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            phases: self.phases.max(other.phases),
            gates: self.gates.max(other.gates),
            expectations: self.expectations.max(other.expectations),
        }
    }

    /// Whether there is no more in it than there is in `all`.
    pub fn is_within(self, all: Self) -> bool {
        self.phases <= all.phases && self.gates <= all.gates && self.expectations <= all.expectations
    }
}

impl Outline {
    /// How much there is of everything; `None` when the outline speaks of gates that it does not have.
    pub fn reach(&self) -> Option<Reach> {
        let all = Reach { phases: self.phases.len(), gates: self.gates.len(), expectations: self.expectations.len() };
        let mut named = Reach::default();
        self.phases.iter().flat_map(|phase| &phase.gates).for_each(|gate| named.gate(*gate));
        named.is_within(all).then_some(all)
    }
}

impl Event {
    /// How much the events of a run that begins or goes on so may speak of. `None` for any other event, or when it makes no sense.
    pub fn bounds(&self) -> Option<Reach> {
        let (files, outline) = match self {
            Event::RunStarted { files, outline, .. } => (files, outline),
            Event::Resumed { outline: Some(outline), .. } => return outline.reach(),
            _ => return None,
        };
        match outline {
            Some(outline) => outline.reach().filter(|all| all.phases == files.len()),
            None => Some(Reach { phases: files.len(), gates: UNOUTLINED_MAX, expectations: UNOUTLINED_MAX }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Moment, Origin};

    fn started(files: usize, outline: Option<Outline>) -> Event {
        Event::RunStarted {
            run: "r".to_owned(),
            rollout: "r".to_owned(),
            app: "a/b/c".to_owned(),
            files: vec![(String::new(), String::new()); files],
            origin: Origin::default(),
            outline: outline.map(Box::new),
            options: Box::default(),
        }
    }

    #[test]
    fn what_a_record_speaks_of_must_be_in_it() {
        let all = started(2, None).bounds().unwrap();
        let within = |event: Event| Reach::of(&event).is_within(all);
        assert!(within(Event::PhaseStarted { phase: PhaseId(1) }));
        assert!(!within(Event::PhaseStarted { phase: PhaseId(2) }));
        assert!(!within(Event::PhaseStarted { phase: PhaseId(usize::MAX) }));
        let purpose = DeployPurpose::Rollback(Target::Phase(PhaseId(7)));
        assert!(!within(Event::Settled { purpose, until: Moment::START }));
        assert!(within(Event::GateHeld { gate: GateId(9) }), "without an outline nobody knows how many gates there are");
        assert!(!within(Event::GateHeld { gate: GateId(usize::MAX) }));
        assert_eq!(Event::Agreed.bounds(), None);
    }
}
