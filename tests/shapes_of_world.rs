//! What the world answers has the shape of what was recorded of a live Dokploy: status, content type, keys and JSON types at every depth.

use rollout_plan::world::{ApiRequest, ApiResponse, Config, Fault, Key, MemberRights, World};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

const KEY: &str = Config::API_KEY;

/// Objects whose keys are data.
const MAPS: [&str; 5] = ["Labels", "Ports", "PortBindings", "ExposedPorts", "Networks"];

/// What a procedure's recorded answers of one status look like: for every place the types seen there, and for every object how often each key
/// was there and how often the object was.
#[derive(Debug, Default)]
struct Shape {
    content_types: BTreeSet<Option<String>>,
    types: BTreeMap<String, BTreeSet<&'static str>>,
    keys: BTreeMap<String, BTreeMap<String, usize>>,
    objects: BTreeMap<String, usize>,
    empty: bool,
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

fn walk(value: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, &format!("{path}[]"), visit)),
        Value::Object(members) => {
            let is_map = path.rsplit('.').next().is_some_and(|last| MAPS.contains(&last));
            for (key, value) in members {
                walk(value, &format!("{path}.{}", if is_map { "*" } else { key }), visit);
            }
        }
        _ => {}
    }
}

fn is_map(path: &str) -> bool {
    path.rsplit('.').next().is_some_and(|last| MAPS.contains(&last))
}

impl Shape {
    fn learn(&mut self, body: &Value) {
        walk(body, "$", &mut |path, value| {
            self.types.entry(path.to_owned()).or_default().insert(type_of(value));
            if let Value::Object(members) = value
                && !is_map(path)
            {
                *self.objects.entry(path.to_owned()).or_default() += 1;
                for key in members.keys() {
                    *self.keys.entry(path.to_owned()).or_default().entry(key.clone()).or_default() += 1;
                }
            }
        });
    }

    /// What is different about a body.
    fn differences(&self, body: &Value) -> Vec<String> {
        let mut found = Vec::new();
        walk(body, "$", &mut |path, value| {
            let Some(types) = self.types.get(path) else { return found.push(format!("{path} was never recorded")) };
            if !types.contains(type_of(value)) {
                found.push(format!("{path} is {}, recorded as {types:?}", type_of(value)));
            }
            if let (Value::Object(members), Some(keys)) = (value, self.keys.get(path)) {
                let always = keys.iter().filter(|(_, count)| **count == self.objects[path]).map(|(key, _)| key);
                found.extend(always.filter(|key| !members.contains_key(*key)).map(|key| format!("{path}.{key} is missing")));
            }
        });
        found
    }
}

/// The recorded shapes by procedure and status.
fn recorded() -> BTreeMap<(String, u64), Shape> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut shapes: BTreeMap<(String, u64), Shape> = BTreeMap::new();
    for file in
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "jsonl"))
    {
        for line in fs::read_to_string(file).unwrap().lines() {
            let recording: Value = serde_json::from_str(line).unwrap();
            // Recorded on a remote server, or with parts left out.
            if recording["trimmed"] == true || recording["name"].as_str().unwrap().starts_with("remote-") {
                continue;
            }
            let procedure = recording["path"].as_str().unwrap().trim_start_matches("/api/").to_owned();
            let shape = shapes.entry((procedure, recording["status"].as_u64().unwrap())).or_default();
            shape.content_types.insert(recording["type"].as_str().map(str::to_owned));
            if recording["empty"] == true {
                shape.empty = true;
            } else if recording.get("text").is_none_or(Value::is_null) {
                shape.learn(&recording["body"]);
            }
        }
    }
    shapes
}

/// A world in which everything is to be seen: two deploys behind it, one running, one waiting, a container in each state.
struct Busy {
    world: World,
    now: Duration,
    compose: String,
}

