//! The undisturbed run of a scene: which call is which.

use super::scene::{PHASES, Scene};
use super::truth::{self, Truth};
use crate::support::in_memory::{Fate, InMemory, InMind, Sent, on_virtual_time};
use rollout_plan::drive::{Driven, Record};
use rollout_plan::engine::{DeployPurpose, Ending, Event, Evidence, Moment, Options};
use rollout_plan::schedule::Schedule;
use rollout_plan::world::World;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What a change of the text or a deploy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum For {
    /// A phase.
    Phase(usize),
    /// The mark of a phase that is verified.
    Mark(usize),
    /// A rollback.
    Rollback,
    /// The mark of a rollback that is verified.
    RollbackMark,
}

/// What a call belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Everything that is read first.
    Survey,
    /// What is live is asserted, or taken as the baseline, before the first change.
    Before,
    /// The live text is compared with what is believed.
    Compare(For),
    /// The text is changed.
    Update(For),
    /// It is read back.
    Prove(For),
    /// The last look before a deploy.
    Look(For),
    /// The deploy is asked for.
    Send(For),
    /// It is followed.
    Follow(For),
    /// Services settle and soak.
    Watch(For),
    /// Whether the app is still this run's, before it says that something is verified.
    Ours(For),
    /// The same before it says that something failed.
    OursToFail,
    /// The services delivered earlier are asserted before this phase.
    Earlier(usize),
    /// Evidence of a failure is read.
    Inquire,
    /// The round that decides how to roll back.
    Probe,
    /// Containers are stopped.
    Stop,
    /// And seen to be.
    SeeStopped,
}

impl Stage {
    /// Every place that a call may have in a run.
    pub const PLACES: [&str; 29] = [
        "asserted before",
        "compared",
        "compared for a mark",
        "compared on the way back",
        "compared for the last mark",
        "deployed",
        "deployed on the way back",
        "followed",
        "followed on the way back",
        "inquired",
        "looked",
        "looked on the way back",
        "probed",
        "proved",
        "proved for a mark",
        "proved for the last mark",
        "proved on the way back",
        "stopped",
        "seen stopped",
        "surveyed",
        "updated",
        "updated for a mark",
        "updated for the last mark",
        "updated on the way back",
        "watched",
        "watched on the way back",
        "still ours",
        "still ours on the way back",
        "still ours, to fail",
    ];

    /// Its place in a run, whatever the phase.
    pub fn place(self) -> &'static str {
        match self {
            Self::Survey => "surveyed",
            Self::Before | Self::Earlier(_) => "asserted before",
            Self::Compare(For::Phase(_)) => "compared",
            Self::Compare(For::Mark(_)) => "compared for a mark",
            Self::Compare(For::Rollback) => "compared on the way back",
            Self::Compare(For::RollbackMark) => "compared for the last mark",
            Self::Update(For::Phase(_)) => "updated",
            Self::Update(For::Mark(_)) => "updated for a mark",
            Self::Update(For::Rollback) => "updated on the way back",
            Self::Update(For::RollbackMark) => "updated for the last mark",
            Self::Prove(For::Phase(_)) => "proved",
            Self::Prove(For::Mark(_)) => "proved for a mark",
            Self::Prove(For::Rollback) => "proved on the way back",
            Self::Prove(For::RollbackMark) => "proved for the last mark",
            Self::Look(For::Rollback) => "looked on the way back",
            Self::Look(_) => "looked",
            Self::Send(For::Rollback) => "deployed on the way back",
            Self::Send(_) => "deployed",
            Self::Follow(For::Rollback) => "followed on the way back",
            Self::Follow(_) => "followed",
            Self::Watch(For::Rollback) => "watched on the way back",
            Self::Watch(_) => "watched",
            Self::Ours(For::Rollback) => "still ours on the way back",
            Self::Ours(_) => "still ours",
            Self::OursToFail => "still ours, to fail",
            Self::Inquire => "inquired",
            Self::Probe => "probed",
            Self::Stop => "stopped",
            Self::SeeStopped => "seen stopped",
        }
    }
}

/// A call of the undisturbed run.
#[derive(Clone, Debug)]
pub struct Step {
    /// The call.
    pub sent: Sent,
    /// What it belongs to.
    pub stage: Stage,
    /// Whether our deploy waits in the queue when it leaves.
    pub waiting: bool,
    /// Whether it is worked on, or has just been asked for.
    pub running: bool,
}

