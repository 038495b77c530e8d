//! The table of a rehearsal does not depend on what is merged, and no path of a small plan breaks a promise.

use crate::support::in_memory::{NoVariables, schedule_of};
use rollout_plan::engine::Options;
use rollout_plan::rehearse::{Budget, Explored, Explorer, Place, setting};
use rollout_plan::schedule::Schedule;
use rollout_plan::world::{Config, Fault, World};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The id of a run that is rehearsed.
pub const RUN: &str = "a run";

/// Two services that are alike, one that another depends on, and a gate of each kind.
pub fn small() -> Arc<Schedule> {
    let plan = r#"
rollout small
dokploy {
  url env("DOKPLOY_URL")
  api-key secret("DOKPLOY_API_KEY")
}
app backend {
  project "Backend"
  environment "staging"
  compose "backend"
}
sampling {
  every 1s
  timeout 500ms
  healthy after 2 passes
  unhealthy after 2 failures
}
service web { expect http "http://127.0.0.1:8080/health" }
service one { expect http "http://127.0.0.1:8081/health" }
service two { expect http "http://127.0.0.1:8082/health" }
external cache { expect tcp "127.0.0.1:6380" }
gate cache-is-there { expect external cache }
gate go { approve "Go on?" within 1m else stop }
phase first {
  require cache-is-there
  deploy backend from "one.yml" within 20s
  settle within 15s
  soak 4s
}
phase second after first {
  require go
  deploy backend from "two.yml" within 20s
  settle within 15s
  soak 4s
}
limits {
  queue within 20s
}
"#;
    let service = |name: &str, port: u16| {
        format!(
            "  {name}:\n    image: registry.example/{name}:v1\n    restart: unless-stopped\n    ports: [\"{port}:80\"]\n    x-sandbox: {{ build: \
             1s, boot: 500ms }}\n"
        )
    };
    let one = format!("services:\n{}", service("web", 8080));
    let two = format!("{one}{}{}", service("one", 8081), service("two", 8082));
    schedule_of(&[("rollout.plan", &plan.replace("limits {\n  queue within 20s\n}\n", "")), ("one.yml", &one), ("two.yml", &two)])
}

/// The world of a plan, with these faults.
pub fn config(schedule: &Schedule, faults: Vec<Fault>) -> Config {
    setting(schedule, &NoVariables, faults).config
}

/// Explores a plan, everything alike once.
pub fn explorer(schedule: &Arc<Schedule>) -> Explorer {
    let options = Options { run: RUN.into(), ..Options::default() };
    let place = Place::prepare(schedule, &NoVariables, Config::API_KEY, options).unwrap();
    let world = World::new(config(schedule, Vec::new())).in_brief();
    Explorer { place: Arc::new(place), world, symmetry: true, merging: true, workers: 2, budget: Budget { paths: u64::MAX } }
}

/// The table without what a merge may change: which case stands for a line.
fn table(explored: &Explored) -> BTreeSet<String> {
    explored.rows.iter().map(|row| format!("{:?} {} {:?} {:?}", row.phase, row.in_rollback, row.kind, row.ends)).collect()
}

/// Of everything that can go wrong once; pairs are run by hand so, see docs/performance.md.
#[test]
fn the_table_is_the_same_without_merging_and_symmetry() {
    let schedule = small();
    // Just enough for the cases, each service alone and one of each class.
    let plain = Explorer { symmetry: false, merging: false, ..explorer(&schedule) };
    let merged = explorer(&schedule);
    let cases = |explorer: &Explorer| explorer.cases(&explorer.meant()).len() as u64;
    let plain = Explorer { budget: Budget { paths: cases(&plain) }, ..plain }.explore();
    let merged = Explorer { budget: Budget { paths: cases(&merged) }, ..merged }.explore();
    assert_eq!(merged.singles.counted, plain.singles.counted, "each class stands for all of its services");
    let alone = plain.singles.run;
    let (merged_table, plain_table) = (table(&merged), table(&plain));
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect::<Vec<_>>().join("\n");
    assert!(
        merged_table == plain_table,
        "merged only:\n{}\nplain only:\n{}",
        only(&merged_table, &plain_table),
        only(&plain_table, &merged_table)
    );
    assert!(merged.singles.run < alone && merged.singles.steps * 2 < plain.singles.steps, "{:?} {:?}", merged.singles, plain.singles);
}

#[test]
fn no_path_of_a_small_plan_breaks_a_promise() {
    let explored = Explorer { budget: Budget { paths: 2500 }, ..explorer(&small()) }.explore();
    assert!(explored.singles.counted > 500 && explored.singles.left_out == 0, "{:?}", explored.singles);
    assert!(explored.pairs.counted > 1000 && explored.pairs.run > 500, "{:?}", explored.pairs);
    assert_eq!(explored.broken, []);
}

#[test]
fn a_service_of_which_nothing_is_expected_is_a_hole_of_the_plan_and_no_broken_promise() {
    let plan = "rollout hole\ndokploy {\n  url env(\"DOKPLOY_URL\")\n  api-key secret(\"DOKPLOY_API_KEY\")\n}\napp backend {\n  project \
                \"Backend\"\n  environment \"staging\"\n  compose \"backend\"\n}\nsampling {\n  every 1s\n  timeout 500ms\n}\nservice web {\n  expect \
                http \"http://127.0.0.1:8080/health\"\n}\nphase one {\n  deploy backend from \"one.yml\" within 1m\n  settle within 20s\n  soak 10s\n}\n";
    let one = "services:\n  web:\n    image: registry.example/web:1\n    restart: unless-stopped\n    ports: [\"8080:80\"]\n  worker:\n    image: \
               registry.example/worker:1\n    restart: unless-stopped\n    ports: [\"8081:80\"]\n";
    let schedule = schedule_of(&[("rollout.plan", plan), ("one.yml", one)]);
    let explorer = explorer(&schedule);
    let found = Explorer { budget: Budget { paths: explorer.cases(&explorer.meant()).len() as u64 }, ..explorer }.explore();
    assert_eq!(found.broken, []);
    let unnoticed: BTreeSet<&str> = found.unnoticed.keys().map(|(_, name)| name.as_str()).collect();
    assert_eq!(unnoticed, BTreeSet::from(["worker"]));
}
