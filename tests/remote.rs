//! An app on a server of its own, whose commands Dokploy runs through SSH and loses sight of (FACTS §13.1).

use crate::support::live::{Left, names, rollout, sandbox_of};
use rollout_plan::engine::{Event, Reason};
use rollout_plan::sandbox::Sandbox;
use rollout_plan::world::{Compose, Config, Environment, Project};

async fn dokploy(faults: &[&str]) -> Sandbox {
    let compose = Compose { server: Some("far".to_owned()), ..Compose::named("backend") };
    let environments = vec![Environment { name: "staging".to_owned(), composes: vec![compose] }];
    sandbox_of(Config { projects: vec![Project { name: "Backend".to_owned(), environments }], ..Config::default() }, faults).await
}

fn warnings(left: &Left) -> String {
    let warned = left.journal.iter().filter_map(|entry| if let Event::Warned { text } = &entry.event { Some(text.clone()) } else { None });
    warned.collect::<Vec<_>>().join("\n")
}

fn deploys(left: &Left) -> usize {
    left.calls.iter().filter(|call| call.title.is_some()).count()
}

#[tokio::test(start_paused = true)]
async fn an_app_on_another_server_is_rolled_out() {
    let state = tempfile::tempdir().unwrap();
    let left = rollout("first", &dokploy(&[]).await, state.path()).await;
    assert_eq!((left.ending.reason.clone(), left.ending.healthy), (Reason::Completed, (10, 10)), "{}", left.ending.verdict);
}

#[tokio::test(start_paused = true)]
async fn a_late_success_behind_an_error_row_is_not_rolled_back() {
    let state = tempfile::tempdir().unwrap();
    let left = rollout("first", &dokploy(&["dokploy: error-row-goes-on in core"]).await, state.path()).await;
    assert_eq!(left.ending.reason, Reason::Completed, "{}\n{}", left.ending.verdict, warnings(&left));
    assert!(warnings(&left).contains("the new version is live after all"), "{}", warnings(&left));
    assert!(!names(&left.journal).contains(&"rollback-started".to_owned()) && deploys(&left) == 4);
}

#[tokio::test(start_paused = true)]
async fn a_late_failure_behind_an_error_row_is_rolled_back_when_it_is_over() {
    let state = tempfile::tempdir().unwrap();
    let faults = ["dokploy: error-row-goes-on in core", "brain-api: build-fails in core"];
    let left = rollout("first", &dokploy(&faults).await, state.path()).await;
    assert_eq!(left.ending.reason, Reason::PhaseFailed { phase: "core".into() }, "{}", left.ending.verdict);
    assert_eq!(left.ending.exit_code().0, 4, "{}", left.ending.verdict);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_never_ends_is_judged_by_its_log_and_stands_in_nobody_s_way() {
    let state = tempfile::tempdir().unwrap();
    let sandbox = dokploy(&["dokploy: row-never-ends in core"]).await;
    let left = rollout("first", &sandbox, state.path()).await;
    assert_eq!(left.ending.reason, Reason::Completed, "{}\n{}", left.ending.verdict, warnings(&left));
    assert!(warnings(&left).contains("its log says that the command ended well"), "{}", warnings(&left));
    assert_eq!(deploys(&left), 4, "the phases after it are deployed beside the dead row");
    let second = rollout("second", &sandbox, state.path()).await;
    assert_eq!(second.ending.reason, Reason::NothingToDo, "{}", second.ending.verdict);
    assert!(warnings(&second).contains("nobody will ever end it"), "{}", warnings(&second));
}

#[tokio::test(start_paused = true)]
async fn a_noisy_shell_refuses_the_run_and_says_where_to_look() {
    let state = tempfile::tempdir().unwrap();
    let left = rollout("first", &dokploy(&["dokploy: noisy-shell"]).await, state.path()).await;
    let Reason::CouldNotAsk { why } = &left.ending.reason else { panic!("{:?}", left.ending) };
    assert!(why.contains("~/.bashrc"), "{why}");
    assert_eq!(left.ending.exit_code().0, 9);
    assert!(left.calls.iter().all(|call| !call.changes));
}
