//! What must be so on every path, whatever goes wrong. Computed from the run's events and from the world's truth, never from what the engine
//! says of itself.

use super::held;
use super::outcome::struck;
use super::rehearsal::Rehearsal;
use super::space::Case;
use crate::engine::{DeployPurpose, Ending, Event, Moment, Target};
use crate::model::Probe;
use crate::schedule::{ExpectationId, PhaseId, Schedule, ServiceName};
use crate::world::Truth;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A property that does not hold on a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    /// It waits for something that will never come.
    NeverEnds,
    /// The end says that this is verified, and a service of it is not well; and it was unwell for longer than goes unnoticed.
    VerifiedAndUnwell(ServiceName),
    /// The end says that this is verified, and a service of it is not there.
    VerifiedAndMissing(ServiceName),
    /// One intent was deployed so often.
    DeployedTwice(String),
    /// A deploy took away a service that ran and that it was not said to remove.
    Removed(ServiceName),
    /// A service that is down for good went unnoticed for longer than it may.
    NoticedLate(ServiceName, Duration),
    /// It took longer than its limits allow.
    TookTooLong(Duration),
    /// A service settled with fewer passes in a row than the plan asks for.
    ShortRow(ServiceName),
    /// Something was called verified that had held for so long only, less than its soak.
    VerifiedTooSoon(String, Duration),
    /// A phase was called verified although a service of it restarted during its soak.
    AnotherContainer(ServiceName),
    /// Something was called verified long after the containers could be looked at for the last time.
    VerifiedUnseen(String),
    /// A phase failed so soon after its deploy for a service that may still settle.
    JudgedTooEarly(ServiceName, Duration),
    /// A rollback goes to the first of these, and the second is what was verified last.
    WrongWayBack(String, String),
    /// A rollback began before the evidence of this phase's failure was kept.
    NoEvidence(String),
    /// This gate was passed, and its approver did not say yes.
    WithoutAYes(String),
}

/// Every property that does not hold.
pub(super) fn broken(case: &Case, run: &mut Rehearsal, ending: &Ending, noticed: Option<Moment>) -> Vec<Broken> {
    let schedule = std::sync::Arc::clone(run.schedule());
    let truth = run.truth();
    let mut broken = BTreeSet::new();
    broken.extend(dishonest(&schedule, case, run, ending, &truth));
    broken.extend(deployed_twice(&truth));
    broken.extend(removed(&schedule, run));
    broken.extend(held::broken(&schedule, case, run));
    broken.extend(late(&schedule, case, run, noticed));
    broken.extend(too_long(&schedule, run));
    broken.into_iter().collect()
}

/// What the end calls verified is there and well. What broke so late that no window can have seen it is let pass.
fn dishonest(schedule: &Schedule, case: &Case, run: &Rehearsal, ending: &Ending, truth: &Truth) -> Vec<Broken> {
    if !ending.facts.verified || !ending.facts.known {
        return Vec::new();
    }
    let verified = run.told().iter().rev().find_map(|(_, event)| match &**event {
        Event::PhaseVerified { services, .. } | Event::RollbackVerified { services, .. } => Some(services.clone()),
        _ => None,
    });
    // The verdict is of the last round: what broke after it, or within what goes unnoticed, is none of it.
    let last_round = last_verified(run).unwrap_or(run.now());
    let is_too_late = case.at + schedule.detection_bound() > last_round;
    let mut broken = Vec::new();
    for name in verified.into_iter().flatten() {
        match truth.services.get(&name) {
            None => broken.push(Broken::VerifiedAndMissing(name)),
            Some(false) if struck(&case.mishap).is_some_and(|struck| *struck == name) && is_too_late => {}
            Some(false) if struck(&case.mishap).is_none() && is_too_late => {}
            Some(false) if is_short(case) => {}
            // Its container runs, and nothing asks what it answers: that is a hole of the plan, told as such.
            Some(false) if !truth.down.contains(&name) && !asks_for_answers(schedule, &name) => {}
            Some(false) => broken.push(Broken::VerifiedAndUnwell(name)),
            Some(true) => {}
        }
    }
    broken
}

/// Whether a fault comes and goes, so that a moment of it says nothing: flapping slower than a window sees is told of elsewhere.
fn is_short(case: &Case) -> bool {
    matches!(&case.mishap, super::space::Mishap::Fault(fault) if fault.every.is_some())
}

fn last_verified(run: &Rehearsal) -> Option<Moment> {
    let is_verdict = |event: &Event| matches!(event, Event::PhaseVerified { .. } | Event::RollbackVerified { .. });
    run.told().iter().rev().find(|(_, event)| is_verdict(event)).map(|(at, _)| *at)
}

