//! Files that are no compose file, or one of another kind: what they are, and what to do.

use super::Fault;
use super::node::{Node, Value};
use std::ops::Range;

/// A file without `services:`.
pub(super) fn file(root: &Node, text: &str) -> Fault {
    let (message, help) = kind(root, text);
    Fault { message: message.to_owned(), at: Some(first_line(text)), help: help.map(str::to_owned) }
}

fn kind(root: &Node, text: &str) -> (&'static str, Option<&'static str>) {
    let Some(entries) = root.entries() else {
        return match &root.value {
            Value::Null if text.trim().is_empty() => ("the file is empty", Some("write `services:` and below it, indented, each service")),
            Value::Null => ("the file holds only comments", Some("remove the `#` before what should count")),
            Value::Scalar(said) => unread(said),
            _ => (
                "a compose file is a mapping with `services:`, and this is a list",
                Some("write `services:` and below it, indented, each service"),
            ),
        };
    };
    let has = |name: &str| root.get(name).is_some();
    let runs = |node: &Node| node.get("image").or_else(|| node.get("build")).is_some();
    if has("apiVersion") && has("kind") {
        ("this is a manifest for Kubernetes, not a compose file", Some("name the compose file here"))
    } else if has("jobs") && has("on") {
        ("this is a workflow of a build server, not a compose file", Some("name the compose file here"))
    } else if entries.iter().any(|(_, node)| runs(node)) {
        (
            "the file has no `services:`",
            Some("write `services:` above the services and indent them below it: compose no longer takes them at the top"),
        )
    } else {
        ("the file has no `services:`", Some("write `services:` and below it, indented, each service"))
    }
}

/// A text that is one plain scalar to YAML.
fn unread(said: &str) -> (&'static str, Option<&'static str>) {
    let start = said.trim_start().get(..14).unwrap_or(said).to_ascii_lowercase();
    let first = said.split_whitespace().next().unwrap_or_default();
    if start.starts_with("<!doctype html") || start.starts_with("<html") || start.starts_with("<?xml") {
        ("this is a web page, not a compose file", Some("download the file itself: the link is often called \"Raw\""))
    } else if first.split_once('=').is_some_and(|(name, _)| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')) {
        (
            "this looks like a file of variables, not a compose file",
            Some("name the compose file here; variables belong into the app's environment"),
        )
    } else {
        ("a compose file is a mapping with `services:`, and this is text", Some("write `services:` and below it, indented, each service"))
    }
}

/// What to do about a `services:` that names none.
pub(super) fn services(node: &Node) -> &'static str {
    match &node.value {
        Value::List(_) => "write each service as `NAME:` without a dash, and what it has indented below",
        Value::Null => "indent the services below `services:`",
        _ => "write each service below it: `NAME:`, and what it has indented below",
    }
}

/// What to do about a service that is no mapping.
pub(super) fn definition(node: &Node) -> &'static str {
    match &node.value {
        Value::List(_) => "remove the dashes: what a service has is `KEY: VALUE`, indented below its name",
        Value::Scalar(text) if text.contains(':') => "put a blank after the colon: `image: NAME`, indented below the service's name",
        Value::Scalar(_) => "write `image: NAME`, indented below the service's name",
        _ => "indent what the service has below its name, or remove it",
    }
}

/// Where a fault of the whole file is shown: its first line that says something.
fn first_line(text: &str) -> Range<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            return start..start + line.trim_end().len();
        }
        start += line.len();
    }
    0..0
}
