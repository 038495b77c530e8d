//! For machines: one object.

use super::{Played, Tested, file, line, wording};
use crate::rehearse::End;
use crate::report::words::millis;
use serde_json::{Value, json};

/// The report as one line of JSON.
pub fn json(tested: &Tested<'_>) -> String {
    let scenarios: Vec<Value> = tested.played.iter().map(|played| of(played, tested)).collect();
    let holding = tested.holding();
    json!({
        "version": 1, "plan": tested.plan, "holding": holding, "failing": tested.played.len() - holding, "scenarios": scenarios,
    })
    .to_string()
}

fn of(played: &Played<'_>, tested: &Tested<'_>) -> Value {
    let (scenario, judged) = (played.scenario, &played.judged);
    let faults: Vec<Value> = judged
        .struck
        .iter()
        .map(|(fault, struck)| {
            json!({"line": line(fault.span, tested.sources), "fault": fault.value.to_string(), "struck_ms": struck.map(millis)})
        })
        .collect();
    let expected: Vec<Value> = judged
        .findings
        .iter()
        .map(|finding| {
            json!({
                "line": line(finding.expected.span, tested.sources), "text": finding.expected.text, "holds": finding.holds,
                "came": wording::came(finding, judged),
            })
        })
        .collect();
    let (end, target) = match &judged.end {
        None => ("never", None),
        Some(End::Unharmed | End::Recovered) => ("verified", None),
        Some(End::RolledBack(target)) => ("rolled-back", Some(target)),
        Some(End::Stopped(_)) => ("stopped", None),
        Some(End::Degraded(_)) => ("degraded", None),
    };
    json!({
        "file": file(scenario.name.span, tested.sources), "line": line(scenario.name.span, tested.sources), "name": scenario.name.value,
        "note": scenario.note, "holds": judged.holds(), "end": end, "target": target, "code": judged.code, "took_ms": millis(judged.took),
        "faults": faults, "expected": expected,
    })
}
