//! `plan fmt`: fixtures, each messy plan of `tests/fmt` beside what it becomes, and what holds of every plan.

use crate::fixture;
use crate::language_properties::{PLAN, grows_linearly, mutated, salad};
use proptest::prelude::*;
use regex::Regex;
use rollout_plan::fmt::{Refusal, format, format_file};
use rollout_plan::model::load;
use rollout_plan::source::SourceMap;
use rollout_plan::syntax::{FORMS, parse};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The plans that are messy.
fn messy() -> Vec<PathBuf> {
    plans("tests/fmt").into_iter().filter(|path| path.parent().unwrap().ends_with("tests/fmt")).collect()
}

/// Every plan below a folder of the project.
fn plans(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "plan" || extension == "scenario") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap().replace("\r\n", "\n")
}

#[test]
fn messy_plans_become_what_stands_beside_them() {
    let plans = messy();
    assert!(plans.len() >= 5, "{plans:?}");
    for path in plans {
        let formatted = format(&read(&path)).unwrap_or_else(|problems| panic!("{}: {problems:#?}", path.display()));
        fixture::compare(&path.with_extension("formatted"), &formatted);
        assert_ne!(formatted, read(&path), "{} is not messy", path.display());
        holds(&read(&path));
    }
}

#[test]
fn every_statement_is_in_a_fixture() {
    let formatted: String = messy().iter().map(|path| read(&path.with_extension("formatted"))).collect();
    for form in FORMS {
        let shape = form.shape.trim_end_matches(" { … }");
        let there = formatted
            .lines()
            .any(|line| line.trim_start().strip_prefix(shape).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')));
        assert!(there, "`{}` is in no fixture", form.shape);
    }
}

#[test]
fn the_examples_and_what_is_tidy_stay_as_they_are() {
    let examples = plans("examples");
    assert!(!examples.is_empty());
    for path in examples.into_iter().chain(plans("tests/fmt/tidy")) {
        let (before, after) = (read(&path), format(&read(&path)).unwrap());
        let diff = similar::TextDiff::from_lines(&before, &after);
        assert_eq!(diff.unified_diff().to_string(), "", "{}", path.display());
    }
}

#[test]
fn marks_and_line_ends_of_other_systems_go() {
    for (text, wanted) in [
        ("\u{feff}rollout x\r\n\r\n\r\ngate a {\r\n\tnote \"b\"   \r\n}\r\n", "rollout x\n\ngate a {\n  note \"b\"\n}\n"),
        ("# a\r# b\rrollout x", "# a\n# b\nrollout x\n"),
        ("", ""),
        ("\n \n\t\n", ""),
        ("\u{feff}", ""),
        ("  # alone", "# alone\n"),
    ] {
        assert_eq!(format(text).as_deref(), Ok(wanted), "{text:?}");
        holds(text);
    }
}

#[test]
fn what_cannot_be_read_is_told() {
    for text in ["service x {", "}", "settle = 5 minutes", "services:\n  web:\n", "gate a { ping } ping", "gate a\n{\n}", "note \"{\""] {
        assert!(!format(text).unwrap_err().is_empty(), "{text}");
    }
    for text in ["phase a after nowhere { deploy gone from \"x\" }", "sampling { every 0s }", "warn http \"x\"\n", "rollout x\nrollout x\n"]
    {
        let _ = format(text).inspect_err(|problems| assert!(!problems.is_empty()));
    }
    assert!(format("phase a after nowhere { deploy gone from \"x\" }").is_ok(), "names are not asked after");
}

static SPAN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"Span \{ file: FileId\(\d+\), start: \d+, end: \d+ \}").unwrap());

/// What a text means, places aside: the plan, what is wrong with it, and the comments.
fn meaning(text: &str) -> (String, Vec<String>, Vec<String>) {
    let file = SourceMap::default().add("rollout.plan", text);
    let lowered = load(file, text);
    let plan = SPAN.replace_all(&format!("{:?}", lowered.plan), "").into_owned();
    let wrong = lowered.diagnostics.iter().map(|wrong| format!("{} {}", wrong.code, wrong.message)).collect();
    let comments = parse(file, text).ast.comments.iter().map(|comment| text[comment.range()].trim_end().to_owned()).collect();
    (plan, wrong, comments)
}

/// Formats a text and checks what must hold of every outcome. Says whether it could be read.
fn holds(text: &str) -> bool {
    let file = SourceMap::default().add("rollout.plan", text);
    let formatted = match format_file(file, text) {
        Ok(formatted) => formatted,
        Err(Refusal::Altered) => panic!("not the same: {text}"),
        Err(Refusal::Unreadable(problems)) => {
            assert_eq!(problems, parse(file, text).problems);
            assert!(!problems.is_empty());
            return false;
        }
    };
    assert_eq!(format(&formatted).as_ref(), Ok(&formatted), "again is another text: {text:?}");
    assert_eq!(meaning(&formatted), meaning(text), "{text:?}");
    assert!(!formatted.contains('\r') && !formatted.contains("\n\n\n") && !formatted.starts_with('\n'), "{formatted:?}");
    assert!(formatted.is_empty() || formatted.ends_with('\n') && !formatted.ends_with("\n\n"), "{formatted:?}");
    assert!(!formatted.lines().any(|line| line.ends_with([' ', '\t'])), "{formatted:?}");
    let blank_at_a_brace = formatted.contains("{\n\n")
        || formatted.lines().collect::<Vec<_>>().windows(2).any(|two| two[0].is_empty() && two[1].trim_start().starts_with('}'));
    assert!(!blank_at_a_brace, "{formatted:?}");
    true
}

