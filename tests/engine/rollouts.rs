//! Runs that go forward, or have nothing to do.

use super::fake::{Behaviour, Deploying, Fake, Run, drive, drive_with, options};
use super::plan::{PHASES, schedule, seconds, with_approval};
use rollout_plan::engine::*;
use rollout_plan::schedule::{Header, PhaseId, render};
use std::collections::BTreeMap;
use std::sync::Arc;

#[test]
fn four_phases_are_brought_up_one_after_the_other() {
    let mut fake = Fake::new(schedule());
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 0, "{:?}", run.ending);
    assert_eq!(run.ending.verdict, "backend runs phase `complete`, 4/4 healthy");
    let each = |name: &str| [format!("replace {name}"), format!("deploy phase={name}"), format!("replace {name} verified")];
    assert_eq!(run.changes(), PHASES.iter().copied().flat_map(each).collect::<Vec<_>>());
    assert!(Header::parse(&fake.text).unwrap().verified);

    // The soak of each phase is its 30 s, in run time.
    for phase in (0..4).map(PhaseId) {
        let time = |test: &dyn Fn(&Event) -> bool| run.events.iter().find(|(_, event)| test(event)).unwrap().0;
        let settled = time(&|event| matches!(event, Event::Settled { purpose: DeployPurpose::Phase(id), .. } if *id == phase));
        let verified = time(&|event| matches!(event, Event::PhaseVerified { phase: id, .. } if *id == phase));
        assert!(verified - settled >= seconds(30) && verified - settled < seconds(36), "{:?}", verified - settled);
    }
}

#[test]
fn the_baseline_is_on_disk_before_the_first_change() {
    let run = drive(&mut Fake::new(schedule()), options());
    let kept = run.at(|event| matches!(event, Event::SnapshotKept { name, .. } if name == "baseline")).unwrap();
    let changed = run.at(|event| matches!(event, Event::Replacing { .. })).unwrap();
    assert!(kept < changed);
}

#[test]
fn a_second_run_changes_nothing() {
    let mut fake = Fake::new(schedule());
    drive(&mut fake, options());
    let text = fake.text.clone();
    let run = drive(&mut fake, options());
    assert_eq!((run.code(), &run.ending.reason), (0, &Reason::NothingToDo));
    assert_eq!(run.changes(), Vec::<String>::new());
    assert_eq!(fake.text, text);
    assert!(!run.has(|event| matches!(event, Event::SnapshotKept { .. } | Event::Agreed)));
    assert_eq!(run.ending.verdict, "backend runs phase `complete`, 4/4 healthy; there was nothing to do");
}

#[test]
fn a_run_goes_on_after_the_highest_phase_that_is_live_and_holds() {
    let mut fake = Fake::new(schedule());
    drive(&mut fake, Options { until: Some(PhaseId(1)), ..options() });
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 0);
    assert!(run.has(|event| matches!(event, Event::StartFound { after: Some(PhaseId(1)), .. })));
    assert_eq!(run.changes()[0], "replace business");
}

#[test]
fn a_phase_that_is_live_and_was_never_verified_earns_its_mark_without_a_deploy() {
    let mut fake = Fake::new(schedule());
    fake.text = render(&fake.schedule.phases[1].clone(), "r0", &BTreeMap::new(), false);
    for service in ["api", "brain"] {
        fake.make(service, Moment::START, Behaviour::Well);
    }
    fake.last_done = Some("plan run=r0 phase=core try=1".to_owned());
    let run = drive(&mut fake, Options { until: Some(PhaseId(1)), ..options() });
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    assert_eq!(run.changes(), ["replace core verified"]);
    assert!(run.has(|event| matches!(event, Event::Settled { .. })), "it soaks again");
}

#[test]
fn a_text_that_was_put_there_and_never_deployed_earns_nothing() {
    // A run that was killed between the text and its deploy; what runs is of another text, and well.
    for last in [None, Some("plan run=r0 phase=foundation try=1"), Some("plan run=r9 phase=core try=1"), Some("Manual deployment")] {
        let mut fake = Fake::new(schedule());
        fake.text = render(&fake.schedule.phases[1].clone(), "r0", &BTreeMap::new(), false);
        for service in ["api", "brain"] {
            fake.make(service, Moment::START, Behaviour::Well);
        }
        fake.last_done = last.map(str::to_owned);
        let run = drive(&mut fake, Options { until: Some(PhaseId(1)), ..options() });
        assert_eq!(run.code(), 0, "{}", run.ending.verdict);
        assert_eq!(run.changes(), ["replace core", "deploy phase=core", "replace core verified"], "{last:?}");
    }
}

