//! Exploration: every case once, and where one leads into a rollback, every case of that rollback, too.
//!
//! Nothing is run twice that cannot differ. A case is a fork of the nominal run at its moment. Services that are alike are tried once and
//! stand for each other. Rollbacks that begin alike, which is most of them, are explored once, for the first case that leads there.

use super::joint::{Begin, Sketch, Tails};
use super::outcome::{End, Outcome, Tail};
use super::properties::{self, Broken};
use super::rehearsal::{Place, Rehearsal};
use super::shape::shapes;
use super::space::{Case, Mishap, Space, classes};
use crate::engine::Moment;
use crate::schedule::{PhaseId, Schedule, ServiceName};
use crate::world::{DokployFault, ExternalFault, Fault, GateFault, ServiceFault, Target, World};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How much is explored at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Paths that are run. Cases come before pairs; of these come first the rollbacks to which most cases lead.
    pub paths: u64,
}

impl Default for Budget {
    /// All cases of ten services in four phases, and the rollbacks to which most of them lead.
    fn default() -> Self {
        Self { paths: 15_000 }
    }
}

/// Explores one plan.
#[derive(Clone, Debug)]
pub struct Explorer {
    /// The plan, ready.
    pub place: Arc<Place>,
    /// The world as it is before the run.
    pub world: World,
    /// Whether services that are alike stand for each other. Off, the table is the same.
    pub symmetry: bool,
    /// Whether rollbacks that begin alike are explored once. Off, the table is the same.
    pub merging: bool,
    /// Threads. At least one.
    pub workers: usize,
    /// How much at most.
    pub budget: Budget,
}

/// How much was explored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Paths there are.
    pub counted: u64,
    /// Paths that were run.
    pub run: u64,
    /// Inputs that engines were given in them.
    pub steps: u64,
    /// Paths for which the budget did not suffice.
    pub left_out: u64,
}

/// What goes wrong, in a word; how long it lasts is another column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// Whom it strikes: services that are alike together.
    pub whom: String,
    /// What.
    pub what: &'static str,
    /// Whether it is over by itself.
    pub span: Span,
}

/// For how long something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// For good.
    ForGood,
    /// For a while.
    AWhile,
    /// Again and again.
    AgainAndAgain,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ForGood => "for good",
            Self::AWhile => "for a while",
            Self::AgainAndAgain => "again and again",
        })
    }
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// While which phase; `None`: before the first.
    pub phase: Option<PhaseId>,
    /// Whether it strikes the rollback of that phase.
    pub in_rollback: bool,
    /// What.
    pub kind: Kind,
    /// How many paths ended how.
    pub ends: BTreeMap<End, u64>,
    /// The longest time from the strike to the first sign of it.
    pub noticed: Option<Duration>,
    /// Paths that show no sign of it.
    pub unnoticed: u64,
    /// The longest run; of a rollback: from its begin.
    pub took: Duration,
    /// The case that ended worst.
    pub worst: (Case, Option<Case>),
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Explored {
    /// The run in which nothing goes wrong.
    pub meant: Rehearsal,
    /// Services by those that are alike.
    pub classes: Vec<Vec<ServiceName>>,
    /// One thing goes wrong.
    pub singles: Tally,
    /// Something else goes wrong in the rollback that the first leads to.
    pub pairs: Tally,
    /// Rollbacks that differ in how they begin.
    pub rollbacks: usize,
    /// The table, worst first.
    pub rows: Vec<Row>,
    /// Services that are down for good at the end of a run that says that all is well, with the phase in which that went unnoticed.
    pub unnoticed: BTreeMap<(Option<PhaseId>, String), Case>,
    /// Gates that held whatever went wrong.
    pub sure_gates: Vec<String>,
    /// Properties that do not hold, with the shortest path that shows each.
    pub broken: Vec<(Broken, Case, Option<Case>)>,
}

struct Tried {
    outcome: Outcome,
    back: Option<Begin>,
    steps: u64,
}

