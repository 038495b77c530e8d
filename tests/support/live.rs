//! A run in the test's process, on virtual time: engine, protocol, reqwest, probes and store, against a sandbox on loopback.

use super::in_memory::{FromWorld, NoVariables, told};
use rollout_plan::check::{FileError, Files};
use rollout_plan::dokploy::{Masks, Session, Target};
use rollout_plan::drive::{
    AlwaysFree, Approve, AsTold, BaseUrl, Dokploy, Driven, HttpTransport, NoInterrupts, Outside, PacedClock, Probes, Record, Report, Speed,
    install_tls, run,
};
use rollout_plan::engine::{Ending, Engine, Event, Moment, Options};
use rollout_plan::model;
use rollout_plan::probe::Asking;
use rollout_plan::sandbox::{self, Sandbox};
use rollout_plan::schedule::{self, GateId, Schedule};
use rollout_plan::source::SourceMap;
use rollout_plan::store::{self, Entry, Store};
use rollout_plan::world::{Config, External, Fault, LoggedCall, Speaks, World};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// The plan's files: those of the example, and others in their place.
struct Folder<'a>(&'a [(&'a str, String)]);

impl Files for Folder<'_> {
    fn read(&self, path: &str) -> Result<String, FileError> {
        match self.0.iter().find(|(name, _)| *name == path) {
            Some((_, text)) => Ok(text.clone()),
            None => std::fs::read_to_string(Path::new(EXAMPLE).join(path)).map_err(|_| FileError::Missing),
        }
    }

    fn beside(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bizosaas");

#[derive(Default)]
struct Times(Vec<Moment>);

impl Report for Times {
    fn event(&mut self, now: Moment, _: &Event) {
        self.0.push(now);
    }
}

struct Both<'a>(Times, &'a mut dyn Report);

impl Report for Both<'_> {
    fn event(&mut self, now: Moment, event: &Event) {
        self.0.event(now, event);
        self.1.event(now, event);
    }
}

/// The example's plan.
pub fn seed() -> Arc<Schedule> {
    seed_with(&[])
}

/// The example's plan, with some of its files replaced.
pub fn seed_with(files: &[(&str, String)]) -> Arc<Schedule> {
    let files = Folder(files);
    let text = files.read("rollout.plan").unwrap();
    let mut sources = SourceMap::default();
    let file = sources.add("rollout.plan", text.as_str());
    let prepared = schedule::prepare(&model::load(file, &text), &mut sources, &files);
    Arc::new(prepared.schedule.unwrap_or_else(|| panic!("{:?}", prepared.diagnostics)))
}

fn ports() -> Vec<(String, u16)> {
    (8000..=8009).map(|port| ("127.0.0.1".to_owned(), port)).collect()
}

/// The example's world with these faults.
pub async fn sandbox(faults: &[&str]) -> Sandbox {
    sandbox_of(Config::default(), faults).await
}

/// A world with the example's externals and these faults.
pub async fn sandbox_of(config: Config, faults: &[&str]) -> Sandbox {
    let config = self::config(config, faults);
    let externals = config.externals.iter().map(|external| (external.host.clone(), external.port));
    let addresses = ports().into_iter().chain(externals).collect();
    Sandbox::start(World::new(config), sandbox::Options { addresses, ..sandbox::Options::default() }).await.unwrap()
}

/// What there is with the example's externals and these faults.
pub fn config(config: Config, faults: &[&str]) -> Config {
    let external =
        |(name, port): &(&str, u16)| External { name: (*name).to_owned(), host: "127.0.0.1".to_owned(), port: *port, speaks: Speaks::Tcp };
    let externals = [("postgres", 5433), ("redis", 6380), ("temporal", 7233)].iter().map(external).collect();
    let faults = faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect();
    Config { externals, faults, ..config }
}

/// What one run left behind.
pub struct Left {
    pub ending: Ending,
    pub journal: Vec<Entry>,
    pub calls: Vec<LoggedCall>,
    pub times: Vec<Moment>,
}

/// Runs the example's plan once, at full speed, as the command line would.
pub async fn rollout(id: &str, sandbox: &Sandbox, state: &Path) -> Left {
    rollout_of(seed(), id, sandbox, state, Options::default()).await
}

/// Runs a plan once, at full speed, as the command line would.
pub async fn rollout_of(schedule: Arc<Schedule>, id: &str, sandbox: &Sandbox, state: &Path, options: Options) -> Left {
    rollout_told(schedule, id, sandbox, state, options, &mut Times::default()).await
}

/// The same, told to somebody.
pub async fn rollout_told(
    schedule: Arc<Schedule>,
    id: &str,
    sandbox: &Sandbox,
    state: &Path,
    options: Options,
    listener: &mut dyn Report,
) -> Left {
    let people = people_of(&schedule, sandbox);
    rollout_asking(schedule, id, sandbox, state, options, listener, people).await
}

/// People who do as the faults of a sandbox have them do.
pub fn people_of(schedule: &Arc<Schedule>, sandbox: &Sandbox) -> impl Approve + 'static {
    let (gates, world) = (Arc::clone(schedule), sandbox.access());
    AsTold(move |gate: GateId| told(world.with_world(|world, now| world.approval(now, &gates.gates[gate.0].name))))
}

