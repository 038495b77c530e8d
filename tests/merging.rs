//! What rehearsing does not run twice: with merging and symmetry switched off, every line of the table is the same, single faults and pairs,
//! with the times in it.

use crate::support::in_memory::{NoVariables, schedule_of};
use rollout_plan::engine::Options;
use rollout_plan::rehearse::{Budget, Explored, Explorer, Place, setting};
use rollout_plan::schedule::Schedule;
use rollout_plan::world::{Config, World};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

/// Services of each phase; as short a plan as can be, since every pair of faults is run by itself here.
fn plan(phases: &[&[&str]]) -> Arc<Schedule> {
    let mut plan = r#"
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
"#
    .to_owned();
    let (mut files, mut compose, mut port) = (Vec::new(), "services:\n".to_owned(), 8080);
    for (at, services) in phases.iter().enumerate() {
        for name in *services {
            let _ = writeln!(plan, "service {name} {{ expect http \"http://127.0.0.1:{port}/health\" }}");
            let _ = writeln!(
                compose,
                "  {name}:\n    image: registry.example/{name}:v1\n    restart: unless-stopped\n    ports: [\"{port}:80\"]\n    x-sandbox: {{ \
                 build: 100ms, boot: 100ms }}"
            );
            port += 1;
        }
        let after = at.checked_sub(1).map_or_else(String::new, |before| format!("after p{before}"));
        let _ = writeln!(plan, "phase p{at} {after} {{\n  deploy backend from \"{at}.yml\" within 10s\n  settle within 6s\n  soak 2s\n}}");
        files.push((format!("{at}.yml"), compose.clone()));
    }
    files.insert(0, ("rollout.plan".to_owned(), plan));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    schedule_of(&files)
}

fn lines(explored: &Explored) -> BTreeSet<String> {
    explored.rows.iter().map(|row| format!("{row:?}")).collect()
}

fn is_the_same_without_merging_and_symmetry(schedule: &Arc<Schedule>) {
    let options = Options { run: "merged".into(), ..Options::default() };
    let place = Arc::new(Place::prepare(schedule, &NoVariables, Config::API_KEY, options).unwrap().with_whole_gaps());
    let world = World::new(setting(schedule, &NoVariables, Vec::new()).config).in_brief();
    let merged = Explorer { place, world, symmetry: true, merging: true, workers: 2, budget: Budget { paths: u64::MAX } };
    let plain = Explorer { symmetry: false, merging: false, ..merged.clone() };
    let (merged, plain) = (merged.explore(), plain.explore());
    assert_eq!((plain.singles.left_out, plain.pairs.left_out, merged.pairs.left_out), (0, 0, 0));
    assert_eq!(
        (merged.singles.counted, merged.pairs.counted),
        (plain.singles.counted, plain.pairs.counted),
        "each class stands for all of its services"
    );
    let (some, all) = (lines(&merged), lines(&plain));
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect::<Vec<_>>().join("\n");
    assert!(some == all, "merged only:\n{}\nplain only:\n{}", only(&some, &all), only(&all, &some));
    assert_eq!(merged.broken, plain.broken);
    assert!(merged.pairs.counted > 10_000 && merged.pairs.steps * 2 < plain.pairs.steps, "{:?} {:?}", merged.pairs, plain.pairs);
}

#[test]
fn of_two_services_that_are_alike_the_table_is_the_same() {
    is_the_same_without_merging_and_symmetry(&plan(&[&["one", "two"]]));
}

/// 40,000 pairs one by one, which take some minutes: `cargo test --test all merging -- --include-ignored`.
#[test]
#[ignore = "takes minutes; run by hand"]
fn of_two_phases_the_table_is_the_same() {
    is_the_same_without_merging_and_symmetry(&plan(&[&["web"], &["one"]]));
}
