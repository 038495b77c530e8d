//! A platform of a few closures on virtual time, and a driver for it. Not a model of Dokploy: just enough to answer the engine, kindly or
//! not. The driver holds the engine to its contract: `decide` is pure, and events alone carry the state.

use rollout_plan::engine::*;
use rollout_plan::schedule::{Schedule, Subject, is_phase};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::plan::seconds;

/// How a service behaves once a deploy made its container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Behaviour {
    Well,
    /// Answers only after so long.
    Slow(Duration),
    CrashLoop,
    /// Runs and never answers well.
    Unhealthy,
    /// Exits with 1 and stays so.
    Exits,
}

/// How a deploy ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Deploying {
    Done,
    /// Fails before any container is touched, with this log.
    Fails(Vec<String>),
    /// Dokploy is restarted in the middle of it, before any container is touched.
    Cancelled,
    NeverStarts,
    /// Its row is never final.
    Hangs,
    /// Somebody else's deploy of this title is before it.
    Overtaken(String),
    /// Waits in the queue for ever; whether it can be withdrawn.
    Queues(bool),
}

/// A container of the fake.
#[derive(Clone, Debug)]
pub struct Made {
    id: u64,
    at: Moment,
    pub behaviour: Behaviour,
    pub is_stopped: bool,
}

type Meddle = Box<dyn Fn(u64, &mut String)>;
type Choice<T> = Box<dyn Fn(&str, u64) -> T>;

pub struct Fake {
    pub schedule: Arc<Schedule>,
    pub text: String,
    pub containers: BTreeMap<String, Made>,
    /// Services of texts that are no phase of the plan.
    pub foreign: BTreeSet<String>,
    /// By service and number of the deploy, counted from 1.
    pub behaviour: Choice<Behaviour>,
    /// By marker and number of the deploy.
    pub deploying: Choice<Deploying>,
    /// Services whose containers a deploy replaces, by marker and number of the deploy.
    pub replaces: Choice<BTreeSet<String>>,
    /// Whether the containers can be told, by time.
    pub is_seen: Box<dyn Fn(Moment) -> bool>,
    /// Reading of externals, by time.
    pub external: Box<dyn Fn(Moment) -> Reading>,
    pub approves: Option<bool>,
    pub confirms: bool,
    pub survey: Box<dyn Fn(&mut Survey)>,
    /// Called before a text is replaced; may change it, as somebody else would.
    pub meddle: Meddle,
    /// Whether the app is still the run's, by number of the deploy; by the text when there is no answer.
    pub still_ours: Box<dyn Fn(u64) -> Option<Answer>>,
    pub interrupt_at: Option<Moment>,
    /// Said at these times, besides the answers.
    pub also: Vec<(Moment, Input)>,
    /// Other runs that hold the app one after the other, and for how long.
    pub holders: Vec<(String, Duration)>,
    /// What the holder makes of being asked to fail its phase.
    pub heard: Result<HolderHeard, String>,
    /// A service that stops answering at that time.
    pub dies: Option<(String, Moment)>,
    /// A service that the deploy of that number breaks without touching its container.
    pub breaks: Option<(u64, String)>,
    /// Marker of the newest deploy, when it ended as done.
    pub last_done: Option<String>,
    deploys: u64,
    replacements: u64,
    made: u64,
}

impl Fake {
    pub fn new(schedule: Schedule) -> Self {
        Self {
            schedule: Arc::new(schedule),
            text: String::new(),
            containers: BTreeMap::new(),
            foreign: BTreeSet::new(),
            behaviour: Box::new(|_, _| Behaviour::Well),
            deploying: Box::new(|_, _| Deploying::Done),
            replaces: Box::new(|_, _| BTreeSet::new()),
            is_seen: Box::new(|_| true),
            external: Box::new(|_| Reading::Pass),
            approves: Some(true),
            confirms: true,
            survey: Box::new(|_| {}),
            meddle: Box::new(|_, _| {}),
            still_ours: Box::new(|_| None),
            interrupt_at: None,
            also: Vec::new(),
            holders: Vec::new(),
            heard: Ok(HolderHeard::Taken),
            dies: None,
            breaks: None,
            last_done: None,
            deploys: 0,
            replacements: 0,
            made: 0,
        }
    }

