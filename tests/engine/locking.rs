//! One run at a time: what the engine makes of a lock that somebody else has.

use super::fake::{Fake, drive, options};
use super::plan::{schedule, seconds};
use rollout_plan::engine::*;
use std::time::Duration;

fn holders(fake: &mut Fake, takes: &[(&str, u64)]) {
    fake.holders = takes.iter().map(|(who, takes)| ((*who).to_owned(), seconds(*takes))).collect();
}

fn waiting(lock_wait: Duration) -> Options {
    Options { lock_wait, ..options() }
}

#[test]
fn what_is_surveyed_is_never_older_than_the_lock() {
    let mut fake = Fake::new(schedule());
    let run = drive(&mut fake, options());
    let place = |test: &dyn Fn(&Effect) -> bool| run.effects.iter().position(|(_, effect)| test(effect)).unwrap();
    let find = place(&|effect| matches!(effect, Effect::Platform { intent: Intent::Find, .. }));
    let lock = place(&|effect| matches!(effect, Effect::Lock { compose, .. } if compose == "c1"));
    let survey = place(&|effect| matches!(effect, Effect::Platform { intent: Intent::Survey, .. }));
    assert_eq!((find, lock, survey), (0, 1, 2));
    assert_eq!(run.code(), 0);
}

#[test]
fn a_lock_that_somebody_has_ends_the_run_at_once_with_7_and_says_who() {
    let mut fake = Fake::new(schedule());
    holders(&mut fake, &[("ada on build7, pid 7", 60)]);
    let run = drive(&mut fake, options());
    assert_eq!((run.code(), run.changes()), (7, vec![]));
    let Reason::Busy { who } = &run.ending.reason else { panic!("{:?}", run.ending) };
    assert!(who.starts_with("ada on build7, pid 7") && who.contains("--lock-wait"), "{who}");
    assert!(!run.has(|event| matches!(event, Event::LockAwaited { .. } | Event::Surveyed { .. })));
    assert!(run.ending.verdict.contains("was not touched"), "{}", run.ending.verdict);
}

#[test]
fn with_lock_wait_each_holder_is_told_once_and_the_run_goes_on_when_it_is_free() {
    let mut fake = Fake::new(schedule());
    holders(&mut fake, &[("ada", 100), ("ada", 100), ("grace", 100)]);
    let run = drive(&mut fake, waiting(seconds(900)));
    let told: Vec<(&str, Moment)> = run
        .events
        .iter()
        .filter_map(|(_, event)| if let Event::LockAwaited { holder, until } = event { Some((holder.as_str(), *until)) } else { None })
        .collect();
    // All holders together are waited for until one moment.
    let until = told[0].1;
    assert_eq!(told, [("ada", until), ("grace", until)]);
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    let surveyed = run.events.iter().find(|(_, event)| matches!(event, Event::Surveyed { .. })).unwrap().0;
    assert!(surveyed >= Moment::millis(300_000), "{surveyed:?}");
}

#[test]
fn a_lock_that_is_not_freed_in_time_ends_with_7() {
    let mut fake = Fake::new(schedule());
    holders(&mut fake, &[("ada", 60), ("grace", 600)]);
    let run = drive(&mut fake, waiting(seconds(120)));
    assert_eq!((run.code(), run.changes()), (7, vec![]));
    let ended = run.events.last().unwrap().0;
    assert!(ended >= Moment::millis(120_000) && ended < Moment::millis(121_000), "{ended:?}");
    assert!(matches!(&run.ending.reason, Reason::Busy { who } if who.starts_with("grace")), "{:?}", run.ending);
}

#[test]
fn waiting_for_the_lock_is_not_the_run_s_own_time() {
    let mut short = schedule();
    short.limits.run = seconds(300);
    let mut fake = Fake::new(short);
    holders(&mut fake, &[("ada", 1000)]);
    let run = drive(&mut fake, waiting(seconds(2000)));
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    // And it is not given to the run as time of its own either.
    let mut short = schedule();
    short.limits.run = seconds(1);
    let mut fake = Fake::new(short);
    holders(&mut fake, &[("ada", 1000)]);
    assert_ne!(drive(&mut fake, waiting(seconds(2000))).code(), 0);
}

#[test]
fn an_interrupt_ends_waiting_for_the_lock() {
    let mut fake = Fake::new(schedule());
    holders(&mut fake, &[("ada", 600)]);
    fake.interrupt_at = Some(Moment::millis(30_000));
    let run = drive(&mut fake, waiting(seconds(900)));
    assert_eq!((run.code(), run.changes()), (130, vec![]));
    assert_eq!(run.events.last().unwrap().0, Moment::millis(30_000));
}

#[test]
fn a_lock_that_cannot_be_taken_is_9_and_nothing_is_changed() {
    let shared = std::sync::Arc::new(schedule());
    let mut fake = Fake::new(schedule());
    let run = super::fake::drive_with(&shared, options(), None, |now, effect| match effect {
        Effect::Lock { op, .. } => vec![(seconds(0), Input::CannotLock(*op, "the disk is full".to_owned()))],
        other => fake.perform(now, other),
    });
    assert_eq!((run.code(), run.changes()), (9, vec![]));
    assert!(run.ending.verdict.contains("the disk is full"), "{}", run.ending.verdict);
}
