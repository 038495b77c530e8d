//! What Dokploy is asked to prove: jobs, containers, logs, the server, percentiles. Whole runs over a world in memory, on virtual time.

use crate::support::trial::{Trial, with_container};
use rollout_plan::engine::{Event, Reason};
use rollout_plan::world::Config;

const JOB: &str = "  migrate:\n    image: registry.example/migrate:v1\n    x-sandbox: { build: 1s, boot: 4s }\n";

fn job(more: &'static str) -> Trial {
    Trial { more, compose: JOB, config: Config { ending: vec!["migrate".to_owned()], ..Config::default() }, ..Trial::default() }
}

#[test]
fn a_job_is_well_once_it_has_ended_with_0_and_runs_again_at_each_deploy() {
    let went = job("job migrate { within 10s }").run();
    went.completed();
    let verified = went.record.events.iter().filter_map(|(_, event)| match event {
        Event::PhaseVerified { services, .. } => Some(services.contains("migrate")),
        _ => None,
    });
    assert_eq!(verified.collect::<Vec<_>>(), [true, true]);
}

#[test]
fn a_job_s_container_is_asked_for_what_has_ended() {
    job("job migrate { expect container }").run().completed();
    job("job migrate { expect container { image == \"registry.example/migrate:v1\" } }").run().completed();
    job("job migrate { expect container { image == \"registry.example/migrate:v2\" } }")
        .run()
        .failed("one", "its image is registry.example");
    job("job migrate { expect logs { some matches /done/ } }").run().completed();
}

#[test]
fn what_ends_is_no_service() {
    job("service migrate").run().failed("one", "exited with 0 and is not started again");
}

#[test]
fn a_job_that_fails_or_takes_too_long_fails_its_phase() {
    let crashed = Trial { faults: &["migrate: exits"], ..job("job migrate") };
    crashed.run().failed("one", "its container exited with 1 and is not started again");
    let slow = Trial { faults: &["migrate: slow-start 30s"], ..job("job migrate { within 10s }") };
    slow.run().failed("one", "it is still at work, longer than 10s");
    let patient = Trial { faults: &["migrate: slow-start 30s"], ..job("job migrate") };
    patient.run().completed();
}

#[test]
fn a_line_that_must_not_be_there_fails_the_phase_that_brought_it() {
    let log = "\"CRITICAL: no heartbeat from 10.0.0.7\"";
    let service = "expect logs { none matches /CRITICAL|Traceback/ }";
    Trial { service, log, ..Trial::default() }.run().failed("one", "a line matches /CRITICAL|Traceback/: CRITICAL: no heartbeat");
    Trial { service, ..Trial::default() }.run().completed();
    let service = "expect logs {\n none matches /CRITICAL/\n ignore matches /no heartbeat/\n }";
    Trial { service, log, ..Trial::default() }.run().completed();
}

#[test]
fn a_line_that_must_be_there_is_waited_for() {
    let found = Trial { service: "expect logs { some matches /Application startup complete/ }", ..Trial::default() };
    found.run().completed();
    let missing = Trial { service: "expect logs { some matches /listening on 9000/ }", ..Trial::default() };
    missing.run().failed("one", "no line matches /listening on 9000/ yet");
}

#[test]
fn what_an_old_dokploy_cannot_show_is_told_before_anything_is_changed() {
    let config = Config { version: "v0.28.8".to_owned(), ..Config::default() };
    let went = Trial { service: "expect logs { none matches /CRITICAL/ }", config, ..Trial::default() }.run();
    let told = matches!(&went.reason, Reason::CouldNotAsk { why } if why.contains("v0.29.0 and later do"));
    assert!(told && went.record.snapshots.is_empty(), "told before anything is touched: {:?}", went.reason);
}

#[test]
fn a_container_must_be_as_it_is_said() {
    let service = "expect container {\n running\n restarts == 0\n image == \"registry.example/web:v1\"\n }";
    Trial { service, ..Trial::default() }.run().completed();
    let service = "expect container { image matches /:v2$/ }";
    Trial { service, ..Trial::default() }.run().failed("one", "its image is registry.example/web:v1");
    let service = "expect container { healthy }";
    Trial { service, ..Trial::default() }.run().failed("one", "it has no healthcheck");
}

#[test]
fn a_container_of_somebody_else_is_asked_for_by_its_name() {
    let more = "external temporal { expect container \"temporal-server\" {\n running\n healthy\n } }\ngate infrastructure { expect external \
                temporal }";
    let trial = || Trial { more, phase: "require infrastructure", config: with_container("temporal-server"), ..Trial::default() };
    trial().run().completed();
    Trial { faults: &["external temporal: down"], ..trial() }.run().gate("it exited with 0");
    Trial { config: with_container("another"), ..trial() }.run().gate("there is no container `temporal-server` on the server");
    // An empty list is no answer: nothing is said to be missing.
    let went = Trial { faults: &["dokploy: docker-down"], ..trial() }.run();
    assert!(matches!(went.reason, Reason::CouldNotAsk { .. }), "{:?}", went.reason);
}

#[test]
fn the_server_must_have_room() {
    let more = "gate room { expect server {\n disk free > 10GiB\n memory free > 10%\n } }";
    let trial = || Trial { more, phase: "require room", ..Trial::default() };
    trial().run().completed();
    Trial { faults: &["dokploy: disk-full"], ..trial() }.run().gate("disk: 0 B of 100.0 GiB are free");
    let went = Trial { config: Config { version: "v0.29.9".to_owned(), ..Config::default() }, ..trial() }.run();
    assert!(matches!(&went.reason, Reason::CouldNotAsk { why } if why.contains("v0.30.0 and later")), "{:?}", went.reason);
}

#[test]
fn a_percentile_is_met_with_all_its_samples_and_not_before() {
    let service = "expect tcp \"127.0.0.1:8080\"\n expect http \"http://127.0.0.1:8080/p\" { time p95 < 400ms over 20s }";
    let went = Trial { service, ..Trial::default() }.run();
    went.completed();
    let started = went.at(|event| matches!(event, Event::Deploying { .. }));
    let settled = went.at(|event| matches!(event, Event::Settled { .. }));
    assert!(settled - started >= 20_000, "twenty samples a second apart take longer than {} ms", settled - started);
}
