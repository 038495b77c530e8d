//! The shapes of Dokploy's answers: JSON types and keys at every depth, learnt from all recordings of a procedure together. What the
//! sandbox answers is held against them.

use crate::recorded::{Recording, called, recordings};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Objects whose keys are data: names of labels, ports, networks, volumes, fields. Their values share one shape.
const OPEN: [&str; 9] = ["Labels", "Ports", "Networks", "Volumes", "ExposedPorts", "PortBindings", "Data", "fieldErrors", "Options"];

/// The JSON types seen at one place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// `null`, `boolean`, `number`, `string`, `array` and `object`, as far as seen.
    types: BTreeSet<&'static str>,
    /// Shape of an array's elements and of an open object's values.
    elements: Option<Box<Shape>>,
    /// Objects seen.
    objects: usize,
    /// Keys of the objects: in how many, and their shape.
    keys: BTreeMap<String, (usize, Shape)>,
}

impl Shape {
    /// Takes one more value seen at the place that `key` names.
    fn learn(&mut self, key: &str, value: &Value) {
        self.types.insert(type_of(value));
        match value {
            Value::Array(list) => list.iter().for_each(|value| self.elements.get_or_insert_default().learn("", value)),
            Value::Object(map) if OPEN.contains(&key) => {
                map.values().for_each(|value| self.elements.get_or_insert_default().learn("", value));
            }
            Value::Object(map) => {
                self.objects += 1;
                for (key, value) in map {
                    let (seen, shape) = self.keys.entry(key.clone()).or_default();
                    *seen += 1;
                    shape.learn(key, value);
                }
            }
            _ => {}
        }
    }

    /// In what a value differs from everything recorded at its place: one line each, empty when it could have been recorded. A key that
    /// every recorded object has must be there; one that none has must not.
    pub fn differences(&self, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.compare("", "$", value, &mut found);
        found
    }

    fn compare(&self, key: &str, path: &str, value: &Value, found: &mut Vec<String>) {
        let kind = type_of(value);
        if !self.types.contains(kind) {
            let types: Vec<&str> = self.types.iter().copied().collect();
            found.push(format!("{path} is {kind}, recorded are {}", types.join(" and ")));
            return;
        }
        match value {
            // Where only empty lists were recorded, nothing is known of their elements.
            Value::Array(list) => {
                for (at, value) in list.iter().enumerate() {
                    self.elements.iter().for_each(|shape| shape.compare("", &format!("{path}[{at}]"), value, found));
                }
            }
            Value::Object(map) if OPEN.contains(&key) => {
                for (name, value) in map {
                    self.elements.iter().for_each(|shape| shape.compare("", &format!("{path}.{name}"), value, found));
                }
            }
            Value::Object(map) => self.compare_keys(path, map, found),
            _ => {}
        }
    }

    fn compare_keys(&self, path: &str, map: &Map<String, Value>, found: &mut Vec<String>) {
        for (key, (seen, _)) in &self.keys {
            if *seen == self.objects && !map.contains_key(key) {
                found.push(format!("{path}.{key} is missing"));
            }
        }
        for (key, value) in map {
            match self.keys.get(key) {
                Some((_, shape)) => shape.compare(key, &format!("{path}.{key}"), value, found),
                None => found.push(format!("{path}.{key} was never recorded")),
            }
        }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// What a procedure was recorded to answer with one status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// Content types, without parameters.
    pub content_types: BTreeSet<Option<String>>,
    /// Whether an empty body was among them.
    pub may_be_empty: bool,
    /// The shape of JSON bodies.
    pub shape: Shape,
    /// The recordings that say so.
    pub recordings: Vec<String>,
}

/// What a procedure was recorded to answer, by status. Recordings with keys left out define nothing.
pub fn answers(procedure: &str) -> BTreeMap<u16, Answers> {
    let mut answers: BTreeMap<u16, Answers> = BTreeMap::new();
    for recording in recordings(procedure).iter().filter(|recording| !recording.trimmed && defines(recording)) {
        let entry = answers.entry(recording.status).or_default();
        entry.content_types.insert(recording.content_type.clone());
        entry.recordings.push(recording.name.clone());
        if recording.has_json() {
            entry.shape.learn("", &recording.body);
        } else {
            entry.may_be_empty |= recording.response().body.is_empty();
        }
    }
    answers
}

/// Swarm services, stacks and git sources answer other shapes, and are refused before they matter.
fn defines(recording: &Recording) -> bool {
    let stack = recording.query.iter().flatten().any(|(key, value)| key == "appType" && value != "docker-compose");
    let untyped = recording.path.ends_with("NameMatch") && recording.query.iter().flatten().all(|(key, _)| key != "appType");
    !stack && !untyped && !recording.name.starts_with("git-")
}

#[test]
fn every_called_procedure_has_a_recorded_shape() {
    for call in called() {
        let answers = answers(call.procedure());
        let good = answers.get(&200).unwrap_or_else(|| panic!("{} was never recorded to succeed", call.procedure()));
        assert!(!good.recordings.is_empty() && !good.shape.types.is_empty(), "{}", call.procedure());
        assert_eq!(good.content_types.len(), 1, "{}", call.procedure());
    }
}

#[test]
fn every_recording_has_the_shape_that_was_learnt_from_all() {
    for call in called() {
        let answers = answers(call.procedure());
        for recording in recordings(call.procedure()).iter().filter(|r| !r.trimmed && defines(r) && r.has_json()) {
            let differences = answers[&recording.status].shape.differences(&recording.body);
            assert!(differences.is_empty(), "{}: {differences:?}", recording.name);
        }
    }
}

#[test]
fn a_difference_at_any_depth_is_found() {
    let shape = &answers("deployment.queueList")[&200].shape;
    let job = crate::recorded::recording("deployment.queueList", "deployment.queueList-active").body.clone();
    assert_eq!(shape.differences(&job), Vec::<String>::new());
    assert_eq!(shape.differences(&json!({})), ["$ is object, recorded are array"]);
    let mut changed = job.clone();
    changed[0]["data"]["titleLog"] = json!(7);
    changed[0]["data"]["extra"] = json!(true);
    changed[0].as_object_mut().expect("a job").remove("state");
    let expected = ["$[0].state is missing", "$[0].data.titleLog is number, recorded are string", "$[0].data.extra was never recorded"];
    assert_eq!(shape.differences(&changed), expected);
    // `processedOn` is there for active jobs only.
    let mut waiting = job;
    waiting[0].as_object_mut().expect("a job").remove("processedOn");
    assert_eq!(shape.differences(&waiting), Vec::<String>::new());
}
