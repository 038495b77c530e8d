//! The step that is under way: its head, and what there is to know of it below.

use super::super::line::{Line, Style};
use super::super::progress::{Stage, Step, View};
use super::super::words;
use super::{WORD, adds, name_width, services};

/// Lines of a build's log at most.
const LOG_LINES: usize = 8;

/// A deadline that is so near, as a part of the time that there was, is worth a look.
const NEAR: u32 = 10;

/// The head, and below it the services, the log of the build, the place in the queue or the question.
pub(super) fn opened(view: &View, name: &str, step: &Step, width: usize, room: usize, lines: &mut Vec<Line>) {
    lines.push(head(view, name, step, width));
    let room = room.saturating_sub(1);
    if room == 0 {
        return;
    }
    let below = |style: Style, text: &str| Line::text("      ").styled(style, text).fit_words(width);
    match &step.stage {
        Stage::Settling | Stage::Soaking => return services::services(view, width, room, lines),
        Stage::Approval => {
            let question = view.gate.and_then(|gate| view.outline.gate(gate).approval.as_ref());
            lines.extend(question.map(|(question, _)| below(Style::Warn, question)));
            return;
        }
        Stage::Queued { active: Some(title), whose, since, .. } => {
            let whose = whose.as_ref().map_or(String::new(), |whose| format!(" of {whose}"));
            let since = since.as_ref().map_or(String::new(), |since| format!(" since {since}"));
            lines.push(below(Style::Dim, &format!("Dokploy works on \"{title}\"{whose}{since}")));
            return;
        }
        _ => {}
    }
    let adding =
        view.current.map(|phase| &view.outline.phase(phase).adds).filter(|adds| !adds.is_empty() && view.running_rollback().is_none());
    lines.extend(adding.map(|names| below(Style::Dim, &adds(names, width.saturating_sub(6)))));
    if matches!(step.stage, Stage::Deploying | Stage::Overdue) {
        let log = view.build_log.iter().filter(|line| !line.trim().is_empty());
        let log: Vec<&String> = log.rev().take(LOG_LINES.min(room - usize::from(adding.is_some()))).collect();
        lines.extend(log.into_iter().rev().map(|text| Line::text("      ").styled(Style::Dim, "│ ").plain(text).fit(width)));
    }
}

/// `  ▸ core        settling   3/4 healthy              2m 50s left of 3m`.
fn head(view: &View, name: &str, step: &Step, width: usize) -> Line {
    let style = if step.stage == Stage::Approval { Style::Warn } else { Style::Bold };
    let column = name_width(view).max(console::measure_text_width(name).min(width / 3));
    let line = Line::new().styled(style, "  ▸ ").cell(Style::Bold, name, column).plain("  ").cell(style, step.stage.word(), WORD);
    let line = match &step.stage {
        Stage::Settling | Stage::Soaking => {
            let (healthy, all) = view.healthy();
            line.plain(format!("  {healthy}/{all} healthy"))
        }
        Stage::Queued { ahead: 0, .. } => line.plain("  next in line"),
        Stage::Queued { ahead, .. } => line.plain(format!("  behind {}", words::count(*ahead, "job"))),
        _ => line,
    };
    let (long, short, style) = match (step.until, step.allowed()) {
        (Some(until), Some(allowed)) if until > view.now => {
            let left = until - view.now;
            let style = if left * NEAR < allowed { Style::Warn } else { Style::Dim };
            let short = format!("{} left", words::elapsed(left));
            (format!("{short} of {}", words::duration(allowed)), short, style)
        }
        (Some(_), _) => ("due now".to_owned(), "due now".to_owned(), Style::Warn),
        (None, _) => {
            let elapsed = words::elapsed(view.now - step.since);
            (elapsed.clone(), elapsed, Style::Dim)
        }
    };
    let fits = line.width() + 2 + console::measure_text_width(&long) <= width;
    line.with_right(&Line::new().styled(style, if fits { long } else { short }), width)
}
