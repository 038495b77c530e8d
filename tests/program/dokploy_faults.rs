//! Dokploy itself fails: an honest verdict, and no service is blamed for it.

use super::binary::{Home, Ran};

fn ended(fault: &str, code: i32) -> (Ran, Vec<String>) {
    let home = Home::new();
    let ran = home.told(&[fault]);
    ran.ends(code);
    let log = std::fs::read_to_string(home.run().join("sandbox-requests.jsonl")).unwrap();
    let log = super::requests::read(&log);
    (ran, super::requests::changes(&log).into_iter().map(str::to_owned).collect())
}

#[test]
fn a_restart_in_the_middle_of_a_deploy_is_nobodys_fault() {
    let (ran, _) = ended("dokploy: restarts in core", 4);
    ran.says("core failed the deploy was cancelled by a restart of Dokploy");
    ran.says("Dokploy restarted: wait until it is settled, then run again; it goes on after foundation");
    ran.does_not_say("Fix the build").does_not_say("It is one of").does_not_say("hint");
    assert!(ran.verdict().contains("backend runs phase `foundation`, 1/1 healthy"), "{}", ran.verdict());
}

#[test]
fn a_docker_that_is_away_is_nobodys_fault() {
    let (ran, _) = ended("dokploy: docker-down in core", 4);
    ran.says("core failed the deploy ended in error").says("Cannot connect to the Docker daemon");
    ran.says("Mend the server: the deploy log says what it lacks, then run again");
    ran.does_not_say("Fix the").does_not_say("It is one of").does_not_say("hint");
}

#[test]
fn a_docker_that_is_away_from_the_start_is_not_taken_for_an_empty_host() {
    let (ran, changes) = ended("dokploy: docker-down", 9);
    assert_eq!(changes, [""; 0]);
    assert!(ran.verdict().contains("backend was not touched"), "{}", ran.verdict());
}

#[test]
fn a_lost_job_is_told_from_a_waiting_one() {
    let (ran, changes) = ended("dokploy: job-lost in core", 4);
    ran.says("Dokploy accepted the deploy and never started it").says("Dokploy lost the deploy");
    assert_eq!(changes.iter().filter(|change| *change == "compose.deploy").count(), 2, "asked for once each, never again");
}

#[test]
fn a_busy_queue_is_waited_for() {
    let (ran, _) = ended("dokploy: queue-busy 2m in core", 0);
    ran.says("behind 1 job; Dokploy works on \"Manual deployment\"").says("waits for Dokploy's queue");
    assert!(ran.verdict().contains("10/10 healthy"), "{}", ran.verdict());
}

#[test]
fn a_queue_that_is_busy_for_too_long_gives_the_job_up() {
    let (ran, changes) = ended("dokploy: queue-busy 20m in core", 4);
    ran.says("the deploy waited too long in Dokploy's queue; it was taken out again");
    ran.says("Wait until Dokploy's queue is free, then run again; it goes on after foundation");
    assert!(changes.contains(&"compose.cleanQueues".to_owned()) || changes.iter().any(|change| change.contains("lean")), "{changes:?}");
}

#[test]
fn a_database_that_is_away_is_told_from_a_wrong_key() {
    let (ran, changes) = ended("dokploy: database-down", 9);
    assert_eq!(changes, [""; 0]);
    ran.says("database");
}

#[test]
fn an_external_that_is_down_holds_the_gate() {
    let (ran, changes) = ended("external redis: down", 3);
    assert_eq!(changes, [""; 0]);
    assert!(ran.verdict().contains("backend was not touched"), "{}", ran.verdict());
    ran.says("redis");
}

#[test]
fn a_gate_that_is_refused_stops_the_run_there() {
    let (ran, changes) = ended("gate go-ahead: refused", 6);
    ran.says("it answers gate `go-ahead` itself, as the fault says").does_not_say("it approves every gate itself");
    ran.does_not_say("never had anything to break");
    assert!(ran.verdict().contains("backend runs phase `business`"), "{}", ran.verdict());
    assert!(changes.iter().filter(|change| *change == "compose.deploy").count() >= 3, "{changes:?}");
}

#[test]
fn silence_that_ends_in_time_is_a_late_yes() {
    let (ran, _) = ended("gate go-ahead: silent for 20m", 0);
    assert!(ran.verdict().contains("10/10 healthy"), "{}", ran.verdict());
}

#[test]
fn a_gate_is_not_answered_by_the_command_line_and_a_fault() {
    let home = Home::new();
    let run = super::binary::in_sandbox(&super::binary::example(), &["gate go-ahead: silent"], &["--approve", "go-ahead=ada"]);
    home.plan(run).ends(2).says("gate `go-ahead` is answered twice: by --approve and by --fault");
}

#[test]
fn an_answer_that_is_lost_is_no_second_deploy() {
    let (ran, changes) = ended("dokploy: answer-lost in core", 0);
    assert!(ran.verdict().contains("10/10 healthy"), "{}", ran.verdict());
    assert_eq!(changes.iter().filter(|change| *change == "compose.deploy").count(), 4, "one for each phase: {changes:?}");
}