/// What came of the second cases of one rollback; `None`: left out.
struct TriedBack {
    outcomes: Vec<(Case, Option<Outcome>)>,
    steps: u64,
}

impl Explorer {
    /// Every case of one thing that goes wrong, in the order of their moments.
    pub fn cases(&self) -> Vec<Case> {
        let mut meant = Rehearsal::new(&self.place, self.world.clone());
        meant.finish();
        let schedule = self.place.schedule();
        let each: Vec<Vec<ServiceName>> = schedule.services.keys().map(|name| vec![name.clone()]).collect();
        Space { schedule, run: &meant, classes: &each, from: Moment::START, is_first: true }.cases()
    }

    /// How many cases there are when services that are alike stand for each other.
    pub fn cases_of_classes(&self) -> u64 {
        let mut meant = Rehearsal::new(&self.place, self.world.clone());
        meant.finish();
        let schedule = self.place.schedule();
        let alike = classes(schedule, &shapes(schedule));
        Space { schedule, run: &meant, classes: &alike, from: Moment::START, is_first: true }.cases().len() as u64
    }

    /// Explores.
    pub fn explore(&self) -> Explored {
        let schedule = self.place.schedule();
        let start = Rehearsal::new(&self.place, self.world.clone());
        let mut meant = start.clone();
        meant.finish();
        let alike = classes(schedule, &shapes(schedule));
        let tried_by = if self.symmetry { alike.clone() } else { alike.iter().flatten().map(|name| vec![name.clone()]).collect() };
        let mut cases = Space { schedule, run: &meant, classes: &tried_by, from: Moment::START, is_first: true }.cases();
        let counted = cases.iter().map(|case| case.stands_for as u64).sum();
        let room = usize::try_from(self.budget.paths).unwrap_or(usize::MAX);
        let left_out: u64 = cases.iter().skip(room).map(|case| case.stands_for as u64).sum();
        cases.truncate(room);
        let tails = Tails::default();
        let tried = self.each(&start, &cases, &|case, run| self.try_case(case, run, &meant, &tails));
        let mut table = Table::new(schedule, &alike);
        let mut singles = Tally { counted, run: tried.len() as u64, left_out, ..Tally::default() };
        for (case, tried) in cases.iter().zip(&tried) {
            singles.steps += tried.steps;
            table.add(case, None, &tried.outcome, case.stands_for as u64);
        }
        let (pairs, rollbacks) =
            self.explore_back(&start, &cases, &tried, &tried_by, &mut table, self.budget.paths.saturating_sub(singles.run));
        let (sure_gates, broken, unnoticed) = (table.sure_gates(schedule), table.broken(), std::mem::take(&mut table.unnoticed));
        let rows = table.sorted();
        Explored { meant, singles, pairs, rollbacks, unnoticed, sure_gates, rows, broken, classes: alike }
    }

    /// Lets a case strike, and goes on to the end, or to a joint from which on everything is known.
    fn try_case(&self, case: &Case, mut run: Rehearsal, meant: &Rehearsal, tails: &Tails) -> Tried {
        let (before, mut back, mut joints) = (run.steps(), None, Vec::new());
        let goes_back = run.rollback_began().is_none();
        run.strike(&case.mishap);
        while run.go_on_to_a_joint() {
            let begin = Begin::of(&mut run);
            if goes_back && back.is_none() && run.rollback_began().is_some() {
                back.clone_from(&begin);
            }
            let Some(begin) = begin.filter(|_| self.merging && run.is_at_a_joint()) else { continue };
            if let Some(tail) = tails.find(&begin) {
                let outcome = Outcome::joined(case, run.now(), &tail, &run, meant);
                let back = back.or_else(|| tail.back.clone()).filter(|_| goes_back);
                tails.learn(joints, |at| tail.after(run.now() - at));
                return Tried { outcome, back, steps: run.steps() - before };
            }
            joints.push((begin, run.now()));
        }
        run.finish();
        let outcome = Outcome::of(case, &mut run, meant);
        tails.learn(joints, |at| {
            let back = back.as_ref().filter(|_| run.rollback_began().is_some_and(|began| began >= at));
            Tail::of(at, case, &outcome, back, &run, meant)
        });
        Tried { outcome, back, steps: run.steps() - before }
    }

