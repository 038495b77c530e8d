//! A Dokploy, services and a run beside them that do what a test says, on virtual time, and somebody who keeps what is told.

use crate::support::in_memory::schedule_of;
use rollout_plan::drive::{AtWork, Hear, Heard, Lookout, PacedClock, Platform, Prober, Signal, Speed, Watched, keep_vigil};
use rollout_plan::engine::vigil::{Rules, Standing, VigilEvent};
use rollout_plan::engine::{
    Answer, Container, ContainerId, ContainerState, Failure, FailureKind, Intent, Moment, Observed, Position, Reading, Sample, Survey,
};
use rollout_plan::schedule::{ExpectationId, Schedule};
use std::cell::Cell;
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const HEAD: &str = r#"rollout shop

dokploy {
  url env("DOKPLOY_URL", "http://127.0.0.1:3000")
  api-key secret("DOKPLOY_API_KEY")
}

app backend {
  project "Backend"
  environment "staging"
  compose "backend"
}

sampling {
  every 5s
  timeout 3s
}
"#;

/// A plan of these services in one phase, and this at its end. A service may be written with a statement of its block: `web needs api`.
pub fn schedule(services: &[String], more: &str) -> Arc<Schedule> {
    let (mut plan, mut file) = (HEAD.to_owned(), "services:\n".to_owned());
    for service in services {
        let (name, more) = service.split_once(' ').unwrap_or((service.as_str(), ""));
        let _ = write!(
            plan,
            "\nservice {name} {{\n  hint \"look at {name}\"\n  {more}\n  expect http \"http://{name}.example/health\" {{ status == 200 }}\n}}\n"
        );
        let _ = write!(file, "  {name}:\n    image: registry.example/{name}:1.0\n");
    }
    let _ = write!(plan, "\nphase all {{\n  deploy backend from \"all.yml\" within 3m\n}}\n\n{more}\n");
    schedule_of(&[("rollout.plan", plan.as_str()), ("all.yml", file.as_str())])
}

pub fn text_of(services: &[&str]) -> String {
    services.iter().fold("services:\n".to_owned(), |text, name| text + &format!("  {name}:\n    image: registry.example/{name}:1.0\n"))
}

/// How everything is at a moment. The default is that all is well.
pub trait Script {
    /// What a service answers by its address.
    fn service(&self, name: &str, now: Duration) -> Reading;
    /// Why Dokploy cannot be asked.
    fn dokploy(&self, _now: Duration) -> Result<(), FailureKind> {
        Ok(())
    }
    /// Whether whoever answers is heard at all.
    fn hears(&self, _now: Duration) -> bool {
        true
    }
    /// The live text.
    fn text(&self, _now: Duration) -> Option<String> {
        None
    }
    /// How often a service's container was restarted.
    fn restarts(&self, _name: &str, _now: Duration) -> u64 {
        0
    }
    /// Whether a run is at work.
    fn at_work(&self, _now: Duration) -> bool {
        false
    }
}

/// Script and clock, as everything outside.
pub struct Outside<S> {
    script: S,
    schedule: Arc<Schedule>,
    started: tokio::time::Instant,
    heard: Cell<Heard>,
    pub samples: Cell<u64>,
    pub surveys: Cell<u64>,
}

impl<S: Script> Outside<S> {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn text(&self) -> String {
        self.script.text(self.now()).unwrap_or_else(|| self.schedule.phases[0].text.clone())
    }

    fn containers(&self) -> Vec<Container> {
        let names = rollout_plan::schedule::services_in(&self.text());
        let container = |(at, name): (usize, String)| Container {
            id: ContainerId(format!("{at:012x}")),
            name: format!("shop-{name}-1"),
            restarts: self.script.restarts(&name, self.now()),
            service: name,
            state: ContainerState::Running,
            started_at: "2026-11-28T10:00:00Z".to_owned(),
            health: None,
            oom_killed: false,
            restarts_itself: true,
            image: "image".to_owned(),
            image_id: "sha256:1".to_owned(),
        };
        names.into_iter().enumerate().map(container).collect()
    }

    fn survey(&self) -> Survey {
        Survey {
            version: "v0.30.2".to_owned(),
            compose_id: "c1".to_owned(),
            text: self.text(),
            containers: Observed::Known(self.containers()),
            ..Survey::default()
        }
    }
}

impl<S: Script> Platform for Outside<S> {
    async fn carry_out(&self, intent: Intent, _: &mut dyn FnMut(Answer)) -> Answer {
        if let Err(kind) = self.script.dokploy(self.now()) {
            let message = "no connection: connection refused".to_owned();
            return Answer::Failed(Failure { kind, message, may_have_acted: false, tried_for: Duration::ZERO });
        }
        match intent {
            Intent::Observe => Answer::Observed(Observed::Known(self.containers())),
            Intent::StillOurs { expected, .. } if expected == self.text() => Answer::StillOurs,
            Intent::StillOurs { .. } => Answer::TextChanged { live: self.text() },
            Intent::Survey => {
                self.surveys.set(self.surveys.get() + 1);
                Answer::Surveyed(Box::new(self.survey()))
            }
            other => panic!("a watch asks for nothing else: {other:?}"),
        }
    }
}

