//! Diagnostics for people and for programs. The data is ours; only this file knows the renderer.

use super::{safe, words};
use crate::compose::blotted;
use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::source::{FileId, SourceFile, SourceMap, Span};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

/// How many are shown unless all are asked for.
pub const SHOWN: usize = 50;

/// A place at most so many lines from the primary one is shown together with it, with all that lies between. One
/// farther away is shown below it, so that the place in the header is always the primary one.
const NEAR: usize = 10;

/// Longer lines are not drawn: they would bury the message.
const MAX_LINE: usize = 2_000;

/// How diagnostics are drawn for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns that messages are wrapped to. Lines of source are never wrapped.
    pub width: usize,
    /// Whether escape sequences may be used.
    pub colour: bool,
    /// Show more than [`SHOWN`].
    pub all: bool,
}

/// The diagnostics in the order given, one report each, and how many there are. Empty without any.
pub fn human(diagnostics: &[Diagnostic], sources: &SourceMap, look: Look) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let theme = if look.colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(look.width).with_links(false).with_show_related_as_nested(true);
    let mut texts = Texts { sources, harmless: BTreeMap::new() };
    let shown = if look.all { diagnostics.len() } else { SHOWN };
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(shown) {
        let report = Report::of(diagnostic, &mut texts);
        // Writing to a string cannot fail.
        handler.render_report(&mut out, &report).ok();
        out.push('\n');
    }
    if diagnostics.len() > shown {
        writeln!(out, "… and {} more; `--all` shows them", diagnostics.len() - shown).ok();
    }
    out.push_str(&summary(diagnostics));
    out.push('\n');
    out
}

/// `2 errors, 1 warning`.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let of = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity() == severity).count();
    match (of(Severity::Error), of(Severity::Warning)) {
        (errors, 0) => words::count(errors, "error"),
        (0, warnings) => words::count(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", words::count(errors, "error"), words::count(warnings, "warning")),
    }
}

/// One JSON object a line, all of them.
pub fn json(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let line = Line {
            code: diagnostic.code.as_str(),
            severity: severity(diagnostic),
            message: &diagnostic.message,
            place: Place::of(&diagnostic.primary, sources),
            labels: diagnostic.labels.iter().map(|label| Place::of(label, sources)).collect(),
            help: diagnostic.help.as_deref(),
        };
        // Strings and numbers are always JSON.
        out.push_str(&serde_json::to_string(&line).unwrap_or_default());
        out.push('\n');
    }
    out
}

/// Its severity in a word.
pub(super) fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

#[derive(Serialize)]
struct Line<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
    labels: Vec<Place<'a>>,
    help: Option<&'a str>,
}

/// Lines and columns count from 1; columns count characters; the end is the first column after the place.
#[derive(Serialize)]
pub(super) struct Place<'a> {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) end: End,
    label: &'a str,
}

#[derive(Serialize)]
pub(super) struct End {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl<'a> Place<'a> {
    pub(super) fn of(label: &'a Label, sources: &SourceMap) -> Self {
        let file = sources.file(label.span.file);
        let (line, column) = file.line_column(label.span.start as usize);
        let end = file.line_column(label.span.end as usize);
        let end = End { line: end.0, column: end.1 };
        Self { file: file.path().display().to_string(), line, column, end, label: &label.text }
    }
}

/// The texts that are shown, with what a terminal would obey replaced byte for byte, so that spans stay right.
struct Texts<'a> {
    sources: &'a SourceMap,
    harmless: BTreeMap<FileId, Arc<str>>,
}

impl Texts<'_> {
    fn source(&mut self, id: FileId, joined: bool) -> Source {
        let file = self.sources.file(id);
        let text = self.harmless.entry(id).or_insert_with(|| harmless(&without_secrets(file)));
        Source { name: safe::line(&file.path().display().to_string()), text: text.clone(), joined }
    }

    /// A place that the renderer can show: inside the text, and at least one character wide. What is empty at the end
    /// of a line or of the text moves onto the character before it; the renderer would drop it or trip over it.
    fn place(&mut self, span: Span) -> SourceSpan {
        let span = self.sources.clamp(span);
        let text = self.sources.file(span.file).text();
        let (start, end) = (span.start as usize, span.end as usize);
        let visible = text[start..end].trim_end_matches(['\r', '\n']);
        if !visible.is_empty() {
            return (start, visible.len()).into();
        }
        let next = text[start..].chars().next().filter(|next| !matches!(next, '\r' | '\n'));
        if let Some(next) = next {
            return (start, next.len_utf8()).into();
        }
        let before = text[..start].trim_end_matches(['\r', '\n']);
        let last = before.chars().next_back().map_or(1, char::len_utf8);
        (before.len().saturating_sub(last), last).into()
    }

    fn labels(&mut self, labels: &[&Label], primary: Option<&Label>) -> Vec<LabeledSpan> {
        labels
            .iter()
            .map(|label| {
                let text = (!label.text.is_empty()).then(|| safe::line(&label.text));
                let place = self.place(label.span);
                if primary == Some(*label) {
                    LabeledSpan::new_primary_with_span(text, place)
                } else {
                    LabeledSpan::new_with_span(text, place)
                }
            })
            .collect()
    }
}

