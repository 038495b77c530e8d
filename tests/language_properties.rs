//! What holds of every text: reading never panics, spans lie in the file, and the work grows with the text and not faster.

use proptest::prelude::*;
use rollout_plan::diagnostic::Diagnostic;
use rollout_plan::model::load;
use rollout_plan::source::{SourceMap, Span};
use rollout_plan::syntax::{Statement, parse};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

pub(crate) const PLAN: &str = include_str!("language/bizosaas.plan");

fn spans(diagnostic: &Diagnostic) -> impl Iterator<Item = Span> {
    std::iter::once(diagnostic.primary.span).chain(diagnostic.labels.iter().map(|label| label.span))
}

fn walk(statements: &[Statement], lies_in: &dyn Fn(Span)) {
    for statement in statements {
        lies_in(statement.span);
        lies_in(statement.keyword);
        if let Some(block) = &statement.block {
            lies_in(block.open);
            block.close.iter().for_each(|close| lies_in(*close));
        }
        walk(statement.body(), lies_in);
    }
}

/// Reads a text and checks what must hold of every reading.
fn read(text: &str) {
    let mut sources = SourceMap::default();
    let file = sources.add("rollout.plan", text);
    let parsed = parse(file, text);
    let lies_in = |span: Span| {
        let range = span.range();
        assert!(text.get(range.clone()).is_some(), "{range:?} is no range of a text of {} bytes: {text:?}", text.len());
    };
    walk(&parsed.ast.statements, &lies_in);
    parsed.ast.comments.iter().for_each(|comment| assert!(text[comment.range()].starts_with('#')));
    let lowered = load(file, text);
    lowered.diagnostics.iter().flat_map(spans).for_each(lies_in);
    // What is left out has been told of.
    if lowered.plan.is_none() || lowered.gaps != rollout_plan::model::Gaps::default() {
        assert!(!lowered.is_valid(), "{text:?}");
    }
}

/// The example with pieces cut, doubled, swapped or put in.
pub(crate) fn mutated() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "\"",
        "'",
        "[",
        "]",
        "(",
        ")",
        ",",
        "#",
        "\n",
        "=",
        ":",
        " ",
        "\\",
        "$",
        "{x}",
        "..",
        "10",
        "5 minutes",
        "“",
        "”",
        "é",
        "phase",
        "service x {",
        "expect",
        "within",
        "\u{a0}",
        "\r\n",
        "/",
        "env(",
        "secret(\"",
    ]);
    let edit = (0..PLAN.len(), 0usize..40, piece);
    prop::collection::vec(edit, 1..6).prop_map(|edits| {
        let mut text = PLAN.to_owned();
        for (at, cut, piece) in edits {
            let floor = |text: &str, mut at: usize| {
                at = at.min(text.len());
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let (start, end) = (floor(&text, at), floor(&text, at + cut));
            text.replace_range(start..end, piece);
        }
        text
    })
}

/// Words of the language in any order.
pub(crate) fn salad() -> impl Strategy<Value = String> {
    let mut words: Vec<&str> = rollout_plan::syntax::FORMS.iter().map(|form| form.keyword).collect();
    words.extend([
        "{",
        "}",
        "\n",
        "\n",
        " ",
        " ",
        " ",
        "\"a\"",
        "'b'",
        "10m",
        "5",
        "==",
        "<",
        "[200, 302]",
        "after",
        "within",
        "from",
        "x",
        ",",
    ]);
    words.extend([
        "http",
        "tcp",
        "external",
        "\"http://{x}/\"",
        "env(\"A\")",
        "secret(\"B\")",
        "failure",
        "rollback",
        "#",
        "in",
        "200..299",
    ]);
    prop::collection::vec(prop::sample::select(words), 0..80).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in "\\PC*|(.|\n){0,200}") {
        read(&text);
    }

    #[test]
    fn a_mutated_plan_is_read(text in mutated()) {
        read(&text);
    }

    #[test]
    fn words_in_any_order_are_read(text in salad()) {
        read(&text);
    }

    #[test]
    fn a_plan_cut_anywhere_is_read(at in 0..PLAN.len()) {
        let at = (0..=at).rev().find(|at| PLAN.is_char_boundary(*at)).unwrap_or(0);
        read(&PLAN[..at]);
    }
}

