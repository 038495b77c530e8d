//! The lines for programs, a JSON object each (`docs/watch.md`). A published format.

use super::{VigilSetting, meaning, named};
use crate::engine::vigil::{SightTold, SightTurn, Standing, Told, Turn, VigilEvent};
use crate::engine::{ExitCode, Moment};
use crate::report::words::millis;
use crate::report::{json, safe};
use crate::schedule::Subject;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The line for an event.
pub(super) fn line(now: Moment, at: &str, event: &VigilEvent, setting: &VigilSetting, wall: &dyn Fn(Moment) -> String) -> String {
    let (name, fields) = spell(event, setting, wall);
    object(now, at, name, fields)
}

fn spell(event: &VigilEvent, setting: &VigilSetting, wall: &dyn Fn(Moment) -> String) -> (&'static str, Value) {
    match event {
        VigilEvent::Begun { subjects, live, every, length } => {
            let fields = json!({
                "app": setting.app,
                "sandbox": setting.label,
                "probed_from": setting.probed_from,
                "live": live,
                "services": subjects.iter().filter(|subject| matches!(subject, Subject::Service(_))).map(Subject::name).collect::<Vec<_>>(),
                "externals": subjects.iter().filter(|subject| matches!(subject, Subject::External(_))).map(Subject::name).collect::<Vec<_>>(),
                "every_ms": millis(*every),
                "length_ms": length.map(millis),
                "unhealthy_after": setting.rows.0,
                "healthy_after": setting.rows.1,
            });
            ("watch-begun", fields)
        }
        VigilEvent::LookedAfresh { added, gone, live } => ("looked-afresh", json!({ "added": added, "gone": gone, "live": live })),
        VigilEvent::Suspended { who } => ("watch-suspended", json!({ "who": who })),
        VigilEvent::GoesOn => ("watch-goes-on", json!({})),
        VigilEvent::Overslept { gap } => ("overslept", json!({ "gap_ms": millis(*gap) })),
        VigilEvent::Turned { turn, told, deploying } => {
            let each: Vec<Value> = told.iter().map(|told| of_told(told, wall)).collect();
            (turn_word(*turn), json!({ "services": each, "deploying": deploying }))
        }
        VigilEvent::Sight(SightTold { turn, is_blind, since, why }) => {
            let name = match (turn, is_blind) {
                (SightTurn::Regained, _) => "sight-regained",
                (SightTurn::Lost, true) => "blind",
                (SightTurn::StillLost, true) => "still-blind",
                (SightTurn::Lost, false) => "dokploy-silent",
                (SightTurn::StillLost, false) => "dokploy-still-silent",
            };
            (name, json!({ "since": wall(*since), "why": why }))
        }
        VigilEvent::Round(standing) => ("watch-round", of_standing(standing)),
        // Said by `ended`, with the exit code.
        VigilEvent::Ended { .. } => ("watch-ended", json!({})),
    }
}

fn turn_word(turn: Turn) -> &'static str {
    match turn {
        Turn::Unhealthy => "unhealthy",
        Turn::StillUnhealthy => "still-unhealthy",
        Turn::Unasked => "cannot-ask",
        Turn::StillUnasked => "still-cannot-ask",
        Turn::Recovered => "recovered",
        Turn::Gone => "not-delivered",
    }
}

fn of_told(Told { turned, seen }: &Told, wall: &dyn Fn(Moment) -> String) -> Value {
    let is_over = matches!(turned.turn, Turn::Recovered | Turn::Gone);
    let known = |text: &String| (!is_over).then(|| text.clone());
    json!({
        "kind": if matches!(turned.subject, Subject::External(_)) { "external" } else { "service" },
        "name": turned.subject.name(),
        "since": wall(turned.since),
        "bad": turned.bad,
        "samples": turned.samples,
        "what": known(&seen.what),
        "expected": known(&seen.expected),
        "actual": known(&seen.actual),
        "hint": seen.hint.as_ref().filter(|_| !is_over),
        "leans_on_unwell": seen.leans_on.iter().map(named).collect::<Vec<_>>(),
        "advice": json::advice(&seen.advice),
    })
}

fn of_standing(standing: &Standing) -> Value {
    let names = |subjects: &[Subject]| subjects.iter().map(named).collect::<Vec<_>>();
    json!({
        "healthy": standing.healthy,
        "services": standing.services,
        "unhealthy": names(&standing.unwell),
        "undecided": names(&standing.undecided),
        "cannot_ask": names(&standing.unasked),
        "unseen": names(&standing.unseen),
        "blind": standing.blind,
        "rounds": standing.rounds,
    })
}

/// The last line.
pub(super) fn ended(
    now: Moment,
    at: &str,
    standing: &Standing,
    took: Duration,
    code: ExitCode,
    sentence: &str,
    notices: Option<(usize, usize)>,
) -> String {
    let mut fields = of_standing(standing);
    let unsteady = standing.unsteady.iter().map(
        |(subject, failed, samples, times)| json!({ "name": named(subject), "failed": failed, "samples": samples, "unhealthy": times }),
    );
    fields["unsteady"] = unsteady.collect();
    fields["took_ms"] = millis(took).into();
    fields["verdict"] = sentence.into();
    fields["exit"] = code.0.into();
    fields["meaning"] = meaning(code).into();
    if let Some((delivered, lost)) = notices {
        fields["notices"] = json!({ "delivered": delivered, "lost": lost });
    }
    object(now, at, "watch-ended", fields)
}

/// The line for notices that somebody did not get.
pub(super) fn notice_lost(now: Moment, at: &str, to: &str, about: &[&str], why: &str) -> String {
    object(now, at, "notice-lost", json!({ "to": to, "about": about, "why": why }))
}

fn object(now: Moment, at: &str, event: &str, fields: Value) -> String {
    let mut line = Map::new();
    line.insert("v".to_owned(), json::VERSION.into());
    line.insert("at".to_owned(), at.into());
    line.insert("at_ms".to_owned(), millis(now.0).into());
    line.insert("event".to_owned(), event.into());
    if let Value::Object(fields) = fields {
        line.extend(fields);
    }
    safe::json(&Value::Object(line).to_string())
}