/// A compose file's text with what may be secret in it blotted out, byte for byte. A plan's text is shown as it is: it names its secrets.
fn without_secrets(file: &SourceFile) -> String {
    let is_compose = file.path().extension().is_some_and(|end| end == "yml" || end == "yaml");
    if is_compose { blotted(file.text()) } else { file.text().to_string() }
}

/// The text with every character that a terminal would obey, and carriage returns that end no line, replaced by as
/// many `?` as it has bytes.
fn harmless(text: &str) -> Arc<str> {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        let keep = match char {
            '\t' => true,
            '\r' => rest.peek() == Some(&'\n'),
            char => safe::is_harmless(char.encode_utf8(&mut [0; 4])),
        };
        if keep {
            shown.push(char);
        } else {
            shown.extend(std::iter::repeat_n('?', char.len_utf8()));
        }
    }
    shown.into()
}

/// Whether the lines of a place, and one more before and after, can be drawn.
fn has_short_lines(text: &str, span: Span) -> bool {
    let bytes = text.as_bytes();
    let (start, end) = (span.start as usize, span.end as usize);
    let short = |before: &[u8], is_all: bool| {
        // The rest of the place's own line, and the next one.
        let mut lines = before.splitn(3, |byte| *byte == b'\n');
        let (own, next) = (lines.next(), lines.next());
        own.is_none_or(|own| own.len() <= MAX_LINE) && next.is_none_or(|next| next.len() <= MAX_LINE) && (is_all || lines.next().is_some())
    };
    let from = start.saturating_sub(2 * MAX_LINE + 2);
    let to = bytes.len().min(end + 2 * MAX_LINE + 2);
    let backwards: Vec<u8> = bytes[from..start].iter().rev().copied().collect();
    short(&backwards, from == 0)
        && short(&bytes[end..to], to == bytes.len())
        && bytes[start..end].split(|byte| *byte == b'\n').all(|line| line.len() <= MAX_LINE)
}

/// A named text as the renderer reads it.
#[derive(Debug)]
struct Source {
    name: String,
    text: Arc<str>,
    /// Show what lies between places, too.
    joined: bool,
}

impl SourceCode for Source {
    fn read_span<'a>(&'a self, span: &SourceSpan, before: usize, after: usize) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let read = (*self.text).read_span(span, before, after)?;
        // The renderer joins places whose lines meet by this count. Its own takes in every line above, and would join
        // far too much.
        let lines = read.data().split(|byte| *byte == b'\n').count() - 1 + if self.joined { NEAR } else { 0 };
        let (name, data, span) = (self.name.clone(), read.data(), *read.span());
        Ok(Box::new(MietteSpanContents::new_named(name, data, span, read.line(), read.column(), lines)))
    }
}

/// One diagnostic as the renderer takes it: the places of its own file, and those of each other file as a report of
/// their own below it.
#[derive(Debug)]
struct Report {
    message: String,
    code: Option<&'static str>,
    severity: miette::Severity,
    help: Option<String>,
    source: Option<Source>,
    labels: Vec<LabeledSpan>,
    related: Vec<Report>,
}

impl Report {
    fn of(diagnostic: &Diagnostic, texts: &mut Texts<'_>) -> Self {
        let file = diagnostic.primary.span.file;
        let line = |label: &Label| texts.sources.file(file).line_column(label.span.start as usize).0;
        let is_near = |label: &&Label| label.span.file == file && line(label).abs_diff(line(&diagnostic.primary)) <= NEAR;
        let (near, far): (Vec<&Label>, Vec<&Label>) = diagnostic.labels.iter().partition(is_near);
        let mut own = vec![&diagnostic.primary];
        own.extend(near);
        let mut by_file: BTreeMap<FileId, Vec<&Label>> = BTreeMap::new();
        for label in far {
            by_file.entry(label.span.file).or_default().push(label);
        }
        let severity = match diagnostic.severity() {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        };
        // A file that is not there, or has nothing in it, has no line to show.
        let is_blank = texts.sources.file(file).text().is_empty();
        let is_drawn =
            !is_blank && own.iter().all(|label| has_short_lines(texts.sources.file(file).text(), texts.sources.clamp(label.span)));
        let mut told = diagnostic.message.clone();
        if !is_blank && !is_drawn {
            let (line, column) = texts.sources.file(file).line_column(diagnostic.primary.span.start as usize);
            write!(told, " in {}:{line}:{column}", texts.sources.file(file).path().display()).ok();
        }
        if !is_drawn && !diagnostic.primary.text.is_empty() {
            write!(told, ": {}", diagnostic.primary.text).ok();
        }
        Self {
            message: safe::line(&told),
            code: Some(diagnostic.code.as_str()),
            severity,
            help: diagnostic.help.as_deref().map(safe::line),
            source: is_drawn.then(|| texts.source(file, true)),
            labels: texts.labels(&own, Some(&diagnostic.primary)),
            related: by_file
                .into_iter()
                .filter(|(file, labels)| {
                    let text = texts.sources.file(*file).text();
                    labels.iter().all(|label| has_short_lines(text, texts.sources.clamp(label.span)))
                })
                .collect::<Vec<_>>()
                .into_iter()
                .map(|(file, labels)| Self::beside(file, &labels, texts))
                .collect(),
        }
    }

