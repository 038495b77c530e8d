//! What the matrix comes to, for reviewers and for operators: the counts of each class, and `docs/reliability.md`.

use super::Cell;
use super::scene::Scene;
use super::strike::{Kind, Mishap, Span, Strike};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// The class of a strike: what it is, whether writes go through beneath it, how long it lasts.
fn class(strike: Strike) -> String {
    match strike {
        Strike::Call { kind, acts, span } => {
            let acts = if acts && kind != Kind::Late { ", writes taken all the same" } else { "" };
            format!("{}{acts}: {}", kind.name(), span.name())
        }
        Strike::Dokploy(mishap) => mishap.name().to_owned(),
    }
}

/// One line for each class, scene and exit code.
pub fn counts(cells: &[Cell]) -> String {
    let mut counts: BTreeMap<(Scene, String, u8), usize> = BTreeMap::new();
    for cell in cells {
        *counts.entry((cell.scene, class(cell.strike), cell.expected.code)).or_default() += 1;
    }
    let mut text = String::new();
    let mut last = None;
    for ((scene, class, code), count) in counts {
        if last != Some(scene) {
            let gap = if last.is_some() { "\n" } else { "" };
            let _ = writeln!(text, "{gap}{}, which ends with {}", scene.name(), scene.exit_code());
            last = Some(scene);
        }
        let _ = writeln!(text, "  {class} -> {code}: {count}");
    }
    text
}

/// The columns of the tables: an outcome in a few words, and the exit codes that say it.
const OUTCOMES: [(&str, Option<u8>); 7] = [
    ("nothing changes", None),
    ("9: not asked, nothing changed", Some(9)),
    ("3: refused, nothing changed", Some(3)),
    ("6: stopped on a verified phase", Some(6)),
    ("4: rolled back and verified", Some(4)),
    ("5: not verified", Some(5)),
    ("10: not known", Some(10)),
];

/// How many cells come to each outcome, as a row of a table.
fn row<'a>(what: &str, cells: impl Iterator<Item = &'a Cell>) -> String {
    let mut counts = [0_usize; OUTCOMES.len()];
    for cell in cells {
        let code = (cell.expected.code != cell.scene.exit_code()).then_some(cell.expected.code);
        let column = OUTCOMES.iter().position(|(_, of)| *of == code).expect("every exit code has a column");
        counts[column] += 1;
    }
    let shown = counts.map(|count| if count == 0 { String::new() } else { count.to_string() });
    format!("| {what} | {} |\n", shown.join(" | "))
}

/// A table of some rows, without the columns in which nothing stands.
fn table(rows: &[String]) -> String {
    let cells: Vec<Vec<&str>> = rows.iter().map(|row| row.trim().trim_matches('|').split('|').map(str::trim).collect()).collect();
    let head: Vec<&str> = std::iter::once("what happens").chain(OUTCOMES.map(|(words, _)| words)).collect();
    let used: Vec<usize> = (0..head.len()).filter(|at| *at == 0 || cells.iter().any(|row| !row[*at].is_empty())).collect();
    let line = |row: &[&str]| format!("| {} |\n", used.iter().map(|at| row[*at]).collect::<Vec<_>>().join(" | "));
    let rule = format!("|{}\n", " --- |".repeat(used.len()));
    let body: String = cells.iter().map(|row| line(row)).collect();
    (line(&head) + &rule + &body).trim_end().to_owned()
}

