//! Every recorded answer to a procedure that the client calls goes through the decoder and the reader of its rows.

use crate::recorded::{Recording, called, left_out, recording, recordings};
use proptest::prelude::*;
use rollout_plan::dokploy::{Body, Call, Refusal, Reply, read_container, rows};
use rollout_plan::wire::{self, Method};
use serde_json::Value;
use std::collections::BTreeMap;

/// Recorded exchanges in all.
const RECORDED: usize = 790;

/// What an answer is once decoded and read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Read {
    /// A 200 without a body.
    Empty,
    /// A 200 that the reader understands, with how many rows it has.
    Rows(usize),
    /// A 200 that the reader does not understand.
    Unreadable,
    /// Any other answer.
    Refused(Refusal),
}

fn read(call: &Call, recording: &Recording) -> Read {
    let body = match wire::decode(call, &recording.response()) {
        Reply::Answered(Body::Empty) => return Read::Empty,
        Reply::Answered(Body::Json(body)) => body,
        Reply::Refused(refusal) => return Read::Refused(refusal),
        other => panic!("a response is neither {other:?}"),
    };
    rows_in(call, &body).map_or(Read::Unreadable, Read::Rows)
}

/// How many rows the procedure's own reader finds; `None` when it cannot read the body.
fn rows_in(call: &Call, body: &Value) -> Option<usize> {
    match call {
        Call::Projects => rows::projects(body).ok().map(|rows| rows.len()),
        Call::Compose { .. } | Call::UpdateText { .. } => rows::compose(body).ok().map(|_| 1),
        Call::Queue => rows::queue(body).ok().map(|rows| rows.len()),
        Call::Deployments { .. } => rows::deployments(body).ok().map(|rows| rows.len()),
        Call::AppContainers { .. } | Call::OwnContainers { .. } => rows::app_containers(body).ok().map(|rows| rows.len()),
        Call::HostContainers { .. } => rows::host_containers(body).ok().map(|rows| rows.len()),
        Call::Inspect { .. } => {
            let id = body.get("Id").and_then(Value::as_str)?;
            read_container(id, body).ok().map(|container| usize::from(container.is_some()))
        }
        Call::Version | Call::ConvertedCompose { .. } | Call::ContainerLog { .. } | Call::DeployLog { .. } => body.is_string().then_some(1),
        Call::ServerHealth { .. } => Some(usize::from(rows::engine_answered(body))),
        Call::Health => (body.get("status")? == "ok").then_some(1),
        Call::Deploy { .. } | Call::CleanQueues { .. } => (body.get("success")? == true).then_some(1),
        Call::Cloud => body.is_boolean().then_some(1),
        Call::Stop { .. } => (body == true).then_some(1),
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "the count, and what is left out and why, are told to whoever runs the test")]
fn every_recording_of_a_called_procedure_is_read() {
    let mut replayed = 0;
    for call in called() {
        for recording in recordings(call.procedure()) {
            replayed += 1;
            let name = &recording.name;
            match (recording.status, read(&call, recording)) {
                (200, Read::Rows(_) | Read::Empty) => {}
                // Containers of a swarm service have no compose labels; they are never asked for.
                (200, Read::Unreadable) => assert_eq!(name, "docker.getConfig-app-after-swarm-rollback", "a 200 that cannot be read"),
                (401, Read::Refused(Refusal::Unauthorized)) => assert!(recording.body.get("code").is_none(), "{name}"),
                (401, Read::Refused(Refusal::Forbidden(_))) => assert!(recording.body.get("code").is_some(), "{name}"),
                (404, Read::Refused(Refusal::NoSuchProcedure)) => assert!(name.starts_with("err-") && name.contains("-on-"), "{name}"),
                (404, Read::Refused(Refusal::NotFound(said))) => assert!(said.ends_with("not found"), "{name}: {said}"),
                (400 | 415, Read::Refused(Refusal::BadInput(said))) => assert!(!said.is_empty(), "{name}"),
                (500, Read::Refused(Refusal::Server(500, said))) => assert!(!said.contains("docker compose -p"), "{name}: {said}"),
                (status, read) => panic!("{name}: {status} is read as {read:?}"),
            }
        }
    }
    for (name, refusal) in [
        ("err-unknown-path", Refusal::NoSuchProcedure),
        ("err-unknown-procedure", Refusal::NoSuchProcedure),
        ("settings.health-no-key", Refusal::Unauthorized),
        ("webhook-unknown-token", Refusal::NotFound("Compose Not Found".to_owned())),
    ] {
        assert_eq!(read(&Call::Version, recording("errors", name)), Read::Refused(refusal), "{name}");
    }
    // The health question in its keyed form has no envelope: it is not what the client asks.
    let keyed = read(&Call::Health, recording("errors", "settings.health"));
    assert!(matches!(keyed, Read::Refused(Refusal::NotDokploy(200, _))), "{keyed:?}");
    replayed += 5;

    let left_out = left_out();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, why) in &left_out {
        *reasons.entry(why.as_str()).or_default() += 1;
    }
    let reasons: Vec<String> = reasons.iter().map(|(why, count)| format!("  {count:3}  {why}")).collect();
    eprintln!("{replayed} of {RECORDED} recordings replayed; not replayed:\n{}", reasons.join("\n"));
    assert_eq!(replayed + left_out.len(), RECORDED, "each recording is replayed or left out with a reason");
    assert_eq!(replayed, 675);
}

