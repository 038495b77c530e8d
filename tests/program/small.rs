//! A plan of two phases with short times, for runs in real time: an image first, then a service built from a git repository.

use super::binary::Home;
use rollout_plan::world::{Config, External, Speaks};

/// Where `web` and `worker` of the plan are asked.
pub const ADDRESSES: [(&str, u16); 2] = [("127.0.0.1", 18_080), ("127.0.0.1", 18_081)];

pub const PLAN: &str = r#"rollout small

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
  every 400ms
  timeout 400ms
  healthy after 2 passes
  unhealthy after 20 failures
}

service web {
  expect http "http://127.0.0.1:18080/health" { status == 200 }
}

service worker {
  expect http "http://127.0.0.1:18081/health" { status == 200 }
}

phase one {
  deploy backend from "one.yml" within 1m
  settle within 30s
  soak 900ms
}

phase two after one {
  deploy backend from "two.yml" within 1m
  settle within 30s
  soak 900ms
}
"#;

pub const ONE: &str = r#"services:
  web:
    image: registry.example/web:1.0
    ports: ["18080:80"]
    x-sandbox: { build: 200ms, boot: 100ms }
"#;

const WORKER: &str = r#"  worker:
    build:
      context: https://git.example/small/worker.git#main:service
    ports: ["18081:80"]
    x-sandbox: { build: 700ms, boot: 100ms }
"#;

pub fn two() -> String {
    format!("{ONE}{WORKER}")
}

/// Puts the plan and its files into a home; the plan is `rollout.plan` there.
pub fn put(home: &Home) {
    home.file("rollout.plan", PLAN);
    home.file("one.yml", ONE);
    home.file("two.yml", &two());
}

/// Puts the plan with times of milliseconds into a home, both services from images of this version; the second phase settles within so long.
pub fn put_quick(home: &Home, version: &str, settle: &str) {
    let quick = [("400ms", "120ms"), ("unhealthy after 20", "unhealthy after 50"), ("soak 900ms", "soak 250ms")];
    let plan = quick.iter().fold(PLAN.to_owned(), |plan, (slow, quick)| plan.replace(slow, quick));
    let (one, two) = plan.split_once("phase two").expect("the plan has two phases");
    home.file("rollout.plan", &format!("{one}phase two{}", two.replace("settle within 30s", &format!("settle within {settle}"))));
    let service = |name: &str, port: u16| {
        format!(
            "  {name}:\n    image: registry.example/{name}:{version}\n    ports: [\"{port}:80\"]\n    x-sandbox: {{ build: 50ms, boot: 20ms }}\n"
        )
    };
    let one = format!("services:\n{}", service("web", 18_080));
    home.file("one.yml", &one);
    home.file("two.yml", &format!("{one}{}", service("worker", 18_081)));
}

/// A world in which git answers for the plan's repository.
pub fn config() -> Config {
    let git = External { name: "git.example".to_owned(), host: "git.example".to_owned(), port: 443, speaks: Speaks::Git };
    let worker = ("https://git.example/small/worker.git".to_owned(), "main".to_owned());
    Config { externals: vec![git], references: vec![worker], ..Config::default() }
}
