//! Going back by hand with everything real around it, on virtual time: what earlier runs left in the state folder, against the sandbox.

use crate::support::live::{Left, names, rollout, rollout_of, sandbox, seed};
use rollout_plan::engine::{Back, Event, Goal, Options, Reason, Remembered, Target, To};
use rollout_plan::sandbox::Sandbox;
use rollout_plan::schedule::PhaseId;
use rollout_plan::store::Archive;
use std::path::Path;

fn remembered(state: &Path) -> Vec<Remembered> {
    let places = Archive::open(Some(state.to_owned())).unwrap().places().unwrap();
    places.iter().rev().flat_map(rollout_plan::store::Place::remembered).collect()
}

async fn back(id: &str, to: To, sandbox: &Sandbox, state: &Path) -> Left {
    let goal = Goal::Back(Back { to, states: remembered(state) });
    rollout_of(seed(), id, sandbox, state, Options { goal, ..Options::default() }).await
}

fn deploys(left: &Left) -> usize {
    left.calls.iter().filter(|call| call.procedure == "compose.deploy").count()
}

#[tokio::test(start_paused = true)]
async fn a_rollout_is_taken_back_phase_by_phase_to_a_phase_and_to_a_run() {
    let state = tempfile::tempdir().unwrap();
    let sandbox = sandbox(&[]).await;
    rollout("1-up", &sandbox, state.path()).await;
    for (id, phase, healthy) in [("2-back", "business", 7), ("3-back", "core", 4)] {
        let left = back(id, To::Last, &sandbox, state.path()).await;
        assert_eq!((&left.ending.reason, left.ending.live.as_deref()), (&Reason::Completed, Some(phase)), "{}", left.ending.verdict);
        assert_eq!((left.ending.healthy, deploys(&left)), ((healthy, healthy), 1));
        let names = names(&left.journal);
        let place = |name: &str| names.iter().position(|found| found == name).unwrap();
        assert!(place("target-found") < place("agreed") && place("agreed") < place("snapshot-kept"), "{names:?}");
        assert!(place("snapshot-kept") < place("replacing") && place("settled") < place("rollback-verified"), "{names:?}");
    }
    // The commits of the first run: a rollback builds no other code.
    let left = back("4-back", To::Phase(PhaseId(0)), &sandbox, state.path()).await;
    assert_eq!(left.ending.live.as_deref(), Some("foundation"), "{}", left.ending.verdict);
    // What a run left is what it verified last, be it by going back.
    let left = back("5-back", To::Run("3-back".to_owned()), &sandbox, state.path()).await;
    assert_eq!(left.ending.live.as_deref(), Some("core"), "{}", left.ending.verdict);
    let left = back("6-back", To::Run("1-up".to_owned()), &sandbox, state.path()).await;
    assert_eq!((left.ending.live.as_deref(), left.ending.healthy), (Some("complete"), (10, 10)), "{}", left.ending.verdict);
    let again = back("7-back", To::Run("1-up".to_owned()), &sandbox, state.path()).await;
    assert_eq!((&again.ending.reason, deploys(&again)), (&Reason::NothingToDo, 0), "{}", again.ending.verdict);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_up_again_is_degraded_with_its_evidence_on_disk() {
    let state = tempfile::tempdir().unwrap();
    let sandbox = sandbox(&["brain-api: build-fails in rollback"]).await;
    rollout("1-up", &sandbox, state.path()).await;
    let left = back("2-back", To::Phase(PhaseId(1)), &sandbox, state.path()).await;
    assert_eq!(left.ending.reason, Reason::RollbackFailed { to: "core".into() }, "{}", left.ending.verdict);
    assert_eq!((left.ending.exit_code().0, deploys(&left)), (5, 1), "{}", left.ending.verdict);
    assert!(state.path().join("runs/2-back/evidence/01-core/deploy.log").is_file());
    let to = |entry: &rollout_plan::store::Entry| matches!(&entry.event, Event::RollbackFailed { target: Target::Phase(PhaseId(1)), .. });
    assert_eq!(left.journal.iter().filter(|entry| to(entry)).count(), 1);
    // The same again, now that the fault is gone: its text is live already, and is deployed.
    let sandbox_is_well = back("3-back", To::Phase(PhaseId(0)), &sandbox, state.path()).await;
    assert_eq!(sandbox_is_well.ending.live.as_deref(), Some("foundation"), "{}", sandbox_is_well.ending.verdict);
}
