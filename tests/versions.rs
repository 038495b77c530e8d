//! Whole runs against every version that is supported, and against versions that nobody has tested.

use crate::support::live::{Left, names, rollout_of, sandbox_of, seed_with};
use rollout_plan::engine::{Cause, Event, Options, Reason};
use rollout_plan::sandbox::Sandbox;
use rollout_plan::schedule::Schedule;
use rollout_plan::world::Config;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// One before and one after each change that matters, and the one that was measured.
const VERSIONS: [&str; 7] = ["v0.25.0", "v0.27.0", "v0.28.3", "v0.29.0", "v0.29.5", "v0.29.9", "v0.30.2"];

/// The example without what only newer versions can show.
fn seed() -> Arc<Schedule> {
    let plan = include_str!("../examples/bizosaas/rollout.plan");
    let lines = plan.lines().filter(|line| !line.contains("expect logs") && !line.contains("expect server"));
    seed_with(&[("rollout.plan", lines.collect::<Vec<_>>().join("\n"))])
}

async fn rollout(id: &str, sandbox: &Sandbox, state: &Path) -> Left {
    rollout_of(seed(), id, sandbox, state, Options::default()).await
}

async fn dokploy(version: &str, faults: &[&str]) -> Sandbox {
    sandbox_of(Config { version: version.to_owned(), ..Config::default() }, faults).await
}

fn warnings(left: &Left) -> Vec<String> {
    let warned = left.journal.iter().filter_map(|entry| if let Event::Warned { text } = &entry.event { Some(text.clone()) } else { None });
    // What the app's environment lacks has nothing to do with versions.
    warned.filter(|text| !text.contains("autoDeploy") && !text.contains("app's environment")).collect()
}