/// The undisturbed run.
pub struct Trace {
    /// Its calls.
    pub steps: Vec<Step>,
}

/// A call, what the run was doing when it left, and whether a deploy of ours waited or was worked on.
type Seen = (Sent, Doing, bool, bool);

/// What a run is doing, as its journal has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Surveying,
    Before,
    Replacing(For),
    Deploying(For),
    Watching(For),
    Between(usize),
    Undoing,
    Stopping,
    Stopped,
}

/// A record that follows what the run is doing, and holds each claim against the world at its moment.
pub struct Witness {
    place: InMemory,
    doing: Rc<RefCell<Doing>>,
    rolled_back: bool,
    /// The journal and the rest.
    pub mind: InMind,
    /// Claims that were not so when they were made.
    pub lies: Vec<String>,
    /// Phases that were verified.
    pub verified: Vec<usize>,
}

impl Witness {
    /// Of a run at this place.
    pub fn new(place: &InMemory) -> Self {
        let doing = Rc::new(RefCell::new(Doing::Surveying));
        Self { place: place.clone(), doing, rolled_back: false, mind: InMind::default(), lies: Vec::new(), verified: Vec::new() }
    }

    fn hold(&mut self, claim: &str, phase: Option<usize>) {
        let truth = self.place.with_world(|world, now| Truth::of(world, now));
        if !truth.has(phase) {
            self.lies.push(format!("{claim}, but {:?} run", truth.services));
        }
    }

    fn see(&mut self, event: &Event) {
        let named = |purpose: &DeployPurpose, rolled_back: bool| match purpose {
            DeployPurpose::Phase(phase) => For::Phase(phase.0),
            DeployPurpose::Mark(_) if rolled_back => For::RollbackMark,
            DeployPurpose::Mark(phase) => For::Mark(phase.0),
            DeployPurpose::Rollback(_) => For::Rollback,
        };
        let doing = match event {
            Event::Surveyed { .. } => Doing::Before,
            Event::Replacing { purpose, .. } => Doing::Replacing(named(purpose, self.rolled_back)),
            Event::Replaced { purpose: DeployPurpose::Mark(phase) } => Doing::Between(phase.0 + 1),
            Event::Deploying { purpose, .. } => Doing::Deploying(named(purpose, self.rolled_back)),
            Event::DeployEnded { purpose, .. } => Doing::Watching(named(purpose, self.rolled_back)),
            Event::PhaseVerified { phase, asserted_only, .. } => {
                self.hold(&format!("phase {} verified", PHASES[phase.0]), Some(phase.0));
                if !asserted_only {
                    self.verified.push(phase.0);
                }
                return;
            }
            Event::RollbackVerified { target, .. } => {
                self.rolled_back = true;
                let phase = match target {
                    rollout_plan::engine::Target::Phase(phase) => Some(phase.0),
                    rollout_plan::engine::Target::Baseline | rollout_plan::engine::Target::Kept { .. } => None,
                };
                self.hold("rollback verified", phase);
                return;
            }
            Event::PhaseFailed { .. } => Doing::Undoing,
            Event::Stopping { .. } => Doing::Stopping,
            Event::Stopped => Doing::Stopped,
            _ => return,
        };
        *self.doing.borrow_mut() = doing;
    }
}

impl Record for Witness {
    fn append(&mut self, now: Moment, events: &[Event]) -> Result<(), String> {
        for event in events {
            self.see(event);
        }
        self.mind.append(now, events)
    }

    fn keep_snapshot(&mut self, name: &str, text: &str) -> Result<String, String> {
        self.mind.keep_snapshot(name, text)
    }

    fn keep_evidence(&mut self, evidence: &Evidence) -> Result<String, String> {
        self.mind.keep_evidence(evidence)
    }
}

/// The world in which a scene begins, and its time.
pub async fn begin(scene: Scene, schedule: &Arc<Schedule>) -> InMemory {
    static LIVE: OnceLock<(World, Duration)> = OnceLock::new();
    if scene != Scene::NothingToDo {
        return InMemory::new(World::new(scene.config()));
    }
    if LIVE.get().is_none() {
        let place = InMemory::new(World::new(scene.config()));
        let driven = place.run(schedule, options("before"), &mut InMind::default()).await;
        assert!(matches!(&driven, Driven::Ended(ending, None) if ending.exit_code().0 == 0), "{driven:?}");
        let _ = LIVE.set(place.with_world(|world, now| (world.clone(), now)));
    }
    let (world, now) = LIVE.get().unwrap();
    InMemory::at(world.clone(), *now)
}