    fn beside(file: FileId, labels: &[&Label], texts: &mut Texts<'_>) -> Self {
        let source = texts.source(file, false);
        Self {
            message: format!("and in {}", source.name),
            code: None,
            severity: miette::Severity::Advice,
            help: None,
            labels: texts.labels(labels, None),
            source: Some(source),
            related: Vec::new(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code.map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        (!self.related.is_empty()).then(|| Box::new(self.related.iter().map(|report| report as &dyn miette::Diagnostic)) as Box<_>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use proptest::prelude::*;

    const LOOK: Look = Look { width: 100, colour: false, all: false };

    fn one(text: &str, range: std::ops::Range<usize>) -> String {
        let mut sources = SourceMap::default();
        let file = sources.add("rollout.plan", text);
        human(&[Diagnostic::new(Code::Syntax, "message", Span::new(file, range), "here")], &sources, LOOK)
    }

    #[test]
    fn two_files_make_one_report() {
        let mut sources = SourceMap::default();
        let plan = sources.add("rollout.plan", "phase core {\n  deploy backend from \"phase2.yml\"\n}\n");
        let compose = sources.add("phase2.yml", "services:\n  web:\n    image: a\n");
        let diagnostic =
            Diagnostic::new(Code::ServiceDropped, "phase \"core\" drops service \"web\"", Span::new(plan, 35..47), "does not have it")
                .label(Span::new(compose, 12..15), "running before")
                .help("write `removes web`");
        let shown = human(&[diagnostic], &sources, LOOK);
        assert_eq!(
            shown,
            "\
E0403

  × phase \"core\" drops service \"web\"
   ╭─[rollout.plan:2:23]
 1 │ phase core {
 2 │   deploy backend from \"phase2.yml\"
   ·                       ──────┬─────
   ·                             ╰── does not have it
 3 │ }
   ╰────
  help: write `removes web`
  ╰─▶   ☞ and in phase2.yml
         ╭─[phase2.yml:2:3]
       1 │ services:
       2 │   web:
         ·   ─┬─
         ·    ╰── running before
       3 │     image: a
         ╰────

1 error
"
        );
    }

    #[test]
    fn places_at_the_end_of_anything_are_shown() {
        for (text, range) in [
            ("phase", 5..5),
            ("phase", 6..9),
            ("phase\n", 6..6),
            ("phase\n", 5..6),
            ("phase\r\n", 5..7),
            ("a\n\n\nb", 2..2),
            ("", 0..0),
            ("\n", 0..0),
            ("é", 1..1),
            ("a\tb", 1..1),
        ] {
            let shown = one(text, range.clone());
            assert!(shown.contains("here"), "{text:?} {range:?}\n{shown}");
        }
    }

    #[test]
    fn nothing_in_a_file_reaches_the_terminal() {
        let shown = one("a\u{1b}[31mb\u{202e}\rc\u{9b}d", 0..1);
        assert!(shown.contains("a?[31mb????c??d"), "{shown}");
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}') && !shown.contains('\r'));
    }

    #[test]
    fn fifty_are_shown_and_the_rest_counted() {
        let mut sources = SourceMap::default();
        let file = sources.add("rollout.plan", "x\n");
        let many: Vec<_> = (0..52).map(|at| Diagnostic::new(Code::Syntax, format!("m{at}."), Span::new(file, 0..1), "")).collect();
        let shown = human(&many, &sources, LOOK);
        assert!(shown.contains("m49.") && !shown.contains("m50."));
        assert!(shown.ends_with("… and 2 more; `--all` shows them\n52 errors\n"));
        assert!(human(&many, &sources, Look { all: true, ..LOOK }).contains("m51."));
        assert_eq!(json(&many, &sources).lines().count(), 52);
        assert_eq!(human(&[], &sources, LOOK), "");
    }

    #[test]
    fn programs_get_lines_and_columns() {
        let mut sources = SourceMap::default();
        let file = sources.add("a.yml", "é: \"x\"\ny\n");
        let diagnostic =
            Diagnostic::new(Code::Unasserted, "a \"b\"", Span::new(file, 4..7), "here").label(Span::new(file, 8..9), "there").help("do");
        let line = json(&[diagnostic], &sources);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "code": "W0501", "severity": "warning", "message": "a \"b\"",
                "file": "a.yml", "line": 1, "column": 4, "end": {"line": 1, "column": 7}, "label": "here",
                "labels": [{"file": "a.yml", "line": 2, "column": 1, "end": {"line": 2, "column": 2}, "label": "there"}],
                "help": "do"
            })
        );
    }

    proptest! {
        #[test]
        fn any_span_in_any_text_renders(text in "[a-zé\u{1F600}\u{1b}\n\r\t ]{0,40}", start in 0usize..50, length in 0usize..50) {
            let shown = one(&text, start..start + length);
            prop_assert!(shown.contains("here"), "{}", shown);
        }
    }
}
