//! First plans made from compose files: each parses and checks without errors, and reads as shown.

use crate::fixture;
use rollout_plan::check::{FileError, Files};
use rollout_plan::compose;
use rollout_plan::diagnostic::{Code, Diagnostic, Severity};
use rollout_plan::init::{self, Draft, Given, Names};
use rollout_plan::model;
use rollout_plan::schedule;
use rollout_plan::source::SourceMap;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Compose files by name.
type Texts = BTreeMap<String, String>;

struct Memory<'a>(&'a Texts);

impl Files for Memory<'_> {
    fn read(&self, path: &str) -> Result<String, FileError> {
        self.0.get(path).cloned().ok_or(FileError::Missing)
    }

    fn beside(&self, _path: &str) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The first plan for these files, in the order of their names.
fn draft(texts: &Texts, folder: &str) -> Draft {
    let mut sources = SourceMap::default();
    let given: Vec<Given> = texts
        .iter()
        .map(|(path, text)| {
            let text = text.trim_start_matches('\u{feff}');
            let file = sources.add(path, text);
            Given { path: path.clone(), compose: compose::read(file, text).unwrap_or_else(|faults| panic!("{path}: {faults:#?}")) }
        })
        .collect();
    let order = init::order(&given).unwrap();
    let given: Vec<Given> = order.places.iter().map(|at| given[*at].clone()).collect();
    init::draft(&given, &Names::guessed(folder, [None; 4]), "")
}

/// What the check says of a plan beside these files.
fn checked(plan: &str, texts: &Texts) -> Vec<Diagnostic> {
    let mut sources = SourceMap::default();
    let file = sources.add("rollout.plan", plan);
    schedule::prepare(&model::load(file, plan), &mut sources, &Memory(texts)).diagnostics
}

/// The layout that the language's formatter leaves as it is.
#[track_caller]
fn is_laid_out(text: &str) {
    assert!(text.ends_with('\n') && !text.ends_with("\n\n") && !text.contains("\n\n\n"), "{text}");
    let mut depth = 0;
    for line in text.lines() {
        assert_eq!(line, line.trim_end(), "blanks at the end");
        let inner = line.trim_start();
        depth -= usize::from(inner == "}");
        assert!(line.is_empty() || line.len() - inner.len() == 2 * depth, "{line:?}");
        depth += usize::from(!inner.starts_with('#') && inner.ends_with('{'));
        if let Some((before, _)) = line.split_once(" # ") {
            assert!(before.trim().is_empty() || !before.ends_with(' '), "{line:?}");
        }
        assert!(!line.starts_with('#') || line.chars().count() <= 100, "{line:?}");
    }
    assert_eq!(depth, 0);
}

fn styles() -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(root().join("tests/compose/styles")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_style_of_compose_file_gives_a_plan_without_errors() {
    let mut plans = 0;
    for path in styles() {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let texts = Texts::from([(name.clone(), text)]);
        let draft = draft(&texts, "shop");
        is_laid_out(&draft.text);
        assert_eq!(draft.guesses, draft.text.lines().filter(|line| line.ends_with(" # guess")).count(), "{name}");
        let errors: Vec<_> = checked(&draft.text, &texts).into_iter().filter(|found| found.severity() == Severity::Error).collect();
        // What is wrong with the file itself no plan can mend, and it is never the plan that is wrong.
        let of_the_file = [Code::PortClash, Code::ContainerNameClash, Code::DependencyLater, Code::DependencyCycle, Code::JobOrService];
        assert!(errors.iter().all(|error| of_the_file.contains(&error.code)), "{name}: {errors:#?}\n{}", draft.text);
        plans += usize::from(errors.is_empty());
    }
    assert!(plans >= 20, "only {plans} plans without errors");
}

fn example() -> Texts {
    let read = |number: usize| {
        (format!("phase{number}.yml"), fs::read_to_string(root().join(format!("examples/bizosaas/phase{number}.yml"))).unwrap())
    };
    (1..=4).map(read).collect()
}

#[test]
fn the_example_as_init_would_begin_it() {
    let draft = draft(&example(), "bizosaas");
    assert_eq!(checked(&draft.text, &example()), []);
    is_laid_out(&draft.text);
    fixture::compare(&root().join("tests/initial/bizosaas.plan"), &draft.text);
}

#[test]
fn a_file_with_something_of_everything() {
    let folder = root().join("tests/initial");
    let texts = Texts::from([("compose.yml".to_owned(), fs::read_to_string(folder.join("everything.yml")).unwrap())]);
    let draft = draft(&texts, "My Shop");
    is_laid_out(&draft.text);
    fixture::compare(&folder.join("everything.plan"), &draft.text);
    let found = checked(&draft.text, &texts);
    assert!(found.iter().all(|found| found.severity() == Severity::Warning), "{found:#?}");
}

#[test]
fn a_ring_is_told_once() {
    let text = "services:\n  a: {image: a, depends_on: [b]}\n  b: {image: b, depends_on: [a]}\n  c: {image: c, depends_on: [a]}\n";
    let texts = Texts::from([("compose.yml".to_owned(), text.to_owned())]);
    let draft = draft(&texts, "shop");
    assert!(!draft.text.contains("needs"), "{}", draft.text);
    let errors = checked(&draft.text, &texts).into_iter().filter(|found| found.severity() == Severity::Error);
    assert_eq!(errors.map(|found| found.code).collect::<Vec<_>>(), [Code::DependencyCycle]);
}

#[test]
fn what_a_service_needs_is_what_it_needs_when_it_comes() {
    let texts = Texts::from([
        ("phase1.yml".to_owned(), "services:\n  a: {image: 'a:1'}\n".to_owned()),
        ("phase2.yml".to_owned(), "services:\n  a: {image: 'a:1', depends_on: [b]}\n  b: {image: 'b:1'}\n".to_owned()),
    ]);
    let draft = draft(&texts, "shop");
    assert_eq!(checked(&draft.text, &texts), [], "{}", draft.text);
}

#[test]
fn names_of_any_kind_are_written_so_that_they_are_read() {
    let text = "services:\n  web.1: {image: 'a:1', depends_on: [1st]}\n  1st: {image: 'a:1'}\n  '{x} y': {image: 'a:1'}\n";
    let texts = Texts::from([("a \"b\" {c}.yml".to_owned(), text.to_owned())]);
    let draft = draft(&texts, "2024 {shop}");
    assert_eq!(checked(&draft.text, &texts), [], "{}", draft.text);
    assert!(draft.text.contains("  needs \"1st\"\n"), "{}", draft.text);
}

#[test]
fn a_plan_for_many_services_takes_time_in_proportion() {
    let services = |count: usize| {
        let of = |at: usize| format!("  s{at}: {{image: a, ports: ['{}:80'], depends_on: [s{}]}}\n", 10_000 + at, at.saturating_sub(1));
        format!("services:\n  s0: {{image: a}}\n{}", (1..count).map(of).collect::<String>())
    };
    let texts = Texts::from([("compose.yml".to_owned(), services(1_500))]);
    let draft = draft(&texts, "shop");
    assert_eq!(draft.text.matches("\nservice ").count(), 1_500);
    assert!(draft.text.lines().all(|line| line.len() < 200), "a list of all names");
}
