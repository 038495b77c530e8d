//! A plan of four growing phases, as the engine sees it, without a language in between.

use rollout_plan::model::{App, Approval, Limits, OnFailure, OrElse, Probe, Sampling, Severity, Text};
use rollout_plan::schedule::{Expectation, ExpectationId, Gate, GateId, Phase, PhaseId, Schedule, Service, Subject, digest};
use rollout_plan::source::{SourceMap, Span, Spanned};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Services of each phase: 1, 2, 3 and 4 of them.
pub const SERVICES: [&str; 4] = ["api", "brain", "crm", "agents"];
pub const PHASES: [&str; 4] = ["foundation", "core", "business", "complete"];

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The schedule: every service has one expectation; phase 1 requires gate `infrastructure`, which expects an external.
pub fn schedule() -> Schedule {
    let span = Span::new(SourceMap::default().add("rollout.plan", ""), 0..0);
    let text = |text: &str| Spanned::new(Text::literal(text), span);
    let tcp = |address: &str| Probe::Tcp { address: text(address), banner: Vec::new() };
    let mut expectations: Vec<Expectation> = SERVICES
        .iter()
        .map(|name| Expectation {
            severity: Severity::Decides,
            probe: tcp(name),
            percentiles: Vec::new(),
            subject: Subject::Service((*name).to_owned()),
            text: format!("tcp {name}:80"),
        })
        .collect();
    expectations.push(Expectation {
        severity: Severity::Decides,
        probe: tcp("redis"),
        percentiles: Vec::new(),
        subject: Subject::External("redis".to_owned()),
        text: "tcp redis:6379".to_owned(),
    });

    let services = SERVICES.iter().enumerate().map(|(at, name)| {
        let service =
            Service { expectations: vec![ExpectationId(at)], hint: Some(format!("look at {name}")), ..Service::unasked(PhaseId(at)) };
        ((*name).to_owned(), service)
    });
    let phases = PHASES.iter().enumerate().map(|(at, name)| {
        let names: BTreeSet<String> = SERVICES[..=at].iter().map(|name| (*name).to_owned()).collect();
        let file = names.iter().fold("services:\n".to_owned(), |file, name| file + "  " + name + ": {image: " + name + "}\n");
        Phase {
            name: (*name).to_owned(),
            note: None,
            gates: if at == 0 { vec![GateId(0)] } else { vec![] },
            path: format!("phase{}.yml", at + 1),
            digest: digest(&file),
            text: file,
            pins: vec![],
            adds: [SERVICES[at].to_owned()].into(),
            removes: BTreeSet::new(),
            ports: BTreeMap::new(),
            images: names.iter().map(|name| (name.clone(), name.clone())).collect(),
            container_names: BTreeMap::new(),
            services: names,
            within: seconds(120),
            settle: seconds(60),
            soak: seconds(30),
            on_failure: OnFailure::Rollback,
        }
    });
    Schedule {
        externals: BTreeMap::new(),
        rollout: "staging".to_owned(),
        app: App {
            name: Spanned::new("backend".to_owned(), span),
            project: text("Backend"),
            environment: text("staging"),
            compose: text("backend"),
        },
        sampling: Sampling::default(),
        limits: Limits::default(),
        services: services.collect(),
        phases: phases.collect(),
        expectations,
        watch: None,
        told: Vec::new(),
        gates: vec![Gate { name: "infrastructure".to_owned(), expectations: vec![ExpectationId(4)], asides: vec![], approval: None }],
    }
}

/// Lets phase `complete` require a person's yes.
pub fn with_approval(mut schedule: Schedule) -> Schedule {
    let span = schedule.app.name.span;
    let approval = Approval { question: "Bring up the agents?".to_owned(), within: seconds(1800), otherwise: OrElse::Stop, span };
    schedule.gates.push(Gate { name: "go-ahead".to_owned(), expectations: vec![], asides: vec![], approval: Some(approval) });
    schedule.phases[3].gates.push(GateId(1));
    schedule
}
