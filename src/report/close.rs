//! What is said at the end: what is running, what stays undone, what to do next, and the verdict.

use super::line::{Line, Style, hanging, wrapped};
use super::progress::{Failure, ServiceView, View};
use super::setting::Setting;
use super::words::{count, list};
use super::{cause, difference, exit, safe, way_back};
use crate::engine::{Cause, Ending, ExitCode, Reading, Reason, RowStatus, Target, Undo};

/// Texts of up to so many lines are printed whole for pasting; longer ones are named by their path.
const PASTE: usize = 60;

/// The verdict: the run's last line on stdout, never broken.
pub fn verdict(ending: &Ending, code: ExitCode, setting: &Setting) -> String {
    let label = setting.label().map_or(String::new(), |label| format!("[{label}] "));
    let from = setting.probed_from.as_ref().map_or(String::new(), |host| format!("probed from {host}; "));
    let (sentence, _) = difference::sentence_and_diff(&ending.verdict);
    let line = format!("{label}{sentence} ({from}exit {}: {})", code.0, exit::meaning(code));
    safe::line(&line)
}

/// Everything before the verdict. Empty when all went as asked.
pub fn block(view: &View, ending: &Ending, setting: &Setting, width: usize) -> Vec<Line> {
    let mut lines = reasons(view, ending, width);
    let degraded = view.rollback.as_ref().filter(|rollback| rollback.failure.is_some());
    if let Some(rollback) = degraded {
        lines.extend(running(view, width));
        let name = view.outline.target(&rollback.target);
        lines.extend(by_hand(view, setting, name, &rollback.text, width));
    }
    lines.extend(cannot_undo(view, ending, width));
    if degraded.is_none() {
        lines.extend(next(view, ending, setting, width));
    }
    lines
}

/// Why a run ended, where no event has told it.
fn reasons(view: &View, ending: &Ending, width: usize) -> Vec<Line> {
    let told: Vec<&str> = match &ending.reason {
        // The services are told with their samples already.
        Reason::Refused { why } => why.iter().map(String::as_str).take(if view.not_held { 1 } else { usize::MAX }).collect(),
        Reason::Busy { who } => vec![who],
        Reason::CouldNotAsk { why } => vec![why],
        Reason::GateNotHeld { .. }
        | Reason::Completed
        | Reason::NothingToDo
        | Reason::PhaseFailed { .. }
        | Reason::RollbackFailed { .. }
        | Reason::HolderAsked { .. }
        | Reason::Interrupted => Vec::new(),
    };
    let mut lines = Vec::new();
    for why in told {
        let (sentence, difference) = difference::sentence_and_diff(why);
        if !sentence.is_empty() {
            let first = Line::new().styled(Style::Bad, "  ✗ ");
            lines.extend(hanging(&first, Style::Plain, sentence, width));
        }
        lines.extend(cause::diff(difference, width));
    }
    lines
}

/// What the containers do now, as last seen.
fn running(view: &View, width: usize) -> Vec<Line> {
    // What the last round did not ask for may be gone by now.
    let seen: Vec<_> = view.services.iter().filter(|(name, _)| view.asked.contains(*name)).collect();
    if seen.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Line::new(), Line::new().styled(Style::Bold, "Running now, as last seen")];
    let column = seen.iter().map(|(name, _)| console::measure_text_width(name)).max().unwrap_or(0).min(30);
    for (name, service) in seen {
        // A row of one look is no reason to call it unhealthy.
        let is_well = service.is_met() || service.reading == Reading::Pass;
        let style = if is_well { Style::Good } else { Style::Bad };
        let why = match service.is_met() {
            true => "healthy".to_owned(),
            false if is_well => "answered as expected when last asked".to_owned(),
            false => why(service, view),
        };
        let state = service.state_words();
        let line = Line::text("  ").cell(Style::Plain, name, column).plain("  ").cell(Style::Plain, &state, state.len().max(12));
        lines.push(line.plain("  ").styled(style, if why == state { "unhealthy" } else { &why }).fit(width));
    }
    lines
}

fn why(service: &ServiceView, view: &View) -> String {
    service.actual.clone().unwrap_or_else(|| service.why(view.outline.healthy_after))
}

