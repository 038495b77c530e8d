//! What is said before a run changes anything: the start summary and the questions.

use super::close::quoted;
use super::line::{Line, Style, hanging};
use super::live::name_width;
use super::progress::{Start, View};
use super::setting::Setting;
use super::way_back;
use super::words::{count, duration, list};
use crate::engine::Position;
use crate::schedule::{GateId, PhaseId};
use std::time::Duration;

/// The first line: what is rolled out, and where to. In the sandbox it says so, on a line of its own where there is no room.
pub fn title(view: &View, setting: &Setting, width: usize) -> Vec<Line> {
    let line = Line::new().styled(Style::Bold, &view.outline.rollout).plain(" → ").plain(&view.app);
    let Some(label) = setting.label() else { return vec![line.whole()] };
    let label = Line::text("  ").styled(Style::Warn, format!("[{label}]"));
    if line.width() + label.width() <= width { vec![line.join(label)] } else { vec![line.whole(), label] }
}

/// The start summary, once the start is found: where the app stands, which phases will run, and how long they may take.
pub fn summary(view: &View, width: usize) -> Vec<Line> {
    let Some(start) = &view.start else { return Vec::new() };
    let to_run = &start.to_run;
    let mut lines = Vec::new();
    let version = view.version.as_ref().map_or(String::new(), |version| format!("Dokploy {version}; "));
    lines.extend(hanging(&Line::text("  "), Style::Plain, &format!("{version}{}", start_words(view, start)), width));
    if to_run.is_empty() {
        return lines;
    }
    let column = name_width(view);
    for id in to_run {
        let phase = view.outline.phase(*id);
        let adds = match phase.adds.len() {
            _ if view.is_earned(*id) => "is verified, without a deploy".to_owned(),
            0 => format!("changes {} of {}", count(phase.services.len(), "service"), phase.path),
            _ => format!("adds {}", list(&phase.adds)),
        };
        let removes = if phase.removes.is_empty() { String::new() } else { format!("; removes {}", list(&phase.removes)) };
        let gates = list(phase.gates.iter().map(|gate| &view.outline.gate(*gate).name));
        let gates = match phase.gates.len() {
            0 => gates,
            1 => format!(" (gate {gates})"),
            _ => format!(" (gates {gates})"),
        };
        let what = format!("{adds}{removes}{gates}");
        let first = Line::text("    ").cell(Style::Bold, &phase.name, column).plain("  ");
        lines.extend(hanging(&first, Style::Plain, &what, width));
    }
    let worst: Duration = to_run.iter().map(|id| view.outline.phase(*id).bounds.worst).sum();
    let approvals = to_run.iter().flat_map(|id| &view.outline.phase(*id).gates).any(|gate| view.outline.gate(*gate).approval.is_some());
    let besides = if approvals { ", approvals not counted" } else { "" };
    let time = format!("{} to run, {} at worst{besides}", count(to_run.len(), "phase"), duration(worst.min(view.outline.run)));
    lines.extend(hanging(&Line::text("  "), Style::Dim, &time, width));
    lines
}

/// Where the app stands and what follows from it.
fn start_words(view: &View, start: &Start) -> String {
    let Start { after, to_run, earns } = start;
    let name = |id: &PhaseId| view.outline.phase(*id).name.as_str();
    let found = live_words(view, *after);
    let then = match (after, to_run.first()) {
        (_, None) => "nothing to deploy".to_owned(),
        (_, Some(first)) if *earns => format!("starting with {}, which holds", name(first)),
        (Some(after), Some(_)) if matches!(&view.live, Some(Position::Phase(live, _)) if live == after) => "starting after it".to_owned(),
        (_, Some(first)) => format!("starting with {}", name(first)),
    };
    if found.is_empty() { then } else { format!("{found}: {then}") }
}

