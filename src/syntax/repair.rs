//! A statement that its rule does not take: find what is wrong, tell it, mend it, try again. So a line with two mistakes gets two
//! messages, and what it says still counts for everything that comes after.

use super::ast::Head;
use super::build::leading_word;
use super::expected;
use super::explain::{self, Fix, Problem};
use super::form::{Form, Place};
use super::grammar::{Grammar, Rule};
use super::value::{Origin, Values};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::source::{FileId, Span, Spanned};
use pest::Parser as _;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::Pair;
use std::ops::Range;

/// More mistakes in one statement are not told one by one.
const MAX_MISTAKES: usize = 6;

/// More statements than these are not listed where an unknown one stands.
const MAX_LISTED: usize = 12;

/// Longer statements are not explained, so that the work on one stays within bounds.
const MAX_BYTES: usize = 2048;

/// What a broken line turned out to be.
#[derive(Default)]
pub(super) struct Repaired {
    /// The statement, if its keyword could be told.
    pub(super) statement: Option<(&'static Form, Head)>,
    /// The rest of the line that seems to be another statement.
    pub(super) next: Option<Span>,
}

/// Reads the statement `text`, which begins at `start` of its file and stands in `place`.
pub(super) fn statement(file: FileId, text: &str, start: usize, place: Place, problems: &mut Vec<Diagnostic>) -> Repaired {
    if text.len() > MAX_BYTES {
        let span = Span::new(file, start..start + leading_word(text).len());
        problems.push(Diagnostic::new(Code::Syntax, "a line too long to be read", span, format!("{} bytes follow", text.len())));
        return Repaired::default();
    }
    let mut draft = Draft::new(file, text, start);
    let mut found = Vec::new();
    let written = leading_word(text);
    let form = match Form::at(written, place) {
        // It is told that it stands in the wrong place; what is wrong with it otherwise can wait.
        Some(form) if !form.places.contains(&place) => {
            return Repaired { statement: Some((form, Head::Broken { name: declared(form, &draft) })), next: None };
        }
        Some(form) => form,
        None => {
            let span = draft.span(0..written.len());
            let Some(form) = meant(written, place) else {
                problems.push(unknown(written, span, place));
                return Repaired::default();
            };
            found.push(Diagnostic::new(
                Code::Syntax,
                format!("unknown statement `{written}`"),
                span,
                format!("did you mean `{}`?", spelling(form, written)),
            ));
            draft.replace(&Fix { range: 0..written.len(), with: spelling(form, written).to_owned() });
            form
        }
    };
    let mut next = None;
    let mut head = None;
    let mut emptied = false;
    for _ in 0..MAX_MISTAKES {
        match attempt(form.rule, &draft.text) {
            Ok(pair) => {
                let mut values = Values { file, origin: Origin::Repaired(&draft.origins), problems };
                head = values.head(&pair);
                break;
            }
            Err(failure) => {
                if emptied && draft.text[failure.at..].trim().is_empty() {
                    // What was taken away stood for what is missing now: told already.
                    break;
                }
                let problem = explain::explain(form, place, &draft.text, &failure);
                found.push(draft.tell(&problem));
                if problem.next_statement {
                    next = Some(draft.span(problem.range.start..draft.text.len()));
                }
                let Some(fix) = problem.fix else { break };
                emptied = fix.with.trim().is_empty() && fix.range.end == draft.text.len();
                draft.replace(&fix);
            }
        }
    }
    let mended = head.is_some();
    if !mended && form.keyword != written {
        // Perhaps another word was meant: what does not fit this one need not be wrong.
        found.truncate(1);
    }
    for problem in &mut found {
        let default =
            || if mended { format!("write `{}`", draft.text) } else { format!("it is written `{}`", explain::shape(form, &draft.text)) };
        problem.help.get_or_insert_with(default);
    }
    problems.append(&mut found);
    let head = head.unwrap_or_else(|| Head::Broken { name: declared(form, &draft) });
    Repaired { statement: Some((form, head)), next }
}

/// What is wrong with a line that begins with no word.
pub(super) fn junk(file: FileId, text: &str, start: usize) -> Diagnostic {
    let span = Span::new(file, start..start + text.len());
    let problem = Diagnostic::new(Code::Syntax, "a line that is no statement", span, "a statement begins with a keyword");
    if text.starts_with("- ") {
        problem.help("there are no dashes here: write one statement a line, or names with commas between them")
    } else if text.starts_with("//") || text.starts_with("--") || text.starts_with("/*") {
        problem.help("a comment begins with `#`")
    } else if text.trim_end_matches([',', ';']).chars().all(|sign| matches!(sign, ')' | ']')) {
        problem.help("a block ends with `}`")
    } else if let Some(statement) = unquoted(text) {
        Diagnostic::new(Code::Syntax, "a keyword in quotes", span, "keywords stand bare, without `:`").help(format!("write `{statement}`"))
    } else {
        problem
    }
}

/// `"project": "Backend",` as a statement.
fn unquoted(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let (keyword, rest) = text[1..].split_once(quote)?;
    let value = rest.trim_start().trim_start_matches([':', '=']).trim().trim_end_matches(',').trim_end();
    let form = Form::of(keyword)?;
    let statement = format!("{keyword} {value}");
    Some(if attempt(form.rule, &statement).is_ok() { statement } else { form.shape.to_owned() })
}

/// The keyword that was probably meant: one that is valid here, before one that is not.
pub(super) fn meant(written: &str, place: Place) -> Option<&'static Form> {
    const SYNONYMS: &[(&str, &str)] = &[
        ("assert", "expect"),
        ("check", "expect"),
        ("description", "note"),
        ("interval", "every"),
        ("key", "api-key"),
        ("on-failure", "on"),
        ("on_failure", "on"),
        ("onfailure", "on"),
        ("stage", "phase"),
        ("step", "phase"),
        ("token", "api-key"),
        ("var", "let"),
        ("wait", "soak"),
    ];
    let here = || place.forms().map(|form| form.keyword);
    if written == "end" {
        return None; // Nearly `send`, and never meant so.
    }
    let synonym = SYNONYMS.iter().find(|(word, _)| *word == written.to_ascii_lowercase()).map(|(_, keyword)| *keyword);
    let near = nearest(written, here()).or_else(|| synonym.filter(|keyword| here().any(|valid| valid == *keyword)));
    near.or_else(|| nearest(written, super::FORMS.iter().map(|form| form.keyword)).filter(|keyword| keyword.len() > 3)).and_then(Form::of)
}

