//! What `plan check` says of a Dokploy that it asked: what is live, what a run would begin with, and what would keep it from starting.

use super::line::{Line, Style, hanging};
use super::outline::Outline;
use super::words::{count, list};
use super::{cause, difference};
use crate::engine::{Ahead, ContainerState, Observed, Position, Reason, Survey, ahead, first_phase};
use crate::schedule::{PhaseId, Schedule, body_of, services_in};
use std::collections::BTreeSet;

/// Columns of the labels, as in the schedule above it.
const LABEL: usize = 10;

/// The lines below the schedule, of at most `width` columns. `dokploy` is its address, without credentials.
pub fn standing(
    schedule: &Schedule,
    dokploy: &str,
    survey: &Survey,
    position: &Position,
    refusal: Option<&Reason>,
    (width, colour): (usize, bool),
) -> String {
    let row = |label: &str, text: &str| hanging(&Line::text("  ").cell(Style::Dim, label, LABEL), Style::Plain, text, width);
    let mut lines = vec![Line::new(), Line::new().styled(Style::Bold, format!("Live, as Dokploy {} at {dokploy} says", survey.version))];
    lines.extend(row("app", &format!("{} ({})", Outline::new(schedule).app, survey.app_name)));
    let (live, then) = words(schedule, position, survey);
    lines.extend(row("text", &live));
    lines.extend(row("runs", &containers(survey)));
    if let Some(drift) = drift(survey) {
        lines.extend(row("drift", &drift));
    }
    if !survey.queue.is_empty() {
        let ours = if survey.queue.iter().any(|job| job.this_app) { ", of this app, too" } else { ", none of this app" };
        lines.extend(row("queue", &format!("{}{ours}", count(survey.queue.len(), "job"))));
    }
    if survey.host.is_none() {
        lines.extend(row("host", "its containers could not be listed: host ports and container names were not compared"));
    }
    for warning in &survey.warnings {
        lines.extend(hanging(&Line::text("  ").styled(Style::Warn, "! "), Style::Plain, warning, width));
    }
    match refusal {
        None => {
            lines.extend(row("a run", &then));
            for (at, ahead) in ahead(schedule, survey, position).iter().enumerate() {
                lines.extend(row(if at == 0 { "then" } else { "" }, &in_words(schedule, ahead)));
            }
        }
        Some(reason) => {
            let (style, why) = match reason {
                Reason::Refused { why } => (Style::Bad, why.clone()),
                Reason::Busy { who } => (Style::Warn, vec![format!("{who}; a run would not start now")]),
                Reason::CouldNotAsk { why } => (Style::Bad, vec![why.clone()]),
                _ => (Style::Bad, Vec::new()),
            };
            for why in &why {
                let (sentence, difference) = difference::sentence_and_diff(why);
                if !sentence.is_empty() {
                    lines.extend(hanging(&Line::text("  ").styled(style, "✗ "), Style::Plain, sentence, width));
                }
                lines.extend(cause::diff(difference, width));
            }
        }
    }
    lines.iter().map(|line| line.render(colour) + "\n").collect()
}

/// `core: adds brain-api; recreates web, which depends on api`.
fn in_words(schedule: &Schedule, ahead: &Ahead) -> String {
    let mut parts = Vec::new();
    for (word, names) in [("adds", &ahead.adds), ("changes", &ahead.changes), ("removes", &ahead.removes)] {
        if !names.is_empty() {
            parts.push(format!("{word} {}", list(names)));
        }
    }
    let recreated = ahead.recreates.iter().map(|(name, cause)| format!("recreates {name}, which depends on {cause}"));
    parts.extend(recreated);
    let what = if parts.is_empty() { "changes no service".to_owned() } else { parts.join("; ") };
    format!("{}: {what}", schedule.phase(ahead.phase).name)
}

/// Services of the live text that do not run as it says.
fn drift(survey: &Survey) -> Option<String> {
    let Observed::Known(containers) = &survey.containers else { return None };
    // What ended with 0 may be a job that is done.
    let is_up = |state: &ContainerState| matches!(state, ContainerState::Running | ContainerState::Exited(0));
    let runs = |name: &str| containers.iter().any(|one| one.service == name && is_up(&one.state));
    let mut parts: Vec<String> = Vec::new();
    let live = services_in(body_of(&survey.text));
    let missing: Vec<&String> = live.iter().filter(|name| !runs(name)).collect();
    if !missing.is_empty() {
        parts.push(format!("{} of the live text {} not run", list(&missing), if missing.len() == 1 { "does" } else { "do" }));
    }
    let foreign: BTreeSet<&str> =
        containers.iter().map(|one| one.service.as_str()).filter(|name| !live.contains(*name) && runs(name)).collect();
    if !foreign.is_empty() {
        parts.push(format!("{} {} and not in the live text", list(&foreign), if foreign.len() == 1 { "runs" } else { "run" }));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Which text is live, and what a run would begin with.
fn words(schedule: &Schedule, position: &Position, survey: &Survey) -> (String, String) {
    let name = |phase: PhaseId| schedule.phase(phase).name.as_str();
    let from_the_start = || format!("starts with phase {}", name(first_phase(schedule, survey)));
    match position {
        Position::Empty => ("none yet".to_owned(), from_the_start()),
        Position::Phase(phase, Some(true)) => {
            let next = schedule.phases.get(phase.0 + 1).map(|next| format!(" and goes on with phase {}", next.name));
            let then = format!("asks its services{}", next.unwrap_or_else(|| ", and has nothing to deploy".to_owned()));
            (format!("phase {}, verified", name(*phase)), then)
        }
        Position::Phase(phase, marker) => {
            let whose = if marker.is_some() { "never verified" } else { "not put there by plan" };
            let then = format!("asks its services: it verifies {0} where they hold, and sends {0} again where not", name(*phase));
            (format!("the file of phase {}, {whose}", name(*phase)), then)
        }
        Position::OlderVersion { phase, verified } => {
            let verified = if *verified { "verified then" } else { "never verified" };
            (format!("an older version of phase {phase}, {verified}"), from_the_start())
        }
        Position::Edited { phase } => (format!("that of phase {phase}, edited since by somebody"), from_the_start()),
        Position::Foreign => ("none of this plan".to_owned(), from_the_start()),
    }
}

/// The app's containers, in words.
pub(super) fn containers(survey: &Survey) -> String {
    match &survey.containers {
        Observed::Known(containers) if containers.is_empty() => "no container".to_owned(),
        Observed::Known(containers) => {
            let mut names: Vec<&str> = containers.iter().map(|container| container.service.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            format!("{}: {}", count(containers.len(), "container"), names.join(", "))
        }
        Observed::Unknown(why) => format!("nobody knows: {why}"),
    }
}
