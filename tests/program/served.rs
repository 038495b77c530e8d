//! Sandboxes in real time: a world that a test made, served from a thread of the test; and `plan sandbox` as a process of its own.

use super::binary::Home;
use super::requests::{self, Request};
use rollout_plan::sandbox::{Options, Sandbox};
use rollout_plan::world::{Config, World};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What a shell must export to reach a sandbox.
#[derive(Clone, Debug)]
pub struct Exports {
    pub url: String,
    pub key: String,
    pub connect_to: String,
}

impl Exports {
    /// A home whose environment leads to the sandbox.
    pub fn home(&self) -> Home {
        Home::new().with("DOKPLOY_URL", &self.url).with("DOKPLOY_API_KEY", &self.key).with("PLAN_CONNECT_TO", &self.connect_to)
    }

    /// What was asked of Dokploy so far.
    pub fn log(&self) -> Vec<Request> {
        requests::read(&ask(&self.url, "GET", "/sandbox/log", ""))
    }

    /// A call of Dokploy's API for the only app, as somebody else would make it.
    pub fn post_to_app(&self, procedure: &str, fields: &Value) -> Value {
        let mut body = fields.clone();
        body["composeId"] = self.app()["composeId"].clone();
        let answer = ask_with(&self.url, "POST", &format!("/api/{procedure}"), &body.to_string(), &self.key);
        serde_json::from_str(&answer).unwrap_or(Value::Null)
    }

    /// The only app's row.
    pub fn app(&self) -> Value {
        let projects: Value = serde_json::from_str(&ask_with(&self.url, "GET", "/api/project.all", "", &self.key)).unwrap();
        let environments = projects[0]["environments"].as_array().unwrap();
        let id = environments.iter().find_map(|environment| environment["compose"][0]["composeId"].as_str()).unwrap();
        serde_json::from_str(&ask_with(&self.url, "GET", &format!("/api/compose.one?composeId={id}"), "", &self.key)).unwrap()
    }

    /// Deploys a compose text of the only app as somebody would by hand, and waits until it is up.
    pub fn deliver(&self, text: &str) {
        self.post_to_app("compose.update", &serde_json::json!({ "composeFile": text, "sourceType": "raw" }));
        self.post_to_app("compose.deploy", &serde_json::json!({}));
        wait_until("the deploy is done", || self.app()["composeStatus"] == "done");
    }

    /// Breaks something from now on.
    pub fn fault(&self, fault: &str) {
        ask(&self.url, "POST", "/sandbox/fault", fault);
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        ask(&self.url, "POST", "/sandbox/clear-faults", "");
    }

    /// Names and ids of all containers.
    pub fn containers(&self) -> BTreeMap<String, String> {
        let rows: Vec<Value> = serde_json::from_str(&ask_with(&self.url, "GET", "/api/docker.getContainers", "", &self.key)).unwrap();
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        rows.iter().map(|row| (text(row, "name"), text(row, "containerId"))).collect()
    }
}

/// One request on a connection of its own; gives the body.
fn ask(url: &str, method: &str, path: &str, body: &str) -> String {
    ask_with(url, method, path, body, "")
}

fn ask_with(url: &str, method: &str, path: &str, body: &str, key: &str) -> String {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nx-api-key: {key}\r\n");
    write!(stream, "{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    body.to_owned()
}

/// A world on a thread of its own, for as long as this lives.
pub struct Served {
    pub exports: Exports,
    end: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Served {
    pub fn start(config: Config, addresses: &[(&str, u16)]) -> Self {
        let addresses = addresses.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect();
        let (started, exports) = mpsc::channel();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let sandbox = Sandbox::start(World::new(config), Options { addresses, ..Options::default() }).await.unwrap();
                let exports =
                    Exports { url: sandbox.url.clone(), key: sandbox.api_key.clone(), connect_to: sandbox.connect_to.to_string() };
                started.send(exports).unwrap();
                let _ = ended.await;
            });
        });
        Self { exports: exports.recv().unwrap(), end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// `plan sandbox` as a process, for as long as this lives.
pub struct Beside {
    pub exports: Exports,
    process: Child,
}

impl Beside {
    /// Serves the plan's world on a free port.
    pub fn start(home: &Home, arguments: &[&str]) -> Self {
        let all = ["sandbox", "--listen", "127.0.0.1:0"].iter().chain(arguments);
        let mut process = home.command(all).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut export = |name: &str| {
            let line = lines.next().unwrap().unwrap();
            line.strip_prefix(&format!("export {name}=")).unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let exports = Exports { url: export("DOKPLOY_URL"), key: export("DOKPLOY_API_KEY"), connect_to: export("PLAN_CONNECT_TO") };
        Self { exports, process }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until something is so.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Does the same for several cases at once: in real time they mostly wait.
pub fn side_by_side<T: Send>(cases: impl IntoIterator<Item = T>, test: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| test(case));
        }
    });
}
