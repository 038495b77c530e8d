//! What `plan check` says of a Dokploy that it asked: what is live, what a run would begin with, and what would keep it from starting.

use super::line::{Line, Style, hanging};
use super::outline::Outline;
use super::words::count;
use super::{cause, difference};
use crate::engine::{Observed, Position, Reason, Survey, first_phase};
use crate::schedule::{PhaseId, Schedule};

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
        None => lines.extend(row("a run", &then)),
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
