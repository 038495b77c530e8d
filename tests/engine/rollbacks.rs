//! Runs in which a phase fails.

use super::fake::{Behaviour, Deploying, Fake, Run, drive, options};
use super::plan::schedule;
use rollout_plan::engine::*;
use rollout_plan::schedule::{Header, PhaseId, body_of, is_phase};

fn crash(service: &'static str) -> Fake {
    let mut fake = Fake::new(schedule());
    fake.behaviour = Box::new(move |name, _| if name == service { Behaviour::CrashLoop } else { Behaviour::Well });
    fake
}

fn build_fails(at: u64) -> Fake {
    let mut fake = Fake::new(schedule());
    let log = ["#5 [crm 2/2] RUN make", "#5 ERROR: exit code: 3", "failed to solve: exit code: 3"].map(str::to_owned).to_vec();
    fake.deploying = Box::new(move |_, number| if number == at { Deploying::Fails(log.clone()) } else { Deploying::Done });
    fake
}

fn cause(run: &Run) -> &Cause {
    let cause = run.events.iter().find_map(|(_, event)| match event {
        Event::PhaseFailed { cause, .. } => Some(cause),
        _ => None,
    });
    cause.expect("a phase failed")
}

fn evidence_comes_first(run: &Run) {
    let kept = run.at(|event| matches!(event, Event::EvidenceKept { .. })).unwrap();
    let back = run.at(|event| matches!(event, Event::RollbackStarted { .. })).unwrap();
    assert!(kept < back);
}

#[test]
fn a_crash_loop_leads_back_to_the_last_verified_phase() {
    let mut fake = crash("crm");
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 4, "{}", run.ending.verdict);
    assert_eq!(run.ending.verdict, "backend runs phase `core`, 2/2 healthy; phase `business` failed and was rolled back");
    assert_eq!(run.ending.live.as_deref(), Some("core"));
    let Cause::Services { services, .. } = cause(&run) else { panic!("{:?}", cause(&run)) };
    assert_eq!(services[0].service, "crm");
    assert!(services[0].actual.contains("restarted"), "{services:?}");
    assert!(run.has(|event| matches!(event, Event::RollbackStarted { target: Target::Phase(PhaseId(1)), undo: Undo::Redeploy })));
    assert_eq!(
        run.changes()[6..],
        ["replace business", "deploy phase=business", "replace core", "deploy rollback-to=core", "replace core verified"]
    );
    assert!(!fake.containers.contains_key("crm"));
    evidence_comes_first(&run);
    let evidence = run.effects.iter().find_map(|(_, effect)| match effect {
        Effect::KeepEvidence { evidence, .. } => Some(evidence),
        _ => None,
    });
    let evidence = evidence.unwrap();
    assert!(evidence.logs["crm"].lines.len() >= 100 && evidence.containers.len() == 3);
    assert!(!evidence.samples["tcp crm:80"].is_empty() && body_of(&evidence.text) == schedule().phases[2].text);
}

#[test]
fn a_rollback_that_failed_is_not_taken_for_what_runs_by_the_next_run() {
    let mut fake = crash("crm");
    fake.deploying = Box::new(|marker, _| if marker.contains("rollback-to") { Deploying::Fails(vec![]) } else { Deploying::Done });
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 5);
    let last = run.events.iter().rev().find_map(|(_, event)| match event {
        Event::Round { services, .. } => Some(services),
        _ => None,
    });
    assert!(last.unwrap().contains_key("crm"), "what is said to run is what runs after the failed rollback");
    assert_eq!(run.ending.verdict, "backend is degraded, 2/3 healthy when last seen: phase `business` failed and its rollback failed");
    assert!(is_phase(&schedule().phases[1], &fake.text) && !Header::parse(&fake.text).unwrap().verified);
    assert!(fake.containers.contains_key("crm"), "what failed still runs");

    fake.deploying = Box::new(|_, _| Deploying::Done);
    let run = drive(&mut fake, Options { run: "r2".to_owned(), until: Some(PhaseId(1)), ..options() });
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    assert_eq!(run.changes(), ["replace core", "deploy phase=core", "replace core verified"]);
    assert!(!fake.containers.contains_key("crm"), "left over of a phase that the live text had undone");
}

