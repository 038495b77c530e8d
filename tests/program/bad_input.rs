//! Bad input: a clear error, the right exit code, and no request that changes anything.

use super::binary::{Home, Ran};
use super::served::{Exports, Served, side_by_side};
use super::small;
use crate::support;
use rollout_plan::world::{Compose, Config, Environment, Key, MemberRights, OtherContainer, OtherJob, Project};
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

fn serve(config: Config) -> Served {
    Served::start(config, &small::ADDRESSES)
}

/// The small plan run against a sandbox, which nothing may have been changed in.
#[track_caller]
fn refused(exports: &Exports, home: &Home, code: i32) -> Ran {
    small::put(home);
    let ran = home.plan(["run", "--yes"]);
    ran.ends(code);
    let changing: Vec<_> = exports.log().into_iter().filter(|request| request.changes || request.method != "GET").collect();
    assert_eq!(changing, []);
    ran
}

/// The app `backend`, changed.
fn app(change: impl FnOnce(&mut Compose)) -> Config {
    let mut compose = Compose::named("backend");
    change(&mut compose);
    apps(vec![compose])
}

fn apps(composes: Vec<Compose>) -> Config {
    let environments = vec![Environment { name: "staging".to_owned(), composes }];
    Config { projects: vec![Project { name: "Backend".to_owned(), environments }], ..small::config() }
}

fn named(project: &str, environment: &str, compose: &str) -> Config {
    let environments = vec![Environment { name: environment.to_owned(), composes: vec![Compose::named(compose)] }];
    Config { projects: vec![Project { name: project.to_owned(), environments }], ..small::config() }
}

#[test]
fn no_credentials() {
    let served = serve(small::config());
    for (missing, home) in [
        ("the secret `DOKPLOY_API_KEY` is not set", Home::new().with("DOKPLOY_URL", &served.exports.url)),
        ("the variable `DOKPLOY_URL` is not set", Home::new().with("DOKPLOY_API_KEY", &served.exports.key)),
    ] {
        refused(&served.exports, &home, 2).says(missing);
    }
    assert_eq!(served.exports.log(), [], "it was not even asked");
}

#[test]
fn an_address_that_is_none() {
    for address in ["ftp://127.0.0.1", "not an address", "http://"] {
        let home = Home::new().with("DOKPLOY_URL", address).with("DOKPLOY_API_KEY", "key");
        small::put(&home);
        home.plan(["run", "--yes"]).ends(2).says("Dokploy's address");
    }
}

#[test]
fn a_wrong_key() {
    let served = serve(small::config());
    let wrong = Exports { key: "wrong-key-5f2c81".to_owned(), ..served.exports.clone() };
    let ran = refused(&served.exports, &wrong.home(), 9);
    ran.says("Dokploy does not accept the key").does_not_say("wrong-key-5f2c81");
    assert!(ran.verdict().contains("backend was not touched"), "{}", ran.verdict());
}

#[test]
fn unknown_names() {
    for (config, words) in [
        (named("Backends", "staging", "backend"), "no project `Backend`; did you mean `Backends`?"),
        (named("Backend", "stage", "backend"), "no environment `staging` in project `Backend`"),
        (
            named("Backend", "staging", "back-end"),
            "no compose service `backend` in project `Backend`, environment `staging`; did you mean `back-end`?",
        ),
    ] {
        let served = serve(config);
        refused(&served.exports, &served.exports.home(), 3).says(words);
    }
}

#[test]
fn an_ambiguous_name() {
    let served = serve(apps(vec![Compose::named("backend"), Compose::named("backend")]));
    refused(&served.exports, &served.exports.home(), 3).says("the name is ambiguous: 2 compose services are called `backend`");
}

/// A server that answers everything alike, and the heads of what it was asked.
fn answering(status: &'static str, kind: &'static str, body: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let address = support::serve(move |mut stream| {
        let head = support::head(&mut stream);
        if !head.is_empty() {
            seen.lock().unwrap().push(head);
        }
        let length = body.len();
        let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    });
    (address, heads)
}

#[test]
fn a_server_that_is_no_dokploy() {
    let cases = [
        ("200 OK", "text/html", "<!doctype html><title>Shop</title>", "not Dokploy's API"),
        ("500 Internal Server Error", "text/plain", "oops", "500 to settings.health: oops"),
    ];
    // Each is asked for some seconds; together they are not.
    side_by_side(cases, |(status, kind, body, words)| {
        let (address, heads) = answering(status, kind, body);
        let home = Home::new().with("DOKPLOY_URL", &format!("http://{address}")).with("DOKPLOY_API_KEY", "canary-key-77aa21");
        small::put(&home);
        let ran = home.plan(["run", "--yes"]);
        ran.ends(9).says(words).does_not_say("canary-key-77aa21");
        let heads = heads.lock().unwrap();
        assert!(!heads.is_empty() && heads.iter().all(|head| head.starts_with("GET ")), "{heads:?}");
    });
}

#[test]
fn nobody_there() {
    let address = support::closed();
    let home = Home::new().with("DOKPLOY_URL", &format!("http://{address}")).with("DOKPLOY_API_KEY", "key");
    small::put(&home);
    let ran = home.plan(["run", "--yes"]);
    ran.ends(9).says("connection refused");
    assert!(ran.verdict().contains("backend was not touched"), "{}", ran.verdict());
}