#[test]
fn what_was_recorded_as_nothing_is_read_as_nothing() {
    let call = Call::AppContainers { app_name: "a".to_owned(), server: None };
    let rows = |name: &str| read(&call, recording(call.procedure(), name));
    assert_eq!(rows("dockerdown-docker.getContainersByAppNameMatch"), Read::Rows(0));
    assert_eq!(rows("remote-noisy-stderr-docker.getContainersByAppNameMatch"), Read::Rows(0));
    assert_eq!(rows("remote-noisy-stdout-docker.getContainersByAppNameMatch"), Read::Rows(1), "the shell's greeting is no container");
    let call = Call::HostContainers { server: None };
    let answered = |name: &str| rows::docker_answered(&recording(call.procedure(), name).body);
    assert!(answered("docker.getContainers") && answered("empty-host-docker.getContainers"));
    assert!(!answered("dockerdown-docker.getContainers"));
    let call = Call::ServerHealth { server: None };
    let answered = |name: &str| rows::engine_answered(&recording(call.procedure(), name).body);
    assert!(answered("docker.getServerHealth") && !answered("dockerdown-docker.getServerHealth"));
    let call = Call::Inspect { container: "a".to_owned(), server: None };
    assert_eq!(read(&call, recording(call.procedure(), "docker.getConfig-unknown")), Read::Empty);
    let call = Call::UpdateText { compose: "a".to_owned(), text: String::new() };
    assert_eq!(read(&call, recording(call.procedure(), "err-compose.update-unknown")), Read::Empty);
}

