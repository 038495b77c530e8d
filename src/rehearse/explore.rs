//! Exploration: every case once, and where one leads into a rollback, every case of that rollback, too.
//!
//! Nothing is run twice that cannot differ. A case is a fork of the nominal run at its moment. Services that are alike are tried once and
//! stand for each other. Rollbacks that begin alike, which is most of them, are explored once, for the first case that leads there.

use super::joint::{Begin, Tails};
use super::outcome::{Outcome, Tail};
use super::place::Place;
use super::properties::Broken;
use super::rehearsal::Rehearsal;
use super::shape::shapes;
use super::space::{Case, Space, classes};
use super::table::{Row, Table};
use crate::engine::Moment;
use crate::schedule::{PhaseId, ServiceName};
use crate::world::World;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// How much is explored at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Paths that are run. Cases come before pairs; of these come first the rollbacks to which most cases lead. If not even the cases can all
    /// be run, no pair is.
    pub paths: u64,
}

impl Budget {
    /// For a plan of so many services, unless somebody says otherwise: up to ten of them all cases in four phases, and the rollbacks to which
    /// most of them lead. A path of ten times as many services takes ten times as long, and of more than ten a tenth as many are run.
    pub fn of(services: usize) -> Self {
        Self { paths: 150_000 / (services as u64).max(10) }
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
    /// Inputs that engines were given in them. No report tells this: it differs from time to time, as one thread comes to know a joint's
    /// tail before another needs it, or after.
    pub steps: u64,
    /// Paths for which the budget did not suffice.
    pub left_out: u64,
}

/// How many ways back there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rollbacks {
    /// Those that differ in how they begin, of all to which a case leads that was run.
    pub known: usize,
    /// Those of which it is known what else can go wrong in them: pairs are counted in no others.
    pub gone_through: usize,
}

impl Rollbacks {
    /// Those whose pairs were not even counted.
    pub fn left_out(self) -> usize {
        self.known - self.gone_through
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Explored {
    /// The run in which nothing goes wrong.
    pub meant: Rehearsal,
    /// One thing goes wrong.
    pub singles: Tally,
    /// Something else goes wrong in the rollback that the first leads to.
    pub pairs: Tally,
    /// The ways back that the first leads to.
    pub rollbacks: Rollbacks,
    /// The table, worst first.
    pub rows: Vec<Row>,
    /// Services that are down for good at the end of a run that says that all is well, with the phase in which that went unnoticed.
    pub unnoticed: BTreeMap<(Option<PhaseId>, String), Case>,
    /// Gates that held whatever went wrong.
    pub sure_gates: Vec<String>,
    /// Properties that do not hold, with the shortest path that shows each.
    pub broken: Vec<(Broken, Case, Option<Case>)>,
}

/// What came of a case.
pub(super) struct Tried {
    pub(super) outcome: Outcome,
    /// How the rollback begins that it leads to.
    pub(super) back: Option<Begin>,
    pub(super) steps: u64,
}

impl Explorer {
    /// The run in which nothing goes wrong.
    pub fn meant(&self) -> Rehearsal {
        let mut meant = Rehearsal::new(&self.place, self.world.clone());
        meant.finish();
        meant
    }

    /// Every case of one thing that goes wrong in a run, in the order of their moments; services that are alike stand for each other if
    /// `symmetry` says so.
    pub fn cases(&self, meant: &Rehearsal) -> Vec<Case> {
        let classes = self.tried_by(&self.alike());
        Space { schedule: self.place.schedule(), run: meant, classes: &classes, from: Moment::START, is_first: true }.cases()
    }

    /// Services by those that are alike.
    fn alike(&self) -> Vec<Vec<ServiceName>> {
        let schedule = self.place.schedule();
        classes(schedule, &shapes(schedule))
    }

    /// Services by those that are tried once for all of them.
    fn tried_by(&self, alike: &[Vec<ServiceName>]) -> Vec<Vec<ServiceName>> {
        if self.symmetry { alike.to_vec() } else { alike.iter().flatten().map(|name| vec![name.clone()]).collect() }
    }

    /// Explores.
    pub fn explore(&self) -> Explored {
        let schedule = self.place.schedule();
        let start = Rehearsal::new(&self.place, self.world.clone());
        let (meant, alike) = (self.meant(), self.alike());
        let cases = self.cases(&meant);
        let counted_in = |cases: &[Case]| cases.iter().map(|case| case.stands_for as u64).sum::<u64>();
        let counted = counted_in(&cases);
        let cases = thinned(cases, usize::try_from(self.budget.paths).unwrap_or(usize::MAX));
        let left_out = counted - counted_in(&cases);
        let tails = Tails::default();
        let tried = self.each(&start, &cases, &|at, run| self.try_case(&cases[at], run, &meant, &tails));
        let mut table = Table::new(schedule, &alike);
        let mut singles = Tally { counted, run: tried.len() as u64, left_out, ..Tally::default() };
        for (case, tried) in cases.iter().zip(&tried) {
            singles.steps += tried.steps;
            table.add(case, None, &tried.outcome, case.stands_for as u64);
        }
        let (pairs, rollbacks) =
            self.explore_back(&start, &cases, &tried, &self.tried_by(&alike), &mut table, self.budget.paths.saturating_sub(singles.run));
        let (sure_gates, broken, unnoticed) = (table.sure_gates(schedule), table.broken(), std::mem::take(&mut table.unnoticed));
        let rows = table.sorted();
        Explored { meant, singles, pairs, rollbacks, rows, unnoticed, sure_gates, broken }
    }

    /// Lets a case strike, and goes on to the end, or to a joint from which on everything is known.
    pub(super) fn try_case(&self, case: &Case, mut run: Rehearsal, meant: &Rehearsal, tails: &Tails) -> Tried {
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
                tails.learn(joints, |at| Tail::joined(at, case, &outcome, back.as_ref(), &run, meant, &tail));
                return Tried { outcome, back, steps: run.steps() - before };
            }
            joints.push((begin, run.now()));
        }
        run.finish();
        let outcome = Outcome::of(case, &mut run, meant);
        tails.learn(joints, |at| Tail::of(at, case, &outcome, back.as_ref(), &run, meant));
        Tried { outcome, back, steps: run.steps() - before }
    }

