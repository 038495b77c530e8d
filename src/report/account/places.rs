//! Where in the plan a failure belongs, and what is known of it in lines.

use super::fold::Account;
use crate::engine::{Cause, troubleshoot};
use crate::report::line::Line;
use crate::report::progress::Failure;
use crate::report::workflow::Place;
use crate::report::{cause, failure};
use crate::schedule::Subject;

/// Columns that lines are broken at: where reports are read they are scrolled, or broken there.
const WIDTH: usize = 1000;

/// The place in the plan of a line of it. Where the plan may be another one since, the file alone.
pub(super) fn place(account: &Account, line: Option<usize>) -> Option<Place> {
    let file = account.origin.plan.clone();
    let line = line.filter(|_| !account.is_another_plan);
    (!file.is_empty()).then(|| Place { file, lines: line.map(|line| (line, line)), columns: None })
}

/// The line of a service's expectation, by what failed of it.
pub(super) fn of_service(account: &Account, service: &str, what: &str) -> Option<usize> {
    account.origin.lines.expectation(&Subject::Service(service.to_owned()), what)
}

/// What is known of a cause, without differences of compose texts and logs: expected and actual, likely causes.
pub(super) fn detail(account: &Account, cause: &Cause) -> Vec<String> {
    let view = &account.view;
    let failures = [view.rollback.as_ref().and_then(|rollback| rollback.failure.as_ref()), view.failure.as_ref()];
    let failure = failures.into_iter().flatten().find(|failure| failure.cause == *cause);
    let evidence = failure.and_then(|failure| failure.evidence.as_deref());
    let mut lines = match cause {
        Cause::TextChanged { .. } => Vec::new(),
        cause => cause::detail(&view.outline, cause, WIDTH),
    };
    lines.extend(cause::advice(&troubleshoot::of_cause(cause, evidence, |id| view.outline.expectation(id)), WIDTH));
    plain(&lines)
}

/// The whole report of a failure, with what the logs say.
pub(super) fn report(account: &Account, failure: &Failure) -> Vec<String> {
    match failure.cause {
        Cause::TextChanged { .. } => Vec::new(),
        _ => plain(&failure::report(&account.view, failure, WIDTH)),
    }
}

/// Lines without colour, their common indent left out.
pub(super) fn plain(lines: &[Line]) -> Vec<String> {
    let lines: Vec<String> = lines.iter().map(|line| line.render(false)).collect();
    let indent =
        lines.iter().filter(|line| !line.is_empty()).map(|line| line.len() - line.trim_start_matches(' ').len()).min().unwrap_or(0);
    lines.iter().map(|line| line.get(indent..).unwrap_or_default().to_owned()).collect()
}
