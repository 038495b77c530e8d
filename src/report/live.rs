//! The live view: what has not ended yet, as lines for the bottom of a terminal. Pure; [`super::terminal`] paints it.
//!
//! What has ended stands above it for good (one line a phase, see [`super::story`]), so that the two together read as one list.

use super::line::{Line, Style};
use super::progress::{ServiceView, Stage, Step, View};
use super::words;
use crate::engine::{Reading, ServiceState, Target, Verdict};
use crate::schedule::{PhaseId, ServiceName};

/// Columns of the widest word that a stage or service state has.
const WORD: usize = 9;

/// Columns that the view takes at most.
const WIDEST: usize = 120;

/// The lines, each at most `width` columns and no more than `height` of them. Empty before there is anything to wait for and after the end.
pub fn frame(view: &View, width: usize, height: usize, colour: bool) -> Vec<String> {
    if view.ending.is_some() || height < 2 {
        return Vec::new();
    }
    // One column is left free: some terminals break a line that fills the last one.
    // And on a wide one the times at the right must not be far from what they belong to.
    let width = width.saturating_sub(1).clamp(20, WIDEST);
    let foot = foot(view, width);
    let mut lines = Vec::new();
    let mut room = height - 1;
    if let Some(rollback) = view.running_rollback() {
        let name = format!("back to {}", view.outline.target(&rollback.target));
        opened(view, &name, &rollback.step, width, room, &mut lines);
    } else {
        let pending: Vec<PhaseId> = (0..view.phases.len()).map(PhaseId).filter(|id| !view.phases[id.0].stage.is_final()).collect();
        // The phases still to come give way to the one that is under way.
        let later = pending.iter().filter(|id| Some(**id) != view.current && is_to_run(view, **id)).count();
        let later_room = later.min(room / 3);
        room -= later_room;
        if let Some(phase) = view.current {
            opened(view, &view.outline.phase(phase).name, &view.phases[phase.0], width, room, &mut lines);
        }
        let later: Vec<PhaseId> = pending.into_iter().filter(|id| Some(*id) != view.current && is_to_run(view, *id)).collect();
        let shown = if later.len() > later_room { later_room.saturating_sub(1) } else { later.len() };
        for id in &later[..shown] {
            lines.push(waiting_phase(view, *id).fit(width));
        }
        if shown < later.len() && later_room > 0 {
            lines.push(Line::new().styled(Style::Dim, format!("  · {} to come", words::count(later.len() - shown, "phase"))).fit(width));
        }
    }
    lines.push(foot);
    lines.iter().map(|line| line.render(colour)).collect()
}

/// After a failure nothing is to come any more.
fn is_to_run(view: &View, id: PhaseId) -> bool {
    view.failure.is_none() && view.start.as_ref().is_some_and(|start| start.to_run.contains(&id))
}

fn waiting_phase(view: &View, id: PhaseId) -> Line {
    let phase = view.outline.phase(id);
    let adds = match phase.adds.len() {
        0 => format!("changes {}", words::count(phase.services.len(), "service")),
        _ => format!("adds {}", words::list(&phase.adds)),
    };
    Line::new()
        .styled(Style::Dim, "  · ")
        .cell(Style::Dim, &phase.name, name_width(view))
        .styled(Style::Dim, format!("  {:WORD$}  {adds}", "pending"))
}

/// The step that is under way: its head, and under it the services.
fn opened(view: &View, name: &str, step: &Step, width: usize, room: usize, lines: &mut Vec<Line>) {
    let time = match step.allowed() {
        Some(allowed) => format!("{} of {}", words::elapsed(view.now - step.since), words::duration(allowed)),
        None => words::elapsed(view.now - step.since),
    };
    let style = if step.stage == Stage::Approval { Style::Warn } else { Style::Bold };
    let column = name_width(view).max(console::measure_text_width(name).min(width / 3));
    let head = Line::new().styled(style, "  ▸ ").cell(Style::Bold, name, column).plain("  ").cell(style, step.stage.word(), WORD);
    let head = match &step.stage {
        Stage::Settling | Stage::Soaking => {
            let (healthy, all) = view.healthy();
            head.plain(format!("  {healthy}/{all} healthy"))
        }
        Stage::Queued { ahead, .. } => head.plain(match ahead {
            0 => "  next in line".to_owned(),
            ahead => format!("  behind {}", words::count(*ahead, "job")),
        }),
        _ => head,
    };
    lines.push(head.with_right(&Line::new().styled(Style::Dim, time), width));
    let room = room.saturating_sub(1);
    match step.stage {
        Stage::Settling | Stage::Soaking => services(view, width, room, lines),
        Stage::Approval => {
            let question = view.gate.and_then(|gate| view.outline.gate(gate).approval.as_ref());
            if let (Some((question, _)), true) = (question, room > 0) {
                lines.push(Line::text("      ").styled(Style::Warn, question).fit(width));
            }
        }
        _ => {
            let adds = view.current.map(|phase| &view.outline.phase(phase).adds).filter(|adds| !adds.is_empty());
            if let (Some(adds), None, true) = (adds, view.running_rollback(), room > 0) {
                lines.push(Line::text("      ").styled(Style::Dim, format!("adds {}", words::list(adds))).fit(width));
            }
        }
    }
}

