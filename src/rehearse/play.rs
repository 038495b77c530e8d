//! One path again, with everything that it told: a counterexample to be read, and the words by which the sandbox plays the same.

use super::explore::Explorer;
use super::outcome::Outcome;
use super::rehearsal::Rehearsal;
use super::space::{Case, Mishap};
use crate::world::{DokployFault, Fault, Target, When};
use std::time::Duration;

/// A path that was run again.
#[derive(Clone, Debug)]
pub struct Played {
    /// The run, at its end.
    pub run: Rehearsal,
    /// What went wrong in it, in the words of `plan run --sandbox --fault`; `None`: something that only a rehearsal can do.
    pub faults: Vec<Option<Fault>>,
}

impl Explorer {
    /// Lets one thing go wrong, and gives the run with what came of it. `meant` is the run in which nothing does.
    pub fn try_one(&self, case: &Case, meant: &Rehearsal) -> (Played, Outcome) {
        let mut played = self.play(case, None);
        let outcome = Outcome::of(case, &mut played.run, meant);
        (played, outcome)
    }

    /// Runs a path again.
    pub fn play(&self, first: &Case, second: Option<&Case>) -> Played {
        let mut run = Rehearsal::new(&self.place, self.world.clone());
        let mut faults = Vec::new();
        for case in std::iter::once(first).chain(second) {
            run.go_on_until(case.at);
            faults.push(worded(case, &run));
            run.strike(&case.mishap);
        }
        run.finish();
        Played { run, faults }
    }
}

/// A case that is about to strike a run, as a fault that does the same from the world's start on.
fn worded(case: &Case, run: &Rehearsal) -> Option<Fault> {
    let Mishap::Fault(fault) = &case.mishap else { return None };
    if fault.when != When::Always {
        return Some(fault.clone());
    }
    let (when, since) = match run.world().last_begun() {
        None => (When::Always, Duration::ZERO),
        Some((title, since)) => (scope(&title)?, since),
    };
    let when = match (when, &fault.target) {
        // Once, in the deploy of this moment.
        (When::From(phase), Target::Dokploy(DokployFault::Restarts)) => When::Phase(phase),
        (when, _) => when,
    };
    Some(Fault { when, after: case.at.0.saturating_sub(since), ..fault.clone() })
}

/// The scope that a deploy of this title begins.
fn scope(title: &str) -> Option<When> {
    let field = |name: &str| title.split(' ').find_map(|field| field.strip_prefix(name));
    match (field("phase="), field("rollback-to=")) {
        (_, Some(_)) => Some(When::Rollback),
        (Some(phase), None) => Some(When::From(phase.to_owned())),
        (None, None) => None,
    }
}