/// What stands for a statement's first word where another was written: `on` is nothing without the next.
fn spelling(form: &Form, written: &str) -> &'static str {
    if form.rule == Rule::on_failure && written.contains("fail") { "on failure" } else { form.keyword }
}

fn unknown(written: &str, span: Span, place: Place) -> Diagnostic {
    if matches!(written, "end" | "done" | "fi") {
        let problem = Diagnostic::new(Code::Syntax, format!("unknown statement `{written}`"), span, "no statement begins so");
        return problem.help("a block ends with `}`");
    }
    let valid: Vec<String> = place.forms().map(|form| format!("`{}`", form.keyword)).collect();
    let problem = Diagnostic::new(Code::Syntax, format!("unknown statement `{written}`"), span, "no statement begins so");
    if valid.len() <= MAX_LISTED { problem.help(format!("{place}: {}", valid.join(", "))) } else { problem }
}

/// The name that a broken head would have declared, so that its uses are not called unknown.
fn declared(form: &Form, draft: &Draft) -> Option<Spanned<String>> {
    if !form.declares() {
        return None;
    }
    let rest = draft.text.strip_prefix(form.keyword)?;
    let start = draft.text.len() - rest.trim_start_matches([' ', '\t', '"', '\'']).len();
    let word = leading_word(&draft.text[start..]);
    (!word.is_empty()).then(|| Spanned::new(word.to_owned(), draft.span(start..start + word.len())))
}

/// Where a rule stopped, and what it would have taken there.
pub(super) struct Failure {
    pub(super) at: usize,
    pub(super) expected: Vec<Rule>,
}

/// Tries a statement's own rule on the whole text.
pub(super) fn attempt(rule: Rule, text: &str) -> Result<Pair<'_, Rule>, Failure> {
    match Grammar::parse(rule, text) {
        Ok(mut pairs) => {
            let pair = pairs.next().ok_or(Failure { at: 0, expected: Vec::new() })?;
            let end = pair.as_span().end();
            if text[end..].trim().is_empty() { Ok(pair) } else { Err(Failure { at: end, expected: vec![Rule::end] }) }
        }
        Err(error) => {
            let at = match error.location {
                InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
            };
            let expected = match error.variant {
                ErrorVariant::ParsingError { positives, .. } => positives,
                ErrorVariant::CustomError { .. } => Vec::new(),
            };
            let expected = expected.into_iter().filter(|rule| expected::words(*rule).is_some()).collect();
            Err(Failure { at, expected })
        }
    }
}

/// A statement under repair, and where each of its bytes came from.
struct Draft {
    file: FileId,
    text: String,
    origins: Vec<usize>,
}

impl Draft {
    fn new(file: FileId, text: &str, start: usize) -> Self {
        Self { file, text: text.to_owned(), origins: (start..=start + text.len()).collect() }
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, self.origins[range.start]..self.origins[range.end])
    }

    fn replace(&mut self, fix: &Fix) {
        let origin = self.origins[fix.range.start];
        self.text.replace_range(fix.range.clone(), &fix.with);
        self.origins.splice(fix.range.clone(), std::iter::repeat_n(origin, fix.with.len()));
        let end = self.text.trim_end().len();
        self.text.truncate(end);
        self.origins.truncate(end + 1);
    }

    fn tell(&self, problem: &Problem) -> Diagnostic {
        let told = Diagnostic::new(problem.code, problem.message.clone(), self.span(problem.range.clone()), problem.label.clone());
        Diagnostic { help: problem.help.clone(), ..told }
    }
}