impl<S: Script> Prober for Outside<S> {
    async fn sample(&self, expectation: ExpectationId, now: Moment) -> Sample {
        let expectation = &self.schedule.expectations[expectation.0];
        self.samples.set(self.samples.get() + 1);
        let reading = self.script.service(expectation.subject.name(), self.now());
        if self.script.hears(self.now()) {
            let heard = self.heard.get();
            self.heard.set(Heard { far: heard.far + 1, ..heard });
        }
        let actual = match reading {
            Reading::Pass => "HTTP 200",
            Reading::Fail => "HTTP 500",
            Reading::Error => "its name cannot be resolved",
        };
        Sample { reading, expected: "status 200".to_owned(), actual: actual.to_owned(), at: now, took_ms: 1 }
    }

    fn heard(&self) -> Option<Heard> {
        Some(self.heard.get())
    }
}

struct Run<S>(Rc<Outside<S>>);

impl<S: Script> AtWork for Run<S> {
    fn who(&self) -> Option<String> {
        self.0.script.at_work(self.0.now()).then(|| "another run holds this app".to_owned())
    }
}

/// Hears everything as well.
type Also = Box<dyn FnMut(Moment, &VigilEvent)>;

/// Keeps what is told.
#[derive(Default)]
pub struct Kept {
    pub events: Vec<(Moment, VigilEvent)>,
    /// Hears everything as well.
    pub also: Option<Also>,
}

impl Hear for Kept {
    fn hear(&mut self, now: Moment, event: &VigilEvent) {
        if let Some(also) = &mut self.also {
            also(now, event);
        }
        if !matches!(event, VigilEvent::Round(_)) {
            self.events.push((now, event.clone()));
        }
    }

    fn in_words(&self, _: &Survey, _: &Position) -> String {
        "phase all".to_owned()
    }
}

impl Kept {
    /// Everything but the rounds, a word each with its minute.
    pub fn words(&self) -> Vec<String> {
        let word = |event: &VigilEvent| match event {
            VigilEvent::Begun { .. } => "begun".to_owned(),
            VigilEvent::LookedAfresh { added, gone, .. } => format!("afresh +{} -{}", added.join(","), gone.join(",")),
            VigilEvent::Suspended { .. } => "suspended".to_owned(),
            VigilEvent::GoesOn => "goes on".to_owned(),
            VigilEvent::Overslept { .. } => "overslept".to_owned(),
            VigilEvent::Turned { turn, told, .. } => {
                format!("{turn:?} {}", told.iter().map(|told| told.turned.subject.name()).collect::<Vec<_>>().join(","))
            }
            VigilEvent::Sight(told) => format!("{:?}{}", told.turn, if told.is_blind { " blind" } else { "" }),
            VigilEvent::Round(_) => "round".to_owned(),
            VigilEvent::Ended { .. } => "ended".to_owned(),
        };
        self.events.iter().map(|(now, event)| format!("{} {}", now.0.as_secs() / 60, word(event))).collect()
    }
}

/// A signal at a moment, or none.
pub struct At(pub Option<Duration>);

impl rollout_plan::drive::Interrupts for At {
    async fn next(&mut self) -> Signal {
        match self.0.take() {
            Some(at) => {
                tokio::time::sleep(at).await;
                Signal::Interrupt
            }
            None => std::future::pending().await,
        }
    }
}

/// What a watch left.
pub struct Left<S> {
    pub kept: Kept,
    pub standing: Standing,
    pub signal: Option<Signal>,
    pub outside: Rc<Outside<S>>,
}

/// Watches for so long, a round every so often. The clock must be paused.
pub async fn watched<S: Script + 'static>(
    schedule: Arc<Schedule>,
    script: S,
    every: Duration,
    length: Duration,
    kept: Kept,
    signal: At,
) -> Left<S> {
    let outside = Outside {
        script,
        schedule: Arc::clone(&schedule),
        started: tokio::time::Instant::now(),
        heard: Cell::default(),
        samples: Cell::default(),
        surveys: Cell::default(),
    };
    let outside = Rc::new(outside);
    let rules = Rules { every, down_after: 3, up_after: 2 };
    let watched = Watched { schedule, survey: outside.survey(), rules, length: Some(length) };
    let clock = Rc::new(PacedClock::start(Speed::Max));
    let lookout =
        Lookout { platform: Rc::clone(&outside), is_near: false, prober: Rc::clone(&outside), clock, at_work: Run(Rc::clone(&outside)) };
    let (mut kept, mut signal) = (kept, signal);
    let (standing, signal) = keep_vigil(watched, lookout, &mut kept, &mut signal).await;
    Left { kept, standing, signal, outside }
}