/// One line a service: those that are not healthy first, then the ones this phase adds, then the rest; what finds no room is counted.
fn services(view: &View, width: usize, room: usize, lines: &mut Vec<Line>) {
    let target = view.running_rollback().map(|rollback| &rollback.target);
    let adds = match (target, view.current) {
        (None | Some(Target::Baseline), None) | (Some(_), _) => None,
        (None, Some(phase)) => Some(&view.outline.phase(phase).adds),
    };
    let mut names: Vec<ServiceName> = view.expected_services().into_iter().collect();
    let rank = |name: &ServiceName| {
        let met = view.services.get(name).is_some_and(ServiceView::is_met);
        (met, !adds.is_some_and(|adds| adds.contains(name)))
    };
    // In the plan's room all are shown in a fixed order: a table whose rows jump about cannot be read.
    if names.len() > room {
        names.sort_by_key(rank);
    } else {
        names.sort_by_key(|name| rank(name).1);
    }
    let shown = if names.len() > room { room.saturating_sub(1) } else { names.len() };
    let column = names[..shown].iter().map(|name| console::measure_text_width(name)).max().unwrap_or(0).min(width / 3);
    for name in &names[..shown] {
        lines.push(service(view, name, column).fit(width));
    }
    if shown < names.len() && room > 0 {
        let rest = &names[shown..];
        let met = rest.iter().filter(|name| rank(name).0).count();
        let words = if met == rest.len() { format!("{met} more, all healthy") } else { format!("{} more, {met} healthy", rest.len()) };
        lines.push(Line::new().styled(Style::Dim, format!("      {words}")).fit(width));
    }
}

fn service(view: &View, name: &ServiceName, column: usize) -> Line {
    let Some(service) = view.services.get(name) else {
        return Line::text("      ").styled(Style::Dim, "· ").cell(Style::Dim, name, column).styled(Style::Dim, "  not asked yet");
    };
    let (sign, style) = sign(service);
    let state = service.state_words();
    let line = Line::text("      ").styled(style, format!("{sign} ")).cell(Style::Plain, name, column).plain("  ");
    let state_style = if matches!(service.state, ServiceState::Running { .. }) { Style::Plain } else { style };
    let line = line.cell(state_style, &state, WORD.max(console::measure_text_width(&state)));
    let running = matches!(service.state, ServiceState::Running { .. });
    let streak = format!("{} of {}", service.passes.min(view.outline.healthy_after), view.outline.healthy_after);
    match (&service.actual, service.verdict) {
        (None, Verdict::Met) => line.styled(Style::Dim, "  healthy"),
        (Some(actual), Verdict::Met | Verdict::Holding) if running => line.styled(style, format!("  {actual}")),
        (Some(actual), _) => line.styled(style, format!("  {actual}")),
        (None, Verdict::Unknown) => line.styled(Style::Dim, "  not known yet"),
        (None, _) => line.styled(style, format!("  {streak} passes")),
    }
}

fn sign(service: &ServiceView) -> (&'static str, Style) {
    match (service.verdict, service.reading) {
        (Verdict::Met, Reading::Pass) => ("✓", Style::Good),
        (Verdict::Failed, _) => ("✗", Style::Bad),
        (Verdict::Errored, _) | (_, Reading::Error) => ("?", Style::Warn),
        (_, Reading::Fail) => ("✗", Style::Warn),
        (Verdict::Holding | Verdict::Unknown, Reading::Pass) => ("…", Style::Dim),
    }
}

/// The last line: run time, and what is waited for. How much time is left stands at the step's head, unless the wait has its own clock.
fn foot(view: &View, width: usize) -> Line {
    let wait = view.wait();
    let is_at_head = view.holding.is_none() && view.current_step().is_some();
    let left = if is_at_head { String::new() } else { wait.left(view.now) };
    let line = Line::text("  ").styled(Style::Dim, words::clock(view.now)).plain("  waiting: ").plain(wait.what);
    if left.is_empty() { line.fit(width) } else { line.with_right(&Line::text(left), width) }
}

/// Columns for the names of phases, at most a third of a narrow terminal.
pub(super) fn name_width(view: &View) -> usize {
    let longest = view.outline.phases.iter().map(|phase| console::measure_text_width(&phase.name)).max().unwrap_or(0);
    longest.clamp(8, 24)
}