    pub fn make(&mut self, service: &str, at: Moment, behaviour: Behaviour) {
        self.made += 1;
        self.containers.insert(service.to_owned(), Made { id: self.made, at, behaviour, is_stopped: false });
    }

    fn services_of(&self, text: &str) -> BTreeSet<String> {
        let phase = self.schedule.phases.iter().find(|phase| is_phase(phase, text));
        phase.map_or_else(|| if text.trim().is_empty() { BTreeSet::new() } else { self.foreign.clone() }, |phase| phase.services.clone())
    }

    fn observed(&self, now: Moment) -> Observed {
        if !(self.is_seen)(now) {
            return Observed::Unknown("docker gave an empty list".to_owned());
        }
        let container = |(service, made): (&String, &Made)| {
            let age = now - made.at;
            let restarts = if made.behaviour == Behaviour::CrashLoop { age.as_secs() / 4 } else { 0 };
            let state = match made.behaviour {
                _ if made.is_stopped => ContainerState::Exited(0),
                Behaviour::CrashLoop if !age.as_secs().is_multiple_of(4) => ContainerState::Restarting,
                Behaviour::Exits => ContainerState::Exited(1),
                _ => ContainerState::Running,
            };
            Container {
                id: ContainerId(format!("{:012x}", made.id)),
                name: format!("app-{service}-1"),
                service: service.clone(),
                state,
                restarts,
                started_at: format!("{}+{restarts}", made.at.0.as_secs()),
                health: None,
                oom_killed: false,
                restarts_itself: made.behaviour == Behaviour::CrashLoop,
                image: service.clone(),
                image_id: format!("sha256:{service}"),
            }
        };
        // As Dokploy: an empty list may be none, or Docker that is down.
        if self.containers.is_empty() {
            return Observed::Unknown("an empty list".to_owned());
        }
        Observed::Known(self.containers.iter().map(container).collect())
    }

    fn sample(&self, expectation: usize, now: Moment) -> Sample {
        let expectation = &self.schedule.expectations[expectation];
        let reading = match &expectation.subject {
            Subject::Service(name) => match self.containers.get(name) {
                Some(made) if !made.is_stopped => match made.behaviour {
                    _ if self.dies.as_ref().is_some_and(|(who, at)| who == name && now >= *at) => Reading::Fail,
                    _ if self.breaks.as_ref().is_some_and(|(number, who)| who == name && self.deploys >= *number) => Reading::Fail,
                    Behaviour::Well => Reading::Pass,
                    Behaviour::Slow(boot) if now - made.at >= boot => Reading::Pass,
                    _ => Reading::Fail,
                },
                _ => Reading::Fail,
            },
            _ => (self.external)(now),
        };
        let actual = if reading == Reading::Pass { "accepted" } else { "refused" };
        Sample { reading, expected: "accepts".to_owned(), actual: actual.to_owned(), at: now, took_ms: 10 }
    }

    /// Carries out an effect; answers come after a delay.
    pub fn perform(&mut self, now: Moment, effect: &Effect) -> Vec<(Duration, Input)> {
        let soon = |input| vec![(Duration::from_millis(10), input)];
        match effect {
            Effect::Sample { op, expectation } => soon(Input::Sampled(*op, self.sample(expectation.0, now))),
            Effect::KeepSnapshot { op, name, .. } => soon(Input::Kept(*op, format!("snapshots/{name}"))),
            Effect::KeepEvidence { op, .. } => soon(Input::Kept(*op, "evidence".to_owned())),
            Effect::Confirm { op, .. } => soon(Input::Confirmed(*op, self.confirms)),
            Effect::AskRollback { op, .. } => soon(Input::Confirmed(*op, false)),
            Effect::Approve { op, .. } => match self.approves {
                Some(yes) => vec![(seconds(60), Input::Approved(*op, Approver("ada".to_owned()), yes))],
                None => vec![],
            },
            Effect::Abandon { .. } => vec![],
            Effect::Lock { op, .. } => self.lock(*op),
            Effect::AskHolder { op } => vec![(seconds(1), Input::HolderAsked(*op, self.heard.clone()))],
            Effect::Platform { op, intent } => {
                let answers = self.answer(now, intent);
                answers.into_iter().map(|(delay, answer)| (delay, Input::Answered(*op, answer))).collect()
            }
        }
    }

