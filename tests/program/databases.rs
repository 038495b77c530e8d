//! A plan whose gates and services speak to databases and run a command, in the sandbox and with nothing set: it works by itself.

use super::binary::{Home, Ran, in_sandbox};

const PLAN: &str = r#"rollout shop

dokploy {
  url env("DOKPLOY_URL")
  api-key secret("DOKPLOY_API_KEY")
}

app backend {
  project "Backend"
  environment "staging"
  compose "backend"
}

service db { expect postgres "postgres://shop@127.0.0.1:15432/shop" { query 'SELECT 1' == 1 } }
service web { expect https-free "x" }

external postgres { expect postgres secret("DATABASE_URL") { query 'SELECT 1' == 1 } }
external redis {
  expect redis secret("REDIS_URL") {
    ping
    database 3
    info "role" == "master"
  }
}
external login {
  expect http "https://login.example/health" {
    json '$.status' == "ok"
    certificate expires after 14d
  }
}
external backups { expect exec ["no-such-program-here", "snapshots"] }

gate infrastructure { expect external postgres, redis, login, backups }

phase one {
  require infrastructure
  deploy backend from "one.yml" within 1m
}
"#;

const COMPOSE: &str = "services:
  db:
    image: postgres:16.3
    ports: [\"15432:5432\"]
  web:
    image: registry.example/web:1.0
    ports: [\"18080:80\"]
";

fn run(plan: &str, faults: &[&str]) -> Ran {
    let home = Home::new();
    let file = home.file("rollout.plan", plan);
    home.file("one.yml", COMPOSE);
    home.plan(in_sandbox(file.to_str().unwrap(), faults, &[]))
}

fn plan() -> String {
    PLAN.replace(r#"expect https-free "x""#, r#"expect http "http://127.0.0.1:18080/" { json '$.status' == "ok" }"#)
}

#[test]
fn a_plan_with_databases_runs_in_the_sandbox_by_itself() {
    let ran = run(&plan(), &[]);
    ran.ends(0);
    for told in [
        "DATABASE_URL is not set; the sandbox takes postgres://sandbox:sandbox@database-url.sandbox.invalid/sandbox",
        "REDIS_URL is not set; the sandbox takes redis://redis-url.sandbox.invalid",
        "it answers for postgres (database-url.sandbox.invalid:5432), login (login.example:443), redis (redis-url.sandbox.invalid:6379)",
        "it speaks no TLS",
        "it runs no commands",
        "its PostgreSQL has no tables",
    ] {
        ran.says(told);
    }
}

#[test]
fn a_wrong_expectation_fails_in_the_sandbox_too() {
    for (right, wrong) in [
        ("query 'SELECT 1' == 1 } }\nexternal redis", "query 'SELECT 1' == 2 } }\nexternal redis"),
        ("\"role\" == \"master\"", "\"role\" == \"slave\""),
        ("after 14d", "after 100d"),
        ("json '$.status' == \"ok\"\n", "json '$.status' == \"up\"\n"),
    ] {
        let plan = plan();
        assert!(plan.contains(right), "{right}");
        run(&plan.replacen(right, wrong, 1), &[]).ends(3);
    }
}

#[test]
fn a_database_that_is_down_keeps_its_gate_shut() {
    for external in ["postgres", "redis", "login", "backups"] {
        let ran = run(&plan(), &[&format!("external {external}: down")]);
        ran.ends(3);
        assert!(ran.stderr.contains(external) || ran.stdout.contains(external), "{}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn a_database_of_the_app_itself_can_fail() {
    run(&plan(), &["db: never-healthy"]).ends(4);
}
