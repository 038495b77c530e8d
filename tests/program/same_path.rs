//! `plan run` against `plan sandbox` as a process of its own takes the path that it takes with the sandbox inside.

use super::binary::{Home, in_sandbox};
use super::requests::{self, path};
use super::served::Beside;
use super::small;

/// Both ways' paths ([`requests::path`] says what is compared and what is not).
fn both(faults: &[&str], code: i32) -> (Vec<String>, Vec<String>) {
    let inside = Home::new();
    small::put(&inside);
    inside.plan(in_sandbox("rollout.plan", faults, &[])).ends(code);
    let embedded = requests::read(&std::fs::read_to_string(inside.run().join("sandbox-requests.jsonl")).unwrap());

    let host = Home::new();
    small::put(&host);
    let faults: Vec<&str> = faults.iter().flat_map(|fault| ["--fault", fault]).collect();
    let beside = Beside::start(&host, &faults);
    let home = beside.exports.home();
    small::put(&home);
    home.plan(["run", "--yes"]).ends(code);
    (path(&embedded), path(&beside.exports.log()))
}

#[test]
fn both_ways_ask_the_same_of_dokploy() {
    let (embedded, beside) = both(&[], 0);
    assert_eq!(embedded, beside);
    let changes: Vec<&String> = embedded.iter().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        changes,
        [
            "POST compose.update 200",
            "POST compose.deploy 200 plan run=… phase=one try=1",
            "POST compose.update 200",
            "POST compose.update 200",
            "POST compose.deploy 200 plan run=… phase=two try=1",
            "POST compose.update 200",
        ]
    );
}

#[test]
fn both_ways_go_back_alike() {
    let (embedded, beside) = both(&["worker: build-fails"], 4);
    assert_eq!(embedded, beside);
    assert_eq!(embedded.iter().filter(|line| line.contains("compose.deploy")).count(), 2);
}
