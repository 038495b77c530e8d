//! The fault matrix: every API call of a rollout fails in every way. What that must lead to is computed before it is tried.
//!
//! The whole of it is thousands of rollouts. `PLAN_MATRIX=all cargo test faults::` tries each; without, a fixed selection is
//! tried in which each kind of call meets each way of failing somewhere. The counts are of the whole in both cases: they follow from the
//! oracle, which every cell that is tried is held to.

mod cell;
mod oracle;
mod report;
mod scene;
mod strike;
mod trace;
mod truth;
mod wire;

use rollout_plan::schedule::Schedule;
use scene::Scene;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use strike::{Kind, Mishap, Span, Strike};
use trace::{Stage, Trace};

/// A strike on one call of one scene.
#[derive(Clone, Copy)]
struct Cell {
    scene: Scene,
    at: usize,
    strike: Strike,
    expected: oracle::Expected,
}

/// What no run may take longer than: every phase as long as it may and as long again for what cannot be asked, and the way back.
const LONGEST: Duration = Duration::from_secs(3 * 3600);

/// Everything that is tried on one call.
fn strikes(trace: &Trace, at: usize) -> Vec<Strike> {
    let mut all = Vec::new();
    let writes = |last: usize| (at..=last).any(|at| trace.steps.get(at - 1).is_some_and(|step| step.sent.is_write));
    for kind in Kind::ALL {
        for span in Span::ALL {
            if span == Span::ProcedureForEver && !kind.is_of_procedure() {
                continue;
            }
            all.push(Strike::Call { kind, acts: kind == Kind::Late, span });
            // A read leaves no trace: whether Dokploy took it makes no difference to anybody.
            let struck_writes = match span {
                Span::Once => writes(at),
                Span::Twice => writes(at + 1),
                Span::ForEver => writes(trace.steps.len()),
                Span::ProcedureForEver => trace.steps[at - 1].sent.is_write,
            };
            if kind.may_act() && kind != Kind::Late && struck_writes {
                all.push(Strike::Call { kind, acts: true, span });
            }
        }
    }
    all.extend(Mishap::ALL.map(Strike::Dokploy));
    all
}

/// The undisturbed runs, and everything that is tried on them.
fn matrix(schedule: &Arc<Schedule>) -> (BTreeMap<Scene, Trace>, Vec<Cell>) {
    let mut traces = BTreeMap::new();
    let mut cells = Vec::new();
    for scene in Scene::ALL {
        let (trace, ending) = Trace::of(scene, schedule);
        assert_eq!(ending.exit_code().0, scene.exit_code(), "{scene:?}: {}", ending.verdict);
        for at in 1..=trace.steps.len() {
            let cell = |strike| Cell { scene, at, strike, expected: oracle::expected(scene, &trace, at, strike) };
            cells.extend(strikes(&trace, at).into_iter().map(cell));
        }
        traces.insert(scene, trace);
    }
    (traces, cells)
}

/// Whether a cell is tried: all of them when asked to; else each kind of call meets each strike in one place.
fn selection(traces: &BTreeMap<Scene, Trace>, cells: &[Cell]) -> Vec<Cell> {
    if let Ok(which) = std::env::var("PLAN_MATRIX") {
        // `all`, or what a cell's description holds.
        let wanted = |cell: &&Cell| which == "all" || format!("{:?} {} {:?}", cell.scene, cell.at, cell.strike).contains(&which);
        return cells.iter().filter(wanted).copied().collect();
    }
    let mut seen = BTreeSet::new();
    let first = cells.iter().filter(|cell| {
        let step = &traces[&cell.scene].steps[cell.at - 1];
        seen.insert((step.stage.place(), step.sent.procedure.clone(), cell.strike))
    });
    first.step_by(SPARSE).copied().collect()
}

/// Of the cells that differ by more than their number, so many are left out between two that are tried without being asked to.
const SPARSE: usize = 8;

