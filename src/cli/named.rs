//! Names on the command line, looked up in the plan. An unknown one is told with the nearest that there is.

use crate::diagnostic::nearest;
use crate::schedule::{GateId, PhaseId, Schedule, Subject};
use crate::world::{Fault, Target, When};

/// What is wrong, and what to do about it.
type Unknown = (String, String);

/// `--until PHASE`.
pub(super) fn phase(schedule: &Schedule, name: &str) -> Result<PhaseId, Unknown> {
    schedule.phase_named(name).ok_or_else(|| unknown("phase", name, &phases(schedule)))
}

/// `--waive SERVICE=…`.
pub(super) fn service(schedule: &Schedule, name: &str) -> Result<(), Unknown> {
    let services: Vec<&str> = schedule.services.keys().map(String::as_str).collect();
    if services.contains(&name) { Ok(()) } else { Err(unknown("service", name, &services)) }
}

/// What is wrong with `--to`: it may be meant as a phase or as a run.
pub(super) fn neither_phase_nor_run(schedule: &Schedule, name: &str, runs: &[&str]) -> Unknown {
    let (_, help) = unknown("phase", name, &phases(schedule));
    let help = match nearest(name, runs.iter().copied()) {
        Some(near) if !help.starts_with("did you mean") => format!("did you mean run {near}?"),
        _ => help,
    };
    (format!("`{name}` is no phase of the plan, and no run of that id is recorded"), help)
}

/// `--approve GATE=…`: only a gate that asks a question can be answered.
pub(super) fn gate(schedule: &Schedule, name: &str) -> Result<GateId, Unknown> {
    let asking = schedule.gates.iter().enumerate().filter(|(_, gate)| gate.approval.is_some());
    let found = asking.clone().find(|(_, gate)| gate.name == name).map(|(at, _)| GateId(at));
    found.ok_or_else(|| match schedule.gates.iter().find(|gate| gate.name == name) {
        Some(_) => (format!("gate `{name}` asks no question"), "its expectations are asked, and cannot be approved away".to_owned()),
        None => unknown("gate", name, &asking.map(|(_, gate)| gate.name.as_str()).collect::<Vec<_>>()),
    })
}

/// `--fault`: a fault that could never strike would make a test pass that tested nothing.
pub(super) fn fault(schedule: &Schedule, fault: &Fault) -> Result<(), Unknown> {
    if let When::Phase(name) | When::From(name) = &fault.when {
        phase(schedule, name)?;
    }
    let (kind, name, valid) = match &fault.target {
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

fn phases(schedule: &Schedule) -> Vec<&str> {
    schedule.phases.iter().map(|phase| phase.name.as_str()).collect()
}

fn unknown(kind: &str, name: &str, valid: &[&str]) -> Unknown {
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