    /// Every case of every rollback.
    fn explore_back(
        &self,
        start: &Rehearsal,
        cases: &[Case],
        tried: &[Tried],
        classes: &[Vec<ServiceName>],
        table: &mut Table<'_>,
        room: u64,
    ) -> (Tally, usize) {
        // The first case that leads to each, and how many cases all that lead there stand for.
        let mut begins: BTreeMap<(Sketch, usize), (usize, u64)> = BTreeMap::new();
        for (at, (case, tried)) in cases.iter().zip(tried).enumerate() {
            let Some(back) = &tried.back else { continue };
            let apart = if self.merging { 0 } else { at };
            begins.entry((back.sketch(), apart)).or_insert((at, 0)).1 += case.stands_for as u64;
        }
        let mut firsts: Vec<(usize, u64)> = begins.into_values().collect();
        firsts.sort_unstable();
        let rollbacks = firsts.len();
        let rank = ranks(&firsts);
        let schedule = self.place.schedule();
        let leads: Vec<Case> = firsts.iter().map(|(at, _)| cases[*at].clone()).collect();
        let tails = Tails::default();
        // What may be run of each, by its rank, is known when its predecessors in rank have told how many cases they have: so all tell first.
        let counts = self.each(start, &leads, &|case, mut run| {
            run.strike(&case.mishap);
            run.go_on_until_rollback();
            let began = run.now();
            run.finish();
            Space { schedule, run: &run, classes, from: began, is_first: false }.cases().len() as u64
        });
        let afford = afforded(&rank, &counts, room);
        let index = |case: &Case| leads.iter().position(|lead| std::ptr::eq(lead, case)).unwrap_or_default();
        let back = self.each(start, &leads, &|case, mut run| {
            run.strike(&case.mishap);
            run.go_on_until_rollback();
            let began = run.now();
            let mut tail = run.clone();
            tail.finish();
            let seconds = Space { schedule, run: &tail, classes, from: began, is_first: false }.cases();
            let mut steps = tail.steps() - run.steps();
            let mut outcomes = Vec::with_capacity(seconds.len());
            let afford = usize::try_from(afford[index(case)]).unwrap_or(usize::MAX);
            for second in seconds {
                if outcomes.len() >= afford {
                    outcomes.push((second, None));
                    continue;
                }
                run.go_on_until(second.at);
                let mut tried = self.try_case(&second, run.clone(), &tail, &tails);
                steps += tried.steps;
                tried.outcome.took = tried.outcome.took.saturating_sub(began.0);
                outcomes.push((second, Some(tried.outcome)));
            }
            TriedBack { outcomes, steps }
        });
        let mut pairs = Tally::default();
        for ((lead, back), (_, weight)) in leads.iter().zip(back).zip(&firsts) {
            pairs.steps += back.steps;
            for (second, outcome) in back.outcomes {
                let paths = second.stands_for as u64 * weight;
                pairs.counted += paths;
                match outcome {
                    None => pairs.left_out += paths,
                    Some(outcome) => {
                        pairs.run += 1;
                        table.add(lead, Some(&second), &outcome, paths);
                    }
                }
            }
        }
        (pairs, rollbacks)
    }

