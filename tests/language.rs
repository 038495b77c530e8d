//! Fixtures of the language: plans with everything that is found in them, side by side in `tests/language/*.md`.
//!
//! A case is a `## ` heading, a `plan` block and a `diagnostics` block. The runner adds whatever a plan needs and the case leaves out
//! (`rollout`, `dokploy`, `app`, a phase) after its text; a block marked `plan whole` is taken as it stands. `UPDATE_FIXTURES=1` writes
//! the `diagnostics` blocks anew.

use rollout_plan::diagnostic::{Code, Diagnostic};
use rollout_plan::model::{Lowered, load};
use rollout_plan::source::{SourceMap, Span};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const SCAFFOLD: [(&str, &str); 4] = [
    ("rollout", "rollout shop\n"),
    ("dokploy", "dokploy {\n  url env(\"DOKPLOY_URL\")\n  api-key secret(\"DOKPLOY_API_KEY\")\n}\n"),
    ("app", "app backend {\n  project \"Backend\"\n  environment \"staging\"\n  compose \"backend\"\n}\n"),
    ("phase", "phase scaffold {\n  deploy backend from \"phase1.yml\"\n}\n"),
];

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) plan: String,
    whole: bool,
    pub(crate) expected: String,
}

impl Case {
    fn text(&self) -> String {
        let mut text = self.plan.clone();
        if !self.whole {
            for (keyword, statement) in SCAFFOLD {
                let given = |line: &str| line.trim_start().split([' ', '{', ':']).next() == Some(keyword);
                if !self.plan.lines().any(given) {
                    text.push_str(statement);
                }
            }
        }
        text
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/language")
}

fn documents() -> Vec<PathBuf> {
    documents_in(&folder())
}

/// The documents of a folder, by name.
pub(crate) fn documents_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the fixtures are there");
    let mut documents: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    documents.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    documents.sort();
    documents
}

/// The cases of a document.
fn cases(document: &str) -> Vec<Case> {
    cases_of("plan", document)
}

/// The same where texts stand in fences of another kind.
pub(crate) fn cases_of(fence: &str, document: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut heading = String::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("## ") {
            name.clone_into(&mut heading);
        }
        let Some(kind) = line.strip_prefix("```").filter(|kind| !kind.is_empty()) else { continue };
        let mut block = String::new();
        for inner in lines.by_ref().take_while(|inner| *inner != "```") {
            block.push_str(inner);
            block.push('\n');
        }
        if kind.starts_with(fence) {
            cases.push(Case { name: heading.clone(), plan: block, whole: kind == "plan whole", expected: String::new() });
        } else if let Some(case) = cases.last_mut().filter(|_| kind == "diagnostics") {
            case.expected = block;
        }
    }
    cases
}

/// The document with what was found in each case.
pub(crate) fn rewritten(fence: &str, document: &str, found: &[String]) -> String {
    let fence = format!("```{fence}");
    let mut out = String::new();
    let mut found = found.iter();
    let mut lines = document.lines().peekable();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if !line.starts_with(&fence) {
            continue;
        }
        for inner in lines.by_ref() {
            out.push_str(inner);
            out.push('\n');
            if inner == "```" {
                break;
            }
        }
        while lines.next_if(|next| next.is_empty()).is_some() {}
        let fresh = lines.next_if(|next| *next == "```diagnostics").is_none();
        if !fresh {
            for _ in lines.by_ref().take_while(|inner| *inner != "```") {}
        }
        let found = found.next().expect("one result for each case");
        let _ = write!(out, "\n```diagnostics\n{found}```\n{}", if fresh { "\n" } else { "" });
    }
    out
}

fn read(text: &str) -> (SourceMap, Lowered) {
    let mut sources = SourceMap::default();
    let file = sources.add("rollout.plan", text);
    let lowered = load(file, text);
    (sources, lowered)
}

pub(crate) fn render(sources: &SourceMap, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    let place = |span: Span| {
        let file = sources.file(span.file);
        let ((line, column), (last_line, last_column)) = (file.line_column(span.start as usize), file.line_column(span.end as usize));
        if line == last_line { format!("{line}:{column}-{last_column}") } else { format!("{line}:{column}-{last_line}:{last_column}") }
    };
    for diagnostic in diagnostics {
        let _ = writeln!(out, "{} {} {}", diagnostic.code, place(diagnostic.primary.span), diagnostic.message);
        let _ = writeln!(out, "  here: {}", diagnostic.primary.text);
        for label in &diagnostic.labels {
            let _ = writeln!(out, "  {}: {}", place(label.span), label.text);
        }
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(out, "  help: {help}");
        }
    }
    if out.is_empty() {
        out.push_str("none\n");
    }
    out
}

#[test]
fn every_fixture_says_exactly_what_is_found() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    let mut wrong = String::new();
    for path in documents() {
        let document = std::fs::read_to_string(&path).expect("a readable fixture");
        let mut results = Vec::new();
        for case in cases(&document) {
            let (sources, lowered) = read(&case.text());
            let found = render(&sources, &lowered.diagnostics);
            if found != case.expected {
                let name = path.file_name().unwrap_or_default().display();
                let _ = write!(wrong, "--- {name}: {}\nexpected:\n{}found:\n{found}\n", case.name, case.expected);
            }
            results.push(found);
        }
        if update {
            std::fs::write(&path, rewritten("plan", &document, &results)).expect("a writable fixture");
        }
    }
    assert!(update || wrong.is_empty(), "{wrong}\nUPDATE_FIXTURES=1 writes them anew");
}

#[test]
fn the_fixtures_cover_the_language_and_every_code_of_its_stages() {
    let mut codes = BTreeSet::new();
    let mut several = 0;
    let mut count = 0;
    for path in documents() {
        for case in cases(&std::fs::read_to_string(path).expect("a readable fixture")) {
            let (_, lowered) = read(&case.text());
            codes.extend(lowered.diagnostics.iter().map(|diagnostic| diagnostic.code));
            several += usize::from(lowered.diagnostics.len() >= 3);
            count += 1;
        }
    }
    assert!(count >= 40, "{count} cases");
    assert!(several >= 10, "{several} cases with three findings or more");
    // Told by those who read files, the environment and times; a plan too large has a test of its own.
    let elsewhere = [Code::Unreadable, Code::VariableNotSet, Code::TimeAlgebra, Code::TooLarge];
    let expected: BTreeSet<Code> =
        Code::ALL.iter().copied().filter(|code| *code <= Code::PhaseOrder && !elsewhere.contains(code)).collect();
    let missing: Vec<_> = expected.difference(&codes).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn the_example_has_nothing_wrong() {
    let text = std::fs::read_to_string(folder().join("bizosaas.plan")).expect("a readable fixture");
    let (sources, lowered) = read(&text);
    assert_eq!(render(&sources, &lowered.diagnostics), "none\n");
    assert!(lowered.is_valid());
}

#[test]
fn messages_are_one_line_without_a_full_stop() {
    for path in documents() {
        for case in cases(&std::fs::read_to_string(path).expect("a readable fixture")) {
            let (_, lowered) = read(&case.text());
            for found in lowered.diagnostics {
                assert!(!found.message.contains('\n') && !found.message.ends_with('.'), "{}", found.message);
                assert!(!found.message.is_empty() && !found.primary.text.is_empty(), "{found:?}");
            }
        }
    }
}
