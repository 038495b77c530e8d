//! The driver with everything real around it: engine, protocol, reqwest, probes and store, against the sandbox on loopback, at full speed.

use rollout_plan::check::{FileError, Files};
use rollout_plan::dokploy::{Masks, Session, Target};
use rollout_plan::drive::{
    Automatic, BaseUrl, Dokploy, Driven, HttpTransport, NoInterrupts, Outside, PacedClock, Probes, Report, Sources, Speed, install_tls, run,
};
use rollout_plan::engine::{Ending, Engine, Event, Failure, FailureKind, Moment, Options, Reason};
use rollout_plan::model::{self, Variables};
use rollout_plan::probe::{Asking, Tls};
use rollout_plan::sandbox::{self, Sandbox};
use rollout_plan::schedule::{self, Schedule};
use rollout_plan::source::SourceMap;
use rollout_plan::store::{self, Entry, Store};
use rollout_plan::world::{Config, External, Fault, LoggedCall, Speaks, World};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

struct Folder(&'static str);

impl Files for Folder {
    fn read(&self, path: &str) -> Result<String, FileError> {
        std::fs::read_to_string(Path::new(self.0).join(path)).map_err(|_| FileError::Missing)
    }

    fn beside(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

struct Unset;

impl Variables for Unset {
    fn get(&self, _: &str) -> Option<String> {
        None
    }
}

/// The world's own commits.
struct FromWorld;

impl Sources for FromWorld {
    async fn commit(&self, repository: &str, reference: &str) -> Result<String, Failure> {
        World::new(Config::default()).commit_of(repository, reference).ok_or_else(|| Failure {
            kind: FailureKind::NotFound,
            message: format!("{reference} is not there"),
            may_have_acted: false,
            tried_for: Duration::ZERO,
        })
    }
}

#[derive(Default)]
struct Times(Vec<Moment>);

impl Report for Times {
    fn event(&mut self, now: Moment, _: &Event) {
        self.0.push(now);
    }
}

fn seed() -> Arc<Schedule> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bizosaas");
    let text = std::fs::read_to_string(Path::new(folder).join("rollout.plan")).unwrap();
    let mut sources = SourceMap::default();
    let file = sources.add("rollout.plan", text.as_str());
    let prepared = schedule::prepare(&model::load(file, &text), &mut sources, &Folder(folder));
    Arc::new(prepared.schedule.unwrap_or_else(|| panic!("{:?}", prepared.diagnostics)))
}

fn ports() -> Vec<(String, u16)> {
    (8000..=8009).map(|port| ("127.0.0.1".to_owned(), port)).collect()
}

async fn sandbox(faults: &[&str]) -> Sandbox {
    let external =
        |(name, port): &(&str, u16)| External { name: (*name).to_owned(), host: "127.0.0.1".to_owned(), port: *port, speaks: Speaks::Tcp };
    let externals: Vec<External> = [("postgres", 5433), ("redis", 6380), ("temporal", 7233)].iter().map(external).collect();
    let addresses = ports().into_iter().chain(externals.iter().map(|external| (external.host.clone(), external.port))).collect();
    let faults = faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect();
    let world = World::new(Config { externals, faults, ..Config::default() });
    Sandbox::start(world, sandbox::Options { addresses, ..sandbox::Options::default() }).await.unwrap()
}

/// What one run left behind.
struct Left {
    ending: Ending,
    journal: Vec<Entry>,
    calls: Vec<LoggedCall>,
    times: Vec<Moment>,
}

/// Runs the seed's plan once, at full speed, as the command line would.
async fn rollout(id: &str, sandbox: &Sandbox, state: &Path) -> Left {
    install_tls();
    let schedule = seed();
    let clock = Rc::new(PacedClock::start(Speed::Max));
    let mut masks = Masks::default();
    masks.add_secret(&sandbox.api_key);
    let target = Target { project: "Backend".into(), environment: "staging".into(), compose: "backend".into() };
    let transport = HttpTransport::new(BaseUrl::parse(&sandbox.url).unwrap(), &sandbox.api_key).unwrap();
    let platform = Dokploy::new(Session::new(target, masks), transport, Rc::clone(&clock), FromWorld);
    let asking = Asking { connect_to: sandbox.connect_to.clone(), tls: Tls::default() };
    let prober = Probes::prepare(&schedule, &Unset, asking).unwrap();
    let outside = Outside { platform: Rc::new(platform), prober: Rc::new(prober), clock, people: Rc::new(Automatic) };

    let store = Store::open(Some(state.to_owned())).unwrap();
    let mut record = store.begin(id).unwrap();
    let mut times = Times::default();
    let engine = Engine::new(schedule, Options { run: id.into(), ..Options::default() });
    let before = sandbox.log().len();
    let driven = run(engine, outside, &mut record, &mut times, &mut NoInterrupts).await;
    let Driven::Ended(ending, None) = driven else { panic!("{driven:?}") };
    let journal = store::read(&store.journal(id)).unwrap();
    assert_eq!(journal.torn_at, None);
    Left { ending, journal: journal.entries, calls: sandbox.log().split_off(before), times: times.0 }
}

fn names(journal: &[Entry]) -> Vec<String> {
    let name = |entry: &Entry| serde_json::to_value(&entry.event).unwrap()["event"].as_str().unwrap().to_owned();
    journal.iter().map(name).collect()
}

#[tokio::test(start_paused = true)]
async fn the_seed_comes_up_in_four_phases_and_a_second_run_changes_nothing() {
    let state = tempfile::tempdir().unwrap();
    let sandbox = sandbox(&[]).await;
    let first = rollout("first", &sandbox, state.path()).await;
    let names = names(&first.journal);
    assert_eq!(first.ending.reason, Reason::Completed, "{}\n{names:?}", first.ending.verdict);
    assert_eq!(first.ending.healthy, (10, 10));
    assert_eq!(names.iter().filter(|name| *name == "phase-verified").count(), 4);
    assert!(first.times.is_sorted(), "time never goes back");

    let place = |name: &str| names.iter().position(|found| found == name).unwrap();
    assert!(place("snapshot-kept") < place("replacing") && place("replacing") < place("deploying"), "{names:?}");
    assert!(state.path().join("runs/first/snapshots/01-baseline.yml").is_file());

    let second = rollout("second", &sandbox, state.path()).await;
    assert_eq!(second.ending.reason, Reason::NothingToDo, "{}", second.ending.verdict);
    assert!(second.calls.iter().all(|call| !call.changes), "{:?}", second.calls);
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_is_rolled_back_with_its_evidence_on_disk_before() {
    let state = tempfile::tempdir().unwrap();
    let sandbox = sandbox(&["business-directory: crash-loop"]).await;
    let left = rollout("first", &sandbox, state.path()).await;
    let names = names(&left.journal);
    assert_eq!(left.ending.reason, Reason::PhaseFailed { phase: "business".into() }, "{}\n{names:?}", left.ending.verdict);
    assert_eq!((left.ending.live.as_deref(), left.ending.healthy), (Some("core"), (4, 4)), "{}", left.ending.verdict);
    let place = |name: &str| names.iter().rposition(|found| found == name).unwrap();
    assert!(place("evidence-kept") < place("rollback-started") && place("rollback-started") < place("rollback-verified"), "{names:?}");
    let evidence = state.path().join("runs/first/evidence/01-business");
    for file in ["compose.yml", "containers.json", "deploy.log", "logs/business-directory.log", "samples.jsonl", "cause.txt"] {
        assert!(evidence.join(file).is_file(), "{file}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_runs_against_equal_sandboxes_are_the_same() {
    let state = tempfile::tempdir().unwrap();
    let mut logs = Vec::new();
    for run in ["one", "two"] {
        let sandbox = sandbox(&["brain-api: slow-start 20s"]).await;
        let left = rollout(run, &sandbox, state.path()).await;
        let calls: Vec<String> =
            left.calls.iter().map(|call| format!("{} {} {} {}", call.at_ms, call.method, call.procedure, call.status)).collect();
        logs.push((left.ending.reason, calls, left.times));
    }
    assert_eq!(logs[0], logs[1]);
}
