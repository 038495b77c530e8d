//! From a file's text to its scenarios: everything wrong with it told at once.

use super::names;
use super::staged::{Expected, Scenario, Staged};
use super::strike::{fault, unknown_name, within_reason};
use crate::diagnostic::{self, Code, Diagnostic};
use crate::schedule::Schedule;
use crate::source::{FileId, Span, Spanned};
use crate::syntax::{self, Head, Name, Piece, Scope, Statement, TextExpr, TextKind, Wanted};
use crate::world::{Fault, When};
use std::collections::BTreeMap;

/// What a run can end with (docs/exit-codes.md), but for signals and what ends before anything is asked.
const CODES: [u64; 8] = [0, 3, 4, 5, 6, 7, 9, 10];

/// Reads a file of scenarios of this plan.
pub fn load(file: FileId, text: &str, schedule: &Schedule) -> Staged {
    let parsed = syntax::parse(file, text);
    let mut lowering = Lowering { text, schedule, problems: parsed.problems };
    let mut named: BTreeMap<String, Span> = BTreeMap::new();
    let mut scenarios = Vec::new();
    let mut inside = 0;
    for statement in &parsed.ast.statements {
        let Head::Scenario(name) = &statement.head else {
            // What stands in a scenario's block was told of.
            if statement.span.start >= inside {
                lowering.not_here(statement);
            }
            continue;
        };
        inside = statement.block.as_ref().and_then(|block| block.close).map_or(inside, |close| close.end);
        if let Some(first) = named.insert(name.value.clone(), name.span) {
            let message = format!("scenario \"{}\" is declared twice", name.value);
            let problem = Diagnostic::new(Code::DeclaredTwice, message, name.span, "declared again here");
            lowering.problems.push(problem.label(first, "first declared here").help("give one of them another name"));
        }
        scenarios.push(lowering.scenario(name, statement));
    }
    if scenarios.is_empty() && lowering.problems.is_empty() {
        let problem = Diagnostic::new(Code::Missing, "there is no scenario in this file", parsed.ast.end, "nothing is said");
        lowering.problems.push(problem.help("write `scenario NAME { … }` with what goes wrong and what is expected of it"));
    }
    diagnostic::sort(&mut lowering.problems);
    Staged { scenarios, diagnostics: lowering.problems }
}

struct Lowering<'a> {
    text: &'a str,
    schedule: &'a Schedule,
    problems: Vec<Diagnostic>,
}