impl Busy {
    fn new() -> Self {
        let keys = vec![
            Key::owner(KEY),
            Key::member("stranger", MemberRights::default()),
            Key::member("granted", MemberRights { services: true, ..MemberRights::default() }),
        ];
        let faults = ["loop: crash-loop", "gone: exits", "sick: http-500"].map(|fault| Fault::parse(fault).unwrap()).to_vec();
        let mut world = World::new(Config { keys, faults, ..Config::default() });
        let projects = world.api(Duration::ZERO, &ApiRequest::get("/api/project.all", &[], KEY)).unwrap().json().unwrap();
        let environments = projects[0]["environments"].as_array().unwrap();
        let compose = environments.iter().find_map(|one| one["compose"][0]["composeId"].as_str()).unwrap().to_owned();
        let mut busy = Self { world, now: Duration::ZERO, compose };
        let text = "services:\n  web: {image: web, restart: always, ports: ['8001:80'], environment: {A: '${A}'}}\n  loop: {image: loop, restart: \
                    always}\n  gone: {image: gone}\n  sick: {image: sick, healthcheck: {test: 'curl http://localhost/', interval: 1s, retries: 1}}\n  \
                    late: {image: late, depends_on: {sick: {condition: service_healthy}}}\n";
        for title in ["first", "second"] {
            busy.post("compose.update", json!({"composeId": busy.compose, "composeFile": text}));
            busy.post("compose.deploy", json!({"composeId": busy.compose, "title": title}));
            busy.now += Duration::from_secs(20);
        }
        while !busy.get("docker.getContainers", &[], KEY).body.contains("restarting") {
            busy.now += Duration::from_millis(100);
        }
        busy.post("compose.deploy", json!({"composeId": busy.compose, "title": "third"}));
        busy.post("compose.deploy", json!({"composeId": busy.compose, "title": "fourth"}));
        busy.now += Duration::from_millis(200);
        busy
    }

    fn get(&mut self, procedure: &str, query: &[(&str, &str)], key: &str) -> ApiResponse {
        self.world.api(self.now, &ApiRequest::get(&format!("/api/{procedure}"), query, key)).unwrap()
    }

    fn post(&mut self, procedure: &str, body: Value) -> ApiResponse {
        self.world.api(self.now, &ApiRequest::post(&format!("/api/{procedure}"), &body, KEY)).unwrap()
    }
}