/// Procedures that this version was asked for and does not have.
fn not_there(left: &Left) -> BTreeSet<&str> {
    left.calls.iter().filter(|call| call.status == 404).map(|call| call.procedure.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_supported_version_rolls_out_and_has_nothing_to_do_then() {
    for version in VERSIONS {
        let state = tempfile::tempdir().unwrap();
        let sandbox = dokploy(version, &[]).await;
        let left = rollout("first", &sandbox, state.path()).await;
        assert_eq!(left.ending.reason, Reason::Completed, "{version}: {}", left.ending.verdict);
        assert_eq!(left.ending.healthy, (10, 10), "{version}");
        assert_eq!(left.calls.iter().filter(|call| call.title.is_some()).count(), 4, "{version}: a deploy a phase");
        assert_eq!(not_there(&left), BTreeSet::new(), "{version}");
        let second = rollout("second", &sandbox, state.path()).await;
        assert_eq!(second.ending.reason, Reason::NothingToDo, "{version}: {}", second.ending.verdict);
    }
}

#[tokio::test(start_paused = true)]
async fn every_supported_version_rolls_a_failed_phase_back() {
    for (fault, phase) in [("business-directory: crash-loop", "business"), ("brain-api: build-fails", "core")] {
        for version in VERSIONS {
            let state = tempfile::tempdir().unwrap();
            let sandbox = dokploy(version, &[fault]).await;
            let left = rollout("first", &sandbox, state.path()).await;
            assert_eq!(left.ending.reason, Reason::PhaseFailed { phase: phase.into() }, "{version}: {}", left.ending.verdict);
            assert_eq!(left.ending.exit_code().0, 4, "{version}: {}", left.ending.verdict);
            assert!(names(&left.journal).contains(&"rollback-verified".to_owned()), "{version}");
            assert_eq!(not_there(&left), BTreeSet::new(), "{version}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_version_lacks_is_told_once_by_its_effect() {
    let state = tempfile::tempdir().unwrap();
    let expected = |version| match version {
        "v0.25.0" => vec!["says `running` for ever", "its queue cannot be seen", "logs of containers", "logs of deploys"],
        "v0.27.0" => vec!["its queue cannot be seen", "logs of containers", "logs of deploys"],
        "v0.28.3" => vec!["logs of containers", "logs of deploys"],
        "v0.29.0" => vec!["logs of deploys"],
        _ => vec![],
    };
    for version in VERSIONS {
        let left = rollout(version, &dokploy(version, &[]).await, state.path()).await;
        let told = warnings(&left);
        assert_eq!(told.len(), expected(version).len(), "{version}: {told:?}");
        for (told, expected) in told.iter().zip(expected(version)) {
            assert!(told.starts_with(&format!("Dokploy {version}: ")) && told.contains(expected), "{version}: {told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_logs_of_deploys_the_candidates_are_named() {
    for (version, is_named) in [("v0.29.0", false), ("v0.29.5", true)] {
        let state = tempfile::tempdir().unwrap();
        let left = rollout("first", &dokploy(version, &["brain-api: build-fails"]).await, state.path()).await;
        let cause = left.journal.iter().find_map(|entry| match &entry.event {
            Event::PhaseFailed { cause: Cause::Deploy { services, candidates, .. }, .. } => Some((services.clone(), *candidates)),
            _ => None,
        });
        let (services, candidates) = cause.unwrap();
        assert_eq!(services.len() == 1 && !candidates, is_named, "{version}: {services:?}");
        assert!(services.contains("brain-api"), "{version}: {services:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_minor_is_only_read_unless_that_very_version_is_allowed() {
    let allow = |version: &str| Options { allow_version: Some(version.to_owned()), ..Options::default() };
    for (version, right) in [("v0.31.0", "0.31"), ("v1.2.3", "1.2"), ("canary", "canary")] {
        let state = tempfile::tempdir().unwrap();
        let sandbox = dokploy(version, &[]).await;
        let left = rollout("plain", &sandbox, state.path()).await;
        let Reason::Refused { why } = &left.ending.reason else { panic!("{:?}", left.ending) };
        assert_eq!(left.ending.exit_code().0, 3);
        assert!(why[0].contains("only read") && why[0].contains(&format!("--allow-version {right} ")), "{why:?}");
        assert!(left.calls.iter().all(|call| !call.changes), "{version}");

        let left = rollout_of(seed(), "wrong", &sandbox, state.path(), allow("0.30")).await;
        let Reason::Refused { why } = &left.ending.reason else { panic!("{:?}", left.ending) };
        assert!(why[0].ends_with(&format!("--allow-version 0.30 is not it, --allow-version {right} is")), "{why:?}");
        assert!(left.calls.iter().all(|call| !call.changes), "{version}");

        let left = rollout_of(seed(), "allowed", &sandbox, state.path(), allow(right)).await;
        assert_eq!(left.ending.reason, Reason::Completed, "{}", left.ending.verdict);
        assert!(warnings(&left)[0].contains(&format!("as --allow-version {right} says")), "{:?}", warnings(&left));
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_patch_warns_and_a_version_below_the_floor_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let left = rollout("newer", &dokploy("v0.30.9", &[]).await, state.path()).await;
    assert_eq!(left.ending.reason, Reason::Completed, "{}", left.ending.verdict);
    assert_eq!(warnings(&left), ["Dokploy v0.30.9 is newer than v0.30.2, the last that was tested"]);

    let left = rollout("older", &dokploy("v0.24.12", &[]).await, state.path()).await;
    let Reason::Refused { why } = &left.ending.reason else { panic!("{:?}", left.ending) };
    assert!(why[0].contains("v0.24.12 is too old: v0.25.0 is the first"), "{why:?}");

    let left = rollout_of(
        seed(),
        "needless",
        &dokploy("v0.30.2", &[]).await,
        state.path(),
        Options { allow_version: Some("0.31".into()), ..Options::default() },
    )
    .await;
    assert_eq!(left.ending.reason, Reason::Completed, "{}", left.ending.verdict);
    assert!(warnings(&left)[0].contains("--allow-version 0.31 is not needed"), "{:?}", warnings(&left));
}
