//! What of the schedule is ever shown. It is part of the journal, so that a run can be shown when the plan's files have changed or are gone.
//! The compose texts are left out, so that no output and no journal can hold them by accident; variables stand by name.

use super::moment::millis;
use super::{DeployPurpose, Target};
use crate::model::{App, OnFailure, Text, TextPart};
use crate::schedule::{Bounds, ExpectationId, GateId, PhaseId, Schedule, ServiceName, Subject};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A schedule's names and limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// The rollout's name.
    pub rollout: String,
    /// The app as `project/environment/compose`, variables as `$NAME`.
    pub app: String,
    /// Phases in the order they run.
    pub phases: Vec<PhaseOutline>,
    /// Names of the gates, in the schedule's order.
    pub gates: Vec<GateOutline>,
    /// Expectations: whom they speak of, and their text.
    pub expectations: Vec<(Subject, String)>,
    /// Hints by service.
    pub hints: BTreeMap<ServiceName, String>,
    /// From round to round.
    #[serde(with = "millis")]
    pub every: Duration,
    /// How long one sample may take.
    #[serde(default, with = "millis")]
    pub timeout: Duration,
    /// Passes in a row that make an expectation met.
    pub healthy_after: u32,
    /// Failures in a row, once met, that make it failed.
    #[serde(default)]
    pub unhealthy_after: u32,
    /// Restarts since the deploy that are still forgiven while settling.
    #[serde(default)]
    pub restarts: u32,
    /// How long a deploy may wait in the queue.
    #[serde(with = "millis")]
    pub queue: Duration,
    /// How long the run may take.
    #[serde(with = "millis")]
    pub run: Duration,
}

/// A phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseOutline {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub note: Option<String>,
    /// The compose file's path as written in the plan.
    pub path: String,
    /// Every service of the file.
    pub services: BTreeSet<ServiceName>,
    /// Those that no earlier phase has.
    pub adds: BTreeSet<ServiceName>,
    /// Those that it drops on purpose.
    pub removes: BTreeSet<ServiceName>,
    /// Its gates.
    pub gates: Vec<GateId>,
    /// Time limit of the deploy.
    #[serde(with = "millis")]
    pub within: Duration,
    /// Time limit of settling.
    #[serde(with = "millis")]
    pub settle: Duration,
    /// How long everything must hold after that.
    #[serde(with = "millis")]
    pub soak: Duration,
    /// What a failure leads to.
    pub on_failure: OnFailure,
    /// Shortest and longest time.
    #[serde(with = "bounds")]
    pub bounds: Bounds,
}

/// A gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateOutline {
    /// Its name.
    pub name: String,
    /// Whom its expectations speak of, in words.
    pub asks: Vec<String>,
    /// The question and how long its answer may take.
    #[serde(with = "approval")]
    pub approval: Option<(String, Duration)>,
}

impl Outline {
    /// What is shown of a schedule.
    pub fn new(schedule: &Schedule) -> Self {
        let app = &schedule.app;
        let subject = |id: &ExpectationId| match &schedule.expectations[id.0].subject {
            Subject::Service(name) | Subject::External(name) => name.clone(),
            Subject::Gate(_) => schedule.expectations[id.0].text.clone(),
        };
        Self {
            rollout: schedule.rollout.clone(),
            app: [&app.project, &app.environment, &app.compose].map(|part| spelled(&part.value)).join("/"),
            phases: schedule
                .phases
                .iter()
                .enumerate()
                .map(|(at, phase)| PhaseOutline {
                    name: phase.name.clone(),
                    note: phase.note.clone(),
                    path: phase.path.clone(),
                    services: phase.services.clone(),
                    adds: phase.adds.clone(),
                    removes: phase.removes.clone(),
                    gates: phase.gates.clone(),
                    within: phase.within,
                    settle: phase.settle,
                    soak: phase.soak,
                    on_failure: phase.on_failure,
                    bounds: phase.bounds(PhaseId(at), schedule),
                })
                .collect(),
            gates: schedule
                .gates
                .iter()
                .map(|gate| {
                    let mut asks: Vec<String> = gate.expectations.iter().map(subject).collect();
                    asks.dedup();
                    let approval = gate.approval.as_ref().map(|approval| (approval.question.clone(), approval.within));
                    GateOutline { name: gate.name.clone(), asks, approval }
                })
                .collect(),
            expectations: schedule.expectations.iter().map(|expectation| (expectation.subject.clone(), expectation.text.clone())).collect(),
            hints: schedule.services.iter().filter_map(|(name, service)| Some((name.clone(), service.hint.clone()?))).collect(),
            every: schedule.sampling.every,
            timeout: schedule.sampling.timeout,
            healthy_after: schedule.sampling.healthy_after,
            unhealthy_after: schedule.sampling.unhealthy_after,
            restarts: schedule.limits.restarts,
            queue: schedule.limits.queue,
            run: schedule.limits.run,
        }
    }

