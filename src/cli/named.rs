//! Names on the command line, looked up in the plan. An unknown one is told with the nearest that there is.

use crate::diagnostic::nearest;
use crate::scenario::names::{Unknown, phases, unknown};
pub(super) use crate::scenario::names::{fault, gate, phase, service};
use crate::schedule::Schedule;

/// What is wrong with `--to`: it may be meant as a phase or as a run.
pub(super) fn neither_phase_nor_run(schedule: &Schedule, name: &str, runs: &[&str]) -> Unknown {
    let (_, help) = unknown("phase", name, &phases(schedule));
    let help = match nearest(name, runs.iter().copied()) {
        Some(near) if !help.starts_with("did you mean") => format!("did you mean run {near}?"),
        _ => help,
    };
    (format!("`{name}` is no phase of the plan, and no run of that id is recorded"), help)
}
