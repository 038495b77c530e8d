//! The rollouts that faults are tried on: short ones, so that a run has about a hundred calls, and each of them can be struck.

use crate::support::in_memory::schedule_of;
use rollout_plan::schedule::Schedule;
use rollout_plan::world::{Config, Fault};
use std::fmt::Write as _;
use std::sync::Arc;

/// The services, one more in each phase. The first phase's answers at port 8000, and so on.
pub const SERVICES: [&str; 4] = ["shop", "search", "mail", "agents"];
/// The phases.
pub const PHASES: [&str; 4] = ["foundation", "core", "business", "complete"];

/// The port of a service.
pub fn port(service: usize) -> u16 {
    8000 + u16::try_from(service).unwrap()
}

/// What is rolled out, and what becomes of it when nothing strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scene {
    /// Four phases, all of which become healthy.
    Rollout,
    /// The third phase's service crashes in a loop: back to the second phase, by a deploy.
    FailsInThird,
    /// The first phase's service crashes in a loop, and there was nothing before: what was started is stopped.
    FailsInFirst,
    /// Everything is live already.
    NothingToDo,
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Rollout, Self::FailsInThird, Self::FailsInFirst, Self::NothingToDo];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rollout => "a rollout of four phases",
            Self::FailsInThird => "a third phase that fails and is rolled back",
            Self::FailsInFirst => "a first phase that fails and is stopped again",
            Self::NothingToDo => "a run of what is live already",
        }
    }

    /// How it ends when nothing strikes.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Rollout | Self::NothingToDo => 0,
            Self::FailsInThird | Self::FailsInFirst => 4,
        }
    }

    /// The fault of a service beside it.
    pub fn service_fault(self) -> Option<Fault> {
        let text = match self {
            Self::Rollout | Self::NothingToDo => return None,
            Self::FailsInThird => "mail: crash-loop in business",
            Self::FailsInFirst => "shop: crash-loop in foundation",
        };
        Some(Fault::parse(text).unwrap())
    }

    /// The world before the run. What [`Scene::NothingToDo`] finds live is put there by a run of its own. In the rollout that succeeds,
    /// the second phase waits behind somebody else's job.
    pub fn config(self) -> Config {
        let waits = (self == Self::Rollout).then(|| Fault::parse("dokploy: queue-busy 3s in core").unwrap());
        Config { faults: self.service_fault().into_iter().chain(waits).collect(), ..Config::default() }
    }
}

/// A phase's compose file.
fn compose(phase: usize) -> String {
    let mut text = "services:\n".to_owned();
    for (at, service) in SERVICES[..=phase].iter().enumerate() {
        let port = port(at);
        let _ = write!(
            text,
            "  {service}:\n    image: registry.example/{service}:1.0\n    ports: [\"{port}:80\"]\n    restart: unless-stopped\n    \
             x-sandbox: {{boot: 500ms, build: 500ms}}\n"
        );
    }
    text
}

/// The plan.
fn plan() -> String {
    let mut text =
        "rollout shop\n\ndokploy {\n  url env(\"DOKPLOY_URL\", \"http://127.0.0.1:3000\")\n  api-key secret(\"DOKPLOY_API_KEY\")\n}\n\n\
         app backend {\n  project \"Backend\"\n  environment \"staging\"\n  compose \"backend\"\n}\n\n\
         sampling {\n  every 2s\n  timeout 1s\n  healthy after 2 passes\n  unhealthy after 3 failures\n}\n\n"
            .to_owned();
    for (at, service) in SERVICES.iter().enumerate() {
        let port = port(at);
        let _ = write!(text, "service {service} {{\n  expect http \"http://127.0.0.1:{port}/health\" {{ status == 200 }}\n}}\n\n");
    }
    for (at, phase) in PHASES.iter().enumerate() {
        let after = if at == 0 { String::new() } else { format!(" after {}", PHASES[at - 1]) };
        let _ = write!(
            text,
            "phase {phase}{after} {{\n  deploy backend from \"phase{}.yml\" within 2m\n  settle within 20s\n  soak 2s\n}}\n\n",
            at + 1
        );
    }
    text
}

/// The schedule of all scenes.
pub fn schedule() -> Arc<Schedule> {
    let (plan, files) = (plan(), [0, 1, 2, 3].map(compose));
    schedule_of(&[
        ("rollout.plan", &plan),
        ("phase1.yml", &files[0]),
        ("phase2.yml", &files[1]),
        ("phase3.yml", &files[2]),
        ("phase4.yml", &files[3]),
    ])
}