/// Tries cells, on every core.
fn try_each(schedule: &Arc<Schedule>, cells: &[Cell]) -> Vec<(Cell, cell::Left)> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let work = || {
        let mut done = Vec::new();
        while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
            let lasts = matches!(cell.strike, Strike::Call { span: Span::ForEver | Span::ProcedureForEver, .. });
            done.push((*cell, cell::run(cell.scene, schedule, cell.at, cell.strike, lasts)));
        }
        done
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

/// What is wrong with what came of a cell.
fn wrong(cell: &Cell, left: &cell::Left) -> Vec<String> {
    let code = left.ending.exit_code().0;
    let mut wrong = Vec::new();
    if code != cell.expected.code {
        wrong.push(format!("{code} instead of {} ({}): {}", cell.expected.code, cell.expected.why, left.ending.verdict));
    }
    wrong.extend(left.lies.iter().map(|lie| format!("{code}: {lie}")));
    if let Some((again, verdict)) = left.again.as_ref().filter(|(again, _)| *again != 0) {
        wrong.push(format!("{code}, and when it was lifted {again}: {verdict}"));
    }
    // What crashed more often than it may since its deploy has failed, though it is well by then: going on comes to what the run would have.
    if let Some((code, verdict)) = left.resumed.as_ref().filter(|(code, _)| *code != 0 && *code != cell.scene.exit_code()) {
        wrong.push(format!("{}, and resumed when it was lifted {code}: {verdict}", left.ending.exit_code().0));
    }
    if left.took > LONGEST {
        wrong.push(format!("{code} after {:?}", left.took));
    }
    wrong
}

#[test]
fn every_call_may_fail_in_every_way() {
    let schedule = scene::schedule();
    let (traces, cells) = matrix(&schedule);
    let chosen = selection(&traces, &cells);
    let mut all_wrong: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let tried = try_each(&schedule, &chosen);
    for (cell, left) in &tried {
        let step = &traces[&cell.scene].steps[cell.at - 1];
        for wrong in wrong(cell, left) {
            let key = format!("{:?} {:?} at {:?} {}: {wrong}", cell.scene, cell.strike, step.stage, step.sent.procedure);
            all_wrong.entry(key).or_default().push(cell.at);
        }
    }
    let story = |(_, left): &(Cell, cell::Left)| left.story.join("\n");
    let story = if tried.len() == 1 { story(&tried[0]) } else { String::new() };
    let lines: Vec<String> = all_wrong.iter().map(|(what, at)| format!("{what} {at:?}")).collect();
    assert!(lines.is_empty(), "of {} cells:\n{}\n{story}", tried.len(), lines.join("\n"));
    assert_ne!(tried.len(), 0, "nothing was tried");
}

#[test]
fn the_counts_and_the_page_are_those_of_the_matrix() {
    let (traces, cells) = matrix(&scene::schedule());
    let lengths: BTreeMap<Scene, usize> = traces.iter().map(|(scene, trace)| (*scene, trace.steps.len())).collect();
    report::hold("tests/faults/counts.txt", &report::counts(&cells));
    report::hold("docs/reliability.md", &report::page(&cells, &lengths));
}

/// A change of the plan or of the protocol that takes a kind of call out of the matrix must not go unseen.
#[test]
fn every_write_and_every_stage_is_struck() {
    let (traces, _) = matrix(&scene::schedule());
    let steps: Vec<&trace::Step> = traces.values().flat_map(|trace| &trace.steps).collect();
    for procedure in ["compose.update", "compose.deploy", "compose.stop"] {
        assert!(steps.iter().any(|step| step.sent.procedure == procedure && step.sent.is_write), "{procedure}");
    }
    let places: BTreeSet<&str> = steps.iter().map(|step| step.stage.place()).collect();
    assert_eq!(places, Stage::PLACES.into());
    assert!(steps.iter().any(|step| step.waiting) && steps.iter().any(|step| step.running));
}
