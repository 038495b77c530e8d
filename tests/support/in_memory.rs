//! A run in memory: engine, protocol and judging of samples as they are, straight over a [`World`], on virtual time. No sockets, no HTTP,
//! nothing on disk unless the test wants it: a whole rollout takes milliseconds.
//!
//! [`InMemory`] is a Dokploy and its services. Every call to its API passes the test's [`Weather`] first, which says what happens to it. Several
//! runs, one after the other or at once, may share one `InMemory`: clones are the same world.
//!
//! To crash a run at a call: let the weather answer [`Fate::Broken`] with [`Breakage::Hang`] and wake the test, which drops the run's future.
//! The clock must be paused: use [`on_virtual_time`].

use rollout_plan::check::{FileError, Files};
use rollout_plan::dokploy::{Masks, Session, Target};
use rollout_plan::drive::{
    AlwaysFree, AsTold, Dokploy, Driven, Interrupts, Limits, NoInterrupts, Outside, PacedClock, Prober, Record, Report, Sources, Speed,
    Told, Transport, TransportError, run,
};
use rollout_plan::engine::{Engine, Event, Evidence, Failure, FailureKind, Moment, Options, Sample};
use rollout_plan::model::{self, Variables};
use rollout_plan::probe::{self, Request, judge};
use rollout_plan::rehearse::{api_request, http_response, look};
use rollout_plan::schedule::{self, ExpectationId, GateId, Schedule};
use rollout_plan::source::SourceMap;
use rollout_plan::wire::{HttpRequest, HttpResponse, Method};
use rollout_plan::world::{Config, GateFault, World};
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Runs a future to its end on a paused clock, without I/O.
pub fn on_virtual_time<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// One call to Dokploy's API as it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Counts from 1.
    pub number: usize,
    /// World time.
    pub at: Duration,
    /// `compose.deploy`.
    pub procedure: String,
    /// Whether it may change something.
    pub is_write: bool,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Dokploy takes it and answers.
    Answered,
    /// The same, so much later than usual.
    Late(Duration),
    /// No connection: it never left.
    Refused,
    /// Dokploy takes it and restarts before it answers.
    TakenThenRestart,
    /// Its answer does not come, or is another one. `acts`: whether Dokploy took the call all the same.
    Broken {
        /// Whether Dokploy took the call.
        acts: bool,
        /// What comes instead of its answer.
        how: Breakage,
    },
}

/// What comes instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breakage {
    /// The connection is reset.
    Reset,
    /// Nothing, until the client's time is over.
    Hang,
    /// Something else.
    Instead(HttpResponse),
    /// The first half of the answer's body, as a proxy that was cut off may send it.
    Half,
    /// JSON of other types: objects for lists, numbers for texts.
    OtherTypes,
}

/// What happens to calls: asked for each one, before it leaves. It may also change the world at that moment, given as world time.
pub type Weather = Box<dyn FnMut(&Sent, &mut World, Duration) -> Fate>;

/// A Dokploy in memory, with everything that runs on it. Its time starts when it is made. Clones are the same one.
#[derive(Clone)]
pub struct InMemory {
    world: Rc<RefCell<World>>,
    started: Instant,
    offset: Duration,
    weather: Rc<RefCell<Weather>>,
    sent: Rc<RefCell<Vec<Sent>>>,
}

impl InMemory {
    /// This world, in fair weather.
    pub fn new(world: World) -> Self {
        Self::at(world, Duration::ZERO)
    }

    /// This world, whose time is this already, in fair weather.
    pub fn at(world: World, offset: Duration) -> Self {
        let weather: Weather = Box::new(|_, _, _| Fate::Answered);
        Self {
            world: Rc::new(RefCell::new(world)),
            started: Instant::now(),
            offset,
            weather: Rc::new(RefCell::new(weather)),
            sent: Rc::default(),
        }
    }

    /// The same place, seen from another machine: with calls and weather of its own.
    pub fn elsewhere(&self) -> Self {
        let fair: Weather = Box::new(|_, _, _| Fate::Answered);
        Self { weather: Rc::new(RefCell::new(fair)), sent: Rc::default(), ..self.clone() }
    }

    /// Says what happens to calls from now on.
    pub fn set_weather(&self, weather: impl FnMut(&Sent, &mut World, Duration) -> Fate + 'static) {
        *self.weather.borrow_mut() = Box::new(weather);
    }

    /// Looks into the world, or changes it, at this moment.
    pub fn with_world<T>(&self, look: impl FnOnce(&mut World, Duration) -> T) -> T {
        let now = self.now();
        look(&mut self.world.borrow_mut(), now)
    }

    /// Waits so long; whether connections to Dokploy last that long.
    async fn stays_up(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        loop {
            let next = self.with_world(|world, now| {
                world.advance(now);
                world.dokploy_is_up().then(|| world.next_change().map_or(Duration::MAX, |at| at.saturating_sub(now)))
            });
            let Some(next) = next else { return false };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            sleep(left.min(next)).await;
        }
    }