#[test]
fn answers_have_the_recorded_shape() {
    let recorded = recorded();
    let mut busy = Busy::new();
    let compose = busy.compose.clone();
    let one = busy.get("compose.one", &[("composeId", &compose)], KEY).json().unwrap();
    let app = one["appName"].as_str().unwrap().to_owned();
    let row = one["deployments"][0]["deploymentId"].as_str().unwrap().to_owned();
    let listed = busy.get("docker.getContainersByAppNameMatch", &[("appName", &app), ("appType", "docker-compose")], KEY).json().unwrap();
    let ids: Vec<String> = listed.as_array().unwrap().iter().map(|one| one["containerId"].as_str().unwrap().to_owned()).collect();
    let states: BTreeSet<&str> = listed.as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, BTreeSet::from(["created", "exited", "restarting", "running"]), "a container in each state");

    let mut answers: Vec<(&str, ApiResponse)> = Vec::new();
    let get = |busy: &mut Busy, procedure: &'static str, query: &[(&str, &str)], key: &str| (procedure, busy.get(procedure, query, key));
    answers.push(get(&mut busy, "trpc/settings.health", &[], ""));
    answers.push(get(&mut busy, "settings.getDokployVersion", &[], KEY));
    answers.push(get(&mut busy, "settings.getDokployVersion", &[], "wrong"));
    for key in [KEY, "wrong", "stranger", "granted"] {
        answers.push(get(&mut busy, "project.all", &[], key));
        answers.push(get(&mut busy, "deployment.queueList", &[], if key == "wrong" { KEY } else { key }));
        answers.push(get(&mut busy, "docker.getContainersByAppNameMatch", &[("appName", &app)], if key == "wrong" { KEY } else { key }));
    }
    for key in [KEY, "stranger", "granted"] {
        answers.push(get(&mut busy, "compose.one", &[("composeId", &compose)], key));
        answers.push(get(&mut busy, "deployment.allByCompose", &[("composeId", &compose)], key));
        answers.push(get(&mut busy, "deployment.readLogs", &[("deploymentId", &row)], key));
        answers.push(get(&mut busy, "docker.getContainers", &[], key));
    }
    answers.push(get(&mut busy, "compose.one", &[], KEY));
    answers.push(get(&mut busy, "compose.one", &[("composeId", "x")], KEY));
    answers.push(get(&mut busy, "deployment.readLogs", &[("deploymentId", "x")], KEY));
    answers.push(get(&mut busy, "compose.getConvertedCompose", &[("composeId", &compose)], KEY));
    answers.push(get(&mut busy, "compose.getConvertedCompose", &[("composeId", &compose)], "granted"));
    answers.push(get(&mut busy, "docker.getConfig", &[("containerId", &ids[0])], "granted"));
    answers.push(get(&mut busy, "docker.getConfig", &[("containerId", "deadbeef0000")], KEY));
    for id in &ids {
        answers.push(get(&mut busy, "docker.getConfig", &[("containerId", id)], KEY));
        answers.push(get(&mut busy, "compose.readLogs", &[("composeId", &compose), ("containerId", id)], KEY));
    }
    for body in [json!({"composeId": compose, "env": "A=1"}), json!({"composeId": "x"}), json!({"composeId": compose, "sourceType": "x"})] {
        answers.push(("compose.update", busy.post("compose.update", body)));
    }
    for body in [json!({"composeId": compose}), json!({}), json!({"composeId": "x"}), json!({"composeId": 5})] {
        answers.push(("compose.deploy", busy.post("compose.deploy", body)));
    }
    answers.push(("compose.cleanQueues", busy.post("compose.cleanQueues", json!({"composeId": compose}))));
    answers.push(("compose.stop", busy.post("compose.stop", json!({"composeId": compose}))));
    busy.world.add_fault(busy.now, Fault::parse("dokploy: docker-down").unwrap());
    answers.push(("compose.stop", busy.post("compose.stop", json!({"composeId": compose}))));
    busy.world.add_fault(busy.now, Fault::parse("dokploy: database-down").unwrap());
    answers.push(get(&mut busy, "trpc/settings.health", &[], ""));

    let mut compared = BTreeSet::new();
    let mut wrong = Vec::new();
    for (procedure, answer) in answers {
        let status = u64::from(answer.status);
        let Some(shape) = recorded.get(&(procedure.to_owned(), status)) else {
            wrong.push(format!("{procedure} was never recorded with {status}: {}", answer.body));
            continue;
        };
        compared.insert((procedure.to_owned(), status));
        let kind = answer.content_type.map(|kind| kind.split(';').next().unwrap().to_owned());
        if !shape.content_types.contains(&kind) {
            wrong.push(format!("{procedure} {status}: content type {kind:?}, recorded {:?}", shape.content_types));
        }
        match answer.json() {
            Some(body) => {
                wrong.extend(shape.differences(&body).into_iter().map(|difference| format!("{procedure} {status}: {difference}")))
            }
            None if answer.body.is_empty() && shape.empty => {}
            None => wrong.push(format!("{procedure} {status}: not JSON: {}", answer.body)),
        }
    }
    wrong.dedup();
    assert_eq!(wrong, Vec::<String>::new(), "\n{}", wrong.join("\n"));
    // What was recorded and is not compared: 415 needs a request without JSON, 500 of a log needs one over a megabyte, 404 a method.
    let procedures: BTreeSet<&str> = recorded.keys().map(|(procedure, _)| procedure.as_str()).collect();
    let called: BTreeSet<&str> = compared.iter().map(|(procedure, _)| procedure.as_str()).collect();
    let left: Vec<&&str> = procedures
        .difference(&called)
        .filter(|name| !name.contains("nope") && !name.contains('/') && **name != "settings.health")
        .collect();
    assert_eq!(left, Vec::<&&str>::new(), "every procedure that the client calls is compared");
}

#[test]
fn a_difference_is_seen() {
    let mut shape = Shape::default();
    shape.learn(&json!([{"a": 1, "b": null}, {"a": 2, "b": "x", "c": true}]));
    assert_eq!(shape.differences(&json!([{"a": 3, "b": null}])), Vec::<String>::new());
    assert_eq!(
        shape.differences(&json!([{"a": "3", "d": 1}])),
        ["$[].b is missing", "$[].a is string, recorded as {\"number\"}", "$[].d was never recorded"]
    );
}
