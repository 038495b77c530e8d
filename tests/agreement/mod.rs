//! The run that is rehearsed is the driver's run over HTTP: the same events at the same moments, and the same end.

mod classes;
mod over_http;
mod told;

use crate::rehearsing::{RUN, config, explorer, small};
use crate::support::dice::Dice;
use crate::support::in_memory::NoVariables;
use crate::support::live;
use classes::{class, documented};
use rollout_plan::engine::Options;
use rollout_plan::rehearse::{Case, Explorer, Mishap, Place, Rehearsal};
use rollout_plan::schedule::Schedule;
use rollout_plan::world::{Config, Fault, World};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use told::Told;

/// How many paths are drawn, unless `PLAN_REHEARSING_PATHS` says otherwise.
const PATHS: usize = 128;
/// By which seed, unless `PLAN_REHEARSING_SEED` says otherwise.
const SEED: u64 = 20_261_129;
/// Threads that play them.
const SIDE_BY_SIDE: usize = 2;

fn rehearsal(schedule: &Arc<Schedule>, world: World) -> Rehearsal {
    let options = Options { run: RUN.into(), ..Options::default() };
    let place = Place::prepare(schedule, &NoVariables, Config::API_KEY, options).unwrap();
    let mut rehearsal = Rehearsal::new(&Arc::new(place), world);
    rehearsal.finish();
    rehearsal
}

fn rehearsed(schedule: &Arc<Schedule>, config: Config) -> Told {
    Told::rehearsed(&rehearsal(schedule, World::new(config).in_brief()))
}

#[test]
fn a_rehearsal_of_the_example_is_the_run_over_http() {
    let schedule = live::seed();
    for faults in [&[] as &[&str], &["brain-api: crash-loop in core"], &["dokploy: restarts in core"], &["ai-agents: never-healthy"]] {
        let config = || live::config(Config::default(), faults);
        let difference = over_http::played(&schedule, config()).difference(&rehearsed(&schedule, config()));
        assert_eq!(difference, None, "{faults:?}");
    }
}

/// Every eighth call of a run: what paths that are drawn meet seldom.
#[test]
fn a_call_at_the_very_moment_at_which_dokploy_goes_away_is_refused_over_http_and_rehearsed() {
    let schedule = small();
    let meant = rehearsal(&schedule, World::new(config(&schedule, Vec::new())));
    let moments: BTreeSet<u64> = meant.world().log().iter().map(|call| call.at_ms).collect();
    let struck: Vec<u64> = moments.into_iter().filter(|at| *at > 0).step_by(8).collect();
    assert!(struck.len() >= 8, "{struck:?}");
    for (at, whom) in struck.into_iter().zip(["dokploy", "network"].into_iter().cycle()) {
        let fault = format!("{whom}: down after {at}ms for 2s");
        let config = || config(&schedule, vec![Fault::parse(&fault).unwrap()]);
        let difference = over_http::played(&schedule, config()).difference(&rehearsed(&schedule, config()));
        assert_eq!(difference, None, "{fault}");
    }
}

/// What differs, where the driver plays a path over HTTP and a rehearsal does.
fn difference(explorer: &Explorer, case: &Case) -> Option<String> {
    let schedule = explorer.place.schedule();
    let played = explorer.play(case, None);
    let here = Told::rehearsed(&played.run);
    let (what, there) = match &case.mishap {
        Mishap::Fault(_) => {
            let fault = played.faults[0].clone().expect("a fault of the sandbox");
            (fault.to_string(), over_http::played(schedule, config(schedule, vec![fault])))
        }
        Mishap::Killed(gap) => {
            let what = format!("killed at {:?}, and gone on with {gap:?} later", case.at.0);
            (what, over_http::killed(schedule, config(schedule, Vec::new()), case.at, *gap))
        }
    };
    there.difference(&here).map(|difference| format!("{what}\n{difference}"))
}

/// One path of every class, and any others until there are enough.
fn drawn<'a>(cases: &'a [Case], paths: usize, dice: &mut Dice) -> Vec<&'a Case> {
    let mut classes: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        classes.entry(class(&case.mishap)).or_default().push(case);
    }
    let found: BTreeSet<String> = classes.keys().cloned().collect();
    assert_eq!(found, documented(), "what goes wrong in a rehearsal, and the table in docs/rehearsal.md");
    let mut drawn: Vec<&Case> = classes.values().map(|of_class| of_class[dice.roll(of_class.len())]).collect();
    while drawn.len() < paths {
        drawn.push(&cases[dice.roll(cases.len())]);
    }
    drawn
}

fn given<T: FromStr<Err: std::fmt::Debug>>(variable: &str, default: T) -> T {
    std::env::var(variable).ok().map_or(default, |value| value.parse().unwrap())
}

#[expect(clippy::print_stderr, reason = "by which seed, is told to whoever runs the test")]
#[test]
fn paths_drawn_from_the_whole_space_go_over_http_as_they_were_rehearsed() {
    let (seed, paths) = (given("PLAN_REHEARSING_SEED", SEED), given("PLAN_REHEARSING_PATHS", PATHS));
    let explorer = Explorer { symmetry: false, ..explorer(&small()) };
    let cases = explorer.cases(&explorer.meant());
    let drawn = drawn(&cases, paths, &mut Dice(seed));
    eprintln!("seed {seed}: {} of {} paths", drawn.len(), cases.len());
    let (next, different) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(case) = drawn.get(next.fetch_add(1, Ordering::Relaxed)) {
                    different.lock().unwrap().extend(difference(&explorer, case));
                }
            });
        }
    });
    let different = different.into_inner().unwrap();
    assert!(different.is_empty(), "seed {seed}: {} of {} differ:\n{}", different.len(), drawn.len(), different.join("\n"));
}
