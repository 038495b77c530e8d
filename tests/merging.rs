//! What rehearsing does not run twice: with merging and symmetry switched off, every line of the table is the same, single faults and pairs,
//! with the times in it.

use crate::support::in_memory::{NoVariables, schedule_of};
use rollout_plan::engine::Options;
use rollout_plan::rehearse::{Budget, Explored, Explorer, Place, setting};
use rollout_plan::schedule::Schedule;
use rollout_plan::world::{Config, World};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Two phases, as short as they can be: every pair of faults is run by itself here.
fn tiny() -> Arc<Schedule> {
    let plan = r#"
rollout tiny
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
  every 2s
  timeout 500ms
  healthy after 1 pass
  unhealthy after 1 failure
}
service web { expect http "http://127.0.0.1:8080/health" }
service one { expect http "http://127.0.0.1:8081/health" }
service two { expect http "http://127.0.0.1:8082/health" }
phase first {
  deploy backend from "one.yml" within 10s
  settle within 6s
  soak 2s
}
phase second after first {
  deploy backend from "two.yml" within 10s
  settle within 6s
  soak 2s
}
"#;
    let service = |name: &str, port: u16| {
        format!(
            "  {name}:\n    image: registry.example/{name}:v1\n    restart: unless-stopped\n    ports: [\"{port}:80\"]\n    x-sandbox: {{ build: \
             100ms, boot: 100ms }}\n"
        )
    };
    let one = format!("services:\n{}", service("web", 8080));
    let two = format!("{one}{}{}", service("one", 8081), service("two", 8082));
    schedule_of(&[("rollout.plan", plan), ("one.yml", &one), ("two.yml", &two)])
}

fn lines(explored: &Explored) -> BTreeSet<String> {
    explored.rows.iter().map(|row| format!("{row:?}")).collect()
}

#[test]
fn the_table_is_the_same_without_merging_and_symmetry_pairs_included() {
    let schedule = tiny();
    let options = Options { run: "merged".into(), ..Options::default() };
    let place = Arc::new(Place::prepare(&schedule, &NoVariables, Config::API_KEY, options).unwrap().with_whole_gaps());
    let world = World::new(setting(&schedule, &NoVariables, Vec::new()).config).in_brief();
    let merged = Explorer { place, world, symmetry: true, merging: true, workers: 2, budget: Budget { paths: u64::MAX } };
    let plain = Explorer { symmetry: false, merging: false, ..merged.clone() };
    let (merged, plain) = (merged.explore(), plain.explore());
    assert_eq!((plain.singles.left_out, plain.pairs.left_out, merged.pairs.left_out), (0, 0, 0));
    assert_eq!(merged.singles.counted, plain.singles.counted, "each class stands for all of its services");
    let (some, all) = (lines(&merged), lines(&plain));
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect::<Vec<_>>().join("\n");
    assert!(some == all, "merged only:\n{}\nplain only:\n{}", only(&some, &all), only(&all, &some));
    assert_eq!(merged.broken, plain.broken);
    assert!(merged.pairs.run * 4 < plain.pairs.run, "{:?} {:?}", merged.pairs, plain.pairs);
}
