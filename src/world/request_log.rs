//! What was asked of Dokploy, in order.

use super::request::Verb;
use serde::Serialize;
use std::time::Duration;

/// One request to Dokploy's API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoggedCall {
    /// When, in milliseconds since the world's start.
    pub at_ms: u64,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// `compose.deploy`; the whole path when it is not a procedure.
    pub procedure: String,
    /// The title of a deploy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Whether it is meant to change anything, whether or not it could. An update of nothing is not.
    pub changes: bool,
    /// The status of the answer.
    pub status: u16,
}

impl LoggedCall {
    pub(super) fn new(now: Duration, verb: Verb, procedure: String, title: Option<String>, changes: bool) -> Self {
        let at_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        Self { at_ms, method: verb.name(), procedure, title, changes, status: 0 }
    }
}
