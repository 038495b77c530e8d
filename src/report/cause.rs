//! Why something failed, in one sentence and in detail.

use super::line::{Line, Style, hanging, wrapped};
use super::outline::Outline;
use super::safe;
use super::words::{count, list, short_list};
use crate::compose::masked_line;
use crate::engine::troubleshoot::Advice;
use crate::engine::{Cause, FailedService, RowStatus};

/// The cause in one line: who, then what.
pub fn headline(outline: &Outline, cause: &Cause) -> String {
    match cause {
        Cause::Deploy { status, services, candidates, .. } => {
            let end = match status {
                RowStatus::Done => "ended",
                RowStatus::Error => "ended in error",
                RowStatus::Cancelled => "was cancelled by a restart of Dokploy",
            };
            match (services.len(), candidates) {
                (0, _) => format!("the deploy {end}"),
                (1, _) | (_, false) => format!("{}: the deploy {end}", list(services)),
                (_, true) => format!("one of {}: the deploy {end}", short_list(services, 6)),
            }
        }
        Cause::NeverStarted { .. } => "Dokploy accepted the deploy and never started it".to_owned(),
        Cause::QueueTimeout { withdrawn } => {
            let rest = if *withdrawn { "it was taken out again" } else { "it is still waiting there and will run one day" };
            format!("the deploy waited too long in Dokploy's queue; {rest}")
        }
        Cause::DeployTimeout => "the deploy has not ended long after its time, and nobody knows how it will".to_owned(),
        Cause::RunTimeout => "the run's own time is over".to_owned(),
        Cause::Services { services, regression } => {
            let names = short_list(services.iter().map(|failed| &failed.service), 6);
            match (services.as_slice(), regression) {
                ([only], false) => format!("{names}: {}", said(only)),
                ([only], true) => format!("{names}, healthy before this phase: {}", said(only)),
                (_, false) => format!("{names} are not healthy"),
                (_, true) => format!("{names} were healthy before this phase and are not now"),
            }
        }
        Cause::Expectations { samples } => {
            if let [(id, sample)] = samples.as_slice() {
                return format!("{}: {}", outline.expectation(*id).0, sample.actual);
            }
            let mut names: Vec<&str> = samples.iter().map(|(id, _)| outline.expectation(*id).0).collect();
            names.dedup();
            match names.as_slice() {
                [only] => format!("{only}: {} not met", count(samples.len(), "expectation")),
                _ => format!("{} do not hold", short_list(names, 6)),
            }
        }
        Cause::CouldNotAsk { why } => format!("could not ask: {why}"),
        Cause::Asked { by } => format!("{by} asked for it"),
        Cause::TextChanged { .. } => "somebody changed the live compose text".to_owned(),
    }
}

/// What is known of the cause, for a block under the headline.
pub fn detail(outline: &Outline, cause: &Cause, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    match cause {
        Cause::Deploy { error, services, candidates, .. } => {
            if *candidates && services.len() > 1 {
                let text = format!("The log does not name the service. It is one of: {}.", list(services));
                lines.extend(wrapped(Style::Plain, &text, 2, width));
            }
            if let Some(error) = error {
                lines.extend(hanging(&Line::text("  Dokploy says: "), Style::Plain, error, width));
            }
            for name in services {
                lines.extend(hint(outline.hints.get(name).map(String::as_str), (services.len() > 1).then_some(name.as_str()), width));
            }
        }
        Cause::NeverStarted { evidence } => lines.extend(hanging(&Line::text("  seen: "), Style::Plain, evidence, width)),
        Cause::QueueTimeout { .. } | Cause::DeployTimeout | Cause::RunTimeout | Cause::CouldNotAsk { .. } => {}
        Cause::Services { services, .. } => lines.extend(self::services(services, width)),
        Cause::Expectations { samples } => {
            for (id, sample) in samples {
                let (name, text) = outline.expectation(*id);
                lines.extend(hanging(&Line::text("  ").styled(Style::Bold, format!("{name}: ")), Style::Plain, text, width));
                lines.extend(field("expected", &sample.expected, width));
                lines.extend(field("actual", &sample.actual, width));
            }
        }
        Cause::Asked { by } => lines.push(Line::text(format!("  asked for by {by}"))),
        Cause::TextChanged { diff } => {
            lines.push(Line::text("  what was believed live (-) against what is (+):"));
            lines.extend(self::diff(diff, width));
        }
    }
    lines
}

/// Likely causes, each with what was seen and what helps.
pub fn advice(advice: &[Advice], width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for one in advice {
        let first = Line::text("  ").styled(Style::Warn, format!("{}: ", one.label()));
        lines.extend(hanging(&first, Style::Plain, &format!("{} [{}]", one.cause, one.rule), width));
        let first = Line::text("    ").styled(Style::Dim, format!("{}: ", one.source.in_words()));
        lines.extend(hanging(&first, Style::Plain, &one.seen, width));
        lines.extend(hanging(&Line::text("    ").styled(Style::Dim, "what helps: "), Style::Plain, one.remedy, width));
    }
    lines
}

/// A unified diff of compose texts, values that look like secrets masked.
pub fn diff(diff: &str, width: usize) -> Vec<Line> {
    const MOST: usize = 60;
    let all = safe::lines(diff);
    let mut lines: Vec<Line> = all
        .iter()
        .take(MOST)
        .map(|text| {
            let style = match text.chars().next() {
                Some('+') => Style::Good,
                Some('-') => Style::Bad,
                Some('@') => Style::Dim,
                _ => Style::Plain,
            };
            Line::text("  ").styled(Style::Dim, "│ ").styled(style, masked_line(text)).fit(width)
        })
        .collect();
    if all.len() > MOST {
        lines.push(Line::text("  ").styled(Style::Dim, format!("│ … {} more", count(all.len() - MOST, "line"))));
    }
    lines
}

/// Services that do not hold, each with what it was asked and said.
pub fn services(services: &[FailedService], width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for (at, failed) in services.iter().enumerate() {
        if at > 0 {
            lines.push(Line::new());
        }
        lines.extend(service(failed, width));
    }
    lines
}

fn service(failed: &FailedService, width: usize) -> Vec<Line> {
    let (passed, refused, errored) = failed.counts;
    let mut lines = hanging(&Line::text("  ").styled(Style::Bold, format!("{}: ", failed.service)), Style::Plain, &failed.what, width);
    lines.extend(field("expected", &failed.expected, width));
    lines.extend(field("actual", &failed.actual, width));
    let unasked = if errored > 0 { format!(", {errored} could not be taken") } else { String::new() };
    let samples = format!("{refused} failed, {passed} passed{unasked} since the deploy ended");
    lines.extend(field("samples", &samples, width));
    lines.extend(hint(failed.hint.as_deref(), None, width));
    lines
}

fn field(name: &str, value: &str, width: usize) -> Vec<Line> {
    hanging(&Line::text("    ").styled(Style::Dim, format!("{name:8}  ")), Style::Plain, value, width)
}

fn hint(hint: Option<&str>, of: Option<&str>, width: usize) -> Vec<Line> {
    let Some(hint) = hint else { return Vec::new() };
    let first = match of {
        Some(name) => format!("hint ({name}): "),
        None => "hint: ".to_owned(),
    };
    hanging(&Line::text("    ").styled(Style::Warn, first), Style::Plain, hint, width)
}

/// What a single failed service said, short enough for a headline.
fn said(failed: &FailedService) -> &str {
    if failed.actual.is_empty() { &failed.what } else { &failed.actual }
}
