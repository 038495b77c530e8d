//! The seed's rollout as a schedule, and a way to write down what happens to it.

use rollout_plan::engine::{
    Approver, Cause, Container, ContainerId, ContainerState, DeployPurpose, DeploymentId, Ending, Event, Evidence, FailedService, Log,
    Moment, Observed, OpId, Origin, Position, Reading, RoundService, RowStatus, Sample, ServiceState, Survey, Target, Undo, Verdict,
};
use rollout_plan::model::{App, Approval, HttpAssertion, Limits, OnFailure, OrElse, Probe, Sampling, Severity, Text};
use rollout_plan::schedule::{Expectation, ExpectationId, Gate, GateId, Phase, PhaseId, Schedule, Service, Subject};
use rollout_plan::source::{SourceMap, Span, Spanned};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub const SERVICES: [(&str, u16, usize); 10] = [
    ("saleor-api", 8000, 0),
    ("brain-api", 8001, 1),
    ("auth-service", 8006, 1),
    ("wagtail-cms", 8002, 1),
    ("django-crm", 8003, 2),
    ("business-directory", 8004, 2),
    ("temporal-integration", 8007, 2),
    ("ai-agents", 8008, 3),
    ("amazon-sourcing", 8009, 3),
    ("coreldove-backend", 8005, 3),
];

const PHASES: [(&str, u64, u64, u64); 4] =
    [("foundation", 3, 120, 30), ("core", 10, 180, 60), ("business", 8, 120, 25), ("complete", 8, 120, 25)];

pub const FOUNDATION: PhaseId = PhaseId(0);
pub const CORE: PhaseId = PhaseId(1);
pub const BUSINESS: PhaseId = PhaseId(2);
pub const COMPLETE: PhaseId = PhaseId(3);
pub const INFRASTRUCTURE: GateId = GateId(0);
pub const GO_AHEAD: GateId = GateId(1);

/// The seed's rollout.
pub fn schedule() -> Schedule {
    let file = SourceMap::default().add("rollout.plan", "");
    let span = Span::new(file, 0..0);
    let text = |text: &str| Spanned::new(Text::literal(text), span);
    let http = |port: u16| Probe::Http {
        url: text(&format!("http://127.0.0.1:{port}/health")),
        options: Box::default(),
        assertions: vec![Spanned::new(HttpAssertion::Status(vec![(200, 200)]), span)],
    };
    let mut expectations = Vec::new();
    let mut services = BTreeMap::new();
    for (name, port, phase) in SERVICES {
        let hint = (name == "business-directory").then(|| "the directory needs bizosaas_staging: check DATABASE_URL".to_owned());
        services.insert(
            name.to_owned(),
            Service { expectations: vec![ExpectationId(expectations.len())], hint, ..Service::unasked(PhaseId(phase)) },
        );
        let subject = Subject::Service(name.to_owned());
        expectations.push(Expectation {
            severity: Severity::Decides,
            probe: http(port),
            percentiles: Vec::new(),
            subject,
            text: format!("http http://{{host}}:{port}/health status == 200"),
        });
    }
    let mut infrastructure = Vec::new();
    for (name, port) in [("postgres", 5433), ("redis", 6380)] {
        infrastructure.push(ExpectationId(expectations.len()));
        let probe = Probe::Tcp { address: text(&format!("127.0.0.1:{port}")), banner: Vec::new() };
        expectations.push(Expectation {
            severity: Severity::Decides,
            probe,
            percentiles: Vec::new(),
            subject: Subject::External(name.to_owned()),
            text: format!("tcp {{host}}:{port}"),
        });
    }
    let approval =
        Approval { question: "Bring up the AI services?".to_owned(), within: Duration::from_secs(1800), otherwise: OrElse::Stop, span };
    let gates = vec![
        Gate { name: "infrastructure".to_owned(), expectations: infrastructure, asides: Vec::new(), approval: None },
        Gate { name: "go-ahead".to_owned(), expectations: Vec::new(), asides: Vec::new(), approval: Some(approval) },
    ];
    let phases = PHASES
        .iter()
        .enumerate()
        .map(|(at, (name, within, settle, soak))| {
            let of = |wanted: &dyn Fn(usize) -> bool| -> BTreeSet<String> {
                SERVICES.iter().filter(|(_, _, phase)| wanted(*phase)).map(|(name, _, _)| (*name).to_owned()).collect()
            };
            Phase {
                name: (*name).to_owned(),
                note: None,
                gates: match at {
                    0 => vec![INFRASTRUCTURE],
                    3 => vec![GO_AHEAD],
                    _ => Vec::new(),
                },
                path: format!("phase{}.yml", at + 1),
                text: "services: {} # the compose text that no output may hold\n".to_owned(),
                digest: format!("sha256:{at}"),
                pins: Vec::new(),
                services: of(&|phase| phase <= at),
                adds: of(&|phase| phase == at),
                removes: BTreeSet::new(),
                ports: BTreeMap::new(),
                images: BTreeMap::new(),
                container_names: BTreeMap::new(),
                within: Duration::from_secs(within * 60),
                settle: Duration::from_secs(*settle),
                soak: Duration::from_secs(*soak),
                on_failure: OnFailure::Rollback,
            }
        })
        .collect();
    Schedule {
        externals: BTreeMap::new(),
        rollout: "bizosaas-backend-staging".to_owned(),
        app: App {
            name: Spanned::new("backend".to_owned(), span),
            project: text("Backend"),
            environment: text("staging"),
            compose: text("backend"),
        },
        sampling: Sampling::default(),
        limits: Limits::default(),
        services,
        expectations,
        gates,
        phases,
        watch: None,
        told: Vec::new(),
    }
}

