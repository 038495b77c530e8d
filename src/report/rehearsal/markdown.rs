//! For pull requests: the whole table.

use super::Findings;
use super::holes::holes;
use super::wording::{self, Ends};
use crate::report::words::duration;
use std::fmt::Write as _;

/// The report as Markdown.
pub fn markdown(found: &Findings<'_>) -> String {
    let explored = found.explored;
    let mut text = format!("# Rehearsal of {}\n\n", cell(found.plan));
    let _ = writeln!(
        text,
        "{} ways for one thing to go wrong, {} for another on the way back; {} and {} run.\n",
        explored.singles.counted, explored.pairs.counted, explored.singles.run, explored.pairs.run
    );
    text.push_str("| where | whom | what | as meant | rolled back | stopped | degraded | noticed in | over in |\n");
    text.push_str("|---|---|---|--:|--:|--:|--:|--:|--:|\n");
    for row in &explored.rows {
        let Ends { well, back, stopped, degraded } = Ends::of(row);
        let noticed = row.noticed.map_or_else(|| "never".to_owned(), duration);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {well} | {back} | {stopped} | {degraded} | {noticed} | {} |",
            cell(&wording::place(row, found.schedule)),
            cell(&row.kind.whom),
            wording::what(row),
            duration(row.took)
        );
    }
    let holes = holes(found);
    if !holes.is_empty() {
        text.push_str("\n## Holes of the plan\n\n");
        for hole in holes {
            let command = hole.command.as_ref().map_or_else(String::new, |command| format!(": `{command}`"));
            let _ = writeln!(text, "- {}: {}{command}", cell(&hole.place(found.plan)), cell(&hole.text));
        }
    }
    if !found.counterexamples.is_empty() {
        text.push_str("\n## Broken promises\n\n");
        for (broken, played) in &found.counterexamples {
            let command = wording::command(found.plan, played).map_or_else(String::new, |command| format!(": `{command}`"));
            let _ = writeln!(text, "- {}{command}", cell(&wording::broken(broken)));
        }
    }
    text
}

/// A text that no table breaks at.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