#[test]
fn a_phase_that_is_live_unverified_and_does_not_hold_is_sent_again() {
    let mut fake = Fake::new(schedule());
    fake.text = render(&fake.schedule.phases[1].clone(), "r0", &BTreeMap::new(), false);
    fake.make("api", Moment::START, Behaviour::Well);
    fake.make("brain", Moment::START, Behaviour::Unhealthy);
    fake.replaces = Box::new(|_, _| ["brain".to_owned()].into());
    let run = drive(&mut fake, Options { until: Some(PhaseId(1)), ..options() });
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    assert_eq!(run.changes(), ["replace core", "deploy phase=core", "replace core verified"]);
}

#[test]
fn redeploy_repeats_the_live_phase() {
    let mut fake = Fake::new(schedule());
    drive(&mut fake, options());
    let run = drive(&mut fake, Options { redeploy: true, run: "r2".to_owned(), ..options() });
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    assert_eq!(run.changes(), ["replace complete", "deploy phase=complete", "replace complete verified"]);
}

#[test]
fn a_slow_boot_is_not_a_failure_before_the_deadline() {
    let mut fake = Fake::new(schedule());
    fake.behaviour = Box::new(|service, _| if service == "brain" { Behaviour::Slow(seconds(50)) } else { Behaviour::Well });
    assert_eq!(drive(&mut fake, options()).code(), 0);
    let mut fake = Fake::new(schedule());
    fake.behaviour = Box::new(|service, _| if service == "brain" { Behaviour::Slow(seconds(70)) } else { Behaviour::Well });
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 4, "70 s are more than the 60 s it may settle");
    let Some((_, Event::PhaseFailed { cause: Cause::Services { services, regression }, .. })) =
        run.events.iter().find(|(_, event)| matches!(event, Event::PhaseFailed { .. }))
    else {
        panic!("no cause")
    };
    assert_eq!((services.len(), services[0].service.as_str(), *regression), (1, "brain", false));
    assert_eq!((services[0].actual.as_str(), services[0].hint.as_deref()), ("refused", Some("look at brain")));
}

#[test]
fn not_seeing_the_containers_holds_and_is_no_failure() {
    let mut fake = Fake::new(schedule());
    // Lost for 50 s in the middle of the first settling, and again in its soak.
    fake.is_seen = Box::new(|now| !(30..80).contains(&now.0.as_secs()));
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
}

#[test]
fn errors_that_end_late_in_a_soak_do_not_end_the_run() {
    // A soak of 30 s may take 63 s; errors that begin before and end later are borne for the 60 s of settling.
    let whole = drive(&mut Fake::new(schedule()), options());
    let settled = |event: &Event| matches!(event, Event::Settled { .. });
    let soak = whole.events.iter().find(|(_, event)| settled(event)).unwrap().0;
    for (from, to, code) in [(25, 60, 0), (25, 90, 0), (25, 110, 10)] {
        let mut fake = Fake::new(schedule());
        fake.is_seen = Box::new(move |now| now < soak || !(from..to).contains(&(now - soak).as_secs()));
        let run = drive(&mut fake, options());
        assert_eq!(run.code(), code, "{from}..{to}: {}", run.ending.verdict);
        assert!(!run.has(|event| matches!(event, Event::RollbackStarted { .. })));
    }
}

#[test]
fn what_answers_again_at_an_assertion_s_end_is_asked_to_the_end_of_a_row() {
    // What is live is asserted for 60 s at most; after 57 s of errors there is time for one pass, and a row is two.
    for (until, code) in [(57, 0), (300, 9)] {
        let mut fake = Fake::new(schedule());
        drive(&mut fake, options());
        fake.is_seen = Box::new(move |now| now == Moment::START || now.0.as_secs() >= until);
        let run = drive(&mut fake, options());
        assert_eq!(run.code(), code, "{}", run.ending.verdict);
    }
}

#[test]
fn never_seeing_the_containers_again_is_unknown_and_undoes_nothing() {
    let mut fake = Fake::new(schedule());
    fake.is_seen = Box::new(|now| now.0.as_secs() < 15);
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 10, "{}", run.ending.verdict);
    assert_eq!(run.changes(), ["replace foundation", "deploy phase=foundation"]);
    assert!(run.has(|event| matches!(event, Event::Holding { .. })));
    assert!(!run.has(|event| matches!(event, Event::PhaseVerified { .. })));
}

#[test]
fn an_approval_is_asked_after_the_phases_before_it_hold() {
    let mut fake = Fake::new(with_approval(schedule()));
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 0);
    let asked = run.at(|event| matches!(event, Event::ApprovalAsked { .. })).unwrap();
    assert!(run.at(|event| matches!(event, Event::PhaseVerified { phase: PhaseId(2), .. })).unwrap() < asked);
    assert!(asked < run.at(|event| matches!(event, Event::PhaseStarted { phase: PhaseId(3) })).unwrap());
}