fn time(text: &str, times: usize, work: impl Fn(&str)) -> Duration {
    let start = Instant::now();
    for _ in 0..times {
        work(text);
    }
    start.elapsed()
}

/// The work of reading a text.
fn loaded(text: &str) {
    let file = SourceMap::default().add("rollout.plan", text);
    std::hint::black_box(load(file, text));
}

/// A text sixteen times as long, read once, and the short one, read sixteen times, are the same work if it grows linearly; if it grows
/// with the square, the long one is sixteen times as much. Both take about as long on the clock, so that a busy machine slows both.
#[track_caller]
pub(crate) fn grows_linearly(what: &str, text: impl Fn(usize) -> String, work: impl Fn(&str)) {
    const ROOM: u32 = 6;
    let (short, long) = (text(32), text(512));
    let mut measured = Vec::new();
    for _ in 0..5 {
        let (short, long) = (time(&short, 16, &work).max(Duration::from_micros(500)), time(&long, 1, &work));
        if long < short * ROOM {
            return;
        }
        measured.push((short, long));
    }
    panic!("{what}: {measured:?}");
}

#[test]
fn broken_texts_take_no_more_than_linear_time() {
    let read_linearly = |what: &str, text: &dyn Fn(usize) -> String| grows_linearly(what, text, loaded);
    read_linearly("unclosed declarations", &|count| {
        (0..count).fold(String::new(), |text, n| text + &format!("phase p{n} {{\n  soak 1s\n"))
    });
    read_linearly("unclosed nested blocks", &|count| "  expect http \"http://a/\" {\n".repeat(count / 8));
    read_linearly("unclosed blocks on one line", &|count| "gate a { ".repeat(count / 8));
    read_linearly("unclosed lists", &|count| "status in [200,\n".repeat(count));
    read_linearly("unclosed strings", &|count| "note \"abc {\n".repeat(count / 8));
    read_linearly("broken statements", &|count| "settle = 5 minutes\n".repeat(count));
    read_linearly("junk", &|count| "- \"x\": [1, 2\n".repeat(count));
    read_linearly("stray braces", &|count| "}\n".repeat(count));
    read_linearly("empty blocks on one line", &|count| "gate a {} ".repeat(count));
    read_linearly("statements on one line", &|count| "settle within 1m ".repeat(count));
    read_linearly("blanks", &|count| format!("note{}x\n", " ".repeat(count * 20)));
    read_linearly("blanks after a quote", &|count| format!("note \"{}x\n", " ".repeat(count * 20)));
    read_linearly("brackets", &|count| format!("note {}\n", "[".repeat(count * 20)));
    read_linearly("quotes", &|count| format!("note {}\n", "\"'".repeat(count * 10)));
    read_linearly("braces in a string", &|count| format!("note \"{}\"\n", "{x".repeat(count * 10)));
    read_linearly("names in a list", &|count| format!("require {}a\n", "a, ".repeat(count * 5)));
    read_linearly("unclosed list of names", &|count| format!("require {}\n", "a, \n".repeat(count)));
    read_linearly("unknown names", &|count| {
        (0..count).fold(String::new(), |text, n| text + &format!("phase p{n} after q{n} {{\n  require g{n}\n}}\n"))
    });
}

#[test]
fn twenty_unclosed_blocks_are_read_at_once_and_told_one_by_one() {
    let mut text = String::new();
    for level in 0..20 {
        let _ = writeln!(text, "{}expect http \"http://a/\" {{", "  ".repeat(level));
    }
    let file = SourceMap::default().add("rollout.plan", text.as_str());
    let start = Instant::now();
    let parsed = parse(file, &text);
    // Exponential would be hours; a second is a busy machine.
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(parsed.problems.len() <= 60, "{}", parsed.problems.len());
}

#[test]
fn what_is_too_large_or_too_deep_gets_one_diagnostic() {
    use rollout_plan::diagnostic::Code;
    use rollout_plan::syntax::MAX_BYTES;
    for text in ["#\n".repeat(MAX_BYTES / 2 + 1), "a {".repeat(100_000), "phase p { ".repeat(100_000)] {
        let file = SourceMap::default().add("rollout.plan", "");
        let lowered = load(file, &text);
        let too_large = lowered.diagnostics.iter().filter(|found| found.code == Code::TooLarge).count();
        assert_eq!(too_large, 1);
    }
}
