//! Two runs of one app from two machines, which share nothing but Dokploy: the second begun at every call of the first, and both in step, on
//! virtual time. Dokploy has no compare-and-swap, so what is held to is what can be: at most one of them ends well, the other stops with 7
//! before its next write, nobody undoes what the other deployed, their deploys do not alternate, and neither waits for the other.

use crate::support::in_memory::{Fate, InMemory, InMind, on_virtual_time, schedule_of};
use rollout_plan::drive::Driven;
use rollout_plan::engine::{Ending, Options, Reason};
use rollout_plan::schedule::{Header, Schedule};
use rollout_plan::world::{ApiRequest, Config, Fault, Verb, World};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const PLAN: &str = r#"rollout small

dokploy {
  url env("DOKPLOY_URL")
  api-key secret("DOKPLOY_API_KEY")
}

app backend {
  project "Backend"
  environment "staging"
  compose "backend"
}

sampling {
  every 1s
  timeout 500ms
  healthy after 2 passes
  unhealthy after 3 failures
}

service web {
  expect http "http://127.0.0.1:8080/health" { status == 200 }
}

service worker {
  expect http "http://127.0.0.1:8081/health" { status == 200 }
}

phase one {
  deploy backend from "one.yml" within 1m
  settle within 20s
  soak 3s
}

phase two after one {
  deploy backend from "two.yml" within 1m
  settle within 20s
  soak 3s
}
"#;

/// The files, of this version of the images.
fn plan(version: &str) -> Arc<Schedule> {
    let service = |name: &str, port: u16| {
        format!(
            "  {name}:\n    image: registry.example/{name}:{version}\n    ports: [\"{port}:80\"]\n    x-sandbox: {{ build: 2s, boot: 500ms }}\n"
        )
    };
    let one = format!("services:\n{}", service("web", 8080));
    let two = format!("{one}{}", service("worker", 8081));
    schedule_of(&[("rollout.plan", PLAN), ("one.yml", &one), ("two.yml", &two)])
}

/// A change of the text, as it took effect.
#[derive(Debug)]
struct Change {
    from: String,
    to: String,
    /// Titles of the rows and waiting jobs at that moment.
    deploys: Vec<String>,
}

/// How two runs went.
struct Race {
    endings: [Ending; 2],
    changes: Vec<Change>,
    /// Runs by their rows, oldest first.
    rows: Vec<String>,
    live: String,
    calls: usize,
    /// When the first ended, and when the second first changed something.
    first_ended: Duration,
    second_wrote: Option<Duration>,
    took: Duration,
}

/// How the second differs from the first.
#[derive(Clone, Copy, Debug)]
struct Second {
    /// Begun at this call of the first.
    at: usize,
    /// And so much later.
    later: Duration,
    /// Answers to the first and to the second take so much longer than Dokploy does.
    slower: [Duration; 2],
    version: &'static str,
}

fn run_of(text: &str) -> String {
    Header::parse(text).map(|header| header.run).unwrap_or_default()
}

fn title_run(title: &str) -> String {
    title.strip_prefix("plan run=").and_then(|rest| rest.split(' ').next()).unwrap_or("nobody").to_owned()
}

/// What Dokploy says of the app now: its text, and the titles of its rows, newest first.
fn look(world: &mut World, now: Duration) -> (String, Vec<String>) {
    let key = Some(world.api_key().to_owned());
    let mut ask = |path: &str, query: &[(&str, &str)]| -> Value {
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let path = format!("/api/{path}");
        let request = ApiRequest { method: Verb::Get, path, query, key: key.clone(), content_type: None, body: Vec::new() };
        serde_json::from_str(&world.api(now, &request).expect("Dokploy is up").text()).unwrap()
    };
    let projects = ask("project.all", &[]);
    let environments = projects[0]["environments"].as_array().unwrap();
    let id = environments.iter().find_map(|environment| environment["compose"][0]["composeId"].as_str()).unwrap();
    let text = ask("compose.one", &[("composeId", id)])["composeFile"].as_str().unwrap().to_owned();
    let rows = ask("deployment.allByCompose", &[("composeId", id)]);
    (text, rows.as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap().to_owned()).collect())
}

fn race(faults: &[&str], second: Second) -> Race {
    on_virtual_time(async {
        let faults = faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect();
        let first = InMemory::new(World::new(Config { faults, ..Config::default() }));
        let other = first.elsewhere();
        let changes: Rc<RefCell<Vec<Change>>> = Rc::default();
        let (start, last) = (Rc::new(Notify::new()), Rc::new(RefCell::new(String::new())));
        let (began, wrote) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
        for (place, slower) in [(&first, second.slower[0]), (&other, second.slower[1])] {
            let (changes, last, start, began) = (Rc::clone(&changes), Rc::clone(&last), Rc::clone(&start), Rc::clone(&began));
            let wrote = Rc::clone(&wrote);
            let is_first = std::ptr::eq(place, &raw const first);
            place.set_weather(move |sent, world, now| {
                // Nothing but a write changes the text; it has, by the next call of anybody.
                if wrote.replace(sent.is_write) {
                    let (text, deploys) = look(world, now);
                    let before = last.replace(text.clone());
                    if before != text {
                        changes.borrow_mut().push(Change { from: before, to: text, deploys });
                    }
                }
                if is_first && sent.number == second.at && !began.replace(true) {
                    start.notify_one();
                }
                if slower.is_zero() { Fate::Answered } else { Fate::Late(slower) }
            });
        }
        let run = |place: InMemory, name: &'static str, version: &'static str| async move {
            let mut record = InMind::default();
            let driven = place.run(&plan(version), Options { run: name.into(), ..Options::default() }, &mut record).await;
            match driven {
                Driven::Ended(ending, None) => ending,
                other => panic!("{other:?}"),
            }
        };
        let ended = Cell::new(Duration::ZERO);
        let one = async {
            let ending = run(first.clone(), "a", "1").await;
            ended.set(first.now());
            start.notify_one();
            ending
        };
        let two = async {
            start.notified().await;
            tokio::time::sleep(second.later).await;
            run(other.clone(), "b", second.version).await
        };
        let (one, two) = tokio::join!(one, two);
        let (live, mut rows) = first.with_world(look);
        rows.reverse();
        let rows = rows.iter().map(|title| title_run(title)).collect();
        let second_wrote = other.sent().iter().find(|sent| sent.is_write).map(|sent| sent.at);
        let first_ended = ended.get();
        Race {
            first_ended,
            second_wrote,
            endings: [one, two],
            changes: changes.take(),
            rows,
            live,
            calls: first.sent().len(),
            took: first.now(),
        }
    })
}