#[test]
fn an_approval_that_is_refused_or_not_given_stops_between_phases() {
    for approves in [Some(false), None] {
        let mut fake = Fake::new(with_approval(schedule()));
        fake.approves = approves;
        let run = drive(&mut fake, options());
        assert_eq!(run.code(), 6, "{}", run.ending.verdict);
        assert_eq!(run.ending.live.as_deref(), Some("business"));
        assert!(!run.changes().contains(&"replace complete".to_owned()));
    }
}

#[test]
fn waiting_for_an_approval_is_not_the_runs_time() {
    let mut plan = with_approval(schedule());
    plan.limits.run = seconds(400);
    plan.gates[1].approval.as_mut().unwrap().within = seconds(7200);
    let mut fake = Fake::new(plan);
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
}

#[test]
fn the_runs_own_time_stops_it_between_phases_or_fails_the_phase_in_flight() {
    let mut plan = schedule();
    plan.limits.run = seconds(100);
    let run = drive(&mut Fake::new(plan), options());
    assert!([4, 6].contains(&run.code()), "{} {}", run.code(), run.ending.verdict);
}

#[test]
fn two_equal_runs_give_equal_events() {
    let events = || drive(&mut Fake::new(with_approval(schedule())), options()).events;
    assert_eq!(events(), events());
}

#[test]
fn an_interrupt_at_any_second_ends_resumable_and_starts_nothing_more() {
    let whole = drive(&mut Fake::new(schedule()), options());
    let end = u64::try_from(whole.events.last().unwrap().0.0.as_millis()).unwrap();
    for at in (0..end).step_by(499) {
        let mut fake = Fake::new(schedule());
        fake.interrupt_at = Some(Moment::millis(at));
        let run = drive(&mut fake, options());
        assert_eq!(run.code(), 130, "at {at} ms: {}", run.ending.verdict);
        let started = |time: &Moment| *time > Moment::millis(at);
        let later = run.effects.iter().filter(|(time, effect)| started(time) && !matches!(effect, Effect::Abandon { .. }));
        assert_eq!(later.count(), 0, "something was started after the interrupt at {at} ms");
        let (_, how) = run.ending.verdict.split_once("; interrupted").unwrap();
        assert_eq!(
            how.is_empty(),
            run.ending.facts.known || !run.ending.facts.changed,
            "a phase in flight is named: {}",
            run.ending.verdict
        );
    }
}

#[test]
fn a_run_that_cannot_be_recorded_stops_at_once() {
    let fake = Fake::new(schedule());
    let mut engine = Engine::new(std::sync::Arc::clone(&fake.schedule), options());
    for input in [Input::Begin, Input::CannotRecord("disk full".to_owned())] {
        for event in engine.decide(Moment::START, input).events {
            engine.apply(Moment::START, &event);
        }
    }
    assert_eq!(engine.ending().unwrap().exit_code(), ExitCode(9));
}

#[test]
fn a_deploy_that_waits_too_long_is_withdrawn_if_it_can_be() {
    for (can, code, changes) in [(true, 4, "replace core verified"), (false, 10, "withdraw")] {
        let mut fake = Fake::new(schedule());
        fake.deploying = Box::new(move |_, number| if number == 3 { Deploying::Queues(can) } else { Deploying::Done });
        let run = drive(&mut fake, options());
        assert_eq!(run.code(), code, "{}", run.ending.verdict);
        assert_eq!(run.changes().last().unwrap(), changes, "{:?}", run.changes());
    }
}

#[test]
fn phases_that_would_take_away_what_runs_are_passed_over_and_said_to_be() {
    let is_told = |run: &Run| {
        let told = "`foundation` would take services away that run now: passed over";
        run.has(|event| matches!(event, Event::Warned { text } if text == told))
    };
    let mut fake = Fake::new(schedule());
    let first = drive(&mut fake, Options { until: Some(PhaseId(1)), ..options() });
    assert!(!is_told(&first));
    fake.text = "services:\n  other: {image: other}\n".to_owned();
    let run = drive(&mut fake, Options { adopt: true, ..options() });
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    assert!(is_told(&run) && run.changes().first().is_some_and(|change| change == "replace core"), "{:?}", run.changes());
}

#[test]
fn an_answer_that_never_comes_does_not_use_up_an_assertion_s_time_and_a_row_of_them_does() {
    // One that is waited for takes the 60 s that what is live is asserted for.
    for (silent, code) in [(1, 0), (2, 0), (usize::MAX, 9)] {
        let mut fake = Fake::new(schedule());
        drive(&mut fake, Options { until: Some(PhaseId(0)), ..options() });
        let (plan, mut left) = (Arc::clone(&fake.schedule), silent);
        let run = drive_with(&plan, Options { until: Some(PhaseId(0)), ..options() }, None, |now, effect| match effect {
            Effect::Sample { .. } if left > 0 => {
                left -= 1;
                vec![]
            }
            _ => fake.perform(now, effect),
        });
        assert_eq!((run.code(), run.changes()), (code, Vec::<String>::new()), "{silent}: {}", run.ending.verdict);
    }
}
