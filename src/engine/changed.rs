//! What is different in a plan since a run was cut off: compose files bind a run, everything else may change and is told.

use super::Outline;
use crate::model::{OnFailure, duration};
use crate::schedule::{GateId, Subject};
use std::collections::{BTreeMap, BTreeSet};

/// What is different, one sentence each.
pub(super) fn changed(then: &Outline, now: &Outline) -> Vec<String> {
    let (then, now) = (says(then), says(now));
    let topics: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let none = BTreeSet::new();
    let mut changed = Vec::new();
    for topic in topics {
        let (then, now) = (then.get(topic).unwrap_or(&none), now.get(topic).unwrap_or(&none));
        let gone: Vec<&str> = then.difference(now).map(String::as_str).collect();
        let added: Vec<&str> = now.difference(then).map(String::as_str).collect();
        match (gone.as_slice(), added.as_slice()) {
            ([], []) => {}
            ([], added) => changed.push(format!("{topic}: now also {}", added.join(", "))),
            (gone, []) => changed.push(format!("{topic}: no longer {}", gone.join(", "))),
            (gone, added) => changed.push(format!("{topic}: {} instead of {}", added.join(", "), gone.join(", "))),
        }
    }
    changed
}

/// The gate that asks what this one asked, by the same name and question.
pub(super) fn same_gate(then: &Outline, now: &Outline, gate: GateId) -> Option<GateId> {
    let question = |approval: &Option<(String, std::time::Duration)>| approval.as_ref().map(|(question, _)| question.clone());
    let asked = then.gates.get(gate.0)?;
    let is_same = |other: &super::GateOutline| other.name == asked.name && question(&other.approval) == question(&asked.approval);
    now.gates.iter().position(is_same).map(GateId)
}

/// What a plan says besides its compose files: by whom or what it speaks of.
fn says(outline: &Outline) -> BTreeMap<String, BTreeSet<String>> {
    let mut says: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (subject, text) in &outline.expectations {
        let topic = match subject {
            Subject::Service(name) => format!("service `{name}`"),
            Subject::External(name) => format!("external `{name}`"),
            Subject::Gate(name) => format!("gate `{name}`"),
        };
        says.entry(topic).or_default().insert(format!("expect {text}"));
    }
    for gate in &outline.gates {
        let asks = gate.asks.iter().map(|asked| format!("expect {asked}"));
        let approval = gate.approval.iter().map(|(question, within)| format!("approve \"{question}\" within {}", duration(*within)));
        says.entry(format!("gate `{}`", gate.name)).or_default().extend(asks.chain(approval));
    }
    for phase in &outline.phases {
        let policy = match phase.on_failure {
            OnFailure::Rollback => "rollback",
            OnFailure::Stop => "stop",
            OnFailure::Ask => "ask",
        };
        let required = phase.gates.iter().map(|gate| format!("require {}", outline.gate(*gate).name));
        let removes = phase.removes.iter().map(|name| format!("removes {name}"));
        let others = [
            format!("deploy within {}", duration(phase.within)),
            format!("settle within {}", duration(phase.settle)),
            format!("soak {}", duration(phase.soak)),
            format!("on failure {policy}"),
        ];
        says.insert(format!("phase `{}`", phase.name), required.chain(removes).chain(others).collect());
    }
    let sampling = [
        format!("every {}", duration(outline.every)),
        format!("timeout {}", duration(outline.timeout)),
        format!("healthy after {} passes", outline.healthy_after),
        format!("unhealthy after {} failures", outline.unhealthy_after),
    ];
    says.insert("sampling".to_owned(), sampling.into());
    let limits = [
        format!("queue within {}", duration(outline.queue)),
        format!("run within {}", duration(outline.run)),
        format!("restarts max {}", outline.restarts),
    ];
    says.insert("limits".to_owned(), limits.into());
    says
}
