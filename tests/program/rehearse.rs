//! `plan rehearse`, the real binary: what it prints of a plan with holes, in each form, and how it ends.

use super::binary::{Home, Ran};
use serde_json::Value;

/// A phase that is watched for a second, and a service that publishes a port and of which nothing is expected.
const PLAN: &str = r#"rollout holes

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
}

service web {
  expect http "http://127.0.0.1:8080/health"
}

phase one {
  deploy backend from "one.yml" within 1m
  settle within 20s
  soak 1s
}
"#;

const ONE: &str = r#"services:
  web:
    image: registry.example/web:1.0
    restart: unless-stopped
    ports: ["8080:80"]
  worker:
    image: registry.example/worker:1.0
    restart: unless-stopped
    ports: ["8081:80"]
"#;

/// All that can go wrong once, and some of the pairs.
const BUDGET: &str = "1200";

fn rehearse(budget: &str, more: &[&str]) -> Ran {
    let home = Home::new();
    home.file("one.yml", ONE);
    let plan = home.file("holes.plan", PLAN);
    let mut arguments = vec!["rehearse", plan.to_str().unwrap(), "--budget", budget];
    arguments.extend(more);
    home.plan(arguments)
}

#[test]
fn a_plan_with_holes_is_told_of_each_with_its_line() {
    let ran = rehearse(BUDGET, &[]);
    ran.ends(0);
    // What reading finds comes first, as `plan check` tells it.
    for words in ["W0501", "one.yml:6:", "phase \"one\" is watched for", "W0401", "holes.plan:26:"] {
        ran.says(words);
    }
    let line = |of: &str| PLAN.lines().position(|line| line.contains(of)).unwrap() + 1;
    let phase = line("phase one");
    for words in [
        "holes of the plan".to_owned(),
        // The plan has no line for `worker`: its phase has one.
        format!("holes.plan:{phase}: worker down for good"),
        format!("holes.plan:{phase}: one has no verified phase to go back to"),
    ] {
        ran.shows(&words);
    }
    ran.shows("--sandbox --yes --fault \"worker: ");
}

#[test]
fn each_form_tells_the_same() {
    let object: Value = serde_json::from_str(&rehearse(BUDGET, &["--format", "json"]).stdout).unwrap();
    let kinds: Vec<&str> = object["holes"].as_array().unwrap().iter().map(|hole| hole["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["unnoticed", "no-target"]);
    let (singles, pairs) = (&object["singles"], &object["pairs"]);
    assert_eq!((&singles["left_out"], &object["broken"]), (&0.into(), &Value::Array(Vec::new())));
    let paths = |row: &Value| row["ends"].as_array().unwrap().iter().map(|end| end["paths"].as_u64().unwrap()).sum::<u64>();
    let all: u64 = object["rows"].as_array().unwrap().iter().map(paths).sum();
    let number = |of: &Value, name: &str| of[name].as_u64().unwrap();
    assert!(number(pairs, "run") > 100, "{pairs}");
    assert_eq!(all + number(pairs, "left_out"), number(singles, "counted") + number(pairs, "counted"), "each path is in one line");
    let markdown = rehearse(BUDGET, &["--format", "markdown"]).stdout;
    let rows = markdown.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| where")).count();
    assert_eq!(rows, object["rows"].as_array().unwrap().len());
    for hole in object["holes"].as_array().unwrap() {
        assert!(markdown.contains(hole["text"].as_str().unwrap()), "{markdown}");
    }
}

#[test]
fn what_a_budget_leaves_out_is_counted() {
    let object: Value = serde_json::from_str(&rehearse("50", &["--format", "json"]).stdout).unwrap();
    let singles = &object["singles"];
    assert_eq!(singles["run"], 50);
    assert!(singles["left_out"].as_u64().unwrap() > 0, "{singles}");
    let ran = rehearse("50", &[]);
    ran.shows("a larger --budget takes them in");
    // Nothing was left to look into ways back with.
    assert_eq!(object["rollbacks"], object["rollbacks_left_out"]);
    assert!(object["rollbacks"].as_u64().unwrap() > 1, "{}", object["rollbacks"]);
    ran.shows("in which nothing else was tried");
    // Half of what single faults leave goes into those to which most of them lead.
    let told = |budget: &str| serde_json::from_str::<Value>(&rehearse(budget, &["--format", "json"]).stdout).unwrap();
    let whole = told(BUDGET);
    let number = |of: &Value| of.as_u64().unwrap();
    let some = told(&(number(&whole["singles"]["run"]) + 4).to_string());
    assert_eq!((&some["singles"], &some["rollbacks"], &whole["rollbacks_left_out"]), (&whole["singles"], &whole["rollbacks"], &0.into()));
    assert_eq!(number(&some["rollbacks_left_out"]) + 2, number(&some["rollbacks"]));
    assert_eq!(some["pairs"]["run"], 2);
    assert!(number(&some["pairs"]["left_out"]) > 0, "{some}");
}