    /// World time.
    pub fn now(&self) -> Duration {
        self.offset + self.started.elapsed()
    }

    /// Every call that was sent, whatever became of it, oldest first.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.borrow().clone()
    }

    /// One run to its end, as the command line would do it, with everybody agreeing to everything.
    pub async fn run(&self, schedule: &Arc<Schedule>, options: Options, record: &mut dyn Record) -> Driven {
        self.run_with(Engine::new(Arc::clone(schedule), options), schedule, record, &mut Unseen, &mut NoInterrupts).await
    }

    /// The same with an engine of the test's own making (one that resumes, say), somebody who watches, and interrupts.
    pub async fn run_with(
        &self,
        engine: Engine,
        schedule: &Arc<Schedule>,
        record: &mut dyn Record,
        report: &mut dyn Report,
        interrupts: &mut impl Interrupts,
    ) -> Driven {
        self.run_from(Moment::START, engine, schedule, record, report, interrupts).await
    }

    /// The same from a moment on: a run that goes on.
    pub async fn run_from(
        &self,
        from: Moment,
        engine: Engine,
        schedule: &Arc<Schedule>,
        record: &mut dyn Record,
        report: &mut dyn Report,
        interrupts: &mut impl Interrupts,
    ) -> Driven {
        let clock = Rc::new(PacedClock::start_at(Speed::Max, from));
        let key = self.world.borrow().api_key().to_owned();
        let mut masks = Masks::default();
        masks.add_secret(&key);
        let target = Target { project: "Backend".into(), environment: "staging".into(), compose: "backend".into() };
        let platform =
            Dokploy::new(Session::new(target, masks).jittered_by("a run"), Line { to: self.clone(), key }, Rc::clone(&clock), FromWorld);
        let prober = Look::prepare(schedule, self.clone());
        let (place, gates) = (self.clone(), Arc::clone(schedule));
        let people = AsTold(move |gate: GateId| place.with_world(|world, now| told(world.approval(now, &gates.gates[gate.0].name))));
        let outside =
            Outside { platform: Rc::new(platform), prober: Rc::new(prober), clock, people: Rc::new(people), locks: Rc::new(AlwaysFree) };
        run(engine, outside, record, report, interrupts).await
    }
}

/// What an approver does whom a fault may speak for.
pub fn told(fault: Option<GateFault>) -> Told {
    match fault {
        None => Told::Yes,
        Some(GateFault::Refused) => Told::No,
        Some(GateFault::Silent) => Told::Nothing,
    }
}

/// The transport: one call to one world.
struct Line {
    to: InMemory,
    key: String,
}

impl Transport for Line {
    async fn send(&self, request: HttpRequest, limits: Limits) -> Result<HttpResponse, TransportError> {
        let fate = self.fate(&request);
        let lost = |message: &str| Err(TransportError { may_have_left: true, message: message.into() });
        let (acts, late, how) = match fate {
            Fate::Refused => return refused(),
            Fate::Answered => (true, Duration::ZERO, None),
            Fate::Late(late) => (true, late, None),
            Fate::Broken { acts, how } => (acts, Duration::ZERO, Some(how)),
            Fate::TakenThenRestart => {
                let request = api_request(&request, &self.key);
                self.to.with_world(|world, now| {
                    world.api(now, &request);
                    world.restart_dokploy(now);
                });
                return lost("the connection broke before the answer was whole: connection reset by peer");
            }
        };
        let answer = if acts {
            let request = api_request(&request, &self.key);
            // Nothing listens while Dokploy restarts.
            match self.to.with_world(|world, now| world.api(now, &request)) {
                Some(answer) => Some(answer),
                None => return refused(),
            }
        } else {
            None
        };
        let takes = match how {
            Some(Breakage::Hang) => Duration::MAX,
            _ => answer.as_ref().map_or(Duration::ZERO, |answer| answer.after) + late,
        };
        // A connection breaks when whoever answers goes away, or when the answer is lost on its way.
        if !self.to.stays_up(takes.min(limits.answer)).await || (takes < limits.answer && answer.as_ref().is_some_and(|answer| answer.lost))
        {
            return lost("the connection broke before the answer was whole: connection reset by peer");
        }
        if takes >= limits.answer {
            return lost(&format!("no whole answer within {} s", limits.answer.as_secs_f32()));
        }
        match how {
            None => answer.map(http_response).map_or_else(|| lost("no answer"), Ok),
            Some(Breakage::Reset | Breakage::Hang) => lost("the connection broke before the answer was whole: connection reset by peer"),
            Some(Breakage::Instead(response)) => Ok(response),
            Some(Breakage::Half) => {
                let mut response = answer.map_or_else(|| json_response("{\"message\": \"Unau"), http_response);
                response.body.truncate(response.body.len().div_ceil(2).max(1));
                Ok(response)
            }
            Some(Breakage::OtherTypes) => {
                let response = answer.map_or_else(|| json_response("true"), http_response);
                Ok(HttpResponse { body: other_types(&response.body), ..response })
            }
        }
    }
}

