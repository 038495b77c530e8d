//! The documents are true: what they show is read by the parser, the commands exist, files and links are there, and what they promise
//! is held by a test.

use rollout_plan::cli;
use rollout_plan::diagnostic::Code;
use rollout_plan::fmt;
use rollout_plan::model;
use rollout_plan::scenario;
use rollout_plan::source::SourceMap;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A fenced block: the word after the fence, the line it begins on, its text.
struct Fence {
    kind: String,
    line: usize,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// README, CHANGELOG and everything in docs, by path from the root.
fn documents() -> BTreeMap<PathBuf, String> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| Path::new("docs").join(entry.unwrap().file_name()));
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.chain(["README.md".into(), "CHANGELOG.md".into()]).map(|path| (path.clone(), read(path))).collect()
}

fn fences(text: &str) -> Vec<Fence> {
    let mut found: Vec<Fence> = Vec::new();
    let mut open = false;
    for (at, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), open) {
            (Some(kind), false) => {
                found.push(Fence { kind: kind.to_owned(), line: at + 1, text: String::new() });
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => {
                let text = &mut found.last_mut().unwrap().text;
                text.push_str(line);
                text.push('\n');
            }
            (None, false) => {}
        }
    }
    assert!(!open, "a fence is never closed");
    found
}

