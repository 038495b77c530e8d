//! The rehearsal's run is the driver's run over HTTP: the same events at the same moments, and the same end. And its table does not depend
//! on what is merged.

use crate::support::in_memory::{NoVariables, schedule_of};
use crate::support::live;
use rollout_plan::engine::{Ending, Event, Moment, Options};
use rollout_plan::rehearse::{Budget, Case, Explored, Explorer, Mishap, Place, Rehearsal, setting};
use rollout_plan::schedule::Schedule;
use rollout_plan::world::{Config, Fault, Target, World};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What of an event must be the same: everything in it but places on the disk, and the words for how a connection broke.
fn telling(at: Moment, event: &Event) -> String {
    let mut value = serde_json::to_value(event).unwrap();
    strip(&mut value);
    format!("{} {value}", at.0.as_millis())
}

fn strip(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            for name in ["path", "options", "why", "actual", "evidence", "what", "text", "verdict", "cause"] {
                fields.remove(name);
            }
            fields.values_mut().for_each(strip);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

const RUN: &str = "a run";

/// Two services that are alike, one that another depends on, and a gate of each kind.
fn small() -> Arc<Schedule> {
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

fn config(schedule: &Schedule, faults: Vec<Fault>) -> Config {
    setting(schedule, &NoVariables, faults).config
}

fn explorer(schedule: &Arc<Schedule>) -> Explorer {
    let options = Options { run: RUN.into(), ..Options::default() };
    let place = Place::prepare(schedule, &NoVariables, Config::API_KEY, options).unwrap();
    let world = World::new(config(schedule, Vec::new())).in_brief();
    Explorer { place: Arc::new(place), world, symmetry: true, merging: true, workers: 2, budget: Budget { paths: u64::MAX } }
}

fn over_http(schedule: &Arc<Schedule>, config: Config) -> (Ending, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let left = runtime.block_on(async {
        let externals = config.externals.iter().map(|external| (external.host.clone(), external.port));
        let ports = (8000..=8009).chain(8080..=8082).map(|port| ("127.0.0.1".to_owned(), port));
        let addresses = ports.chain(externals).collect();
        let options = rollout_plan::sandbox::Options { addresses, ..rollout_plan::sandbox::Options::default() };
        let sandbox = rollout_plan::sandbox::Sandbox::start(World::new(config), options).await.unwrap();
        live::rollout_of(Arc::clone(schedule), RUN, &sandbox, folder.path(), Options::default()).await
    });
    (left.ending, left.journal.iter().map(|entry| telling(entry.at, &entry.event)).collect())
}

fn rehearsed(schedule: &Arc<Schedule>, config: Config) -> (Ending, Vec<String>) {
    let options = Options { run: RUN.into(), ..Options::default() };
    let place = Place::prepare(schedule, &NoVariables, Config::API_KEY, options).unwrap();
    let mut rehearsal = Rehearsal::new(&Arc::new(place), World::new(config).in_brief());
    let ending = rehearsal.finish().unwrap().clone();
    (ending, told(&rehearsal))
}

fn told(rehearsal: &Rehearsal) -> Vec<String> {
    rehearsal.told().iter().map(|(at, event)| telling(*at, event)).collect()
}

fn assert_alike(what: &str, there: &(Ending, Vec<String>), here: &(Ending, Vec<String>)) {
    for (one, other) in there.1.iter().zip(&here.1) {
        assert_eq!(one, other, "{what}: over HTTP, and rehearsed");
    }
    assert_eq!(there.1.len(), here.1.len(), "{what}");
    assert_eq!((&there.0.reason, there.0.facts, &there.0.live), (&here.0.reason, here.0.facts, &here.0.live), "{what}");
}

#[test]
fn a_rehearsal_of_the_example_is_the_run_over_http() {
    let schedule = live::seed();
    for faults in [&[] as &[&str], &["brain-api: crash-loop in core"], &["dokploy: restarts in core"], &["ai-agents: never-healthy"]] {
        let config = || live::config(Config::default(), faults);
        assert_alike(&format!("{faults:?}"), &over_http(&schedule, config()), &rehearsed(&schedule, config()));
    }
}

/// A generator that gives the same numbers for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits ^ (bits >> 31)) % bound as u64).unwrap()
    }
}

/// The kind of a case, without whom it strikes and for how long.
fn class(mishap: &Mishap) -> String {
    match mishap {
        Mishap::Killed(_) => "killed".to_owned(),
        Mishap::Fault(fault) => match &fault.target {
            Target::Service(_, kind) => format!("{kind:?}").split('(').next().unwrap().to_owned(),
            Target::Dokploy(kind) => format!("dokploy {kind:?}").split('(').next().unwrap().to_owned(),
            Target::External(_, kind) => format!("external {kind:?}"),
            Target::Network(_) => "network".to_owned(),
            Target::Gate(_, kind) => format!("gate {kind:?}"),
        },
    }
}

const PATHS: usize = 110;
const SEED: u64 = 20_261_129;

#[test]
fn paths_drawn_from_the_whole_space_go_over_http_as_they_were_rehearsed() {
    let schedule = small();
    let explorer = Explorer { symmetry: false, ..explorer(&schedule) };
    let cases = explorer.cases(&explorer.meant());
    let mut dice = Dice(SEED);
    let mut classes: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    for case in cases.iter().filter(|case| !matches!(case.mishap, Mishap::Killed(_))) {
        classes.entry(class(&case.mishap)).or_default().push(case);
    }
    // Of every class one, and any others until there are enough.
    let mut drawn: Vec<&Case> = classes.values().map(|of_class| of_class[dice.below(of_class.len())]).collect();
    let all: Vec<&Case> = classes.values().flatten().copied().collect();
    while drawn.len() < PATHS {
        drawn.push(all[dice.below(all.len())]);
    }
    let mut different = Vec::new();
    for case in drawn {
        let played = explorer.play(case, None);
        let Some(fault) = played.faults[0].clone() else { continue };
        let there = over_http(&schedule, config(&schedule, vec![fault.clone()]));
        let here = (played.run.ending().unwrap().clone(), told(&played.run));
        if there.1 != here.1 || there.0.facts != here.0.facts {
            let at = there.1.iter().zip(&here.1).position(|(one, other)| one != other).unwrap_or(there.1.len().min(here.1.len()));
            different.push(format!("seed {SEED}: {fault}\n  over HTTP: {:?}\n  rehearsed: {:?}", there.1.get(at), here.1.get(at)));
        }
    }
    // What goes away at the very instant of a call: over HTTP it hangs on the order in which the runtime lets two things of one instant happen
    // whether the call was refused or lost, and so how long it is asked again. Everything else is alike, and nothing else may differ.
    let at_one_instant = |what: &&String| what.contains("dokploy: down ") || what.contains("network: down ");
    assert!(
        different.iter().all(|what| at_one_instant(&what)) && different.len() <= PATHS / 10,
        "{} of {PATHS}:\n{}",
        different.len(),
        different.join("\n")
    );
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
