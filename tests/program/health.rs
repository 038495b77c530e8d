//! `plan health` as a whole program: what it says, its formats, its exit codes, and that it changes nothing.

use super::binary::{EXAMPLE, Home, Ran, example, json_lines};
use super::requests::changes;
use super::served::{Beside, side_by_side, wait_until};
use super::small;
use serde_json::Value;
use std::process::Stdio;

/// A plan of two services that lean on two externals, with times of milliseconds.
const PLAN: &str = r#"rollout health

dokploy {
  url env("DOKPLOY_URL")
  api-key secret("DOKPLOY_API_KEY")
}

app backend {
  project "Backend"
  environment "staging"
  compose "backend"
}

let host = "127.0.0.1"

sampling {
  every 300ms
  timeout 300ms
  healthy after 2 passes
  unhealthy after 3 failures
}

service web {
  needs worker
  expect http "http://{host}:18080/health" { status == 200 }
  hint "look at <web> & its log"
}

service worker {
  needs store
  uses mail
  expect http "http://{host}:18081/health" { status == 200 }
}

service later {
  expect http "http://{host}:18082/health" { status == 200 }
}

external store {
  expect tcp "127.0.0.1:18090"
  hint "start the store"
}

external mail {
  expect tcp "127.0.0.1:18091"
}

phase one {
  deploy backend from "one.yml" within 1m
}

phase two after one {
  deploy backend from "two.yml" within 1m
}
"#;

pub const ONE: &str = r#"services:
  web:
    image: registry.example/web:1.0
    ports: ["18080:80"]
    x-sandbox: { build: 1s, boot: 1s }
  worker:
    image: registry.example/worker:1.0
    ports: ["18081:80"]
    x-sandbox: { build: 1s, boot: 1s }
"#;

const LATER: &str = r#"  later:
    image: registry.example/later:1.0
    ports: ["18082:80"]
    x-sandbox: { build: 1s, boot: 1s }
"#;

/// Its first phase delivered, by hand.
struct Scene {
    beside: Beside,
    home: Home,
}

impl Scene {
    fn nothing_delivered() -> Self {
        let host = Home::new();
        put(&host);
        let beside = Beside::start(&host, &["--speed", "20"]);
        let home = beside.exports.home();
        put(&home);
        Self { beside, home }
    }

    fn delivered() -> Self {
        let scene = Self::nothing_delivered();
        scene.beside.exports.deliver(ONE);
        wait_until("everything answers", || scene.health(&["--try", "--only", "web"]).stdout.contains("HTTP 200"));
        scene
    }

    fn health(&self, more: &[&str]) -> Ran {
        self.home.plan(["health"].iter().chain(more))
    }

    fn json(&self, more: &[&str]) -> Value {
        let ran = self.health(&[&["--format", "json"], more].concat());
        let object = json_lines(&ran.stdout).pop().unwrap_or_else(|| panic!("{ran:?}"));
        assert_eq!(object["exit"], ran.code, "{ran:?}");
        object
    }
}

fn put(home: &Home) {
    home.file("rollout.plan", PLAN);
    home.file("one.yml", ONE);
    home.file("two.yml", &format!("{ONE}{LATER}"));
}

fn verdicts(object: &Value) -> Vec<(&str, &str)> {
    let findings = object["findings"].as_array().unwrap();
    findings.iter().map(|finding| (finding["name"].as_str().unwrap(), finding["verdict"].as_str().unwrap_or("none"))).collect()
}

#[test]
fn what_is_delivered_is_asked_and_nothing_is_changed() {
    let scene = Scene::delivered();
    let before = changes(&scene.beside.exports.log()).len();
    let ran = scene.health(&[]);
    ran.ends(0).shows("backend: 2/2 healthy (exit 0: all healthy)").shows("not delivered, so not asked: later (two)");
    let object = scene.json(&[]);
    assert_eq!(verdicts(&object), [("web", "healthy"), ("worker", "healthy"), ("mail", "healthy"), ("store", "healthy")]);
    assert_eq!((&object["healthy"], &object["services"], &object["rounds"]), (&2.into(), &2.into(), &2.into()), "{object}");
    assert_eq!(object["findings"][0]["asked"][0]["passes"], 2, "no verdict without its samples");
    assert_eq!(changes(&scene.beside.exports.log()).len(), before);
    assert_eq!(scene.home.runs().len(), 0, "it is no run and leaves no record");
}

