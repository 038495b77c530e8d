//! The run in memory is the run over HTTP: the same calls at the same moments, and the same journal.

use crate::support::in_memory::{InMemory, InMind, on_virtual_time};
use crate::support::live;
use rollout_plan::drive::Driven;
use rollout_plan::engine::Options;
use rollout_plan::world::{Config, LoggedCall, World};

fn over_http(faults: &[&str]) -> live::Left {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let sandbox = live::sandbox(faults).await;
        live::rollout("one", &sandbox, folder.path()).await
    })
}

/// Over HTTP, calls that leave together arrive in the order of their connections.
fn in_order(mut calls: Vec<LoggedCall>) -> Vec<LoggedCall> {
    calls.sort_by(|one, other| (one.at_ms, &one.procedure).cmp(&(other.at_ms, &other.procedure)));
    calls
}

#[test]
fn a_run_in_memory_makes_the_calls_of_one_over_http_and_ends_alike() {
    for faults in [&[] as &[&str], &["brain-api: crash-loop in core"], &["dokploy: restarts in core"], &["ai-agents: never-healthy"]] {
        let there = over_http(faults);
        on_virtual_time(async {
            let place = InMemory::new(World::new(live::config(Config::default(), faults)));
            let mut record = InMind::default();
            let driven = place.run(&live::seed(), Options { run: "one".into(), ..Options::default() }, &mut record).await;
            let Driven::Ended(ending, None) = driven else { panic!("{driven:?}") };
            assert_eq!(ending, there.ending, "{faults:?}");
            let here = place.with_world(|world, _| world.log().to_vec());
            assert_eq!(in_order(here), in_order(there.calls), "{faults:?}");
            let of_record: Vec<String> = record.events.iter().map(|(_, event)| live::name(event)).collect();
            assert_eq!(of_record, live::names(&there.journal), "{faults:?}");
        });
    }
}
