//! `plan rollback`, and the other controls of an operator, with the real binary against a sandbox beside it.

use super::binary::{Home, Ran};
use super::requests::changes;
use super::served::{Exports, Served, wait_until};
use super::small;
use rollout_plan::world::{Config, Fault};
use serde_json::json;
use std::fs;
use std::process::{Child, Stdio};

fn world(faults: &[&str]) -> Served {
    let faults = faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect();
    Served::start(Config { faults, ..small::config() }, &small::ADDRESSES)
}

fn home(served: &Served) -> Home {
    let home = served.exports.home();
    small::put(&home);
    home
}

fn live(exports: &Exports) -> String {
    exports.app()["composeFile"].as_str().unwrap().to_owned()
}

fn run_id(home: &Home, number: usize) -> String {
    home.runs()[number].file_name().unwrap().to_str().unwrap().to_owned()
}

/// The compose services that have containers.
fn services(exports: &Exports) -> Vec<&'static str> {
    let names: Vec<String> = exports.containers().into_keys().collect();
    ["web", "worker", "legacy"].into_iter().filter(|service| names.iter().any(|name| name.contains(service))).collect()
}

#[test]
fn goes_back_a_phase_after_saying_what_that_takes_away() {
    let served = world(&[]);
    let home = home(&served);
    home.plan(["run", "--yes"]).ends(0);
    let (before, first) = (served.exports.log().len(), run_id(&home, 0));

    let asked = home.plan(["rollback"]);
    asked.ends(3).says("phase two is live, verified by an earlier run: going back to one").says("removes worker");
    asked
        .says(&format!("run {first} verified it"))
        .says("what containers wrote to volumes and databases, migrations and jobs that ran included");
    assert_eq!(changes(&served.exports.log().split_off(before)), [""; 0]);

    let back = home.plan(["rollback", "--yes"]);
    back.ends(0).says("Not undone, and cannot be");
    assert!(back.verdict().starts_with("backend runs phase `one`, 1/1 healthy (probed from"), "{}", back.verdict());
    assert_eq!(services(&served.exports), ["web"]);
    let text = live(&served.exports);
    assert!(text.contains("phase=one ") && text.contains("verified=yes"), "{text}");
    // What was live, and what was gone back to, are kept.
    let is_back = |run: &std::path::PathBuf| !run.ends_with(&first) && run.join("snapshots/01-baseline.yml").exists();
    let snapshots = home.runs().into_iter().find(is_back).unwrap().join("snapshots");
    assert!(fs::read_to_string(snapshots.join("01-baseline.yml")).unwrap().contains("phase=two"));
    assert!(fs::read_to_string(snapshots.join("02-one.yml")).unwrap().contains("phase=one"));

    // Once more it has nothing to do, and the rollout goes on after it.
    let again = home.plan(["rollback", "--to", "one", "--yes", "--format", "json"]);
    again.ends(0);
    assert_eq!(again.events_of("target-found")[0]["is_live"], true);
    assert_eq!(again.events_of("run-ended")[0]["reason"], "nothing-to-do");
    home.plan(["rollback", "--yes"]).ends(3).says("no phase is before it");
    home.plan(["run", "--yes"]).ends(0);
    assert_eq!(services(&served.exports), ["web", "worker"]);
}

#[test]
fn goes_back_to_what_a_run_left_though_its_journal_is_damaged_and_its_bundle_gone() {
    let served = world(&[]);
    let home = home(&served);
    home.plan(["run", "--yes"]).ends(0);
    let (run, text) = (run_id(&home, 0), live(&served.exports));
    // The plan's file changes, so that what the run left is no phase of the plan any more.
    home.file("two.yml", &small::two().replace("build: 700ms", "build: 300ms"));
    home.plan(["run", "--yes"]).ends(0);
    assert_ne!(body(&live(&served.exports)), body(&text));
    let folder = home.runs()[0].clone();
    fs::write(folder.join("journal.jsonl"), "nothing that can be read\n").unwrap();
    let _ = fs::remove_file(folder.join("bundle.json"));

    // The end of its id is enough.
    let back = home.plan(["rollback", "--to", &run[run.len() - 4..], "--yes"]);
    back.ends(0);
    assert!(back.verdict().starts_with(&format!("backend runs `two` as run {run} left it, 2/2 healthy")), "{}", back.verdict());
    assert_eq!(body(&live(&served.exports)), body(&text), "with the commits of then");
    assert!(live(&served.exports).contains("verified=yes"));
}

