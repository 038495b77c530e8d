//! A machine that falls asleep in the middle of a run, and one that is asked twice to leave.

use super::fake::{Fake, drive, drive_asleep, options};
use super::plan::{schedule, seconds, with_approval};
use rollout_plan::engine::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

const MINUTES_10: Duration = Duration::from_secs(600);

/// The times of these events.
fn times(events: &[(Moment, Event)], test: impl Fn(&Event) -> bool) -> Vec<Moment> {
    events.iter().filter(|(_, event)| test(event)).map(|(at, _)| *at).collect()
}

fn overslept(event: &Event) -> bool {
    matches!(event, Event::Overslept { .. })
}

fn verified(event: &Event) -> bool {
    matches!(event, Event::PhaseVerified { .. })
}

#[test]
fn whenever_the_machine_sleeps_nothing_is_deployed_twice_and_every_soak_is_whole() {
    let whole = drive(&mut Fake::new(schedule()), options());
    let end = u64::try_from(whole.events.last().unwrap().0.0.as_millis()).unwrap();
    let mut noticed = 0;
    for at in (0..end).step_by(997) {
        let run = drive_asleep(&mut Fake::new(schedule()), options(), Moment::millis(at), MINUTES_10);
        assert_eq!((run.code(), run.changes()), (0, whole.changes()), "asleep at {at} ms: {}", run.ending.verdict);
        let phases = times(&run.events, verified);
        for woken in times(&run.events, overslept) {
            noticed += 1;
            if let Some(next) = phases.iter().find(|time| **time > woken) {
                assert!(*next - woken >= seconds(30), "asleep at {at} ms: a soak of {:?}", *next - woken);
            }
        }
    }
    assert!(noticed > 200, "{noticed}");
}

#[test]
fn a_service_that_died_meanwhile_is_found_before_anything_is_called_verified() {
    let whole = drive(&mut Fake::new(schedule()), options());
    // In the soak of the first phase.
    let settled = times(&whole.events, |event| matches!(event, Event::Settled { .. }))[0];
    let at = settled + seconds(20);
    let mut fake = Fake::new(schedule());
    fake.dies = Some(("api".to_owned(), at + seconds(60)));
    let run = drive_asleep(&mut fake, options(), at, MINUTES_10);
    assert_eq!(times(&run.events, verified), [], "{}", run.ending.verdict);
    assert!(run.has(overslept) && run.has(|event| matches!(event, Event::PhaseFailed { .. })));

    // And one that is verified, before the next change.
    let mut fake = Fake::new(schedule());
    let earlier = times(&whole.events, |event| matches!(event, Event::PhaseVerified { phase, .. } if phase.0 == 0))[0];
    fake.dies = Some(("api".to_owned(), earlier + seconds(60)));
    let run = drive_asleep(&mut fake, options(), earlier + Duration::from_millis(100), MINUTES_10);
    assert_eq!(run.changes().iter().filter(|change| change.starts_with("deploy")).count(), 1, "{:?}", run.changes());
    assert!(run.has(|event| matches!(event, Event::NotHeld { .. })), "{}", run.ending.verdict);
}

#[test]
fn a_sample_in_flight_meanwhile_counts_for_nothing() {
    // Right after a round of the soak began.
    let whole = drive(&mut Fake::new(schedule()), options());
    let settled = times(&whole.events, |event| matches!(event, Event::Settled { .. }))[0];
    let asked = whole.effects.iter().find(|(at, effect)| *at > settled && matches!(effect, Effect::Sample { .. })).unwrap().0;
    let run = drive_asleep(&mut Fake::new(schedule()), options(), asked + Duration::from_millis(5), MINUTES_10);
    let woken = times(&run.events, overslept)[0];
    let abandoned = run.effects.iter().filter(|(at, effect)| *at == woken && matches!(effect, Effect::Abandon { .. })).count();
    assert!(abandoned >= 1, "{:?}", run.effects);
    assert_eq!(run.code(), 0);
}

#[test]
fn being_some_seconds_late_is_no_sleep() {
    for at in [20_000, 50_000, 90_000] {
        let run = drive_asleep(&mut Fake::new(schedule()), options(), Moment::millis(at), seconds(25));
        assert!(!run.has(overslept) && run.code() == 0, "{}", run.ending.verdict);
    }
}

#[test]
fn an_approval_s_time_and_the_run_s_own_go_on_meanwhile() {
    let mut fake = Fake::new(with_approval(schedule()));
    fake.approves = None;
    let asked = times(&drive(&mut fake, options()).events, |event| matches!(event, Event::ApprovalAsked { .. }))[0];
    let mut fake = Fake::new(with_approval(schedule()));
    fake.approves = None;
    let run = drive_asleep(&mut fake, options(), asked + seconds(1), seconds(3600));
    assert!(run.has(|event| matches!(event, Event::ApprovalNotGiven { by: None, .. })), "{}", run.ending.verdict);
    assert_eq!(run.code(), 6);

    // Longer than `run within`, in a soak: that is begun anew and comes to its end, and no further phase begins.
    let settled = times(&drive(&mut Fake::new(schedule()), options()).events, |event| matches!(event, Event::Settled { .. }))[1];
    let run = drive_asleep(&mut Fake::new(schedule()), options(), settled + seconds(5), seconds(3 * 3600));
    assert_eq!((times(&run.events, verified).len(), run.code()), (2, 6), "{}", run.ending.verdict);
    assert!(run.ending.verdict.contains("the run's time was over"), "{}", run.ending.verdict);
}

#[test]
fn a_second_interrupt_does_not_wait_for_the_write_and_says_that_its_outcome_is_unknown() {
    // Drive to the first text that is sent, and leave it unanswered.
    let mut queue = VecDeque::from([(Moment::START, Input::Begin)]);
    let mut fake = Fake::new(schedule());
    let mut engine = Engine::new(Arc::clone(&fake.schedule), options());
    let mut written = None;
    let mut now = Moment::START;
    while written.is_none() {
        let (at, input) = queue.pop_front().unwrap_or_else(|| (engine.next_wake().unwrap(), Input::Woke));
        now = now.max(at);
        let step = engine.decide(now, input);
        step.events.iter().for_each(|event| engine.apply(now, event));
        for effect in step.effects {
            if matches!(&effect, Effect::Platform { intent: Intent::Replace { .. }, .. }) {
                written = Some(now);
            } else {
                queue.extend(fake.perform(now, &effect).into_iter().map(|(delay, input)| (now + delay, input)));
            }
        }
    }
    let take = |engine: &mut Engine, input| engine.decide(now, input).events.iter().for_each(|event| engine.apply(now, event));
    take(&mut engine, Input::Interrupted);
    assert_eq!(engine.ending(), None, "the answer is waited for");
    take(&mut engine, Input::Interrupted);
    let ending = engine.ending().unwrap();
    assert_eq!((ending.exit_code(), ending.facts.known, ending.facts.changed), (ExitCode(130), false, true));
    assert!(ending.verdict.contains("it is not known what backend runs"), "{}", ending.verdict);
}
