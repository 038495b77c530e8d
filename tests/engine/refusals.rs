//! Runs that are refused before anything is changed, or stop because something does not hold.

use super::fake::{Behaviour, Fake, Run, drive, options};
use super::plan::{schedule, seconds};
use rollout_plan::compose::{Port, Protocol};
use rollout_plan::engine::*;

fn refused(fake: &mut Fake, code: u8) -> Run {
    let run = drive(fake, options());
    assert_eq!(run.code(), code, "{}", run.ending.verdict);
    assert_eq!(run.changes(), Vec::<String>::new());
    run
}

fn why(run: &Run) -> String {
    match &run.ending.reason {
        Reason::Refused { why } => why.join("\n"),
        Reason::CouldNotAsk { why } => why.clone(),
        Reason::Busy { who } => who.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn somebody_elses_text_is_refused_with_a_diff_and_kept_when_adopted() {
    let mut fake = Fake::new(schedule());
    fake.text = "services:\n  api: {image: api}\n  legacy: {image: old}\n".to_owned();
    let run = refused(&mut fake, 3);
    assert!(why(&run).contains("+  legacy: {image: old}") && why(&run).contains("--adopt"), "{}", why(&run));

    let text = fake.text.clone();
    let run = drive(&mut fake, Options { adopt: true, ..options() });
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    let kept = run.effects.iter().find_map(|(_, effect)| match effect {
        Effect::KeepSnapshot { name, text, .. } if name == "baseline" => Some(text.clone()),
        _ => None,
    });
    assert_eq!(kept, Some(text));
}

#[test]
fn an_edit_of_our_text_is_refused() {
    let mut fake = Fake::new(schedule());
    drive(&mut fake, options());
    fake.text.push_str("  extra: {image: x}\n");
    let run = refused(&mut fake, 3);
    assert!(why(&run).contains("edited since") && why(&run).contains("+  extra"), "{}", why(&run));
}

#[test]
fn an_older_version_of_our_text_is_the_baseline() {
    let mut fake = Fake::new(schedule());
    drive(&mut fake, Options { until: Some(rollout_plan::schedule::PhaseId(0)), ..options() });
    let mut plan = schedule();
    for phase in &mut plan.phases {
        phase.text.push_str("# new\n");
    }
    fake.schedule = std::sync::Arc::new(plan);
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    assert!(run.has(|event| matches!(event, Event::Surveyed { live: Position::OlderVersion { verified: true, .. }, .. })));
}

#[test]
fn a_live_phase_that_does_not_hold_is_refused_and_named() {
    let mut fake = Fake::new(schedule());
    drive(&mut fake, options());
    fake.make("crm", Moment::START, Behaviour::Unhealthy);
    let run = refused(&mut fake, 3);
    assert!(why(&run).starts_with("phase `complete` is live and `crm` does not hold; --redeploy"), "{}", why(&run));
    assert!(run.has(|event| matches!(event, Event::NotHeld { services, .. } if services[0].service == "crm")));
}

#[test]
fn a_deploy_that_would_remove_something_that_runs_is_refused() {
    let mut fake = Fake::new(schedule());
    fake.text = "services: {}\n".to_owned();
    fake.make("legacy", Moment::START, Behaviour::Well);
    let run = drive(&mut fake, Options { adopt: true, ..options() });
    assert_eq!((run.code(), run.changes()), (3, vec![]), "{}", run.ending.verdict);
    assert!(why(&run).contains("`legacy`"));
}

#[test]
fn a_missing_right_is_named() {
    let mut fake = Fake::new(schedule());
    fake.survey = Box::new(|survey| survey.missing_rights = vec![Right::Docker]);
    assert!(why(&refused(&mut fake, 9)).contains("Access to Docker"));
}

#[test]
fn somebody_elses_deploy_is_not_disturbed() {
    let mut fake = Fake::new(schedule());
    fake.survey = Box::new(|survey| survey.running_row = Some("Manual deployment".to_owned()));
    refused(&mut fake, 7);
    fake.survey = Box::new(|survey| {
        survey.queue = vec![QueuedJob { title: "by hand".to_owned(), this_app: true, active: false }];
    });
    assert!(why(&refused(&mut fake, 7)).contains("by hand"));
    fake.survey = Box::new(|survey| survey.running_row = Some("plan run=r0 phase=core try=1".to_owned()));
    assert!(why(&refused(&mut fake, 7)).contains("by another or an earlier run of plan is running"), "it may be one's own that was killed");
}

#[test]
fn every_reason_to_refuse_is_told_at_once() {
    let mut plan = schedule();
    let port = Port { host_ip: None, host: Some(8004), container: 80, protocol: Protocol::Tcp };
    plan.phases[2].ports.insert("crm".to_owned(), [port].into());
    plan.phases[3].ports.insert("crm".to_owned(), [port].into());
    plan.phases[3].container_names.insert("agents".to_owned(), "agents".to_owned());
    plan.phases[3].text = format!("# {}\n", "x".repeat(90_000));
    let mut fake = Fake::new(plan);
    fake.survey = Box::new(|survey| {
        let container = |name: &str, port: Option<u16>, ours| HostContainer {
            name: name.to_owned(),
            ours,
            ports: port.into_iter().map(|port| ("0.0.0.0".to_owned(), port, "tcp".to_owned())).collect(),
            running: true,
        };
        survey.unsupported = vec!["it is a stack".to_owned()];
        survey.host =
            Some(vec![container("other-web-1", Some(8004), false), container("agents", None, false), container("mine", Some(8004), true)]);
    });
    let run = refused(&mut fake, 3);
    let why = why(&run);
    for part in
        ["it is a stack", "host port 8004/tcp of service `crm` is taken by container `other-web-1`", "container name `agents`", "bytes"]
    {
        assert!(why.contains(part), "{part} in {why}");
    }
    assert_eq!(why.lines().count(), 4, "each once: {why}");
}

#[test]
fn a_gate_that_does_not_hold_stops_before_anything_is_sent() {
    let mut fake = Fake::new(schedule());
    fake.external = Box::new(|_| Reading::Fail);
    let run = refused(&mut fake, 3);
    assert!(matches!(run.ending.reason, Reason::GateNotHeld { .. }));
    assert!(run.has(|event| matches!(event, Event::Warned { text } if text.contains("does not hold now"))), "told in pre-flight");
    fake.external = Box::new(|_| Reading::Error);
    refused(&mut fake, 9);
    fake.external = Box::new(|now| if now.0 < seconds(30) { Reading::Error } else { Reading::Pass });
    assert_eq!(drive(&mut fake, options()).code(), 0, "errors are put up with for a while");
}

#[test]
fn no_agreement_no_change() {
    let mut fake = Fake::new(schedule());
    fake.confirms = false;
    let run = refused(&mut fake, 3);
    assert!(!run.has(|event| matches!(event, Event::SnapshotKept { .. })));
}

#[test]
fn an_earlier_service_that_fails_between_phases_is_not_blamed_on_the_next() {
    let mut fake = Fake::new(super::plan::with_approval(schedule()));
    fake.approves = Some(true);
    // The external never matters after the first phase; `api` dies while the approval is waited for.
    let healthy = drive(&mut Fake::new(super::plan::with_approval(schedule())), options());
    let asked = healthy.events.iter().find(|(_, event)| matches!(event, Event::ApprovalAsked { .. })).unwrap().0;
    fake.dies = Some(("api".to_owned(), asked + seconds(10)));
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 5, "{}", run.ending.verdict);
    assert!(run.has(|event| matches!(event, Event::NotHeld { services, .. } if services[0].service == "api")));
    let Reason::GateNotHeld { what } = &run.ending.reason else { panic!("{:?}", run.ending.reason) };
    assert!(what.starts_with("`api` does not hold before phase"), "{what}");
    assert!(!run.has(|event| matches!(event, Event::PhaseFailed { .. })));
}
