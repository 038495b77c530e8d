//! `plan check` with a Dokploy at hand: what it says of it, its exit code, and that it changes nothing.

use super::binary::{Home, Ran};
use super::requests;
use super::served::{Exports, Served};
use super::small;
use rollout_plan::world::{Config, External, Key, MemberRights, OtherContainer, OtherJob, Speaks};
use serde_json::json;
use std::time::Duration;

fn serve(config: Config) -> Served {
    Served::start(config, &small::ADDRESSES)
}

/// The small plan, checked. Nothing may have been written anywhere.
#[track_caller]
fn check(exports: &Exports, code: i32) -> Ran {
    let home = exports.home();
    small::put(&home);
    let before = requests::changes(&exports.log()).len();
    let ran = home.plan(["check", "--live"]);
    ran.ends(code);
    assert_eq!(requests::changes(&exports.log()).len(), before, "a check changes nothing");
    assert!(!home.path().join("state").exists(), "and keeps nothing");
    assert!(!ran.stdout.contains(&exports.key) && !ran.stderr.contains(&exports.key));
    ran
}

#[test]
fn says_where_a_run_would_begin() {
    let git = External { name: "git.example".to_owned(), host: "git.example".to_owned(), port: 443, speaks: Speaks::Git };
    let references = vec![("https://git.example/small/worker.git".to_owned(), "main".to_owned())];
    let served = serve(Config { externals: vec![git], references, ..Config::default() });
    let ran = check(&served.exports, 0);
    for words in [
        "Live, as Dokploy v0.30.2 at http://127.0.0.1:",
        "none yet",
        "no container",
        "starts with phase one",
        "one: adds web",
        "two: adds worker",
    ] {
        assert!(ran.stdout.contains(words), "{words:?} is not in\n{}", ran.stdout);
    }
    let home = served.exports.home();
    small::put(&home);
    home.plan(["run", "--yes", "--until", "one"]).ends(0);
    let ran = check(&served.exports, 0);
    for words in ["phase one, verified", "1 container: web", "goes on with phase two", "two: adds worker"] {
        assert!(ran.stdout.contains(words), "{words:?} is not in\n{}", ran.stdout);
    }
    let text = served.exports.app()["composeFile"].as_str().unwrap().replace("registry.example/web:1.0", "registry.example/web:6.6");
    served.exports.post_to_app("compose.update", &json!({ "composeFile": text }));
    let ran = check(&served.exports, 3);
    for words in ["that of phase one, edited since by somebody", "--adopt", "+    image: registry.example/web:6.6"] {
        assert!(ran.stdout.contains(words), "{words:?} is not in\n{}", ran.stdout);
    }
}

#[test]
fn names_what_would_keep_a_run_from_starting() {
    let other = OtherContainer {
        name: "grafana".to_owned(),
        image: "grafana:12".to_owned(),
        ports: vec![(18_081, 3000)],
        running: true,
        has_healthcheck: false,
        external: None,
    };
    let served = serve(Config { containers: vec![other], ..Config::default() });
    assert!(check(&served.exports, 3).stdout.contains("host port 18081/tcp of service `worker` is taken by container `grafana`"));

    let rights = MemberRights { services: true, create_services: true, docker: false };
    let served = serve(Config { keys: vec![Key::member("members-key", rights)], ..Config::default() });
    let exports = Exports { key: "members-key".to_owned(), ..served.exports.clone() };
    assert!(check(&exports, 9).stdout.contains("\"Access to Docker\""));
}

#[test]
fn an_app_that_dokploy_does_not_have_is_an_error_as_it_is_to_a_run() {
    let served = serve(Config::default());
    let home = served.exports.home();
    small::put(&home);
    home.file("rollout.plan", &small::PLAN.replace("compose \"backend\"", "compose \"backendd\""));
    for arguments in [&["check"][..], &["check", "--live"]] {
        let ran = home.plan(arguments);
        ran.ends(3).says("no compose service `backendd`").says("did you mean `backend`?").does_not_say("was not asked");
        assert!(ran.stdout.contains("Total"), "what was proved is told all the same:\n{}", ran.stdout);
    }
    home.plan(["check", "--offline"]).ends(0);
    home.plan(["run", "--yes"]).ends(3).says("no compose service `backendd`");
}

