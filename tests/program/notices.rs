//! Notices of whole runs, to a receiver on loopback and to a command.

use super::binary::Home;
use super::served::{Served, wait_until};
use super::small;
use crate::support::{hang, head, serve};
use rollout_plan::world::{Config, Fault};
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Somebody who takes every notice and lays it down as a file. Ends with the test's process.
pub struct Receiver {
    pub url: String,
    folder: PathBuf,
}

static TOLD: AtomicUsize = AtomicUsize::new(0);

impl Receiver {
    pub fn start(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let into = folder.to_owned();
        let address = serve(move |mut stream| {
            let head = head(&mut stream).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            fs::write(into.join(format!("{:06}.json", TOLD.fetch_add(1, Ordering::SeqCst))), body).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        });
        Self { url: format!("http://{address}/hooks"), folder: folder.to_owned() }
    }

    /// Everything that was told, in order.
    pub fn told(&self) -> Vec<Value> {
        let mut files: Vec<PathBuf> = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()).collect()
    }
}

fn world(faults: &[&str]) -> Served {
    let faults = faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect();
    Served::start(Config { faults, ..small::config() }, &small::ADDRESSES)
}

/// A home with the quick plan, and this at its end.
fn home(served: &Served, at_end: &str) -> Home {
    let home = served.exports.home();
    small::put_quick(&home, "1.0", "3s");
    let plan = fs::read_to_string(home.path().join("rollout.plan")).unwrap();
    home.file("rollout.plan", &format!("{plan}\n{at_end}\n"));
    home
}

fn events(told: &[Value]) -> Vec<&str> {
    told.iter().map(|notice| notice["event"].as_str().unwrap()).collect()
}

#[test]
fn a_failing_rollout_sends_failure_rollback_and_end_in_order_and_nothing_else() {
    let served = world(&["worker: crash-loop"]);
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(folder.path());
    let home = home(
        &served,
        "notify webhook secret(\"OPS_WEBHOOK\") about failure, rollback, end\nnotify exec [\"./hook\", \"told\"] about failure, end",
    );
    let hook = home.file("hook", "#!/bin/sh\ncat >> $1\necho >> $1\n");
    fs::set_permissions(hook, fs::Permissions::from_mode(0o755)).unwrap();
    let home = home.with("OPS_WEBHOOK", &format!("{}/key-1234567890", receiver.url));
    let ran = home.plan(["run", "--yes", "--format", "json"]);
    ran.ends(4);
    let told = receiver.told();
    assert_eq!(events(&told), ["failure", "rollback", "end"], "{told:#?}");
    let [failure, rollback, end] = told.as_slice() else { unreachable!() };
    assert_eq!((failure["phase"].as_str(), failure["services"][0]["service"].as_str()), (Some("two"), Some("worker")), "{failure:#}");
    assert_eq!((failure["live"].as_str(), failure["verified"].as_bool()), (Some("two"), Some(false)), "{failure:#}");
    assert_eq!((rollback["live"].as_str(), rollback["what"].as_str()), (Some("one"), Some("rollback-verified")), "{rollback:#}");
    assert_eq!((end["exit"].as_u64(), end["live"].as_str(), end["verified"].as_bool()), (Some(4), Some("one"), Some(true)), "{end:#}");
    let run = ran.events_of("run-started")[0]["run"].clone();
    assert!(told.iter().all(|notice| notice["run"] == run && notice["schema"] == 1));
    let by_hook = super::binary::json_lines(&fs::read_to_string(home.path().join("told")).unwrap());
    assert_eq!(by_hook, [failure.clone(), end.clone()]);
    let verdict = ran.events_of("verdict").pop().unwrap();
    assert_eq!(verdict["notices"], serde_json::json!({ "delivered": 5, "lost": 0 }));
    ran.does_not_say("key-1234567890");
}

#[test]
fn one_who_hangs_costs_five_seconds_and_is_told_without_the_address() {
    let served = world(&[]);
    let address = serve(|_| hang());
    let home =
        home(&served, "notify slack secret(\"SLACK_WEBHOOK\")\nnotify webhook \"http://127.0.0.1:1/key-1234567890\" about start, end");
    let home = home.with("SLACK_WEBHOOK", &format!("http://{address}/key-0987654321"));
    let began = Instant::now();
    let ran = home.plan(["run", "--yes"]);
    let took = began.elapsed();
    ran.ends(0).says("a notice about end did not get to slack secret(\"SLACK_WEBHOOK\")");
    ran.says("no answer within 5s").says("the connection was refused, 3 times").says("3 notices were not delivered");
    ran.does_not_say("key-").does_not_say(&address.to_string());
    assert!(ran.verdict().contains("2/2 healthy"), "{}", ran.verdict());
    let journal = home.journal();
    let run_took = journal.last().unwrap()["at_ms"].as_u64().or_else(|| journal.last().unwrap()["now"].as_u64());
    let run_took = run_took.map_or(Duration::ZERO, Duration::from_millis);
    assert!(took < run_took + Duration::from_secs(15), "{took:?}, the run itself {run_took:?}");
    let ran = home.plan(["run", "--yes", "--format", "json"]);
    ran.ends(0);
    let lost = ran.events_of("notice-lost");
    assert!(
        lost.iter().any(|lost| lost["about"] == serde_json::json!(["end"]) && lost["to"] == "slack secret(\"SLACK_WEBHOOK\")"),
        "{lost:?}"
    );
    let events = ran.events();
    assert_eq!(events.last().unwrap()["event"], "verdict");
    assert_eq!(events.last().unwrap()["notices"]["lost"], 2, "{:?}", events.last());
}

#[test]
fn a_run_that_goes_on_does_not_tell_again_what_it_told() {
    let served = world(&[]);
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(folder.path());
    let home = home(&served, "notify webhook secret(\"OPS_WEBHOOK\") about start, phase, failure, end").with("OPS_WEBHOOK", &receiver.url);
    for (file, text) in ["one.yml", "two.yml"].map(|file| (file, fs::read_to_string(home.path().join(file)).unwrap())) {
        home.file(file, &text.replacen("build: 50ms", "build: 3s", 1));
    }
    let mut process = home.command(["run", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the deploy is asked for", || served.exports.log().iter().any(|request| request.procedure == "compose.deploy"));
    wait_until("the phase's start is told", || receiver.told().len() == 2);
    process.kill().unwrap();
    process.wait().unwrap();
    home.plan(["run", "--resume"]).ends(0);
    let told = receiver.told();
    let what: Vec<&str> = told.iter().map(|notice| notice["what"].as_str().unwrap()).collect();
    let (before, after) = what.split_at(2);
    assert_eq!(before, ["started", "phase-started"]);
    assert_eq!(after, ["resumed", "phase-verified", "phase-started", "phase-verified", "run-ended"]);
    assert!(told.iter().all(|notice| notice["run"] == told[0]["run"]), "{told:#?}");
}

#[test]
fn who_is_to_be_told_is_known_before_the_run_begins() {
    let served = world(&[]);
    let home = home(&served, "notify webhook secret(\"OPS_WEBHOOK\")");
    let ran = home.plan(["run", "--yes"]);
    ran.ends(2).says("the secret `OPS_WEBHOOK` is not set");
    assert_eq!(served.exports.log(), []);
}
