//! For people: worst first, and no longer than two screens unless all is asked for.

use super::Findings;
use super::holes::Kind;
use super::wording::{self, Ends};
use crate::rehearse::{Row, Tally, landmarks};
use crate::report::line::{Line, Style, wrapped};
use crate::report::words::{clock, count, duration};
use std::collections::BTreeMap;
use std::time::Duration;

/// Lines of the second table that are shown unless all are asked for.
const MOST: usize = 24;
/// Columns of numbers, without the two of time.
const NUMBER: usize = 12;
/// A column of time.
const TIME: usize = 14;
/// What a line is about.
const LABEL: usize = 30;

/// The report.
pub fn human(found: &Findings<'_>, width: usize, colour: bool, all: bool) -> String {
    let mut lines = head(found, width);
    let rows = &found.explored.rows;
    lines.push(Line::new());
    lines.push(heading("one thing goes wrong"));
    lines.extend(by(rows.iter().filter(|row| !row.in_rollback), wording::what, usize::MAX));
    lines.push(Line::new());
    lines.push(heading("by phase and whom it strikes, worst first"));
    let place = |row: &Row| format!("{}: {}", wording::place(row, found.schedule), row.kind.whom);
    lines.extend(by(rows.iter().filter(|row| !row.in_rollback), place, if all { usize::MAX } else { MOST }));
    if rows.iter().any(|row| row.in_rollback) {
        lines.push(Line::new());
        lines.push(heading("another thing goes wrong on the way back"));
        lines.extend(by(rows.iter().filter(|row| row.in_rollback), |row| wording::place(row, found.schedule), usize::MAX));
    }
    lines.extend(holes(found, width));
    lines.extend(counterexamples(found, width));
    let mut shown = String::new();
    for line in lines {
        shown.push_str(&line.fit(width.max(60)).render(colour));
        shown.push('\n');
    }
    shown
}

fn head(found: &Findings<'_>, width: usize) -> Vec<Line> {
    let explored = found.explored;
    let schedule = found.schedule;
    let ending = explored.meant.ending();
    let code = ending.map_or(0, |ending| ending.exit_code().0);
    let mut lines = vec![
        Line::new().styled(Style::Bold, format!("rehearsal of {}", found.plan)).plain(format!(
            ": {}, {}",
            count(schedule.phases.len(), "phase"),
            count(schedule.services.len(), "service")
        )),
        Line::text(format!("nothing goes wrong            exit {code} after {}", duration(explored.meant.now().0))),
        Line::text(format!("one thing goes wrong          {}", tally(&explored.singles))),
    ];
    let pairs = &explored.pairs;
    lines.push(Line::text(format!(
        "another on the way back       {}; {} begin differently",
        tally(pairs),
        count(explored.rollbacks.known, "rollback")
    )));
    if ending.is_some_and(|ending| ending.exit_code().0 != 0) {
        let verdict = ending.map_or("", |ending| ending.verdict.as_str());
        let text = format!("even if nothing goes wrong this does not end well in the sandbox's world: {verdict}");
        lines.extend(wrapped(Style::Bad, &text, 0, width));
    }
    let (out, uncounted) = (explored.singles.left_out + pairs.left_out, explored.rollbacks.left_out());
    let out = (out > 0).then(|| format!("{} paths", grouped(out)));
    let uncounted = (uncounted > 0).then(|| format!("{} in which nothing else was tried", count(uncounted, "rollback")));
    let out: Vec<String> = out.into_iter().chain(uncounted).collect();
    if !out.is_empty() {
        let text = format!("left out: {}; a larger --budget takes them in", out.join(", and "));
        lines.extend(wrapped(Style::Warn, &text, 0, width));
    }
    lines
}

fn tally(tally: &Tally) -> String {
    format!("{} ways, {} run", grouped(tally.counted), grouped(tally.run))
}

