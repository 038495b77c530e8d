//! What a rehearsal costs: a run of the example and a fork of one, then whole rehearsals of plans that grow, each in a process of its own.
//!
//! `cargo bench --bench rehearse` for all; `cargo bench --bench rehearse -- 100` for a plan of so many services. `PLAN_REHEARSE_BUDGET` is
//! the budget, in paths.

#![expect(clippy::print_stdout, reason = "it prints its figures")]

mod grown;

use rollout_plan::check::{FileError, Files};
use rollout_plan::engine::Options;
use rollout_plan::model::{self, Variables};
use rollout_plan::rehearse::{Budget, Explorer, Place, Rehearsal, setting};
use rollout_plan::schedule::{self, Schedule};
use rollout_plan::source::SourceMap;
use rollout_plan::world::{Config, World};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bizosaas");

struct Folder;

impl Files for Folder {
    fn read(&self, path: &str) -> Result<String, FileError> {
        std::fs::read_to_string(Path::new(EXAMPLE).join(path)).map_err(|_| FileError::Missing)
    }

    fn beside(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

struct NoVariables;

impl Variables for NoVariables {
    fn get(&self, _: &str) -> Option<String> {
        None
    }
}

fn schedule_of(files: &dyn Files) -> Arc<Schedule> {
    let text = files.read("rollout.plan").expect("there is a plan");
    let mut sources = SourceMap::default();
    let file = sources.add("rollout.plan", text.as_str());
    Arc::new(schedule::prepare(&model::load(file, &text), &mut sources, files).schedule.expect("it is valid"))
}

fn ready(schedule: &Arc<Schedule>) -> (Arc<Place>, World) {
    let world = World::new(setting(schedule, &NoVariables, Vec::new()).config).in_brief();
    let options = Options { run: "rehearsal".into(), ..Options::default() };
    let place = Place::prepare(schedule, &NoVariables, Config::API_KEY, options).expect("it is ready");
    (Arc::new(place.with_whole_gaps()), world)
}

fn main() {
    let asked = std::env::args().skip(1).find_map(|argument| argument.parse::<usize>().ok());
    if let Some(services) = asked {
        return rehearse(services);
    }
    one_run();
    println!(
        "services  phases  single: counted     run  pairs: counted     run    steps  rollbacks  seconds  run/s  counted/s  steps/s  peak, MB"
    );
    for services in ["10", "100", "1000"] {
        let this = std::env::current_exe().expect("a program has a place");
        let ended = std::process::Command::new(this).arg(services).status();
        assert!(ended.is_ok_and(|status| status.success()), "{services} services");
    }
}

/// A whole rehearsal of a plan of so many services: a line of the table.
fn rehearse(services: usize) {
    let grown = grown::Grown::of(services);
    let schedule = schedule_of(&grown);
    let (place, world) = ready(&schedule);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let budget = std::env::var("PLAN_REHEARSE_BUDGET").ok().and_then(|paths| paths.parse().ok());
    let budget = budget.map_or_else(|| Budget::of(services), |paths| Budget { paths });
    let began = Instant::now();
    let found = Explorer { place, world, symmetry: true, merging: true, workers, budget }.explore();
    let seconds = began.elapsed().as_secs_f64();
    let (singles, pairs) = (&found.singles, &found.pairs);
    let per_second = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX)) / seconds;
    let taken_in = singles.counted + pairs.counted - singles.left_out - pairs.left_out;
    println!(
        "{services:>8} {:>7} {:>16} {:>7} {:>15} {:>7} {:>8} {:>10} {seconds:>8.1} {:>6.0} {:>10.0} {:>8.0} {:>9.0}",
        schedule.phases.len(),
        singles.counted,
        singles.run,
        pairs.counted,
        pairs.run,
        singles.steps + pairs.steps,
        found.rollbacks.known,
        per_second(singles.run + pairs.run),
        per_second(taken_in),
        per_second(singles.steps + pairs.steps),
        peak_memory(),
    );
    assert!(found.broken.is_empty(), "{:?}", found.broken);
}

/// The most memory that this process had, in MB; 0 where the system does not say.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kilobytes.unwrap_or_default() / 1000.0
}

fn one_run() {
    let (place, world) = ready(&schedule_of(&Folder));
    let start = Rehearsal::new(&place, world);
    for _ in 0..2 {
        let began = Instant::now();
        for _ in 0..20 {
            let mut run = start.clone();
            run.finish();
        }
        println!("a whole run of the example: {:?}", began.elapsed() / 20);
    }
    let mut run = start;
    run.finish();
    let began = Instant::now();
    for _ in 0..1000 {
        std::hint::black_box(run.clone());
    }
    println!("a fork: {:?}", began.elapsed() / 1000);
}