/// The way back by hand, when the tool's own failed.
pub(super) fn by_hand(view: &View, setting: &Setting, name: &str, text: &str, width: usize) -> Vec<Line> {
    let path = view.snapshots.get(name);
    // A text that is in no file of this run, since it was verified by another, is printed however long it is.
    let short = !text.is_empty() && (path.is_none() || text.lines().count() <= PASTE) && safe::is_harmless(text);
    let mut lines = vec![Line::new(), Line::new().styled(Style::Bold, "To bring it back by hand")];
    let mut number = 0;
    let mut step = |words: String, lines: &mut Vec<Line>| {
        number += 1;
        lines.extend(hanging(&Line::text(format!("  {number}. ")), Style::Plain, &words, width));
    };
    step(format!("Open {} in Dokploy.", view.app), &mut lines);
    match path {
        Some(path) => {
            let or = if short { " (it is printed below, too)" } else { "" };
            step(format!("Replace its compose text with this file's, and save{or}:"), &mut lines);
            lines.push(Line::text("     ").styled(Style::Path, path).whole());
        }
        None if short => step("Replace its compose text with the text below, and save.".to_owned(), &mut lines),
        None => step(format!("Replace its compose text with that of {name} from the run's snapshots, and save."), &mut lines),
    }
    step("Press Deploy and wait until the deployment is done.".to_owned(), &mut lines);
    if view.outline.phases.iter().any(|phase| phase.name == name) {
        // With its text live and its services well there is nothing to deploy: it only asks, and verifies.
        step("See whether it holds; this deploys nothing where it does, and asks before anything else:".to_owned(), &mut lines);
        lines.push(Line::text("     ").styled(Style::Path, format!("plan run {} --until {name}", plan(setting))).whole());
    }
    if short {
        lines.push(Line::new());
        lines.push(Line::new().styled(Style::Dim, format!("─── compose text of {name}: copy from here ───")));
        // As it is: what is pasted must be what was verified.
        lines.extend(text.lines().map(|line| Line::text(line).whole()));
        lines.push(Line::new().styled(Style::Dim, "─── to here ───"));
    }
    lines
}

/// What a rollback does not bring back.
pub(super) fn cannot_undo(view: &View, ending: &Ending, width: usize) -> Vec<Line> {
    // Where every container is still the one from before, nothing of the phase ever ran; where nothing was undone, there is nothing to say.
    let Some(rollback) = &view.rollback else { return Vec::new() };
    if rollback.undo == Undo::TextOnly && rollback.failure.is_none() {
        return Vec::new();
    }
    let phase = view.failure.as_ref().and_then(|failure| failure.phase).filter(|phase| view.deployed.contains(phase));
    let text = match phase {
        _ if !ending.facts.changed => return Vec::new(),
        _ if view.target.is_some() => format!("Not undone, and cannot be: {}.", way_back::NOT_UNDONE),
        Some(phase) => format!(
            "Not undone, and cannot be: what the containers of {} wrote to volumes and databases, migrations included.",
            view.outline.phase(phase).name
        ),
        None => return Vec::new(),
    };
    let mut lines = vec![Line::new()];
    lines.extend(wrapped(Style::Plain, &text, 0, width));
    lines
}

