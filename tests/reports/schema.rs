//! The published schema of a run's JSON lines is the one that they are written by, and they keep to it.

use super::{compare, root};
use crate::report::{all, played};
use boon::{Compiler, SchemaIndex, Schemas};
use rollout_plan::report::json;
use serde_json::{Value, json};

/// The published file.
const PUBLISHED: &str = "docs/schema/run-events-1.json";

/// Says whether lines keep to the published schema.
pub struct Checked(Schemas, SchemaIndex);

impl Checked {
    pub fn published() -> Self {
        let text = std::fs::read_to_string(root().join(PUBLISHED)).unwrap();
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("run-events.json", serde_json::from_str(&text).unwrap()).unwrap();
        let index = compiler.compile("run-events.json", &mut schemas).unwrap();
        Self(schemas, index)
    }

    /// What is wrong with a line, if anything is.
    pub fn wrong(&self, line: &Value) -> Option<String> {
        self.0.validate(line, self.1).err().map(|error| format!("{error:#}\n{line}"))
    }
}

#[test]
fn the_published_schema_is_the_one_that_lines_are_written_by() {
    compare(PUBLISHED, &json::schema());
}

#[test]
fn every_line_of_every_kind_of_run_keeps_to_the_schema() {
    let schema = Checked::published();
    let mut lines = 0;
    for (name, script) in all() {
        for line in played(&script) {
            assert_eq!(schema.wrong(&line), None, "{name}");
            lines += 1;
        }
    }
    assert!(lines > 300, "{lines}: rounds are among them");
}

#[test]
fn a_line_that_is_not_as_published_is_refused() {
    let schema = Checked::published();
    let good = json!({ "v": 1, "at_ms": 5, "event": "gate-held", "gate": "sources" });
    assert_eq!(schema.wrong(&good), None);
    let with = |key: &str, value: Value| {
        let mut line = good.clone();
        line[key] = value;
        line
    };
    // What is added within a version is no business of who reads by this schema.
    assert_eq!(schema.wrong(&with("since", json!("later"))), None);
    for (what, line) in [
        ("another version", with("v", json!(2))),
        ("no version", json!({ "at_ms": 5, "event": "gate-held", "gate": "sources" })),
        ("a time in words", with("at_ms", json!("5 ms"))),
        ("a time before the start", with("at_ms", json!(-1))),
        ("an event that there is not", with("event", json!("gate-hold"))),
        ("a key that is missing", json!({ "v": 1, "at_ms": 5, "event": "gate-held" })),
        ("a key of another kind", with("gate", json!(["sources"]))),
        (
            "a word that there is not",
            json!({ "v": 1, "at_ms": 5, "event": "deploy-ended", "for": "phase", "phase": "core", "status": "fine" }),
        ),
        ("a purpose without its phase", json!({ "v": 1, "at_ms": 5, "event": "replaced", "for": "phase" })),
        ("a sandbox without a speed", with("sandbox", json!({}))),
        ("no object", json!("gate-held")),
    ] {
        assert!(schema.wrong(&line).is_some(), "{what} is accepted: {line}");
    }
}

#[test]
fn every_event_of_the_schema_is_documented() {
    let documented = std::fs::read_to_string(root().join("docs/output.md")).unwrap();
    let schema: Value = serde_json::from_str(&json::schema()).unwrap();
    let events: Vec<&str> =
        schema["oneOf"].as_array().unwrap().iter().map(|one| one["properties"]["event"]["const"].as_str().unwrap()).collect();
    assert!(events.len() > 40 && events.contains(&"verdict"), "{events:?}");
    let missing: Vec<&&str> = events.iter().filter(|event| !documented.contains(&format!("`{event}`"))).collect();
    assert!(missing.is_empty(), "docs/output.md does not name {missing:?}");
}
