//! For people: a line for a scenario that holds, and for one that does not what was expected, what came, and the path.

use super::{Played, Tested, command, file, line, path, wording};
use crate::report::line::{Line, Style, wrapped};
use crate::report::words::count;
use crate::source::{SourceMap, Span};

/// A scenario's name takes so many columns at most.
const NAME: usize = 56;

/// The report. `all`: the path of every scenario, not only of those that do not hold.
pub fn human(tested: &Tested<'_>, width: usize, colour: bool, all: bool) -> String {
    let mut lines =
        vec![Line::new().styled(Style::Bold, format!("scenarios of {}", tested.plan)).plain(format!(": {}", tested.played.len()))];
    let name = tested.played.iter().map(|played| played.scenario.name.value.chars().count()).max().unwrap_or(0).min(NAME);
    let mut last: Option<Span> = None;
    for played in &tested.played {
        let place = played.scenario.name.span;
        if last.is_none_or(|last| last.file != place.file) {
            lines.push(Line::new());
            lines.push(Line::new().styled(Style::Path, file(place, tested.sources)).whole());
        }
        last = Some(place);
        let holds = played.judged.holds();
        let (style, word) = if holds { (Style::Good, "holds") } else { (Style::Bad, "fails") };
        let head = Line::text("  ").styled(style, word).plain("  ").cell(Style::Plain, &played.scenario.name.value, name);
        lines.push(head.plain("  ").plain(wording::end(&played.judged)).fit(width));
        if !holds {
            lines.extend(why(played, tested.sources, width));
        }
        if all || !holds {
            lines.extend(path::lines(played, tested.schedule, 4, width));
        }
        if !holds {
            lines.push(Line::text("    ").styled(Style::Path, command(tested.plan, played.scenario, tested.sources)).whole());
        }
    }
    let (holding, failing) = (tested.holding(), tested.played.len() - tested.holding());
    lines.push(Line::new());
    lines.push(match failing {
        0 => Line::new().styled(Style::Good, format!("{} as expected", count(holding, "scenario"))),
        _ => Line::new().styled(Style::Bad, format!("{failing} of {} not as expected", count(tested.played.len(), "scenario"))),
    });
    let mut shown = String::new();
    for line in lines {
        shown.push_str(&line.render(colour));
        shown.push('\n');
    }
    shown
}

/// What does not hold, each with its place.
fn why(played: &Played<'_>, sources: &SourceMap, width: usize) -> Vec<Line> {
    faults_and_findings(played, sources).iter().flat_map(|text| wrapped(Style::Plain, text, 4, width)).collect()
}

/// What does not hold, one sentence each.
pub(super) fn faults_and_findings(played: &Played<'_>, sources: &SourceMap) -> Vec<String> {
    let at = |span: Span| format!("{}:{}", file(span, sources), line(span, sources));
    let mut lines = Vec::new();
    for (fault, _) in played.judged.struck.iter().filter(|(_, struck)| struck.is_none()) {
        let text = sources.slice(fault.span).split_whitespace().collect::<Vec<_>>().join(" ");
        lines.push(format!("{}: `{text}` never struck: the run did not come to it, or nothing was there to break", at(fault.span)));
    }
    for finding in played.judged.findings.iter().filter(|finding| !finding.holds) {
        lines.push(format!("{}: `{}`, but: {}", at(finding.expected.span), finding.expected.text, wording::came(finding, &played.judged)));
    }
    if played.judged.end.is_none() {
        lines.push(wording::end(&played.judged));
    }
    lines
}

/// What is said of a scenario after a run that played it: one line if it holds.
pub fn said(played: &Played<'_>, sources: &SourceMap) -> Vec<String> {
    let name = &played.scenario.name.value;
    if played.judged.holds() {
        return vec![format!("scenario \"{name}\" holds: {} as expected", count(played.judged.findings.len(), "thing"))];
    }
    let mut lines = vec![format!("scenario \"{name}\" does not hold")];
    lines.extend(faults_and_findings(played, sources));
    lines
}