    /// Who holds the app when the run comes, each for so long.
    fn lock(&self, op: OpId) -> Vec<(Duration, Input)> {
        let mut at = Duration::ZERO;
        let mut answers = Vec::new();
        for (holder, takes) in &self.holders {
            answers.push((at, Input::LockHeld(op, holder.clone())));
            at += *takes;
        }
        answers.push((at, Input::Locked(op)));
        answers
    }

    fn answer(&mut self, now: Moment, intent: &Intent) -> Vec<(Duration, Answer)> {
        let soon = |answer| vec![(Duration::from_millis(20), answer)];
        match intent {
            // At once, as is the lock: the survey is a run's first reading.
            Intent::Find => vec![(Duration::ZERO, Answer::Found { compose: "c1".to_owned() })],
            Intent::Survey => {
                let mut survey = Survey {
                    version: "v0.30.2".to_owned(),
                    compose_id: "c1".to_owned(),
                    app_name: "app".to_owned(),
                    text: self.text.clone(),
                    environment_bytes: 100,
                    containers: self.observed(now),
                    host: Some(vec![HostContainer { name: "cron".to_owned(), ours: false, ports: vec![], running: true }]),
                    last_done: self.last_done.clone(),
                    ..Survey::default()
                };
                (self.survey)(&mut survey);
                soon(Answer::Surveyed(Box::new(survey)))
            }
            Intent::Resolve(_) => soon(Answer::Resolved(BTreeMap::new())),
            Intent::Replace { expected, text } => {
                self.replacements += 1;
                (self.meddle)(self.replacements, &mut self.text);
                if self.text != *expected {
                    return soon(Answer::TextChanged { live: self.text.clone() });
                }
                self.text.clone_from(text);
                soon(Answer::Replaced)
            }
            Intent::Deploy { expected, marker } => {
                assert_eq!(self.text, *expected, "a deploy of a text that is not live");
                self.deploys += 1;
                self.deploy(now, marker)
            }
            Intent::StillOurs { expected, .. } => soon((self.still_ours)(self.deploys).unwrap_or_else(|| {
                if self.text == *expected { Answer::StillOurs } else { Answer::TextChanged { live: self.text.clone() } }
            })),
            Intent::Observe => soon(Answer::Observed(self.observed(now))),
            Intent::DeployLog { .. } => {
                let lines = match (self.deploying)("", self.deploys) {
                    Deploying::Fails(lines) => lines,
                    _ => vec!["Docker Compose Deployed: ✅".to_owned()],
                };
                soon(Answer::Logs(BTreeMap::from([(String::new(), Log { lines, missing: None, is_cut: false })])))
            }
            Intent::ContainerLogs { containers, .. } => {
                let log = Log { lines: (0..120).map(|line| format!("line {line}")).collect(), missing: None, is_cut: false };
                soon(Answer::Logs(containers.iter().map(|(service, _)| (service.clone(), log.clone())).collect()))
            }
            Intent::ObserveNamed { .. } | Intent::ObserveServer => panic!("no plan of these tests asks for it"),
            Intent::Stop => {
                self.containers.values_mut().for_each(|made| made.is_stopped = true);
                soon(Answer::Stopped)
            }
            Intent::Withdraw { marker } => soon(Answer::Withdrawn((self.deploying)(marker, self.deploys) == Deploying::Queues(true))),
        }
    }

