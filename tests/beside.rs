//! `warn` and `observe`: asked along, told or recorded, and never in the way. Whole runs over a world in memory, on virtual time.

use crate::support::trial::{Trial, Went, with_container};
use rollout_plan::engine::{Event, Reading, Reason};

/// What was told of warnings: whether each began or was over, and what was seen.
fn told(went: &Went) -> Vec<(&'static str, String)> {
    let told = went.record.events.iter().filter_map(|(_, event)| match event {
        Event::WarningBegan { sample, .. } => Some(("began", sample.actual.clone())),
        Event::WarningOver { sample, .. } => Some(("over", sample.actual.clone())),
        _ => None,
    });
    told.collect()
}

fn readings(went: &Went) -> Vec<Reading> {
    let rounds = went.rounds.iter().filter_map(|event| match event {
        Event::Round { asides, .. } => Some(asides.values().map(|(sample, _)| sample.reading)),
        _ => None,
    });
    rounds.flatten().collect()
}

#[test]
fn a_warning_is_told_once_in_a_run_and_decides_nothing() {
    let went = Trial { service: "warn http \"http://127.0.0.1:8080/health\" { status == 204 }", ..Trial::default() }.run();
    went.completed();
    assert_eq!(told(&went), [("began", "HTTP 200".to_owned())]);
    assert_eq!(went.verdict, "backend runs phase `two`, 2/2 healthy, a warning about web");
}

#[test]
fn a_warning_that_is_over_is_told_so_and_is_not_in_the_verdict() {
    // The worker comes with the second phase.
    let went = Trial { service: "warn http \"http://127.0.0.1:8081/health\"", ..Trial::default() }.run();
    went.completed();
    assert_eq!(told(&went), [("began", "connection refused".to_owned()), ("over", "HTTP 200".to_owned())]);
    assert_eq!(went.verdict, "backend runs phase `two`, 2/2 healthy");
}

#[test]
fn what_is_observed_is_recorded_and_not_told() {
    let went = Trial { service: "observe http \"http://127.0.0.1:8080/health\" { status == 204 }", ..Trial::default() }.run();
    went.completed();
    assert_eq!(told(&went), []);
    assert_eq!(went.verdict, "backend runs phase `two`, 2/2 healthy");
    let readings = readings(&went);
    assert!(readings.len() > 5 && readings.iter().all(|reading| *reading == Reading::Fail), "{readings:?}");
}

#[test]
fn nobody_is_warned_of_what_is_still_starting() {
    let warn = "warn http \"http://127.0.0.1:8080/health\" { status == 200 }";
    let went = Trial { service: warn, faults: &["web: slow-start 20s"], ..Trial::default() }.run();
    went.completed();
    assert_eq!(told(&went), []);
    assert!(readings(&went).contains(&Reading::Fail), "it was asked, and failed, while it started");
}

#[test]
fn containers_and_logs_can_be_warned_of() {
    let log = "'ERROR: cache cold'";
    let went = Trial { service: "warn logs { none matches /ERROR/ }\n  warn container { restarts == 0 }", log, ..Trial::default() }.run();
    went.completed();
    // The next phase does not deploy it anew: what it wrote before is known then.
    let told = told(&went);
    assert_eq!(told.iter().map(|(word, _)| *word).collect::<Vec<_>>(), ["began", "over"], "{told:?}");
    assert!(told[0].1.contains("ERROR: cache cold"), "{told:?}");
}

#[test]
fn a_gate_that_warns_holds() {
    let more = "gate room {\n  expect container \"temporal\" { running }\n  warn container \"temporal\" { image == \"other:1\" }\n}\n";
    let went = Trial { more, phase: "require room", config: with_container("temporal"), ..Trial::default() }.run();
    went.completed();
    assert_eq!(told(&went).len(), 1, "{:?}", told(&went));
    assert_eq!(went.verdict, "backend runs phase `two`, 2/2 healthy, a warning about room");
}

#[test]
fn what_an_external_warns_of_is_asked_along_with_what_it_expects() {
    let more = "external temporal {\n  expect container \"temporal\" { running }\n  warn container \"temporal\" { image == \"other:1\" \
                }\n}\ngate infrastructure { expect external temporal }\n";
    let went = Trial { more, phase: "require infrastructure", config: with_container("temporal"), ..Trial::default() }.run();
    went.completed();
    assert_eq!(went.verdict, "backend runs phase `two`, 2/2 healthy, a warning about temporal");
}

#[test]
fn a_service_that_fails_is_not_saved_by_what_is_beside() {
    let went = Trial {
        service: "observe http \"http://127.0.0.1:8080/health\" { status == 200 }\n  expect http \"http://127.0.0.1:8080/health\" { status == \
                  204 }",
        ..Trial::default()
    }
    .run();
    assert_eq!(went.reason, Reason::PhaseFailed { phase: "one".to_owned() }, "{}", went.verdict);
}
