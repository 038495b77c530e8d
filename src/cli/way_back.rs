//! `plan rollback`: a run whose goal is to be back. All but its goal is as with `plan run`.

use super::args::{self, Cli, Command, Rollback};
use super::look::complain;
use super::{named, past, run};
use crate::engine::{Back, Goal, Remembered, To};
use crate::schedule::Schedule;
use crate::store::{Archive, Place};
use clap::Parser as _;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Runs whose states are looked through for the last verified one. Each may keep a text for every phase.
const LOOKED_THROUGH: usize = 100;

/// `plan rollback`.
pub(super) fn rollback(args: Rollback) -> u8 {
    if args.sandbox {
        let help = "against one beside it there may be: `plan sandbox`, then what it says to export, then `plan run` and `plan rollback`";
        complain(&args.display, "the sandbox inside this process begins with nothing: there is nothing to go back to", help);
        return 2;
    }
    let Rollback { file, to, yes, from_broken, waive, state, connect_to, report, format, display, .. } = args;
    // Whatever `plan run` has besides these is as it is by default.
    let Ok(Cli { command: Command::Run(defaults) }) = Cli::try_parse_from(["plan", "run"]) else { return 1 };
    let as_run = args::Run { file, yes, from_broken, waive, state, connect_to, report, format, display, ..defaults };
    run::go_back(&as_run, to.as_deref())
}

/// The run that is meant, as far as the state folder knows.
///
/// # Errors
/// What is wrong, and what to do about it.
pub(super) fn goal(schedule: &Schedule, to: Option<&str>, state: Option<PathBuf>) -> Result<Goal, (String, String)> {
    let places = real_places(state);
    let to = match to {
        None => To::Last,
        Some(name) => match schedule.phase_named(name) {
            Some(phase) => To::Phase(phase),
            None => To::Run(meant(schedule, &places, name)?),
        },
    };
    let is_looked_at = |(at, place): &(usize, &Place)| *at < LOOKED_THROUGH || to == To::Run(place.run.clone());
    let looked_at: Vec<&Place> = places.iter().enumerate().filter(is_looked_at).map(|(_, place)| place).collect();
    let states: Vec<Remembered> =
        looked_at.into_iter().rev().filter(|place| !place.read().is_sandbox()).flat_map(Place::remembered).collect();
    Ok(Goal::Back(Back { to, states }))
}

fn meant(schedule: &Schedule, places: &[Place], name: &str) -> Result<String, (String, String)> {
    match past::find(places, name) {
        Ok(place) => Ok(place.run),
        Err(several) if places.iter().any(|place| place.run.starts_with(name) || place.run.ends_with(name)) => Err(several),
        Err(_) => {
            let runs: Vec<&str> = places.iter().map(|place| place.run.as_str()).collect();
            Err(named::neither_phase_nor_run(schedule, name, &runs))
        }
    }
}

/// The runs that are recorded on this machine, newest first, those in the sandbox left out.
fn real_places(state: Option<PathBuf>) -> Vec<Place> {
    let places = Archive::open(state).and_then(|archive| archive.places()).unwrap_or_default();
    places.into_iter().filter(|place| !place.in_sandbox).collect()
}

/// The runs that are recorded on this machine, by id.
pub(super) fn known_runs(state: Option<PathBuf>) -> BTreeSet<String> {
    real_places(state).into_iter().map(|place| place.run).collect()
}
