//! A disk that is full, from the start or in the middle: nothing may change that cannot be recorded.

use super::binary::{Home, json_lines};
use super::interrupt::in_shell;
use super::served::{Served, side_by_side, wait_until};
use super::{requests, small};
use rollout_plan::world::{Config, Fault};
use std::fs;
use std::process::{Output, Stdio};

/// What a run that was cut short may end with: could not be recorded and nothing changed; unverified; verified; not known.
const HONEST: [i32; 4] = [9, 5, 6, 10];

fn run(home: &Home) -> std::path::PathBuf {
    home.runs().pop().expect("a run has begun")
}

fn text(output: &Output) -> (String, String) {
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Files may not grow past so many blocks of 512 bytes: what the kernel says then is what it says of a full disk, but for its number.
#[test]
fn whenever_the_journal_is_full_nothing_changes_that_it_does_not_hold() {
    let blocks = [0, 2, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16];
    side_by_side(blocks, |blocks| {
        let served = Served::start(small::config(), &small::ADDRESSES);
        let home = served.exports.home();
        small::put(&home);
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec plan run --yes --format plain");
        let output = in_shell(&home, &script).output().unwrap();
        let (stdout, stderr) = text(&output);
        let log = served.exports.log();
        let changes = requests::changes(&log);
        let journal = fs::read_to_string(run(&home).join("journal.jsonl")).unwrap_or_default();
        let journal = journal.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let is_intent = |kind: &str| ["replacing", "deploying", "stopping"].contains(&kind);
        let intents = json_lines(journal).iter().filter(|entry| entry["event"]["event"].as_str().is_some_and(is_intent)).count();
        assert!(changes.len() <= intents, "{blocks}: {changes:?} are not all in\n{journal}");
        let code = output.status.code();
        if code == Some(0) {
            assert!(journal.contains("\"event\":\"run-ended\""), "{blocks}: {journal}");
            return;
        }
        assert!(HONEST.iter().any(|honest| code == Some(*honest)), "{blocks}: {code:?}\n{stdout}{stderr}");
        assert_eq!(code == Some(9), changes.is_empty(), "{blocks}: {changes:?}\n{stdout}{stderr}");
        let said = format!("{stdout}{stderr}").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("cannot be recorded") && said.contains("limit"), "{blocks}: {said}");
        if blocks == 0 {
            assert_eq!(log, [], "nothing was even asked");
        }
    });
}

/// Takes a folder of the run away and puts a file in its place, so that nobody can write there, root neither.
fn spoil(home: &Home, folder: &str) {
    let path = run(home).join(folder);
    let _ = fs::rename(&path, path.with_extension("away"));
    fs::write(path, "").unwrap();
}

#[test]
fn evidence_that_cannot_be_written_is_not_destroyed_by_a_rollback() {
    let faults = vec![Fault::parse("worker: http-500").unwrap()];
    let served = Served::start(Config { faults, ..small::config() }, &small::ADDRESSES);
    let home = served.exports.home();
    small::put(&home);
    home.file("rollout.plan", &small::PLAN.replace("settle within 30s", "settle within 4s"));
    let process = home.command(["run", "--yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the second deploy", || requests::count(&served.exports.log(), "compose.deploy") == 2);
    spoil(&home, "evidence");
    let before = requests::changes(&served.exports.log()).len();
    let output = process.wait_with_output().unwrap();
    let (stdout, stderr) = text(&output);
    assert!([Some(5), Some(10)].contains(&output.status.code()), "{stdout}{stderr}");
    assert_eq!(requests::changes(&served.exports.log()).len(), before, "nothing was rolled back: {stdout}");
    assert!(format!("{stdout}{stderr}").contains("cannot be recorded"), "{stdout}{stderr}");
}

#[test]
fn a_snapshot_that_cannot_be_written_ends_the_run_before_the_next_phase() {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home();
    small::put(&home);
    let process = home.command(["run", "--yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the first deploy", || requests::count(&served.exports.log(), "compose.deploy") == 1);
    spoil(&home, "snapshots");
    let output = process.wait_with_output().unwrap();
    let (stdout, stderr) = text(&output);
    assert!(HONEST[1..].iter().any(|code| output.status.code() == Some(*code)), "{stdout}{stderr}");
    assert_eq!(requests::count(&served.exports.log(), "compose.deploy"), 1, "{stdout}{stderr}");
    assert!(format!("{stdout}{stderr}").contains("cannot be recorded"), "{stdout}{stderr}");
}
