//! Whether what came of a run is what a scenario expects: each expectation by itself, with what came instead.

use super::staged::{Expected, Scenario};
use super::witness::{Signs, Witness};
use crate::engine::{Cause, Event, Moment};
use crate::rehearse::{End, noticed};
use crate::schedule::{PhaseId, Schedule, ServiceName};
use crate::source::Spanned;
use crate::syntax::{Name, Wanted};
use crate::world::{Fault, Target};
use std::collections::BTreeSet;
use std::time::Duration;

/// What came of a scenario.
#[derive(Clone, Debug)]
pub struct Judged {
    /// How the run ended; `None`: it never does, which is a bug of `plan`.
    pub end: Option<End>,
    /// Its exit code.
    pub code: Option<u8>,
    /// How long it took.
    pub took: Duration,
    /// When each fault struck first, in the scenario's order. One that never did makes the scenario fail: it tested nothing.
    pub struck: Vec<(Spanned<Fault>, Option<Duration>)>,
    /// Every expectation and what came of it.
    pub findings: Vec<Finding>,
}

impl Judged {
    /// Whether everything is as expected, and every fault had something to break.
    pub fn holds(&self) -> bool {
        self.end.is_some() && self.findings.iter().all(|finding| finding.holds) && self.struck.iter().all(|(_, struck)| struck.is_some())
    }
}

/// One expectation and what came of it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was expected.
    pub expected: Expected,
    /// Whether it is so.
    pub holds: bool,
    /// What came.
    pub came: Came,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// The run ended so, after so long.
    End,
    /// The run ended with this code.
    Exit(Option<u8>),
    /// The phase was verified.
    Verified,
    /// The phase failed.
    Failed,
    /// The phase was begun, and neither verified nor failed.
    Begun,
    /// The phase never began.
    NeverBegun,
    /// The service was blamed so long after the strike.
    Blamed(Duration),
    /// The service was not blamed; these were.
    NotBlamed(BTreeSet<ServiceName>),
    /// The service is well at the end.
    Healthy,
    /// The service is there at the end, and not well.
    Unwell,
    /// The service is not there at the end.
    Gone,
    /// The first sign of trouble came so long after the strike.
    Noticed(Duration),
    /// Nothing shows that anything went wrong.
    Unnoticed,
}

/// Judges a run by what its scenario expects. `meant`: the signs of the run in which nothing goes wrong.
pub fn judge(scenario: &Scenario, schedule: &Schedule, witness: &Witness, meant: &Signs) -> Judged {
    let ended = witness.signs.ending();
    let took = ended.map_or_else(|| witness.signs.told.last().map_or(Duration::ZERO, |(at, _)| at.0), |(at, _)| at.0);
    let struck = scenario.faults.iter().zip(&witness.ended.struck).map(|(fault, (_, first))| (fault.clone(), *first)).collect();
    let case =
        Case { schedule, witness, notice: Strike::first(witness, |_| true).and_then(|strike| strike.noticed(&witness.signs, meant)) };
    let end = ended.map(|(_, ending)| End::of(ending, case.notice.is_some()));
    let findings = scenario.expected.iter().map(|expected| case.finding(expected, end.as_ref(), ended.map(|(_, e)| e.exit_code().0), took));
    Judged { findings: findings.collect(), code: ended.map(|(_, ending)| ending.exit_code().0), end, took, struck }
}

/// The first strike of some faults.
struct Strike<'a> {
    at: Moment,
    whom: Option<&'a ServiceName>,
}

impl<'a> Strike<'a> {
    fn first(witness: &'a Witness, counts: impl Fn(&Target) -> bool) -> Option<Self> {
        let all = witness.ended.struck.iter().filter(|(fault, _)| counts(&fault.target));
        let (fault, at) = all.filter_map(|(fault, at)| Some((fault, (*at)?))).min_by_key(|(_, at)| *at)?;
        let whom = if let Target::Service(name, _) = &fault.target { Some(name) } else { None };
        Some(Self { at: Moment(at), whom })
    }

    /// From the strike to the first sign of trouble.
    fn noticed(&self, run: &Signs, meant: &Signs) -> Option<Duration> {
        noticed(self.at, self.whom, (&run.told, &run.unwell), &meant.unwell).map(|at| at - self.at)
    }
}

/// A run under judgement.
struct Case<'a> {
    schedule: &'a Schedule,
    witness: &'a Witness,
    /// From the first strike to the first sign of trouble.
    notice: Option<Duration>,
}

