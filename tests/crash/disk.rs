//! A state folder in memory, and a process that dies at a point.

use super::scene::Scene;
use crate::support::in_memory::{Breakage, Fate, InMemory, Unseen};
use rollout_plan::drive::{Driven, Interrupts, NoInterrupts, Record};
use rollout_plan::engine::{Ending, Engine, Event, Evidence, Moment, NotResumable, Options, baseline_kept};
use rollout_plan::schedule::{Schedule, canonical};
use rollout_plan::store::{Entry, decode, encode};
use rollout_plan::world::{ApiRequest, World};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

pub const RUN: &str = "20261123-164501-k3f9";

/// When a process dies. Numbers count from 1, within the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// At an append to the journal.
    Append(usize, Torn),
    /// When a snapshot or evidence is kept: before it is on disk, or right after.
    Keep(usize, bool),
    /// At a call to Dokploy: before it is sent, or after it took effect.
    Call(usize, bool),
}

/// How much of an append is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Torn {
    Nothing,
    /// Half of its first line.
    InFirst,
    /// Its first line, if there are others.
    AfterFirst,
    /// All but the end of its last line.
    BeforeEnd,
    Whole,
}

impl Torn {
    pub const ALL: [Self; 5] = [Self::Nothing, Self::InFirst, Self::AfterFirst, Self::BeforeEnd, Self::Whole];

    fn length(self, bytes: &[u8]) -> usize {
        let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        match self {
            Self::Nothing => 0,
            Self::InFirst => first / 2,
            Self::AfterFirst => first,
            Self::BeforeEnd => bytes.len() - 1,
            Self::Whole => bytes.len(),
        }
    }
}

/// All that outlives the process.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    pub journal: Vec<u8>,
    pub snapshots: BTreeMap<String, String>,
}

impl Disk {
    /// What the journal holds; a last line that was never finished is cut off.
    pub fn read(&mut self) -> Vec<Entry> {
        let (journal, damage) = decode(&self.journal);
        assert_eq!(damage, None);
        if let Some(at) = journal.torn_at {
            self.journal.truncate(usize::try_from(at).unwrap());
        }
        journal.entries
    }

    pub fn past(&mut self) -> Vec<(Moment, Event)> {
        self.read().into_iter().map(|entry| (entry.at, entry.event)).collect()
    }
}

/// What a process did, as far as it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub appends: usize,
    pub keeps: usize,
    pub calls: usize,
    /// Calls that may change something.
    pub writes: usize,
}

/// All that there is when a process dies at a point: what is on disk, and the world at that moment.
pub struct Frame {
    pub point: Point,
    pub disk: Disk,
    pub world: World,
    pub now: Duration,
    /// Calls so far that may have changed something: with the same disk and the same moment, the world is the same.
    pub writes: usize,
}

/// Takes a frame at each point at which a process could die, but those that are reached by dying only.
pub type Frames = Rc<RefCell<Vec<Frame>>>;

struct Fragile {
    disk: Rc<RefCell<Disk>>,
    dies: Option<Point>,
    counts: Rc<Cell<Counts>>,
    is_dead: Rc<Cell<bool>>,
    dokploy: InMemory,
    frames: Option<Frames>,
}

impl Fragile {
    fn frame(&self, point: Point, disk: Disk) {
        let Some(frames) = &self.frames else { return };
        let writes = self.counts.get().writes;
        self.dokploy.with_world(|world, now| frames.borrow_mut().push(Frame { point, disk, world: world.clone(), now, writes }));
    }

    fn die<T>(&self) -> Result<T, String> {
        self.is_dead.set(true);
        Err("the process is dead".to_owned())
    }

    fn keep(&mut self, name: &str, text: &str) -> Result<String, String> {
        let mut counts = self.counts.get();
        counts.keeps += 1;
        self.counts.set(counts);
        let point = |kept| self.dies == Some(Point::Keep(counts.keeps, kept));
        if self.is_dead.get() || point(false) {
            return self.die();
        }
        self.frame(Point::Keep(counts.keeps, false), self.disk.borrow().clone());
        let mut disk = self.disk.borrow_mut();
        let path = format!("/elsewhere/{:02}-{name}", disk.snapshots.len() + 1);
        disk.snapshots.insert(path.clone(), text.to_owned());
        drop(disk);
        self.frame(Point::Keep(counts.keeps, true), self.disk.borrow().clone());
        if point(true) { self.die() } else { Ok(path) }
    }
}