    fn deploy(&mut self, now: Moment, marker: &str) -> Vec<(Duration, Answer)> {
        let deployment = DeploymentId(format!("d{}", self.deploys));
        let queued = (seconds(1), Answer::Progress(DeployProgress::Queued { ahead: 0, active: None, whose: None, since: None }));
        let started = (seconds(2), Answer::Progress(DeployProgress::Started { deployment: deployment.clone() }));
        let end = |status| (seconds(20), Answer::Deployed(DeployEnd::Finished { deployment: deployment.clone(), status, error: None }));
        let deploying = (self.deploying)(marker, self.deploys);
        self.last_done = (deploying == Deploying::Done).then(|| marker.to_owned());
        match deploying {
            Deploying::Done => {
                let wanted = self.services_of(&self.text);
                let replaced = (self.replaces)(marker, self.deploys);
                self.containers.retain(|service, _| wanted.contains(service) && !replaced.contains(service));
                for service in &wanted {
                    if !self.containers.contains_key(service) {
                        let behaviour = (self.behaviour)(service, self.deploys);
                        self.make(service, now + seconds(20), behaviour);
                    } else if let Some(made) = self.containers.get_mut(service) {
                        made.is_stopped = false;
                    }
                }
                vec![queued, started, end(RowStatus::Done)]
            }
            Deploying::Fails(_) => vec![queued, started, end(RowStatus::Error)],
            Deploying::Cancelled => vec![queued, started, end(RowStatus::Cancelled)],
            Deploying::NeverStarts => {
                vec![queued, (seconds(9), Answer::Deployed(DeployEnd::NeverStarted { evidence: "gone from queue and history".to_owned() }))]
            }
            Deploying::Overtaken(title) => vec![queued, (seconds(3), Answer::Deployed(DeployEnd::Overtaken { title }))],
            Deploying::Hangs => vec![queued, started],
            Deploying::Queues(_) => vec![queued],
        }
    }
}

/// What a run was like.
pub struct Run {
    pub events: Vec<(Moment, Event)>,
    pub effects: Vec<(Moment, Effect)>,
    pub ending: Ending,
    /// What it heard, told and asked for, in order.
    pub log: Vec<(Moment, Line)>,
}

/// One thing that went in or out.
#[derive(Clone, Debug)]
pub enum Line {
    Heard(Input),
    Told(Box<Event>),
    Asked(Effect),
}

impl Run {
    pub fn code(&self) -> u8 {
        self.ending.exit_code().0
    }

    /// Intents that change something, in a word each.
    pub fn changes(&self) -> Vec<String> {
        let change = |effect: &Effect| match effect {
            Effect::Platform { intent: Intent::Replace { text, .. }, .. } => {
                let header = rollout_plan::schedule::Header::parse(text);
                Some(header.map_or("replace".to_owned(), |header| {
                    format!("replace {}{}", header.phase, if header.verified { " verified" } else { "" })
                }))
            }
            Effect::Platform { intent: Intent::Deploy { marker, .. }, .. } => {
                Some(format!("deploy {}", marker.split(' ').nth(2).unwrap_or_default()))
            }
            Effect::Platform { intent: Intent::Stop, .. } => Some("stop".to_owned()),
            Effect::Platform { intent: Intent::Withdraw { .. }, .. } => Some("withdraw".to_owned()),
            _ => None,
        };
        self.effects.iter().filter_map(|(_, effect)| change(effect)).collect()
    }

    pub fn has(&self, test: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(|(_, event)| test(event))
    }

    pub fn at(&self, test: impl Fn(&Event) -> bool) -> Option<usize> {
        self.events.iter().position(|(_, event)| test(event))
    }
}

pub fn options() -> Options {
    let known_runs = ["r0", "r1", "r2", "r3"].map(str::to_owned).into();
    Options { run: "r1".to_owned(), known_runs, ..Options::default() }
}

/// Drives a run to its end.
pub fn drive(fake: &mut Fake, options: Options) -> Run {
    let schedule = Arc::clone(&fake.schedule);
    let interrupt = fake.interrupt_at.map(|at| (at, Input::Interrupted));
    let also = interrupt.into_iter().chain(fake.also.clone()).collect();
    drive_all(&schedule, options, also, |now, effect| fake.perform(now, effect))
}

/// Drives a run whose effects are answered by `perform`, each answer after a delay.
pub fn drive_with(
    schedule: &Arc<Schedule>,
    options: Options,
    interrupt_at: Option<Moment>,
    perform: impl FnMut(Moment, &Effect) -> Vec<(Duration, Input)>,
) -> Run {
    drive_all(schedule, options, interrupt_at.map(|at| (at, Input::Interrupted)).into_iter().collect(), perform)
}

