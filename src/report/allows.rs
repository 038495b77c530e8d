//! What a plan says is meant (`allow WORD "reason"`), for programs: after the findings, since it is what there is instead of some.

use super::diagnostics::Place;
use crate::diagnostic::Label;
use crate::model::Plan;
use crate::source::SourceMap;
use serde::Serialize;

/// A line of JSON for each `allow` of the plan, as written: the keys of a finding without a code, and the service, the word and the reason.
pub fn json(plan: &Plan, sources: &SourceMap) -> String {
    let mut out = String::new();
    for service in &plan.services {
        for allow in &service.allows {
            let place = Label { span: allow.span, text: String::new() };
            let line = Line {
                code: None,
                severity: "allowed",
                message: format!("service \"{}\" allows `{}`: {}", service.name.value, allow.word, allow.reason),
                service: &service.name.value,
                word: allow.word.as_str(),
                reason: &allow.reason,
                place: Place::of(&place, sources),
                labels: [],
                help: None,
            };
            // Strings and numbers are always JSON.
            out.push_str(&serde_json::to_string(&line).unwrap_or_default());
            out.push('\n');
        }
    }
    out
}

#[derive(Serialize)]
struct Line<'a> {
    code: Option<&'a str>,
    severity: &'static str,
    message: String,
    service: &'a str,
    word: &'static str,
    reason: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
    labels: [Place<'a>; 0],
    help: Option<&'a str>,
}