impl Record for Fragile {
    fn append(&mut self, now: Moment, events: &[Event]) -> Result<(), String> {
        if self.is_dead.get() {
            return self.die();
        }
        let mut counts = self.counts.get();
        counts.appends += 1;
        self.counts.set(counts);
        // The wall clock is the world's.
        let bytes = encode(now, &self.dokploy.now().as_millis().to_string(), events).unwrap();
        let torn = match self.dies {
            Some(Point::Append(number, torn)) if number == counts.appends => Some(torn),
            _ => None,
        };
        for torn in Torn::ALL {
            let mut disk = self.disk.borrow().clone();
            disk.journal.extend(&bytes[..torn.length(&bytes)]);
            self.frame(Point::Append(counts.appends, torn), disk);
        }
        let length = torn.map_or(bytes.len(), |torn| torn.length(&bytes));
        self.disk.borrow_mut().journal.extend(&bytes[..length]);
        if torn.is_some() { self.die() } else { Ok(()) }
    }

    fn keep_snapshot(&mut self, name: &str, text: &str) -> Result<String, String> {
        self.keep(name, text)
    }

    fn keep_evidence(&mut self, evidence: &Evidence) -> Result<String, String> {
        self.keep(&evidence.phase, "")
    }
}

/// How a process ended.
#[derive(Debug)]
pub enum Process {
    Died,
    Ended(Ending),
    /// It would not go on.
    Refused(NotResumable),
}

/// What is on disk, taken up: the moment at which it goes on, and the engine. Nothing on disk begins a new run.
pub fn taken_up(dokploy: &InMemory, disk: &Rc<RefCell<Disk>>, schedule: &Arc<Schedule>) -> Result<(Moment, Engine), NotResumable> {
    let entries = disk.borrow_mut().read();
    let options = Options { run: RUN.to_owned(), ..Options::default() };
    let Some(last) = entries.last() else { return Ok((Moment::START, Engine::new(Arc::clone(schedule), options))) };
    let gap = dokploy.now().saturating_sub(Duration::from_millis(last.time.parse().unwrap()));
    let from = last.at + gap;
    let past: Vec<(Moment, Event)> = entries.iter().map(|entry| (entry.at, entry.event.clone())).collect();
    let baseline = baseline_kept(&past).and_then(|(path, _)| disk.borrow().snapshots.get(path).cloned());
    Engine::resume(schedule, options, &past, baseline, gap).map(|engine| (from, engine))
}

/// Starts a process that lives to its end, in whatever weather there is.
pub async fn alive(
    dokploy: &InMemory,
    disk: &Rc<RefCell<Disk>>,
    schedule: &Arc<Schedule>,
    interrupts: &mut impl Interrupts,
) -> Result<Ending, NotResumable> {
    let (from, engine) = taken_up(dokploy, disk, schedule)?;
    let (counts, is_dead) = (Rc::default(), Rc::default());
    let mut record = Fragile { disk: Rc::clone(disk), dies: None, counts, is_dead, dokploy: dokploy.clone(), frames: None };
    match dokploy.run_from(from, engine, schedule, &mut record, &mut Unseen, interrupts).await {
        Driven::Ended(ending, _) => Ok(ending),
        Driven::Left(signal) => panic!("{signal:?}"),
    }
}

/// Starts a process on what is on disk, which dies at a point. One that finds nothing on disk begins a new run.
pub async fn process(dokploy: &InMemory, disk: &Rc<RefCell<Disk>>, schedule: &Arc<Schedule>, dies: Option<Point>) -> (Process, Counts) {
    watched(dokploy, disk, schedule, dies, None).await
}