#[test]
fn somebody_elses_deploy_says_nothing_against_the_plan() {
    let jobs = vec![OtherJob { title: "nightly".to_owned(), takes: Duration::from_secs(600) }];
    let served = serve(Config { jobs, ..Config::default() });
    served.exports.post_to_app("compose.deploy", &json!({ "title": "Manual deployment" }));
    let ran = check(&served.exports, 0);
    assert!(ran.stdout.contains("2 jobs, of this app, too") && ran.stdout.contains("Manual deployment"), "{}", ran.stdout);
}

#[test]
fn what_cannot_be_asked_is_a_note_unless_it_is_insisted_on() {
    let nowhere = Home::new();
    let gone = Home::new().with("DOKPLOY_URL", "http://127.0.0.1:1").with("DOKPLOY_API_KEY", "a-key-that-is-long");
    for (home, why) in [(nowhere, "the variable `DOKPLOY_URL` is not set"), (gone, "Dokploy cannot be reached")] {
        small::put(&home);
        home.plan(["check"]).ends(0).says("note: Dokploy was not asked").says(why);
        home.plan(["check", "--live"]).ends(9).says("error: Dokploy was not asked").says(why);
        home.plan(["check", "--offline"]).ends(0).does_not_say("asked");
        home.plan(["check", "--offline", "--live"]).ends(2);
    }
}

#[test]
fn variables_that_nothing_gives_a_value_are_told_before_the_first_phase() {
    let served = serve(Config::default());
    served.exports.post_to_app("compose.update", &json!({ "env": "GREETING=hello\n" }));
    let home = served.exports.home();
    small::put_quick(&home, "1.0", "30s");
    let put = |file: &str, service: &str, lines: &[&str]| {
        let text = std::fs::read_to_string(home.path().join(file)).unwrap();
        let environment: String = lines.iter().fold(String::new(), |text, line| text + "      " + line + "\n");
        home.file(file, &text.replace(&format!("  {service}:\n"), &format!("  {service}:\n    environment:\n{environment}")));
    };
    let web = ["A: ${GREETING} ${COMPOSE_PROJECT_NAME}", "B: ${FALLBACK:-x}", "C: $BARE"];
    put("one.yml", "web", &web);
    put("two.yml", "web", &web);
    put("two.yml", "worker", &["D: ${NEEDED:?the worker's queue}"]);

    let ran = home.plan(["check", "--live"]);
    ran.ends(0).says("the variable `BARE` has no default and is not in the app's environment").says("one.yml:6:10");
    ran.says("becomes nothing, here and in 1 more place").says("`NEEDED`").says("compose refuses the file without it").says("2 warnings");
    ran.does_not_say("GREETING`").does_not_say("FALLBACK`").does_not_say("COMPOSE_PROJECT_NAME`");
    let ran = home.plan(["check", "--live", "--format", "json"]);
    let told: Vec<_> = super::binary::json_lines(&ran.ends(0).stdout);
    // That its soaks are short is meant: it runs in real time.
    let places: Vec<_> = told
        .iter()
        .map(|line| (line["code"].as_str().unwrap(), line["file"].as_str().unwrap(), line["line"].clone()))
        .filter(|(code, ..)| *code != "W0401")
        .collect();
    assert_eq!(places, [("W0505", "one.yml", json!(6)), ("W0505", "two.yml", json!(12))]);

    let ran = home.plan(["run", "--yes", "--until", "one", "--format", "json"]);
    let events = ran.ends(0).events();
    let warned: Vec<_> =
        events.iter().filter(|event| event["event"] == "warned" && event["text"].as_str().unwrap().contains("${")).collect();
    assert_eq!(warned.len(), 2, "{warned:#?}");
    assert_eq!(
        warned[0]["text"],
        "`${NEEDED}` in two.yml line 12 has no default and is not in the app's environment: compose refuses the file without it"
    );
    let first = super::binary::place(&events, "phase-started");
    assert!(super::binary::place(&events, "warned") < first);

    // An environment that has them all says nothing.
    served.exports.post_to_app("compose.update", &json!({ "env": "GREETING=hello\nBARE=\nNEEDED=1\n" }));
    home.plan(["check", "--live"]).ends(0).does_not_say("W0505");
}
