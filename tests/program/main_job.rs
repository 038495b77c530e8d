//! The main job: the example comes up in four verified phases.

use super::binary::{Home, in_sandbox};
use super::small;
use serde_json::{Value, json};

fn phase(events: &[Value], kind: &str, name: &str) -> Value {
    let found: Vec<&Value> = events.iter().filter(|event| event["event"] == kind && event["phase"] == name).collect();
    assert_eq!(found.len(), 1, "{kind} of {name}: {found:?}");
    found[0].clone()
}

#[test]
fn four_phases_are_verified_with_the_plans_soaks_and_samples() {
    let home = Home::new();
    let ran = home.sandboxed(&[]);
    ran.ends(0);
    let events = ran.events();
    assert_eq!(events[0]["event"], "run-started");
    assert_eq!(events[0]["sandbox"], json!({ "speed": "max" }));

    let verified: Vec<(&str, &Value, u64)> = events
        .iter()
        .filter(|event| event["event"] == "phase-verified")
        .map(|event| (event["phase"].as_str().unwrap(), &event["healthy"], event["samples"].as_u64().unwrap()))
        .collect();
    let names: Vec<_> = verified.iter().map(|(name, healthy, _)| (*name, (*healthy).clone())).collect();
    assert_eq!(names, [("foundation", json!([1, 1])), ("core", json!([4, 4])), ("business", json!([7, 7])), ("complete", json!([10, 10]))]);

    // Every 5 s a round in the plan's own time: two to settle, then as many as the soak holds.
    for (name, soak_ms, services, rounds) in [("foundation", 30_000, 1, 9), ("core", 60_000, 4, 15), ("business", 10_000, 7, 5)] {
        let settled = phase(&events, "settled", name);
        let end = phase(&events, "phase-verified", name);
        assert_eq!(settled["soak_ms"], soak_ms, "{name}");
        // The soak, and one exchange: whether somebody else deployed meanwhile.
        let took = end["at_ms"].as_u64().unwrap() - settled["at_ms"].as_u64().unwrap();
        assert!((soak_ms..soak_ms + 200).contains(&took), "{name}: {took}");
        assert_eq!(end["samples"], services * rounds, "{name}");
        let deployed = phase(&events, "deploy-ended", name)["at_ms"].as_u64().unwrap();
        let within = |event: &&Value| {
            event["event"] == "round" && (deployed..=end["at_ms"].as_u64().unwrap()).contains(&event["at_ms"].as_u64().unwrap())
        };
        let asked: Vec<usize> = events.iter().filter(within).map(|event| event["services"].as_object().unwrap().len()).collect();
        assert_eq!(asked.len(), usize::try_from(rounds).unwrap(), "{name}: {asked:?}");
        assert!(asked.iter().all(|count| *count == usize::try_from(services).unwrap()), "{name}: {asked:?}");
    }
    let verdict = events.last().unwrap();
    assert_eq!(verdict["event"], "verdict");
    assert_eq!((&verdict["exit"], &verdict["live"]), (&json!(0), &json!("complete")));
    assert_eq!(verdict["verdict"], "backend runs phase `complete`, 10/10 healthy");
}

#[test]
fn the_last_line_on_stdout_is_the_verdict_and_the_only_one() {
    let home = Home::new();
    let ran = home.told(&[]);
    ran.ends(0);
    assert_eq!(ran.stdout, "[sandbox, max speed] backend runs phase `complete`, 10/10 healthy (exit 0: as asked)\n");
    ran.says("it answers for postgres (127.0.0.1:5433), redis (127.0.0.1:6380), temporal (127.0.0.1:7233)");
    ran.says("complete verified 10/10 healthy, 50 samples");
}

#[test]
fn nothing_outside_the_state_folder_is_written_and_only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    home.told(&[]).ends(0);
    let top: Vec<_> = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(top, ["state"]);
    let snapshots: Vec<_> = std::fs::read_dir(home.run().join("snapshots")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(snapshots.len(), 5, "{snapshots:?}");
    for path in snapshots {
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
}

#[test]
fn a_service_without_an_expectation_takes_no_port_of_this_machine() {
    // Somebody has the port already.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let home = Home::new();
    small::put(&home);
    let (before, after) = small::PLAN.split_once("service worker").unwrap();
    let silent = format!(
        "{before}service worker {{ note \"publishes a port and is never asked\" }}\n\n{}",
        &after[after.find("phase one").unwrap()..]
    );
    home.file("rollout.plan", &silent);
    home.file("two.yml", &small::two().replace("18081:80", &format!("{port}:80")));
    let ran = home.plan(in_sandbox("rollout.plan", &[], &[]));
    ran.ends(0);
    assert!(ran.verdict().contains("backend runs phase `two`, 2/2 healthy"), "{}", ran.verdict());
}
