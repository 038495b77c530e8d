//! For machines: one object.

use super::Findings;
use super::holes::holes;
use super::wording;
use crate::rehearse::{End, Tally};
use crate::report::words::millis;
use serde_json::{Value, json};

/// The report as one line of JSON.
pub fn json(found: &Findings<'_>) -> String {
    let explored = found.explored;
    let phase = |phase: Option<crate::schedule::PhaseId>| phase.map(|phase| found.schedule.phase(phase).name.clone());
    let rows: Vec<Value> = explored
        .rows
        .iter()
        .map(|row| {
            let ends: Vec<Value> = row.ends.iter().map(|(end, paths)| json!({"end": word(end), "code": code(end), "target": target(end), "paths": paths})).collect();
            json!({
                "phase": phase(row.phase), "in_rollback": row.in_rollback, "whom": row.kind.whom, "what": row.kind.what, "span": row.kind.span.to_string(),
                "ends": ends, "noticed_ms": row.noticed.map(millis),
                "unnoticed": row.unnoticed, "took_ms": millis(row.took),
            })
        })
        .collect();
    let holes: Vec<Value> = holes(found)
        .into_iter()
        .map(|hole| {
            json!({"kind": hole.kind.word(), "whom": hole.whom, "phases": hole.phases, "line": hole.line, "text": hole.text, "command": hole.command})
        })
        .collect();
    let broken: Vec<Value> = found
        .counterexamples
        .iter()
        .map(|(broken, played)| {
            let faults: Vec<Option<String>> = played.faults.iter().map(|fault| fault.as_ref().map(ToString::to_string)).collect();
            json!({"property": wording::broken(broken), "faults": faults, "command": wording::command(found.plan, played)})
        })
        .collect();
    let meant = explored.meant.ending();
    json!({
        "version": 1, "plan": found.plan,
        "meant": {"code": meant.map(|ending| ending.exit_code().0), "took_ms": millis(explored.meant.now().0)},
        "singles": tally(&explored.singles), "pairs": tally(&explored.pairs), "rollbacks": explored.rollbacks.known,
        "rollbacks_left_out": explored.rollbacks.left_out(),
        "rows": rows, "holes": holes, "broken": broken,
    })
    .to_string()
}

fn tally(tally: &Tally) -> Value {
    json!({"counted": tally.counted, "run": tally.run, "left_out": tally.left_out})
}

fn word(end: &End) -> &'static str {
    match end {
        End::Unharmed => "unharmed",
        End::Recovered => "recovered",
        End::RolledBack(_) => "rolled-back",
        End::Stopped(_) => "stopped",
        End::Degraded(_) => "degraded",
    }
}

fn code(end: &End) -> u8 {
    match end {
        End::Unharmed | End::Recovered => 0,
        End::RolledBack(_) => 4,
        End::Stopped(code) | End::Degraded(code) => *code,
    }
}

fn target(end: &End) -> Option<&str> {
    match end {
        End::RolledBack(target) => Some(target),
        _ => None,
    }
}
