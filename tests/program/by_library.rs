//! Runs on virtual time against worlds that the test looks into and changes between two of them.

use crate::support::live::{Left, names, rollout, rollout_of, sandbox, sandbox_of, seed, seed_with};
use rollout_plan::engine::{Options, Reason};
use rollout_plan::sandbox::Sandbox;
use rollout_plan::schedule::PhaseId;
use rollout_plan::world::{ApiRequest, Compose, Config, Environment, Project};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;

/// What the example's first phase might have replaced: an older image, put there by hand.
const BY_HAND: &str = r#"# by hand
services:
  saleor-api:
    image: ghcr.io/saleor/saleor:3.19
    container_name: bizosaas-saleor-staging
    ports: ["8000:8000"]
"#;

fn get(sandbox: &Sandbox, path: &str, query: &[(&str, &str)]) -> Value {
    let body = sandbox.with_world(|world, now| world.api(now, &ApiRequest::get(path, query, Config::API_KEY))).unwrap().text();
    serde_json::from_str(&body).unwrap()
}

fn app(sandbox: &Sandbox) -> Value {
    let projects = get(sandbox, "/api/project.all", &[]);
    let environments = projects[0]["environments"].as_array().unwrap();
    let id = environments.iter().find_map(|environment| environment["compose"][0]["composeId"].as_str()).unwrap();
    get(sandbox, "/api/compose.one", &[("composeId", id)])
}

fn text(sandbox: &Sandbox) -> String {
    app(sandbox)["composeFile"].as_str().unwrap().to_owned()
}

/// Somebody writes this into Dokploy's editor and saves.
fn edit(sandbox: &Sandbox, text: &str) {
    let body = json!({ "composeId": app(sandbox)["composeId"], "composeFile": text });
    let answer = sandbox.with_world(|world, now| world.api(now, &ApiRequest::post("/api/compose.update", &body, Config::API_KEY)));
    assert_eq!(answer.unwrap().status, 200);
}

/// Names of the containers that run, and their ids.
fn containers(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let rows = get(sandbox, "/api/docker.getContainers", &[]);
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let rows = rows.as_array().unwrap().iter().filter(|row| row["state"] == "running");
    rows.map(|row| (text(row, "name"), text(row, "containerId"))).collect()
}

#[track_caller]
fn changed_nothing(left: &Left) {
    let changes: Vec<_> = left.calls.iter().filter(|call| call.changes).collect();
    assert!(changes.is_empty(), "{changes:?}");
    assert!(!left.ending.facts.changed);
}

fn snapshot(state: &Path, run: &str, name: &str) -> String {
    std::fs::read_to_string(state.join(format!("runs/{run}/snapshots/{name}.yml"))).unwrap()
}

