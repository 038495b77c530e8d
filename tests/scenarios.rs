//! Scenarios: what is found wrong in their files, what their words mean, and what they are judged by.
//!
//! `tests/scenarios/*.md` holds files with everything that is found in them, against the plan of the example.

use crate::language::{cases_of, documents_in, render, rewritten};
use rollout_plan::cli::check::find;
use rollout_plan::diagnostic::Code;
use rollout_plan::fmt::format;
use rollout_plan::scenario::{Staged, load};
use rollout_plan::schedule::Schedule;
use rollout_plan::source::SourceMap;
use rollout_plan::world::{Fault, When};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn schedule() -> Schedule {
    find(&root().join("examples/bizosaas/rollout.plan")).schedule.unwrap()
}

fn staged(text: &str, schedule: &Schedule) -> (SourceMap, Staged) {
    let mut sources = SourceMap::default();
    let file = sources.add("failures.scenario", text);
    (sources, load(file, text, schedule))
}

fn documents() -> Vec<PathBuf> {
    documents_in(&root().join("tests/scenarios"))
}

#[test]
fn every_fixture_says_exactly_what_is_found() {
    let (update, schedule) = (std::env::var_os("UPDATE_FIXTURES").is_some(), schedule());
    let (mut wrong, mut codes) = (String::new(), BTreeSet::new());
    for path in documents() {
        let document = std::fs::read_to_string(&path).unwrap();
        let mut results = Vec::new();
        for case in cases_of("scenario", &document) {
            let (sources, staged) = staged(&case.plan, &schedule);
            for found in &staged.diagnostics {
                assert!(!found.message.contains('\n') && !found.message.ends_with('.') && !found.primary.text.is_empty(), "{found:?}");
                codes.insert(found.code);
            }
            let found = render(&sources, &staged.diagnostics);
            if found != case.expected {
                let _ = write!(wrong, "--- {}\nexpected:\n{}found:\n{found}\n", case.name, case.expected);
            }
            results.push(found);
        }
        if update {
            std::fs::write(&path, rewritten("scenario", &document, &results)).unwrap();
        }
    }
    assert!(update || wrong.is_empty(), "{wrong}\nUPDATE_FIXTURES=1 writes them anew");
    let wanted = [
        Code::Syntax,
        Code::UnclosedBlock,
        Code::Misplaced,
        Code::UnknownName,
        Code::DeclaredTwice,
        Code::Missing,
        Code::GivenTwice,
        Code::UnitMissing,
        Code::WrongKind,
        Code::OutOfRange,
        Code::Interpolation,
        Code::TimeAlgebra,
    ];
    let missing: Vec<&Code> = wanted.iter().filter(|code| !codes.contains(code)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

/// Every kind of fault, in every block and with clauses, means what the same words mean in `--fault`.
#[test]
fn faults_mean_what_they_mean_on_the_command_line() {
    let schedule = schedule();
    let blocks = [("always", ""), ("when phase core", " in core"), ("when rollback", " in rollback"), ("from phase core", " from core")];
    let clauses = ["", " after 40s", " for 20s", " after 40s for 20s", " for 20s every 2m", " every 2m"];
    let (mut read, mut refused) = (0, 0);
    for kind in Fault::kinds() {
        let (whom, kind) = kind.split_once(": ").unwrap();
        let whom = match whom {
            "SERVICE" => "brain-api",
            "external NAME" => "external postgres",
            "gate NAME" => "gate go-ahead",
            whom => whom,
        };
        for ((block, scope), clause) in blocks.iter().flat_map(|block| clauses.iter().map(move |clause| (block, clause))) {
            let text = format!("scenario a {{\n  {block} {{ {whom} {kind}{clause} }}\n  expect verified\n}}\n");
            let (_, staged) = staged(&text, &schedule);
            match Fault::parse(&format!("{whom}: {kind}{scope}{clause}")) {
                Ok(fault) => {
                    assert!(staged.diagnostics.is_empty(), "{text}{:?}", staged.diagnostics);
                    assert_eq!(staged.scenarios[0].faults(), [fault], "{text}");
                    read += 1;
                }
                Err(error) => {
                    let messages: Vec<&str> = staged.diagnostics.iter().map(|found| found.message.as_str()).collect();
                    assert_eq!(messages, [error.to_string()], "{text}");
                    refused += 1;
                }
            }
            assert_eq!(format(&text).as_deref(), Ok(text.as_str()));
        }
    }
    assert!(read > 300 && refused > 50, "{read} read, {refused} refused");
}

#[test]
fn names_that_only_quotes_can_hold_are_said() {
    let text = "scenario a {\n  when phase core { \"brain-api\" crashes }\n  expect verified\n}\n";
    let (_, staged) = staged(text, &schedule());
    assert!(staged.diagnostics.is_empty(), "{:?}", staged.diagnostics);
    let fault = &staged.scenarios[0].faults()[0];
    assert_eq!((fault.to_string().as_str(), &fault.when), ("brain-api: crash in core", &When::Phase("core".to_owned())));
}

#[test]
fn a_plan_refuses_scenarios() {
    let mut sources = SourceMap::default();
    let file = sources.add("rollout.plan", "");
    let found = rollout_plan::model::load(file, "scenario a { expect verified }\n").diagnostics;
    assert!(found.iter().any(|found| found.code == Code::Misplaced && found.message.contains("does not belong in the plan")), "{found:?}");
}