#[test]
fn a_rollback_cut_short_before_its_mark_earns_it_in_the_next_run() {
    let mut fake = crash("crm");
    fake.meddle = Box::new(|number, text| {
        if number == 7 {
            text.push_str("# by hand\n");
        }
    });
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 4, "the mark is only a mark: {}", run.ending.verdict);
    assert!(run.has(|event| matches!(event, Event::Warned { text } if text.contains("could not be marked"))));
    fake.text = fake.text.replace("# by hand\n", "");
    fake.meddle = Box::new(|_, _| {});
    let run = drive(&mut fake, Options { run: "r2".to_owned(), until: Some(PhaseId(1)), ..options() });
    assert_eq!((run.code(), run.changes()), (0, vec!["replace core verified".to_owned()]));
}

#[test]
fn nobody_is_blamed_for_a_restart_of_dokploy() {
    let mut fake = Fake::new(schedule());
    fake.deploying = Box::new(|_, number| if number == 3 { Deploying::Cancelled } else { Deploying::Done });
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 4, "{}", run.ending.verdict);
    let Cause::Deploy { status: RowStatus::Cancelled, services, .. } = cause(&run) else { panic!("{:?}", cause(&run)) };
    assert_eq!(services.len(), 0);
}

#[test]
fn a_build_that_fails_only_puts_the_text_back() {
    let mut fake = build_fails(3);
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 4, "{}", run.ending.verdict);
    let Cause::Deploy { services, candidates, lines, .. } = cause(&run) else { panic!("{:?}", cause(&run)) };
    assert_eq!((services.first().map(String::as_str), services.len(), *candidates), (Some("crm"), 1, false));
    assert!(lines.contains(&"failed to solve: exit code: 3".to_owned()));
    assert!(run.has(|event| matches!(event, Event::RollbackStarted { undo: Undo::TextOnly, .. })));
    assert_eq!(run.changes()[6..], ["replace business", "deploy phase=business", "replace core verified"]);
    evidence_comes_first(&run);
}

#[test]
fn a_deploy_that_never_starts_only_puts_the_text_back() {
    let mut fake = Fake::new(schedule());
    fake.deploying = Box::new(|_, number| if number == 2 { Deploying::NeverStarts } else { Deploying::Done });
    let run = drive(&mut fake, options());
    assert_eq!((run.code(), run.changes().last().map(String::as_str)), (4, Some("replace foundation verified")));
}

#[test]
fn where_nothing_was_healthy_before_the_old_text_is_put_back_and_what_was_started_is_stopped() {
    let mut fake = crash("api");
    fake.text = "services:\n  api: {image: broken}\n".to_owned();
    let text = fake.text.clone();
    let run = drive(&mut fake, Options { adopt: true, ..options() });
    assert_eq!(run.code(), 4, "{}", run.ending.verdict);
    assert_eq!(run.changes(), ["replace foundation", "deploy phase=foundation", "replace", "stop"]);
    assert_eq!(fake.text, text);
    assert_eq!(run.ending.live.as_deref(), Some("baseline"));
    assert!(run.ending.verdict.starts_with("backend is stopped"), "{}", run.ending.verdict);
    evidence_comes_first(&run);
}

#[test]
fn where_something_was_healthy_before_the_old_text_is_deployed_and_held_to_that() {
    let mut fake = Fake::new(schedule());
    fake.text = "services: {}\n".to_owned();
    fake.foreign = ["api".to_owned()].into();
    fake.make("api", Moment::START, Behaviour::Well);
    fake.replaces = Box::new(|_, _| ["api".to_owned()].into());
    fake.behaviour = Box::new(|_, number| if number == 1 { Behaviour::Unhealthy } else { Behaviour::Well });
    let run = drive(&mut fake, Options { adopt: true, ..options() });
    assert_eq!(run.code(), 4, "{}", run.ending.verdict);
    assert_eq!(run.changes(), ["replace foundation", "deploy phase=foundation", "replace", "deploy rollback-to=baseline"]);
    assert_eq!(run.ending.verdict, "backend runs what it ran before the run, 1/1 healthy; phase `foundation` failed and was rolled back");
}

