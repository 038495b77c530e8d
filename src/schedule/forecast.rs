//! What can be said of a schedule before anything runs: how long it takes, for how long something broken may stay unnoticed, which services
//! are interrupted, and what a rollback cannot undo.

use super::lasting::{Lasting, Text, lasting};
use super::{PhaseId, Schedule, ServiceName, Times, Took, Unnoticed};
use crate::compose::{Change, Composed, causes, changed};
use crate::model::OnFailure;
use std::collections::{BTreeMap, BTreeSet};

/// What can be said of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// Of each phase, in order.
    pub phases: Vec<Foreseen>,
    /// How long all phases take, one after the other.
    pub in_all: Times,
}

/// What can be said of a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// How long it takes.
    pub times: Times,
    /// For how long something broken may stay unnoticed in it.
    pub unnoticed: Unnoticed,
    /// What its deploy changes of the phase before; of the first phase everything comes.
    pub change: Change,
    /// Services that it leaves as they are defined, and that are recreated all the same if what is built or pulled for them is another one.
    pub may_change: BTreeMap<ServiceName, MayChange>,
    /// Where a failure leads.
    pub back: Back,
    /// What stays of it then.
    pub lasting: Lasting,
}

/// Why a service that is not changed may be recreated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MayChange {
    /// It is built at each deploy, and its build cannot be fixed to a commit.
    Built,
    /// Its tag is pulled at each deploy.
    Pulled,
    /// It depends on this service, which is one of them.
    With(ServiceName),
}

/// Where a failure of a phase leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// To a verified phase.
    Phase(PhaseId),
    /// To what was found before the run's first change: nothing has verified it. What was healthy then must be healthy again; where nothing
    /// was, its text is put back and what the run started is stopped.
    Found,
    /// Nowhere: the run stops, and what failed stays.
    Nowhere,
}

/// Says what can be said. `took`: what phases took in runs that were.
pub fn forecast(schedule: &Schedule, took: &Took) -> Forecast {
    let (mut before, mut before_text) = (Composed::default(), Text::of(""));
    let mut phases = Vec::with_capacity(schedule.phases.len());
    for (at, phase) in schedule.phases.iter().enumerate() {
        let at = PhaseId(at);
        let text = Text::of(&phase.text);
        let after = text.composed();
        let (change, back_again) = (changed(&before, &after), changed(&after, &before));
        let back = match (phase.on_failure, at.0.checked_sub(1)) {
            (OnFailure::Stop, _) => Back::Nowhere,
            (_, None) => Back::Found,
            (_, Some(before)) => Back::Phase(PhaseId(before)),
        };
        phases.push(Foreseen {
            times: schedule.times(at, took),
            unnoticed: schedule.unnoticed(at),
            may_change: may_change(&before, &after, &text, &change),
            lasting: lasting(schedule, at, &before_text, &text, &change, &back_again),
            back,
            change,
        });
        (before, before_text) = (after, text);
    }
    Forecast { phases, in_all: schedule.times_in_all(took) }
}

fn may_change(before: &Composed, after: &Composed, text: &Text, change: &Change) -> BTreeMap<ServiceName, MayChange> {
    let (built, pulled) = (text.unpinned(), text.pulled());
    let was: BTreeSet<&ServiceName> = before.started.intersection(&after.started).filter(|name| !change.is_interrupted(name)).collect();
    let because = causes(&after.services, |name| before.started.contains(name) && (built.contains(name) || pulled.contains(name)));
    let why = |name: &ServiceName| {
        let with = || because.get(name.as_str()).map(|cause| MayChange::With((*cause).to_owned()));
        let own = if built.contains(name) { Some(MayChange::Built) } else { pulled.contains(name).then_some(MayChange::Pulled) };
        own.or_else(with)
    };
    was.into_iter().filter_map(|name| Some((name.clone(), why(name)?))).collect()
}
