//! `plan watch` and `plan run --watch` as whole programs: what they say and to whom, their exit codes, and that they change nothing.

use super::binary::{Home, Ran, example, in_sandbox, json_lines};
use super::notices::Receiver;
use super::requests::changes;
use super::served::{Served, wait_until};
use super::small;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::process::{Child, Stdio};

/// A world in which the first phase's file, or both services', is delivered by hand.
fn delivered(both: bool) -> (Served, Home) {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home();
    put(&home, "");
    let text = fs::read_to_string(home.path().join(if both { "two.yml" } else { "one.yml" })).unwrap();
    served.exports.deliver(&text);
    wait_until("it is well", || home.plan(["health"]).code == 0);
    (served, home)
}

/// The quick plan with three failures that are enough and seconds that a busy machine keeps to, and this at its end.
fn put(home: &Home, more: &str) {
    small::put_quick(home, "1.0", "10s");
    let plan = fs::read_to_string(home.path().join("rollout.plan")).unwrap();
    let changes = [("unhealthy after 50", "unhealthy after 3"), ("every 120ms", "every 1s"), ("timeout 120ms", "timeout 1s")];
    let plan = changes.iter().fold(plan, |plan, (from, to)| plan.replace(from, to)).replace("soak 250ms", "soak 2s");
    home.file("rollout.plan", &format!("{plan}\n{more}\n"));
}

/// A watch as a process, whose lines go into a file.
struct Watching {
    child: Child,
    lines: std::path::PathBuf,
}

impl Watching {
    fn start(home: &Home, more: &[&str]) -> Self {
        Self::of_command(home, &[&["watch", "--every", "1s"], more].concat())
    }

    fn of_command(home: &Home, words: &[&str]) -> Self {
        let lines = home.path().join("lines");
        let out = fs::File::create(&lines).unwrap();
        let words = words.iter().chain(&["--format", "json"]);
        let child = home.command(words).stdout(out).stderr(Stdio::piped()).spawn().unwrap();
        Self { child, lines }
    }

    fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.lines).unwrap();
        // The last line may be half there.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        json_lines(&text[..whole])
    }

    fn of(&self, kind: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["event"] == kind).collect()
    }

    fn wait_for(&self, kind: &str) -> Value {
        wait_until(kind, || !self.of(kind).is_empty());
        self.of(kind).remove(0)
    }

    /// Presses Ctrl-C and gives the exit code.
    fn interrupt(&mut self) -> i32 {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_outage_is_told_when_it_begins_and_when_it_is_over_and_nothing_is_changed() {
    let (served, home) = delivered(true);
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(folder.path());
    put(&home, "notify webhook secret(\"OPS_WEBHOOK\")");
    let home = home.with("OPS_WEBHOOK", &format!("{}/key-1234567890", receiver.url));
    let before = changes(&served.exports.log()).len();
    let mut watching = Watching::start(&home, &[]);
    let begun = watching.wait_for("watch-begun");
    assert_eq!((&begun["services"], &begun["length_ms"]), (&serde_json::json!(["web", "worker"]), &Value::Null), "{begun}");
    assert_eq!(watching.wait_for("watch-round")["healthy"], 2, "once, that it works");
    served.exports.fault("worker: http-500");
    let unhealthy = watching.wait_for("unhealthy");
    let service = &unhealthy["services"][0];
    assert_eq!((service["name"].as_str(), service["bad"].as_u64(), service["samples"].as_u64()), (Some("worker"), Some(3), Some(3)));
    assert!(service["actual"].as_str().unwrap().contains("HTTP 500") && service["since"].as_str().unwrap().ends_with('Z'), "{service}");
    served.exports.clear_faults();
    watching.wait_for("recovered");
    assert_eq!(watching.interrupt(), 130);
    let events: Vec<Value> = watching.events();
    let kinds: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["watch-begun", "watch-round", "unhealthy", "recovered", "watch-ended"]);
    let end = events.last().unwrap();
    assert_eq!((end["exit"].as_u64(), end["healthy"].as_u64(), end["notices"]["lost"].as_u64()), (Some(130), Some(2), Some(0)), "{end}");
    assert_eq!(end["unsteady"][0]["unhealthy"], 1, "{end}");
    let told = receiver.told();
    let what: Vec<&str> = told.iter().map(|notice| notice["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["unhealthy", "recovered", "watch-ended"]);
    assert!(told[0]["text"].as_str().unwrap().starts_with("small: worker is unhealthy, for "), "{:#}", told[0]);
    assert_eq!((&told[0]["run"], &told[2]["exit"]), (&"".into(), &130.into()), "{told:#?}");
    assert_eq!(changes(&served.exports.log()).len(), before);
    assert!(!fs::read_to_string(&watching.lines).unwrap().contains("key-"));
}

#[test]
fn the_end_says_how_everything_stands_and_the_exit_code_says_the_same() {
    let (served, home) = delivered(true);
    let watch = |more: &[&str]| home.plan(["watch", "--every", "1s"].iter().chain(more));
    let ran = watch(&["--for", "4s"]);
    ran.ends(0).says("watching backend: 2 services every 1s for 4s").says("unhealthy after 3 failures in a row");
    assert!(
        ran.verdict().starts_with("backend: watched for 4s, ") && ran.verdict().ends_with(" 2/2 healthy (exit 0: all healthy)"),
        "{ran:?}"
    );
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    served.exports.fault("web: http-500");
    let ran = watch(&["--for", "6s"]);
    ran.ends(8).says("✗ web unhealthy HTTP 500").says("web: ").shows("1/2 healthy; web is unhealthy (exit 8: something is unhealthy)");
    served.exports.clear_faults();
    served.exports.fault("dokploy: docker-down");
    let ran = watch(&["--for", "6s"]);
    // Not in the survey's power to tell, and so not begun; or begun, and ended without knowing.
    ran.ends(9);
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let (served, home) = delivered(false);
    home.plan(["watch", "--every", "50ms"]).ends(2).says("one sample may take 1s");
    home.plan(["watch", "--for", "1s", "--every", "1m"]).ends(2).says("a watch of 1s that asks every 1m would ask once");
    home.plan(["watch", "--for", "soon"]).ends(2).says("is not a duration");
    home.plan(["run", "--watch"]).ends(2).says("the plan has no `watch` statement").says("watch for 1h every 1m");
    let nowhere = Home::new();
    small::put_quick(&nowhere, "1.0", "3s");
    nowhere.plan(["watch", "--for", "1s", "--every", "200ms"]).ends(9).says("Dokploy could not be asked what is delivered");
    let empty = Served::start(small::config(), &small::ADDRESSES);
    let home = empty.exports.home();
    small::put_quick(&home, "1.0", "3s");
    home.plan(["watch", "--for", "1s", "--every", "200ms"]).ends(8).says("nothing of backend is delivered").says("plan run rollout.plan");
    drop(served);
}

#[test]
fn a_run_beside_it_is_not_met_and_what_it_delivers_is_watched_from_then_on() {
    let (served, home) = delivered(false);
    let mut watching = Watching::start(&home, &[]);
    assert_eq!(watching.wait_for("watch-begun")["services"], serde_json::json!(["web"]));
    // A round that is under way at this moment must not keep the run out.
    let ran: Ran = home.plan(["run", "--yes"]);
    ran.ends(0);
    watching.wait_for("watch-goes-on");
    let afresh = watching.wait_for("looked-afresh");
    assert_eq!((&afresh["added"], &afresh["gone"]), (&serde_json::json!(["worker"]), &serde_json::json!([])), "{afresh}");
    let held = watching.wait_for("watch-suspended");
    assert!(held["who"].as_str().unwrap().contains("another run holds this app on this machine"), "{held}");
    served.exports.fault("worker: http-500");
    watching.wait_for("unhealthy");
    assert_eq!(watching.interrupt(), 130);
    let end = watching.of("watch-ended").remove(0);
    assert_eq!((end["services"].as_u64(), &end["unhealthy"]), (Some(2), &serde_json::json!(["worker"])), "{end}");
    assert_eq!(watching.of("unhealthy").len(), 1, "the deploy itself was nobody's fault: {:#?}", watching.events());
}

#[test]
fn a_run_that_is_verified_goes_on_watching_and_its_exit_code_is_the_watch_s() {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home();
    put(&home, "watch for 8s every 1s");
    let ran = home.plan(["run", "--yes"]);
    ran.ends(0).says("`plan watch` asks on for 8s every 1s");
    // Nothing to do, and then it is watched all the same.
    let mut watching = Watching::of_command(&home, &["run", "--yes", "--watch"]);
    let begun = watching.wait_for("watch-begun");
    assert_eq!((&begun["services"], &begun["length_ms"]), (&serde_json::json!(["web", "worker"]), &8000.into()), "{begun}");
    assert_eq!(watching.of("verdict")[0]["exit"], 0, "the run's own verdict comes before");
    served.exports.fault("worker: http-500");
    assert_eq!(watching.child.wait().unwrap().code(), Some(8));
    let end = watching.events().pop().unwrap();
    assert_eq!(
        (&end["event"], &end["exit"], &end["unhealthy"]),
        (&"watch-ended".into(), &8.into(), &serde_json::json!(["worker"])),
        "{end}"
    );
}

#[test]
fn in_the_sandbox_watching_passes_at_its_speed() {
    let home = Home::new();
    let folder = home.copy_of_example();
    let plan = fs::read_to_string(example()).unwrap();
    fs::write(folder.join("rollout.plan"), format!("{plan}\nwatch for 10m every 1m\nnotify webhook secret(\"OPS_WEBHOOK\")\n")).unwrap();
    let path = folder.join("rollout.plan");
    let ran = home.plan(in_sandbox(path.to_str().unwrap(), &[], &["--watch"]));
    ran.ends(0).says("notices are not sent in the sandbox").says("watching backend: 10 services and 3 externals every 1m for 10m");
    let verdict = ran.verdict();
    assert!(verdict.starts_with("[sandbox, max speed] backend: watched for 10m, 10 rounds: 10/10 healthy"), "{verdict}");
    let ran = home.plan(in_sandbox(path.to_str().unwrap(), &[], &[]));
    ran.ends(0).says("`plan watch` asks on for 10m every 1m, as the plan says; `plan run --watch` begins it by itself");
}
