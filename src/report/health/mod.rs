//! What `plan health` found, for people and for programs. The first line is the verdict; whoever reads on finds what was asked, what came
//! back, and where to look first.

mod junit;
mod table;

use super::safe;
use super::words::{count, duration, list, millis};
use crate::engine::{Asked, CommonCause, ExitCode, Finding, Reading, Sample, ServiceState, Verdict, health_code};
use crate::report::exit;
use crate::schedule::{ServiceName, Subject};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

pub use junit::junit;
pub use table::{human, so_far};

/// The version of the object that `--format json` gives.
const VERSION: u32 = 1;

/// What came of the command.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// A run is at work: nothing was asked.
    Skipped {
        /// The app.
        app: &'a str,
        /// Who is at work, in words.
        why: &'a str,
    },
    /// What is delivered was asked.
    Asked(&'a Health),
}

/// What is delivered.
#[derive(Debug)]
pub struct Delivered {
    /// The services of what is live; where that is not known, those of the last phase.
    pub services: BTreeSet<ServiceName>,
    /// What is live, in words; or why Dokploy was not asked or did not answer.
    pub live: Result<String, String>,
    /// Services of the plan that are not delivered yet, with the phase that brings each.
    pub missing: Vec<(ServiceName, String)>,
    /// A deploy of the app that runs or waits, by title.
    pub busy: Option<String>,
}

/// What was asked, and what was found.
#[derive(Debug)]
pub struct Health {
    /// The app's name in the plan.
    pub app: String,
    /// The plan's file.
    pub plan: String,
    /// What was found of each.
    pub findings: Vec<Finding>,
    /// Where to look first.
    pub causes: Vec<CommonCause>,
    /// What is delivered.
    pub delivered: Delivered,
    /// Names of containers, by service.
    pub containers: Vec<(ServiceName, String)>,
    /// Services that were named (`--only`) and are not delivered.
    pub absent: Vec<String>,
    /// Whether only some were asked (`--only`).
    pub is_narrowed: bool,
    /// Whether everything was asked once and nothing is judged (`--try`).
    pub is_try: bool,
    /// Whether Dokploy was not to be asked (`--offline`).
    pub offline: bool,
    /// Rounds of asking.
    pub rounds: u64,
    /// How long it took.
    pub took: Duration,
    /// The machine that asked.
    pub probed_from: Option<String>,
}

impl Shown<'_> {
    /// The exit code.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Skipped { .. } => ExitCode(0),
            Self::Asked(health) if health.is_try => ExitCode(0),
            Self::Asked(health) => {
                let is_all_there = health.absent.is_empty() && (health.is_narrowed || !health.delivered.services.is_empty());
                health_code(&health.findings, health.offline || health.delivered.live.is_ok(), is_all_there)
            }
        }
    }
}

impl Health {
    /// Healthy services, and all that were asked.
    fn healthy(&self) -> (usize, usize) {
        let services = || self.findings.iter().filter(|finding| finding.is_service());
        (services().filter(|finding| finding.is_well()).count(), services().count())
    }

    /// The verdict, in one sentence without a full stop.
    fn sentence(&self) -> String {
        let (healthy, all) = self.healthy();
        if self.is_try {
            let passed = self.findings.iter().filter(|finding| finding.reading == Reading::Pass).count();
            return format!("{}: asked once, no verdict; {passed} of {} passed", self.app, self.findings.len());
        }
        let mut parts = Vec::new();
        if all > 0 {
            parts.push(format!("{healthy}/{all} healthy"));
        } else if self.delivered.services.is_empty() {
            parts.push("nothing is delivered".to_owned());
        }
        for (verdicts, is, are) in [
            (&[Verdict::Failed][..], "is not", "are not"),
            (&[Verdict::Unknown, Verdict::Holding], "does not hold still", "do not hold still"),
            (&[Verdict::Errored], "could not be asked", "could not be asked"),
        ] {
            let mut found: Vec<&Finding> = self.findings.iter().filter(|finding| verdicts.contains(&finding.verdict)).collect();
            // First what may be the reason for the others.
            found.sort_by_key(|finding| !finding.leans_on.is_empty());
            let names: Vec<String> = found.into_iter().map(named).collect();
            if !names.is_empty() {
                parts.push(format!("{} {}", super::words::short_list(&names, 4), if names.len() == 1 { is } else { are }));
            }
        }
        let warnings = self.findings.iter().flat_map(Finding::warnings).count();
        if warnings > 0 {
            parts.push(count(warnings, "warning"));
        }
        if !self.absent.is_empty() {
            parts.push(format!("{} not delivered", list(&self.absent)));
        }
        if self.offline {
            parts.push("asked by address only".to_owned());
        } else if self.delivered.live.is_err() {
            parts.push("Dokploy could not be asked".to_owned());
        }
        format!("{}: {}", self.app, parts.join("; "))
    }

    /// Whether there are services, and no container of any of them runs.
    fn nothing_runs(&self) -> bool {
        let mut containers = self.findings.iter().filter_map(|finding| finding.container.as_ref()).peekable();
        containers.peek().is_some()
            && containers.all(|(state, _)| matches!(state, ServiceState::Exited(_) | ServiceState::Created | ServiceState::Missing))
    }

    /// Where it was asked from, how long, and of what.
    fn circumstances(&self) -> String {
        let from = self.probed_from.as_ref().map_or(String::new(), |host| format!("asked from {host}, "));
        let live = match &self.delivered.live {
            Ok(live) => format!("; live: {live}"),
            Err(why) => format!("; what is live is not known: {why}"),
        };
        format!("{from}{} in {}{live}", count(self.rounds, "round"), duration(self.took))
    }
}

