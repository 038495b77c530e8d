//! `${VAR}` in compose files: `${VAR:-default}`, `${VAR-default}`, `${VAR:?message}`, `${VAR:+other}`, `$VAR`, and
//! `$$` for a dollar.

use std::cell::RefCell;
use std::fmt;

/// Defaults may hold variables themselves; nobody means more than this.
const MAX_DEPTH: usize = 8;

/// Why a text cannot be interpolated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterpolationError {
    /// `${VAR:?message}` and the variable is not set.
    Required {
        /// The variable.
        name: String,
        /// What the file says about it; may be empty.
        message: String,
    },
    /// A `${` that is never closed or has no name.
    Malformed {
        /// From the dollar sign on.
        text: String,
    },
}

impl fmt::Display for InterpolationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required { name, message } if message.is_empty() => write!(f, "required variable {name} is missing a value"),
            Self::Required { name, message } => write!(f, "required variable {name} is missing a value: {message}"),
            Self::Malformed { text } => write!(f, "`{text}` is not a variable: write `${{NAME}}`, or `$$` for a dollar sign"),
        }
    }
}

impl std::error::Error for InterpolationError {}

/// The text with its variables taken from `lookup`. As in compose, a variable that is not set becomes nothing.
///
/// # Errors
/// A required variable that is not set, or a variable that cannot be read.
pub fn interpolate(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, InterpolationError> {
    expand(text, MAX_DEPTH, &|variable, depth| {
        let value = lookup(variable.name).filter(|value| !(variable.empty_counts_as_unset && value.is_empty()));
        match (variable.operator, value) {
            (Operator::Other, Some(_)) | (Operator::Default, None) => Ok(Choice::Operand(depth)),
            (Operator::Other, None) => Ok(Choice::Text(String::new())),
            (Operator::Required, None) => {
                Err(InterpolationError::Required { name: variable.name.to_owned(), message: variable.operand.to_owned() })
            }
            (_, value) => Ok(Choice::Text(value.unwrap_or_default())),
        }
    })
}

/// The text as far as the file alone tells it: every variable takes its default. `None` when one has none. The app's
/// environment may still say otherwise: this is what the file's author expects, not what is sure.
pub fn with_defaults(text: &str) -> Option<String> {
    expand(text, MAX_DEPTH, &|variable, depth| match variable.operator {
        Operator::Default => Ok(Choice::Operand(depth)),
        _ => Err(InterpolationError::Malformed { text: String::new() }),
    })
    .ok()
}

/// The variables of a text that the file itself gives no value: names, with whether compose refuses the file without them. What cannot be
/// read has none.
pub(super) fn without_default(text: &str) -> Vec<(String, bool)> {
    let found = RefCell::new(Vec::new());
    let told = expand(text, MAX_DEPTH, &|variable, depth| {
        let required = variable.operator == Operator::Required;
        if matches!(variable.operator, Operator::Plain | Operator::Required) {
            found.borrow_mut().push((variable.name.to_owned(), required));
        }
        // A default may ask for another variable.
        Ok(if variable.operator == Operator::Default { Choice::Operand(depth) } else { Choice::Text(String::new()) })
    });
    if told.is_ok() { found.into_inner() } else { Vec::new() }
}

/// One variable of a text.
#[derive(Clone, Copy, Debug)]
struct Variable<'a> {
    name: &'a str,
    operator: Operator,
    /// `:-` rather than `-`.
    empty_counts_as_unset: bool,
    operand: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Plain,
    Default,
    Required,
    Other,
}

/// What a variable becomes.
enum Choice {
    Text(String),
    /// Its operand, expanded with this depth left.
    Operand(usize),
}

type Choose<'a> = dyn Fn(Variable<'_>, usize) -> Result<Choice, InterpolationError> + 'a;

