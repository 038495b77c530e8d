//! YAML in a plan: a list of dashes after a keyword, or lines of a compose file. Told once for all of its lines.

use super::form::{Form, Place};
use super::repair::{attempt, meant};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};
use std::ops::Range;

/// Longer lists are told line by line, so that the work on one stays within bounds.
const MAX_LIST: usize = 1024;

/// What was found: what to tell, and where the last of its lines ends.
pub(super) struct Pasted {
    pub(super) problem: Diagnostic,
    pub(super) end: usize,
}

/// The YAML that begins with the line at `start`, where no statement can be read as it stands.
pub(super) fn pasted(file: FileId, text: &str, start: usize, place: Place) -> Option<Pasted> {
    let mut lines = lines(text, start);
    let first = lines.next()?;
    let second = lines.next()?;
    if is_item(&text[second.clone()]) && !is_item(&text[first.clone()]) {
        list(file, text, first.clone(), place).or_else(|| run(file, text, first, &text[second], place))
    } else {
        run(file, text, first, &text[second], place)
    }
}

/// `needs:` and its names below it: the line that was meant.
fn list(file: FileId, text: &str, first: Range<usize>, place: Place) -> Option<Pasted> {
    let head = without_comment(&text[first.clone()]).trim_end_matches(':').trim_end();
    let form = place.forms().find(|form| head.strip_prefix(form.keyword).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))?;
    let items: Vec<Range<usize>> = lines(text, first.start).skip(1).take_while(|line| is_item(&text[line.clone()])).collect();
    let end = items.last()?.end;
    if end - first.start > MAX_LIST {
        return None;
    }
    let values: Vec<&str> = items.iter().map(|item| without_comment(&text[item.clone()]).trim_start_matches('-').trim()).collect();
    let joined = values.join(", ");
    let meant = [format!("{head} {joined}"), format!("{head} [{joined}]")].into_iter().find(|line| attempt(form.rule, line).is_ok())?;
    let span = Span::new(file, items[0].start..items[0].end);
    let problem = Diagnostic::new(Code::Syntax, "a list as in YAML", span, "a list stands on the line of its keyword")
        .help(format!("write `{meant}`"));
    Some(Pasted { problem, end })
}

/// Lines that no plan has, one after another. What a first one alone means is better told by what it nearly is.
fn run(file: FileId, text: &str, first: Range<usize>, second: &str, place: Place) -> Option<Pasted> {
    let (one, indentation) = (&text[first.clone()], indentation(text, first.start));
    let belongs = |word: &str| place.forms().any(|form| form.keyword == word);
    let foreign = |line: &str| is_item(line) || key(line).is_some_and(|word| Form::of(word).is_none());
    let begins = match key(one) {
        Some(word) => !belongs(word) && (one.ends_with(':') || meant(word, place).is_none_or(|near| !near.places.contains(&place))),
        None => is_item(one),
    };
    if !begins || !(is_item(second) || key(second).is_some()) || !(foreign(one) || foreign(second)) {
        return None;
    }
    let holds = |line: &Range<usize>| {
        let shown = &text[line.clone()];
        let deeper = self::indentation(text, line.start) > indentation;
        is_item(shown) || key(shown).is_some_and(|word| deeper || !belongs(word))
    };
    let last = lines(text, first.start).skip(1).take_while(holds).last()?;
    let help = if place == Place::File || key(one).is_some() {
        "a compose file stays a file of its own, which a phase names: `deploy APP from \"FILE\"`; what a service must answer is an `expect`"
    } else {
        "there are no dashes here: write one statement a line, or names with commas between them"
    };
    let problem = Diagnostic::new(Code::Syntax, "lines of YAML in a plan", Span::new(file, first), "from here")
        .label(Span::new(file, last.clone()), "to here")
        .help(help);
    Some(Pasted { problem, end: last.end })
}

/// The lines from the one at `start` on, without the blanks around them; empty ones and comments are left out.
fn lines(text: &str, start: usize) -> impl Iterator<Item = Range<usize>> {
    let mut at = start;
    std::iter::from_fn(move || {
        while at < text.len() {
            let line = &text[at..];
            let length = line.find(['\n', '\r']).unwrap_or(line.len());
            let shown = line[..length].trim();
            let begin = at + line[..length].len() - line[..length].trim_start().len();
            at += (length + 1).min(line.len());
            if !shown.is_empty() && !shown.starts_with('#') {
                return Some(begin..begin + shown.len());
            }
        }
        None
    })
}

fn is_item(line: &str) -> bool {
    line == "-" || line.starts_with("- ")
}

/// The key of a mapping's line.
fn key(line: &str) -> Option<&str> {
    let (word, rest) = line.split_once(':')?;
    let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    (is_word && (rest.is_empty() || rest.starts_with([' ', '\t']))).then_some(word)
}

fn without_comment(line: &str) -> &str {
    line.split_once(" #").map_or(line, |(line, _)| line).trim_end()
}

fn indentation(text: &str, start: usize) -> usize {
    start - text[..start].rfind(['\n', '\r']).map_or(0, |end| end + 1)
}
