//! Notices: what is told of a run, that telling costs it nothing, and that whoever is told may behave as badly as they like.

mod beside;
mod sending;
mod telling;

use crate::support::in_memory::{InMemory, InMind, NoVariables, schedule_of};
use rollout_plan::drive::{Driven, NoInterrupts};
use rollout_plan::engine::{Engine, Options, Outline};
use rollout_plan::notify::{Carry, Lost, Post, Tally, Teller, Undelivered, prepare};
use rollout_plan::schedule::Schedule;
use rollout_plan::world::{Config, Fault, World};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The run's id in these tests.
const RUN: &str = "20261124-091443-7f3a";

const PLAN: &str = r#"rollout shop

dokploy {
  url env("DOKPLOY_URL", "http://127.0.0.1:3000")
  api-key secret("DOKPLOY_API_KEY")
}

app backend {
  project "Backend"
  environment "staging"
  compose "backend"
}

gate go-ahead { approve "Bring up the search?" }

service web {
  expect http "http://127.0.0.1:8000/health" { status == 200 }
}

service search {
  hint "look at its index"
  expect http "http://127.0.0.1:8001/health" { status == 200 }
}

phase one {
  deploy backend from "one.yml" within 3m
  settle within 1m
}

phase two after one {
  require go-ahead
  deploy backend from "two.yml" within 3m
  settle within 1m
}
"#;

const ONE: &str =
    "services:\n  web:\n    image: registry.example/web:1.0\n    ports: [\"8000:80\"]\n    x-sandbox: { boot: 1s, build: 2s }\n";
const SEARCH: &str =
    "  search:\n    image: registry.example/search:1.0\n    ports: [\"8001:80\"]\n    x-sandbox: { boot: 1s, build: 2s }\n";

/// The plan with this at its end.
fn schedule(notify: &str) -> Arc<Schedule> {
    let (plan, two) = (format!("{PLAN}{notify}\n"), format!("{ONE}{SEARCH}"));
    schedule_of(&[("rollout.plan", plan.as_str()), ("one.yml", ONE), ("two.yml", two.as_str())])
}

fn world(faults: &[&str]) -> InMemory {
    let faults = faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect();
    InMemory::new(World::new(Config { faults, ..Config::default() }))
}

fn options() -> Options {
    Options { run: RUN.to_owned(), ..Options::default() }
}

/// How somebody takes notices.
#[derive(Clone, Copy, Debug)]
enum Manner {
    /// At once.
    Takes,
    /// Never says anything.
    Hangs,
    /// Says no, so often; whether for good.
    SaysNo(usize, bool),
}

/// Somebody who is told, and keeps it.
#[derive(Clone)]
struct Somebody {
    manner: Manner,
    taken: Rc<RefCell<Vec<Value>>>,
    tries: Rc<Cell<usize>>,
}

impl Somebody {
    fn new(manner: Manner) -> Self {
        Self { manner, taken: Rc::default(), tries: Rc::default() }
    }

    /// The events that were taken, in order.
    fn events(&self) -> Vec<String> {
        self.taken.borrow().iter().map(|notice| notice["event"].as_str().unwrap().to_owned()).collect()
    }
}

impl Carry for Somebody {
    async fn carry(&self, _: usize, body: &str, _: Duration) -> Result<(), Undelivered> {
        self.tries.set(self.tries.get() + 1);
        match self.manner {
            Manner::Hangs => std::future::pending().await,
            Manner::SaysNo(times, is_final) if self.tries.get() <= times => Err(Undelivered { why: "HTTP 500".to_owned(), is_final }),
            Manner::Takes | Manner::SaysNo(..) => {
                self.taken.borrow_mut().push(serde_json::from_str(body).unwrap());
                Ok(())
            }
        }
    }
}

/// What a run left that told somebody of itself.
struct Left {
    record: InMind,
    driven: Driven,
    tally: Tally,
    lost: Vec<Lost>,
    /// How long the end was waited for after the run.
    waited: Duration,
}

/// The plan rolled out in memory, told to `somebody`.
async fn told(notify: &str, faults: &[&str], somebody: &Somebody) -> Left {
    let schedule = schedule(notify);
    let teller = Teller::new(Outline::new(&schedule));
    let lost: Rc<RefCell<Vec<Lost>>> = Rc::default();
    let keep = Rc::clone(&lost);
    let recipients = prepare(&schedule.told, &NoVariables).unwrap();
    let post = Post::new(somebody.clone(), recipients, teller, Rc::default(), move |one: &Lost| keep.borrow_mut().push(one.clone()));
    let mut record = InMind::default();
    let mut sending = pin!(post.work());
    let driven = {
        let mut report = &post;
        let (world, mut nobody) = (world(faults), NoInterrupts);
        let run = world.run_with(Engine::new(Arc::clone(&schedule), options()), &schedule, &mut record, &mut report, &mut nobody);
        tokio::select! {
            driven = run => driven,
            () = &mut sending => panic!("the run is not over"),
        }
    };
    let ended = Instant::now();
    let tally = post.finish(sending, Duration::from_secs(5)).await;
    let lost = lost.borrow().clone();
    Left { record, driven, tally, lost, waited: ended.elapsed() }
}
