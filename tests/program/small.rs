//! A plan of two phases with short times, for runs in real time: an image first, then a service built from a git repository.

use super::binary::Home;

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