#[test]
fn a_compose_file_over_the_limit() {
    let served = serve(small::config());
    let home = served.exports.home();
    small::put(&home);
    home.file("two.yml", &format!("# {}\n{}", "x".repeat(90_000), small::two()));
    home.plan(["run", "--yes"]).ends(2).says("two.yml").says("90000");
    assert_eq!(served.exports.log(), []);
}

#[test]
fn a_text_over_the_limit_together_with_the_environment() {
    let served = serve(app(|app| app.env = Some(format!("CERTIFICATES={}", "x".repeat(89_500)))));
    refused(&served.exports, &served.exports.home(), 3)
        .says("has 523 bytes as it would be sent and the app's environment has 89513, together 90036");
}

#[test]
fn a_key_that_lacks_a_right() {
    let all = MemberRights { services: true, create_services: true, docker: true };
    for (rights, words) in [
        (MemberRights { docker: false, ..all }, "\"Access to Docker\""),
        (MemberRights { create_services: false, ..all }, "\"Create Services\""),
    ] {
        let served = serve(Config { keys: vec![Key::member("members-key", rights)], ..small::config() });
        let key = Exports { key: "members-key".to_owned(), ..served.exports.clone() };
        refused(&served.exports, &key.home(), 9).says(words);
    }
}

#[test]
fn an_app_of_another_kind() {
    type Change = fn(&mut Compose);
    let kinds: [(Change, &str); 6] = [
        (|app| app.source_type = "git".to_owned(), "its source is `git`"),
        (|app| app.compose_type = "stack".to_owned(), "its type is `stack`"),
        (|app| app.randomize = true, "\"randomize\" is on"),
        (|app| app.suffix = "blue".to_owned(), "it has the suffix `blue`"),
        (|app| app.isolated = true, "\"isolated deployment\" is on"),
        (|app| app.command = "compose up".to_owned(), "it has a custom command"),
    ];
    for (change, words) in kinds {
        let served = serve(app(change));
        refused(&served.exports, &served.exports.home(), 3).says(words);
    }
}

#[test]
fn a_port_of_a_later_phase_that_somebody_else_has() {
    let other = OtherContainer {
        name: "grafana".to_owned(),
        image: "grafana:12".to_owned(),
        ports: vec![(18_081, 3000)],
        running: true,
        has_healthcheck: false,
        external: None,
    };
    // Its port is real here, so that the route must lead there too.
    let served = serve(Config { containers: vec![other], ..small::config() });
    refused(&served.exports, &served.exports.home(), 3).says("host port 18081/tcp of service `worker` is taken by container `grafana`");
}

#[test]
fn somebody_elses_deploy() {
    let served = serve(small::config());
    // Somebody presses Deploy, behind a job that takes its time.
    let busy = serve(Config {
        jobs: vec![OtherJob { title: "nightly".to_owned(), takes: std::time::Duration::from_secs(600) }],
        ..small::config()
    });
    let by_hand = busy.exports.post_to_app("compose.deploy", &serde_json::json!({ "title": "Manual deployment" }));
    assert_eq!(by_hand["message"], "Deployment queued");
    let home = busy.exports.home();
    small::put(&home);
    let ran = home.plan(["run", "--yes"]);
    ran.ends(7).says("a deploy of this app is waiting in the queue: \"Manual deployment\"");
    let log = busy.exports.log();
    assert_eq!(super::requests::changes(&log), ["compose.deploy"], "only the one by hand");
    drop(served);
}

#[test]
fn a_state_folder_that_cannot_be_written() {
    let served = serve(small::config());
    let home = served.exports.home();
    let file = home.file("occupied", "");
    small::put(&home);
    let state = |path: &std::path::Path| ["run", "--yes", "--state", path.to_str().unwrap()].map(str::to_owned);
    home.plan(state(&file)).ends(9).says("a file is where a folder belongs").says("nothing was changed");
    // Nobody can write there, root neither.
    home.plan(state(std::path::Path::new("/proc/plan"))).ends(9).says("nothing was changed");
    let log = served.exports.log();
    assert!(log.iter().all(|request| !request.changes), "{log:?}");
}

#[test]
fn a_run_without_a_yes_and_without_a_terminal() {
    let served = serve(small::config());
    let home = served.exports.home();
    small::put(&home);
    home.plan(["run"]).ends(3).says("--yes");
    assert_eq!(super::requests::changes(&served.exports.log()), [""; 0]);
}

#[test]
fn names_on_the_command_line_that_the_plan_does_not_have() {
    let home = Home::new();
    small::put(&home);
    home.plan(["run", "--sandbox", "--until", "too"]).ends(2).says("the plan has no phase `too`").says("did you mean `two`?");
    home.plan(["run", "--sandbox", "--approve", "gate=maria"]).ends(2).says("the plan has no gate `gate`");
    home.plan(["run", "--sandbox", "--fault", "web: crashloop"]).ends(2).says("did you mean `crash-loop`?");
    home.plan(["run", "--sandbox", "--fault", "web: crash from too after 30s"]).ends(2).says("did you mean `two`?");
    home.plan(["run", "--sandbox", "--fault", "gate ai: silent"]).ends(2).says("the plan has no gate `ai`");
    home.plan(["run", "--fault", "web: crash-loop"]).ends(2).says("--sandbox");
    home.plan(["run", "gone.plan"]).ends(2).says("there is no plan \"gone.plan\"");
    assert!(!home.path().join("state").exists());
}
