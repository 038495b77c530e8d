//! The fault matrix: every API call of a rollout fails in every way. What that must lead to is computed before it is tried.

mod cell;
mod oracle;
mod scene;
mod strike;
mod trace;
mod truth;

use rollout_plan::schedule::Schedule;
use scene::Scene;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use strike::{Kind, Mishap, Span, Strike};
use trace::Trace;

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
                Span::ForEver | Span::ProcedureForEver => writes(trace.steps.len()),
            };
            if kind.may_act() && kind != Kind::Late && struck_writes {
                all.push(Strike::Call { kind, acts: true, span });
            }
        }
    }
    all.extend(Mishap::ALL.map(Strike::Dokploy));
    all
}

struct Tried {
    scene: Scene,
    at: usize,
    strike: Strike,
    expected: oracle::Expected,
    left: cell::Left,
}

fn try_all(schedule: &Arc<Schedule>, cells: &[(Scene, usize, Strike, oracle::Expected)]) -> Vec<Tried> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let mut tried: Vec<(usize, Tried)> = std::thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(&(scene, at, strike, expected)) = cells.get(index) else { return done };
                let follow_up = matches!(strike, Strike::Call { span: Span::ForEver | Span::ProcedureForEver, .. });
                let left = cell::run(scene, schedule, at, strike, follow_up);
                done.push((index, Tried { scene, at, strike, expected, left }));
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    tried.sort_by_key(|(index, _)| *index);
    tried.into_iter().map(|(_, tried)| tried).collect()
}

#[test]
fn every_call_may_fail_in_every_way() {
    let schedule = scene::schedule();
    let only = std::env::var("FAULTS_ONLY").unwrap_or_default();
    let stride: usize = std::env::var("FAULTS_STRIDE").ok().and_then(|text| text.parse().ok()).unwrap_or(37);
    let mut cells = Vec::new();
    for scene in Scene::ALL {
        let (trace, ending) = Trace::of(scene, &schedule);
        assert_eq!(ending.exit_code().0, scene.exit_code(), "{scene:?}: {}", ending.verdict);
        eprintln!("{scene:?}: {} calls", trace.steps.len());
        if only == "trace" {
            for step in &trace.steps {
                eprintln!(
                    "{:3} {:6} {:45} {:?} {} {}",
                    step.sent.number,
                    step.sent.at.as_millis(),
                    step.sent.procedure,
                    step.stage,
                    step.waiting,
                    step.running
                );
            }
        }
        for at in (1..=trace.steps.len()).step_by(stride) {
            for strike in strikes(&trace, at) {
                if only.is_empty() || format!("{scene:?} {strike:?}").contains(&only) {
                    cells.push((scene, at, strike, oracle::expected(scene, &trace, at, strike)));
                }
            }
        }
    }
    eprintln!("{} cells", cells.len());
    let began = std::time::Instant::now();
    let tried = try_all(&schedule, &cells);
    eprintln!("{:?}", began.elapsed());
    let mut wrong: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let traces: BTreeMap<Scene, Trace> = Scene::ALL.iter().map(|scene| (*scene, Trace::of(*scene, &schedule).0)).collect();
    for one in &tried {
        let code = one.left.ending.exit_code().0;
        let step = &traces[&one.scene].steps[one.at - 1];
        let mut say = |what: String| {
            let key = format!("{:?} {:?} {:?} {}: {what}", one.scene, one.strike, step.stage, step.sent.procedure);
            wrong.entry(key).or_default().push(one.at);
        };
        if code != one.expected.code {
            say(format!("{code} instead of {} ({}): {}", one.expected.code, one.expected.why, one.left.ending.verdict));
        }
        for lie in &one.left.lies {
            say(format!("{code}: {lie}"));
        }
        if one.left.again.is_some_and(|again| again != 0) {
            say(format!("{code}, and then {:?}: {}", one.left.again, one.left.again_says));
        }
        if one.left.took > std::time::Duration::from_secs(3 * 3600) {
            say(format!("took {:?}", one.left.took));
        }
    }
    if let Ok(wanted) = std::env::var("FAULTS_STORY") {
        for one in tried.iter().filter(|one| format!("{:?} {} {:?}", one.scene, one.at, one.strike).contains(&wanted)) {
            eprintln!("STORY {:?} {} {:?}: {} ({})", one.scene, one.at, one.strike, one.left.ending.exit_code().0, one.left.ending.verdict);
            one.left.story.iter().for_each(|line| eprintln!("{}", line.chars().take(400).collect::<String>()));
        }
    }
    for (key, at) in &wrong {
        eprintln!("WRONG {key} {at:?}");
    }
    assert!(wrong.is_empty(), "{} of {} cells are wrong", wrong.values().map(Vec::len).sum::<usize>(), tried.len());
}
