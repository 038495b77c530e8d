//! Telling costs the run nothing: on virtual time, whatever those who are told do.

use super::{Left, Manner, PLAN, Somebody, options, schedule, told, world};
use crate::support::in_memory::{InMind, on_virtual_time};
use rollout_plan::drive::Report as _;
use rollout_plan::engine::{Event, Moment, Outline};
use rollout_plan::notify::{Lost, Post, Tally, Teller, prepare};
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

const ALL: &str = "notify webhook \"http://hook.example/one\" about start, phase, approval, delay, failure, rollback, end\n\
                   notify webhook \"http://hook.example/two\" about start, phase, approval, delay, failure, rollback, end";

#[test]
fn whoever_is_told_changes_no_time_of_any_run() {
    for faults in [&[][..], &["search: crash-loop in two"]] {
        let alone = on_virtual_time(async {
            let (mut record, schedule) = (InMind::default(), schedule(""));
            world(faults).run(&schedule, options(), &mut record).await;
            record.events
        });
        assert!(alone.len() > 10, "{alone:?}");
        for manner in
            [Manner::Takes, Manner::Hangs, Manner::SaysNo(2, false), Manner::SaysNo(usize::MAX, false), Manner::SaysNo(usize::MAX, true)]
        {
            let Left { record, waited, tally, .. } = on_virtual_time(told(ALL, faults, &Somebody::new(manner)));
            assert_eq!(record.events, alone, "{manner:?}");
            assert!(waited <= Duration::from_secs(5), "{manner:?}: the end was waited for {waited:?}");
            assert!(tally.delivered + tally.lost >= 10, "{tally:?}");
        }
    }
}

#[test]
fn a_failing_run_tells_failure_rollback_and_end_in_order_and_once() {
    let somebody = Somebody::new(Manner::Takes);
    let notify = "notify webhook \"http://hook.example/one\" about failure, rollback, end";
    let left = on_virtual_time(told(notify, &["search: crash-loop in two"], &somebody));
    assert_eq!(somebody.events(), ["failure", "rollback", "end"]);
    assert_eq!((left.tally, left.lost, left.waited), (Tally { delivered: 3, lost: 0 }, vec![], Duration::ZERO));
    let end = somebody.taken.borrow()[2].clone();
    assert_eq!((end["exit"].as_u64(), end["live"].as_str(), end["verified"].as_bool()), (Some(4), Some("one"), Some(true)), "{end}");
    assert!(matches!(left.driven, rollout_plan::drive::Driven::Ended(ending, None) if ending.exit_code().0 == 4));
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_not() {
    let notify = "notify webhook \"http://hook.example/one\" about end";
    let twice = Somebody::new(Manner::SaysNo(2, false));
    let left = on_virtual_time(told(notify, &[], &twice));
    assert_eq!((left.tally, left.waited, twice.tries.get()), (Tally { delivered: 1, lost: 0 }, Duration::from_millis(2_500), 3));

    let ever = Somebody::new(Manner::SaysNo(usize::MAX, false));
    let left = on_virtual_time(told(notify, &[], &ever));
    assert_eq!((left.tally, ever.tries.get()), (Tally { delivered: 0, lost: 1 }, 3));
    assert_eq!(left.lost[0].why, "HTTP 500, 3 times");

    let final_no = Somebody::new(Manner::SaysNo(usize::MAX, true));
    let left = on_virtual_time(told(notify, &[], &final_no));
    assert_eq!((left.tally, final_no.tries.get(), left.waited), (Tally { delivered: 0, lost: 1 }, 1, Duration::ZERO));
    assert_eq!(
        (left.lost[0].to.as_str(), left.lost[0].why.as_str()),
        (format!("webhook in line {}", PLAN.lines().count() + 1).as_str(), "HTTP 500")
    );
}

#[test]
fn a_hanging_one_costs_five_seconds_at_the_end_and_what_was_left_is_told() {
    let somebody = Somebody::new(Manner::Hangs);
    let notify = "notify webhook \"http://hook.example/one\" about failure, rollback, end";
    let left = on_virtual_time(told(notify, &["search: crash-loop in two"], &somebody));
    assert_eq!(left.waited, Duration::from_secs(5));
    assert_eq!(left.tally, Tally { delivered: 0, lost: 3 });
    let words: Vec<&str> = left.lost.iter().flat_map(|lost| &lost.about).map(|event| event.as_str()).collect();
    assert_eq!(words, ["failure", "rollback", "end"], "{:?}", left.lost);
    assert!(left.lost.iter().all(|lost| lost.why.contains("no answer within 5 s") || lost.why == "no time was left"), "{:?}", left.lost);
}

/// So many events of one kind, at one moment, at a post whose recipient hangs.
#[test]
fn a_queue_is_short_and_the_oldest_give_way() {
    on_virtual_time(async {
        let schedule = schedule("notify webhook \"http://hook.example/one\" about delay");
        let lost: Rc<RefCell<Vec<Lost>>> = Rc::default();
        let keep = Rc::clone(&lost);
        let somebody = Somebody::new(Manner::SaysNo(1, false));
        let teller = Teller::new(Outline::new(&schedule));
        let recipients = prepare(&schedule.told, &crate::support::in_memory::NoVariables).unwrap();
        let post = Post::new(somebody.clone(), recipients, teller, Rc::default(), move |one: &Lost| keep.borrow_mut().push(one.clone()));
        for number in 0..100_u64 {
            let event = Event::Holding { why: format!("number {number}"), until: Moment::millis(number) };
            (&mut &post).event(Moment::START, &event);
        }
        assert_eq!(lost.borrow().len(), 36);
        assert!(lost.borrow().iter().all(|lost| lost.why == "too many were waiting"));
        let tally = post.finish(pin!(post.work()), Duration::from_secs(5)).await;
        assert_eq!(tally, Tally { delivered: 64, lost: 36 });
        let taken = somebody.taken.borrow();
        let texts: Vec<&str> = taken.iter().map(|notice| notice["text"].as_str().unwrap()).collect();
        assert!(texts[0].contains("number 0;") && texts[1].contains("number 37;") && texts[63].contains("number 99;"), "{texts:?}");
    });
}
