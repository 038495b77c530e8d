//! What notices of a watch say.

use super::scene::{At, Kept, Script, schedule, watched};
use crate::support::in_memory::on_virtual_time;
use rollout_plan::engine::{FailureKind, Moment, Outline, Reading};
use rollout_plan::model::NoticeEvent;
use rollout_plan::notify::{Notice, Shape, VigilTeller};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// `web` fails from minute 2 to 40; from minute 50 on nothing answers.
struct Outage {
    all: bool,
}

impl Script for Outage {
    fn service(&self, name: &str, now: Duration) -> Reading {
        let minute = now.as_secs() / 60;
        let fails = (2..40).contains(&minute) && (self.all || name == "web") || minute >= 50;
        if fails { Reading::Fail } else { Reading::Pass }
    }

    fn dokploy(&self, now: Duration) -> Result<(), FailureKind> {
        if now.as_secs() / 60 >= 50 { Err(FailureKind::Unreachable) } else { Ok(()) }
    }

    fn hears(&self, now: Duration) -> bool {
        now.as_secs() / 60 < 50
    }
}

fn told(services: &[String], script: Outage) -> Vec<Notice> {
    let schedule = schedule(services, "");
    let teller = VigilTeller::new(&Outline::new(&schedule), String::new(), Some("ops-1".to_owned()), |moment: Moment| {
        format!("2026-11-28T10:{:02}:00Z", moment.0.as_secs() / 60)
    });
    let told: Rc<RefCell<Vec<Notice>>> = Rc::default();
    let into = Rc::clone(&told);
    let kept = Kept { also: Some(Box::new(move |now, event| into.borrow_mut().extend(teller.hear(now, event)))), ..Kept::default() };
    on_virtual_time(watched(schedule, script, Duration::from_secs(60), Duration::from_secs(3600), kept, At(None)));
    told.take()
}

#[test]
fn an_outage_is_told_with_service_time_expectation_and_samples() {
    let told = told(&["search".to_owned(), "web".to_owned()], Outage { all: false });
    let lines: Vec<(NoticeEvent, &str, &str)> = told.iter().map(|notice| (notice.event, notice.what, notice.text.as_str())).collect();
    assert_eq!(
        lines,
        [
            (NoticeEvent::Unhealthy, "unhealthy", "shop: web is unhealthy, for 2m: HTTP 500"),
            (NoticeEvent::Unhealthy, "still-unhealthy", "shop: web is still unhealthy, for 32m: HTTP 500"),
            (NoticeEvent::Recovered, "recovered", "shop: web is healthy again, after 39m"),
            (NoticeEvent::Blind, "blind", "shop: nothing answers from ops-1, Dokploy included, for 2m: no connection: connection refused"),
            (NoticeEvent::End, "watch-ended", "shop: watched for 1h: 2/2 healthy; not everything could be asked at the end"),
        ]
    );
    let body: serde_json::Value = serde_json::from_str(&Shape::Own.body(&told[0])).unwrap();
    let service = &body["services"][0];
    assert_eq!(
        *service,
        serde_json::json!({
            "service": "web", "what": "http http://web.example/health status == 200", "expected": "status 200", "actual": "HTTP 500",
            "hint": "look at web", "since": "2026-11-28T10:02:00Z", "bad": 3, "samples": 3,
        })
    );
    assert_eq!(
        told[0].details,
        [
            "web: http http://web.example/health status == 200; expected: status 200; actual: HTTP 500; hint: look at web; 3 of 3 samples bad in 2m"
        ]
    );
    assert_eq!(told.last().unwrap().exit, Some(9));
    let slack = Shape::Slack.body(&told[2]);
    assert!(slack.contains("healthy again, after 39m\\nweb: 38 of 40 samples bad in 39m\\nBackend/staging/backend"), "{slack}");
}

#[test]
fn all_that_fall_together_are_one_notice() {
    let names: Vec<String> = (0..30).map(|at| format!("service-{at:02}")).collect();
    let told = told(&names, Outage { all: true });
    assert_eq!(told[0].text, "shop: service-00, service-01, service-02, service-03 and 26 more are unhealthy");
    assert_eq!((told[0].services.len(), told[0].details.len()), (30, 7));
    assert_eq!(told.iter().filter(|notice| notice.what == "unhealthy").count(), 1);
}