    /// Runs `try_it` on the place of each case and a fork of the run at its moment; results in the order of the cases, which is that of their
    /// moments.
    pub(super) fn each<T: Send>(&self, start: &Rehearsal, cases: &[Case], try_it: &(impl Fn(usize, Rehearsal) -> T + Sync)) -> Vec<T> {
        let results: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(cases.len()));
        let (sender, receiver) = sync_channel::<(usize, Rehearsal)>(2 * self.workers.max(1));
        let receiver = Arc::new(Mutex::new(receiver));
        let results_of = &results;
        std::thread::scope(|scope| {
            for _ in 0..self.workers.max(1) {
                let receiver = Arc::clone(&receiver);
                scope.spawn(move || {
                    while let Some((at, run)) = next(&receiver) {
                        let result = try_it(at, run);
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

    /// Runs `do_it` on each place, in as many threads as there are workers; results in the order of the places.
    pub(super) fn spread<T: Send>(&self, places: usize, do_it: &(impl Fn(usize) -> T + Sync)) -> Vec<T> {
        let (results, turn) = (Mutex::new(Vec::with_capacity(places)), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..self.workers.max(1) {
                scope.spawn(|| {
                    while let Some(at) = Some(turn.fetch_add(1, Ordering::Relaxed)).filter(|at| *at < places) {
                        let result = do_it(at);
                        results.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
                    }
                });
            }
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

/// So many, from all of the run alike: the first of each of so many equal parts.
fn thinned(cases: Vec<Case>, room: usize) -> Vec<Case> {
    let all = cases.len();
    if room >= all { cases } else { (0..room).map(|part| cases[(part * all).div_ceil(room)].clone()).collect() }
}

fn next(receiver: &Mutex<Receiver<(usize, Rehearsal)>>) -> Option<(usize, Rehearsal)> {
    receiver.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
