//! How a run ended that something went wrong in, and how long that took to be noticed.

use super::properties::{self, Broken};
use super::rehearsal::Rehearsal;
use super::space::{Case, Mishap};
use crate::engine::{Ending, Event, Moment, Reason};
use crate::schedule::ServiceName;
use crate::world::Target;
use std::collections::BTreeSet;
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
    fn of(ending: &Ending, is_noticed: bool) -> Self {
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
        let noticed = noticed(case.at, struck, run, meant);
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
fn noticed(at: Moment, struck: Option<&ServiceName>, run: &Rehearsal, meant: &Rehearsal) -> Option<Moment> {
    let nothing = BTreeSet::new();
    let unwell_then = |of: &Rehearsal, moment: Moment| {
        of.unwell().iter().rev().find(|(since, _)| *since <= moment).map_or_else(|| nothing.clone(), |(_, names)| names.clone())
    };
    let by_round = run.unwell().iter().filter(|(since, _)| *since >= at).find(|(since, names)| {
        let also_meant = unwell_then(meant, *since);
        names.iter().any(|name| !also_meant.contains(name) && struck.is_none_or(|struck| struck == name))
    });
    let by_event = run.told().iter().find(|(since, event)| *since >= at && is_trouble(event));
    [by_round.map(|(since, _)| *since), by_event.map(|(since, _)| *since)].into_iter().flatten().min()
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