fn body(text: &str) -> &str {
    text.split_once('\n').unwrap().1
}

#[test]
fn goes_back_to_what_a_run_found_when_it_verified_nothing() {
    let served = world(&["web: never-healthy in one"]);
    let by_hand = small::ONE.replace("web:1.0", "web:0.9");
    served.exports.post_to_app("compose.update", &json!({ "composeFile": by_hand }));
    served.exports.post_to_app("compose.deploy", &json!({ "title": "by hand" }));
    wait_until("what somebody deployed runs", || served.exports.app()["composeStatus"] == "done");
    let home = home(&served);
    home.file("rollout.plan", &small::PLAN.replace("settle within 30s", "settle within 3s"));
    home.plan(["run", "--yes", "--adopt", "--on-failure", "stop"]).ends(5);
    let run = run_id(&home, 0);
    let back = home.plan(["rollback", "--to", &run, "--yes"]);
    back.ends(0).says(&format!("run {run} found it before its first change"));
    assert!(back.verdict().starts_with(&format!("backend runs what it ran before run {run}, 1/1 healthy")), "{}", back.verdict());
    let text = live(&served.exports);
    assert_eq!((body(&text), text.contains("phase=baseline ")), (by_hand.as_str(), true));
}

#[test]
fn a_rollback_that_fails_is_loud_once_and_says_what_to_do() {
    let served = world(&["web: crash-loop in rollback"]);
    let home = home(&served);
    home.plan(["run", "--yes"]).ends(0);
    home.file("one.yml", &small::ONE.replace("web:1.0", "web:1.1"));
    home.file("two.yml", &small::two().replace("web:1.0", "web:1.1"));
    home.plan(["run", "--yes"]).ends(0);
    let (run, before) = (run_id(&home, 0), served.exports.log().len());
    let back = home.plan(["rollback", "--to", &run, "--yes"]);
    back.ends(5).says("To bring it back by hand").says("Replace its compose text with this file's").says("evidence:");
    assert!(
        back.verdict().starts_with("backend is degraded") && back.verdict().contains("going back to `two` failed"),
        "{}",
        back.verdict()
    );
    assert_eq!(changes(&served.exports.log().split_off(before)), ["compose.update", "compose.deploy"], "not rolled back");
    assert!(live(&served.exports).contains("verified=no"));
    let evidence = home.runs()[2].join("evidence/01-two");
    assert!(evidence.join("logs/web.log").is_file());
    // A run of this machine left that, so the way on is as ever.
    home.plan(["check", "--live"]).ends(0);
}

#[test]
fn wrong_words_are_told_with_the_right_ones() {
    let served = world(&[]);
    let home = home(&served);
    home.plan(["rollback", "--sandbox"]).ends(2).says("there is nothing to go back to").says("plan sandbox");
    home.plan(["rollback", "--to", "onne"])
        .ends(2)
        .says("`onne` is no phase of the plan, and no run of that id is recorded")
        .says("did you mean `one`?");
    home.plan(["run", "--from", "tow"]).ends(2).says("the plan has no phase `tow`").says("did you mean `two`?");
    home.plan(["run", "--from", "two", "--until", "one"]).ends(2).says("--until names a phase before that of --from");
    home.plan(["run", "--from", "two", "--redeploy"]).ends(2);
    home.plan(["run", "--waive", "wrker=known"]).ends(2).says("the plan has no service `wrker`").says("did you mean `worker`?");
    for wrong in ["worker", "worker=", "worker=  ", "=known"] {
        home.plan(["run", "--waive", wrong]).ends(2).says("write it as SERVICE=REASON");
    }
    home.plan(["run", "--from-broken", " "]).ends(2).says("say why");
    home.plan(["rollback", "--yes"]).ends(3).says("nothing is live");
    assert_eq!(changes(&served.exports.log()), [""; 0]);
    Home::new().plan(["rollback", "--help"]).ends(0);
}

