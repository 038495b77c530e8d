//! A small plan of two phases that is run whole over a world in memory, on virtual time.

use super::in_memory::{InMemory, InMind, on_virtual_time, schedule_of};
use rollout_plan::drive::{Driven, NoInterrupts, Report};
use rollout_plan::engine::{Engine, Event, Moment, Options, Reason};
use rollout_plan::world::{Config, Fault, OtherContainer, World};
use std::sync::Arc;

/// A plan of one service and whatever is added to it.
pub struct Trial {
    /// In the service's block.
    pub service: &'static str,
    /// Outside all blocks.
    pub more: &'static str,
    /// In the phases.
    pub phase: &'static str,
    /// Beside the service in the first compose file, and in the second.
    pub compose: &'static str,
    /// Lines that the service writes at each start.
    pub log: &'static str,
    pub config: Config,
    pub faults: &'static [&'static str],
}

impl Default for Trial {
    fn default() -> Self {
        let (service, more, phase, compose, log) = ("", "", "", "", "");
        Self { service, more, phase, compose, log, config: Config::default(), faults: &[] }
    }
}

/// How it went.
pub struct Went {
    pub reason: Reason,
    pub verdict: String,
    pub record: InMind,
    /// What is shown and not recorded.
    pub rounds: Vec<Event>,
}

/// Sees the rounds.
#[derive(Default)]
struct Seen(Vec<Event>);

impl Report for Seen {
    fn event(&mut self, _: Moment, event: &Event) {
        if matches!(event, Event::Round { .. }) {
            self.0.push(event.clone());
        }
    }
}

impl Trial {
    pub fn run(self) -> Went {
        let phase = |name: &str, after: &str, file: &str| {
            format!(
                "phase {name} {after} {{\n  {}\n  deploy backend from \"{file}\" within 1m\n  settle within 40s\n  soak 3s\n}}\n",
                self.phase
            )
        };
        let plan = format!(
            "rollout small\ndokploy {{\n  url env(\"DOKPLOY_URL\")\n  api-key secret(\"DOKPLOY_API_KEY\")\n}}\napp backend {{\n  project \
             \"Backend\"\n  environment \"staging\"\n  compose \"backend\"\n}}\nsampling {{\n  every 1s\n  timeout 500ms\n}}\nservice web \
             {{\n  expect http \"http://127.0.0.1:8080/health\"\n  {}\n}}\nservice worker {{\n  expect http \
             \"http://127.0.0.1:8081/health\"\n}}\n{}\n{}{}",
            self.service,
            self.more,
            phase("one", "", "one.yml"),
            phase("two", "after one", "two.yml"),
        );
        let service = |name: &str, port: u16, log: &str| {
            format!(
                "  {name}:\n    image: registry.example/{name}:v1\n    restart: unless-stopped\n    ports: [\"{port}:80\"]\n    x-sandbox: {{ \
                 build: 2s, boot: 500ms, log: [{log}] }}\n"
            )
        };
        let one = format!("services:\n{}{}", service("web", 8080, self.log), self.compose);
        let two = format!("{one}{}", service("worker", 8081, ""));
        let schedule = schedule_of(&[("rollout.plan", &plan), ("one.yml", &one), ("two.yml", &two)]);
        let faults = self.faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect();
        let config = Config { faults, ..self.config };
        on_virtual_time(async move {
            let (mut record, mut seen) = (InMind::default(), Seen::default());
            let world = InMemory::new(World::new(config));
            let engine = Engine::new(Arc::clone(&schedule), Options { run: "r1".to_owned(), ..Options::default() });
            let driven = world.run_with(engine, &schedule, &mut record, &mut seen, &mut NoInterrupts).await;
            let Driven::Ended(ending, None) = driven else { panic!("nobody interrupts it") };
            Went { reason: ending.reason, verdict: ending.verdict, record, rounds: seen.0 }
        })
    }
}

impl Went {
    pub fn completed(&self) {
        assert_eq!(self.reason, Reason::Completed, "{}\n{}", self.verdict, self.told());
    }

    /// The first phase failed, and this was said of it.
    pub fn failed(&self, phase: &str, why: &str) {
        assert_eq!(self.reason, Reason::PhaseFailed { phase: phase.to_owned() }, "{}\n{}", self.verdict, self.told());
        assert!(self.told().contains(why), "`{why}` is not in:\n{}", self.told());
    }

    pub fn gate(&self, why: &str) {
        assert!(matches!(&self.reason, Reason::GateNotHeld { what } if what.contains(why)), "{:?}", self.reason);
    }

    /// Causes of failures.
    pub fn told(&self) -> String {
        let failed = self.record.events.iter().filter_map(|(_, event)| match event {
            Event::PhaseFailed { cause, .. } | Event::RollbackFailed { cause, .. } | Event::GateNotHeld { cause, .. } => {
                Some(format!("{cause:?}\n"))
            }
            _ => None,
        });
        failed.collect()
    }

    pub fn at(&self, wanted: impl Fn(&Event) -> bool) -> u64 {
        let found = self.record.events.iter().find(|(_, event)| wanted(event));
        found.map(|(at, _)| u64::try_from(at.0.as_millis()).unwrap()).expect("it is in the record")
    }
}

/// A container of the host that is not the app's.
pub fn with_container(name: &str) -> Config {
    let other = OtherContainer {
        name: name.to_owned(),
        image: "temporalio/server:1.24".to_owned(),
        ports: Vec::new(),
        running: true,
        has_healthcheck: true,
        external: Some("temporal".to_owned()),
    };
    Config { containers: vec![other], ..Config::default() }
}
