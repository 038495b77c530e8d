//! The services of the step that is under way: one line each, with state, streak and last sample.

use super::super::line::{Line, Style};
use super::super::progress::{ServiceView, View};
use super::{NARROW, WORD};
use crate::engine::{Reading, ServiceState, Target, Verdict};
use crate::schedule::ServiceName;

/// Those that are not healthy first, then the ones this phase adds, then the rest; what finds no room is counted.
pub(super) fn services(view: &View, width: usize, room: usize, lines: &mut Vec<Line>) {
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
    let columns = Columns::of(view, &names[..shown], width);
    for name in &names[..shown] {
        lines.push(service(view, name, columns).fit_words(width));
    }
    if shown < names.len() && room > 0 {
        let rest = &names[shown..];
        let met = rest.iter().filter(|name| rank(name).0).count();
        let words = if met == rest.len() { format!("{met} more, all healthy") } else { format!("{} more, {met} healthy", rest.len()) };
        lines.push(Line::new().styled(Style::Dim, format!("      {words}")).fit(width));
    }
}

/// How wide the table's columns are.
#[derive(Clone, Copy)]
struct Columns {
    name: usize,
    state: usize,
    streak: usize,
    is_narrow: bool,
}

impl Columns {
    fn of(view: &View, names: &[ServiceName], width: usize) -> Self {
        let widest = |texts: &mut dyn Iterator<Item = String>| texts.map(|text| console::measure_text_width(&text)).max().unwrap_or(0);
        let seen = || names.iter().filter_map(|name| view.services.get(name));
        Self {
            name: widest(&mut names.iter().cloned()).min(width * 2 / 5),
            // A few long ones need not be in line where there is hardly any room.
            state: if width < NARROW { WORD } else { widest(&mut seen().map(ServiceView::state_words)).clamp(WORD, width / 3) },
            streak: widest(&mut seen().map(|service| service.streak(view.outline.healthy_after))),
            is_narrow: width < NARROW,
        }
    }
}

fn service(view: &View, name: &ServiceName, columns: Columns) -> Line {
    let Some(service) = view.services.get(name) else {
        return Line::text("      ").styled(Style::Dim, "· ").cell(Style::Dim, name, columns.name).styled(Style::Dim, "  not asked yet");
    };
    let (sign, style) = sign(service);
    let state_style = if matches!(service.state, ServiceState::Running { .. }) { Style::Plain } else { style };
    let line = Line::text("      ").styled(style, format!("{sign} ")).cell(Style::Plain, name, columns.name).plain("  ");
    let state = service.state_words();
    let line = line.cell(state_style, &state, columns.state.max(console::measure_text_width(&state).min(NARROW / 3))).plain("  ");
    let sample_style = if service.reading == Reading::Pass { Style::Dim } else { style };
    let (streak, sample) = (service.streak(view.outline.healthy_after), service.last_sample());
    match sample {
        // A state that is long says enough.
        Some(_) if columns.is_narrow && console::measure_text_width(&state) > WORD => line,
        // What went wrong says more than a row that has ended.
        Some(sample) if columns.is_narrow && service.reading != Reading::Pass => line.styled(sample_style, sample),
        Some(sample) if !columns.is_narrow => line.cell(Style::Plain, streak, columns.streak).plain("  ").styled(sample_style, sample),
        _ => line.plain(streak),
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
