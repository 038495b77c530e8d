//! YAML as a tree in which every value knows where it was written. The only place that names the YAML crate.

use super::Fault;
use crate::source::{FileId, Span};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A larger text is not read at all. Dokploy cannot deploy a tenth of it (FACTS §5).
const MAX_BYTES: usize = 1024 * 1024;

/// A value and its places.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// What it is.
    pub(super) value: Value,
    /// Where it is used: for a value that came through an alias or a merge key, the alias.
    pub(super) span: Span,
    /// Where it is written. Differs from `span` for what came through an alias or a merge key.
    pub(super) defined: Span,
}

/// A key and its place.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) span: Span,
}

/// What a node is. Numbers and booleans are kept as they were written: compose means `08` and `on` as text more often
/// than not.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

impl Node {
    /// Reads a text.
    pub(super) fn parse(file: FileId, text: &str) -> Result<Self, Fault> {
        if text.len() > MAX_BYTES {
            return Err(Fault { message: format!("the file is larger than {} KiB", MAX_BYTES / 1024), at: None });
        }
        let options = serde_yaml::options! {
            budget: serde_yaml::budget! {
                max_events: 100_000,
                max_nodes: 100_000,
                // Each level of a list takes some 35 KB of stack in a build without optimization, and a thread has 2 MiB.
                max_depth: 32,
                flow_nesting_limit: 64,
                max_documents: 1,
            },
            alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: 20_000, max_replay_stack_depth: 16 },
            non_finite_float_policy: serde_yaml::options::NonFiniteFloatPolicy::AsString,
            leading_zero_numbers_as_strings: true,
            underscored_numbers_as_strings: true,
            with_snippet: false,
        };
        let parsed: Located = serde_yaml::from_str_with_options(text, options).map_err(|error| fault(&error, text))?;
        Ok(Self::from_located(parsed, Place { file, text }))
    }

    fn from_located(located: Located, place: Place<'_>) -> Self {
        let (span, defined) = (place.span(located.referenced), place.span(located.defined));
        let value = match located.value {
            Raw::Null => Value::Null,
            Raw::Text(text) => Value::Scalar(text),
            Raw::Typed(shown) => Value::Scalar(place.text.get(defined.range()).map_or(shown, |text| text.trim().to_owned())),
            Raw::List(items) => Value::List(items.into_iter().map(|item| Self::from_located(item, place)).collect()),
            Raw::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| {
                        let key = Key { span: place.span(key.referenced), text: key.value };
                        (key, Self::from_located(value, place))
                    })
                    .collect(),
            ),
        };
        Self { value, span, defined }
    }

    /// The entries of a mapping.
    pub(super) fn entries(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a mapping's key, unless it is null.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let (_, node) = self.entries()?.iter().find(|(found, _)| found.text == key)?;
        (!matches!(node.value, Value::Null)).then_some(node)
    }

    /// The text of a scalar.
    pub(super) fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list.
    pub(super) fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// As plain data, without the `x-` keys of mappings: every scalar as its text, so that quoting makes no difference.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Scalar(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => {
                let own = entries.iter().filter(|(key, _)| !key.text.starts_with("x-"));
                serde_json::Value::Object(own.map(|(key, value)| (key.text.clone(), value.to_json())).collect())
            }
        }
    }
}

/// The file that locations are turned into spans of.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: FileId,
    text: &'a str,
}

impl Place<'_> {
    fn span(self, location: serde_yaml::Location) -> Span {
        Span::new(self.file, bytes(location, self.text).unwrap_or(0..0))
    }
}

/// The bytes of a location; from its line and column when the reader gives no more.
fn bytes(location: serde_yaml::Location, text: &str) -> Option<std::ops::Range<usize>> {
    let span = location.span();
    if span.byte_offset().is_none() {
        let (line, column) = (usize::try_from(location.line()).ok()?, usize::try_from(location.column()).ok()?);
        let line = text.split_inclusive('\n').nth(line.checked_sub(1)?)?;
        let start = line.as_ptr() as usize - text.as_ptr() as usize;
        let (at, found) = line.char_indices().nth(column.checked_sub(1)?)?;
        return Some(start + at..start + at + found.len_utf8());
    }
    let start = usize::try_from(span.byte_offset()?).ok()?.min(text.len());
    let end = start.saturating_add(usize::try_from(span.byte_len()?).ok()?).min(text.len());
    // The parser ends a plain scalar where the next token starts when a comment or blank lines follow it.
    let written = text.get(start..end)?.trim_end();
    Some(start..start + written.len())
}

fn fault(error: &serde_yaml::Error, text: &str) -> Fault {
    let shown = error.without_snippet().to_string();
    let line = shown.lines().next().unwrap_or_default();
    let message = if line.starts_with("budget breached: Documents") {
        "the file holds more than one YAML document"
    } else if line.starts_with("budget breached") || line.starts_with("alias replay") || line.starts_with("recursion limit") {
        "the file nests or repeats more than any compose file does"
    } else if line.starts_with("recursive references") {
        "an alias holds itself"
    } else {
        // Where it is our own rendering says, and the reader's options are not the user's.
        line.split(" at line ").next().and_then(|line| line.split(", set ").next()).unwrap_or(line).trim_end_matches([':', '.', ',', ' '])
    };
    Fault { message: message.to_owned(), at: error.location().and_then(|location| bytes(location, text)) }
}

type Located = serde_yaml::Spanned<Raw>;

/// What the YAML reader gives, before its scalars are put back to how they were written.
#[derive(Clone, Debug)]
enum Raw {
    Null,
    Text(String),
    /// A number or boolean, in a form to fall back on.
    Typed(String),
    List(Vec<Located>),
    Map(Vec<(serde_yaml::Spanned<String>, Located)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Typed(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