/// What happens, and when.
#[derive(Default)]
pub struct Script {
    pub events: Vec<(Moment, Event)>,
    now: u64,
    op: u64,
    /// Seconds at which a picture of the live view is taken.
    pub pictures: Vec<u64>,
    pub ending: Option<(Ending, u8)>,
}

/// A service that is not well: container state, reading, what was seen.
pub type Ill<'a> = (&'a str, ServiceState, Reading, &'a str);

impl Script {
    /// Lets seconds pass.
    pub fn wait(&mut self, seconds: u64) -> &mut Self {
        self.now += seconds;
        self
    }

    /// Takes a picture of the live view now.
    pub fn picture(&mut self) -> &mut Self {
        self.pictures.push(self.now);
        self
    }

    pub fn push(&mut self, event: Event) -> &mut Self {
        self.events.push((Moment::millis(self.now * 1000), event));
        self
    }

    fn until(&self, seconds: u64) -> Moment {
        Moment::millis((self.now + seconds) * 1000)
    }

    fn op(&mut self) -> OpId {
        self.op += 1;
        OpId(self.op)
    }

    /// From the start to the user's yes.
    pub fn start(&mut self, live: Position, after: Option<PhaseId>) -> &mut Self {
        let survey = Survey {
            version: "v0.30.2".to_owned(),
            compose_id: "c0mp0se".to_owned(),
            app_name: "backend-a1b2c3".to_owned(),
            containers: Observed::Unknown("no container of the app is there".to_owned()),
            ..Survey::default()
        };
        let files = PHASES.iter().enumerate().map(|(at, _)| (format!("phase{}.yml", at + 1), format!("sha256:{at}"))).collect();
        let to_run = (after.map_or(0, |after| after.0 + 1)..4).map(PhaseId).collect();
        self.push(Event::RunStarted {
            run: "20261123-1630-7f3a".to_owned(),
            rollout: "bizosaas-backend-staging".to_owned(),
            app: "Backend/staging/backend".to_owned(),
            files,
            origin: Origin::default(),
            outline: None,
            options: Box::default(),
        });
        self.wait(1).push(Event::Surveyed { survey, live });
        self.push(Event::SnapshotKept {
            name: "baseline".to_owned(),
            path: "/var/lib/plan/runs/20261123-1630-7f3a/baseline.yml".to_owned(),
            digest: String::new(),
        });
        self.push(Event::StartFound { after, to_run, earns: false });
        self.picture().wait(4).push(Event::Agreed);
        self.push(Event::SnapshotKept {
            name: "baseline".to_owned(),
            path: "/var/lib/plan/runs/20261123-1630-7f3a/baseline.yml".to_owned(),
            digest: String::new(),
        });
        let healthy = after.map_or(0, |after| SERVICES.iter().filter(|(_, _, added)| *added <= after.0).count());
        let healthy = SERVICES.iter().take(healthy).map(|(name, ..)| (*name).to_owned()).collect();
        self.push(Event::BaselineTaken { healthy, not_healthy: BTreeSet::new() })
    }

