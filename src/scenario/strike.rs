//! One line of a `when` block: from its words to the fault that the world knows.

use super::names;
use crate::diagnostic::{Code, Diagnostic};
use crate::schedule::Schedule;
use crate::source::{Span, Spanned};
use crate::syntax::{Clause, FaultExpr, Whom};
use crate::world::{Fault, FaultWords, Part, When};
use std::time::Duration;

/// Nobody waits longer, and sums of times are far from overflowing.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The fault that a line means, or what is wrong with it.
pub(super) fn fault(expr: &FaultExpr, when: When, line: Span, schedule: &Schedule) -> Result<Fault, Diagnostic> {
    let time = |clause: Clause| -> Result<Option<Duration>, Diagnostic> {
        let mut all = expr.clauses.iter().filter(|(of, _)| *of == clause).map(|(_, time)| time);
        let first = all.next();
        if let (Some(first), Some(again)) = (first, all.next()) {
            let problem = Diagnostic::new(Code::GivenTwice, format!("`{}` is given twice", clause.word()), again.span, "given again here");
            return Err(problem.label(first.span, "first given here").help("remove one of them"));
        }
        first.map(|first| within_reason(*first)).transpose()
    };
    let (whom, name) = match &expr.whom {
        Whom::Named(name) => (crate::world::Whom::Named(&name.value), name),
        Whom::External(name) => (crate::world::Whom::External(&name.value), name),
        Whom::Gate(name) => (crate::world::Whom::Gate(&name.value), name),
    };
    if let (Whom::Named(_), "plan", "killed") = (&expr.whom, name.value.as_str(), expr.kind.value.as_str()) {
        let problem = Diagnostic::new(Code::NotBuilt, "a scenario cannot kill `plan` itself", line, "not built yet");
        return Err(problem.help("`plan rehearse` without --test kills and resumes it at every moment that matters"));
    }
    let words = FaultWords {
        whom,
        // A sentence has a verb: `brain-api crashes`.
        kind: if expr.kind.value == "crashes" { "crash" } else { &expr.kind.value },
        length: expr.length.map(within_reason).transpose()?,
        when,
        after: time(Clause::After)?,
        lasts: time(Clause::For)?,
        every: time(Clause::Every)?,
    };
    let fault = Fault::of(words).map_err(|error| {
        let of = |word| expr.clauses.iter().find(|(clause, _)| clause.word() == word).map_or(line, |(_, time)| time.span);
        let (code, span, label) = match error.part() {
            Part::Whole => (Code::WrongKind, line, "not a fault"),
            Part::Kind => (Code::UnknownName, expr.kind.span, "no such kind"),
            Part::Length => match expr.length {
                Some(length) => (Code::WrongKind, length.span, "not a part of this kind"),
                None => (Code::WrongKind, expr.kind.span, "a duration belongs after this"),
            },
            Part::Clause("every") => (Code::TimeAlgebra, of("every"), "cannot be"),
            Part::Clause(word) => (Code::WrongKind, of(word), "does not go with this kind"),
        };
        Diagnostic::new(code, error.to_string(), span, label).help("docs/sandbox.md names every fault and what may follow it")
    })?;
    names::target(schedule, &fault.target).map_err(|unknown| unknown_name(unknown, name.span))?;
    Ok(fault)
}

/// The diagnostic for a name that the plan does not have.
pub(super) fn unknown_name((message, help): names::Unknown, span: Span) -> Diagnostic {
    let label = if message.starts_with("the plan has no") { "not in the plan" } else { "it cannot be struck" };
    Diagnostic::new(Code::UnknownName, message, span, label).help(help)
}

/// A time that something may take.
pub(super) fn within_reason(time: Spanned<Duration>) -> Result<Duration, Diagnostic> {
    let wrong = |message: &str, label: &str, help: &str| Err(Diagnostic::new(Code::OutOfRange, message, time.span, label).help(help));
    if time.value.is_zero() {
        return wrong("a time of nothing", "no time at all", "leave it out, or write a time such as `30s`");
    }
    if time.value > LONGEST { wrong("a time longer than 30 days", "too long", "at most `720h`") } else { Ok(time.value) }
}
