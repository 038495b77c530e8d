//! `plan approve` and `plan deny`: a run asks, another process answers, with the real binary against a sandbox beside them.

use super::binary::{Home, Ran, json_lines};
use super::served::{Served, side_by_side, wait_until};
use super::small;
use super::two_runs::{put_with_question, run_of};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::process::{Child, Stdio};

/// A run without a terminal that has come to its question; ended when dropped.
struct Asking(Option<Child>);

impl Asking {
    fn start(home: &Home, more: &[&str]) -> Self {
        let arguments = ["run", "--yes"].iter().chain(more);
        let child = home.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (pid, asking) = (child.id(), Self(Some(child)));
        wait_until("the run asks", || is_asked_by(home, pid));
        asking
    }

    fn ended(mut self) -> Ran {
        let output = self.0.take().unwrap().wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn kill(mut self) {
        let mut child = self.0.take().unwrap();
        kill_process(Pid::from_child(&child), Signal::KILL).unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Whether a process's note beside a lock says that something is asked. One that was killed leaves its note.
fn is_asked_by(home: &Home, pid: u32) -> bool {
    let Ok(folder) = fs::read_dir(home.path().join("state/plan/locks")) else { return false };
    let notes = folder.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    notes
        .filter_map(|path| fs::read_to_string(path).ok())
        .any(|note| note.contains("\"asks\"") && note.contains(&format!("\"pid\":{pid},")))
}

fn scene() -> (Served, Home) {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home().with("USER", "ada");
    put_with_question(&home);
    (served, home)
}

/// The events of a journal that are about an approval.
fn journalled(home: &Home, run: &str) -> Vec<Value> {
    let journal = fs::read_to_string(home.path().join("state/plan/runs").join(run).join("journal.jsonl")).unwrap();
    let events = json_lines(&journal).into_iter().map(|entry| entry["event"].clone());
    events.filter(|event| event["event"].as_str().is_some_and(|name| name.starts_with("approval"))).collect()
}

#[test]
fn a_run_without_a_terminal_waits_and_the_command_that_it_shows_answers_it() {
    let (_served, home) = scene();
    let asking = Asking::start(&home, &[]);
    let run = run_of(&home);
    let answered = home.plan(["approve", &run, "go-ahead", "--as", "maria"]);
    answered.ends(0).shows(&format!("gate go-ahead is approved by maria: run {run} goes on"));
    let ran = asking.ended();
    ran.ends(0).says("to answer from another terminal of this machine:").says("go-ahead by maria");
    assert!(ran.stderr.contains(&format!("      plan approve {run} go-ahead\n      plan deny {run} go-ahead\n")), "{}", ran.stderr);
    let journal = journalled(&home, &run);
    assert_eq!(journal.len(), 2, "{journal:?}");
    assert_eq!((&journal[1]["event"], &journal[1]["by"]), (&"approval-given".into(), &"maria".into()));

    let late = home.plan(["approve", &run, "go-ahead"]);
    late.ends(3).says(&format!("run {run} is over: backend runs phase `two`")).says(&format!("plan show {run}"));
}

#[test]
fn a_no_stops_the_run_and_the_run_need_not_be_named_when_just_one_waits() {
    let (_served, home) = scene();
    let asking = Asking::start(&home, &["--format", "json"]);
    home.plan(["deny", "go-ahead"]).ends(0).shows("gate go-ahead is denied by ada: run").shows("stops");
    let ran = asking.ended();
    ran.ends(6);
    assert_eq!(ran.events_of("approval-not-given")[0]["by"], "ada");
    assert!(ran.events_of("verdict")[0]["verdict"].as_str().unwrap().contains("gate `go-ahead` was refused by ada"));
}

#[test]
fn the_first_of_many_answers_wins_and_the_others_are_told() {
    let (_served, home) = scene();
    let asking = Asking::start(&home, &["--format", "json"]);
    let (codes, people) = (std::sync::Mutex::new(Vec::new()), ["ada", "grace", "maria", "joan"]);
    side_by_side(people, |who| {
        let word = if ["ada", "maria"].contains(&who) { "approve" } else { "deny" };
        let ran = home.plan([word, "go-ahead", "--as", who]);
        codes.lock().unwrap().push((ran.code, who, format!("{}{}", ran.stdout, ran.stderr)));
    });
    let ran = asking.ended();
    let codes = codes.into_inner().unwrap();
    let winners: Vec<&str> = codes.iter().filter(|(code, ..)| *code == 0).map(|(_, who, _)| *who).collect();
    assert_eq!(winners.len(), 1, "{codes:#?}");
    assert!(codes.iter().all(|(code, ..)| [0, 3].contains(code)), "{codes:#?}");
    let answers: Vec<Value> = [ran.events_of("approval-given"), ran.events_of("approval-not-given")].concat();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0]["by"], winners[0]);
}

#[test]
fn what_cannot_be_answered_is_refused_with_the_reason_and_the_way_on() {
    let (served, home) = scene();
    home.plan(["approve", "go-ahead"]).ends(3).says("no run on this machine waits for an answer").says("no run is at work here");
    home.plan(["approve", "20990101-000000-abcd", "go-ahead"]).ends(2).says("no run `20990101-000000-abcd` is at work on this machine");
    home.plan(["approve"]).ends(2);
    home.plan(["approve", "go-ahead", "--as", " "]).ends(2);

    let asking = Asking::start(&home, &[]);
    let run = run_of(&home);
    let shown = format!("plan approve {run} go-ahead");
    home.plan(["approve", &run, "go-ahed"]).ends(3).says(&format!("run {run} asks `go-ahead` now, not `go-ahed`")).says(&shown);
    // The end of its id is enough, and a gate alone is no run.
    home.plan(["deny", &run[run.len() - 4..], "other"])
        .ends(3)
        .says("asks `go-ahead` now, not `other`")
        .says(&format!("plan deny {run} go-ahead"));
    home.plan(["approve", &run]).ends(3).says(&shown);
    home.plan(["approve", "x", "go-ahead"]).ends(2).says("no run `x` is at work").says(&format!("waiting for an answer: {run}"));

    // Two runs that wait: one of them has to be named.
    let other = Served::start(small::config(), &small::ADDRESSES);
    let exports = &other.exports;
    let others = [("DOKPLOY_URL", &exports.url), ("DOKPLOY_API_KEY", &exports.key), ("PLAN_CONNECT_TO", &exports.connect_to)];
    let mut command = home.command(["run", "--yes"]);
    let second = command.envs(others).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (pid, second) = (second.id(), Asking(Some(second)));
    wait_until("the second one asks, too", || is_asked_by(&home, pid));
    let unclear = home.plan(["approve", "go-ahead"]);
    unclear.ends(2).says("2 runs wait for an answer: say which is meant").says(&shown);
    drop(second);

    asking.kill();
    let cut = home.plan(["approve", &run, "go-ahead"]);
    cut.ends(3).says(&format!("run {run} was cut off, and nobody is at work on it")).says(&format!("plan run --resume {run}"));
    // Resumed, it asks again and can be answered.
    let asking = Asking::start(&home, &["--resume", &run]);
    home.plan(["approve", &run, "go-ahead"]).ends(0);
    asking.ended().ends(0);
    drop(served);
}

#[test]
fn a_gate_that_is_answered_beforehand_is_asked_of_nobody() {
    let (_served, home) = scene();
    let ran = home.plan(["run", "--yes", "--approve", "go-ahead=grace"]);
    ran.ends(0).says("go-ahead by grace").does_not_say("to answer from another terminal");
    let sandboxed = home.plan(["run", "--sandbox", "--speed", "max"]);
    sandboxed.ends(0).says("go-ahead by sandbox").does_not_say("to answer from another terminal");
    let run = home.runs().into_iter().find(|run| run.to_str().unwrap().contains("sandbox")).unwrap();
    let run = run.file_name().unwrap().to_str().unwrap().to_owned();
    home.plan(["approve", &run, "go-ahead"]).ends(3).says("is over");
}