/// What must hold of two runs, the one that goes on ending with this code.
fn check(race: &Race, second: Second, well: u8) {
    let Race { endings, changes, rows, live, took, .. } = race;
    let about = || {
        let verdicts = endings.iter().map(|ending| format!("{} ({})", ending.verdict, ending.exit_code().0)).collect::<Vec<_>>();
        let changes: Vec<String> = changes.iter().map(|change| format!("{} -> {}", line(&change.from), line(&change.to))).collect();
        format!("{second:?}\n{verdicts:#?}\n{changes:#?}\nrows: {rows:?}\nlive: {}", line(live))
    };
    let won: Vec<usize> = (0..2).filter(|at| endings[*at].exit_code().0 == well).collect();
    let idle = |at: usize| matches!(endings[at].reason, Reason::NothingToDo);
    // One after the other is no race, and to find that there is nothing to do is no change.
    let apart = race.second_wrote.is_none_or(|wrote| wrote >= race.first_ended);
    assert!(won.len() <= 1 || apart, "two end well: {}", about());
    for (at, ending) in endings.iter().enumerate() {
        let code = ending.exit_code().0;
        assert!(code == well || code == 7, "{code} of {at}: {}", about());
    }
    // What is said to be verified is what is live, by whoever says so.
    for at in &won {
        let name = ["a", "b"][*at];
        if won.len() == 2 && *at == 0 {
            continue;
        }
        assert!(idle(*at) || run_of(live) == name && live.contains("verified=yes"), "{name} does not own what is live: {}", about());
        assert!(idle(*at) || rows.last().is_some_and(|last| last == name), "{name} did not deploy last: {}", about());
    }
    // Deploys do not alternate.
    let mut turns = rows.clone();
    turns.dedup();
    assert!(turns.len() <= 2, "deploys alternate: {}", about());
    // Nobody puts another text over one that the other deployed or is about to, unless that was verified before.
    for change in changes {
        let (from, to) = (run_of(&change.from), run_of(&change.to));
        let is_others = !from.is_empty() && from != to && !change.from.contains("verified=yes");
        let is_deployed = change.deploys.first().is_some_and(|title| title_run(title) == from);
        assert!(!(is_others && is_deployed), "the other's deploy is undone: {}", about());
    }
    assert!(*took < Duration::from_secs(120), "they wait for each other: {took:?} {}", about());
}

fn line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(60).collect()
}

/// Every `step`th call of the first run at which a second may begin, with these differences: how often the first went on to its end, the second,
/// and neither.
fn every_start(faults: &[&str], second: Second, step: usize, well: u8) -> [usize; 3] {
    let alone = race(faults, Second { at: usize::MAX, ..second });
    check(&alone, second, well);
    let mut counts = [0; 3];
    for at in (1..=alone.calls).step_by(step) {
        let second = Second { at, ..second };
        let race = race(faults, second);
        check(&race, second, well);
        let codes = race.endings.map(|ending| ending.exit_code().0);
        let won = codes.iter().position(|code| *code == well);
        counts[won.unwrap_or(2)] += 1;
    }
    counts
}

const AT_ONCE: Second = Second { at: 0, later: Duration::ZERO, slower: [Duration::ZERO; 2], version: "1" };

#[test]
fn a_second_run_of_the_same_plan_begun_at_any_call_of_the_first() {
    let [first, second, neither] = every_start(&[], AT_ONCE, 1, 0);
    assert!(first > 50 && second + neither == 0, "the first has always been there earlier: {first} {second} {neither}");
}

#[test]
fn a_second_run_of_another_version_of_the_plan_begun_at_any_call_of_the_first() {
    let [first, second, neither] = every_start(&[], Second { version: "2", ..AT_ONCE }, 1, 0);
    assert!(first > 50 && second > 0 && neither == 0, "{first} {second} {neither}");
}

#[test]
fn two_runs_in_step_with_each_other() {
    let millis = Duration::from_millis;
    for (slower, later, from) in [([0, 30], 0, "1"), ([30, 0], 0, "2"), ([0, 0], 7, "2"), ([90, 0], 20, "2"), ([13, 29], 5, "1")] {
        let second = Second { slower: slower.map(millis), later: millis(later), version: from, ..AT_ONCE };
        let [first, second_won, neither] = every_start(&[], second, 4, 0);
        assert!(first + second_won > neither, "{second:?}: {first} {second_won} {neither}");
    }
}

#[test]
fn a_second_run_while_the_first_fails_and_goes_back() {
    let [first, second, neither] = every_start(&["worker: never-healthy"], AT_ONCE, 2, 4);
    assert!(first > 50 && neither == 0, "{first} {second} {neither}");
}
