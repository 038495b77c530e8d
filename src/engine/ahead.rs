//! What each phase that a run would still send changes of what is there before it, by the texts alone: compose recreates what is defined
//! otherwise, and with it everything that depends on it (FACTS §13.3).

use super::{Position, Survey, first_phase};
use crate::compose::{Change, Composed, changed};
use crate::schedule::{PhaseId, Schedule, ServiceName, body_of};
use std::collections::{BTreeMap, BTreeSet};

/// What one phase changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// The phase.
    pub phase: PhaseId,
    /// Services that come.
    pub adds: BTreeSet<ServiceName>,
    /// Services that are defined otherwise, and so recreated.
    pub changes: BTreeSet<ServiceName>,
    /// Services that are as before and recreated all the same, with what they depend on that changes.
    pub recreates: BTreeMap<ServiceName, ServiceName>,
    /// Services that go.
    pub removes: BTreeSet<ServiceName>,
}

/// The phases that a run would begin with now, in order. A phase that is live and was never verified is not among them: whether it is sent
/// again is up to its services.
pub fn ahead(schedule: &Schedule, survey: &Survey, position: &Position) -> Vec<Ahead> {
    // A live text that is a phase's file differs from it by commits only, and the next phase has the same ones.
    let (first, live) = match position {
        Position::Phase(phase, _) => (phase.0 + 1, schedule.phase(*phase).text.as_str()),
        _ => (first_phase(schedule, survey).0, body_of(&survey.text)),
    };
    let texts = std::iter::once(live).chain(schedule.phases.iter().skip(first).map(|phase| phase.text.as_str()));
    let texts: Vec<Composed> = texts.map(Composed::of).collect();
    let between = |(at, pair): (usize, &[Composed])| {
        let Change { adds, changes, recreates, removes } = changed(&pair[0], &pair[1]);
        Ahead { phase: PhaseId(first + at), adds, changes, recreates, removes }
    };
    texts.windows(2).enumerate().map(between).collect()
}