/// The same, with somebody to ask.
pub async fn rollout_asking<P: Approve + 'static>(
    schedule: Arc<Schedule>,
    id: &str,
    sandbox: &Sandbox,
    state: &Path,
    options: Options,
    listener: &mut dyn Report,
    people: P,
) -> Left {
    let store = Store::open(Some(state.to_owned())).unwrap();
    let known_runs =
        std::fs::read_dir(state.join("runs")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut record = store.begin(id).unwrap();
    let mut times = Both(Times::default(), listener);
    let engine = Engine::new(Arc::clone(&schedule), Options { run: id.into(), known_runs, ..options });
    let before = sandbox.log().len();
    let driven = drive(engine, Moment::START, &schedule, sandbox, &mut record, &mut times, people).await;
    let Driven::Ended(ending, None) = driven else { panic!("{driven:?}") };
    let journal = store::read(&store.journal(id)).unwrap();
    assert_eq!(journal.torn_at, None);
    Left { ending, journal: journal.entries, calls: sandbox.log().split_off(before), times: times.0.0 }
}

/// What a process of the command line does from a moment on, at full speed.
pub async fn drive<P: Approve + 'static>(
    engine: Engine,
    from: Moment,
    schedule: &Schedule,
    sandbox: &Sandbox,
    record: &mut dyn Record,
    report: &mut dyn Report,
    people: P,
) -> Driven {
    install_tls();
    let clock = Rc::new(PacedClock::start_at(Speed::Max, from));
    let mut masks = Masks::default();
    masks.add_secret(&sandbox.api_key);
    let target = Target { project: "Backend".into(), environment: "staging".into(), compose: "backend".into() };
    let transport = HttpTransport::new(BaseUrl::parse(&sandbox.url).unwrap(), &sandbox.api_key).unwrap();
    let platform = Dokploy::new(Session::new(target, masks).jittered_by("a run"), transport, Rc::clone(&clock), FromWorld);
    let asking = Asking { connect_to: sandbox.connect_to.clone(), ..Asking::default() };
    let prober = Probes::prepare(schedule, &NoVariables, asking).unwrap();
    let outside =
        Outside { platform: Rc::new(platform), prober: Rc::new(prober), clock, people: Rc::new(people), locks: Rc::new(AlwaysFree) };
    run(engine, outside, record, report, &mut NoInterrupts).await
}

/// The kinds of events, in order.
pub fn names(journal: &[Entry]) -> Vec<String> {
    journal.iter().map(|entry| name(&entry.event)).collect()
}

/// The kind of an event.
pub fn name(event: &Event) -> String {
    serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned()
}
