//! Where a text went wrong, found from where a parser noticed.

use super::Fault;
use std::ops::Range;

/// How far back to look.
const LINES: usize = 50;

/// A colon where no key can stand: the line above lacks a blank, this line is too deep, or its value has a colon.
pub(super) fn of_a_colon(text: &str, at: usize) -> Option<Fault> {
    let mut lines = lines_up_to(text, at).filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let (start, line) = lines.next()?;
    let indentation = |line: &str| line.len() - line.trim_start().len();
    // A key begins the line, or follows the dash of a list.
    let is_key = !text.get(start + indentation(line)..at)?.trim_start_matches("- ").contains(": ");
    if !is_key {
        return Some(Fault {
            message: "a colon and a blank inside a value".to_owned(),
            at: Some(at..at + 1),
            help: Some("quote the whole value, or leave out the blank".to_owned()),
        });
    }
    let (above_start, above) = lines.next()?;
    if let Some((key, value)) = without_blank(above) {
        let begin = above_start + indentation(above);
        return Some(Fault {
            message: "no blank after the colon".to_owned(),
            at: Some(begin..above_start + above.trim_end().len()),
            help: Some(format!("write `{key}: {value}`")),
        });
    }
    (indentation(line) > indentation(above)).then(|| Fault {
        message: "indented deeper than the line above, which has its value already".to_owned(),
        at: Some(start + indentation(line)..start + line.trim_end().len()),
        help: Some("indent both lines alike".to_owned()),
    })
}

/// `key:value`, which YAML takes for one word.
fn without_blank(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.trim().split_once(':')?;
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    (is_key && !value.is_empty() && !value.starts_with([' ', '\t']) && !line.contains(": ")).then_some((key, value))
}

/// The bracket that was open where a key turned up.
pub(super) fn open_bracket(text: &str, at: usize) -> Option<Fault> {
    let count = |line: &str, brackets: [char; 2]| line.matches(brackets).count();
    let (start, line) = lines_up_to(text, at).find(|(_, line)| count(line, ['[', '{']) > count(line, [']', '}']))?;
    let open = start + line.rfind(['[', '{'])?;
    Some(Fault {
        message: "a bracket opens here that nothing closes".to_owned(),
        at: Some(open..open + 1),
        help: Some("close it, and separate what is inside with commas".to_owned()),
    })
}

/// The quote that was open where another one closed it by accident.
pub(super) fn open_quote(text: &str, at: usize) -> Option<Fault> {
    let (start, line) = lines_up_to(text, at).skip(1).find(|(_, line)| line.matches('"').count() % 2 == 1)?;
    let open = start + line.rfind('"')?;
    Some(Fault {
        message: "a quote opens here that nothing on this line closes".to_owned(),
        at: Some(place(open, line, start)),
        help: Some("close it at the end of the value; quotes inside are written `\\\"`".to_owned()),
    })
}

/// From the quote to the end of its line.
fn place(open: usize, line: &str, start: usize) -> Range<usize> {
    open..start + line.trim_end().len()
}

/// The lines up to the one that holds a byte, last first, each with where it begins.
fn lines_up_to(text: &str, at: usize) -> impl Iterator<Item = (usize, &str)> {
    let line_end = text.get(at..).and_then(|after| after.find('\n')).map_or(text.len(), |end| at + end);
    let mut end = text.get(..line_end).map(str::len);
    std::iter::from_fn(move || {
        let here = end?;
        let start = text[..here].rfind('\n').map_or(0, |newline| newline + 1);
        end = start.checked_sub(1);
        Some((start, &text[start..here]))
    })
    .take(LINES)
}