/// What stands in backticks on its line, outside fences.
fn spans(text: &str) -> Vec<String> {
    let mut open = false;
    let prose = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        open ^= fence;
        !fence && !open
    });
    prose.flat_map(|line| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn every_fence_says_what_it_holds() {
    for (path, text) in documents() {
        for fence in fences(&text) {
            let known = ["plan", "scenario", "sh", "yaml", "text", "diff"].contains(&fence.kind.as_str());
            assert!(known, "{}:{}: `{}` is no kind of block", path.display(), fence.line, fence.kind);
        }
    }
}

#[test]
fn plans_in_the_documents_are_read() {
    let mut read = 0;
    for (path, text) in documents() {
        for fence in fences(&text).iter().filter(|fence| fence.kind == "plan") {
            let mut sources = SourceMap::default();
            let file = sources.add(&path, fence.text.clone());
            // A snippet is no whole plan: what it leaves out, and names that it takes from elsewhere, may be missing.
            let wrong = model::load(file, &fence.text).diagnostics;
            let wrong: Vec<_> =
                wrong.iter().filter(|wrong| !matches!(wrong.code, Code::Missing | Code::UnknownName | Code::PhaseOrder)).collect();
            assert!(wrong.is_empty(), "{}:{}: {wrong:#?}", path.display(), fence.line);
            read += 1;
        }
    }
    assert!(read >= 6, "only {read}");
}

#[test]
fn plans_in_the_documents_are_formatted() {
    for (path, text) in documents() {
        for fence in fences(&text).iter().filter(|fence| fence.kind == "plan") {
            let formatted = fmt::format(&fence.text).unwrap();
            if std::env::var_os("UPDATE_FIXTURES").is_some() {
                let document = read(&path);
                fs::write(
                    root().join(&path),
                    document.replace(&format!("```plan\n{}```", fence.text), &format!("```plan\n{formatted}```")),
                )
                .unwrap();
            } else {
                assert_eq!(fence.text, formatted, "{}:{}: UPDATE_FIXTURES=1 formats it", path.display(), fence.line);
            }
        }
    }
}

#[test]
fn scenarios_in_the_documents_are_of_the_example_and_formatted() {
    let schedule = cli::check::find(&root().join("examples/bizosaas/rollout.plan")).schedule.unwrap();
    let mut read = 0;
    for (path, text) in documents() {
        for fence in fences(&text).iter().filter(|fence| fence.kind == "scenario") {
            let file = SourceMap::default().add(&path, fence.text.clone());
            let staged = scenario::load(file, &fence.text, &schedule);
            assert!(staged.diagnostics.is_empty(), "{}:{}: {:#?}", path.display(), fence.line, staged.diagnostics);
            assert_eq!(fence.text, fmt::format(&fence.text).unwrap(), "{}:{}", path.display(), fence.line);
            read += staged.scenarios.len();
        }
    }
    assert!(read >= 2, "only {read}");
}

/// The command lines of a document that call `plan`: from blocks of shell, and from prose.
fn commands(text: &str) -> Vec<String> {
    let shell = fences(text)
        .into_iter()
        .filter(|fence| fence.kind == "sh")
        .flat_map(|fence| fence.text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>());
    let lines = shell.chain(spans(text));
    lines
        .filter_map(|line| {
            let line = line.replace("cargo run --release --", "plan");
            let line = line.split(" #").next()?.split(" | ").next()?.trim();
            let rest = line.strip_prefix("plan ")?;
            // `plan run=…` is the marker line.
            (!rest.contains('…') && !rest.contains('=')).then(|| line.to_owned())
        })
        .collect()
}

/// Words as a shell takes them apart: blanks, and quotes around them.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for char in line.chars() {
        match (char, quote) {
            ('"' | '\'', None) => quote = Some(char),
            (char, Some(open)) if char == open => quote = None,
            (' ', None) => words.push(String::new()),
            (char, _) => words.last_mut().unwrap().push(char),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn commands_in_the_documents_exist() {
    let mut seen = 0;
    for (path, text) in documents() {
        for line in commands(&text) {
            let wrong = cli::misread(words(&line));
            assert_eq!(wrong, None, "{}: `{line}`", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 10, "only {seen}");
    assert!(cli::misread(words("plan run --sandbxo")).is_some() && cli::misread(words("plan wathc")).is_some());
}

#[test]
fn links_lead_somewhere() {
    for (path, text) in documents() {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !target.contains("://") {
                let file = root().join(path.parent().unwrap()).join(target.split('#').next().unwrap());
                assert!(file.exists(), "{} links to {target}", path.display());
            }
        }
    }
}

#[test]
fn files_that_the_documents_name_are_there() {
    let source = |name: &str| name.contains('/') && [".rs", ".pest", ".plan", ".jsonl"].iter().any(|end| name.ends_with(end));
    for (path, text) in documents() {
        for name in spans(&text).into_iter().filter(|name| source(name) && !name.contains(['*', '<', ' '])) {
            let there = [root().join(&name), root().join("src").join(&name)].iter().any(|path| path.exists());
            assert!(there, "{} names {name}", path.display());
        }
    }
}

#[test]
fn the_order_of_the_layers_is_told_alike() {
    let arrows = |line: &str| -> Vec<String> {
        let plain = line.replace(['`', '.'], "").replace("//!", "");
        plain
            .split('→')
            .map(|layer| layer.split_whitespace().next().unwrap_or_default().to_owned())
            .filter(|layer| !layer.is_empty())
            .collect()
    };
    let library = read("src/lib.rs");
    let library = library.lines().filter(|line| line.contains('→')).collect::<String>();
    let library: Vec<String> = arrows(&library.replace("report` → `cli`", "report → cli "));
    let document = read("docs/architecture.md");
    let fence = fences(&document).into_iter().next().unwrap().text;
    let told = arrows(fence.lines().next().unwrap());
    let beside = ["world", "sandbox"];
    let library: Vec<String> = library.into_iter().filter(|layer| !beside.contains(&layer.as_str())).collect();
    assert_eq!(told, library);
    assert!(told.len() > 10, "{told:?}");
    let folders = told.iter().map(String::as_str).chain(beside);
    folders.for_each(|layer| {
        assert!([layer.to_owned(), format!("{layer}.rs")].iter().any(|name| root().join("src").join(name).exists()), "{layer}");
    });
}

#[test]
fn every_promise_is_held_by_a_test() {
    let text = read("docs/promises.md");
    let promises: Vec<&str> = text.split("\n## ").skip(1).collect();
    let numbers: Vec<usize> = promises.iter().map(|promise| promise.split('.').next().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    for promise in promises {
        let title = promise.lines().next().unwrap();
        let tests: Vec<&str> = promise.lines().filter(|line| line.starts_with("- `")).collect();
        assert!(!tests.is_empty(), "nothing holds: {title}");
        for line in tests {
            let mut names = line.split('`').skip(1).step_by(2);
            let (name, file) = (names.next().unwrap(), names.next().unwrap());
            assert!(is_test(&read(file), name), "{title}: there is no test {name} in {file}");
        }
    }
}

/// Whether a function is a test: an attribute before it says so.
fn is_test(code: &str, name: &str) -> bool {
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| line.strip_prefix("async ").unwrap_or(line).starts_with(&format!("fn {name}(")));
    at.is_some_and(|at| lines[..at].iter().rev().take_while(|line| line.starts_with('#')).any(|line| line.contains("test")))
}

#[test]
fn every_fault_is_in_the_table() {
    let document = read("docs/sandbox.md");
    let rows: Vec<&str> =
        document.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).filter(|row| row.contains(": ")).collect();
    let kinds: Vec<String> = rollout_plan::world::Fault::kinds().collect();
    for kind in &kinds {
        let is = |row: &&&str| **row == kind || row.strip_prefix(kind.as_str()).is_some_and(|rest| rest.starts_with(" ["));
        assert_eq!(rows.iter().filter(is).count(), 1, "`{kind}` has a row in docs/sandbox.md");
    }
    assert_eq!(rows.len(), kinds.len(), "rows of faults that there are not: {rows:?}");
}

#[test]
fn the_first_run_is_as_shown() {
    let folder = tempfile::tempdir().unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_plan"))
        .args(["run", "--sandbox", "--speed", "max", "--format", "plain", "--color", "never", "--state", "state"])
        .arg(root().join("examples/bizosaas/rollout.plan"))
        .current_dir(folder.path())
        .env_remove("STAGING_HOST")
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(0));
    let shown = [run.stderr, run.stdout].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    let masked: String = shown.lines().map(masked).collect();
    let document = read("docs/first-run.md");
    let told = fences(&document).into_iter().find(|fence| fence.kind == "text").unwrap().text;
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        return std::fs::write(root().join("docs/first-run.md"), document.replace(&told, &masked)).unwrap();
    }
    assert_eq!(told, masked);
}

/// A line without the folder of the run, which is another one each time.
fn masked(line: &str) -> String {
    match line.split_once("state/runs/") {
        Some((before, after)) => format!("{before}…/{}\n", after.split_once('/').unwrap().1),
        None => format!("{line}\n"),
    }
}
