//! Diagnostics a line each: for logs and editors, and for GitHub's checks.

use super::diagnostics::{Place, severity};
use super::safe;
use super::workflow::{self, Level};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::SourceMap;
use std::fmt::Write as _;

/// `FILE:LINE:COLUMN: error[CODE]: message: label; help: …`, as compilers write it, all of them. Further places follow their finding,
/// indented. Lines and columns count from 1.
pub fn plain(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let place = Place::of(&diagnostic.primary, sources);
        let told = format!("{}[{}]: {}", severity(diagnostic), diagnostic.code, message(diagnostic));
        let help = diagnostic.help.as_ref().map(|help| format!("; help: {help}")).unwrap_or_default();
        // Writing to a string cannot fail.
        writeln!(out, "{}: {}", at(&place), safe::line(&format!("{told}{help}"))).ok();
        for label in &diagnostic.labels {
            writeln!(out, "    {}: {}", at(&Place::of(label, sources)), safe::line(&label.text)).ok();
        }
    }
    out
}

/// Workflow commands, which GitHub shows beside the lines of a pull request; all of them. A finding over several lines has no columns:
/// GitHub takes them only within one.
pub fn github(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let place = Place::of(&diagnostic.primary, sources);
        // GitHub's end is the last column, ours the one after it.
        let columns = (place.line == place.end.line).then(|| (place.column, place.end.column.saturating_sub(1).max(place.column)));
        let spot = workflow::Place { file: place.file.clone(), lines: Some((place.line, place.end.line)), columns };
        let mut lines = vec![message(diagnostic)];
        lines.extend(diagnostic.labels.iter().map(|label| format!("{}: {}", at(&Place::of(label, sources)), label.text)));
        lines.extend(diagnostic.help.as_ref().map(|help| format!("help: {help}")));
        let level = match diagnostic.severity() {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
        };
        out.push_str(&workflow::command(level, Some(&spot), diagnostic.code.as_str(), &lines));
        out.push('\n');
    }
    out
}

/// What is wrong, and what is wrong with it here.
fn message(diagnostic: &Diagnostic) -> String {
    let label = &diagnostic.primary.text;
    if label.is_empty() { diagnostic.message.clone() } else { format!("{}: {label}", diagnostic.message) }
}

fn at(place: &Place<'_>) -> String {
    format!("{}:{}:{}", safe::line(&place.file), place.line, place.column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::Span;

    fn two() -> (Vec<Diagnostic>, SourceMap) {
        let mut sources = SourceMap::default();
        let plan = sources.add("a,b:c%/rollout.plan", "é soak 60\n}\n");
        let compose = sources.add("phase1.yml", "services:\n  web:\n");
        let wrong = Diagnostic::new(Code::UnitMissing, "`60` has no unit, 100%", Span::new(plan, 8..10), "a duration\r\nends so");
        let wrong = wrong.label(Span::new(compose, 12..15), "of this").help("write `soak 60s`");
        let warned = Diagnostic::new(Code::Unasserted, "over two lines", Span::new(plan, 0..12), "");
        (vec![wrong, warned], sources)
    }

    #[test]
    fn a_line_each_for_logs() {
        let (found, sources) = two();
        assert_eq!(
            plain(&found, &sources),
            "a,b:c%/rollout.plan:1:8: error[E0301]: `60` has no unit, 100%: a duration  ends so; help: write `soak 60s`\n    \
             phase1.yml:2:3: of this\n\
             a,b:c%/rollout.plan:1:1: warning[W0501]: over two lines\n"
        );
    }

    #[test]
    fn workflow_commands_escape_what_would_end_them() {
        let (found, sources) = two();
        assert_eq!(
            github(&found, &sources),
            "::error file=a%2Cb%3Ac%25/rollout.plan,line=1,endLine=1,col=8,endColumn=9,title=E0301::`60` has no unit, 100%25: a duration%0D%0Aends \
             so%0Aphase1.yml:2:3: of this%0Ahelp: write `soak 60s`\n\
             ::warning file=a%2Cb%3Ac%25/rollout.plan,line=1,endLine=2,title=W0501::over two lines\n"
        );
    }
}
