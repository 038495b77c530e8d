//! What Dokploy is asked to prove: jobs, containers, logs, the server, percentiles. Whole runs over a world in memory, on virtual time.

use crate::support::in_memory::{InMemory, InMind, on_virtual_time, schedule_of};
use rollout_plan::drive::Driven;
use rollout_plan::engine::{Event, Options, Reason};
use rollout_plan::world::{Config, Fault, OtherContainer, World};

/// A plan of one service and whatever is added to it.
struct Trial {
    /// In the service's block.
    service: &'static str,
    /// Outside all blocks.
    more: &'static str,
    /// In the phases.
    phase: &'static str,
    /// Beside the service in the first compose file, and in the second.
    compose: &'static str,
    /// Lines that the service writes at each start.
    log: &'static str,
    config: Config,
    faults: &'static [&'static str],
}

impl Default for Trial {
    fn default() -> Self {
        let (service, more, phase, compose, log) = ("", "", "", "", "");
        Self { service, more, phase, compose, log, config: Config::default(), faults: &[] }
    }
}

/// How it went.
struct Went {
    reason: Reason,
    verdict: String,
    record: InMind,
}

impl Trial {
    fn run(self) -> Went {
        let phase = |name: &str, after: &str, file: &str| {
            format!(
                "phase {name} {after} {{\n  {}\n  deploy backend from \"{file}\" within 1m\n  settle within 40s\n  soak 3s\n}}\n",
                self.phase
            )
        };
        let plan = format!(
            "rollout small\ndokploy {{\n  url env(\"DOKPLOY_URL\")\n  api-key secret(\"DOKPLOY_API_KEY\")\n}}\napp backend {{\n  project \
             \"Backend\"\n  environment \"staging\"\n  compose \"backend\"\n}}\nsampling {{\n  every 1s\n  timeout 500ms\n}}\nservice web \
             {{\n  expect http \"http://127.0.0.1:8080/health\"\n  {}\n}}\nservice worker {{\n  expect http \
             \"http://127.0.0.1:8081/health\"\n}}\n{}\n{}{}",
            self.service,
            self.more,
            phase("one", "", "one.yml"),
            phase("two", "after one", "two.yml"),
        );
        let service = |name: &str, port: u16, log: &str| {
            format!(
                "  {name}:\n    image: registry.example/{name}:v1\n    restart: unless-stopped\n    ports: [\"{port}:80\"]\n    x-sandbox: {{ \
                 build: 2s, boot: 500ms, log: [{log}] }}\n"
            )
        };
        let one = format!("services:\n{}{}", service("web", 8080, self.log), self.compose);
        let two = format!("{one}{}", service("worker", 8081, ""));
        let schedule = schedule_of(&[("rollout.plan", &plan), ("one.yml", &one), ("two.yml", &two)]);
        let faults = self.faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect();
        let config = Config { faults, ..self.config };
        on_virtual_time(async move {
            let mut record = InMind::default();
            let world = InMemory::new(World::new(config));
            let driven = world.run(&schedule, Options { run: "r1".to_owned(), ..Options::default() }, &mut record).await;
            let Driven::Ended(ending, None) = driven else { panic!("nobody interrupts it") };
            Went { reason: ending.reason, verdict: ending.verdict, record }
        })
    }
}

impl Went {
    fn completed(&self) {
        assert_eq!(self.reason, Reason::Completed, "{}\n{}", self.verdict, self.told());
    }

    /// The first phase failed, and this was said of it.
    fn failed(&self, phase: &str, why: &str) {
        assert_eq!(self.reason, Reason::PhaseFailed { phase: phase.to_owned() }, "{}\n{}", self.verdict, self.told());
        assert!(self.told().contains(why), "`{why}` is not in:\n{}", self.told());
    }

    fn gate(&self, why: &str) {
        assert!(matches!(&self.reason, Reason::GateNotHeld { what } if what.contains(why)), "{:?}", self.reason);
    }

    /// Causes of failures.
    fn told(&self) -> String {
        let failed = self.record.events.iter().filter_map(|(_, event)| match event {
            Event::PhaseFailed { cause, .. } | Event::RollbackFailed { cause, .. } | Event::GateNotHeld { cause, .. } => {
                Some(format!("{cause:?}\n"))
            }
            _ => None,
        });
        failed.collect()
    }

    fn at(&self, wanted: impl Fn(&Event) -> bool) -> u64 {
        let found = self.record.events.iter().find(|(_, event)| wanted(event));
        found.map(|(at, _)| u64::try_from(at.0.as_millis()).unwrap()).expect("it is in the record")
    }
}

fn with_container(name: &str) -> Config {
    let other = OtherContainer {
        name: name.to_owned(),
        image: "temporalio/server:1.24".to_owned(),
        ports: Vec::new(),
        running: true,
        has_healthcheck: true,
        external: Some("temporal".to_owned()),
    };
    Config { containers: vec![other], ..Config::default() }
}

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