/// The options of a run of this name.
pub fn options(run: &str) -> Options {
    Options { run: run.into(), known_runs: ["before".to_owned(), "struck".to_owned()].into(), ..Options::default() }
}

impl Trace {
    /// Runs a scene undisturbed.
    pub fn of(scene: Scene, schedule: &Arc<Schedule>) -> (Self, Ending) {
        on_virtual_time(async {
            let place = begin(scene, schedule).await;
            let before = place.sent().len();
            let mut witness = Witness::new(&place);
            let seen: Rc<RefCell<Vec<Seen>>> = Rc::default();
            let (doing, noted) = (Rc::clone(&witness.doing), Rc::clone(&seen));
            place.set_weather(move |call, world, now| {
                let (waiting, active) = truth::jobs(world, now);
                let ours = |title: &String| title.starts_with("plan run=struck");
                let call = Sent { number: call.number - before, ..call.clone() };
                noted.borrow_mut().push((call, *doing.borrow(), waiting.iter().any(ours), active.as_ref().is_some_and(ours)));
                Fate::Answered
            });
            let driven = place.run(schedule, options("struck"), &mut witness).await;
            let Driven::Ended(ending, None) = driven else { panic!("{driven:?}") };
            assert_eq!(witness.lies, [""; 0]);
            let seen = seen.borrow();
            (Self { steps: steps(&seen) }, ending)
        })
    }
}

/// Says of each call what it belongs to: what the run was doing, and which of its calls this is.
fn steps(seen: &[Seen]) -> Vec<Step> {
    let inquiry = seen.iter().find(|(sent, ..)| sent.procedure == "deployment.readLogs").map(|(sent, ..)| sent.at);
    // Evidence is read of what failed.
    let failed = seen.iter().find(|(sent, ..)| sent.procedure == "deployment.readLogs").and_then(|(_, doing, ..)| match doing {
        Doing::Watching(what) => Some(*what),
        _ => None,
    });
    let mut written = None;
    let step = |(sent, doing, waiting, running): &Seen| {
        if sent.is_write {
            written = Some(*doing);
        }
        let is_past = written == Some(*doing);
        let stage = match *doing {
            Doing::Surveying => Stage::Survey,
            Doing::Before => Stage::Before,
            Doing::Replacing(what) | Doing::Deploying(what) if sent.is_write => {
                if sent.procedure == "compose.update" {
                    Stage::Update(what)
                } else {
                    Stage::Send(what)
                }
            }
            Doing::Replacing(what) if is_past => Stage::Prove(what),
            Doing::Replacing(what) => Stage::Compare(what),
            Doing::Deploying(what) if is_past => Stage::Follow(what),
            Doing::Deploying(what) => Stage::Look(what),
            Doing::Watching(_) if inquiry.is_some_and(|at| sent.at >= at) && !is_undone(seen, sent) => Stage::Inquire,
            Doing::Watching(what) if is_look_at_app(&sent.procedure) => {
                if failed == Some(what) {
                    Stage::OursToFail
                } else {
                    Stage::Ours(what)
                }
            }
            Doing::Watching(what) => Stage::Watch(what),
            Doing::Between(phase) => Stage::Earlier(phase),
            Doing::Undoing if sent.procedure == "compose.readLogs" => Stage::Inquire,
            Doing::Undoing => Stage::Probe,
            Doing::Stopping => Stage::Stop,
            Doing::Stopped => Stage::SeeStopped,
        };
        Step { sent: sent.clone(), stage, waiting: *waiting, running: *running }
    };
    seen.iter().map(step).collect()
}

/// Whether a call tells who has the app, rather than how its services are.
fn is_look_at_app(procedure: &str) -> bool {
    matches!(procedure, "compose.one" | "deployment.queueList" | "deployment.allByCompose")
}

/// Whether a call comes after the rollback began: what it watches is no inquiry.
fn is_undone(seen: &[Seen], sent: &Sent) -> bool {
    let began = seen.iter().find(|(_, doing, ..)| *doing == Doing::Replacing(For::Rollback)).map(|(sent, ..)| sent.number);
    began.is_some_and(|began| sent.number > began)
}
