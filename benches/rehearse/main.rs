//! What a rehearsal costs. `cargo bench --bench rehearse`

#![expect(clippy::print_stdout, reason = "it prints its figures")]

use rollout_plan::check::{FileError, Files};
use rollout_plan::engine::Options;
use rollout_plan::model::{self, Variables};
use rollout_plan::rehearse::{Place, Rehearsal, setting};
use rollout_plan::schedule::{self, Schedule};
use rollout_plan::source::SourceMap;
use rollout_plan::world::{Config, World};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

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

fn seed() -> Arc<Schedule> {
    let text = Folder.read("rollout.plan").expect("the example is there");
    let mut sources = SourceMap::default();
    let file = sources.add("rollout.plan", text.as_str());
    Arc::new(schedule::prepare(&model::load(file, &text), &mut sources, &Folder).schedule.expect("it is valid"))
}

fn main() {
    let schedule = seed();
    let world = World::new(setting(&schedule, &NoVariables, Vec::new()).config).in_brief();
    let place = Arc::new(
        Place::prepare(&schedule, &NoVariables, Config::API_KEY, Options { run: "rehearsal".into(), ..Options::default() })
            .expect("it is ready"),
    );
    let start = Rehearsal::new(&place, world);
    let runs = std::env::args().nth(1).and_then(|runs| runs.parse().ok()).unwrap_or(20);
    for _ in 0..2 {
        let began = Instant::now();
        for _ in 0..runs {
            let mut run = start.clone();
            run.finish();
        }
        println!("a whole run: {:?}", began.elapsed() / runs);
    }
    let mut run = start.clone();
    run.finish();
    let began = Instant::now();
    for _ in 0..1000 {
        std::hint::black_box(run.clone());
    }
    println!("a fork: {:?}", began.elapsed() / 1000);
}