/// An external is called one.
fn named(finding: &Finding) -> String {
    of_subject(&finding.subject)
}

fn of_subject(subject: &Subject) -> String {
    match subject {
        Subject::Service(name) | Subject::Gate(name) => name.clone(),
        Subject::External(name) => format!("external {name}"),
    }
}

/// The word for a verdict.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "healthy",
        Verdict::Failed => "unhealthy",
        Verdict::Errored => "cannot ask",
        Verdict::Unknown | Verdict::Holding => "undecided",
    }
}

/// What was seen of it, in a few words.
fn seen(finding: &Finding) -> String {
    if let Some(actual) = &finding.actual {
        return actual.clone();
    }
    let container = finding.container.as_ref().map(|(state, _)| state_in_words(state));
    let answer = answers(finding).max_by_key(|sample| sample.took_ms);
    match (answer, container) {
        (Some(sample), _) => sample.actual.clone(),
        (None, Some(container)) => format!("container {container}"),
        (None, None) => "nothing was seen".to_owned(),
    }
}

/// The longest that an answer took in the last round.
fn slowest(finding: &Finding) -> Option<Duration> {
    answers(finding).map(|sample| Duration::from_millis(sample.took_ms)).max()
}

/// The last sample of each expectation that it answers itself; of those that Dokploy answers only where there is no other.
fn answers(finding: &Finding) -> impl Iterator<Item = &Sample> {
    let is_asked_itself = finding.asked.iter().any(|asked| !asked.is_dokploys);
    finding.asked.iter().filter(move |asked| !(is_asked_itself && asked.is_dokploys)).filter_map(|asked| asked.last.as_ref())
}

fn state_in_words(state: &ServiceState) -> String {
    match state {
        ServiceState::Running { restarts: 0 } => "running".to_owned(),
        ServiceState::Running { restarts } => format!("running, restarted {} meanwhile", times(*restarts)),
        ServiceState::Restarting { restarts } => format!("restarting, {} meanwhile", times(*restarts)),
        ServiceState::Exited(code) => format!("ended with code {code}"),
        ServiceState::Created => "made and not started".to_owned(),
        ServiceState::Missing => "not there".to_owned(),
        ServiceState::Unknown => "not known".to_owned(),
    }
}

fn times(number: u64) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

fn reading_word(reading: Reading) -> &'static str {
    match reading {
        Reading::Pass => "pass",
        Reading::Fail => "fail",
        Reading::Error => "error",
    }
}

/// For programs: one object.
pub fn json(shown: &Shown<'_>) -> String {
    let code = shown.exit_code();
    let object = match shown {
        Shown::Skipped { app, why } => {
            json!({ "v": VERSION, "app": app, "skipped": true, "why": why, "exit": code.0, "meaning": exit::meaning(code) })
        }
        Shown::Asked(health) => {
            let (healthy, all) = health.healthy();
            let causes = health.causes.iter().map(|cause| {
                let along: Vec<String> = cause.takes_along.iter().map(of_subject).collect();
                json!({ "root": of_subject(&cause.root), "takes_along": along })
            });
            let missing = health.delivered.missing.iter().map(|(service, phase)| json!({ "service": service, "phase": phase }));
            json!({
                "v": VERSION,
                "app": health.app,
                "skipped": false,
                "judged": !health.is_try,
                "verdict": health.sentence(),
                "healthy": healthy,
                "services": all,
                "exit": code.0,
                "meaning": exit::meaning(code),
                "live": health.delivered.live.as_ref().ok(),
                "not_asked": health.delivered.live.as_ref().err(),
                "deploying": health.delivered.busy,
                "probed_from": health.probed_from,
                "rounds": health.rounds,
                "took_ms": millis(health.took),
                "findings": health.findings.iter().map(|finding| of_finding(finding, health.is_try)).collect::<Vec<_>>(),
                "causes": causes.collect::<Vec<_>>(),
                "not_delivered": missing.collect::<Vec<_>>(),
            })
        }
    };
    safe::json(&object.to_string()) + "\n"
}

fn of_finding(finding: &Finding, is_try: bool) -> Value {
    let asked = |asked: &Asked| {
        json!({
            "expectation": asked.text,
            "severity": asked.severity.keyword(),
            "verdict": (!is_try).then(|| crate::report::json::verdict(asked.verdict)),
            "reading": asked.last.as_ref().map(|sample| reading_word(sample.reading)),
            "expected": asked.last.as_ref().map(|sample| &sample.expected),
            "actual": asked.last.as_ref().map(|sample| &sample.actual),
            "took_ms": asked.last.as_ref().map(|sample| sample.took_ms),
            "passes": asked.totals.0,
            "failures": asked.totals.1,
            "errors": asked.totals.2,
        })
    };
    json!({
        "kind": if finding.is_service() { "service" } else { "external" },
        "name": finding.name(),
        "verdict": (!is_try).then(|| word(finding.verdict)),
        "container": finding.container.as_ref().map(|(state, _)| state_in_words(state)),
        "actual": finding.actual,
        "asked": finding.asked.iter().map(asked).collect::<Vec<_>>(),
        "leans_on_unwell": finding.leans_on.iter().map(of_subject).collect::<Vec<_>>(),
        "hint": finding.hint,
        "advice": crate::report::json::advice(&finding.advice),
    })
}