/// Texts that say what `plan` says, and look otherwise: blanks, line ends, blank lines and comments are put in wherever they may stand.
fn unlaid(plan: String) -> impl Strategy<Value = String> {
    prop::collection::vec(0u8..100, 400).prop_map(move |choices| {
        let mut choices = choices.into_iter().cycle();
        let mut choice = || choices.next().unwrap();
        let mut text = String::new();
        let mut rest = plan.as_str();
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '"' | '\'' | '/' => {
                    let mut escaped = false;
                    let end = rest.char_indices().skip(1).find(|(_, char)| {
                        let ends = *char == first && !escaped;
                        escaped = *char == '\\' && first != '\'' && !escaped;
                        ends
                    });
                    end.map_or(rest.len(), |(at, _)| at + 1)
                }
                '#' => rest.find('\n').unwrap_or(rest.len()),
                _ => first.len_utf8(),
            };
            let piece = &rest[..length];
            rest = &rest[length..];
            let (before, kept, after) = match (piece, choice()) {
                (" ", 0..10) => ("", piece, "  "),
                (" ", 10..15) => ("", "\t", ""),
                ("," | "[" | "(", 0..10) => ("", piece, "\n"),
                ("," | "[" | "(", 10..15) => ("", piece, " # in a list\n"),
                ("," | "[" | "(", 15..20) => ("", piece, "\r\n\n  # in a list, alone\r\n"),
                ("{" | "}", 0..10) => ("", piece, " # at a brace\n"),
                ("{", 10..20) => ("", piece, "\n\n"),
                ("}", 10..20) => ("# before a brace\n", piece, "\n"),
                ("}", 20..25) => ("\n\n", piece, ""),
                ("\n", 0..10) => ("\n", piece, "\n"),
                ("\n", 10..15) => ("\r", piece, "\t"),
                ("\n", 15..20) => ("", piece, "  # between\n"),
                ("\n", 20..25) => ("  # behind \t", piece, ""),
                _ => ("", piece, ""),
            };
            text.extend([before, kept, after]);
        }
        text
    })
}

/// A plan of the fixtures or the example.
fn any_plan() -> impl Strategy<Value = String> {
    let mut texts: Vec<String> = plans("tests/fmt").iter().map(|path| read(path)).collect();
    texts.push(PLAN.to_owned());
    prop::sample::select(texts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_formatted_or_refused(text in "\\PC*|(.|\n){0,200}") {
        holds(&text);
    }

    #[test]
    fn a_mutated_plan_is_formatted_or_refused(text in mutated()) {
        holds(&text);
    }

    #[test]
    fn words_in_any_order_are_formatted_or_refused(text in salad()) {
        holds(&text);
    }

    #[test]
    fn a_plan_laid_out_otherwise_keeps_its_meaning(text in any_plan().prop_flat_map(unlaid)) {
        // A brace or line end that moved may stand where none may be; mostly it does not.
        holds(&text);
    }
}

#[test]
fn most_plans_laid_out_otherwise_can_be_read() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let read = (0..40).filter(|_| holds(&any_plan().prop_flat_map(unlaid).new_tree(&mut runner).unwrap().current())).count();
    assert!(read >= 20, "only {read} of 40");
}

#[test]
fn formatting_takes_linear_time() {
    let formatted = |text: &str| drop(std::hint::black_box(format(text)));
    grows_linearly("blocks", |count| "gate a {\nexpect server { disk free > 1GiB }\n}\n".repeat(count), formatted);
    grows_linearly(
        "blocks without a blank line between",
        |count| "# a\n".repeat(count * 4) + &"gate a {\n}\n".repeat(count * 4),
        formatted,
    );
    grows_linearly("comments", |count| "gate a { # b\n# c\n} # d\n# e\n".repeat(count), formatted);
    grows_linearly("a block of comments", |count| format!("gate a {{\n{}}}\n", "# b\n\n".repeat(count * 4)), formatted);
    grows_linearly("a list", |count| format!("status in [{}200]\n", "200 # a\n,".repeat(count * 4)), formatted);
    grows_linearly("names", |count| format!("needs {}a\n", "a,\n".repeat(count * 4)), formatted);
    grows_linearly("a long line", |count| format!("gate a {{ note \"{}\" }}\n", "a".repeat(count * 100)), formatted);
    grows_linearly("blank lines", |count| "\n".repeat(count * 40) + "rollout x", formatted);
}
