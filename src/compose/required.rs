//! The variables that a compose file takes from the app's environment because it has no default for them, with their places.

use super::Variable;
use super::interpolate::without_default;
use super::node::{Node, Value};
use super::read::read;
use crate::source::{SourceMap, Span, Spanned};
use std::collections::BTreeSet;

/// The variables that a text takes from the app's environment, each with its line, from 1. None where it cannot be read.
pub fn asked(text: &str) -> Vec<(Variable, usize)> {
    let mut sources = SourceMap::default();
    let file = sources.add("compose.yml", text);
    let variables = read(file, text).map(|file| file.variables).unwrap_or_default();
    let line = |variable: &Variable| sources.file(file).line_column(variable.name.span.start as usize).0;
    variables.into_iter().map(|variable| (line(&variable), variable)).map(|(line, variable)| (variable, line)).collect()
}

/// Every value of the file is looked at, as compose does; keys and what begins with `x-` are not.
pub(super) fn of(root: &Node, text: &str) -> Vec<Variable> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    gather(root, text, &mut seen, &mut found);
    found.sort_by_key(|variable| variable.name.span);
    found
}

/// `seen`: where the values stand that were looked at. One that aliases repeat is one.
fn gather(node: &Node, text: &str, seen: &mut BTreeSet<Span>, found: &mut Vec<Variable>) {
    match &node.value {
        Value::Null => {}
        Value::Scalar(scalar) => {
            if scalar.contains('$') && seen.insert(node.defined) {
                found.extend(variables(scalar, node.defined, text));
            }
        }
        Value::List(items) => items.iter().for_each(|item| gather(item, text, seen, found)),
        Value::Map(entries) => {
            let own = entries.iter().filter(|(key, _)| !key.text.starts_with("x-"));
            own.for_each(|(_, value)| gather(value, text, seen, found));
        }
    }
}

/// The variables of one value, each with its own place where that can be told, and the value's otherwise.
fn variables(scalar: &str, whole: Span, text: &str) -> Vec<Variable> {
    let written = text.get(whole.range()).unwrap_or_default();
    let mut past = 0;
    let place = |(name, required): (String, bool)| {
        let at = written[past..].match_indices('$').map(|(at, _)| past + at).find_map(|at| {
            let rest = &written[at + 1..];
            let (braces, rest) = rest.strip_prefix('{').map_or((1, rest), |rest| (2, rest));
            let after = rest.strip_prefix(name.as_str())?;
            let ends = !after.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
            // To the brace that follows next; a default inside would only make it shorter.
            let end = at + braces + name.len() + if braces == 2 { after.find('}').map_or(0, |end| end + 1) } else { 0 };
            ends.then_some((at, end))
        });
        let span = at.map_or(whole, |(at, end)| {
            past = at + 1;
            let start = whole.start as usize;
            Span::new(whole.file, start + at..start + end)
        });
        Variable { name: Spanned::new(name, span), required }
    };
    without_default(scalar).into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use crate::compose::read;
    use crate::source::SourceMap;

    fn asked(text: &str) -> Vec<(String, bool)> {
        let file = SourceMap::default().add("compose.yml", text);
        let variables = read(file, text).unwrap().variables;
        variables.into_iter().map(|variable| (text[variable.name.span.range()].to_owned(), variable.required)).collect()
    }

    #[test]
    fn what_has_no_default_is_found_where_it_stands() {
        let text = "services:\n  web: # ${NOT_THIS}\n    image: \"${REPO}/web:${TAG:-1}\"\n    environment:\n      A: $A and $$B ${C:+x}\n      \
                    D: ${D:?set it}\n      E: ${E:-${F}}\n    x-note: ${G}\nx-h: ${H}\n";
        let expected = [("${REPO}", false), ("$A", false), ("${D:?set it}", true), ("${F}", false)];
        assert_eq!(asked(text), expected.map(|(written, required)| (written.to_owned(), required)));
    }

    #[test]
    fn what_an_alias_repeats_is_one_place() {
        let text = "services:\n  a: {image: a, environment: &e {A: \"${A}\"}}\n  b: {image: b, environment: *e}\n";
        assert_eq!(asked(text), [("${A}".to_owned(), false)]);
    }
}
