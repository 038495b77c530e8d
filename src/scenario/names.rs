//! Names of phases, services, externals and gates that a command line or a scenario gives, looked up in the plan. An unknown one is told with
//! the nearest that there is.

use crate::diagnostic::nearest;
use crate::schedule::{GateId, PhaseId, Schedule, Subject};
use crate::world::{Fault, Target, When};

/// What is wrong, and what to do about it.
pub type Unknown = (String, String);

/// A phase.
///
/// # Errors
/// The plan has none of that name.
pub fn phase(schedule: &Schedule, name: &str) -> Result<PhaseId, Unknown> {
    schedule.phase_named(name).ok_or_else(|| unknown("phase", name, &phases(schedule)))
}

/// A service that some phase delivers.
///
/// # Errors
/// The plan has none of that name.
pub fn service(schedule: &Schedule, name: &str) -> Result<(), Unknown> {
    let services: Vec<&str> = schedule.services.keys().map(String::as_str).collect();
    if services.contains(&name) { Ok(()) } else { Err(unknown("service", name, &services)) }
}

/// A gate that asks a question: only those can be answered.
///
/// # Errors
/// The plan has none of that name, or it asks nothing.
pub fn gate(schedule: &Schedule, name: &str) -> Result<GateId, Unknown> {
    let asking = schedule.gates.iter().enumerate().filter(|(_, gate)| gate.approval.is_some());
    let found = asking.clone().find(|(_, gate)| gate.name == name).map(|(at, _)| GateId(at));
    found.ok_or_else(|| match schedule.gates.iter().find(|gate| gate.name == name) {
        Some(_) => (format!("gate `{name}` asks no question"), "its expectations are asked, and cannot be approved away".to_owned()),
        None => unknown("gate", name, &asking.map(|(_, gate)| gate.name.as_str()).collect::<Vec<_>>()),
    })
}

/// When a fault strikes: a phase that is not there never comes, and a test of it would test nothing.
///
/// # Errors
/// It names a phase that the plan does not have.
pub fn scope(schedule: &Schedule, when: &When) -> Result<(), Unknown> {
    match when {
        When::Phase(name) | When::From(name) => phase(schedule, name).map(|_| ()),
        When::Always | When::Rollback => Ok(()),
    }
}

/// Whom a fault strikes: one that could never strike would make a test pass that tested nothing.
///
/// # Errors
/// It names a service, an external or a gate that the plan does not have.
pub fn target(schedule: &Schedule, target: &Target) -> Result<(), Unknown> {
    let (kind, name, valid) = match target {
        Target::Service(name, _) => {
            ("service", name, schedule.phases.iter().flat_map(|phase| &phase.services).map(String::as_str).collect::<Vec<_>>())
        }
        Target::External(name, _) => {
            let externals = schedule.expectations.iter().filter_map(|expectation| match &expectation.subject {
                Subject::External(name) | Subject::Gate(name) => Some(name.as_str()),
                Subject::Service(_) => None,
            });
            ("external", name, externals.collect())
        }
        Target::Gate(name, _) => return gate(schedule, name).map(|_| ()),
        Target::Dokploy(_) | Target::Network(_) => return Ok(()),
    };
    if valid.contains(&name.as_str()) { Ok(()) } else { Err(unknown(kind, name, &valid)) }
}

/// A fault whose names are all the plan's.
///
/// # Errors
/// The first that is not.
pub fn fault(schedule: &Schedule, fault: &Fault) -> Result<(), Unknown> {
    scope(schedule, &fault.when)?;
    target(schedule, &fault.target)
}

/// The names of the plan's phases, in order.
pub fn phases(schedule: &Schedule) -> Vec<&str> {
    schedule.phases.iter().map(|phase| phase.name.as_str()).collect()
}

/// A name that is none of these.
pub fn unknown(kind: &str, name: &str, valid: &[&str]) -> Unknown {
    let mut valid = valid.to_vec();
    valid.sort_unstable();
    valid.dedup();
    let help = match (nearest(name, valid.iter().copied()), valid.as_slice()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => format!("the plan has no {kind} that could be meant"),
        (None, [only]) => format!("there is `{only}`"),
        (None, several) => format!("there are {}", several.join(", ")),
    };
    (format!("the plan has no {kind} `{name}`"), help)
}