impl Lowering<'_> {
    /// A statement of a plan. What cannot be read was told of.
    fn not_here(&mut self, statement: &Statement) {
        if !matches!(statement.head, Head::Broken { .. }) {
            let message = format!("`{}` does not belong in a file of scenarios", statement.form.keyword);
            let problem = Diagnostic::new(Code::Misplaced, message, statement.keyword, "not here");
            self.problems.push(problem.help("it belongs in the plan; here stand `scenario` blocks alone"));
        }
    }

    fn scenario(&mut self, name: &Name, statement: &Statement) -> Scenario {
        let mut scenario = Scenario { name: name.clone(), note: None, faults: Vec::new(), expected: Vec::new() };
        for part in statement.body() {
            match &part.head {
                Head::Note(note) => scenario.note = self.note(note),
                Head::When(scope) => {
                    let faults = self.faults(scope, part);
                    scenario.faults.extend(faults);
                }
                Head::Wanted(wanted) => {
                    self.is_sound(wanted);
                    let text = self.text[part.span.range()].split_whitespace().collect::<Vec<_>>().join(" ");
                    scenario.expected.push(Expected { wanted: wanted.clone(), text, span: part.span });
                }
                _ => {}
            }
        }
        if scenario.expected.is_empty() && statement.block.is_some() && !statement.is_damaged() {
            let problem = Diagnostic::new(Code::Missing, "`scenario` has no `expect`", statement.span, "it could not fail");
            self.problems.push(problem.help("say what must come of it, such as `expect verified` or `expect rolled back to PHASE`"));
        }
        for kind in [is_end, is_exit] {
            let mut given = scenario.expected.iter().filter(|expected| kind(&expected.wanted));
            if let (Some(first), Some(again)) = (given.next(), given.next()) {
                let problem = Diagnostic::new(Code::GivenTwice, "how the run ends is expected twice", again.span, "expected again here");
                self.problems.push(problem.label(first.span, "first expected here").help("a run ends once: remove one of them"));
            }
        }
        scenario
    }

    fn note(&mut self, note: &TextExpr) -> Option<String> {
        let TextKind::Pieces(pieces) = &note.kind else { return None };
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Characters(characters) => text.push_str(characters),
                Piece::Name(name) => {
                    let message = format!("`{{{}}}` puts nothing in: a file of scenarios has no `let`", name.value);
                    let help = format!("write `\\{{{}}}` for the characters, or a raw string: '…'", name.value);
                    self.problems.push(Diagnostic::new(Code::Interpolation, message, name.span, "no such name").help(help));
                }
            }
        }
        Some(text)
    }

    /// The faults of a block.
    fn faults(&mut self, scope: &Scope, block: &Statement) -> Vec<Spanned<Fault>> {
        let when = match scope {
            Scope::Phase(name) => When::Phase(name.value.clone()),
            Scope::From(name) => When::From(name.value.clone()),
            Scope::Rollback => When::Rollback,
            Scope::Always => When::Always,
        };
        if let (Err((message, help)), Scope::Phase(name) | Scope::From(name)) = (names::scope(self.schedule, &when), scope) {
            let is_rollback = name.value == "rollback";
            let help = if is_rollback { "what strikes in a rollback stands in `when rollback { … }`".to_owned() } else { help };
            self.problems.push(unknown_name((message, help), name.span));
        }
        let mut faults = Vec::new();
        for line in block.body() {
            let Head::Fault(expr) = &line.head else { continue };
            match fault(expr, when.clone(), line.span, self.schedule) {
                Ok(fault) => faults.push(Spanned::new(fault, line.span)),
                Err(problem) => self.problems.push(problem),
            }
        }
        if block.body().is_empty() && block.block.is_some() && !block.is_damaged() {
            let problem =
                Diagnostic::new(Code::Missing, format!("`{}` has no fault", block.form.keyword), block.span, "nothing goes wrong");
            self.problems.push(problem.help("write whom it strikes and what, such as `SERVICE crash after 40s`"));
        }
        faults
    }

    /// Whether what is expected can be so at all.
    fn is_sound(&mut self, wanted: &Wanted) {
        let (limit, unknown) = match wanted {
            Wanted::Verified(limit) | Wanted::Stopped(limit) | Wanted::Degraded(limit) | Wanted::Noticed(limit) => (*limit, None),
            Wanted::RolledBack(to, limit) => (*limit, to.as_ref().and_then(|to| self.target(to))),
            Wanted::PhaseVerified(name) | Wanted::PhaseFailed(name) => {
                (None, names::phase(self.schedule, &name.value).err().map(|unknown| (unknown, name.span)))
            }
            Wanted::Blamed(name, limit) => (*limit, self.service(name)),
            Wanted::Healthy(name) => (None, self.service(name)),
            Wanted::Exit(code) => {
                if !CODES.contains(&code.value) {
                    let codes = CODES.map(|code| code.to_string()).join(", ");
                    let problem =
                        Diagnostic::new(Code::OutOfRange, format!("no run ends with {}", code.value), code.span, "not the end of a run");
                    self.problems.push(problem.help(format!("a run ends with one of {codes} (docs/exit-codes.md)")));
                }
                (None, None)
            }
            Wanted::Unnoticed => (None, None),
        };
        if let Some((unknown, span)) = unknown {
            self.problems.push(unknown_name(unknown, span));
        }
        if let Some(Err(problem)) = limit.map(within_reason) {
            self.problems.push(problem);
        }
    }

    fn service(&self, name: &Name) -> Option<(names::Unknown, Span)> {
        names::service(self.schedule, &name.value).err().map(|unknown| (unknown, name.span))
    }

    /// What a rollback may go back to.
    fn target(&self, name: &Name) -> Option<(names::Unknown, Span)> {
        let mut valid = names::phases(self.schedule);
        valid.push("baseline");
        (!valid.contains(&name.value.as_str())).then(|| (names::unknown("phase", &name.value, &valid), name.span))
    }
}

fn is_end(wanted: &Wanted) -> bool {
    matches!(wanted, Wanted::Verified(_) | Wanted::RolledBack(..) | Wanted::Stopped(_) | Wanted::Degraded(_))
}

fn is_exit(wanted: &Wanted) -> bool {
    matches!(wanted, Wanted::Exit(_))
}
