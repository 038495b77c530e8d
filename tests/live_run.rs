//! The driver with everything real around it: engine, protocol, reqwest, probes and store, against the sandbox on loopback, at full speed.

use crate::support::live::{names, rollout, sandbox};
use rollout_plan::engine::Reason;

#[tokio::test(start_paused = true)]
async fn the_seed_comes_up_in_four_phases_and_a_second_run_changes_nothing() {
    let state = tempfile::tempdir().unwrap();
    let sandbox = sandbox(&[]).await;
    let first = rollout("first", &sandbox, state.path()).await;
    let names = names(&first.journal);
    assert_eq!(first.ending.reason, Reason::Completed, "{}\n{names:?}", first.ending.verdict);
    assert_eq!(first.ending.healthy, (10, 10));
    assert_eq!(names.iter().filter(|name| *name == "phase-verified").count(), 4);
    assert!(first.times.is_sorted(), "time never goes back");

    let place = |name: &str| names.iter().position(|found| found == name).unwrap();
    assert!(place("snapshot-kept") < place("replacing") && place("replacing") < place("deploying"), "{names:?}");
    assert!(state.path().join("runs/first/snapshots/01-baseline.yml").is_file());

    let second = rollout("second", &sandbox, state.path()).await;
    assert_eq!(second.ending.reason, Reason::NothingToDo, "{}", second.ending.verdict);
    assert!(second.calls.iter().all(|call| !call.changes), "{:?}", second.calls);
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_is_rolled_back_with_its_evidence_on_disk_before() {
    let state = tempfile::tempdir().unwrap();
    let sandbox = sandbox(&["business-directory: crash-loop"]).await;
    let left = rollout("first", &sandbox, state.path()).await;
    let names = names(&left.journal);
    assert_eq!(left.ending.reason, Reason::PhaseFailed { phase: "business".into() }, "{}\n{names:?}", left.ending.verdict);
    assert_eq!((left.ending.live.as_deref(), left.ending.healthy), (Some("core"), (4, 4)), "{}", left.ending.verdict);
    let place = |name: &str| names.iter().rposition(|found| found == name).unwrap();
    assert!(place("evidence-kept") < place("rollback-started") && place("rollback-started") < place("rollback-verified"), "{names:?}");
    let evidence = state.path().join("runs/first/evidence/01-business");
    for file in ["compose.yml", "containers.json", "deploy.log", "logs/business-directory.log", "samples.jsonl", "cause.txt"] {
        assert!(evidence.join(file).is_file(), "{file}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_runs_against_equal_sandboxes_are_the_same() {
    let state = tempfile::tempdir().unwrap();
    let mut logs = Vec::new();
    for run in ["one", "two"] {
        let sandbox = sandbox(&["brain-api: slow-start 20s"]).await;
        let left = rollout(run, &sandbox, state.path()).await;
        let calls: Vec<String> =
            left.calls.iter().map(|call| format!("{} {} {} {}", call.at_ms, call.method, call.procedure, call.status)).collect();
        logs.push((left.ending.reason, calls, left.times));
    }
    assert_eq!(logs[0], logs[1]);
}