/// Keys of a query that the client leaves to their defaults or never needs.
fn is_ours(call: &Call, recording: &Recording) -> bool {
    let keys: Vec<&str> = match (&recording.query, &recording.sent) {
        (Some(query), _) => query.keys().map(String::as_str).collect(),
        (None, Some(Value::Object(sent))) => sent.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    let ours: &[&[&str]] = match call {
        Call::Compose { .. } | Call::ConvertedCompose { .. } | Call::Deployments { .. } | Call::Stop { .. } | Call::CleanQueues { .. } => {
            &[&["composeId"]]
        }
        Call::UpdateText { .. } => &[&["composeId", "composeFile"]],
        Call::Deploy { .. } => &[&["composeId", "title", "description"]],
        Call::ContainerLog { .. } => &[&["composeId", "containerId", "tail"]],
        Call::DeployLog { .. } => &[&["deploymentId", "tail"]],
        Call::AppContainers { .. } => &[&["appName", "appType"], &["appName", "appType", "serverId"]],
        Call::HostContainers { .. } => &[&[], &["serverId"]],
        Call::Inspect { .. } => &[&["containerId"], &["containerId", "serverId"]],
        _ => &[&[]],
    };
    ours.iter().any(|ours| ours.len() == keys.len() && ours.iter().all(|key| keys.contains(key)))
}

/// The call that sends what was recorded.
fn as_sent(call: &Call, recording: &Recording) -> Call {
    let field = |key: &str| {
        let query = recording.query.as_ref().and_then(|query| query.get(key).cloned());
        let value = query.or_else(|| recording.sent.as_ref()?.get(key).cloned());
        value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let text = |key: &str| field(key).unwrap_or_default();
    let lines = text("tail").parse().unwrap_or(0);
    let (compose, container, server) = (text("composeId"), text("containerId"), field("serverId"));
    match call {
        Call::Compose { .. } => Call::Compose { compose },
        Call::UpdateText { .. } => Call::UpdateText { compose, text: text("composeFile") },
        Call::ConvertedCompose { .. } => Call::ConvertedCompose { compose },
        Call::Deploy { .. } => Call::Deploy { compose, marker: text("title") },
        Call::Stop { .. } => Call::Stop { compose },
        Call::CleanQueues { .. } => Call::CleanQueues { compose },
        Call::ContainerLog { .. } => Call::ContainerLog { compose, container, lines, seconds: None },
        Call::Deployments { .. } => Call::Deployments { compose },
        Call::DeployLog { .. } => Call::DeployLog { deployment: text("deploymentId"), lines },
        Call::AppContainers { .. } => Call::AppContainers { app_name: text("appName"), server },
        Call::HostContainers { .. } => Call::HostContainers { server },
        Call::Inspect { .. } => Call::Inspect { container, server },
        other => other.clone(),
    }
}

#[test]
fn requests_are_sent_as_they_were_recorded() {
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    for call in called() {
        for recording in recordings(call.procedure()) {
            let refused = matches!(recording.status, 400 | 404 | 415) || !recording.key;
            let other_type = recording.query.iter().flatten().any(|(key, value)| key == "appType" && value != "docker-compose");
            if !is_ours(&call, recording) || other_type || (refused && call != Call::Health) {
                continue;
            }
            let request = wire::encode(&as_sent(&call, recording));
            let name = &recording.name;
            let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
            assert_eq!(path, recording.path, "{name}");
            assert_eq!(request.method, if recording.method == "GET" { Method::Get } else { Method::Post }, "{name}");
            assert_eq!(request.with_key, recording.key, "{name}");
            let sent = query.split('&').filter(|field| !field.is_empty()).count();
            assert_eq!(sent, recording.query.as_ref().map_or(0, BTreeMap::len), "{name}");
            for (key, value) in recording.query.iter().flatten() {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                assert!(query.split('&').any(|field| field == format!("{key}={value}")), "{name}: {key}={value} in {query}");
            }
            let body: Option<Value> = request.body.map(|body| serde_json::from_str(&body).expect("a body is JSON"));
            let mut recorded = recording.sent.clone();
            if let (Call::Deploy { .. }, Some(recorded)) = (&call, &mut recorded) {
                // Recorded with a description of its own; the client's is the marker too.
                recorded["description"] = recorded["title"].clone();
            }
            assert_eq!(body, recorded, "{name}");
            *compared.entry(call.procedure()).or_default() += 1;
        }
    }
    for call in called() {
        assert!(compared.contains_key(call.procedure()), "no recorded request has the client's form of {}", call.procedure());
    }
}

/// A recorded body with one place changed: a key or an element gone, or a value of another type.
pub fn mutated(body: &Value, at: usize, how: usize) -> Value {
    fn places(value: &Value, path: &str, found: &mut Vec<String>) {
        found.push(path.to_owned());
        match value {
            Value::Object(map) => {
                map.iter().for_each(|(key, value)| places(value, &format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), found));
            }
            Value::Array(list) => list.iter().enumerate().for_each(|(at, value)| places(value, &format!("{path}/{at}"), found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    places(body, "", &mut found);
    let path = &found[at % found.len()];
    let mut body = body.clone();
    let other = match how % 6 {
        0 => Value::Null,
        1 => Value::from(7),
        2 => Value::from("x"),
        3 => Value::from(true),
        4 => serde_json::json!([]),
        _ => serde_json::json!({}),
    };
    match path.rsplit_once('/') {
        Some((parent, key)) if how % 7 == 6 => {
            let key = key.replace("~1", "/").replace("~0", "~");
            match body.pointer_mut(parent) {
                Some(Value::Object(map)) => drop(map.remove(&key)),
                Some(Value::Array(list)) => drop(list.pop()),
                _ => {}
            }
        }
        _ => *body.pointer_mut(path).expect("the place is there") = other,
    }
    body
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_body_never_makes_a_reader_panic(which in 0usize..16, name in any::<prop::sample::Index>(), at: usize, how: usize) {
        let call = &called()[which];
        let all: Vec<&Recording> = recordings(call.procedure()).iter().filter(|r| r.has_json()).collect();
        let body = mutated(&name.get(&all).body, at, how);
        rows_in(call, &body);
    }

    #[test]
    fn a_cut_body_is_never_an_answer(which in 0usize..16, name in any::<prop::sample::Index>(), cut in 0.0f64..1.0) {
        let call = &called()[which];
        let all: Vec<&Recording> = recordings(call.procedure()).iter().filter(|r| r.status == 200 && r.has_json()).collect();
        prop_assume!(!all.is_empty());
        let mut response = name.get(&all).response();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short body")]
        let length = (response.body.len() as f64 * cut) as usize;
        prop_assume!(length > 0);
        response.body.truncate(length);
        prop_assert!(!matches!(wire::decode(call, &response), Reply::Answered(_)));
    }

    #[test]
    fn a_changed_row_is_never_taken_for_a_finished_deploy(name in any::<prop::sample::Index>(), at: usize, how: usize) {
        let all: Vec<&Recording> = recordings("deployment.allByCompose").iter().filter(|r| r.body.is_array()).collect();
        let body = &name.get(&all).body;
        let changed = mutated(body, at, how);
        if let (Ok(before), Ok(after)) = (rows::deployments(body), rows::deployments(&changed)) {
            let done = |rows: &[rows::Deployment]| rows.iter().filter(|row| row.status == rows::Status::Done).count();
            prop_assert!(done(&after) <= done(&before), "a change made a row `done`");
        }
    }
}
