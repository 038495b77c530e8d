//! A compose text's services as plain data, for comparing two texts.

use super::read;
use crate::source::SourceMap;
use serde_json::Value;
use std::collections::BTreeMap;

/// A service without its place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// As [`super::Service::definition`]: equal values mean that compose sees no change.
    pub value: Value,
    /// The services that it depends on.
    pub depends_on: Vec<String>,
}

/// The services of a text by name; `None` when it cannot be read.
pub fn definitions(text: &str) -> Option<BTreeMap<String, Definition>> {
    let file = SourceMap::default().add("compose.yml", text);
    let services = read(file, text).ok()?.services;
    let plain = services.into_iter().map(|service| {
        let depends_on = service.depends_on.into_iter().map(|dependency| dependency.service.value).collect();
        (service.name.value, Definition { value: service.definition, depends_on })
    });
    Some(plain.collect())
}