/// The same, with a frame taken at each point.
pub async fn watched(
    dokploy: &InMemory,
    disk: &Rc<RefCell<Disk>>,
    schedule: &Arc<Schedule>,
    dies: Option<Point>,
    frames: Option<Frames>,
) -> (Process, Counts) {
    let (from, engine) = match taken_up(dokploy, disk, schedule) {
        Ok(taken_up) => taken_up,
        Err(why) => return (Process::Refused(why), Counts::default()),
    };
    let (counts, is_dead) = (Rc::new(Cell::new(Counts::default())), Rc::new(Cell::new(false)));
    let notified = Rc::new(Notify::new());
    let (at_hand, shared) = (Rc::clone(disk), frames.clone());
    let (counted, dead) = (Rc::clone(&counts), Rc::clone(&is_dead));
    let mut record = Fragile { disk: Rc::clone(disk), dies, counts: counted, is_dead: dead, dokploy: dokploy.clone(), frames };
    let (calls, dead, wake) = (Rc::clone(&counts), Rc::clone(&is_dead), Rc::clone(&notified));
    dokploy.set_weather(move |sent, world, now| {
        let mut counts = calls.get();
        counts.calls += 1;
        calls.set(counts);
        if let Some(frames) = &shared {
            let frame = |point| Frame { point, disk: at_hand.borrow().clone(), world: world.clone(), now, writes: counts.writes };
            frames.borrow_mut().push(frame(Point::Call(counts.calls, false)));
            // What only reads leaves everything as it was.
            if !sent.is_write {
                frames.borrow_mut().push(frame(Point::Call(counts.calls, true)));
            }
        }
        counts.writes += usize::from(sent.is_write);
        calls.set(counts);
        match dies {
            Some(Point::Call(number, acts)) if number == counts.calls => {
                dead.set(true);
                wake.notify_one();
                Fate::Broken { acts, how: Breakage::Hang }
            }
            // Sent in one go with the one at which the process dies.
            _ if dead.get() => Fate::Broken { acts: false, how: Breakage::Hang },
            _ => Fate::Answered,
        }
    });
    let (mut unseen, mut interrupts) = (Unseen, NoInterrupts);
    let driven = tokio::select! {
        biased;
        () = notified.notified() => None,
        driven = dokploy.run_from(from, engine, schedule, &mut record, &mut unseen, &mut interrupts) => Some(driven),
    };
    let counts = counts.get();
    match driven {
        _ if is_dead.get() => (Process::Died, counts),
        Some(Driven::Ended(ending, None)) => (Process::Ended(ending), counts),
        other => panic!("{other:?}"),
    }
}

/// What is so in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub code: u8,
    pub is_verified: bool,
    pub live: Option<String>,
    pub text: String,
    pub listening: BTreeSet<u16>,
    /// Deploys that Dokploy took, by what for.
    pub deploys: BTreeMap<String, usize>,
    pub stops: usize,
}

impl End {
    pub fn of(ending: &Ending, dokploy: &InMemory) -> Self {
        dokploy.with_world(|world, now| {
            let calls = world.log().to_vec();
            let mut deploys = BTreeMap::new();
            for title in calls.iter().filter(|call| call.procedure == "compose.deploy").map(|call| call.title.clone().unwrap()) {
                let purpose = title.split(' ').nth(2).unwrap().to_owned();
                *deploys.entry(purpose).or_default() += 1;
            }
            Self {
                code: ending.exit_code().0,
                is_verified: ending.facts.verified,
                live: ending.live.clone(),
                text: canonical(&live_text(world, now)),
                listening: world.listening(),
                deploys,
                stops: calls.iter().filter(|call| call.procedure == "compose.stop").count(),
            }
        })
    }
}

fn live_text(world: &mut World, now: Duration) -> String {
    let key = world.api_key().to_owned();
    let mut ask = |path: &str, query: &[(&str, &str)]| world.api(now, &ApiRequest::get(path, query, &key)).unwrap().json().unwrap();
    let projects = ask("/api/project.all", &[]);
    let environments = projects[0]["environments"].as_array().unwrap();
    let id = environments.iter().find_map(|environment| environment["compose"][0]["composeId"].as_str()).unwrap().to_owned();
    ask("/api/compose.one", &[("composeId", &id)])["composeFile"].as_str().unwrap_or_default().to_owned()
}

/// A scene's world, and nothing on disk.
pub fn begin(scene: Scene) -> (InMemory, Rc<RefCell<Disk>>) {
    (InMemory::new(World::new(scene.config())), Rc::default())
}
