//! The sandbox's request log: read, and made comparable.

use super::binary::json_lines;
use serde_json::Value;
use std::collections::BTreeSet;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub at_ms: u64,
    pub method: String,
    pub procedure: String,
    pub title: Option<String>,
    pub changes: bool,
    pub status: u64,
}

pub fn read(log: &str) -> Vec<Request> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let request = |line: &Value| Request {
        at_ms: line["at_ms"].as_u64().unwrap(),
        method: text(&line["method"]).unwrap(),
        procedure: text(&line["procedure"]).unwrap(),
        title: text(&line["title"]),
        changes: line["changes"].as_bool().unwrap(),
        status: line["status"].as_u64().unwrap(),
    };
    json_lines(log).iter().map(request).collect()
}

/// The procedures that were meant to change something, in order.
pub fn changes(log: &[Request]) -> Vec<&str> {
    log.iter().filter(|request| request.changes).map(|request| request.procedure.as_str()).collect()
}

pub fn count(log: &[Request], procedure: &str) -> usize {
    log.iter().filter(|request| request.procedure == procedure).count()
}

/// The path that a run takes, whatever its times: each request that changes something, in order, with its status and its title without run
/// and time; between two of these, what was read, each procedure with its status once and sorted, since how often something is
/// polled, and which of two reads at once arrives first, follows from time alone.
pub fn path(log: &[Request]) -> Vec<String> {
    let mut path = Vec::new();
    let mut reads = BTreeSet::new();
    for request in log {
        let line = format!("{} {} {}", request.method, request.procedure, request.status);
        if request.changes {
            path.extend(std::mem::take(&mut reads));
            path.push(format!("{line} {}", request.title.as_deref().map(masked).unwrap_or_default()).trim_end().to_owned());
        } else {
            reads.insert(format!("  {line}"));
        }
    }
    path.extend(reads);
    path
}

/// A deploy's title without the run's id.
fn masked(title: &str) -> String {
    let word = |word: &str| if word.starts_with("run=") { "run=…".to_owned() } else { word.to_owned() };
    title.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
