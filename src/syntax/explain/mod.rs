//! What people write instead: each known mistake with its message and its cure. The first that fits is told.

mod values;
mod words;

use super::build::{leading_word, list};
use super::expected::words;
use super::form::{Form, Place};
use super::grammar::Rule;
use super::repair::{Failure, attempt};
use crate::diagnostic::Code;
use std::ops::Range;

/// A change to the statement's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fix {
    pub(super) range: Range<usize>,
    pub(super) with: String,
}

/// One mistake, in offsets of the statement's text.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) range: Range<usize>,
    pub(super) label: String,
    /// Only where the mended line would not say it.
    pub(super) help: Option<String>,
    pub(super) fix: Option<Fix>,
    /// Whether what follows is a statement of its own.
    pub(super) next_statement: bool,
}

impl Problem {
    fn new(code: Code, range: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { code, message: message.into(), range, label: label.into(), help: None, fix: None, next_statement: false }
    }

    fn fix(mut self, range: Range<usize>, with: impl Into<String>) -> Self {
        self.fix = Some(Fix { range, with: with.into() });
        self
    }

    fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

/// The place where a statement stopped making sense.
struct Stop<'a> {
    form: &'static Form,
    place: Place,
    text: &'a str,
    /// Where the rule stopped, blanks skipped.
    at: usize,
    /// Where what was understood ends.
    understood: usize,
    expected: &'a [Rule],
    /// Whether the statement would be whole if it ended here.
    may_end: bool,
}

/// What is wrong where `failure` says that the statement's rule stopped.
pub(super) fn explain<'a>(form: &'static Form, place: Place, text: &'a str, failure: &'a Failure) -> Problem {
    let rest = &text[failure.at..];
    let at = failure.at + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
    let understood = text[..at].trim_end().len();
    let may_end = failure.expected.contains(&Rule::end) || attempt(form.rule, &text[..understood]).is_ok();
    let stop = Stop { form, place, text, at, understood, expected: &failure.expected, may_end };
    let mistakes: [fn(&Stop<'a>) -> Option<Problem>; 17] = [
        Stop::bare_address,
        Stop::typographic_quotes,
        Stop::odd_blank,
        Stop::cut_short,
        Stop::foreign_comment,
        Stop::opening,
        Stop::status_list,
        Stop::assignment,
        Stop::duration,
        Stop::count,
        Stop::unclosed_string,
        Stop::unquoted,
        Stop::choice,
        Stop::connective,
        Stop::list_item,
        Stop::next_statement,
        Stop::name,
    ];
    mistakes.iter().find_map(|mistake| mistake(&stop)).unwrap_or_else(|| stop.unexpected())
}

/// How a statement is written, as far as its second word tells.
pub(super) fn shape(form: &Form, text: &str) -> &'static str {
    let second = text[leading_word(text).len()..].trim_start();
    match (form.rule, leading_word(second)) {
        (Rule::warn, "tcp") => "warn tcp \"HOST:PORT\"",
        (Rule::observe, "tcp") => "observe tcp \"HOST:PORT\"",
        (Rule::expect, "tcp") => "expect tcp \"HOST:PORT\"",
        (Rule::expect, "postgres") => "expect postgres secret(\"DATABASE_URL\")",
        (Rule::expect, "redis") => "expect redis secret(\"REDIS_URL\")",
        (Rule::expect, "exec") => "expect exec [\"PROGRAM\", \"ARGUMENT\"]",
        (Rule::notify, "exec") => "notify exec [\"PROGRAM\", \"ARGUMENT\"] about failure",
        (Rule::notify, "slack") => "notify slack secret(\"SLACK_WEBHOOK\") about failure",
        (Rule::expect, "external") => "expect external NAME",
        (Rule::wanted, "service") => "expect service NAME blamed within 1m",
        (Rule::wanted, "phase") => "expect phase NAME failed",
        (Rule::wanted, "exit") => "expect exit 4",
        _ => form.shape,
    }
}