fn expand(text: &str, depth: usize, choose: &Choose<'_>) -> Result<String, InterpolationError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let from = &rest[at..];
        if let Some(after) = from.strip_prefix("$$") {
            out.push('$');
            rest = after;
            continue;
        }
        let malformed = || InterpolationError::Malformed { text: from.to_owned() };
        let (variable, after) = if let Some(braced) = from.strip_prefix("${") {
            let end = closing_brace(braced).ok_or_else(malformed)?;
            (parse(&braced[..end]).ok_or_else(malformed)?, &braced[end + 1..])
        } else {
            let end = 1 + name_length(&from[1..]);
            if end == 1 {
                return Err(malformed());
            }
            (Variable { name: &from[1..end], operator: Operator::Plain, empty_counts_as_unset: false, operand: "" }, &from[end..])
        };
        match choose(variable, depth)? {
            Choice::Text(value) => out.push_str(&value),
            Choice::Operand(0) => return Err(malformed()),
            Choice::Operand(depth) => out.push_str(&expand(variable.operand, depth - 1, choose)?),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Where the brace that closes an opened `${` is.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' if at > 0 && text.as_bytes()[at - 1] == b'$' => open += 1,
            b'}' if open == 0 => return Some(at),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
}

fn name_length(text: &str) -> usize {
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if starts_well { text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count() } else { 0 }
}

fn parse(inside: &str) -> Option<Variable<'_>> {
    let (name, rest) = inside.split_at(name_length(inside));
    let (empty_counts_as_unset, symbol) = match rest.strip_prefix(':') {
        Some(symbol) => (true, symbol),
        None => (false, rest),
    };
    let (operator, operand) = match symbol.as_bytes().first() {
        None if !empty_counts_as_unset => (Operator::Plain, ""),
        Some(b'-') => (Operator::Default, &symbol[1..]),
        Some(b'?') => (Operator::Required, &symbol[1..]),
        Some(b'+') => (Operator::Other, &symbol[1..]),
        _ => return None,
    };
    (!name.is_empty()).then_some(Variable { name, operator, empty_counts_as_unset, operand })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<String, InterpolationError> {
        interpolate(text, &|name| match name {
            "SET" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn every_form_of_compose() {
        for (text, expected) in [
            ("plain", "plain"),
            ("${SET}", "value"),
            ("$SET.x", "value.x"),
            ("${UNSET}", ""),
            ("a${UNSET:-b}c", "abc"),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY-d}", ""),
            ("${UNSET-d}", "d"),
            ("${SET:-d}", "value"),
            ("${SET:?needed}", "value"),
            ("${EMPTY?needed}", ""),
            ("${SET:+other}", "other"),
            ("${UNSET:+other}", ""),
            ("${UNSET:-${SET}}", "value"),
            ("${UNSET:-${EMPTY:-deep}}!", "deep!"),
            ("cost: $$5", "cost: $5"),
            ("$${SET}", "${SET}"),
        ] {
            assert_eq!(with(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_required_and_what_cannot_be_read_are_errors() {
        let required = with("${UNSET:?set it}").unwrap_err();
        assert_eq!(required.to_string(), "required variable UNSET is missing a value: set it");
        assert!(matches!(with("${EMPTY:?}"), Err(InterpolationError::Required { .. })));
        for text in ["${", "${SET", "${}", "${1}", "$", "$ 5", "${SET:}", "${A B}"] {
            assert!(matches!(with(text), Err(InterpolationError::Malformed { .. })), "{text}");
        }
        let deep = format!("{}x{}", "${A:-".repeat(50), "}".repeat(50));
        assert!(matches!(with(&deep), Err(InterpolationError::Malformed { .. })));
    }

    #[test]
    fn defaults_alone_tell_a_text_only_when_every_variable_has_one() {
        assert_eq!(with_defaults("${PORT:-8000}:8000").as_deref(), Some("8000:8000"));
        assert_eq!(with_defaults("${A-x}${B:-${C:-y}}").as_deref(), Some("xy"));
        for unknown in ["${PORT}:8000", "${PORT:?}", "${A:+x}", "${A:-$B}", "${"] {
            assert_eq!(with_defaults(unknown), None, "{unknown}");
        }
    }
}