    /// Runs `try_it` on a fork of the run at each case's moment; results in the order of the cases, which is that of their moments.
    fn each<T: Send>(&self, start: &Rehearsal, cases: &[Case], try_it: &(impl Fn(&Case, Rehearsal) -> T + Sync)) -> Vec<T> {
        let results: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(cases.len()));
        let (sender, receiver) = sync_channel::<(usize, Rehearsal)>(2 * self.workers.max(1));
        let receiver = Arc::new(Mutex::new(receiver));
        let results_of = &results;
        std::thread::scope(|scope| {
            for _ in 0..self.workers.max(1) {
                let receiver = Arc::clone(&receiver);
                scope.spawn(move || {
                    while let Some((at, run)) = next(&receiver) {
                        let result = try_it(&cases[at], run);
                        results_of.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
                    }
                });
            }
            // Theirs alone: when none of them is left, nobody is waited for.
            drop(receiver);
            let mut run = start.clone();
            for (at, case) in cases.iter().enumerate() {
                run.go_on_until(case.at);
                if sender.send((at, run.clone())).is_err() {
                    break;
                }
            }
            drop(sender);
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

/// The places of leads when those come first that stand for most.
fn ranks(firsts: &[(usize, u64)]) -> Vec<usize> {
    let mut rank: Vec<usize> = (0..firsts.len()).collect();
    rank.sort_by_key(|at| (std::cmp::Reverse(firsts[*at].1), firsts[*at].0));
    rank
}

/// How many of each lead's second cases can be run, the first in rank before the others.
fn afforded(rank: &[usize], counts: &[u64], room: u64) -> Vec<u64> {
    let mut left = room;
    let mut afforded = vec![0; counts.len()];
    for at in rank {
        afforded[*at] = counts[*at].min(left);
        left -= afforded[*at];
    }
    afforded
}

fn next(receiver: &Mutex<Receiver<(usize, Rehearsal)>>) -> Option<(usize, Rehearsal)> {
    receiver.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

type Key = (Option<PhaseId>, bool, Kind);

struct Table<'a> {
    schedule: &'a Schedule,
    alike: &'a [Vec<ServiceName>],
    rows: BTreeMap<Key, Row>,
    unnoticed: BTreeMap<(Option<PhaseId>, String), Case>,
    shaken: Vec<String>,
    broken: BTreeMap<Broken, (Case, Option<Case>, Duration)>,
}

impl<'a> Table<'a> {
    fn new(schedule: &'a Schedule, alike: &'a [Vec<ServiceName>]) -> Self {
        let (rows, unnoticed, shaken, broken) = (BTreeMap::new(), BTreeMap::new(), Vec::new(), BTreeMap::new());
        Self { schedule, alike, rows, unnoticed, shaken, broken }
    }

    fn add(&mut self, first: &Case, second: Option<&Case>, outcome: &Outcome, paths: u64) {
        let case = second.unwrap_or(first);
        let kind = kind(&case.mishap, self.alike);
        let path = || (first.clone(), second.cloned());
        let key = (first.phase, second.is_some(), kind.clone());
        let row = self.rows.entry(key).or_insert_with(|| Row {
            phase: first.phase,
            in_rollback: second.is_some(),
            kind: kind.clone(),
            ends: BTreeMap::new(),
            noticed: None,
            unnoticed: 0,
            took: Duration::ZERO,
            worst: path(),
        });
        if row.ends.last_key_value().is_none_or(|(worst, _)| outcome.end > *worst) {
            row.worst = path();
        }
        *row.ends.entry(outcome.end.clone()).or_default() += paths;
        row.noticed = row.noticed.max(outcome.noticed);
        row.took = row.took.max(outcome.took);
        if outcome.noticed.is_none() {
            row.unnoticed += paths;
        }
        let in_time = first.at.0 + properties::detection_bound(self.schedule) < outcome.took;
        if second.is_none() && outcome.end == End::Unharmed && case.mishap.is_down_for_good() && in_time {
            self.unnoticed.entry((first.phase, kind.whom)).or_insert_with(|| first.clone());
        }
        self.shaken.extend(outcome.gate.clone());
        for broken in &outcome.broken {
            let shorter = self.broken.get(broken).is_none_or(|(_, _, took)| outcome.took < *took);
            if shorter {
                self.broken.insert(broken.clone(), (first.clone(), second.cloned(), outcome.took));
            }
        }
    }

    /// Gates that no path saw fail.
    fn sure_gates(&self, schedule: &Schedule) -> Vec<String> {
        let used = schedule.gates.iter().filter(|gate| !gate.expectations.is_empty() || gate.approval.is_some());
        used.map(|gate| &gate.name).filter(|name| !self.shaken.iter().any(|what| what.contains(name.as_str()))).cloned().collect()
    }

    fn sorted(self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.rows.into_values().collect();
        rows.sort_by(|one, other| {
            let worst = |row: &Row| row.ends.last_key_value().map(|(end, paths)| (end.clone(), *paths));
            worst(other).cmp(&worst(one)).then(one.phase.cmp(&other.phase)).then(one.kind.cmp(&other.kind))
        });
        rows
    }

    fn broken(&self) -> Vec<(Broken, Case, Option<Case>)> {
        self.broken.iter().map(|(broken, (first, second, _))| (broken.clone(), first.clone(), second.clone())).collect()
    }
}

/// What goes wrong, in a word.
fn kind(mishap: &Mishap, alike: &[Vec<ServiceName>]) -> Kind {
    let Mishap::Fault(fault) = mishap else {
        return Kind { whom: "plan".to_owned(), what: "killed and resumed", span: Span::AWhile };
    };
    let (whom, what) = match &fault.target {
        Target::Service(name, kind) => {
            let class = alike.iter().find(|class| class.contains(name));
            (class.map_or_else(|| name.clone(), |class| class.join(", ")), of_service(*kind))
        }
        Target::Dokploy(kind) => ("dokploy".to_owned(), of_dokploy(*kind)),
        Target::External(name, ExternalFault::Down) => (name.clone(), "down"),
        Target::External(name, ExternalFault::Hangs) => (name.clone(), "hangs"),
        Target::Network(_) => ("network".to_owned(), "down"),
        Target::Gate(name, GateFault::Refused) => (name.clone(), "refused"),
        Target::Gate(name, GateFault::Silent) => (name.clone(), "silent"),
    };
    Kind { whom, what, span: span(fault) }
}

fn span(fault: &Fault) -> Span {
    match (&fault.target, fault.every, fault.lasting()) {
        (_, Some(_), _) => Span::AgainAndAgain,
        (Target::Service(_, ServiceFault::Crash | ServiceFault::SlowStart(_)), ..) | (_, _, Some(_)) => Span::AWhile,
        (Target::Dokploy(DokployFault::AnswerLost | DokployFault::Restarts | DokployFault::JobLost | DokployFault::QueueBusy(_)), ..) => {
            Span::AWhile
        }
        _ => Span::ForGood,
    }
}

fn of_service(kind: ServiceFault) -> &'static str {
    match kind {
        ServiceFault::BuildFails => "build-fails",
        ServiceFault::ImageMissing => "image-missing",
        ServiceFault::CrashLoop => "crash-loop",
        ServiceFault::Exits => "exits",
        ServiceFault::NeverHealthy => "never-healthy",
        ServiceFault::Http500 => "http-500",
        ServiceFault::SlowStart(_) => "slow-start",
        ServiceFault::PortConflict => "port-conflict",
        ServiceFault::Oom => "oom",
        ServiceFault::Crash => "crash",
        ServiceFault::SlowAnswers(_) => "slow-answers",
    }
}

fn of_dokploy(kind: DokployFault) -> &'static str {
    match kind {
        DokployFault::JobLost => "job-lost",
        DokployFault::Restarts => "restarts",
        DokployFault::DockerDown(_) => "docker-down",
        DokployFault::QueueBusy(_) => "queue-busy",
        DokployFault::DatabaseDown(_) => "database-down",
        DokployFault::ErrorRowGoesOn => "error-row-goes-on",
        DokployFault::RowNeverEnds => "row-never-ends",
        DokployFault::NoisyShell(_) => "noisy-shell",
        DokployFault::DiskFull(_) => "disk-full",
        DokployFault::AnswerLost => "answer-lost",
        DokployFault::Down(_) => "down",
    }
}