    /// A gate whose expectations hold.
    pub fn gate(&mut self, gate: GateId, phase: PhaseId) -> &mut Self {
        self.push(Event::GateAsked { gate, phase }).wait(1).push(Event::GateHeld { gate })
    }

    /// From the start of a deploy to its end.
    pub fn deploy(&mut self, purpose: &DeployPurpose, seconds: u64, within: u64, status: RowStatus) -> &mut Self {
        let (replace, deploy) = (self.op(), self.op());
        self.push(Event::Replacing { op: replace, purpose: purpose.clone(), digest: "sha256:0".to_owned() });
        self.wait(1).push(Event::Replaced { purpose: purpose.clone() });
        self.push(Event::Deploying { op: deploy, purpose: purpose.clone(), marker: "plan 20261123-1630-7f3a #1".to_owned(), before: None });
        self.wait(1).push(Event::Queued {
            purpose: purpose.clone(),
            ahead: 1,
            active: Some("shop: nightly rebuild".to_owned()),
            whose: None,
            since: None,
        });
        self.picture().wait(6);
        let (deployment, until) = (DeploymentId(format!("d{}", self.op)), self.until(within));
        self.push(Event::DeployStarted { purpose: purpose.clone(), deployment, until });
        self.wait(seconds / 2).picture().wait(seconds - seconds / 2);
        self.push(Event::DeployEnded { purpose: purpose.clone(), status, error: None })
    }

