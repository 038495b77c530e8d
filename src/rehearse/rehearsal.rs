//! One run on virtual time: the driver's loop without a runtime. What waits is data, so that a clone is another future of the same past.
//!
//! The rules are those of [`crate::drive`]: inputs first, then everything that can be done at this instant, answers in the order of their
//! operations. Within an instant answers that are due come before changes of the world, these before whoever asks, and deadlines last.
//! `tests/agreement/` holds this loop against that one, event by event.

use super::place::Place;
use super::space::Mishap;
use super::{line, looking};
use crate::dokploy::{Next, Procedure, Reply, Session};
use crate::engine::{
    Answer, Approver, Effect, Ending, Engine, Event, Failure, FailureKind, Input, Intent, Moment, OpId, Options, Pace, Reading, Step,
    baseline_kept,
};
use crate::probe::{self, Outcome};
use crate::schedule::{ExpectationId, Schedule, ServiceName, without_user};
use crate::world::{Config, DokployFault, Fault, GateFault, Target, Truth, When, World};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Wakes in a row, at one moment, that change nothing: more than this is a bug in the engine.
const IDLE_WAKES: u32 = 1000;
/// Timers of the runtime know no less than this.
const TICK: Duration = Duration::from_millis(1);
/// Who agrees, where nobody is at a terminal.
const APPROVER: &str = "sandbox";

/// A run under way.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    place: Arc<Place>,
    engine: Engine,
    session: Session,
    world: World,
    /// Never goes back.
    now: Moment,
    inputs: VecDeque<Input>,
    tasks: BTreeMap<OpId, Task>,
    ready: Vec<(OpId, Input)>,
    pace: Pace,
    idle_wakes: u32,
    snapshots: Vec<(String, Arc<str>)>,
    told: Vec<(Moment, Arc<Event>)>,
    round: Option<Event>,
    /// Services whose last reading was no pass, and since when it is these.
    unwell: Vec<(Moment, BTreeSet<ServiceName>)>,
    /// When rounds of services were judged.
    rounds: Vec<Moment>,
    rollback_began: Option<Moment>,
    joints: u64,
    steps: u64,
}

/// How far a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    End,
    Moment(Moment),
    Joint,
}

/// An effect under way.
#[derive(Clone, Debug)]
enum Task {
    /// A procedure that goes on then, with these replies, each of which is there at its moment. `in_flight`: to calls whose connections are
    /// open until then.
    Asking { procedure: Box<Procedure>, remote: bool, replies: Vec<(Moment, Reply)>, in_flight: bool, at: Moment },
    /// A sample that begins then.
    Sampling { expectation: ExpectationId, called: Moment, at: Moment },
    /// A sample whose connection is open until then.
    Looking { expectation: ExpectationId, called: Moment, begun: Moment, outcome: Box<Outcome>, at: Moment },
    /// An answer that is there then.
    Answering { input: Box<Input>, at: Moment },
    /// Nobody answers.
    Silent,
}

impl Task {
    fn at(&self) -> Option<Moment> {
        match self {
            Self::Asking { at, .. } | Self::Sampling { at, .. } | Self::Looking { at, .. } | Self::Answering { at, .. } => Some(*at),
            Self::Silent => None,
        }
    }

    /// Whether a connection is open that breaks when whoever answers goes away.
    fn is_connected(&self) -> bool {
        matches!(self, Self::Asking { in_flight: true, .. } | Self::Looking { .. })
    }
}

impl Rehearsal {
    /// A run that is about to begin in this world, whose time has not begun either.
    pub fn new(place: &Arc<Place>, world: World) -> Self {
        let engine = Engine::new(Arc::clone(&place.schedule), place.options.clone());
        Self::with(place, world, engine, Moment::START)
    }

