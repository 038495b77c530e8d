//! The live view: what has not ended yet, as lines for the bottom of a terminal. Pure; [`super::terminal`] paints it.
//!
//! What has ended stands above it for good (one line a phase, see [`super::story`]), so that the two together read as one list.

mod foot;
mod opened;
mod services;

use super::line::{Line, Style};
use super::progress::View;
use super::words;
use crate::schedule::PhaseId;

/// Columns of the widest word that a stage or service state has.
const WORD: usize = 9;

/// Columns that the view takes at most: on a wide terminal the times at the right must not be far from what they belong to.
const WIDEST: usize = 120;

/// Columns below which a service's line has room for one thing beside its state.
const NARROW: usize = 79;

/// The lines, each at most `width` columns and no more than `height` of them. Empty before there is anything to wait for and after the end.
pub fn frame(view: &View, width: usize, height: usize, colour: bool) -> Vec<String> {
    if view.ending.is_some() || height < 2 {
        return Vec::new();
    }
    // One column is left free: some terminals break a line that fills the last one.
    let width = width.saturating_sub(1).clamp(20, WIDEST);
    let foot = foot::foot(view, width, (height / 6).clamp(1, 3));
    let mut lines = Vec::new();
    let mut room = height.saturating_sub(foot.len());
    if let Some(rollback) = view.running_rollback() {
        let name = format!("back to {}", view.outline.target(&rollback.target));
        opened::opened(view, &name, &rollback.step, width, room, &mut lines);
    } else {
        // After a failure nothing is to come any more.
        let is_to_come = |id: &PhaseId| {
            let is_to_run = view.failure.is_none() && view.start.as_ref().is_some_and(|start| start.to_run.contains(id));
            is_to_run && Some(*id) != view.current && !view.phases[id.0].stage.is_final()
        };
        let later: Vec<PhaseId> = (0..view.phases.len()).map(PhaseId).filter(is_to_come).collect();
        // The phases still to come give way to the one that is under way.
        let later_room = later.len().min(room / 3);
        room -= later_room;
        if let Some(phase) = view.current {
            opened::opened(view, &view.outline.phase(phase).name, &view.phases[phase.0], width, room, &mut lines);
        }
        let shown = if later.len() > later_room { later_room.saturating_sub(1) } else { later.len() };
        lines.extend(later[..shown].iter().map(|id| to_come(view, *id, width)));
        if shown < later.len() && later_room > 0 {
            lines.push(Line::new().styled(Style::Dim, format!("  · {} to come", words::count(later.len() - shown, "phase"))).fit(width));
        }
    }
    lines.extend(foot);
    lines.iter().map(|line| line.render(colour)).collect()
}

/// `  · business    pending    adds django-crm and 2 more`.
fn to_come(view: &View, id: PhaseId, width: usize) -> Line {
    let phase = view.outline.phase(id);
    let line = Line::new().styled(Style::Dim, "  · ").cell(Style::Dim, &phase.name, name_width(view));
    let line = line.styled(Style::Dim, format!("  {:WORD$}  ", "pending"));
    let room = width.saturating_sub(line.width());
    let what = match phase.adds.len() {
        0 => format!("changes {}", words::count(phase.services.len(), "service")),
        _ => adds(&phase.adds, room),
    };
    line.styled(Style::Dim, what).fit(width)
}

/// What a phase adds, as many names as there is room for.
fn adds<S: AsRef<str>>(names: impl IntoIterator<Item = S>, room: usize) -> String {
    format!("adds {}", words::fitting_list(names, room.saturating_sub("adds ".len()), "service"))
}

/// Columns for the names of phases, at most a third of a narrow terminal.
pub(super) fn name_width(view: &View) -> usize {
    let longest = view.outline.phases.iter().map(|phase| console::measure_text_width(&phase.name)).max().unwrap_or(0);
    longest.clamp(8, 24)
}
