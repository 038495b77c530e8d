//! What is told of those that a service leans on: only who is not well in the same round.

use super::scene::{At, Kept, Script, schedule, watched};
use crate::support::in_memory::on_virtual_time;
use rollout_plan::engine::vigil::{Turn, VigilEvent};
use rollout_plan::engine::{Moment, Outline, Reading};
use rollout_plan::notify::VigilTeller;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// `web` fails from minute 2 on, and from minute 20 to 30 not; `api` fails from minute 30 on; a run is at work, or none.
struct Falling {
    at_work: bool,
}

impl Script for Falling {
    fn service(&self, name: &str, now: Duration) -> Reading {
        let minute = now.as_secs() / 60;
        let fails = match name {
            "web" => (2..20).contains(&minute) || minute >= 30,
            "api" => minute >= 30,
            _ => false,
        };
        if fails { Reading::Fail } else { Reading::Pass }
    }

    fn at_work(&self, _: Duration) -> bool {
        self.at_work
    }
}

/// What was heard, and the text of each notice.
fn heard(at_work: bool, minutes: u32) -> (Vec<(Moment, VigilEvent)>, Vec<String>) {
    let schedule = schedule(&["api", "db", "web needs api, db"].map(str::to_owned), "");
    let teller = VigilTeller::new(&Outline::new(&schedule), String::new(), None, |moment: Moment| format!("{}s", moment.0.as_secs()));
    let told: Rc<RefCell<Vec<String>>> = Rc::default();
    let into = Rc::clone(&told);
    let tell = move |now: Moment, event: &VigilEvent| {
        let notices = teller.hear(now, event).into_iter();
        into.borrow_mut().extend(notices.map(|notice| format!("{} | {}", notice.text, notice.details.join(" | "))));
    };
    let kept = Kept { also: Some(Box::new(tell)), ..Kept::default() };
    let left = on_virtual_time(watched(schedule, Falling { at_work }, MINUTE, MINUTE * minutes, kept, At(None)));
    (left.kept.events, told.take())
}

#[test]
fn a_cause_is_named_only_where_it_is_not_well_itself() {
    let (events, notices) = heard(false, 40);
    let unhealthy = |event: &VigilEvent| match event {
        VigilEvent::Turned { turn: Turn::Unhealthy, told, .. } => Some(told.clone()),
        _ => None,
    };
    let told: Vec<(String, Vec<String>)> = events
        .iter()
        .filter_map(|(_, event)| unhealthy(event))
        .flatten()
        .map(|told| {
            let leans_on = told.seen.leans_on.iter().map(|subject| subject.name().to_owned());
            (told.turned.subject.name().to_owned(), leans_on.collect())
        })
        .collect();
    let of = |name: &str, leans_on: &[&str]| (name.to_owned(), leans_on.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert_eq!(told, [of("web", &[]), of("api", &[]), of("web", &["api"])]);
    let (alone, both) = (&notices[0], &notices[2]);
    assert!(alone.contains("web") && !alone.contains("leans on"), "{alone}");
    assert!(both.contains("web: ") && both.contains("because?: leans on api, not well either"), "{both}");
}

#[test]
fn a_watch_that_asked_nothing_does_not_sound_as_if_all_were_down() {
    let (_, notices) = heard(true, 3);
    let end = notices.last().unwrap();
    assert!(end.contains("0/3 healthy; not seen: api, db and web"), "{end}");
}
