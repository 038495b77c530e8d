//! Why something failed, for somebody who reads it on a phone.

use super::notice::AtFault;
use crate::engine::{Cause, FailedService, Outline, RowStatus};

/// Services that are named in a line; more are counted.
const NAMED: usize = 4;

/// Lines of a deploy's log that are told.
const LOG_LINES: usize = 5;

/// Services whose details are told.
pub(super) const DETAILED: usize = 6;

/// The cause in one line.
pub(super) fn cause(outline: &Outline, cause: &Cause) -> String {
    match cause {
        Cause::Deploy { status, services, candidates, .. } => {
            let end = match status {
                RowStatus::Done => "the deploy ended",
                RowStatus::Error => "the deploy ended in error",
                RowStatus::Cancelled => "the deploy was cancelled by a restart of Dokploy",
            };
            match services.len() {
                0 => end.to_owned(),
                1 => format!("{}: {end}", names(services)),
                _ if *candidates => format!("{end}, by one of {}", names(services)),
                _ => format!("{}: {end}", names(services)),
            }
        }
        Cause::NeverStarted { .. } => "Dokploy accepted the deploy and never started it".to_owned(),
        Cause::QueueTimeout { withdrawn: true } => "the deploy waited too long in Dokploy's queue, and was taken out again".to_owned(),
        Cause::QueueTimeout { withdrawn: false } => "the deploy waited too long in Dokploy's queue, and will run one day".to_owned(),
        Cause::DeployTimeout => "the deploy has not ended long after its time".to_owned(),
        Cause::RunTimeout => "the run's own time is over".to_owned(),
        Cause::Services { services, regression } => services_failed(services, *regression),
        Cause::Expectations { samples } => match samples.as_slice() {
            [(id, sample)] => format!("{}: {}", outline.expectation(*id).0, sample.actual),
            samples => {
                let mut asked: Vec<&str> = samples.iter().map(|(id, _)| outline.expectation(*id).0).collect();
                asked.dedup();
                format!("{} not as expected", names(asked))
            }
        },
        Cause::CouldNotAsk { why } => format!("could not ask: {}", first_line(why)),
        Cause::Asked { by } => format!("{by} asked for it"),
        Cause::TextChanged { .. } => "somebody changed the live compose text".to_owned(),
    }
}

fn services_failed(services: &[FailedService], regression: bool) -> String {
    let before = if regression { ", healthy before this phase" } else { "" };
    match services {
        [only] => format!("{}{before}: {}", only.service, if only.actual.is_empty() { &only.what } else { &only.actual }),
        several => format!("{} not healthy{before}", names(several.iter().map(|failed| &failed.service))),
    }
}

/// The services at fault, and lines of detail.
pub(super) fn at_fault(outline: &Outline, cause: &Cause) -> (Vec<AtFault>, Vec<String>) {
    match cause {
        Cause::Services { services, .. } => of_services(services),
        Cause::Deploy { services, candidates, lines, error, .. } => {
            let what =
                if *candidates && services.len() > 1 { "one of those that the deploy may have failed at" } else { "its deploy failed" };
            let one = |name: &String| AtFault {
                service: name.clone(),
                what: what.to_owned(),
                hint: outline.hints.get(name).cloned(),
                ..AtFault::default()
            };
            let said = error.iter().map(|error| format!("Dokploy says: {}", first_line(error)));
            let log = lines.iter().take(LOG_LINES).map(|line| format!("log: {}", first_line(line)));
            (services.iter().map(one).collect(), said.chain(log).collect())
        }
        Cause::Expectations { samples } => {
            let line = |(id, sample): &(crate::schedule::ExpectationId, crate::engine::Sample)| {
                format!("{}: expected: {}; actual: {}", outline.expectation(*id).0, sample.expected, sample.actual)
            };
            (Vec::new(), samples.iter().take(DETAILED).map(line).collect())
        }
        Cause::NeverStarted { evidence } => (Vec::new(), vec![first_line(evidence).to_owned()]),
        _ => (Vec::new(), Vec::new()),
    }
}

/// Services with what was expected of them and what was seen, and the same as lines.
pub(super) fn of_services(services: &[FailedService]) -> (Vec<AtFault>, Vec<String>) {
    let known = |text: &String| (!text.is_empty()).then(|| text.clone());
    let one = |failed: &FailedService| AtFault {
        service: failed.service.clone(),
        what: failed.what.clone(),
        expected: known(&failed.expected),
        actual: known(&failed.actual),
        hint: failed.hint.clone(),
        lasting: None,
    };
    let line = |failed: &FailedService| {
        let parts = [("expected", &failed.expected), ("actual", &failed.actual)].into_iter().filter(|(_, text)| !text.is_empty());
        let parts = parts.chain(failed.hint.iter().map(|hint| ("hint", hint))).map(|(name, text)| format!("; {name}: {text}"));
        format!("{}: {}{}", failed.service, failed.what, parts.collect::<String>())
    };
    let mut lines: Vec<String> = services.iter().take(DETAILED).map(line).collect();
    if services.len() > DETAILED {
        lines.push(format!("and {} more", services.len() - DETAILED));
    }
    (services.iter().map(one).collect(), lines)
}

/// `a, b and 3 more`.
pub(super) fn names<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let names: Vec<S> = names.into_iter().collect();
    let shown: Vec<&str> = names.iter().take(NAMED).map(AsRef::as_ref).collect();
    match (shown.split_last(), names.len()) {
        (_, all) if all > NAMED => format!("{} and {} more", shown.join(", "), all - NAMED),
        (Some((last, [])), _) => (*last).to_owned(),
        (Some((last, rest)), _) => format!("{} and {last}", rest.join(", ")),
        (None, _) => String::new(),
    }
}

/// The sentence of a text that a difference of compose texts may follow: no compose text leaves in a notice.
pub(super) fn first_line(text: &str) -> &str {
    let first = text.lines().next().unwrap_or_default();
    if first.starts_with("--- ") { "the compose text is another one" } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_a_list_that_ends() {
        assert_eq!(names(["a"]), "a");
        assert_eq!(names(["a", "b", "c"]), "a, b and c");
        assert_eq!(names(["a", "b", "c", "d", "e", "f"]), "a, b, c, d and 2 more");
        assert_eq!(names(Vec::<String>::new()), "");
    }

    #[test]
    fn no_difference_of_texts_is_told() {
        assert_eq!(first_line("edited by somebody:\n--- a\n+++ b\n+ PASSWORD: x"), "edited by somebody:");
        assert_eq!(first_line("--- a\n+ PASSWORD: x"), "the compose text is another one");
        assert_eq!(first_line(""), "");
    }
}
