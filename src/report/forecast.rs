//! What is foreseen of a schedule, in words and as JSON.

use super::words::{duration, list, millis};
use crate::schedule::{Back, Bounds, During, Forecast, Foreseen, Lasting, MayChange, PhaseId, Schedule, Times};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Services that a phase's deploy interrupts, and those that it may: `api (changed); web (with api); perhaps cron (built anew)`.
pub(super) fn interrupts(foreseen: &Foreseen) -> String {
    let change = &foreseen.change;
    let mut parts: Vec<String> = Vec::new();
    if !change.changes.is_empty() {
        parts.push(format!("{} (changed)", list(&change.changes)));
    }
    parts.extend(grouped(&change.recreates).map(|(cause, names)| format!("{} (with {cause})", list(names))));
    let because = |why: &MayChange| match why {
        MayChange::Built => "built anew".to_owned(),
        MayChange::Pulled => "pulled anew".to_owned(),
        MayChange::With(service) => format!("with {service}"),
    };
    let why: BTreeMap<&String, String> = foreseen.may_change.iter().map(|(name, why)| (name, because(why))).collect();
    parts.extend(grouped(&why).map(|(why, names)| format!("perhaps {} ({why})", list(names))));
    parts.join("; ")
}

/// Names by what is said of them.
fn grouped<K: AsRef<str>>(said: &BTreeMap<K, String>) -> impl Iterator<Item = (&str, Vec<&str>)> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, said) in said {
        groups.entry(said).or_default().push(name.as_ref());
    }
    groups.into_iter()
}

/// What a rollback cannot undo, a part for each kind.
pub(super) fn stays(lasting: &Lasting) -> Vec<String> {
    let Lasting { new_volumes, written, jobs, externals, rebuilt, pulled } = lasting;
    let mut parts = Vec::new();
    if !new_volumes.is_empty() {
        parts.push(format!("new {} {}", if new_volumes.len() == 1 { "volume" } else { "volumes" }, list(new_volumes)));
    }
    if !jobs.is_empty() {
        parts.push(format!("what {} {} did", if jobs.len() == 1 { "job" } else { "jobs" }, list(jobs)));
    }
    let wrote = |map: &BTreeMap<String, _>| -> Vec<String> {
        let by_writers: BTreeMap<&String, String> =
            map.iter().map(|(to, by): (_, &std::collections::BTreeSet<String>)| (to, list(by))).collect();
        grouped(&by_writers).map(|(by, to)| format!("what {by} wrote to {}", list(to))).collect()
    };
    parts.extend(wrote(written));
    parts.extend(wrote(externals));
    if !rebuilt.is_empty() {
        parts.push(format!("{} built anew, of what is there then", list(rebuilt)));
    }
    if !pulled.is_empty() {
        parts.push(format!("{} pulled anew, whatever the tag means then", list(pulled)));
    }
    parts
}

/// For how long something broken may stay unnoticed.
pub(super) fn unnoticed(schedule: &Schedule) -> String {
    let watched = format!("a service that breaks: up to {} while a phase settles and soaks", duration(schedule.detection_bound()));
    match schedule.longest_unnoticed() {
        None => watched,
        Some((phase, longest, during)) => format!("{watched}, up to {} {}", duration(longest), when(schedule, phase, during)),
    }
}

fn when(schedule: &Schedule, phase: PhaseId, during: During) -> String {
    let phase = &schedule.phase(phase).name;
    match during {
        During::Gates => format!("while the gates of {phase} are asked"),
        During::Approval(gate) => format!("while {} waits for an answer", schedule.gates[gate.0].name),
        During::Deploy => format!("while the deploy of {phase} waits and builds"),
    }
}

/// The whole forecast, times in milliseconds.
pub(super) fn json(schedule: &Schedule, forecast: &Forecast) -> Value {
    let phases: Vec<Value> = schedule
        .phases
        .iter()
        .zip(&forecast.phases)
        .map(|(phase, foreseen)| {
            let unnoticed = &foreseen.unnoticed;
            let (earlier, during) = unnoticed.earlier.unzip();
            let during = during.map(|during| match during {
                During::Gates => json!({ "what": "gates" }),
                During::Approval(gate) => json!({ "what": "approval", "gate": schedule.gates[gate.0].name }),
                During::Deploy => json!({ "what": "deploy" }),
            });
            let may: Vec<Value> = foreseen
                .may_change
                .iter()
                .map(|(service, why)| match why {
                    MayChange::Built => json!({ "service": service, "why": "built" }),
                    MayChange::Pulled => json!({ "service": service, "why": "pulled" }),
                    MayChange::With(other) => json!({ "service": service, "why": "depends", "on": other }),
                })
                .collect();
            let back = match foreseen.back {
                Back::Phase(target) => json!({ "to": "phase", "phase": schedule.phase(target).name }),
                Back::Found => json!({ "to": "found" }),
                Back::Nowhere => json!({ "to": "nowhere" }),
            };
            let lasting = &foreseen.lasting;
            json!({
                "phase": phase.name, "times": times(&foreseen.times),
                "unnoticed": {
                    "watched_ms": millis(unnoticed.watched), "started_ms": millis(unnoticed.started), "earlier_ms": earlier.map(millis),
                    "during": during, "replaced_ms": unnoticed.replaced.map(millis),
                },
                "adds": foreseen.change.adds, "changes": foreseen.change.changes, "recreates": foreseen.change.recreates,
                "may_recreate": may, "removes": foreseen.change.removes, "back": back,
                "stays": {
                    "new_volumes": lasting.new_volumes, "written": lasting.written, "jobs": lasting.jobs, "externals": lasting.externals,
                    "rebuilt": lasting.rebuilt, "pulled": lasting.pulled,
                },
            })
        })
        .collect();
    json!({ "phases": phases, "in_all": times(&forecast.in_all) })
}

fn times(times: &Times) -> Value {
    let Bounds { best, worst } = times.bounds;
    json!({
        "best_ms": millis(best), "expected_ms": times.expected.map(|expected| millis(expected.median)),
        "runs": times.expected.map_or(0, |expected| expected.runs), "worst_ms": millis(worst),
        "worst_with_rollback_ms": times.worst_with_rollback.map(millis),
    })
}
