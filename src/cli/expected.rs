//! What phases took in runs that are recorded on this machine: nothing in a plan says how long a build takes.

use crate::schedule::Took;
use crate::store::Archive;

/// The newest runs of an app that count.
const RUNS: usize = 10;

/// Runs that are looked at for them, of other apps too.
const LOOKED_AT: usize = 50;

/// What the app's phases took, by name, in its newest runs outside the sandbox. What cannot be read is no experience; whoever asks is not
/// kept from going on by it.
pub(super) fn took(app: &str) -> Took {
    let state = std::env::var_os("PLAN_STATE").map(Into::into);
    let places = Archive::open(state).and_then(|archive| archive.places()).unwrap_or_default();
    let runs = places.iter().filter(|place| !place.in_sandbox).take(LOOKED_AT).map(crate::store::Place::read);
    let of_app = runs.filter(|run| run.app() == Some(app) && !run.is_sandbox());
    let mut took = Took::new();
    // Runs that verified nothing say nothing.
    for phases in of_app.map(|run| run.phases_took()).filter(|phases| !phases.is_empty()).take(RUNS) {
        for (phase, time) in phases {
            took.entry(phase).or_default().push(time);
        }
    }
    took
}
