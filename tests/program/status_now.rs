//! `plan status` with a Dokploy at hand: what it, the containers and the services say of each phase and service, and where they differ.

use super::binary::{Home, Ran};
use super::health::ONE;
use super::requests::changes;
use super::served::{Beside, wait_until};
use serde_json::{Value, json};

const PLAN: &str = r#"rollout looked-at

dokploy {
  url env("DOKPLOY_URL")
  api-key secret("DOKPLOY_API_KEY")
}

app backend {
  project "Backend"
  environment "staging"
  compose "backend"
}

let host = env("HOST_OF_IT", "127.0.0.1")

sampling {
  every 3s
  timeout 3s
  healthy after 2 passes
  unhealthy after 3 failures
}

service web {
  expect http "http://{host}:18080/health" { status == 200 }
}

service worker {
  needs store
  expect http "http://{host}:18081/health" { status == 200 }
}

service later {
  expect http "http://{host}:18082/health" { status == 200 }
}

external store {
  expect tcp "127.0.0.1:18090"
}

phase one {
  deploy backend from "one.yml" within 1m
}

phase two after one {
  deploy backend from "two.yml" within 1m
}
"#;

const LATER: &str = r#"  later:
    image: registry.example/later:1.0
    ports: ["18082:80"]
"#;

struct Scene {
    beside: Beside,
    home: Home,
}

impl Scene {
    fn new() -> Self {
        let host = Home::new();
        put(&host);
        let beside = Beside::start(&host, &["--speed", "20"]);
        let home = beside.exports.home();
        put(&home);
        Self { beside, home }
    }

    fn delivered() -> Self {
        let scene = Self::new();
        scene.beside.exports.deliver(ONE);
        wait_until("everything answers", || scene.status(&[]).stdout.contains("asked now: 2/2 pass"));
        scene
    }

    fn status(&self, more: &[&str]) -> Ran {
        self.home.plan(["status"].iter().chain(more))
    }

    fn json(&self, more: &[&str]) -> Value {
        serde_json::from_str(&self.status(&[&["--format", "json"], more].concat()).ends(0).stdout).unwrap()
    }
}

fn put(home: &Home) {
    home.file("rollout.plan", PLAN);
    home.file("one.yml", ONE);
    home.file("two.yml", &format!("{ONE}{LATER}"));
}

fn of<'a>(told: &'a Value, service: &str) -> &'a Value {
    let phases = told["now"]["phases"].as_array().unwrap();
    let services = phases.iter().flat_map(|phase| phase["services"].as_array().unwrap());
    services.into_iter().find(|one| one["service"] == service).unwrap_or_else(|| panic!("no {service} in {told}"))
}