/// The next command to type.
pub(super) fn next(view: &View, ending: &Ending, setting: &Setting, width: usize) -> Vec<Line> {
    let run = |rest: &str| {
        // One that is shown from its record does not know its command line any more.
        let back = setting.back.as_deref().or(view.target.as_ref().map(|_| ""));
        if let Some(back) = back {
            return format!("plan rollback {}{back}", plan(setting));
        }
        let sandbox = if setting.sandbox.is_some() { " --sandbox" } else { "" };
        format!("plan run {}{sandbox}{rest}", plan(setting))
    };
    let check = format!("plan check {}", plan(setting));
    // The sandbox's world is gone with its process, and going back by hand is begun anew.
    let is_rollout = setting.sandbox.is_none() && setting.back.is_none() && view.target.is_none();
    let resume = (ending.is_resumable() && is_rollout && !view.run.is_empty()).then(|| super::reporter::resume(&setting.plan, &view.run));
    let failed = view.failure.as_ref().map(|failure| failure_names(view, failure)).filter(|names| !names.is_empty());
    let (words, command) = match &ending.reason {
        Reason::Completed | Reason::NothingToDo | Reason::HolderAsked { .. } => return Vec::new(),
        Reason::PhaseFailed { .. } if ending.facts.verified => {
            let after = match (&ending.live, view.rollback.as_ref().map(|rollback| &rollback.target)) {
                (_, Some(Target::Baseline)) | (None, _) => "it begins where this one began".to_owned(),
                (Some(live), _) => format!("it goes on after {live}"),
            };
            let nobodys = view.failure.as_ref().map_or("Find the cause", |failure| nobodys_fault(&failure.cause));
            let fix = failed.map_or(nobodys.to_owned(), |names| format!("Fix {names}"));
            (format!("{fix}, then run again; {after}:"), run(""))
        }
        _ if resume.is_some() => {
            let words = match &ending.reason {
                Reason::Interrupted => "To go on where it stopped:",
                Reason::CouldNotAsk { .. } => "When it can be asked again, go on where it stopped:",
                _ => "Look at Dokploy first. Then go on from what has become of it:",
            };
            (words.to_owned(), resume.unwrap_or_default())
        }
        Reason::PhaseFailed { .. } | Reason::RollbackFailed { .. } => {
            ("See what is live and what differs from the plan:".to_owned(), check)
        }
        Reason::GateNotHeld { .. } if view.declined.is_some() => ("When the answer is yes, run again:".to_owned(), run("")),
        Reason::GateNotHeld { .. } => ("When it holds, run again:".to_owned(), run("")),
        Reason::Busy { .. } => ("When the other one is done, run again:".to_owned(), run("")),
        Reason::Refused { .. } => ("See what would be done, and why not:".to_owned(), check),
        Reason::CouldNotAsk { .. } if ending.facts.changed => ("When it can be asked again, see what is live:".to_owned(), check),
        Reason::CouldNotAsk { .. } => ("When it can be asked again:".to_owned(), run("")),
        Reason::Interrupted if setting.back.is_some() || view.target.is_some() => ("To begin the way back again:".to_owned(), run("")),
        Reason::Interrupted => ("To go on where it stopped:".to_owned(), run("")),
    };
    let mut lines = vec![Line::new()];
    lines.extend(hanging(&Line::new().styled(Style::Bold, "next: "), Style::Plain, &words, width));
    lines.push(Line::text("  ").styled(Style::Path, command).whole());
    if setting.sandbox.is_some() && ending.facts.changed {
        let note = "(this sandbox ends with the run; another one begins empty, and so from the first phase)";
        lines.extend(hanging(&Line::text("  "), Style::Dim, note, width));
    }
    lines
}

/// What to do where no service is to blame.
fn nobodys_fault(cause: &Cause) -> &'static str {
    match cause {
        Cause::Deploy { status: RowStatus::Cancelled, .. } => "Dokploy restarted: wait until it is settled",
        Cause::Deploy { .. } => "Mend the server: the deploy log says what it lacks",
        Cause::NeverStarted { .. } => "Dokploy lost the deploy: see whether it restarted",
        Cause::QueueTimeout { .. } => "Wait until Dokploy's queue is free",
        _ => "Find the cause",
    }
}

fn failure_names(view: &View, failure: &Failure) -> String {
    match &failure.cause {
        Cause::Services { services, .. } => list(services.iter().map(|failed| &failed.service)),
        Cause::Deploy { services, candidates: false, .. } => list(services),
        Cause::Deploy { services, .. } if services.len() == 1 => list(services),
        Cause::Deploy { services, .. } if !services.is_empty() => format!("the deploy ({} in question)", count(services.len(), "service")),
        Cause::Expectations { samples } => {
            let mut names: Vec<&str> = samples.iter().map(|(id, _)| view.outline.expectation(*id).0).collect();
            names.dedup();
            list(names)
        }
        _ => String::new(),
    }
}

/// The plan's path, quoted for a shell where it needs to be; the default's where it is not known.
fn plan(setting: &Setting) -> String {
    if setting.plan.is_empty() { "rollout.plan".to_owned() } else { quoted(&setting.plan) }
}

/// A word such as a path, quoted for a shell where it needs to be.
pub(super) fn quoted(path: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '/' | '.' | '-' | '_' | '+' | '=' | ':' | ',' | '@' | '~');
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}
