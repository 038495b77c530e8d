//! What is read of a compose file. What the reader does not know, it leaves alone.

use crate::source::{FileId, Span, Spanned};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// A compose file, with the places of what diagnostics point at.
#[derive(Clone, Debug)]
pub struct ComposeFile {
    /// Where its text lies.
    pub file: FileId,
    /// Its services, in the order written.
    pub services: Vec<Service>,
    /// Names of top-level networks, with whether they are external.
    pub networks: Vec<(Spanned<String>, bool)>,
    /// Names of top-level volumes, with whether they are external.
    pub volumes: Vec<(Spanned<String>, bool)>,
    /// Whether it includes other files, which are not read: they may bring services of their own.
    pub includes: bool,
    /// Variables that have no default, in the order of the text, each place once.
    pub variables: Vec<Variable>,
}

/// A variable that a compose file takes from the app's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name, and where it is asked for: from the dollar sign on.
    pub name: Spanned<String>,
    /// Whether compose refuses the file without it (`${NAME:?…}`); otherwise it becomes nothing.
    pub required: bool,
}

/// One service of a compose file. Values keep `${…}` as written; [`crate::compose`] interpolates on demand.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its key.
    pub name: Spanned<String>,
    /// `image`.
    pub image: Option<Spanned<String>>,
    /// `build`.
    pub build: Option<Build>,
    /// `container_name`.
    pub container_name: Option<Spanned<String>>,
    /// Published ports, ranges expanded, those that cannot be read statically left out.
    pub ports: Vec<Spanned<Port>>,
    /// Published ports that cannot be read statically, as written: a variable without a default, or a range that
    /// Docker chooses from.
    pub unknown_ports: Vec<Spanned<String>>,
    /// `depends_on`, short and long.
    pub depends_on: Vec<DependsOn>,
    /// `environment`, list and map.
    pub environment: Vec<EnvEntry>,
    /// `env_file` paths.
    pub env_files: Vec<Spanned<String>>,
    /// `restart`.
    pub restart: Option<Spanned<String>>,
    /// `healthcheck`.
    pub healthcheck: Option<Healthcheck>,
    /// `profiles`.
    pub profiles: Vec<Spanned<String>>,
    /// `networks` it is on.
    pub networks: Vec<Spanned<String>>,
    /// How the sandbox answers for it (`x-sandbox`). `None`: 200 and `{"status":"ok"}` on any path.
    pub sandbox: Option<SandboxAnswer>,
    /// Keys whose values stand for themselves, whatever the service that it extends has there: `!override`, `!reset`.
    pub(super) replaced: Vec<String>,
    /// The definition as plain data, interpolation not applied: equal values mean that compose sees no change.
    pub definition: serde_json::Value,
}

/// `build`.
#[derive(Clone, Debug)]
pub struct Build {
    /// `context`, or the short form.
    pub context: Spanned<String>,
    /// `dockerfile`.
    pub dockerfile: Option<Spanned<String>>,
    /// `dockerfile_inline`: the Dockerfile's text stands in the file.
    pub inline: bool,
    /// The context taken apart when it is a git URL.
    pub git: Option<GitContext>,
}

/// A git URL as build context: `https://host/owner/repo.git#ref:directory`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitContext {
    /// The repository without the fragment.
    pub repository: String,
    /// The reference and its place in the file, if one is written. Docker takes the default branch otherwise.
    pub reference: Option<Spanned<String>>,
    /// The directory, if one is written.
    pub directory: Option<String>,
}

/// A published port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// The host address; `None` means all of them.
    pub host_ip: Option<IpAddr>,
    /// The port on the host; `None` when Docker chooses one.
    pub host: Option<u16>,
    /// The port in the container.
    pub container: u16,
    /// The protocol.
    pub protocol: Protocol,
}

/// A port's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP, the default.
    Tcp,
    /// UDP.
    Udp,
}

/// One entry of `depends_on`.
#[derive(Clone, Debug)]
pub struct DependsOn {
    /// The service it waits for.
    pub service: Spanned<String>,
    /// What it waits for.
    pub condition: Condition,
    /// Whether compose refuses the file when that service is not in it (`required`). Default true.
    pub required: bool,
}

/// The condition of a `depends_on` entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `service_started`, the default.
    Started,
    /// `service_healthy`.
    Healthy,
    /// `service_completed_successfully`.
    Completed,
}

/// One variable of `environment`.
#[derive(Clone, Debug)]
pub struct EnvEntry {
    /// Its name.
    pub name: Spanned<String>,
    /// Its value as written; `None` when it is passed through.
    pub value: Option<Spanned<String>>,
}

/// `healthcheck`, as far as time is concerned. Docker's defaults are filled in: interval 30 s, timeout 30 s, retries
/// 3, start period 0 s.
#[derive(Clone, Debug)]
pub struct Healthcheck {
    /// `interval`.
    pub interval: Duration,
    /// `timeout`.
    pub timeout: Duration,
    /// `retries`.
    pub retries: u32,
    /// `start_period`.
    pub start_period: Duration,
    /// `disable: true` or `test: NONE`.
    pub disabled: bool,
    /// Whether every time in it could be read: a variable may stand for one.
    pub timed: bool,
    /// Its key; `None` where no file has it.
    pub span: Option<Span>,
}

/// `x-sandbox`: how the sandbox's stand-in for the service behaves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SandboxAnswer {
    /// HTTP status by path; `*` for any other. Default 200.
    pub status: BTreeMap<String, u16>,
    /// The body. Default `{"status":"ok"}`.
    pub body: Option<String>,
    /// How long its image takes to build or pull. Default 8 s for a build, 3 s for an image.
    pub build: Option<Duration>,
    /// How long it takes from container start to the first answer. Default 2 s.
    pub boot: Option<Duration>,
    /// Lines that it writes at each start, beside the usual ones.
    pub log: Vec<String>,
    /// Lines of its build or pull, beside the usual ones.
    pub build_log: Vec<String>,
}

/// A compose file that cannot be read: what is wrong and where, when that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// The place in the text, in bytes.
    pub at: Option<std::ops::Range<usize>>,
    /// What to do about it, when one knows.
    pub help: Option<String>,
}