fn differences(told: &Value) -> Vec<&str> {
    told["differs"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

#[test]
fn each_phase_and_service_is_told_by_dokploy_containers_and_probes() {
    let scene = Scene::delivered();
    let before = changes(&scene.beside.exports.log()).len();
    let status = scene.status(&[]);
    let first = status.ends(0).stdout.lines().next().unwrap();
    assert!(first.ends_with("the file of phase one, not put there by plan; asked now: 2/2 pass"), "{first}");
    for words in ["phase / service Dokploy container probes", "1. one no deploy, live", "web in the text running pass"] {
        status.shows(words);
    }
    status.shows("2. two no deploy later not in it not there not asked").shows("outside the app store pass");
    status.does_not_say("differs");

    let told = scene.json(&[]);
    assert_eq!(of(&told, "web")["reading"], "pass");
    assert_eq!(
        of(&told, "later"),
        &json!({
            "service": "later", "in_live_text": false, "container": "not there", "restarts": null, "reading": null, "actual": null, "differs": null,
        })
    );
    assert_eq!((&told["now"]["probed"], &told["now"]["page"], &told["now"]["newest"]), (&json!(true), &json!("done"), &json!("done")));
    assert_eq!(told["now"]["externals"], json!([{ "external": "store", "reading": "pass", "actual": null }]));

    // Without probes Dokploy is asked all the same; offline nobody is.
    let told = scene.json(&["--no-probes"]);
    assert_eq!(
        (&told["now"]["probed"], &of(&told, "web")["container"], &of(&told, "web")["reading"]),
        (&json!(false), &json!("running"), &Value::Null)
    );
    assert!(!told["status"].as_str().unwrap().contains("asked now"));
    assert_eq!(scene.json(&["--offline"])["now"], Value::Null);
    assert_eq!(changes(&scene.beside.exports.log()).len(), before, "looking changes nothing");
    assert_eq!(scene.home.runs().len(), 0, "and leaves no record");
}

#[test]
fn where_they_differ_a_sentence_says_how() {
    let scene = Scene::delivered();
    scene.beside.exports.fault("worker: http-500");
    scene.beside.exports.fault("web: crash-loop");
    wait_until("both are seen", || scene.json(&[])["status"].as_str().unwrap().ends_with("asked now: 0/2 pass, web and worker do not"));
    let told = scene.json(&[]);
    let (web, worker) = (of(&told, "web")["differs"].as_str().unwrap(), of(&told, "worker")["differs"].as_str().unwrap());
    assert!(web.starts_with("web: Dokploy says done; its container "), "{web}");
    assert!(worker.starts_with("worker: Dokploy says done; its container runs; its probe fails: HTTP 500"), "{worker}");
    assert!(differences(&told).contains(&web) && differences(&told).contains(&worker), "{told}");
    let status = scene.status(&[]);
    status.ends(0).shows("differs worker: Dokploy says done; its container runs; its probe fails: HTTP 500");

    // What runs and is in no text, and the other way round.
    scene.beside.exports.post_to_app("compose.update", &json!({ "composeFile": ONE.replace("  worker:", "  helper:") }));
    let told = scene.json(&[]);
    assert_eq!(of(&told, "worker")["differs"], "worker: its container runs, and the live text does not have it");
    let helper = &told["now"]["others"][0];
    assert_eq!((&helper["service"], &helper["container"]), (&json!("helper"), &json!("not there")));
    assert_eq!(helper["differs"], "helper: Dokploy says done; its container is not there");
}

#[test]
fn a_deploy_that_ended_in_error_while_all_is_well_is_told_and_so_is_what_an_external_does() {
    let scene = Scene::delivered();
    scene.beside.exports.fault("later: image-missing");
    scene.beside.exports.post_to_app("compose.update", &json!({ "composeFile": format!("{ONE}{LATER}"), "sourceType": "raw" }));
    scene.beside.exports.post_to_app("compose.deploy", &json!({}));
    wait_until("the deploy has failed", || scene.beside.exports.app()["composeStatus"] == "error");
    scene.beside.exports.fault("external store: down");
    let told = scene.json(&[]);
    let later = of(&told, "later")["differs"].as_str().unwrap();
    assert!(later.starts_with("later: Dokploy says error and has it in the live text; its container is not there"), "{later}");
    assert_eq!(told["now"]["externals"][0]["reading"], "fail", "{told}");
    scene.beside.exports.post_to_app("compose.update", &json!({ "composeFile": ONE }));
    let told = scene.json(&[]);
    assert_eq!(differences(&told), ["Dokploy says that the last deploy ended as error; all 2 services pass all the same"], "{told}");
}

#[test]
fn what_cannot_be_asked_is_told_and_no_reason_to_fail() {
    let scene = Scene::delivered();
    // An address that the plan does not have.
    scene.home.file("rollout.plan", &PLAN.replace(", \"127.0.0.1\")", ")"));
    let status = scene.status(&[]);
    status.ends(0).shows("no probe was made: the variable `HOST_OF_IT` is not set").shows("web in the text running not asked");
    scene.status(&["--connect-to", "nonsense"]).ends(2).says("--connect-to");
    let nowhere = Home::new().with("DOKPLOY_URL", "http://127.0.0.1:9").with("DOKPLOY_API_KEY", "k");
    put(&nowhere);
    nowhere.plan(["status", "--no-probes"]).ends(0).shows("live not asked:");
}

#[test]
fn a_job_that_has_ended_well_is_as_it_should_be() {
    let host = Home::new();
    let one = format!(
        "{ONE}  migrate:\n    image: registry.example/migrate:1.0\n    restart: \"no\"\n    x-sandbox: {{ build: 1s, boot: 1s }}\n"
    );
    let put = |home: &Home| {
        home.file("rollout.plan", &PLAN.replace("external store {", "job migrate { within 30s }\n\nexternal store {"));
        home.file("one.yml", &one);
        home.file("two.yml", &format!("{one}{LATER}"));
    };
    put(&host);
    let beside = Beside::start(&host, &["--speed", "20"]);
    let home = beside.exports.home();
    put(&home);
    beside.exports.deliver(&one);
    wait_until("it has ended", || home.plan(["status"]).stdout.contains("asked now: 3/3 pass"));
    home.plan(["status"]).ends(0).shows("migrate in the text ended with 0 nothing to ask").does_not_say("differs");
}