#[test]
fn a_build_that_fails_in_the_first_phase_leaves_nothing_running_as_before() {
    let run = drive(&mut build_fails(1), options());
    assert_eq!((run.code(), run.changes()), (4, vec!["replace foundation".into(), "deploy phase=foundation".into(), "replace".into()]));
    assert_eq!(run.ending.verdict, "backend runs nothing, as before the run; phase `foundation` failed and was rolled back");
}

#[test]
fn a_list_that_may_be_empty_for_any_reason_is_no_proof_that_nothing_was_started() {
    let mut fake = build_fails(1);
    // A server of which nothing is shown when it is counted again: Docker may be down there by now.
    let surveys = std::cell::Cell::new(0);
    fake.survey = Box::new(move |survey| {
        surveys.set(surveys.get() + 1);
        survey.server = Some("far".to_owned());
        if surveys.get() > 1 {
            survey.host = None;
        }
    });
    let run = drive(&mut fake, options());
    assert_eq!((run.code(), run.changes().last().map(String::as_str)), (4, Some("stop")), "{}", run.ending.verdict);
}

#[test]
fn a_docker_that_shows_nothing_of_dokploys_own_host_is_not_started_on() {
    let mut fake = build_fails(1);
    fake.survey = Box::new(|survey| survey.host = None);
    let run = drive(&mut fake, options());
    assert_eq!((run.code(), run.changes()), (9, vec![]), "{}", run.ending.verdict);
}

#[test]
fn somebodys_text_that_never_came_up_is_adopted_although_it_has_no_container() {
    let mut fake = Fake::new(schedule());
    fake.text = "services:\n  everything: {image: broken}\n".to_owned();
    let run = drive(&mut fake, Options { adopt: true, ..options() });
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
}

#[test]
fn a_phase_that_was_pasted_and_never_deployed_is_brought_up_from_the_first() {
    let mut fake = Fake::new(schedule());
    fake.text = fake.schedule.phases[3].text.clone();
    let run = drive(&mut fake, options());
    assert_eq!((run.code(), run.changes().len()), (0, 12), "{}", run.ending.verdict);
}

#[test]
fn a_rollback_that_fails_is_degraded_and_nothing_is_tried_again() {
    let mut fake = crash("crm");
    fake.deploying = Box::new(|marker, _| if marker.contains("rollback") { Deploying::Fails(vec![]) } else { Deploying::Done });
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 5, "{}", run.ending.verdict);
    let failed = run.events.iter().filter(|(_, event)| matches!(event, Event::RollbackFailed { .. }));
    let texts: Vec<&String> =
        failed.filter_map(|(_, event)| if let Event::RollbackFailed { text, .. } = event { Some(text) } else { None }).collect();
    assert_eq!(texts.len(), 1);
    assert_eq!(body_of(texts[0]), schedule().phases[1].text, "the text to paste");
    assert!(run.ending.verdict.starts_with("backend is degraded"));
    assert_eq!(run.changes().last().unwrap(), "deploy rollback-to=core");
}

#[test]
fn a_rollback_whose_services_do_not_come_up_is_degraded() {
    let mut fake = crash("crm");
    fake.replaces = Box::new(|_, number| if number == 4 { ["brain".to_owned()].into() } else { [].into() });
    fake.behaviour = Box::new(|name, number| match (name, number) {
        ("crm", _) | (_, 4) => Behaviour::CrashLoop,
        _ => Behaviour::Well,
    });
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 5, "{}", run.ending.verdict);
}