impl Case<'_> {
    fn finding(&self, expected: &Expected, end: Option<&End>, code: Option<u8>, took: Duration) -> Finding {
        let in_time = |limit: &Option<Spanned<Duration>>, time: Duration| limit.is_none_or(|limit| time <= limit.value);
        let (holds, came) = match &expected.wanted {
            Wanted::Verified(limit) => (matches!(end, Some(End::Unharmed | End::Recovered)) && in_time(limit, took), Came::End),
            Wanted::RolledBack(to, limit) => {
                let there = |target: &String| to.as_ref().is_none_or(|to| to.value == *target);
                (matches!(end, Some(End::RolledBack(target)) if there(target)) && in_time(limit, took), Came::End)
            }
            Wanted::Stopped(limit) => (matches!(end, Some(End::Stopped(_))) && in_time(limit, took), Came::End),
            Wanted::Degraded(limit) => (matches!(end, Some(End::Degraded(_))) && in_time(limit, took), Came::End),
            Wanted::Exit(wanted) => (code.map(u64::from) == Some(wanted.value), Came::Exit(code)),
            Wanted::PhaseVerified(name) => self.is(name, &Came::Verified),
            Wanted::PhaseFailed(name) => self.is(name, &Came::Failed),
            Wanted::Healthy(name) => {
                let came = match self.witness.ended.truth.services.get(&name.value) {
                    Some(true) => Came::Healthy,
                    Some(false) => Came::Unwell,
                    None => Came::Gone,
                };
                (came == Came::Healthy, came)
            }
            Wanted::Blamed(name, limit) => match self.blamed(&name.value) {
                Some(after) => (in_time(limit, after), Came::Blamed(after)),
                None => (false, Came::NotBlamed(self.all_blamed().flat_map(|(_, services)| services).collect())),
            },
            Wanted::Noticed(limit) => {
                (self.notice.is_some_and(|after| in_time(limit, after)), self.notice.map_or(Came::Unnoticed, Came::Noticed))
            }
            Wanted::Unnoticed => (self.notice.is_none(), self.notice.map_or(Came::Unnoticed, Came::Noticed)),
        };
        Finding { expected: expected.clone(), holds, came }
    }

    fn is(&self, phase: &Name, wanted: &Came) -> (bool, Came) {
        let came = self.schedule.phase_named(&phase.value).map_or(Came::NeverBegun, |phase| self.phase(phase));
        (came == *wanted, came)
    }

    /// What became of a phase.
    fn phase(&self, wanted: PhaseId) -> Came {
        let mut came = Came::NeverBegun;
        for (_, event) in &self.witness.signs.told {
            match &**event {
                Event::PhaseStarted { phase } if *phase == wanted => came = Came::Begun,
                Event::PhaseVerified { phase, .. } if *phase == wanted => came = Came::Verified,
                Event::PhaseFailed { phase, .. } if *phase == wanted => came = Came::Failed,
                _ => {}
            }
        }
        came
    }

    /// From the strike that the service suffers from, else from the first, to when it is named as what failed.
    fn blamed(&self, service: &ServiceName) -> Option<Duration> {
        let own = Strike::first(self.witness, |target| matches!(target, Target::Service(name, _) if name == service));
        let strike = own.or_else(|| Strike::first(self.witness, |_| true));
        let since = strike.map_or(Moment::START, |strike| strike.at);
        let (at, _) = self.all_blamed().find(|(at, services)| *at >= since && services.contains(service))?;
        Some(at - since)
    }

    /// Services that are named as what failed, each time.
    fn all_blamed(&self) -> impl Iterator<Item = (Moment, BTreeSet<ServiceName>)> {
        self.witness.signs.told.iter().filter_map(|(at, event)| {
            let services = match &**event {
                Event::PhaseFailed { cause, .. } | Event::RollbackFailed { cause, .. } => named(cause),
                Event::NotHeld { services, .. } => services.iter().map(|failed| failed.service.clone()).collect(),
                _ => return None,
            };
            Some((*at, services))
        })
    }
}

/// Services that a cause names. Candidates are no names.
fn named(cause: &Cause) -> BTreeSet<ServiceName> {
    match cause {
        Cause::Deploy { services, candidates: false, .. } => services.clone(),
        Cause::Services { services, .. } => services.iter().map(|failed| failed.service.clone()).collect(),
        _ => BTreeSet::new(),
    }
}