impl Stop<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn expects(&self, rule: Rule) -> bool {
        self.expected.contains(&rule)
    }

    /// The next token: a whole string, or everything up to a blank, comma or closing bracket.
    fn token(&self) -> Range<usize> {
        let rest = self.rest();
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
        let length = match quote.and_then(|quote| rest[1..].find(quote)) {
            Some(close) => close + 2,
            None => rest
                .char_indices()
                .find(|(at, next)| *at > 0 && (next.is_whitespace() || matches!(next, ',' | ')' | ']' | ';')))
                .map_or(rest.len(), |(at, _)| at),
        };
        self.at..self.at + length
    }

    fn found(&self) -> String {
        let token = &self.text[self.token()];
        let mut short: String = token.chars().take(32).collect();
        if short.len() < token.len() {
            short.push('…');
        }
        short
    }

    fn wanted(&self) -> String {
        let mut wanted: Vec<String> = Vec::new();
        for rule in self.expected {
            let Some(words) = words(*rule) else { continue };
            if !wanted.iter().any(|known| known == words) {
                wanted.push(words.to_owned());
            }
        }
        if self.may_end && !self.expects(Rule::end) {
            wanted.push("the end of the line".to_owned());
        }
        list(&wanted, "or")
    }

    /// Whether the statement is understood beyond a change.
    fn better(&self, range: Range<usize>, with: &str) -> bool {
        let changed = format!("{}{with}{}", &self.text[..range.start], &self.text[range.end..]);
        match attempt(self.form.rule, &changed) {
            Ok(_) => true,
            Err(failure) => failure.at > range.start + with.len(),
        }
    }

    fn cut_short(&self) -> Option<Problem> {
        if !self.rest().is_empty() {
            return None;
        }
        let here = self.understood..self.understood;
        let wanted = self.wanted();
        let before = self.text.trim_end_matches([',', ' ', '\t']);
        if before.len() < self.text.trim_end().len() && attempt(self.form.rule, before).is_ok() {
            let range = before.len()..self.understood;
            let message = "a `,` with nothing after it";
            return Some(Problem::new(Code::Syntax, range.clone(), message, "the last one has none").fix(range, ""));
        }
        let open = |open: char, close: char| self.text.matches(open).count() > self.text.matches(close).count();
        if self.expects(Rule::comment) {
            for (opening, closing) in [('[', ']'), ('(', ')')] {
                if open(opening, closing) {
                    let message = format!("a `{opening}` that is never closed");
                    return Some(Problem::new(Code::Syntax, here.clone(), message, format!("expected `{closing}`")).fix(here, closing));
                }
            }
        }
        let message = if wanted.is_empty() {
            format!("`{}` is not finished", self.text)
        } else {
            format!("`{}` is not finished: expected {wanted}", self.text)
        };
        Some(
            Problem::new(Code::Syntax, here, message, if self.expects(Rule::name) { "a name belongs here" } else { "the line ends here" })
                .help(format!("it is written `{}`", shape(self.form, self.text))),
        )
    }

    fn foreign_comment(&self) -> Option<Problem> {
        let sign = ["//", "--", "/*", ";"].into_iter().find(|sign| self.rest().starts_with(sign))?;
        let follows = !self.rest()[sign.len()..].trim().is_empty();
        (self.may_end && follows && self.understood < self.at).then(|| {
            let range = self.at..self.at + sign.len();
            let message = format!("`{sign}` begins no comment");
            Problem::new(Code::Syntax, range, message, "a comment begins with `#`").fix(self.understood..self.text.len(), "")
        })
    }

    fn next_statement(&self) -> Option<Problem> {
        if !self.may_end {
            return None;
        }
        let rest = self.rest();
        let separators = rest.len() - rest.trim_start_matches([',', ';', '&', ' ', '\t']).len();
        let after = &rest[separators..];
        let joined = leading_word(after) == "and";
        let after = if joined { after["and".len()..].trim_start() } else { after };
        let word = leading_word(after);
        if !self.place.forms().any(|form| form.keyword == word) {
            return None;
        }
        let start = self.text.len() - after.len();
        let mut problem =
            Problem::new(Code::Syntax, start..self.text.len(), "two statements on one line", format!("begin a new line before `{word}`"))
                .help(format!("put `{}` on a line of its own", after.trim_end()))
                .fix(self.understood..self.text.len(), "");
        problem.next_statement = true;
        Some(problem)
    }

    fn unexpected(&self) -> Problem {
        let found = self.found();
        let wanted = self.wanted();
        let label = if wanted.is_empty() { "not understood".to_owned() } else { format!("expected {wanted}") };
        let problem = Problem::new(Code::Syntax, self.token(), format!("`{found}` is not understood here"), label);
        if self.may_end { problem.fix(self.understood..self.text.len(), "") } else { problem }
    }
}
