//! What is rolled out while it is cut off.

use crate::support::in_memory::schedule_of;
use rollout_plan::schedule::Schedule;
use rollout_plan::world::{Config, External, Fault, Speaks};
use std::fmt::Write as _;
use std::sync::Arc;

const SERVICES: [&str; 4] = ["shop", "search", "mail", "agents"];
const PHASES: [&str; 4] = ["foundation", "core", "business", "complete"];

/// A rollout and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Four phases, all healthy; a gate before the first and a question before the last.
    Rollout,
    /// The third phase crashes in a loop: back to the second by a deploy.
    Redeployed,
    /// The third phase's image is missing: nothing was touched, only the text is put back.
    TextOnly,
    /// The first phase crashes in a loop and there was nothing before: what was started is stopped.
    Stopped,
    /// Its second phase never becomes healthy, and the plan says to leave it.
    Left,
}

impl Scene {
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Rollout => 0,
            Self::Redeployed | Self::TextOnly | Self::Stopped => 4,
            Self::Left => 5,
        }
    }

    pub fn config(self) -> Config {
        let fault = match self {
            Self::Rollout => None,
            Self::Redeployed => Some("mail: crash-loop in business"),
            Self::TextOnly => Some("mail: image-missing in business"),
            Self::Stopped => Some("shop: crash-loop in foundation"),
            Self::Left => Some("search: http-500 in core"),
        };
        let redis = External { name: "redis".to_owned(), host: "127.0.0.1".to_owned(), port: 6379, speaks: Speaks::Tcp };
        let faults = fault.map(|fault| Fault::parse(fault).unwrap()).into_iter().collect();
        Config { faults, externals: vec![redis], ..Config::default() }
    }

    pub fn schedule(self) -> Arc<Schedule> {
        let policy = if self == Self::Left { "  on failure stop\n" } else { "" };
        schedule_with(policy, "")
    }
}

/// The plan, with something more said of each phase, and something more at its end.
pub fn schedule_with(of_phase: &str, at_end: &str) -> Arc<Schedule> {
    let plan = plan(of_phase) + at_end;
    let files = [0, 1, 2, 3].map(compose);
    let names = ["phase1.yml", "phase2.yml", "phase3.yml", "phase4.yml"];
    let mut all = vec![("rollout.plan", plan.as_str())];
    all.extend(names.into_iter().zip(files.iter().map(String::as_str)));
    schedule_of(&all)
}

fn compose(phase: usize) -> String {
    let mut text = "services:\n".to_owned();
    for (at, service) in SERVICES[..=phase].iter().enumerate() {
        let _ = write!(
            text,
            "  {service}:\n    image: registry.example/{service}:1.0\n    ports: [\"{}:80\"]\n    restart: unless-stopped\n    \
             x-sandbox: {{boot: 500ms, build: 500ms}}\n",
            8000 + at
        );
    }
    text
}

fn plan(of_phase: &str) -> String {
    let mut text =
        "rollout shop\n\ndokploy {\n  url env(\"DOKPLOY_URL\", \"http://127.0.0.1:3000\")\n  api-key secret(\"DOKPLOY_API_KEY\")\n}\n\n\
         app backend {\n  project \"Backend\"\n  environment \"staging\"\n  compose \"backend\"\n}\n\n\
         sampling {\n  every 2s\n  timeout 1s\n  healthy after 1 passes\n  unhealthy after 3 failures\n}\n\n\
         external redis {\n  expect tcp \"127.0.0.1:6379\"\n}\n\ngate infrastructure {\n  expect external redis\n}\n\n\
         gate go-ahead {\n  approve \"Bring up the agents?\" within 30m else stop\n}\n\n"
            .to_owned();
    for (at, service) in SERVICES.iter().enumerate() {
        let _ = write!(text, "service {service} {{\n  expect http \"http://127.0.0.1:{}/health\" {{ status == 200 }}\n}}\n\n", 8000 + at);
    }
    for (at, phase) in PHASES.iter().enumerate() {
        let after = if at == 0 { String::new() } else { format!(" after {}", PHASES[at - 1]) };
        let gate = match at {
            0 => "  require infrastructure\n",
            3 => "  require go-ahead\n",
            _ => "",
        };
        let _ = write!(
            text,
            "phase {phase}{after} {{\n{gate}  deploy backend from \"phase{}.yml\" within 2m\n  settle within 20s\n  soak 2s\n{of_phase}}}\n\n",
            at + 1
        );
    }
    text
}