    fn with(place: &Arc<Place>, world: World, engine: Engine, now: Moment) -> Self {
        Self {
            session: place.session(&place.options.run),
            place: Arc::clone(place),
            engine,
            world,
            now,
            inputs: VecDeque::from([Input::Begin]),
            tasks: BTreeMap::new(),
            ready: Vec::new(),
            pace: Pace::default(),
            idle_wakes: 0,
            snapshots: Vec::new(),
            told: Vec::new(),
            round: None,
            unwell: Vec::new(),
            rounds: Vec::new(),
            rollback_began: None,
            joints: 0,
            steps: 0,
        }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// How it ended, once it has.
    pub fn ending(&self) -> Option<&Ending> {
        self.engine.ending()
    }

    /// Its durable events so far, and the rounds in short that a journal keeps, with their moments.
    pub fn told(&self) -> &[(Moment, Arc<Event>)] {
        &self.told
    }

    /// Services whose reading was no pass, each time these became others, and from when on.
    pub fn unwell(&self) -> &[(Moment, BTreeSet<ServiceName>)] {
        &self.unwell
    }

    /// When rounds of services were judged.
    pub fn rounds(&self) -> &[Moment] {
        &self.rounds
    }

    /// The plan.
    pub fn schedule(&self) -> &Arc<Schedule> {
        &self.place.schedule
    }

    /// The world around it.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Changes the world at this moment.
    pub fn change_world(&mut self, change: impl FnOnce(&mut World, Duration)) {
        change(&mut self.world, self.now.0);
    }

    /// Lets something go wrong at this moment.
    pub fn strike(&mut self, mishap: &Mishap) {
        match mishap {
            // At this moment, and not in the next deploy, as the fault of a world would have it.
            Mishap::Fault(Fault { target: Target::Dokploy(DokployFault::Restarts), when: When::Always, .. }) => {
                self.change_world(World::restart_dokploy);
            }
            Mishap::Fault(fault) => {
                let fault = fault.clone();
                self.change_world(|world, now| world.add_fault(now, fault));
            }
            Mishap::Killed(gap) => return self.be_killed(*gap),
        }
        self.break_connections();
    }

    /// The process is gone, with everything that was under way in it, and `gap` later another goes on by what was recorded.
    fn be_killed(&mut self, gap: Duration) {
        let past: Vec<(Moment, Event)> = self.told.iter().map(|(at, event)| (*at, (**event).clone())).collect();
        let last = past.last().map_or(Moment::START, |(at, _)| *at);
        let text = |path: &str| self.snapshots.iter().rev().find(|(place, _)| place == path).map(|(_, text)| text.to_string());
        let baseline = baseline_kept(&past).and_then(|(path, _)| text(path));
        let from = self.now + gap;
        let options = self.place.options.clone();
        let engine = Engine::resume(&self.place.schedule, options, &past, baseline, from - last);
        let (engine, session) = if let Ok(engine) = engine {
            (engine, self.place.session(&self.place.options.run))
        } else {
            // Nothing was done: whoever comes back begins anew.
            let options = Options { run: format!("{}-again", self.place.options.run), ..self.place.options.clone() };
            let session = self.place.session(&options.run);
            (Engine::new(Arc::clone(&self.place.schedule), options), session)
        };
        let world = std::mem::replace(&mut self.world, World::new(Config::default()));
        let rounds = std::mem::take(&mut self.rounds);
        let (snapshots, told, unwell) =
            (std::mem::take(&mut self.snapshots), std::mem::take(&mut self.told), std::mem::take(&mut self.unwell));
        let Self { rollback_began, joints, steps, .. } = *self;
        *self = Self {
            session,
            snapshots,
            told,
            unwell,
            rounds,
            rollback_began,
            joints,
            steps,
            ..Self::with(&self.place, world, engine, from)
        };
    }

    /// When a rollback began, if one did.
    pub fn rollback_began(&self) -> Option<Moment> {
        self.rollback_began
    }

    /// How many inputs the engine was given.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What is so around it, whatever it was told.
    pub fn truth(&mut self) -> Truth {
        self.world.truth(self.now.0)
    }

    /// A number for what is to come of the world around it, in which these services matter.
    pub fn signature(&mut self, matters: impl Fn(&str) -> bool) -> u64 {
        self.world.signature(self.now.0, matters)
    }

    /// Goes on until a rollback begins, or to its end. Gives whether one did.
    pub fn go_on_until_rollback(&mut self) -> bool {
        let before = self.rollback_began;
        while before == self.rollback_began && self.go_on_to_a_joint() {}
        before != self.rollback_began && self.engine.ending().is_none()
    }

    /// Goes on to the next joint, or to its end: a place at which many pasts may have come to the same. Gives whether it is at one.
    pub fn go_on_to_a_joint(&mut self) -> bool {
        let before = self.joints;
        self.go_on(Until::Joint);
        before != self.joints && self.engine.ending().is_none()
    }

    /// Whether everything under way began at this very moment: nothing of it depends on the past.
    pub fn is_at_a_joint(&self) -> bool {
        self.ready.is_empty() && self.tasks.values().all(|task| task.at() == Some(self.now) && !matches!(task, Task::Answering { .. }))
    }

    /// Goes on to its end.
    ///
    /// # Panics
    /// When the engine is never content with being woken: a bug of `plan`.
    pub fn finish(&mut self) -> Option<&Ending> {
        self.go_on(Until::End);
        self.engine.ending()
    }

    /// Goes on until everything before this moment has happened, or to its end.
    pub fn go_on_until(&mut self, moment: Moment) {
        self.go_on(Until::Moment(moment));
    }

    fn go_on(&mut self, until: Until) {
        let joints = self.joints;
        loop {
            if until == Until::Moment(self.now) {
                return;
            }
            while let Some(input) = self.inputs.pop_front() {
                self.step(input);
                let is_there = until == Until::Joint && joints != self.joints;
                if self.engine.ending().is_some() || is_there {
                    return;
                }
            }
            let wake = self.engine.next_wake();
            self.do_what_is_due();
            if wake.is_some_and(|wake| wake <= self.now) {
                if self.ready.is_empty() {
                    self.idle_wakes += 1;
                    assert!(
                        self.idle_wakes <= IDLE_WAKES,
                        "the engine wants to be woken at {:?} over and over; this is a bug in plan",
                        self.now
                    );
                    self.inputs.push_back(Input::Woke);
                } else {
                    self.drain();
                }
                continue;
            }
            if !self.ready.is_empty() {
                self.drain();
                continue;
            }
            self.idle_wakes = 0;
            let connected = self.tasks.values().any(Task::is_connected);
            let around = if connected { self.world.next_change().map(Moment) } else { None };
            let next = self.tasks.values().filter_map(Task::at).chain(wake).chain(around).min().map(whole_ticks);
            // Nothing will ever happen again: a path that does not end.
            let Some(next) = next else { return };
            if let Until::Moment(until) = until
                && next >= until
            {
                self.now = self.now.max(until);
                return;
            }
            self.now = self.now.max(next);
            if connected {
                self.break_connections();
            }
        }
    }

    /// Connections to what has gone away since are broken: what was asked is done all the same, and its answer does not come.
    fn break_connections(&mut self) {
        self.world.advance(self.now.0);
        let (now, is_up) = (self.now, self.world.dokploy_is_up());
        for task in self.tasks.values_mut() {
            match task {
                Task::Asking { replies, in_flight, at, .. } if *in_flight && !is_up && *at > now => {
                    for (_, reply) in replies.iter_mut().filter(|(at, _)| *at > now) {
                        *reply = Reply::Lost("the connection broke before the answer was whole: connection reset by peer".to_owned());
                    }
                    *at = now;
                }
                Task::Looking { expectation, outcome, at, .. }
                    if *at > now && looking::is_gone(&mut self.world, now.0, &self.place.request(*expectation).question) =>
                {
                    **outcome = Outcome::Closed;
                    *at = now;
                }
                _ => {}
            }
        }
    }

    /// Answers in the order of their operations; progress stays before the end.
    fn drain(&mut self) {
        self.ready.sort_by_key(|(op, _)| *op);
        self.inputs.extend(self.ready.drain(..).map(|(_, input)| input));
    }

    fn step(&mut self, input: Input) {
        self.steps += 1;
        let Step { events, effects } = self.engine.decide(self.now, input);
        for event in events {
            self.engine.apply(self.now, &event);
            self.tell(event);
        }
        for effect in effects {
            self.start(effect);
        }
    }

    fn tell(&mut self, event: Event) {
        if let Event::Round { services, .. } = &event {
            self.rounds.extend((!services.is_empty()).then_some(self.now));
            let unwell = || services.iter().filter(|(_, round)| round.reading != Reading::Pass).map(|(name, _)| name);
            if self.unwell.last().is_none_or(|(_, last)| !last.iter().eq(unwell())) {
                self.unwell.push((self.now, unwell().cloned().collect()));
            }
        }
        let is_joint = matches!(
            event,
            Event::DeployEnded { .. } | Event::Settled { .. } | Event::PhaseVerified { .. } | Event::RollbackStarted { .. }
        );
        self.joints += u64::from(is_joint);
        if matches!(event, Event::RollbackStarted { .. }) {
            self.rollback_began.get_or_insert(self.now);
        }
        if event.is_durable() {
            self.told.extend(self.round.take().map(|round| (self.now, Arc::new(round))));
            self.told.push((self.now, Arc::new(event)));
        } else if matches!(event, Event::Round { .. }) {
            self.round = event.round_in_short().or(self.round.take());
        }
    }

    fn start(&mut self, effect: Effect) {
        let now = self.now;
        let (op, task) = match effect {
            Effect::Platform { op, intent: Intent::Resolve(references) } => {
                self.world.advance(now.0);
                if !self.world.network_is_up() {
                    let repository = references.first().map_or("", |(repository, _)| repository.as_str());
                    let message = format!("{} cannot be reached: connection refused", without_user(repository));
                    let failure = Failure { kind: FailureKind::Unreachable, message, may_have_acted: false, tried_for: Duration::ZERO };
                    self.tasks.insert(op, answering(Input::Answered(op, Answer::Failed(failure)), now));
                    return;
                }
                let commit = |(repository, reference): &(String, String)| {
                    let commit = self.world.commit_of(repository, reference)?;
                    Some((format!("{}#{reference}", without_user(repository)), commit))
                };
                let commits = references.iter().filter_map(commit).collect();
                (op, answering(Input::Answered(op, Answer::Resolved(commits)), now))
            }
            Effect::Platform { op, intent } => {
                let procedure = self.session.begin(&intent).expect("only `Resolve` has no procedure");
                let remote = self.session.is_remote();
                (op, Task::Asking { procedure: Box::new(procedure), remote, replies: Vec::new(), in_flight: false, at: now })
            }
            Effect::Sample { op, expectation } => {
                let at = self.pace.place(now);
                (op, Task::Sampling { expectation, called: now, at })
            }
            Effect::Lock { op, .. } => (op, answering(Input::Locked(op), now)),
            Effect::Confirm { op, .. } => (op, answering(Input::Confirmed(op, true), now)),
            // Where nobody can be asked, the policy `ask` stops.
            Effect::AskRollback { op, .. } => (op, answering(Input::Confirmed(op, false), now)),
            Effect::Approve { op, gate, .. } => {
                let name = &self.place.schedule.gates[gate.0].name;
                let answered = |yes| answering(Input::Approved(op, Approver(APPROVER.to_owned()), yes), now);
                let task = match self.world.approval(now.0, name) {
                    None => answered(true),
                    Some(GateFault::Refused) => answered(false),
                    Some(GateFault::Silent) => Task::Silent,
                };
                (op, task)
            }
            Effect::AskHolder { op } => (op, Task::Silent),
            Effect::KeepSnapshot { op, name, text } => {
                let place = format!("snapshots/{name}.yml");
                self.snapshots.push((place.clone(), text.into()));
                return self.inputs.push_back(Input::Kept(op, place));
            }
            Effect::KeepEvidence { op, evidence } => {
                return self.inputs.push_back(Input::Kept(op, format!("evidence/{}", evidence.phase)));
            }
            Effect::Abandon { op } => {
                self.tasks.remove(&op);
                return;
            }
        };
        self.tasks.insert(op, task);
    }

    /// Lets everything go on that can at this instant.
    fn do_what_is_due(&mut self) {
        while let Some(op) = self.tasks.iter().find(|(_, task)| task.at().is_some_and(|at| at <= self.now)).map(|(op, _)| *op) {
            let Some(task) = self.tasks.remove(&op) else { return };
            if let Some(task) = self.go_on_with(op, task) {
                self.tasks.insert(op, task);
            }
        }
    }

    /// One turn of a task; gives what is left of it.
    fn go_on_with(&mut self, op: OpId, task: Task) -> Option<Task> {
        let now = self.now;
        match task {
            Task::Asking { mut procedure, remote, replies, .. } => {
                let turn = procedure.turn(now, replies.into_iter().map(|(_, reply)| reply).collect());
                let progress = turn.progress.into_iter().map(|step| (op, Input::Answered(op, Answer::Progress(step))));
                self.ready.extend(progress);
                match turn.next {
                    Next::Calls(calls) => {
                        let (key, world) = (&self.place.key, &mut self.world);
                        let answers = calls.iter().map(|call| line::call(world, now.0, key, call, remote));
                        let replies: Vec<(Moment, Reply)> = answers.map(|(reply, after)| (now + after, reply)).collect();
                        let at = replies.iter().map(|(at, _)| *at).max().unwrap_or(now);
                        Some(Task::Asking { procedure, remote, replies, in_flight: true, at })
                    }
                    Next::Wait(until) => {
                        Some(Task::Asking { procedure, remote, replies: Vec::new(), in_flight: false, at: whole_ticks(until) })
                    }
                    Next::Done(answer) => {
                        self.session.learn(&procedure);
                        self.ready.push((op, Input::Answered(op, answer)));
                        None
                    }
                }
            }
            Task::Sampling { expectation, called, at } => {
                let place = Arc::clone(&self.place);
                let request = place.request(expectation);
                let limit = request.limit(place.schedule.sampling.timeout);
                let (outcome, took) = looking::look(&mut self.world, at.0, &request.question, limit);
                let looking = Task::Looking { expectation, called, begun: at, outcome: Box::new(outcome), at: at + took };
                if took.is_zero() { self.go_on_with(op, looking) } else { Some(looking) }
            }
            Task::Looking { expectation, called, begun, outcome, at } => {
                let (request, took) = (self.place.request(expectation), at - begun);
                let sample = probe::judge_masked(request, self.session.masks(), &outcome, called + (at - called), took);
                self.ready.push((op, Input::Sampled(op, sample)));
                None
            }
            Task::Answering { input, .. } => {
                self.ready.push((op, *input));
                None
            }
            Task::Silent => Some(Task::Silent),
        }
    }
}

fn answering(input: Input, at: Moment) -> Task {
    Task::Answering { input: Box::new(input), at }
}

/// Timers fire on whole ticks, never early.
fn whole_ticks(moment: Moment) -> Moment {
    let nanos = moment.0.as_nanos().div_ceil(TICK.as_nanos()) * TICK.as_nanos();
    Moment(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
}
