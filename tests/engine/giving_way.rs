//! Somebody else's deploy or text beside ours: the run gives way, says so, and undoes nothing of the other's.

use super::fake::{Behaviour, Deploying, Fake, Run, drive, options};
use super::plan::schedule;
use rollout_plan::engine::*;

const THEIRS: &str = "plan run=r9 phase=core try=1";
const THEIR_TEXT: &str = "# plan run=r9 phase=core files=sha256:0 text=sha256:0 verified=no\nservices: {}\n";

fn busy(title: &str) -> Answer {
    Answer::Deployed(DeployEnd::Busy { title: title.to_owned() })
}

/// Nothing was said to be verified or failed but `foundation`, and nothing undone.
fn gave_way(run: &Run, changes: &[&str]) {
    assert_eq!((run.code(), run.changes()), (7, changes.iter().map(|change| (*change).to_owned()).collect()), "{}", run.ending.verdict);
    assert!(!run.has(|event| matches!(event, Event::PhaseFailed { .. } | Event::RollbackStarted { .. })));
    let verified = |event: &&(Moment, Event)| matches!(event.1, Event::PhaseVerified { .. });
    assert_eq!(run.events.iter().filter(verified).count(), 1);
}

const SECOND: [&str; 5] =
    ["replace foundation", "deploy phase=foundation", "replace foundation verified", "replace core", "deploy phase=core"];

#[test]
fn what_a_newer_deploy_of_somebody_else_brought_up_is_not_verified() {
    for answer in [busy(THEIRS), busy("Manual deployment"), Answer::TextChanged { live: THEIR_TEXT.to_owned() }] {
        let mut fake = Fake::new(schedule());
        fake.still_ours = Box::new(move |deploys| (deploys == 2).then(|| answer.clone()));
        gave_way(&drive(&mut fake, options()), &SECOND);
    }
}

#[test]
fn what_a_newer_deploy_of_somebody_else_broke_is_not_rolled_back() {
    for answer in [busy(THEIRS), busy("Manual deployment"), Answer::TextChanged { live: THEIR_TEXT.to_owned() }] {
        let mut fake = Fake::new(schedule());
        fake.behaviour = Box::new(|_, deploys| if deploys == 2 { Behaviour::Unhealthy } else { Behaviour::Well });
        fake.still_ours = Box::new(move |deploys| (deploys == 2).then(|| answer.clone()));
        gave_way(&drive(&mut fake, options()), &SECOND);
    }
}

/// A rollback leaves the app to another run, and is not given up without a word to a person.
#[test]
fn a_way_back_that_meets_another_run_leaves_the_app_to_it_and_one_that_meets_a_person_has_failed() {
    for (title, code, who) in [(THEIRS, 7, "another run of plan deploys"), ("Manual deployment", 5, "somebody else deploys")] {
        let mut fake = Fake::new(schedule());
        fake.behaviour = Box::new(|name, deploys| if name == "brain" && deploys == 2 { Behaviour::Unhealthy } else { Behaviour::Well });
        fake.still_ours = Box::new(move |deploys| (deploys == 3).then(|| busy(title)));
        let run = drive(&mut fake, options());
        assert_eq!(run.code(), code, "{}", run.ending.verdict);
        let is_failed =
            |event: &Event| matches!(event, Event::RollbackFailed { cause: Cause::CouldNotAsk { why }, .. } if why.contains(who));
        let is_busy = matches!(&run.ending.reason, Reason::Busy { who: told } if told.contains(who));
        assert_eq!((run.has(is_failed), is_busy), (code == 5, code == 7), "{:?}", run.ending);
    }
}

#[test]
fn an_edit_that_nobody_deployed_changes_nothing_that_runs() {
    let mut fake = Fake::new(schedule());
    fake.behaviour = Box::new(|_, deploys| if deploys == 2 { Behaviour::Unhealthy } else { Behaviour::Well });
    fake.still_ours = Box::new(|deploys| (deploys == 2).then(|| Answer::TextChanged { live: "services: {}\n".to_owned() }));
    let run = drive(&mut fake, options());
    assert!(run.has(|event| matches!(event, Event::PhaseFailed { .. })), "{}", run.ending.verdict);
}

#[test]
fn that_nobody_could_be_asked_is_not_taken_for_nobody() {
    let mut fake = Fake::new(schedule());
    let failure = Failure {
        kind: FailureKind::Unreachable,
        message: "no answer".to_owned(),
        may_have_acted: false,
        tried_for: std::time::Duration::from_secs(60),
    };
    fake.still_ours = Box::new(move |deploys| (deploys == 2).then(|| Answer::Failed(failure.clone())));
    let run = drive(&mut fake, options());
    assert_eq!((run.code(), run.changes()), (10, SECOND.map(str::to_owned).to_vec()), "{}", run.ending.verdict);
}

#[test]
fn a_deploy_behind_somebody_else_s_is_withdrawn_and_not_waited_for() {
    let mut fake = Fake::new(schedule());
    fake.deploying = Box::new(|_, deploys| if deploys == 2 { Deploying::Overtaken(THEIRS.to_owned()) } else { Deploying::Done });
    gave_way(&drive(&mut fake, options()), &[&SECOND[..], &["withdraw"]].concat());
}