/// `1,234,567`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn heading(text: &str) -> Line {
    let titles =
        ["as meant", "rolled back", "stopped", "degraded"].iter().fold(Line::new(), |line, title| line.plain(format!("{title:>NUMBER$}")));
    Line::new()
        .cell(Style::Bold, text, LABEL.max(text.len() + 2))
        .join(if text.len() + 2 > LABEL { Line::new() } else { titles })
        .plain(if text.len() + 2 > LABEL { String::new() } else { format!("{:>TIME$}{:>TIME$}", "noticed in", "over in") })
}

#[derive(Default)]
struct Sum {
    ends: Ends,
    noticed: Option<Duration>,
    took: Duration,
}

/// A table with a line for each label, worst first.
fn by<'r>(rows: impl Iterator<Item = &'r Row>, label: impl Fn(&Row) -> String, most: usize) -> Vec<Line> {
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry(label(row)).or_default();
        sum.ends.add(Ends::of(row));
        sum.noticed = sum.noticed.max(row.noticed);
        sum.took = sum.took.max(row.took);
    }
    let mut sums: Vec<(String, Sum)> = sums.into_iter().collect();
    let badness = |sum: &Sum| {
        let share = |part: u64| part * 1000 / sum.ends.all().max(1);
        (share(sum.ends.degraded), share(sum.ends.stopped), share(sum.ends.back))
    };
    sums.sort_by(|(name, one), (other_name, other)| badness(other).cmp(&badness(one)).then(name.cmp(other_name)));
    let more = sums.len().saturating_sub(most);
    let mut lines: Vec<Line> = sums.iter().take(most).map(|(label, sum)| of_sum(label, sum)).collect();
    if more > 0 {
        lines.push(Line::new().styled(Style::Dim, format!("  and {}: --all shows them", count(more, "line"))));
    }
    lines
}

fn of_sum(label: &str, sum: &Sum) -> Line {
    let number = |number: u64| if number == 0 { String::new() } else { grouped(number) };
    let Ends { well, back, stopped, degraded } = sum.ends;
    let mut line = Line::text("  ").cell(Style::Plain, label, LABEL - 2);
    for (style, part) in [(Style::Good, well), (Style::Plain, back), (Style::Plain, stopped), (Style::Bad, degraded)] {
        line = line.styled(style, format!("{:>NUMBER$}", number(part)));
    }
    let noticed = sum.noticed.map_or_else(|| "never".to_owned(), duration);
    line.plain(format!("{noticed:>TIME$}{:>TIME$}", duration(sum.took)))
}

/// Those that nobody would notice are worth the most attention.
fn holes(found: &Findings<'_>, width: usize) -> Vec<Line> {
    let holes = super::holes::holes(found);
    if holes.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Line::new(), Line::new().styled(Style::Bold, "holes of the plan")];
    for hole in holes {
        let style = if hole.kind == Kind::Unnoticed { Style::Warn } else { Style::Plain };
        lines.extend(wrapped(style, &format!("{}: {}", hole.place(found.plan), hole.text), 2, width));
        lines.extend(hole.command.map(|command| Line::text("    ").styled(Style::Path, command).whole()));
    }
    lines
}

fn counterexamples(found: &Findings<'_>, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if found.counterexamples.is_empty() {
        lines.push(Line::new());
        let text = "on every path: it ends; what it calls verified is there and well; nothing is deployed twice; nothing that runs is taken away; \
                    what is down is noticed in time; it keeps within its limits";
        lines.extend(wrapped(Style::Good, text, 0, width));
        return lines;
    }
    lines.push(Line::new());
    lines.push(Line::new().styled(Style::Bad, "broken promises of plan itself, each a bug: please report them"));
    for (broken, played) in &found.counterexamples {
        lines.extend(wrapped(Style::Bad, &wording::broken(broken), 2, width));
        for fault in &played.faults {
            let fault = fault.as_ref().map_or_else(|| "plan is killed and resumed".to_owned(), ToString::to_string);
            lines.push(Line::text(format!("    {fault}")));
        }
        for mark in landmarks(played.run.told()) {
            lines.push(Line::new().styled(Style::Dim, format!("    {}  ", clock(mark.at))).plain(mark.what));
        }
        if let Some(command) = wording::command(found.plan, played) {
            lines.push(Line::text("    ").styled(Style::Path, command).whole());
        }
    }
    lines
}
