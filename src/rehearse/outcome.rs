//! How a run ended that something went wrong in, and how long that took to be noticed.

use super::held;
use super::joint::Begin;
use super::properties::{self, Broken};
use super::rehearsal::Rehearsal;
use super::space::{Case, Mishap};
use crate::engine::{Ending, Event, Moment, Reason};
use crate::schedule::ServiceName;
use crate::world::Target;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How a run ended, from best to worst.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// As it was meant to, and nothing was noticed of what went wrong.
    Unharmed,
    /// As it was meant to, though something was noticed.
    Recovered,
    /// Back in a state that was verified before, or in the one before the run, and verified there.
    RolledBack(String),
    /// Stopped for a human on a verified state, or before anything was changed.
    Stopped(u8),
    /// What is live is not verified, or nobody knows what is live.
    Degraded(u8),
}

impl End {
    /// Of an ending.
    pub fn of(ending: &Ending, is_noticed: bool) -> Self {
        match ending.exit_code().0 {
            0 if is_noticed => Self::Recovered,
            0 => Self::Unharmed,
            4 => Self::RolledBack(ending.live.clone().unwrap_or_else(|| "baseline".to_owned())),
            code @ (5 | 10) => Self::Degraded(code),
            code => Self::Stopped(code),
        }
    }
}

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How the run ended.
    pub end: End,
    /// From the strike to the first event or round that shows it; `None`: nothing does.
    pub noticed: Option<Duration>,
    /// The whole run.
    pub took: Duration,
    /// The gate that did not hold, if the run ended by one.
    pub gate: Option<String>,
    /// Properties that do not hold on this path.
    pub broken: Vec<Broken>,
}

impl Outcome {
    /// Of a run that ended. `meant` is the run without the case.
    pub(super) fn of(case: &Case, run: &mut Rehearsal, meant: &Rehearsal) -> Self {
        let struck = struck(&case.mishap);
        let noticed = noticed_in(case.at, struck, run, meant);
        let Some(ending) = run.ending().cloned() else {
            let (broken, took) = (vec![Broken::NeverEnds], run.now().0);
            return Self { end: End::Degraded(10), noticed: noticed.map(|at| at - case.at), took, gate: None, broken };
        };
        let broken = properties::broken(case, run, &ending, noticed);
        let gate = match &ending.reason {
            Reason::GateNotHeld { what } => Some(what.clone()),
            _ => None,
        };
        let end = End::of(&ending, noticed.is_some());
        Self { end, noticed: noticed.map(|at| at - case.at), took: run.now().0, gate, broken }
    }
}

/// What follows from a joint on: the same for every past that comes to it alike.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    end: Option<Ending>,
    /// From the joint to the first sign of trouble after it.
    noticed: Option<Duration>,
    /// From the joint to the end.
    pub(super) took: Duration,
    gate: Option<String>,
    broken: Vec<Broken>,
    /// The rollback that it leads to, if it does.
    pub(super) back: Option<Begin>,
}

impl Tail {
    /// Of a run that ended, from a moment of it on. `back`: the rollback that it led to.
    pub(super) fn of(joint: Moment, case: &Case, outcome: &Outcome, back: Option<&Begin>, run: &Rehearsal, meant: &Rehearsal) -> Self {
        Self {
            end: run.ending().cloned(),
            noticed: noticed_in(joint, struck(&case.mishap), run, meant).map(|at| at - joint),
            took: run.now() - joint,
            gate: outcome.gate.clone(),
            broken: outcome.broken.clone(),
            back: back.filter(|_| run.rollback_began().is_none_or(|began| began >= joint)).cloned(),
        }
    }

    /// Of a run that came to a joint whose tail is known, from an earlier moment of it on.
    pub(super) fn joined(
        joint: Moment,
        case: &Case,
        outcome: &Outcome,
        back: Option<&Begin>,
        run: &Rehearsal,
        meant: &Rehearsal,
        rest: &Self,
    ) -> Self {
        let till_rest = run.now() - joint;
        let so_far = Self::of(joint, case, outcome, back, run, meant);
        Self {
            end: rest.end.clone(),
            noticed: so_far.noticed.or(rest.noticed.map(|after| after + till_rest)),
            took: rest.took + till_rest,
            ..so_far
        }
    }
}

impl Outcome {
    /// Of a run that came to a joint whose tail is known.
    pub(super) fn joined(case: &Case, joint: Moment, tail: &Tail, run: &Rehearsal, meant: &Rehearsal) -> Self {
        let seen = noticed_in(case.at, struck(&case.mishap), run, meant).or_else(|| tail.noticed.map(|after| joint + after));
        let end = tail.end.as_ref().map_or(End::Degraded(10), |ending| End::of(ending, seen.is_some()));
        let took = joint.0 + tail.took;
        // What was said before the joint is this path's own.
        let broken: BTreeSet<Broken> = tail.broken.iter().cloned().chain(held::broken(run.schedule(), case, run)).collect();
        Self { end, noticed: seen.map(|at| at - case.at), took, gate: tail.gate.clone(), broken: broken.into_iter().collect() }
    }
}

/// The service that a mishap strikes, if it is one.
pub(super) fn struck(mishap: &Mishap) -> Option<&ServiceName> {
    match mishap {
        Mishap::Fault(fault) => match &fault.target {
            Target::Service(name, _) => Some(name),
            _ => None,
        },
        Mishap::Killed(_) => None,
    }
}

/// The first moment at which the run shows that something is not as it was meant to be.
fn noticed_in(at: Moment, struck: Option<&ServiceName>, run: &Rehearsal, meant: &Rehearsal) -> Option<Moment> {
    noticed(at, struck, (run.told(), run.unwell()), meant.unwell())
}

/// Services that are not well, each time these become others, and from when on.
type Unwell = [(Moment, BTreeSet<ServiceName>)];

/// The first moment from `at` on at which a run shows, by what it told and by who was unwell, that something is not as it was meant to be.
/// `struck`: the service that something happened to; `meant`: who is unwell when nothing happens.
pub fn noticed(
    at: Moment,
    struck: Option<&ServiceName>,
    (told, unwell): (&[(Moment, Arc<Event>)], &Unwell),
    meant: &Unwell,
) -> Option<Moment> {
    // A service that is also unwell later where nothing goes wrong, since it has yet to come up, is told apart by events only.
    let is_unwell =
        |of: &Unwell, name: &ServiceName| of.iter().find(|(since, names)| *since >= at && names.contains(name)).map(|(since, _)| *since);
    let by_round = struck.filter(|name| is_unwell(meant, name).is_none()).and_then(|name| is_unwell(unwell, name));
    let by_event = told.iter().find(|(since, event)| *since >= at && is_trouble(event));
    [by_round, by_event.map(|(since, _)| *since)].into_iter().flatten().min()
}

/// Whether an event tells of something that is not as it was meant to be.
fn is_trouble(event: &Event) -> bool {
    match event {
        Event::PhaseFailed { .. }
        | Event::NotHeld { .. }
        | Event::GateNotHeld { .. }
        | Event::SoakRestarted { .. }
        | Event::Holding { .. }
        | Event::NotDone { .. }
        | Event::DeployOverdue { .. }
        | Event::ApprovalNotGiven { .. }
        | Event::RollbackFailed { .. }
        | Event::Overslept { .. }
        | Event::Resumed { .. }
        | Event::Warned { .. } => true,
        Event::RunEnded { ending } => ending.exit_code().0 != 0,
        _ => false,
    }
}