#[test]
fn what_is_not_well_is_named_with_what_it_leans_on_and_what_to_do() {
    let scene = Scene::delivered();
    scene.beside.exports.fault("external store: down");
    scene.beside.exports.fault("worker: http-500");
    scene.beside.exports.fault("web: http-500");
    let ran = scene.health(&[]);
    ran.ends(8)
        .shows("backend: 0/2 healthy; external store, web and worker are not (exit 8: something is unhealthy)")
        .shows("look at external store first: web and worker lean on it")
        .shows("HTTP 500")
        .shows("hint start the store")
        .shows("docker logs --tail 100 ");
    let object = scene.json(&[]);
    assert_eq!(verdicts(&object), [("web", "unhealthy"), ("worker", "unhealthy"), ("mail", "healthy"), ("store", "unhealthy")]);
    assert_eq!(object["causes"][0]["root"], "external store");
    assert_eq!(object["findings"][1]["asked"][0]["failures"], 3);

    let xml = scene.health(&["--format", "junit"]);
    xml.ends(8)
        .shows("<testsuites name=\"plan health\" tests=\"7\" failures=\"3\" errors=\"0\" time=")
        .shows(" skipped=\"1\">")
        .shows("hint: look at &lt;web&gt; &amp; its log")
        .shows("<testcase classname=\"later\" name=\"delivered\" time=\"0.000\"><skipped message=");
    // Once, without a verdict.
    scene.health(&["--try"]).ends(0).shows("backend: asked once, no verdict; 1 of 4 passed").shows("fail");
    assert_eq!(scene.json(&["--try"])["rounds"], 1);
}

#[test]
fn only_some_are_asked_and_another_host_can_be() {
    let scene = Scene::delivered();
    let object = scene.json(&["--only", "worker"]);
    assert_eq!(verdicts(&object), [("worker", "healthy"), ("mail", "healthy"), ("store", "healthy")]);
    assert_eq!(verdicts(&scene.json(&["--only", "store"])), [("store", "healthy")]);
    scene.health(&["--only", "later"]).ends(8).shows("later not delivered");
    scene.health(&["--only", "wroker"]).ends(2).says("no service and no external `wroker`").says("did you mean `worker`?");
    // An address that leads nowhere here: nobody listens there.
    let ran = scene.health(&["--set", "host=127.0.0.9"]);
    ran.ends(8).shows("0/2 healthy").shows("connection refused");
    scene.health(&["--set", "hots=x"]).ends(2).says("no `let hots`").says("did you mean `host`?");
    scene.health(&["--set", "host"]).ends(2).says("LET=VALUE");
}

#[test]
fn what_is_not_there_is_not_well() {
    let scene = Scene::nothing_delivered();
    scene.health(&[]).ends(8).shows("backend: nothing is delivered (exit 8").shows("plan run rollout.plan");
    scene.beside.exports.deliver(ONE);
    scene.beside.exports.post_to_app("compose.stop", &serde_json::json!({}));
    let object = scene.json(&[]);
    assert_eq!(object["exit"], 8, "{object}");
    assert_eq!(&verdicts(&object)[..2], [("web", "unhealthy"), ("worker", "unhealthy")]);
    // Something else answers at the address: that is no pass of a service without a container.
    let container = object["findings"][0]["container"].as_str().unwrap();
    assert!(container.starts_with("ended") || container == "not there", "{object}");
}

