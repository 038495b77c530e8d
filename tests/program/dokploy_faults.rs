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