/// Each deploy has a title of its own: two rows of one are one intent done twice.
fn deployed_twice(truth: &Truth) -> Vec<Broken> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    truth.begun.iter().for_each(|title| *counts.entry(title).or_default() += 1);
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(title, _)| Broken::DeployedTwice(title.clone())).collect()
}

/// What is sent for a phase has every service of the phase before, but those that it removes on purpose.
fn removed(schedule: &Schedule, run: &Rehearsal) -> Vec<Broken> {
    let sent = run.told().iter().filter_map(|(_, event)| match &**event {
        Event::Deploying { purpose: DeployPurpose::Phase(phase), before: Some(before), .. } => Some((*phase, before)),
        _ => None,
    });
    let mut broken = Vec::new();
    for (phase, before) in sent {
        let phase = schedule.phase(phase);
        let gone = before
            .iter()
            .map(|container| &container.service)
            .filter(|name| !phase.services.contains(*name) && !phase.removes.contains(*name));
        broken.extend(gone.map(|name| Broken::Removed(name.clone())));
    }
    broken
}

/// A service that was delivered by an earlier phase and is broken for good is noticed within the bound, counted in time in which the run
/// watched it.
fn late(schedule: &Schedule, case: &Case, run: &Rehearsal, noticed: Option<Moment>) -> Vec<Broken> {
    let Some(name) = struck(&case.mishap) else { return Vec::new() };
    if !case.mishap.is_down_for_good() || !asks_for_answers(schedule, name) {
        return Vec::new();
    }
    let until = noticed.unwrap_or(run.now());
    let watched = watched_between(run, case.at, until, name, schedule);
    let bound = schedule.detection_bound() + schedule.sampling.every;
    if watched > bound { vec![Broken::NoticedLate(name.clone(), watched)] } else { Vec::new() }
}

/// Whether an expectation looks at what the service answers, and not only at whether somebody is there.
fn asks_for_answers(schedule: &Schedule, name: &str) -> bool {
    let asks = |id: &ExpectationId| matches!(schedule.expectations[id.0].probe, Probe::Http { .. });
    schedule.services.get(name).is_some_and(|service| service.expectations.iter().any(asks))
}

/// How long a delivered service was watched between two moments: from each deploy's end to what came of it.
fn watched_between(run: &Rehearsal, from: Moment, until: Moment, name: &str, schedule: &Schedule) -> Duration {
    let (mut watched, mut since): (Duration, Option<(Moment, PhaseId)>) = (Duration::ZERO, None);
    let mut add = |begun: Moment, ended: Moment| {
        watched += ended.min(until) - begun.max(from);
    };
    for (at, event) in run.told() {
        match &**event {
            Event::Settled { purpose: DeployPurpose::Phase(phase) | DeployPurpose::Rollback(Target::Phase(phase)), .. } => {
                since = Some((*at, *phase));
            }
            Event::PhaseVerified { .. }
            | Event::PhaseFailed { .. }
            | Event::RollbackVerified { .. }
            | Event::RollbackFailed { .. }
            | Event::RunEnded { .. } => {
                if let Some((begun, phase)) = since.take()
                    && schedule.phase(phase).services.contains(name)
                {
                    add(begun, *at);
                }
            }
            _ => {}
        }
    }
    watched
}

/// The limits of all phases, and of one rollback of any of them; approvals and gaps in which nobody was at work are not counted.
fn too_long(schedule: &Schedule, run: &Rehearsal) -> Vec<Broken> {
    let gates =
        schedule.phases.iter().map(|phase| phase.settle * u32::try_from(phase.gates.len() + 1).unwrap_or(u32::MAX)).sum::<Duration>();
    let back = schedule
        .phases
        .iter()
        .enumerate()
        .map(|(at, phase)| phase.bounds(PhaseId(at), schedule).worst + phase.within)
        .max()
        .unwrap_or_default();
    let asking = LONGEST_ASKING * u32::try_from(schedule.phases.len() + 2).unwrap_or(u32::MAX);
    let approvals = schedule.gates.iter().filter_map(|gate| gate.approval.as_ref().map(|approval| approval.within)).sum::<Duration>();
    let gaps: Duration =
        run.told().iter().map(|(_, event)| if let Event::Resumed { gap, .. } = &**event { *gap } else { Duration::ZERO }).sum();
    let limit = schedule.bounds_after(None).worst + gates + back * 2 + asking + approvals + gaps;
    if run.now().0 > limit { vec![Broken::TookTooLong(run.now().0)] } else { Vec::new() }
}

/// How long Dokploy is asked again and again before it is given up, at each of a phase's steps together.
const LONGEST_ASKING: Duration = Duration::from_secs(20 * 60);
