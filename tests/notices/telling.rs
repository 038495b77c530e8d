//! What is told: of which events, in which words, without secrets, and once.

use super::{Manner, RUN, Somebody, schedule, told};
use crate::support::in_memory::{InMind, NoVariables, on_virtual_time};
use rollout_plan::engine::{Event, Moment, Outline};
use rollout_plan::model::NoticeEvent;
use rollout_plan::notify::{AtFault, Notice, Post, Shape, Teller, prepare};
use rollout_plan::secrets::Masks;
use serde_json::Value;
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

const ALL: &str = "notify webhook \"http://hook.example/one\" about start, phase, approval, delay, failure, rollback, end";

fn run_of(faults: &[&str]) -> (Vec<Value>, InMind) {
    let somebody = Somebody::new(Manner::Takes);
    let left = on_virtual_time(told(ALL, faults, &somebody));
    let taken = somebody.taken.borrow().clone();
    (taken, left.record)
}

#[test]
fn a_run_that_goes_well_is_told_from_start_to_end() {
    let (taken, _) = run_of(&[]);
    let texts: Vec<&str> = taken.iter().map(|notice| notice["text"].as_str().unwrap()).collect();
    assert_eq!(
        texts,
        [
            "shop: the rollout begins",
            "shop: phase one starts, which adds web",
            "shop: phase one is verified, 1/1 healthy",
            "shop: gate go-ahead asks: Bring up the search? (30m left; no answer stops the run)",
            "shop: gate go-ahead is approved by sandbox",
            "shop: phase two starts, which adds search",
            "shop: phase two is verified, 2/2 healthy",
            "shop: backend runs phase `two`, 2/2 healthy (exit 0)",
        ]
    );
    assert!(taken.iter().all(|notice| notice["schema"] == 1 && notice["run"] == RUN && notice["rollout"] == "shop"));
}

#[test]
fn what_was_told_before_a_kill_is_not_told_again() {
    let (taken, record) = run_of(&["search: crash-loop in two"]);
    let schedule = schedule(ALL);
    let mut teller = Teller::new(Outline::new(&schedule));
    teller.recall(&record.events);
    let resumed = Event::Resumed { gap: Duration::from_secs(90), changed: vec![], outline: None };
    let notice = teller.hear(Moment::millis(5), &resumed).unwrap();
    assert_eq!(
        (notice.event, notice.text.as_str(), notice.run.as_str()),
        (NoticeEvent::Start, "shop: the run goes on; nobody was at work for 90s", RUN)
    );
    assert!(teller.hear(Moment::millis(6), &Event::Agreed).is_none(), "begun is begun");
    assert!(taken.len() > 5);
}

/// The example in the docs is what a run really sends.
#[test]
fn the_example_in_the_docs_is_what_is_sent() {
    let (taken, _) = run_of(&["search: crash-loop in two"]);
    let failure = taken.iter().find(|notice| notice["event"] == "failure").unwrap();
    let own = format!("{}\n", serde_json::to_string_pretty(failure).unwrap());
    let somebody = Somebody::new(Manner::Takes);
    let slack = "notify slack env(\"HOOK\", \"http://hook.example/one\") about failure";
    let bodies = on_virtual_time(async {
        // Slack's shape has no `event`, so the body itself is looked at.
        told(slack, &["search: crash-loop in two"], &somebody).await;
        somebody.taken.borrow().clone()
    });
    let slack = format!("{}\n", serde_json::to_string_pretty(&bodies[0]).unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/notices.md");
    let document = std::fs::read_to_string(path).unwrap();
    let mut parts: Vec<String> = document.split("```text\n").map(str::to_owned).collect();
    assert_eq!(parts.len(), 3, "one example for each shape");
    let mut right = true;
    for (part, example) in parts[1..].iter_mut().zip([own, slack]) {
        let (shown, rest) = part.split_once("```").unwrap();
        right &= shown == example;
        *part = format!("{example}```{rest}");
    }
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        return std::fs::write(path, parts.join("```text\n")).unwrap();
    }
    assert!(right, "the examples would be:\n{}", parts[1..].join("\n"));
}

fn notice(text: &str) -> Notice {
    let service = AtFault {
        service: text.into(),
        what: text.into(),
        expected: Some(text.into()),
        actual: Some(text.into()),
        hint: Some(text.into()),
        lasting: None,
    };
    Notice {
        event: NoticeEvent::Failure,
        what: "phase-failed",
        at: Moment::START,
        rollout: text.into(),
        app: text.into(),
        run: text.into(),
        phase: Some(text.into()),
        services: vec![service],
        live: Some(text.into()),
        verified: false,
        exit: Some(4),
        text: text.into(),
        details: vec![text.into()],
    }
}

#[test]
fn no_text_of_a_notice_keeps_a_secret() {
    let mut masks = Masks::default();
    masks.add_secret("canary-7f3a\"x\n<canary>");
    let notice = notice("it says canary-7f3a\"x\n<canary> here");
    assert!(Shape::Own.body(&notice).contains("canary-7f3a"));
    let masked = notice.map(|text| masks.apply(text));
    for shape in [Shape::Own, Shape::Slack] {
        let body = shape.body(&masked);
        assert!(!body.contains("canary") && body.contains("[secret]"), "{body}");
    }
}

#[test]
fn slack_takes_nothing_for_a_link_or_a_person() {
    let body: Value = serde_json::from_str(&Shape::Slack.body(&notice("<!channel> & <http://x|y>"))).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1);
    let text = body["text"].as_str().unwrap();
    assert!(text.starts_with("&lt;!channel&gt; &amp; &lt;http://x|y&gt;\n") && !text.contains(['<', '>']), "{text}");
}

#[test]
fn secrets_of_the_run_and_what_a_terminal_obeys_do_not_leave() {
    on_virtual_time(async {
        let schedule = schedule("notify webhook \"http://hook.example/one\" about delay");
        let masks: Rc<RefCell<Masks>> = Rc::default();
        let somebody = Somebody::new(Manner::Takes);
        let recipients = prepare(&schedule.told, &NoVariables).unwrap();
        let post = Post::new(somebody.clone(), recipients, Teller::new(Outline::new(&schedule)), Rc::clone(&masks), |_| {});
        // Learnt after the post was made.
        masks.borrow_mut().add_secret("hunter2-hunter2");
        post.event(Moment::START, &Event::Holding { why: "said hunter2-hunter2 \u{1b}[2J".to_owned(), until: Moment::millis(9) });
        post.finish(pin!(post.work()), Duration::from_secs(5)).await;
        let taken = somebody.taken.borrow();
        let text = taken[0]["text"].as_str().unwrap();
        assert!(text.contains("said [secret]") && !text.contains('\u{1b}'), "{text:?}");
    });
}
