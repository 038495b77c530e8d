//! The failure report: who failed, expected and actual, the telling lines, the hint.

use super::cause;
use super::line::{Line, Style, folded};
use super::progress::{Failure, View};
use super::safe;
use super::words::count;
use crate::engine::{Cause, Log, troubleshoot};

/// Lines of a log that are shown; the evidence folder has the rest.
const TAIL: usize = 20;

/// Rows that a long line of a log may take.
const ROWS: usize = 5;

/// The report on a failed phase or gate, with the evidence as far as it is known.
pub fn report(view: &View, failure: &Failure, width: usize) -> Vec<Line> {
    let mut lines = cause::detail(&view.outline, &failure.cause, width);
    let logs = logs(failure, width);
    if !logs.is_empty() && !lines.is_empty() {
        lines.push(Line::new());
    }
    lines.extend(logs);
    // Beside what was really written, and after it.
    let of = |id| view.outline.expectation(id);
    let advice = cause::advice(&troubleshoot::of_cause(&failure.cause, failure.evidence.as_deref(), of), width);
    if !advice.is_empty() {
        lines.push(Line::new());
        lines.extend(advice);
    }
    if let Some(path) = &failure.path {
        lines.push(Line::new());
        lines.push(Line::text("  evidence: ").styled(Style::Path, path).whole());
    }
    lines
}

/// The logs that tell of the cause: the build log's lines, or the tails of the failed services.
fn logs(failure: &Failure, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let evidence = failure.evidence.as_deref();
    match &failure.cause {
        Cause::Deploy { lines: telling, .. } if !telling.is_empty() => {
            lines.push(Line::text("  what the deploy log says:"));
            lines.extend(quoted(telling.iter().map(String::as_str), width));
        }
        Cause::Deploy { .. } | Cause::NeverStarted { .. } | Cause::DeployTimeout => {
            if let Some(evidence) = evidence {
                lines.extend(tail("the deploy log", &evidence.deploy_log, width));
            }
        }
        Cause::Services { services, .. } => {
            for failed in services {
                if let Some(log) = evidence.and_then(|evidence| evidence.logs.get(&failed.service)) {
                    if !lines.is_empty() {
                        lines.push(Line::new());
                    }
                    lines.extend(tail(&format!("the log of {}", failed.service), log, width));
                }
            }
        }
        Cause::QueueTimeout { .. }
        | Cause::RunTimeout
        | Cause::Expectations { .. }
        | Cause::CouldNotAsk { .. }
        | Cause::Asked { .. }
        | Cause::TextChanged { .. } => {}
    }
    lines
}

fn tail(of: &str, log: &Log, width: usize) -> Vec<Line> {
    if let (Some(missing), []) = (&log.missing, log.lines.as_slice()) {
        return vec![Line::text(format!("  {of} could not be read: {missing}")).fit(width)];
    }
    if log.lines.is_empty() {
        return vec![Line::text(format!("  {of} is empty"))];
    }
    let all = count(log.lines.len(), "line");
    let end = telling_end(&log.lines);
    let skipped = end.saturating_sub(TAIL);
    let head = match skipped {
        0 if end == log.lines.len() => format!("  {of}:"),
        _ if end == log.lines.len() => format!("  {of}, the last {TAIL} of {all}:"),
        _ => format!("  {of}, the {} up to its last error, of {} in all:", count(end - skipped, "line"), log.lines.len()),
    };
    let mut lines = vec![Line::text(head).fit(width)];
    lines.extend(quoted(log.lines[skipped..end].iter().map(String::as_str), width));
    lines
}

/// Where the tail ends that tells most: at the end, unless what ends a crash loop is another start and the error lies before it.
fn telling_end(lines: &[String]) -> usize {
    let tells = |line: &&String| {
        let line = line.to_lowercase();
        ["error", "fatal", "panic", "exception", "traceback", "killed"].iter().any(|word| line.contains(word))
    };
    let is_shown = lines[lines.len().saturating_sub(TAIL)..].iter().any(|line| tells(&line));
    if is_shown {
        return lines.len();
    }
    lines.iter().rposition(|line| tells(&line)).map_or(lines.len(), |at| at + 1)
}

fn quoted<'a>(texts: impl Iterator<Item = &'a str>, width: usize) -> Vec<Line> {
    let first = Line::text("  ").styled(Style::Dim, "│ ");
    texts.flat_map(safe::lines).flat_map(|text| folded(&first, &text, width, ROWS)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: impl IntoIterator<Item = &'static str>) -> Vec<String> {
        texts.into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn the_tail_ends_with_the_last_error_when_another_start_hides_it() {
        let starts = || std::iter::repeat_n("starting", 25);
        let crash = lines(starts().chain(["ConfigurationError: no database"]).chain(starts()));
        assert_eq!(telling_end(&crash), 26);
        let shown = lines(starts().chain(["fatal: bench crash", "starting"]));
        assert_eq!(telling_end(&shown), 27, "an error in the tail is seen there");
        assert_eq!(telling_end(&lines(starts())), 25, "without any error it is the end");
        assert_eq!(telling_end(&[]), 0);
    }
}