/// Which text is live. `after`: the phase that was found to hold.
pub(super) fn live_words(view: &View, after: Option<PhaseId>) -> String {
    let name = |id: &PhaseId| view.outline.phase(*id).name.as_str();
    match &view.live {
        None => String::new(),
        Some(Position::Empty) => "nothing is live".to_owned() + if view.target.is_some() { "" } else { " yet" },
        Some(Position::Phase(phase, _)) if Some(*phase) == after && view.broken.is_some() => {
            format!("phase {} is live and broken", name(phase))
        }
        Some(Position::Phase(phase, _)) if Some(*phase) == after => format!("phase {} is live and holds", name(phase)),
        Some(Position::Phase(phase, Some(true))) => format!("phase {} is live, verified by an earlier run", name(phase)),
        Some(Position::Phase(phase, Some(false))) => format!("phase {} is live and was never verified", name(phase)),
        Some(Position::Phase(phase, None)) => format!("the file of phase {} is live, not put there by plan", name(phase)),
        Some(Position::OlderVersion { phase, verified: true }) => format!("an older version of phase {phase} is live, verified then"),
        Some(Position::OlderVersion { phase, verified: false }) => format!("an older version of phase {phase} is live, never verified"),
        Some(Position::Edited { phase }) if view.target.is_some() => format!("phase {phase} is live, edited since by somebody"),
        Some(Position::Edited { phase }) => format!("phase {phase} is live, edited since by somebody and adopted"),
        Some(Position::Foreign) if view.target.is_some() => "a compose text that is not of this plan is live".to_owned(),
        Some(Position::Foreign) => "a compose text that is not of this plan is live and adopted".to_owned(),
    }
}

/// The question before the first change, the cursor to stand after it.
pub fn confirm_question(view: &View, setting: &Setting) -> String {
    if let Some(target) = &view.target {
        return way_back::question(view, target, setting);
    }
    let to_run: Vec<PhaseId> = view.start.iter().flat_map(|start| &start.to_run).copied().filter(|id| !view.is_earned(*id)).collect();
    let app = super::safe::line(&view.app);
    let what = match to_run.as_slice() {
        [] => format!("Go on with {app}?"),
        [only] => format!("Deploy phase {} to {app}?", view.outline.phase(*only).name),
        several => format!("Deploy phases {} to {app}?", list(several.iter().map(|id| &view.outline.phase(*id).name))),
    };
    let label = setting.label().map_or(String::new(), |label| format!(" [{label}]"));
    format!("{what}{label} [y/N] ")
}

/// A gate's question, the cursor to stand after it.
pub fn approval_question(view: &View, setting: &Setting) -> Option<String> {
    let gate = view.outline.gate(view.gate?);
    let (question, _) = gate.approval.as_ref()?;
    let left = view.wait().left(view.now);
    let left = if left.is_empty() { left } else { format!(", {left}") };
    let label = setting.label().map_or(String::new(), |label| format!(" [{label}]"));
    Some(format!("{} (gate {}{left}; no answer stops the run){label} [yes/no] ", super::safe::line(question), gate.name))
}

/// How a gate's question is answered from another terminal: commands, to be pasted.
pub fn how_to_answer(view: &View, gate: GateId) -> Vec<Line> {
    let gate = &view.outline.gate(gate).name;
    let command = |word: &str| Line::text(format!("      {}", answer_command(word, &view.run, gate))).whole();
    vec![Line::text("    to answer from another terminal of this machine:"), command("approve"), command("deny")]
}

/// The command that answers what a run asks. `word`: approve or deny.
pub fn answer_command(word: &str, run: &str, gate: &str) -> String {
    format!("plan {word} {run} {}", quoted(gate))
}

/// The question whether a failed phase is rolled back, the cursor to stand after it.
pub fn rollback_question(view: &View, setting: &Setting) -> String {
    let failed = view.failure.as_ref().and_then(|failure| failure.phase).map_or("The phase", |id| &view.outline.phase(id).name);
    let label = setting.label().map_or(String::new(), |label| format!(" [{label}]"));
    format!("{failed} failed. Go back to the last verified state?{label} [y/N] ")
}
