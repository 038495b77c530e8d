//! `JUnit`'s XML: a test case for each expectation and each container. A service that is not well is a failure, one that could not be asked an
//! error, and what was not asked is skipped.

use super::{Health, Shown, named, reading_word, state_in_words};
use crate::engine::{Finding, Reading, ServiceState, Verdict};
use crate::model::Severity;
use crate::report::junit::{Case, Outcome, Suite, document};
use std::fmt::Write as _;

/// What was found, as one `testsuites` element.
pub fn junit(shown: &Shown<'_>) -> String {
    let (app, cases) = match shown {
        Shown::Skipped { app, why } => {
            let skipped =
                Case { class: (*app).to_owned(), name: "health".to_owned(), seconds: 0.0, outcome: Outcome::Skipped((*why).to_owned()) };
            ((*app).to_owned(), vec![skipped])
        }
        Shown::Asked(health) => (health.app.clone(), cases(health)),
    };
    document("plan health", &[Suite { name: app, cases, ..Suite::default() }])
}

fn cases(health: &Health) -> Vec<Case> {
    let mut cases: Vec<Case> = health.findings.iter().flat_map(|finding| of_finding(finding, health.is_try)).collect();
    for (service, phase) in &health.delivered.missing {
        let outcome = if health.absent.contains(service) {
            Outcome::Failed("it is not delivered".to_owned(), format!("phase {phase} brings it"))
        } else {
            Outcome::Skipped(format!("not delivered: phase {phase} brings it"))
        };
        cases.push(Case { class: service.clone(), name: "delivered".to_owned(), seconds: 0.0, outcome });
    }
    if health.delivered.services.is_empty() && !health.is_narrowed {
        let outcome = Outcome::Failed("nothing is delivered".to_owned(), String::new());
        cases.push(Case { class: health.app.clone(), name: "delivered".to_owned(), seconds: 0.0, outcome });
    }
    if let (Err(why), false) = (&health.delivered.live, health.offline) {
        let outcome = Outcome::Error("Dokploy could not be asked".to_owned(), why.clone());
        cases.push(Case { class: health.app.clone(), name: "Dokploy answers".to_owned(), seconds: 0.0, outcome });
    }
    cases
}

fn of_finding(finding: &Finding, is_try: bool) -> Vec<Case> {
    let class = named(finding);
    let mut cases = Vec::new();
    if let Some((state, _)) = &finding.container {
        let words = state_in_words(state);
        // What the container alone is to blame for; one whose expectations fail has a case for each of those.
        let is_blamed = finding.verdict != Verdict::Met
            && finding.asked.iter().filter(|asked| asked.severity == Severity::Decides).all(|asked| asked.verdict == Verdict::Met);
        let why = || finding.actual.clone().unwrap_or_else(|| words.clone()) + &likely(finding);
        let outcome = match (state, finding.verdict) {
            (ServiceState::Unknown, Verdict::Errored) => Outcome::Error("its container could not be looked at".to_owned(), why()),
            (ServiceState::Running { .. }, _) if !is_blamed => Outcome::Passed,
            (ServiceState::Running { .. }, Verdict::Errored) => Outcome::Error(words.clone(), why()),
            _ => Outcome::Failed(words.clone(), why()),
        };
        cases.push(Case { class: class.clone(), name: "its container runs".to_owned(), seconds: 0.0, outcome });
    }
    for asked in &finding.asked {
        let sample = asked.last.as_ref();
        let verdict = match (sample.map(|sample| sample.reading), is_try) {
            (Some(Reading::Pass), true) => Verdict::Met,
            (Some(Reading::Fail), true) => Verdict::Failed,
            (_, true) => Verdict::Errored,
            (_, false) => asked.verdict,
        };
        let line = sample.map_or_else(|| "no answer".to_owned(), |sample| sample.actual.clone());
        let (passes, failures, errors) = asked.totals;
        let text = sample.map_or_else(String::new, |sample| {
            let reading = reading_word(sample.reading);
            let counts = format!("{passes} passed, {failures} failed, {errors} could not be asked");
            let hint = finding.hint.as_ref().map_or_else(String::new, |hint| format!("\nhint: {hint}"));
            format!("{reading}: expected {}\n{counts}{hint}{}", sample.expected, likely(finding))
        });
        let outcome = match verdict {
            Verdict::Met => Outcome::Passed,
            // JUnit has no word for what is told and decides nothing.
            _ if asked.severity != Severity::Decides => {
                Outcome::Skipped(format!("{}, and decides nothing: {line}", asked.severity.keyword()))
            }
            Verdict::Errored => Outcome::Error(line, text),
            Verdict::Failed => Outcome::Failed(line, text),
            Verdict::Unknown | Verdict::Holding => Outcome::Failed(format!("undecided: {line}"), text),
        };
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of one sample")]
        let seconds = sample.map_or(0.0, |sample| sample.took_ms as f64 / 1000.0);
        cases.push(Case { class: class.clone(), name: asked.text.clone(), seconds, outcome });
    }
    if cases.is_empty() {
        let why = finding.actual.clone().unwrap_or_default();
        cases.push(Case {
            class,
            name: "is asked".to_owned(),
            seconds: 0.0,
            outcome: Outcome::Error("nothing could be asked".to_owned(), why),
        });
    }
    cases
}

/// Likely causes and what helps, each on lines of its own.
fn likely(finding: &Finding) -> String {
    finding.advice.iter().fold(String::new(), |mut text, advice| {
        let _ = write!(text, "\nlikely: {} [{}]\nhelps: {}", advice.cause, advice.rule, advice.remedy);
        text
    })
}