impl Line {
    fn fate(&self, request: &HttpRequest) -> Fate {
        let path = request.path.split('?').next().unwrap_or_default();
        let procedure = path.rsplit('/').next().unwrap_or_default().to_owned();
        let mut sent = self.to.sent.borrow_mut();
        let call = Sent { number: sent.len() + 1, at: self.to.now(), procedure, is_write: request.method == Method::Post };
        sent.push(call.clone());
        drop(sent);
        self.to.with_world(|world, now| {
            world.advance(now);
            (self.to.weather.borrow_mut())(&call, world, now)
        })
    }
}

fn refused<T>() -> Result<T, TransportError> {
    Err(TransportError { may_have_left: false, message: "no connection: connection refused".into() })
}

/// A 200 with this JSON.
pub fn json_response(body: &str) -> HttpResponse {
    HttpResponse { status: 200, content_type: Some("application/json".into()), body: body.as_bytes().to_vec() }
}

/// The same JSON with every type another one.
fn other_types(body: &[u8]) -> Vec<u8> {
    use serde_json::{Value, json};
    let other = match serde_json::from_slice(body) {
        Ok(Value::Array(_)) => json!({"items": 7}),
        Ok(Value::Object(fields)) => fields.keys().map(|name| (name.clone(), json!([]))).collect(),
        Ok(Value::String(_)) => json!(7),
        _ => json!("seven"),
    };
    other.to_string().into_bytes()
}

/// The prober: the real questions and judgements, asked of the world.
struct Look {
    requests: Vec<Option<Request>>,
    timeout: Duration,
    at: InMemory,
}

impl Look {
    fn prepare(schedule: &Schedule, at: InMemory) -> Self {
        let prepared = schedule.expectations.iter().map(|expectation| probe::prepare(&expectation.probe, &NoVariables).unwrap());
        Self { requests: prepared.collect(), timeout: schedule.sampling.timeout, at }
    }
}

impl Prober for Look {
    async fn sample(&self, expectation: ExpectationId, now: Moment) -> Sample {
        let request = self.requests[expectation.0].as_ref().unwrap();
        let (outcome, took) = self.at.with_world(|world, now| look(world, now, &request.question, self.timeout));
        sleep(took).await;
        judge(request, &outcome, now + took, took)
    }
}

/// An environment that sets nothing.
pub struct NoVariables;

impl Variables for NoVariables {
    fn get(&self, _: &str) -> Option<String> {
        None
    }
}

/// The world's own commits.
pub struct FromWorld;

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

/// Nobody watches.
pub struct Unseen;

impl Report for Unseen {
    fn event(&mut self, _: Moment, _: &Event) {}
}

/// A record that keeps everything in memory: as good as a synced one for as long as the test lives.
#[derive(Clone, Debug, Default)]
pub struct InMind {
    /// The journal.
    pub events: Vec<(Moment, Event)>,
    /// Snapshots as (name, text).
    pub snapshots: Vec<(String, String)>,
    /// Evidence.
    pub evidence: Vec<Evidence>,
}

impl InMind {
    /// The text of the snapshot at this place.
    pub fn snapshot(&self, place: &str) -> Option<String> {
        let kept = self.snapshots.iter().rev().find(|(name, _)| place_of(name) == place);
        kept.map(|(_, text)| text.clone())
    }
}

fn place_of(name: &str) -> String {
    format!("/in-mind/{name}.yml")
}

impl Record for InMind {
    fn append(&mut self, now: Moment, events: &[Event]) -> Result<(), String> {
        self.events.extend(events.iter().map(|event| (now, event.clone())));
        Ok(())
    }

    fn keep_snapshot(&mut self, name: &str, text: &str) -> Result<String, String> {
        self.snapshots.push((name.to_owned(), text.to_owned()));
        Ok(place_of(name))
    }

    fn keep_evidence(&mut self, evidence: &Evidence) -> Result<String, String> {
        self.evidence.push(evidence.clone());
        Ok("/in-mind/evidence".to_owned())
    }
}

struct Folder<'a>(&'a [(&'a str, &'a str)]);

impl Files for Folder<'_> {
    fn read(&self, path: &str) -> Result<String, FileError> {
        self.0.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned()).ok_or(FileError::Missing)
    }

    fn beside(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

/// The schedule of these files, the first of which is the plan.
///
/// # Panics
/// When the plan has errors.
pub fn schedule_of(files: &[(&str, &str)]) -> Arc<Schedule> {
    let (name, text) = files[0];
    let mut sources = SourceMap::default();
    let file = sources.add(name, text);
    let prepared = schedule::prepare(&model::load(file, text), &mut sources, &Folder(files));
    Arc::new(prepared.schedule.unwrap_or_else(|| panic!("{:?}", prepared.diagnostics)))
}