fn by_hand() -> Config {
    let compose = Compose { text: BY_HAND.to_owned(), deployed: true, ..Compose::named("backend") };
    let environments = vec![Environment { name: "staging".to_owned(), composes: vec![compose] }];
    Config { projects: vec![Project { name: "Backend".to_owned(), environments }], ..Config::default() }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_text_is_refused_and_one_that_was_adopted_is_gone_back_to_and_verified() {
    let state = tempfile::tempdir().unwrap();
    let sandbox = sandbox_of(by_hand(), &["saleor-api: crash-loop in foundation"]).await;
    assert_eq!(containers(&sandbox).len(), 1);

    let refused = rollout("refused", &sandbox, state.path()).await;
    let Reason::Refused { why } = &refused.ending.reason else { panic!("{:?}", refused.ending) };
    assert_eq!(refused.ending.exit_code().0, 3);
    assert!(why[0].contains("--adopt") && why[1].contains("-    image: ghcr.io/saleor/saleor:3.20"), "{why:?}");
    assert!(why[1].contains("+    image: ghcr.io/saleor/saleor:3.19"), "{why:?}");
    changed_nothing(&refused);

    let adopting = Options { adopt: true, ..Options::default() };
    let left = rollout_of(seed(), "adopted", &sandbox, state.path(), adopting).await;
    assert_eq!(left.ending.reason, Reason::PhaseFailed { phase: "foundation".into() }, "{}", left.ending.verdict);
    assert_eq!(left.ending.exit_code().0, 4);
    assert_eq!(left.ending.verdict, "backend runs what it ran before the run, 1/1 healthy; phase `foundation` failed and was rolled back");
    assert_eq!(snapshot(state.path(), "adopted", "01-baseline"), BY_HAND);
    assert_eq!(text(&sandbox), BY_HAND, "as it was, to the byte");
    assert_eq!(containers(&sandbox).len(), 1);
    let deploys: Vec<&str> = left.calls.iter().filter_map(|call| call.title.as_deref()).collect();
    assert_eq!(deploys, ["plan run=adopted phase=foundation try=1", "plan run=adopted rollback-to=baseline try=1"]);
    assert!(names(&left.journal).contains(&"rollback-verified".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_ill_before_is_named_and_not_held_against_the_way_back() {
    let state = tempfile::tempdir().unwrap();
    let two = format!("{BY_HAND}  auth-service:\n    image: auth:1\n    x-sandbox: {{ status: 500 }}\n    ports: [\"8006:8006\"]\n");
    let mut config = by_hand();
    config.projects[0].environments[0].composes[0].text.clone_from(&two);
    let sandbox = sandbox_of(config, &["saleor-api: never-healthy in core"]).await;
    // The example without its first phase: core has both services.
    let plan = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bizosaas/rollout.plan")).unwrap();
    let (before, after) = plan.split_once("phase foundation {").unwrap();
    let core = &after[after.find("phase core").unwrap()..];
    let plan = format!("{before}{}", core.replace("phase core after foundation", "phase core"));
    let schedule = seed_with(&[("rollout.plan", plan)]);
    let left = rollout_of(schedule, "one", &sandbox, state.path(), Options { adopt: true, ..Options::default() }).await;
    assert_eq!(left.ending.exit_code().0, 4, "{:?}", left.ending);
    let verified = left.journal.iter().map(|entry| serde_json::to_value(&entry.event).unwrap());
    let verified = verified.into_iter().find(|event| event["event"] == "rollback-verified").unwrap();
    assert_eq!((&verified["services"], &verified["not_held_against"]), (&json!(["saleor-api"]), &json!(["auth-service"])));
    assert_eq!(text(&sandbox), two);
}

/// All four phases live.
async fn all_live(faults: &[&str]) -> (Sandbox, TempDir) {
    let state = tempfile::tempdir().unwrap();
    let sandbox = sandbox(faults).await;
    let first = rollout("first", &sandbox, state.path()).await;
    assert_eq!(first.ending.exit_code().0, 0, "{}", first.ending.verdict);
    assert_eq!(containers(&sandbox).len(), 10);
    (sandbox, state)
}

#[tokio::test(start_paused = true)]
async fn with_all_phases_live_nothing_takes_a_container_away() {
    let (sandbox, state) = all_live(&[]).await;
    let (live, before) = (text(&sandbox), containers(&sandbox));

    let second = rollout("second", &sandbox, state.path()).await;
    assert_eq!((second.ending.exit_code().0, &second.ending.reason), (0, &Reason::NothingToDo));
    changed_nothing(&second);

    let until = Options { until: Some(PhaseId(0)), ..Options::default() };
    let early = rollout_of(seed(), "until", &sandbox, state.path(), until).await;
    assert_eq!((early.ending.exit_code().0, &early.ending.reason), (0, &Reason::NothingToDo), "{}", early.ending.verdict);
    changed_nothing(&early);

    // An older plan, of two phases.
    let plan = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bizosaas/rollout.plan")).unwrap();
    let mut older = plan.split("phase business").next().unwrap().to_owned();
    for name in ["django-crm", "business-directory", "temporal-integration", "coreldove-backend", "ai-agents", "amazon-sourcing"] {
        let from = older.find(&format!("service {name} {{")).unwrap();
        let to = from + older[from..].find("\n}\n").unwrap() + 3;
        older.replace_range(from..to, "");
    }
    let older = seed_with(&[("rollout.plan", older)]);
    for (run, options) in [
        ("older", Options::default()),
        ("older-adopt", Options { adopt: true, ..Options::default() }),
        ("older-redeploy", Options { redeploy: true, ..Options::default() }),
    ] {
        let left = rollout_of(older.clone(), run, &sandbox, state.path(), options).await;
        assert_eq!(left.ending.exit_code().0, 3, "{run}: {}", left.ending.verdict);
        assert!(matches!(left.ending.reason, Reason::Refused { .. }), "{run}: {:?}", left.ending.reason);
        changed_nothing(&left);
    }
    assert_eq!((text(&sandbox), containers(&sandbox)), (live, before.clone()));

    let again = rollout_of(seed(), "redeploy", &sandbox, state.path(), Options { redeploy: true, ..Options::default() }).await;
    assert_eq!((again.ending.exit_code().0, &again.ending.reason), (0, &Reason::Completed), "{}", again.ending.verdict);
    let titles: Vec<&str> = again.calls.iter().filter_map(|call| call.title.as_deref()).collect();
    assert_eq!(titles, ["plan run=redeploy phase=complete try=1"]);
    assert!(containers(&sandbox).keys().eq(before.keys()));
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_of_the_last_phase_is_rolled_out_without_the_phases_before() {
    let (sandbox, state) = all_live(&[]).await;
    let before = containers(&sandbox);
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bizosaas/phase4.yml")).unwrap();
    let changed = seed_with(&[("phase4.yml", format!("{file}# a word more\n"))]);
    let left = rollout_of(changed, "changed", &sandbox, state.path(), Options::default()).await;
    assert_eq!((left.ending.exit_code().0, &left.ending.reason), (0, &Reason::Completed), "{}", left.ending.verdict);
    let titles: Vec<&str> = left.calls.iter().filter_map(|call| call.title.as_deref()).collect();
    assert_eq!(titles, ["plan run=changed phase=complete try=1"]);
    assert_eq!(containers(&sandbox), before);
}

#[tokio::test(start_paused = true)]
async fn what_until_leaves_out_is_asked_before_it_is_called_well() {
    let (sandbox, state) = all_live(&[]).await;
    sandbox.with_world(|world, now| world.add_fault(now, "ai-agents: http-500".parse().unwrap()));
    let options = Options { redeploy: true, until: Some(PhaseId(0)), ..Options::default() };
    let left = rollout_of(seed(), "until", &sandbox, state.path(), options).await;
    assert_eq!(left.ending.exit_code().0, 3, "{}", left.ending.verdict);
    assert!(left.ending.verdict.contains("ai-agents"), "{}", left.ending.verdict);
    changed_nothing(&left);
}

#[tokio::test(start_paused = true)]
async fn an_edit_with_all_phases_live_is_refused_and_adopting_it_takes_no_container_away() {
    let (sandbox, state) = all_live(&[]).await;
    let before = containers(&sandbox);
    let edited = format!("{}# a word by hand\n", text(&sandbox));
    edit(&sandbox, &edited);

    let refused = rollout("second", &sandbox, state.path()).await;
    assert_eq!(refused.ending.exit_code().0, 3, "{}", refused.ending.verdict);
    let Reason::Refused { why } = &refused.ending.reason else { panic!("{:?}", refused.ending) };
    assert!(why[0].contains("edited since") && why[1].contains("+# a word by hand"), "{why:?}");
    changed_nothing(&refused);
    assert_eq!(text(&sandbox), edited);

    let adopted = rollout_of(seed(), "third", &sandbox, state.path(), Options { adopt: true, ..Options::default() }).await;
    assert!(containers(&sandbox).keys().eq(before.keys()), "{}", adopted.ending.verdict);
    assert_eq!(adopted.ending.exit_code().0, 0, "{}", adopted.ending.verdict);
    assert_eq!(snapshot(state.path(), "third", "01-baseline"), edited);
    let titles: Vec<String> = adopted.calls.iter().filter_map(|call| call.title.clone()).collect();
    assert_eq!(titles, ["plan run=third phase=complete try=1"], "the phases before would take services away");
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_was_adopted_is_kept_and_gone_back_to() {
    let state = tempfile::tempdir().unwrap();
    let sandbox = sandbox(&[]).await;
    let until = || Options { until: Some(PhaseId(0)), ..Options::default() };
    let first = rollout_of(seed(), "first", &sandbox, state.path(), until()).await;
    assert_eq!(first.ending.exit_code().0, 0, "{}", first.ending.verdict);
    let edited = text(&sandbox).replace("container_name", "stop_grace_period: 5s\n    container_name");
    edit(&sandbox, &edited);
    sandbox.with_world(|world, now| world.add_fault(now, "saleor-api: crash-loop in foundation".parse().unwrap()));

    let left = rollout_of(seed(), "second", &sandbox, state.path(), Options { adopt: true, ..until() }).await;
    assert_eq!(left.ending.exit_code().0, 4, "{}", left.ending.verdict);
    assert_eq!(snapshot(state.path(), "second", "01-baseline"), edited);
    assert_eq!(text(&sandbox), edited);
}

#[tokio::test(start_paused = true)]
async fn an_edit_in_the_middle_of_a_run_stops_it_and_is_left_alone() {
    let state = tempfile::tempdir().unwrap();
    let sandbox = sandbox(&[]).await;
    let until = Options { until: Some(PhaseId(1)), ..Options::default() };
    let run = rollout_of(seed(), "first", &sandbox, state.path(), until);
    let edits = async {
        // While foundation soaks.
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        let edited = format!("{}# a word by hand\n", text(&sandbox));
        edit(&sandbox, &edited);
        edited
    };
    let (left, edited) = tokio::join!(run, edits);
    assert_eq!(text(&sandbox), edited, "{}", left.ending.verdict);
    assert_eq!(left.calls.iter().filter(|call| call.procedure == "compose.deploy").count(), 1);
    assert_eq!(left.ending.exit_code().0, 7, "{:?}", left.ending);
    assert_eq!(left.ending.live.as_deref(), Some("foundation"));
    assert!(left.ending.verdict.contains("somebody changed the live compose text"), "{}", left.ending.verdict);
}