#[test]
fn a_run_starts_where_told_and_a_waived_service_decides_nothing() {
    let served = world(&["worker: never-healthy"]);
    let home = home(&served);
    home.plan(["run", "--yes", "--from", "two"]).ends(3).says("nothing is live").says("plan run --until one");
    home.plan(["run", "--yes", "--until", "one"]).ends(0);
    let waived = home.plan(["run", "--yes", "--from", "two", "--waive", "worker=index is being rebuilt", "--format", "json"]);
    waived.ends(0);
    let verdict = &waived.events_of("verdict")[0];
    assert_eq!(verdict["verdict"], "backend runs phase `two`, 1/1 healthy, waived: worker (index is being rebuilt)");
    assert_eq!((&verdict["waived"], waived.events_of("waived").len()), (&json!({ "worker": "index is being rebuilt" }), 1));
    home.plan(["run", "--yes", "--from", "one"]).ends(3).says("plan rollback --to one");
    home.plan(["run", "--yes"]).ends(3).says("`worker` does not hold");
}

#[test]
fn another_machines_unfinished_run_is_in_the_way_until_somebody_answers_for_it() {
    let served = world(&[]);
    let theirs = home(&served);
    theirs.plan(["run", "--yes", "--until", "one"]).ends(0);
    let text = live(&served.exports).replace("verified=yes", "verified=no");
    served.exports.post_to_app("compose.update", &json!({ "composeFile": text }));
    let run = run_id(&theirs, 0);

    let ours = home(&served);
    let before = served.exports.log().len();
    for command in [["run", "--yes"], ["rollback", "--yes"]] {
        ours.plan(command).ends(7).says(&run).says("phase `one`").says("may be at work on another machine").says("--from-broken");
    }
    let check = ours.plan(["check", "--live"]);
    check.ends(0);
    assert!(check.stdout.contains("another machine") && check.stdout.contains("a run would not start now"), "{}", check.stdout);
    assert_eq!(changes(&served.exports.log().split_off(before)), [""; 0]);
    theirs.plan(["check", "--live"]).ends(0).does_not_say("another machine");

    let answered = ours.plan(["run", "--yes", "--from-broken", "their laptop is gone"]);
    answered.ends(0);
    let words = format!("started from broken (their laptop is gone): run {run} of another machine had left phase `one` unverified");
    assert!(answered.verdict().contains(&words), "{}", answered.verdict());
}

/// A run as a process, ended when dropped.
struct Running(Option<Child>);

impl Running {
    fn start(home: &Home) -> Self {
        Self(Some(home.command(["run", "--yes", "--format", "json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    fn ended(mut self) -> Ran {
        let output = self.0.take().unwrap().wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn a_run_at_work_is_asked_to_fail_its_phase_and_goes_back_by_itself() {
    let served = world(&[]);
    let home = home(&served).with("USER", "ada");
    home.plan(["run", "--yes", "--until", "one"]).ends(0);
    // Long enough to be asked in.
    let (one, two) = small::PLAN.split_once("phase two").unwrap();
    home.file("rollout.plan", &format!("{one}phase two{}", two.replace("soak 900ms", "soak 5m")));
    let running = Running::start(&home);
    wait_until("the second phase is sent", || live(&served.exports).contains("phase=two"));

    home.plan(["rollback", "--to", "one", "--yes"]).ends(7).says("`plan rollback` without --to asks it");
    let asked = home.plan(["rollback"]);
    asked.ends(0);
    assert!(asked.verdict().contains("it was asked to fail its phase, and took the request"), "{}", asked.verdict());
    let ran = running.ended();
    ran.ends(4);
    assert!(ran.events_of("failure-asked")[0]["by"].as_str().unwrap().starts_with("ada on "), "{}", ran.stdout);
    assert_eq!(ran.events_of("phase-failed")[0]["cause"]["kind"], "asked");
    let verdict = ran.events_of("verdict").remove(0);
    assert_eq!(verdict["verdict"], "backend runs phase `one`, 1/1 healthy; phase `two` failed and was rolled back");
    assert_eq!(services(&served.exports), ["web"]);
}
