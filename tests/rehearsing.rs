//! The rehearsal's run is the driver's run over HTTP: the same events at the same moments, and the same end.

use crate::support::in_memory::NoVariables;
use crate::support::live;
use rollout_plan::engine::{Ending, Event, Moment, Options};
use rollout_plan::rehearse::{Place, Rehearsal};
use rollout_plan::world::{Config, World};
use std::sync::Arc;

/// What of an event must be the same: its kind, and everything in it but places on the disk.
fn telling(at: Moment, event: &Event) -> String {
    let mut value = serde_json::to_value(event).unwrap();
    if let Some(fields) = value.as_object_mut() {
        fields.remove("path");
        fields.remove("options");
    }
    format!("{} {value}", at.0.as_millis())
}

fn over_http(faults: &[&str]) -> (Ending, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let left = runtime.block_on(async {
        let sandbox = live::sandbox(faults).await;
        live::rollout("a run", &sandbox, folder.path()).await
    });
    (left.ending, left.journal.iter().map(|entry| telling(entry.at, &entry.event)).collect())
}

fn rehearsed(faults: &[&str]) -> (Ending, Vec<String>) {
    let schedule = live::seed();
    let world = World::new(live::config(Config::default(), faults)).in_brief();
    let options = Options { run: "a run".into(), ..Options::default() };
    let place = Place::prepare(&schedule, &NoVariables, Config::API_KEY, options).unwrap();
    let mut rehearsal = Rehearsal::new(&Arc::new(place), world);
    let began = std::time::Instant::now();
    let ending = rehearsal.finish().unwrap().clone();
    eprintln!("{faults:?}: {:?} for {:?}, {} events", began.elapsed(), rehearsal.now(), rehearsal.told().len());
    (ending, rehearsal.told().iter().map(|(at, event)| telling(*at, event)).collect())
}

#[test]
fn a_rehearsal_is_the_run_over_http() {
    for faults in [&[] as &[&str], &["brain-api: crash-loop in core"], &["dokploy: restarts in core"], &["ai-agents: never-healthy"]] {
        let (there, here) = (over_http(faults), rehearsed(faults));
        for (one, other) in there.1.iter().zip(&here.1) {
            assert_eq!(one, other, "{faults:?}");
        }
        assert_eq!(there.0, here.0, "{faults:?}");
        assert_eq!(there.1.len(), here.1.len(), "{faults:?}");
    }
}