fn drive_all(
    schedule: &Arc<Schedule>,
    options: Options,
    also: Vec<(Moment, Input)>,
    mut perform: impl FnMut(Moment, &Effect) -> Vec<(Duration, Input)>,
) -> Run {
    let mut engine = Engine::new(Arc::clone(schedule), options);
    let mut due: BTreeMap<(Moment, u64), Input> = BTreeMap::new();
    let (mut number, mut now) = (0, Moment::START);
    let mut run = (Vec::new(), Vec::new(), Vec::new());
    due.insert((Moment::START, 0), Input::Begin);
    for (at, input) in also {
        number += 1;
        due.insert((at, number), input);
    }
    for _ in 0..200_000 {
        let next = due.keys().next().copied();
        let wake = engine.next_wake().filter(|wake| next.is_none_or(|(at, _)| *wake < at));
        let input = match (wake, next) {
            (Some(wake), _) => {
                assert!(wake >= now, "the engine wants to be asked in the past");
                now = wake;
                Input::Woke
            }
            (None, Some(key)) => {
                now = key.0;
                due.remove(&key).expect("the key was just found")
            }
            (None, None) => panic!("the run waits for nothing: {:?}", run.0.last()),
        };
        let step = engine.decide(now, input.clone());
        assert_eq!(step, engine.decide(now, input.clone()), "decide is not a function");
        run.2.push((now, Line::Heard(input)));
        for event in step.events {
            engine.apply(now, &event);
            if event.is_shown() {
                run.2.push((now, Line::Told(Box::new(event.clone()))));
                run.0.push((now, event));
            }
        }
        assert!(engine.next_wake().is_none_or(|wake| wake > now), "the engine would spin at {now:?}");
        for effect in step.effects {
            for (delay, input) in perform(now, &effect) {
                number += 1;
                due.insert((now + delay, number), input);
            }
            run.2.push((now, Line::Asked(effect.clone())));
            run.1.push((now, effect));
        }
        if let Some(ending) = engine.ending() {
            assert_eq!(engine.decide(now, Input::Woke), Step::default(), "something follows the end");
            return Run { events: run.0, effects: run.1, ending: ending.clone(), log: run.2 };
        }
    }
    panic!("the run does not end");
}

/// Drives a run on a machine that falls asleep at `at` for so long: nobody is at work then, and what came meanwhile is heard afterwards.
pub fn drive_asleep(fake: &mut Fake, options: Options, at: Moment, gap: Duration) -> Run {
    let mut engine = Engine::new(Arc::clone(&fake.schedule), options);
    let mut due: BTreeMap<(Moment, u64), Input> = BTreeMap::from([((Moment::START, 0), Input::Begin)]);
    let (mut number, mut now, mut has_slept) = (0, Moment::START, false);
    let mut run = (Vec::new(), Vec::new());
    for _ in 0..200_000 {
        let next = due.keys().next().copied();
        let wake = engine.next_wake().filter(|wake| next.is_none_or(|(at, _)| *wake < at));
        let then = wake.or(next.map(|(at, _)| at)).expect("the run waits for something");
        now = now.max(then);
        if now >= at && !has_slept {
            (now, has_slept) = (now + gap, true);
        }
        let input = match (wake, next) {
            (None, Some(key)) => due.remove(&key).expect("the key was just found"),
            _ => Input::Woke,
        };
        let step = engine.decide(now, input);
        for event in step.events {
            engine.apply(now, &event);
            if event.is_shown() {
                run.0.push((now, event));
            }
        }
        for effect in step.effects {
            if let Effect::Abandon { op } = &effect {
                due.retain(|_, input| !matches!(input, Input::Sampled(answered, _) | Input::Answered(answered, _) if answered == op));
            }
            for (delay, input) in fake.perform(now, &effect) {
                number += 1;
                due.insert((now + delay, number), input);
            }
            run.1.push((now, effect));
        }
        if let Some(ending) = engine.ending() {
            return Run { events: run.0, effects: run.1, ending: ending.clone(), log: Vec::new() };
        }
    }
    panic!("the run does not end");
}
