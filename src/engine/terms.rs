//! What a run was started on, so that a resumed one can say what is different: compose files bind a run, everything else may change.

use super::Options;
use crate::model::{OnFailure, duration};
use crate::schedule::{Gate, Phase, Schedule, Subject};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The terms of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What the command line asked for.
    #[serde(default)]
    pub options: Options,
    /// Gates in order: name, and the question that a person is asked.
    #[serde(default)]
    pub gates: Vec<(String, Option<String>)>,
    /// What the plan says besides its compose files: sentences by whom or what they are about. Variables as written.
    #[serde(default)]
    pub says: BTreeMap<String, Vec<String>>,
}

impl Terms {
    /// The terms of a run that begins now.
    pub(super) fn of(schedule: &Schedule, options: &Options) -> Self {
        // Other runs are none of this one's terms.
        let options = Options { known_runs: BTreeSet::new(), ..options.clone() };
        let gates = schedule.gates.iter().map(|gate| (gate.name.clone(), gate.approval.as_ref().map(|approval| approval.question.clone())));
        Self { options, gates: gates.collect(), says: says(schedule) }
    }

    /// What is different now, one sentence each.
    pub(super) fn changed(&self, schedule: &Schedule) -> Vec<String> {
        let now = says(schedule);
        let topics: BTreeSet<&String> = self.says.keys().chain(now.keys()).collect();
        let none = Vec::new();
        let mut changed = Vec::new();
        for topic in topics {
            let (old, new) = (self.says.get(topic).unwrap_or(&none), now.get(topic).unwrap_or(&none));
            let gone: Vec<&str> = old.iter().filter(|one| !new.contains(one)).map(String::as_str).collect();
            let added: Vec<&str> = new.iter().filter(|one| !old.contains(one)).map(String::as_str).collect();
            match (gone.as_slice(), added.as_slice()) {
                ([], []) => {}
                ([], added) => changed.push(format!("{topic}: now also {}", added.join(", "))),
                (gone, []) => changed.push(format!("{topic}: no longer {}", gone.join(", "))),
                (gone, added) => changed.push(format!("{topic}: {} instead of {}", added.join(", "), gone.join(", "))),
            }
        }
        changed
    }

    /// Whether a question that was answered then is the one that this gate asks now.
    pub(super) fn asks_the_same(&self, at: usize, gate: &Gate) -> bool {
        let question = gate.approval.as_ref().map(|approval| &approval.question);
        self.gates.get(at).is_some_and(|(name, asked)| *name == gate.name && asked.as_ref() == question)
    }
}

fn says(schedule: &Schedule) -> BTreeMap<String, Vec<String>> {
    let mut says: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for expectation in &schedule.expectations {
        let topic = match &expectation.subject {
            Subject::Service(name) => format!("service `{name}`"),
            Subject::External(name) => format!("external `{name}`"),
            Subject::Gate(name) => format!("gate `{name}`"),
        };
        says.entry(topic).or_default().push(format!("expect {}", expectation.text));
    }
    for gate in &schedule.gates {
        let subjects = gate.expectations.iter().filter_map(|id| match &schedule.expectations[id.0].subject {
            Subject::External(name) => Some(format!("expect external {name}")),
            Subject::Service(_) | Subject::Gate(_) => None,
        });
        let subjects: BTreeSet<String> = subjects.collect();
        let approval = gate.approval.as_ref();
        let approval = approval.map(|approval| format!("approve \"{}\" within {}", approval.question, duration(approval.within)));
        says.entry(format!("gate `{}`", gate.name)).or_default().extend(subjects.into_iter().chain(approval));
    }
    for phase in &schedule.phases {
        says.insert(format!("phase `{}`", phase.name), of_phase(schedule, phase));
    }
    let sampling = &schedule.sampling;
    says.insert(
        "sampling".to_owned(),
        vec![
            format!("every {}", duration(sampling.every)),
            format!("timeout {}", duration(sampling.timeout)),
            format!("healthy after {} passes", sampling.healthy_after),
            format!("unhealthy after {} failures", sampling.unhealthy_after),
        ],
    );
    let limits = &schedule.limits;
    let (queue, run) = (duration(limits.queue), duration(limits.run));
    says.insert(
        "limits".to_owned(),
        vec![format!("queue within {queue}"), format!("run within {run}"), format!("restarts max {}", limits.restarts)],
    );
    says
}

fn of_phase(schedule: &Schedule, phase: &Phase) -> Vec<String> {
    let policy = match phase.on_failure {
        OnFailure::Rollback => "rollback",
        OnFailure::Stop => "stop",
        OnFailure::Ask => "ask",
    };
    let required = phase.gates.iter().map(|gate| format!("require {}", schedule.gates[gate.0].name));
    let removes = phase.removes.iter().map(|name| format!("removes {name}"));
    let times = [
        format!("deploy within {}", duration(phase.within)),
        format!("settle within {}", duration(phase.settle)),
        format!("soak {}", duration(phase.soak)),
        format!("on failure {policy}"),
    ];
    required.chain(removes).chain(times).collect()
}