#[test]
fn what_cannot_be_asked_is_9_unless_something_is_known_to_be_unwell() {
    let scene = Scene::delivered();
    let nowhere = ["--connect-to", ""];
    let off = |home: &Home| home.plan(["health"]);
    let routes = scene.beside.exports.connect_to.clone();
    let home = Home::new().with("DOKPLOY_URL", "http://127.0.0.1:9").with("DOKPLOY_API_KEY", "k").with("PLAN_CONNECT_TO", &routes);
    home.file("rollout.plan", &PLAN.replace("service later {\n", "service later {\n  note \"not there yet\"\n"));
    home.file("one.yml", ONE);
    home.file("two.yml", ONE);
    let plan = PLAN.replace("service later {\n  expect http \"http://{host}:18082/health\" { status == 200 }\n}\n", "");
    home.file("rollout.plan", &plan);
    off(&home).ends(9).shows("2/2 healthy; Dokploy could not be asked (exit 9").shows("plan health rollout.plan --offline");
    home.plan(["health", "--offline"]).ends(0).shows("2/2 healthy; asked by address only");
    home.plan(["health", "--offline", nowhere[0], nowhere[1]]).ends(8).shows("0/2 healthy");
    scene.beside.exports.fault("web: http-500");
    off(&home).ends(8).shows("1/2 healthy; web is not; Dokploy could not be asked");

    let unset = Home::new().with("PLAN_CONNECT_TO", &routes);
    put(&unset);
    unset.file("rollout.plan", &plan);
    unset.file("two.yml", ONE);
    unset.plan(["health"]).ends(8).shows("the variable `DOKPLOY_URL` is not set");

    // Docker is silent: its empty lists are no lists, and nothing is said of the services by them.
    scene.beside.exports.fault("dokploy: docker-down");
    let object = scene.json(&[]);
    assert_eq!(object["exit"], 8, "web is known to be unwell: {object}");
    assert!(verdicts(&object).contains(&("worker", "healthy")), "by its address: {object}");
    assert!(object["not_asked"].as_str().unwrap().contains("Docker"), "{object}");
}

#[test]
fn while_a_run_is_at_work_it_is_skipped() {
    let host = Home::new();
    small::put(&host);
    let beside = Beside::start(&host, &[]);
    let home = beside.exports.home();
    small::put(&home);
    let mut run = home.command(["run", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the run has changed something", || !changes(&beside.exports.log()).is_empty());
    let ran = home.plan(["health"]);
    ran.ends(0).shows("backend: skipped, nothing was asked: another run holds this app on this machine");
    let object = json_lines(&home.plan(["health", "--format", "json"]).stdout).pop().unwrap();
    assert_eq!((&object["skipped"], &object["exit"]), (&true.into(), &0.into()), "{object}");
    home.plan(["health", "--format", "junit"]).ends(0).shows("skipped=\"1\"");
    assert!(run.wait().unwrap().success());
    home.plan(["health"]).ends(0).shows("2/2 healthy");
}

#[test]
fn what_a_service_says_cannot_reach_the_terminal() {
    let scene = Scene::nothing_delivered();
    let body = r#"status: { "*": 500 }, body: "\e]0;title\a\e[2J\u202Etxt.exe\u009B31m\r\nhealthy\u2066""#;
    scene.beside.exports.deliver(&ONE.replacen("boot: 1s", &format!("boot: 1s, {body}"), 1));
    wait_until("it answers", || scene.health(&["--try", "--only", "web"]).stdout.contains("HTTP 500"));
    for format in ["human", "plain", "json", "junit"] {
        let ran = scene.health(&["--format", format, "--color", "never"]);
        ran.ends(8).shows("txt.exe");
        let harmful = |character: &char| {
            (character.is_control() && *character != '\n')
                || ('\u{202a}'..='\u{202e}').contains(character)
                || ('\u{2066}'..='\u{2069}').contains(character)
        };
        let found = ran.stdout.chars().chain(ran.stderr.chars()).find(harmful);
        assert_eq!(found, None, "{format}: {:?}", ran.stdout);
        assert!(ran.stdout.lines().all(|line| !line.starts_with("healthy")), "{format}: a line of its own: {}", ran.stdout);
    }
}

/// `docs/health.md` shows what the example says in three states; `UPDATE_FIXTURES=1` writes them anew.
#[test]
fn the_document_shows_what_the_example_says() {
    let scenes: [(&str, &[&str], bool, i32); 3] = [
        ("nothing-running", &[], true, 8),
        ("two-of-ten", &["brain-api: http-500", "amazon-sourcing: http-500"], false, 8),
        (
            "postgres",
            &["external postgres: down", "saleor-api: http-500", "brain-api: http-500", "auth-service: http-500", "ai-agents: http-500"],
            false,
            8,
        ),
    ];
    let shown = std::sync::Mutex::new(Vec::new());
    side_by_side(scenes, |(name, faults, is_stopped, code)| {
        let host = Home::new();
        let beside = Beside::start(&host, &[&example(), "--speed", "100"]);
        let exports = &beside.exports;
        exports.deliver(&std::fs::read_to_string(format!("{EXAMPLE}/phase4.yml")).unwrap());
        let home = exports.home();
        for entry in std::fs::read_dir(EXAMPLE).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.path().is_file()) {
            home.file(entry.file_name().to_str().unwrap(), &std::fs::read_to_string(entry.path()).unwrap());
        }
        wait_until("everything answers", || home.plan(["health", "--try"]).stdout.contains("13 of 13 passed"));
        for fault in faults {
            exports.fault(fault);
        }
        if is_stopped {
            exports.post_to_app("compose.stop", &serde_json::json!({}));
        }
        let ran = home.plan(["health", "--format", "plain"]);
        ran.ends(code);
        shown.lock().unwrap().push((name, steady(&ran.stdout)));
    });
    let path = format!("{}/docs/health.md", env!("CARGO_MANIFEST_DIR"));
    let mut document = std::fs::read_to_string(&path).unwrap();
    for (name, text) in shown.into_inner().unwrap() {
        let (begin, end) = (format!("<!-- {name}: generated by tests/program/health.rs -->\n"), "<!-- end -->");
        let from = document.find(&begin).unwrap_or_else(|| panic!("docs/health.md has no place for {name}")) + begin.len();
        let to = from + document[from..].find(end).unwrap();
        let block = format!("```text\n$ plan health\n{text}```\n");
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            document.replace_range(from..to, &block);
        } else {
            assert_eq!(&document[from..to], block, "docs/health.md, {name}: UPDATE_FIXTURES=1 writes it anew");
        }
    }
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, document).unwrap();
    }
}

