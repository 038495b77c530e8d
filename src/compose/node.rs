//! YAML as a tree in which every value knows where it was written. The only place that names the YAML crate.

use super::{Fault, plain_yaml, wording};
use crate::source::{FileId, Span};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// A larger text is not read at all. Dokploy cannot deploy a tenth of it (FACTS §5).
const MAX_BYTES: usize = 1024 * 1024;

/// Lists that are one thing each: a later document replaces them.
const REPLACED: [&str; 3] = ["command", "entrypoint", "test"];

/// A value and its places.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// What it is.
    pub(super) value: Value,
    /// Where it is used: for a value that came through an alias or a merge key, the alias.
    pub(super) span: Span,
    /// Where it is written. Differs from `span` for what came through an alias or a merge key.
    pub(super) defined: Span,
    /// What its tag says of the value that it is laid over.
    pub(super) over: Over,
}

/// What becomes of the value that another is laid over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// Both are joined.
    Join,
    /// `!override` and `!reset`: it counts no longer.
    Replace,
}

/// A key and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) span: Span,
}

/// What a node is. Numbers and booleans are kept as they were written: compose means `08` and `on` as text more often
/// than not.
#[derive(Clone, Debug, PartialEq)]
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
            return Err(Fault { message: format!("the file is larger than {} KiB", MAX_BYTES / 1024), at: None, help: None });
        }
        plain_yaml::read(file, text).map_or_else(|| Self::parse_any(file, text), Ok)
    }

    /// Reads whatever is YAML.
    pub(super) fn parse_any(file: FileId, text: &str) -> Result<Self, Fault> {
        let options = serde_yaml::options! {
            budget: serde_yaml::budget! {
                max_events: 250_000,
                max_nodes: 250_000,
                // Reading takes stack with each level, and threads have two megabytes of it.
                max_depth: 32,
                flow_nesting_limit: 32,
                max_documents: 64,
                // One anchor for the logging of a hundred services is no bomb: what is replayed is counted below.
                enforce_alias_anchor_ratio: false,
            },
            alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: 200_000, max_replay_stack_depth: 32 },
            non_finite_float_policy: serde_yaml::options::NonFiniteFloatPolicy::AsString,
            leading_zero_numbers_as_strings: true,
            underscored_numbers_as_strings: true,
            with_snippet: false,
        };
        let documents: Vec<Located> = serde_yaml::from_multiple_with_options(text, options).map_err(|error| fault(&error, text))?;
        let nodes = documents.into_iter().map(|document| Self::from_located(document, Place { file, text }));
        let nowhere = Span::new(file, 0..0);
        let nothing = || Self { value: Value::Null, span: nowhere, defined: nowhere, over: Over::Join };
        Ok(nodes.reduce(Self::overridden_by).unwrap_or_else(nothing))
    }

    /// As compose joins the documents of one file: mappings by key, lists at the end, anything else is replaced.
    fn overridden_by(self, over: Self) -> Self {
        if over.over == Over::Replace {
            return over;
        }
        let value = match (self.value, over.value) {
            (Value::Map(mut entries), Value::Map(others)) => {
                let mut places: BTreeMap<String, usize> = entries.iter().enumerate().map(|(at, (key, _))| (key.text.clone(), at)).collect();
                for (key, node) in others {
                    if let Some(at) = places.get(&key.text) {
                        let base = std::mem::replace(&mut entries[*at].1, node.clone());
                        entries[*at].1 = if REPLACED.contains(&key.text.as_str()) { node } else { base.overridden_by(node) };
                    } else {
                        places.insert(key.text.clone(), entries.len());
                        entries.push((key, node));
                    }
                }
                Value::Map(entries)
            }
            (Value::List(mut items), Value::List(others)) => {
                items.extend(others);
                Value::List(items)
            }
            (base, Value::Null) => base,
            (_, value) => value,
        };
        Self { value, span: over.span, defined: over.defined, over: self.over }
    }

    fn from_located(located: Located, place: Place<'_>) -> Self {
        let (span, defined) = (place.span(located.referenced), place.span(located.defined));
        let tag = place.tag(defined);
        let over = if tag.is_some() { Over::Replace } else { Over::Join };
        let value = match located.value {
            _ if tag == Some("!reset") => Value::Null,
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
        Self { value, span, defined, over }
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

    /// Where a mapping's key stands.
    pub(super) fn key_span(&self, key: &str) -> Option<Span> {
        self.entries()?.iter().find(|(found, _)| found.text == key).map(|(key, _)| key.span)
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

/// Compose's own tags.
const TAGS: [&str; 2] = ["!reset", "!override"];

impl<'a> Place<'a> {
    /// Compose's tag on the value that is written here. The reader keeps no tags, but before the value stands its own.
    fn tag(self, value: Span) -> Option<&'static str> {
        let (before, from): (&'a str, &'a str) = self.text.split_at_checked(value.range().start)?;
        let before = before.trim_end();
        TAGS.into_iter().find(|tag| before.ends_with(tag) || from.starts_with(tag))
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
    let at = error.location().and_then(|location| bytes(location, text));
    wording::plain(shown.lines().next().unwrap_or_default(), at, text)
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