#[test]
fn somebodys_edit_before_a_rollback_stops_it() {
    let mut fake = crash("crm");
    // The sixth text is the rollback's: two for each verified phase, and the one that failed.
    fake.meddle = Box::new(|number, text| {
        if number == 6 {
            text.push_str("# edited\n");
        }
    });
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 5, "{}", run.ending.verdict);
    assert!(run.has(|event| matches!(event, Event::RollbackFailed { cause: Cause::TextChanged { .. }, .. })));
    assert!(fake.text.ends_with("# edited\n"), "nothing was touched");
}

#[test]
fn somebodys_edit_between_phases_stops_the_run() {
    let mut fake = Fake::new(schedule());
    fake.meddle = Box::new(|number, text| {
        if number == 3 {
            text.push_str("# edited\n");
        }
    });
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 7, "{}", run.ending.verdict);
    assert_eq!(run.changes().len(), 4);
}

#[test]
fn the_policy_stop_leaves_everything_as_it_is() {
    let run = drive(&mut crash("crm"), Options { on_failure_stop: Some(true), ..options() });
    assert_eq!(run.code(), 5);
    assert_eq!(run.changes().last().unwrap(), "deploy phase=business");
    assert_eq!(run.ending.verdict, "backend runs phase `business` unverified, 2/3 healthy: phase `business` failed and was left as it is");
    assert!(run.has(|event| matches!(event, Event::EvidenceKept { .. })));
}

#[test]
fn a_phase_that_breaks_an_earlier_service_is_told_so() {
    let mut fake = Fake::new(schedule());
    fake.breaks = Some((3, "api".to_owned()));
    let run = drive(&mut fake, options());
    let Cause::Services { services, regression } = cause(&run) else { panic!("{:?}", cause(&run)) };
    assert_eq!((services[0].service.as_str(), *regression), ("api", true));
    let time = |test: &dyn Fn(&Event) -> bool| run.events.iter().find(|(_, event)| test(event)).unwrap().0;
    let ended = time(&|event| matches!(event, Event::DeployEnded { purpose: DeployPurpose::Phase(PhaseId(2)), .. }));
    let took = time(&|event| matches!(event, Event::PhaseFailed { .. })) - ended;
    assert!(took < std::time::Duration::from_secs(15), "three failures decide, not the settle deadline: {took:?}");
    // A deploy of the older text does not touch `api`, which stays broken.
    assert_eq!(run.code(), 5, "{}", run.ending.verdict);
}

#[test]
fn a_deploy_that_does_not_end_is_waited_for_and_then_unknown() {
    let mut fake = Fake::new(schedule());
    fake.deploying = Box::new(|_, number| if number == 2 { Deploying::Hangs } else { Deploying::Done });
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 10, "{}", run.ending.verdict);
    assert!(run.has(|event| matches!(event, Event::DeployOverdue { .. })));
    assert_eq!(run.changes().last().unwrap(), "deploy phase=core", "no update and no rollback while the row may act");
}

#[test]
fn a_container_that_exits_for_good_fails_at_once() {
    let mut fake = Fake::new(schedule());
    fake.behaviour = Box::new(|name, _| if name == "brain" { Behaviour::Exits } else { Behaviour::Well });
    let run = drive(&mut fake, options());
    let time = |test: &dyn Fn(&Event) -> bool| run.events.iter().find(|(_, event)| test(event)).unwrap().0;
    let ended = time(&|event| matches!(event, Event::DeployEnded { purpose: DeployPurpose::Phase(PhaseId(1)), .. }));
    let failed = time(&|event| matches!(event, Event::PhaseFailed { .. }));
    assert!(failed - ended < std::time::Duration::from_secs(1));
    assert_eq!(run.code(), 4);
}

#[test]
fn an_external_that_fails_is_named_before_the_rollback() {
    let mut fake = crash("api");
    fake.external = Box::new(|now| if now.0.as_secs() < 15 { Reading::Pass } else { Reading::Fail });
    let run = drive(&mut fake, options());
    assert!(run.has(|event| matches!(event, Event::Warned { text } if text.contains("tcp redis:6379"))));
}
