//! A phase fails: evidence first, then the smallest undo, and one honest end.

use super::binary::{Home, Ran, place};
use super::requests::{self, Request, changes, count};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn log(home: &Home) -> Vec<Request> {
    requests::read(&fs::read_to_string(home.run().join("sandbox-requests.jsonl")).unwrap())
}

fn one(ran: &Ran, kind: &str) -> Value {
    let events = ran.events_of(kind);
    assert_eq!(events.len(), 1, "{kind}: {events:?}");
    events[0].clone()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_crash_loop_in_business_goes_back_to_core_verified() {
    let home = Home::new();
    let ran = home.sandboxed(&["business-directory: crash-loop"]);
    ran.ends(4);
    let failed = one(&ran, "phase-failed");
    assert_eq!((&failed["phase"], &failed["cause"]["kind"]), (&"business".into(), &"services".into()));
    assert_eq!(failed["cause"]["services"][0]["service"], "business-directory");
    let back = one(&ran, "rollback-verified");
    assert_eq!(back["to"], "core");
    assert_eq!(back["services"].as_array().unwrap().len(), 4);
    assert_eq!(one(&ran, "rollback-started")["undo"], "redeploy");
    assert_eq!(one(&ran, "verdict")["exit"], 4);
    assert_eq!(one(&ran, "verdict")["verdict"], "backend runs phase `core`, 4/4 healthy; phase `business` failed and was rolled back");
}

#[test]
fn the_evidence_is_whole_and_on_disk_before_the_rollback_begins() {
    let home = Home::new();
    let ran = home.told(&["business-directory: crash-loop"]);
    ran.ends(4).says("the log of business-directory, the").says("hint: Django migrates when it starts");
    ran.says("Fix business-directory, then run again; it goes on after core");

    let evidence = home.run().join("evidence/01-business");
    let containers: Value = serde_json::from_str(&text(&evidence.join("containers.json"))).unwrap();
    let crashed = containers.as_array().unwrap().iter().find(|one| one["service"] == "business-directory").unwrap();
    assert!(crashed["restarts"].as_u64().unwrap() > 3, "{crashed}");
    let tail = text(&evidence.join("logs/business-directory.log"));
    assert!(tail.lines().count() >= 100, "{} lines", tail.lines().count());
    let samples = super::binary::json_lines(&text(&evidence.join("samples.jsonl")));
    assert!(samples.iter().any(|sample| sample["expectation"].as_str().unwrap().contains(":8004/health")), "{samples:?}");
    let compose = text(&evidence.join("compose.yml"));
    assert!(compose.starts_with("# plan run=") && compose.contains("business-directory:"), "{compose}");
    assert!(text(&evidence.join("cause.txt")).contains("business-directory"));
    assert!(!text(&evidence.join("deploy.log")).is_empty());

    // On disk, says the journal, before anything of the rollback was sent.
    let journal = home.journal();
    let rollback = place(&journal, "rollback-started");
    let kept = place(&journal, "evidence-kept");
    let sent = journal.iter().rposition(|entry| entry["event"]["event"] == "replacing").unwrap();
    assert!(kept < rollback && rollback < sent, "{kept} {rollback} {sent}");

    // Read, says the sandbox, before the rollback's first call that changes anything.
    let log = log(&home);
    let deploys: Vec<usize> =
        log.iter().enumerate().filter(|(_, request)| request.procedure == "compose.deploy").map(|(at, _)| at).collect();
    assert_eq!(deploys.len(), 4, "three phases and the rollback");
    assert!(log[deploys[3]].title.as_ref().unwrap().contains("rollback-to=core"), "{:?}", log[deploys[3]]);
    let update = (deploys[2] + 1..deploys[3]).find(|at| log[*at].changes).unwrap();
    assert_eq!(log[update].procedure, "compose.update");
    let between = &log[deploys[2]..update];
    for procedure in ["docker.getContainersByAppNameMatch", "docker.getConfig", "deployment.readLogs"] {
        assert!(between.iter().any(|request| request.procedure == procedure && request.status == 200), "{procedure}: {between:#?}");
    }
    let kept_at = journal[kept]["at"].as_u64().unwrap();
    let read = between.iter().rfind(|request| request.procedure == "deployment.readLogs").unwrap();
    assert!(read.at_ms <= kept_at && kept_at <= log[update].at_ms, "{read:?} {kept_at} {:?}", log[update]);
}

#[test]
fn a_build_that_fails_is_undone_by_its_text_alone() {
    for (fault, telling) in [
        ("brain-api: build-fails", "Could not find a version that satisfies the requirement fastapi==0.999.0"),
        ("brain-api: image-missing", "docker.io/library/python:3.11-slim: not found"),
    ] {
        let home = Home::new();
        let ran = home.told(&[fault]);
        ran.ends(4).says("core failed brain-api: the deploy ended in error").says(telling);
        ran.says("to foundation: every container is still the one from before, so only its text is put back");
        ran.says("Fix brain-api, then run again; it goes on after foundation");
        assert!(ran.verdict().contains("backend runs phase `foundation`, 1/1 healthy"), "{}", ran.verdict());

        let log = log(&home);
        assert_eq!(count(&log, "compose.deploy"), 2, "foundation and core; none for the rollback");
        // foundation, its mark, core, and the text put back.
        assert_eq!(
            changes(&log),
            ["compose.update", "compose.deploy", "compose.update", "compose.update", "compose.deploy", "compose.update"]
        );
        let journal = home.journal();
        let started = &journal[place(&journal, "rollback-started")]["event"];
        assert_eq!(started["undo"], "text-only");
        assert!(text(&home.run().join("evidence/01-core/deploy.log")).contains(telling));
    }
}

#[test]
fn the_containers_of_before_are_the_same_after_a_failed_build() {
    let home = Home::new();
    let ran = home.sandboxed(&["brain-api: build-fails"]);
    ran.ends(4);
    let rounds = ran.events_of("round");
    let saleor: Vec<&Value> = rounds.iter().filter_map(|round| round["services"].get("saleor-api")).collect();
    assert!(saleor.iter().all(|service| service["restarts"].as_u64().unwrap_or(0) == 0), "{saleor:?}");
    let cause = &one(&ran, "phase-failed")["cause"];
    assert_eq!(
        (&cause["kind"], &cause["services"], &cause["candidates"]),
        (&"deploy".into(), &serde_json::json!(["brain-api"]), &false.into())
    );
    assert_eq!(one(&ran, "rollback-started")["undo"], "text-only");
}

#[test]
fn a_failure_in_the_first_phase_where_nothing_ran_stops_what_was_started() {
    let home = Home::new();
    let ran = home.sandboxed(&["saleor-api: never-healthy"]);
    ran.ends(4);
    assert_eq!(one(&ran, "rollback-started")["undo"], "stop");
    assert_eq!(
        one(&ran, "verdict")["verdict"],
        "backend is stopped, nothing of it was healthy before the run; phase `foundation` failed and was undone"
    );
    let log = log(&home);
    assert_eq!(changes(&log), ["compose.update", "compose.deploy", "compose.update", "compose.stop"]);
    assert_eq!(text(&home.run().join("snapshots/01-baseline.yml")), "");
}

#[test]
fn a_build_that_fails_in_the_first_phase_leaves_nothing_behind() {
    let home = Home::new();
    let ran = home.sandboxed(&["saleor-api: image-missing"]);
    ran.ends(4);
    let log = log(&home);
    assert_eq!(&changes(&log)[..3], ["compose.update", "compose.deploy", "compose.update"]);
    assert_eq!(count(&log, "compose.deploy"), 1);
}

#[test]
fn a_fault_in_the_rollback_too_is_loud_and_says_what_to_do_by_hand() {
    let home = Home::new();
    let ran = home.told(&["business-directory: crash-loop in business", "brain-api: crash-loop in rollback"]);
    ran.ends(5);
    assert!(ran.verdict().contains("backend is degraded"), "{}", ran.verdict());
    assert!(ran.verdict().contains("phase `business` failed and its rollback failed"), "{}", ran.verdict());
    ran.says("To bring it back by hand").says("1. Open Backend/staging/backend in Dokploy.");
    ran.says("Replace its compose text with this file's, and save").says("Press Deploy and wait").says("Running now, as last seen");
    // The file to paste is what was verified, but for the mark.
    let file = ran.stderr.lines().map(str::trim).find(|line| line.ends_with("-core.yml") && !line.contains(' ')).unwrap().to_owned();
    let paste = text(Path::new(&file));
    assert!(paste.starts_with("# plan run=") && paste.contains("auth-service:") && !paste.contains("business-directory:"), "{paste}");
    assert!(paste.contains("verified=yes"), "{paste}");
    let log = log(&home);
    assert_eq!(log.iter().filter(|request| request.title.as_ref().is_some_and(|title| title.contains("rollback-to"))).count(), 1, "once");
    assert_eq!(fs::read_dir(home.run().join("evidence")).unwrap().count(), 2, "of the phase and of the rollback");
}

#[test]
fn a_policy_to_stop_leaves_everything_as_it_is() {
    let home = Home::new();
    let ran =
        home.plan(super::binary::in_sandbox(&super::binary::example(), &["business-directory: crash-loop"], &["--on-failure", "stop"]));
    ran.ends(5);
    assert!(ran.verdict().contains("backend runs phase `business` unverified"), "{}", ran.verdict());
    let log = log(&home);
    assert_eq!(count(&log, "compose.deploy"), 3);
    assert!(home.run().join("evidence/01-business/cause.txt").is_file());
}

/// What a container wrote is shown, and stands in the evidence: harmless, beside a likely cause that quotes it.
#[test]
fn what_a_container_writes_cannot_reach_the_terminal() {
    let log = r#"log: ["\e]0;title\a\e[2Jtxt.exe \u202Egnp\u009B31m\r\nverified", "FATAL: password authentication failed for user \e]0;x\a\"admin\"\u2066"]"#;
    let one = "services:\n  web:\n    image: registry.example/web:1.0\n    ports: [\"18080:80\"]\n    x-sandbox: { build: 100ms, boot: 100ms, LOG }\n";
    for format in ["human", "plain", "json"] {
        let home = Home::new();
        super::small::put(&home);
        home.file("one.yml", &one.replace("LOG", log));
        let ran = home.plan(super::binary::in_sandbox("rollout.plan", &["web: crash-loop"], &["--format", format, "--color", "never"]));
        assert_eq!(ran.code, 4, "{ran:?}");
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!(all.contains("database-authentication") && (all.contains("what helps") || format == "json"), "{format}: {all}");
        assert!(all.contains("txt.exe") || format == "json", "{format}: the lines themselves are shown: {all}");
        let harmful = |character: &char| {
            (character.is_control() && *character != '\n')
                || ('\u{202a}'..='\u{202e}').contains(character)
                || ('\u{2066}'..='\u{2069}').contains(character)
        };
        assert_eq!(all.chars().find(harmful), None, "{format}: {all:?}");
        assert!(all.lines().all(|line| !line.starts_with("verified")), "{format}: a line of its own: {all}");
        assert!(text(&home.run().join("evidence/01-one/cause.txt")).contains("[database-authentication]"));
        assert!(!text(&home.run().join("journal.jsonl")).contains("authentication failed"), "nothing of a container's log is recorded");
    }
}