/// The page for operators.
pub fn page(cells: &[Cell], lengths: &BTreeMap<Scene, usize>) -> String {
    let of = |wanted: &'static [Span], kind: Option<Kind>| {
        let hits = move |cell: &&Cell| match cell.strike {
            Strike::Call { kind: of, span, .. } => wanted.contains(&span) && kind.is_none_or(|kind| kind == of),
            Strike::Dokploy(_) => false,
        };
        cells.iter().filter(hits)
    };
    let passing: Vec<String> = [Span::Once, Span::Twice]
        .iter()
        .map(|span| row(span.name(), of(if *span == Span::Once { &[Span::Once] } else { &[Span::Twice] }, None)))
        .collect();
    let lasting: Vec<String> = Kind::ALL.iter().map(|kind| row(kind.name(), of(&[Span::ForEver], Some(*kind)))).collect();
    let single = Kind::ALL.iter().filter(|kind| kind.is_of_procedure());
    let single: Vec<String> = single.map(|kind| row(kind.name(), of(&[Span::ProcedureForEver], Some(*kind)))).collect();
    let mishaps = Mishap::ALL.map(|mishap| row(mishap.name(), cells.iter().filter(|cell| cell.strike == Strike::Dokploy(mishap))));
    let scenes: Vec<String> =
        lengths.iter().map(|(scene, length)| format!("- {}: {length} calls, ends with {}", scene.name(), scene.exit_code())).collect();
    PAGE.replace("{cells}", &cells.len().to_string())
        .replace("{kinds}", &Kind::ALL.len().to_string())
        .replace("{scenes}", &scenes.join("\n"))
        .replace("{passing}", &table(&passing))
        .replace("{lasting}", &table(&lasting))
        .replace("{single}", &table(&single))
        .replace("{mishaps}", &table(&mishaps))
}

const PAGE: &str = "\
# What a run survives

<!-- Made by tests/faults from the fault matrix; UPDATE_FIXTURES=1 cargo test faults:: writes it anew. -->

Every call of a run to Dokploy's API can fail in {kinds} ways, each for one call, for two in a row and for good. That is {cells} runs,
played on virtual time, in memory, through the code that talks to a real server. `cargo test` plays a fifth of those that differ in more than
the call's number; `.ci/run` plays all of them: `PLAN_MATRIX=all cargo test --test all faults::`. The runs:

{scenes}

What each must lead to is computed before it is tried, from what the call is for and what is known when it fails; these are the numbers
below. A run that ends otherwise fails the test, and so does one whose last sentence, exit code or journal says anything that the model of Dokploy does not hold at that moment.

The numbers below count runs. Where a write was struck it was tried both ways: Dokploy took it, or did not. \"Nothing changes\" means the
verdict and the exit code of the run that nothing struck.

## A call that fails, and then calls answer again

All {kinds} ways together:

{passing}

## Calls that fail for good

Every call from one on:

{lasting}

One procedure only, from one of its calls on, as when a right is taken away:

{single}

Every run that ended early was followed by another one with the fault gone, and that one came to the end; where the ending allows going on, so
did the run itself with `--resume`: to the end, or to what it would have come to had nothing struck it.

## Dokploy's own mishaps, at every call

{mishaps}

A deploy that waits or runs when Dokploy restarts is lost: its phase failed, and what ran before is verified again. Was it the rollback's, that
is told as a rollback that failed.

## What is guaranteed

- What passes changes nothing: the same verdict and exit code as if it had not been. A no, or an answer that makes no sense, is believed when it
  was repeated; a change whose answer was lost is looked up, and sent again only if it is not there.
- A deploy that Dokploy shows is never asked for again. One whose answer was lost is looked for, by its marker, in queue and history, for half a
  minute; only one that is nowhere is sent once more, under the same marker.
- Nothing is called verified that was not seen well, for its whole soak, at that moment.
- Only what lasts ends a run early, and the exit code says how far it was: 9 and 3, nothing was changed; 6, between two phases, on one that is
  verified; 5, a text was put there and not deployed, or a rollback could not be brought to its end; 10, something was sent and what became
  of it cannot be learnt.
- When it is over, the next run finds what is there and comes to the end, from every one of these places.

## What is not

- Dokploy takes no condition with a change: between our last look and our change somebody else's can be lost. It is found when the text is
  read back.
- A request that something on the way keeps for longer than half a minute and then delivers after all may deploy the same text twice.
- Before Dokploy has answered once, a wrong address must be told: there a run waits for a quarter of a minute, and not for a whole one.
- What a service does to its data when it is started twice is its own affair.
";

/// Holds a file of the repository against what it should be, or writes it.
pub fn hold(path: &str, text: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(there == text, "{path} is not what the fault matrix comes to; UPDATE_FIXTURES=1 writes it anew, then read the difference");
}