    /// A phase.
    pub fn phase(&self, id: PhaseId) -> &PhaseOutline {
        &self.phases[id.0]
    }

    /// A gate.
    pub fn gate(&self, id: GateId) -> &GateOutline {
        &self.gates[id.0]
    }

    /// A rollback's target by name.
    pub fn target<'a>(&'a self, target: &'a Target) -> &'a str {
        match target {
            Target::Phase(phase) => &self.phase(*phase).name,
            Target::Baseline => "baseline",
            Target::Kept { name, .. } => name,
        }
    }

    /// What a deploy is for, by the name of the phase or target that it brings.
    pub fn purpose<'a>(&'a self, purpose: &'a DeployPurpose) -> &'a str {
        match purpose {
            DeployPurpose::Phase(phase) | DeployPurpose::Mark(phase) => &self.phase(*phase).name,
            DeployPurpose::Rollback(target) => self.target(target),
        }
    }

    /// Whom an expectation speaks of, by name, and its text.
    pub fn expectation(&self, id: ExpectationId) -> (&str, &str) {
        let (subject, text) = &self.expectations[id.0];
        let (Subject::Service(name) | Subject::External(name) | Subject::Gate(name)) = subject;
        (name, text)
    }

    /// Every service that some phase has.
    pub fn service_count(&self) -> usize {
        self.phases.iter().flat_map(|phase| &phase.services).collect::<BTreeSet<_>>().len()
    }
}

/// A text with its variables by name, never by value.
fn spelled(text: &Text) -> String {
    let part = |part: &TextPart| match part {
        TextPart::Literal(literal) => literal.clone(),
        TextPart::Env { name, .. } | TextPart::Secret { name } => format!("${name}"),
    };
    text.parts.iter().map(part).collect()
}

/// The app as `project/environment/compose`, variables as `{NAME}`: what a run's record calls it.
pub fn app_as_written(app: &App) -> String {
    let part = |part: &TextPart| match part {
        TextPart::Literal(text) => text.clone(),
        TextPart::Env { name, .. } | TextPart::Secret { name } => format!("{{{name}}}"),
    };
    let written = |text: &Text| text.parts.iter().map(part).collect::<String>();
    [&app.project, &app.environment, &app.compose].map(|text| written(&text.value)).join("/")
}

/// `[best, worst]` in milliseconds.
mod bounds {
    use super::{Bounds, Duration};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(bounds: &Bounds, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        [millis(bounds.best), millis(bounds.worst)].serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bounds, D::Error> {
        let [best, worst] = <[u64; 2]>::deserialize(deserializer)?.map(Duration::from_millis);
        Ok(Bounds { best, worst })
    }
}

/// `["question", milliseconds]` or null.
mod approval {
    use super::Duration;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(approval: &Option<(String, Duration)>, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = |duration: &Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        approval.as_ref().map(|(question, within)| (question, millis(within))).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(String, Duration)>, D::Error> {
        let approval = Option::<(String, u64)>::deserialize(deserializer)?;
        Ok(approval.map(|(question, within)| (question, Duration::from_millis(within))))
    }
}
