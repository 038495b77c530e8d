//! The recorded exchanges with a live Dokploy v0.30.2, as the tests use them: `tests/recordings/<procedure>.jsonl`, one line an exchange.

use rollout_plan::dokploy::{Call, Reply};
use rollout_plan::wire::{self, HttpResponse};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Every procedure that the client calls, with a call of it.
pub fn called() -> Vec<Call> {
    let compose = || "ml7I_tvF8zsmmM-iEVIQ8".to_owned();
    let container = || "0ad1e2efb87a".to_owned();
    vec![
        Call::Health,
        Call::Version,
        Call::Cloud,
        Call::Projects,
        Call::Compose { compose: compose() },
        Call::UpdateText { compose: compose(), text: "services: {}\n".to_owned() },
        Call::ConvertedCompose { compose: compose() },
        Call::Deploy { compose: compose(), marker: "m".to_owned() },
        Call::Stop { compose: compose() },
        Call::CleanQueues { compose: compose() },
        Call::ContainerLog { compose: compose(), container: container(), lines: 50, seconds: None },
        Call::Queue,
        Call::Deployments { compose: compose() },
        Call::DeployLog { deployment: "d".to_owned(), lines: 50 },
        Call::AppContainers { app_name: "bench-web-uauhae".to_owned(), server: None },
        Call::HostContainers { server: None },
        Call::ServerHealth { server: None },
        Call::Inspect { container: container(), server: None },
    ]
}

/// One recorded exchange.
#[derive(Clone, Debug, Deserialize)]
pub struct Recording {
    /// What it is called.
    pub name: String,
    pub method: String,
    pub path: String,
    pub query: Option<BTreeMap<String, Value>>,
    /// Whether the key was sent with it.
    pub key: bool,
    /// The request's body.
    pub sent: Option<Value>,
    pub status: u16,
    /// The content type, without parameters.
    #[serde(rename = "type")]
    pub content_type: Option<String>,
    #[serde(default)]
    empty: bool,
    text: Option<String>,
    #[serde(default)]
    pub body: Value,
    /// Whether keys of the body were left out: it does not define a shape.
    #[serde(default)]
    pub trimmed: bool,
}

impl Recording {
    /// The response as it came over the wire.
    pub fn response(&self) -> HttpResponse {
        let body = match &self.text {
            _ if self.empty => Vec::new(),
            Some(text) => text.clone().into_bytes(),
            None => serde_json::to_vec(&self.body).expect("a JSON value can be written"),
        };
        HttpResponse { status: self.status, content_type: self.content_type.clone(), body }
    }

    /// Whether it has a JSON body.
    pub fn has_json(&self) -> bool {
        !self.empty && self.text.is_none()
    }
}

/// The reply that a recording is to a call.
pub fn reply(call: &Call, name: &str) -> Reply {
    wire::decode(call, &recording(call.procedure(), name).response())
}

/// A recording of a procedure, by its name.
pub fn recording(procedure: &str, name: &str) -> &'static Recording {
    let found = recordings(procedure).iter().find(|recording| recording.name == name);
    found.unwrap_or_else(|| panic!("tests/recordings/{procedure}.jsonl has no `{name}`"))
}

/// Every recording of a procedure; `errors` has those of none. Read once.
pub fn recordings(procedure: &str) -> &'static [Recording] {
    static READ: Mutex<BTreeMap<String, &'static [Recording]>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    read.entry(procedure.to_owned()).or_insert_with(|| load(procedure).leak())
}

fn load(procedure: &str) -> Vec<Recording> {
    let text = read(&format!("{procedure}.jsonl"));
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{procedure}: {error}: {line}"))).collect()
}

/// The recordings that are not replayed, as (name, reason).
pub fn left_out() -> Vec<(String, String)> {
    let text = read("not-replayed.tsv");
    text.lines()
        .map(|line| line.split_once('\t').expect("name, tab, reason"))
        .map(|(name, why)| (name.to_owned(), why.to_owned()))
        .collect()
}

fn read(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