/// The same on any machine: without its name, and without how long things took.
fn steady(text: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let text = text.replace(&format!("asked from {},", host.trim()), "asked from ops-1,");
    let took = regex::Regex::new(r"(?m)^(  [✓✗?] .*?  (?:healthy|unhealthy|undecided|cannot ask) +)(?:<1ms|\d+m?s)(  )").unwrap();
    let text = took.replace_all(&text, |found: &regex::Captures<'_>| {
        let width = found[0].chars().count();
        let head = found[1].trim_end();
        let pad = width - head.chars().count() - 3 - 2;
        format!("{head}{}2ms  ", " ".repeat(pad))
    });
    regex::Regex::new(r"rounds in \d+s").unwrap().replace_all(&text, "rounds in 10s").into_owned()
}

#[test]
fn what_the_plan_warns_of_is_counted_and_decides_nothing() {
    let scene = Scene::delivered();
    let beside = "service web {\n  warn http \"http://{host}:18080/health\" { status == 204 }\n  observe http \"http://{host}:18080/health\" { \
                  status == 205 }\n";
    scene.home.file("rollout.plan", &PLAN.replace("service web {\n", beside));
    scene
        .health(&[])
        .ends(0)
        .shows("backend: 2/2 healthy; 1 warning (exit 0: all healthy)")
        .shows("! web: HTTP 200, where the plan would have http http://{host}:18080/health status == 204");
    let object = scene.json(&[]);
    let asked = object["findings"][0]["asked"].as_array().unwrap().iter();
    let asked: Vec<_> = asked.map(|asked| (asked["severity"].as_str().unwrap(), asked["verdict"].as_str().unwrap())).collect();
    assert_eq!(asked, [("expect", "met"), ("warn", "failed"), ("observe", "failed")]);
    scene.health(&["--format", "junit"]).ends(0).shows("failures=\"0\"").shows("<skipped message=\"warn, and decides nothing: HTTP 200");
}