    /// Rounds of samples, one every five seconds. `passes` is the streak before the first of them.
    pub fn rounds(&mut self, phase: PhaseId, rounds: u32, passes: u32, ill: &[Ill<'_>]) -> &mut Self {
        for round in 1..=rounds {
            self.wait(5);
            let at = Moment::millis(self.now * 1000);
            let mut services = BTreeMap::new();
            for (index, (name, port, _)) in SERVICES.iter().enumerate().filter(|(_, (_, _, added))| *added <= phase.0) {
                let found = ill.iter().find(|(ill, ..)| ill == name);
                let streak = if found.is_some() { 0 } else { passes + round };
                let (state, reading, actual) = match found {
                    Some((_, state, reading, actual)) => (state.clone(), *reading, Some((*actual).to_owned())),
                    None => (ServiceState::Running { restarts: 0 }, Reading::Pass, None),
                };
                let sample = Sample {
                    reading,
                    expected: "status == 200".to_owned(),
                    actual: actual.clone().unwrap_or_else(|| "status 200".to_owned()),
                    at,
                    took_ms: u64::from(port % 90) + 4,
                };
                let verdict = if streak >= 2 { Verdict::Met } else { Verdict::Holding };
                let samples = BTreeMap::from([(index, sample)]);
                let service = RoundService { state, health: None, verdict, reading, passes: streak, actual, samples };
                services.insert((*name).to_owned(), service);
            }
            self.push(Event::Round { services, others: BTreeMap::new(), asides: BTreeMap::new() });
        }
        self
    }

    /// A phase from its start to verified, with the deploy's seconds.
    pub fn verified(&mut self, phase: PhaseId, seconds: u64) -> &mut Self {
        let purpose = DeployPurpose::Phase(phase);
        let (name, within, _, soak) = PHASES[phase.0];
        let count = SERVICES.iter().filter(|(_, _, added)| *added <= phase.0).count() as u64;
        self.push(Event::PhaseStarted { phase });
        self.deploy(&purpose, seconds, within * 60, RowStatus::Done);
        let slow: Vec<Ill<'_>> = SERVICES
            .iter()
            .filter(|(_, _, added)| *added == phase.0)
            .take(1)
            .map(|(name, ..)| (*name, ServiceState::Running { restarts: 0 }, Reading::Fail, "connection refused"))
            .collect();
        self.rounds(phase, 2, 0, &slow).picture().rounds(phase, 2, 2, &[]);
        let until = self.until(soak);
        self.push(Event::Settled { purpose, until });
        let rounds = u32::try_from(soak / 5).expect("a soak is short");
        self.rounds(phase, rounds / 2, 4, &[]).picture().rounds(phase, rounds - rounds / 2, 4 + rounds / 2, &[]);
        let services = SERVICES.iter().filter(|(_, _, added)| *added <= phase.0).map(|(name, ..)| (*name).to_owned()).collect();
        let samples = count * (u64::from(rounds) + 4);
        self.push(Event::PhaseVerified { phase, services, samples, images: BTreeMap::new(), asserted_only: false });
        let (purpose, op) = (DeployPurpose::Mark(phase), self.op());
        self.push(Event::Replacing { op, purpose: purpose.clone(), digest: "sha256:1".to_owned() });
        self.push(Event::SnapshotKept {
            name: name.to_owned(),
            path: format!("/var/lib/plan/runs/20261123-1630-7f3a/{name}.yml"),
            digest: String::new(),
        });
        self.wait(1).push(Event::Replaced { purpose })
    }

    /// Evidence in the store.
    pub fn evidence(&mut self, phase: &str, logs: BTreeMap<String, Log>, deploy_log: Log) -> &mut Self {
        let container = Container {
            id: ContainerId("0123456789ab".to_owned()),
            name: "backend-a1b2c3-business-directory-1".to_owned(),
            service: "business-directory".to_owned(),
            state: ContainerState::Restarting,
            restarts: 4,
            started_at: "2026-11-23T16:40:00Z".to_owned(),
            health: None,
            oom_killed: false,
            restarts_itself: true,
            image: "business-directory".to_owned(),
            image_id: "sha256:77".to_owned(),
        };
        let evidence = Evidence {
            phase: phase.to_owned(),
            cause: vec!["business-directory failed".to_owned()],
            text: "services: {} # the compose text that no output may hold\n".to_owned(),
            containers: vec![container],
            deploy_log,
            logs,
            samples: BTreeMap::new(),
        };
        let path = format!("/var/lib/plan/runs/20261123-1630-7f3a/evidence/{phase}");
        self.wait(2).push(Event::EvidenceKept { path, evidence: Some(Box::new(evidence)) })
    }

    /// The end.
    pub fn end(&mut self, ending: Ending, code: u8) -> &mut Self {
        self.push(Event::RunEnded { ending: ending.clone() });
        self.ending = Some((ending, code));
        self
    }
}

/// A service that kept restarting.
pub fn crash_loop(service: &str, hint: Option<&str>) -> FailedService {
    FailedService {
        service: service.to_owned(),
        what: "the container keeps restarting".to_owned(),
        expected: "at most 3 restarts since the deploy".to_owned(),
        actual: "4 restarts, last exit code 1".to_owned(),
        counts: (0, 5, 0),
        hint: hint.map(str::to_owned),
    }
}

/// The tail of a Python service that cannot reach its database, with what a hostile log would try.
pub fn crashing_log(lines: usize) -> Log {
    let mut tail: Vec<String> = (1..=lines).map(|line| format!("2026-11-23T16:40:{:02}Z booting worker {line}", line % 60)).collect();
    tail.extend(
        [
            "\u{1b}[31mTraceback (most recent call last):\u{1b}[0m",
            "  File \"/app/manage.py\", line 22, in <module>",
            "\tmain()",
            "django.db.utils.OperationalError: connection to server at \"db.example\", port 5433 failed: FATAL: password authentication failed for user \"admin\"",
            "\u{1b}]0;owned\u{7}\u{1b}[2Jnothing to see \u{202e}ereh",
        ]
        .map(str::to_owned),
    );
    Log { lines: tail, missing: None, is_cut: false }
}

/// A person.
pub fn person(name: &str) -> Approver {
    Approver(name.to_owned())
}

/// Back to `core`, without a deploy.
pub fn rollback_started(target: Target, undo: Undo) -> Event {
    Event::RollbackStarted { target, undo }
}

/// The deploy log's verdict.
pub fn build_failed() -> Cause {
    Cause::Deploy {
        status: RowStatus::Error,
        error: None,
        services: BTreeSet::from(["business-directory".to_owned()]),
        candidates: false,
        lines: vec![
            "#14 [business-directory 4/6] RUN pip install -r requirements.txt".to_owned(),
            "#14 8.214 ERROR: Could not find a version that satisfies the requirement django-cms==99.0".to_owned(),
            "target business-directory: failed to solve: process \"/bin/sh -c pip install -r requirements.txt\" did not complete successfully: exit code: 1".to_owned(),
        ],
    }
}
