//! The ends of logs, secrets masked. A log that cannot be read is said to be missing; it never stands in the way of anything else.

use super::clean::{bounded, clean};
use super::features::{self, Feature};
use super::observe::not_answered;
use super::procedure::Step;
use super::retry::{Outcome, Patience, is_too_much_output};
use super::session::App;
use super::{Body, Call, Masks, Refusal};
use crate::engine::{Answer, ContainerId, DeploymentId, Log};
use crate::schedule::ServiceName;
use serde_json::Value;
use std::collections::BTreeMap;

/// Docker's words in the place of a log, answered with 200 (FACTS §7).
const NOT_A_LOG: [&str; 3] = ["Error response from daemon:", "Cannot connect to the Docker daemon", "error during connect:"];

/// A tail is made this much smaller when it is over Dokploy's limit of 1 MiB (FACTS §6), down to the smallest.
const SMALLER: u32 = 4;
const SMALLEST: u32 = 20;

/// One log to read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    /// Whose it is; `""` for a deployment's.
    service: ServiceName,
    /// Asks for it.
    call: Call,
    /// What it is.
    log: Option<Log>,
}

/// Reads the ends of logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Logs {
    wanted: Vec<Wanted>,
    /// What was last asked, as indices.
    asked: Vec<usize>,
}

impl Logs {
    pub(super) fn of_deployment(app: &App, deployment: &DeploymentId, lines: u32) -> Self {
        let call = Call::DeployLog { deployment: deployment.0.clone(), lines };
        let feature = if app.server.is_some() { Feature::RemoteDeployLogs } else { Feature::DeployLogs };
        Self { wanted: vec![Wanted { service: String::new(), call, log: unreadable(app, feature) }], asked: Vec::new() }
    }

    pub(super) fn of_containers(app: &App, containers: &[(ServiceName, ContainerId)], lines: u32, seconds: Option<u32>) -> Self {
        let wanted = containers
            .iter()
            .map(|(service, container)| Wanted {
                service: service.clone(),
                call: Call::ContainerLog { compose: app.compose.clone(), container: container.0.clone(), lines, seconds },
                log: unreadable(app, Feature::ContainerLogs),
            })
            .collect();
        Self { wanted, asked: Vec::new() }
    }

    pub(super) fn step(&mut self, outcomes: Vec<Outcome>, masks: &Masks) -> Step {
        for (at, outcome) in std::mem::take(&mut self.asked).into_iter().zip(outcomes) {
            let wanted = &mut self.wanted[at];
            match outcome {
                Outcome::Refused(Refusal::Server(_, said)) if is_too_much_output(&said) && make_smaller(&mut wanted.call) => {}
                outcome => wanted.log = Some(read(&wanted.call, outcome, masks)),
            }
        }
        self.asked = (0..self.wanted.len()).filter(|&at| self.wanted[at].log.is_none()).collect();
        if self.asked.is_empty() {
            return Step::Done(Answer::Logs(self.by_service()));
        }
        Step::Ask(self.asked.iter().map(|&at| self.wanted[at].call.clone()).collect(), Patience::Brief)
    }

    /// Several containers of one service stand one after the other, each under its id.
    fn by_service(&self) -> BTreeMap<ServiceName, Log> {
        let mut logs: BTreeMap<ServiceName, Log> = BTreeMap::new();
        for wanted in &self.wanted {
            let log = wanted.log.clone().unwrap_or_default();
            let several = self.wanted.iter().filter(|other| other.service == wanted.service).count() > 1;
            let entry = logs.entry(wanted.service.clone()).or_default();
            if let (true, Call::ContainerLog { container, .. }) = (several, &wanted.call) {
                entry.lines.push(format!("--- container {container}"));
            }
            entry.is_cut |= log.is_cut;
            entry.lines.extend(log.lines);
            match log.missing {
                Some(why) if several => entry.lines.push(format!("(no log: {why})")),
                missing => entry.missing = missing,
            }
        }
        logs
    }
}

/// What stands for a log that this version of Dokploy does not show.
fn unreadable(app: &App, feature: Feature) -> Option<Log> {
    let missing = || Log { lines: Vec::new(), missing: Some(features::without(feature).to_owned()), is_cut: false };
    (!app.features.has(feature)).then(missing)
}

/// Whether there was room to ask for less.
fn make_smaller(call: &mut Call) -> bool {
    match call {
        Call::ContainerLog { lines, .. } | Call::DeployLog { lines, .. } if *lines > SMALLEST => {
            *lines = (*lines / SMALLER).max(SMALLEST);
            true
        }
        _ => false,
    }
}

fn read(call: &Call, outcome: Outcome, masks: &Masks) -> Log {
    let missing = |why: &str| Log { lines: Vec::new(), missing: Some(masks.apply(why)), is_cut: false };
    let text = match outcome {
        // The table has it, and this Dokploy does not.
        Outcome::Refused(Refusal::NoSuchProcedure) => {
            let feature = if matches!(call, Call::ContainerLog { .. }) { Feature::ContainerLogs } else { Feature::DeployLogs };
            return missing(features::without(feature));
        }
        Outcome::Body(Body::Json(Value::String(text))) => text,
        // What a container that wrote nothing has for a log is a text, an empty one.
        Outcome::Body(Body::Empty | Body::Json(Value::Null)) => return missing("Dokploy has no log of it"),
        other => return missing(&not_answered(call, Some(other)).message),
    };
    let text = masks.apply(&clean(&text));
    let said = text.trim();
    // What a container writes nothing of is empty; a deploy always writes something.
    if said.is_empty() && matches!(call, Call::DeployLog { .. }) {
        // Dokploy answers a single newline when the file is gone (FACTS §6).
        return missing("Dokploy has no log of it");
    }
    if !said.contains('\n') && NOT_A_LOG.iter().any(|start| said.starts_with(start)) {
        return missing(&bounded(said));
    }
    let lines: Vec<String> = text.trim_end().lines().map(bounded).collect();
    let is_cut = match call {
        Call::ContainerLog { lines: most, .. } | Call::DeployLog { lines: most, .. } => {
            lines.len() >= usize::try_from(*most).unwrap_or(usize::MAX)
        }
        _ => false,
    };
    Log { lines, missing: None, is_cut }
}
