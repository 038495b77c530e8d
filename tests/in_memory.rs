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
    alike(&[&[], &["brain-api: crash-loop in core"], &["dokploy: restarts in core"], &["ai-agents: never-healthy"]]);
}

#[test]
fn faults_of_a_service_with_a_time_of_their_own_are_alike() {
    alike(&[
        &["brain-api: http-500 in core after 40s for 20s"],
        &["brain-api: crash from core after 40s every 45s"],
        &["brain-api: slow-answers 1s in core", "wagtail-cms: slow-answers 4s from core after 1m for 30s"],
    ]);
}

#[test]
fn faults_of_dokploy_and_the_network_are_alike() {
    alike(&[
        &["dokploy: answer-lost in core"],
        &["dokploy: answer-lost in core after 15s"],
        &["dokploy: restarts in core after 3s"],
        &["dokploy: down 20s in core after 5s"],
        &["dokploy: down for 5s every 1m"],
        &["network: down 20s in core after 30s"],
    ]);
}

#[test]
fn faults_of_gates_are_alike() {
    alike(&[&["gate go-ahead: refused"], &["gate go-ahead: silent"], &["gate go-ahead: silent for 10m"]]);
}

fn alike(cases: &[&[&str]]) {
    for faults in cases.iter().copied() {
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
