//! A month on virtual time through the driver and the post: rounds, probes, notices in somebody's queue.

use super::month::{Outage, SERVICES, expected, name, script};
use super::scene::{At, Kept, Script, schedule, watched};
use crate::support::in_memory::{NoVariables, on_virtual_time};
use rollout_plan::engine::vigil::{Turn, VigilEvent};
use rollout_plan::engine::{Moment, Outline, Reading};
use rollout_plan::notify::{Carry, Post, Teller, Undelivered, VigilTeller, prepare};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// Minutes from one round to the next.
const EVERY: usize = 240;
const ROUNDS: usize = 30 * 6;

struct Scripted(Vec<Vec<Outage>>);

impl Script for Scripted {
    fn service(&self, name: &str, now: Duration) -> Reading {
        let service: usize = name.trim_start_matches("service-").parse().unwrap();
        let round = (usize::try_from(now.as_secs()).unwrap() + 1) / (60 * EVERY);
        let is_out = |outage: &Outage| (outage.from..outage.from + outage.rounds).contains(&round);
        if self.0[service].iter().any(is_out) { Reading::Fail } else { Reading::Pass }
    }
}

/// Takes every notice, now and then at the second try only.
#[derive(Clone, Default)]
struct Somebody {
    taken: Rc<RefCell<Vec<Value>>>,
    tries: Rc<RefCell<usize>>,
}

impl Carry for Somebody {
    async fn carry(&self, _: usize, body: &str, _: Duration) -> Result<(), Undelivered> {
        *self.tries.borrow_mut() += 1;
        if self.tries.borrow().is_multiple_of(7) {
            return Err(Undelivered { why: "HTTP 503".to_owned(), is_final: false });
        }
        self.taken.borrow_mut().push(serde_json::from_str(body).unwrap());
        Ok(())
    }
}

#[test]
fn a_month_on_virtual_time_sends_exactly_the_notices_that_are_due() {
    let script = script(ROUNDS, 0xfeed_4321);
    let expected = expected(&script, EVERY);
    assert!(expected.len() > 1_000, "{}", expected.len());
    let names: Vec<String> = (0..SERVICES).map(name).collect();
    let schedule = schedule(&names, "notify webhook \"http://hook.example/one\"");
    let somebody = Somebody::default();
    let (left, tally) = on_virtual_time(async {
        let recipients = prepare(&schedule.told, &NoVariables).unwrap();
        let outline = Outline::new(&schedule);
        let lost = |lost: &_| panic!("{lost:?}");
        let post = Rc::new(Post::new(somebody.clone(), recipients, Teller::new(outline.clone()), Rc::default(), lost));
        let teller = VigilTeller::new(&outline, String::new(), None, |moment: Moment| format!("{}s", moment.0.as_secs()));
        let into = Rc::clone(&post);
        let tell = move |now: Moment, event: &VigilEvent| teller.hear(now, event).into_iter().for_each(|notice| into.tell(notice));
        let kept = Kept { also: Some(Box::new(tell)), ..Kept::default() };
        let (every, length) = (Duration::from_secs(60 * EVERY as u64), Duration::from_secs(30 * 24 * 3600));
        let mut sending = pin!(post.work());
        let left = tokio::select! {
            left = watched(schedule, Scripted(script.clone()), every, length, kept, At(None)) => left,
            () = &mut sending => panic!("the watch is not over"),
        };
        let tally = post.finish(sending, Duration::from_secs(5)).await;
        (left, tally)
    });
    assert_eq!(left.outside.samples.get(), (ROUNDS * SERVICES) as u64, "a sample a round, and no other");
    assert_eq!((left.standing.exit_code().0, left.standing.rounds, left.signal), (0, ROUNDS as u64, None));

    // What was sent, taken apart again.
    let taken = somebody.taken.borrow();
    let mut told = BTreeSet::new();
    for notice in taken.iter().filter(|notice| notice["event"] != "end") {
        let turn = match notice["what"].as_str().unwrap() {
            "unhealthy" => Turn::Unhealthy,
            "still-unhealthy" => Turn::StillUnhealthy,
            "recovered" => Turn::Recovered,
            other => panic!("{other}: {notice:#}"),
        };
        let round = usize::try_from(notice["at_ms"].as_u64().unwrap()).unwrap() / (60_000 * EVERY);
        for service in notice["services"].as_array().unwrap() {
            let service: usize = service["service"].as_str().unwrap().trim_start_matches("service-").parse().unwrap();
            assert!(told.insert((round, service, turn)), "told twice: {round} {service} {turn:?}");
        }
    }
    let (lost, more): (Vec<_>, Vec<_>) = (expected.difference(&told).take(5).collect(), told.difference(&expected).take(5).collect());
    assert!(lost.is_empty() && more.is_empty(), "not sent: {lost:?}; sent and not to be: {more:?}");
    let end = taken.last().unwrap();
    assert_eq!((end["what"].as_str(), end["exit"].as_u64()), (Some("watch-ended"), Some(0)), "{end:#}");
    assert_eq!((tally.delivered, tally.lost), (taken.len(), 0));
    // At most one notice of a kind a round, whatever fell in it.
    let mut kinds: Vec<(u64, &str)> =
        taken.iter().map(|notice| (notice["at_ms"].as_u64().unwrap(), notice["what"].as_str().unwrap())).collect();
    kinds.dedup();
    assert_eq!(kinds.len(), taken.len());
}
