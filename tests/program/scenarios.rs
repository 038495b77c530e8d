//! Scenarios by the program: `plan rehearse --test`, its forms and exit codes, and the same over HTTP.

use super::binary::{EXAMPLE, Home, example};
use crate::fixture;
use crate::reports::junit::structure;
use serde_json::Value;
use std::path::Path;

/// What fails in each way in which a scenario can.
const WRONG: &str = r#"scenario "as meant" {
  when phase core { brain-api http-500 after 50s for 2s }
  expect verified
}

scenario "not as meant" {
  note "each expectation fails"
  when phase core { wagtail-cms build-fails }
  when rollback { saleor-api crash after 10h }
  expect rolled back to baseline within 1m
  expect exit 5
  expect phase core verified
  expect phase business failed
  expect service saleor-api blamed
  expect service brain-api healthy
  expect noticed within 1s
  expect unnoticed
}
"#;

fn test(home: &Home, more: &[&str]) -> super::binary::Ran {
    let plan = example();
    home.plan(["rehearse", plan.as_str()].iter().chain(more))
}

#[test]
fn the_examples_scenarios_hold() {
    let home = Home::new();
    let folder = format!("{EXAMPLE}/scenarios");
    let ran = test(&home, &["--test", &folder]);
    ran.ends(0).shows("scenarios as expected");
    let again = test(&home, &["--test", &folder]);
    assert_eq!(ran.stdout, again.stdout, "the same each time");
}

#[test]
fn what_does_not_hold_is_told_with_its_place_and_the_path() {
    let home = Home::new();
    home.file("wrong.scenario", WRONG);
    let ran = test(&home, &["--test", "wrong.scenario"]);
    ran.ends(1);
    let shown = ran.stdout.replace(&example(), "rollout.plan");
    fixture::compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/wrong.human"), &shown);

    let json: Value = serde_json::from_str(&test(&home, &["--test", "wrong.scenario", "--format", "json"]).ends(1).stdout).unwrap();
    assert_eq!((&json["holding"], &json["failing"]), (&1.into(), &1.into()));
    let failing = &json["scenarios"][1];
    assert_eq!((&failing["end"], &failing["target"], &failing["code"]), (&"rolled-back".into(), &"foundation".into(), &4.into()));
    assert!(failing["expected"].as_array().unwrap().iter().all(|one| one["holds"] == false), "{failing}");
    assert_eq!(failing["faults"][1]["struck_ms"], Value::Null, "it comes too late to strike");

    let xml = test(&home, &["--test", "wrong.scenario", "--format", "junit"]).ends(1).stdout.clone();
    let totals = structure(&xml).unwrap();
    assert_eq!((totals.tests, totals.failures, totals.errors), (2, 1, 0));
}

#[test]
fn what_cannot_be_played_ends_with_2() {
    let home = Home::new();
    home.file("bad.scenario", "scenario a {\n  when phase cor { brain-api crash }\n  expect verified\n}\n");
    test(&home, &["--test", "bad.scenario"]).ends(2).says("bad.scenario:2").says("did you mean `core`?");
    test(&home, &["--test", "gone.scenario"]).ends(2).says("there is no file of scenarios \"gone.scenario\"");
    home.file("empty/notes.txt", "");
    test(&home, &["--test", "empty"]).ends(2).says("there is no file of scenarios in \"empty\"");
    test(&home, &["--test", "bad.scenario", "--format", "markdown"]).ends(2).says("--format markdown is not for scenarios");
    test(&home, &["--format", "junit"]).ends(2).says("--format junit is for scenarios");
    test(&home, &["--test", "bad.scenario", "--budget", "3"]).ends(2).says("--budget");
}

#[test]
fn a_scenario_over_http_comes_to_what_it_came_to_in_memory() {
    let home = Home::new();
    home.file("wrong.scenario", WRONG);
    let played = |name: &str| {
        let scenario = format!("wrong.scenario:{name}");
        home.plan(["run", &example(), "--sandbox", "--speed", "max", "--format", "plain", "--scenario", &scenario])
    };
    played("as meant").ends(0).says("scenario \"as meant\" holds: 1 thing as expected");
    let over_http = played("not as meant");
    over_http.ends(4).says("scenario \"not as meant\" does not hold");
    let json: Value = serde_json::from_str(&test(&home, &["--test", "wrong.scenario", "--format", "json"]).stdout).unwrap();
    for one in json["scenarios"][1]["expected"].as_array().unwrap() {
        let (line, text, came) = (&one["line"], one["text"].as_str().unwrap(), one["came"].as_str().unwrap());
        // Of times the first words do: over HTTP calls take a moment.
        let came = came.split(" after ").next().unwrap().split(|sign: char| sign.is_ascii_digit()).next().unwrap();
        over_http.says(&format!("wrong.scenario:{line}: `{text}`, but: {came}"));
    }
    over_http.says("`saleor-api crash after 10h` never struck");
}

#[test]
fn a_run_plays_one_scenario() {
    let home = Home::new();
    home.file("wrong.scenario", WRONG);
    let run = |more: &[&str]| home.plan(["run", &example(), "--sandbox", "--speed", "max"].iter().copied().chain(more.iter().copied()));
    run(&["--scenario", "wrong.scenario"]).ends(2).says("has 2 scenarios, and a run plays one").says("\"as meant\", \"not as meant\"");
    run(&["--scenario", "wrong.scenario:as ment"]).ends(2).says("did you mean \"as meant\"?");
    run(&["--scenario", "gone.scenario"]).ends(2).says("there is no file of scenarios");
    run(&["--scenario", "wrong.scenario", "--fault", "brain-api: crash"]).ends(2).says("cannot be used with");
}

#[test]
fn scenarios_are_formatted_as_plans_are() {
    let home = Home::new();
    home.file("a.scenario", "scenario a{\n when phase core{ brain-api   crash }\n\texpect   verified }\n");
    home.plan(["fmt", "--check", "a.scenario"]).ends(2);
    home.plan(["fmt", "a.scenario"]).ends(0);
    home.plan(["fmt", "--check", "a.scenario"]).ends(0);
    let text = std::fs::read_to_string(home.path().join("a.scenario")).unwrap();
    assert_eq!(text, "scenario a {\n  when phase core { brain-api crash }\n  expect verified\n}\n");
}
