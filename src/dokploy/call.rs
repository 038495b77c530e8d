//! Calls to Dokploy's API and what comes back. A closed set: what is not here is never called (no killBuild, no freshVolumes).

use serde_json::Value;
use std::fmt;

/// One request to Dokploy. Its `Debug` form shows no compose text.
#[derive(Clone, PartialEq, Eq)]
pub enum Call {
    /// `GET /api/trpc/settings.health`, without a key: tells "database down" from "key refused" (FACTS §2).
    Health,
    /// `settings.getDokployVersion`.
    Version,
    /// `settings.isCloud`.
    Cloud,
    /// `project.all`.
    Projects,
    /// `compose.one`. Its body holds secrets and is never logged.
    Compose {
        /// The compose service.
        compose: String,
    },
    /// `compose.update` of the text alone. Its answer holds secrets and is never logged.
    UpdateText {
        /// The compose service.
        compose: String,
        /// The new text.
        text: String,
    },
    /// `compose.getConvertedCompose`: a read that needs the same right as changing the text (FACTS §3), so it tries that right
    /// without a request that changes anything.
    ConvertedCompose {
        /// The compose service.
        compose: String,
    },
    /// `compose.deploy`.
    Deploy {
        /// The compose service.
        compose: String,
        /// Sent as title and description.
        marker: String,
    },
    /// `compose.stop`.
    Stop {
        /// The compose service.
        compose: String,
    },
    /// `compose.cleanQueues`.
    CleanQueues {
        /// The compose service.
        compose: String,
    },
    /// `compose.readLogs`.
    ContainerLog {
        /// The compose service.
        compose: String,
        /// The container.
        container: String,
        /// At most so many lines.
        lines: u32,
        /// How far back, in seconds by the server's clock; `None`: all.
        seconds: Option<u32>,
    },
    /// `deployment.queueList`.
    Queue,
    /// `deployment.allByCompose`.
    Deployments {
        /// The compose service.
        compose: String,
    },
    /// `deployment.readLogs`.
    DeployLog {
        /// The row.
        deployment: String,
        /// At most so many lines.
        lines: u32,
    },
    /// `docker.getContainersByAppNameMatch` with `appType=docker-compose`.
    AppContainers {
        /// The compose project's name.
        app_name: String,
        /// The server, when it is not Dokploy's own host.
        server: Option<String>,
    },
    /// `docker.getContainers`: every container of the host.
    HostContainers {
        /// The server, when it is not Dokploy's own host.
        server: Option<String>,
    },
    /// `docker.getContainersByAppNameMatch` without `appType`, by the name prefix `dokploy`: Dokploy's own containers, which
    /// `docker.getContainers` hides.
    OwnContainers {
        /// The server, when it is not Dokploy's own host.
        server: Option<String>,
    },
    /// `docker.getServerHealth`: whether Docker answers when its lists come empty; disk and memory. From v0.30 on.
    ServerHealth {
        /// The server, when it is not Dokploy's own host.
        server: Option<String>,
    },
    /// `docker.getConfig`: `docker inspect`.
    Inspect {
        /// The container.
        container: String,
        /// The server, when it is not Dokploy's own host.
        server: Option<String>,
    },
}

impl Call {
    /// Whether it may be repeated without thought.
    pub fn is_read(&self) -> bool {
        !matches!(self, Call::UpdateText { .. } | Call::Deploy { .. } | Call::Stop { .. } | Call::CleanQueues { .. })
    }

    /// The procedure's name in Dokploy's API.
    pub fn procedure(&self) -> &'static str {
        match self {
            Call::Health => "settings.health",
            Call::Version => "settings.getDokployVersion",
            Call::Cloud => "settings.isCloud",
            Call::Projects => "project.all",
            Call::Compose { .. } => "compose.one",
            Call::UpdateText { .. } => "compose.update",
            Call::ConvertedCompose { .. } => "compose.getConvertedCompose",
            Call::Deploy { .. } => "compose.deploy",
            Call::Stop { .. } => "compose.stop",
            Call::CleanQueues { .. } => "compose.cleanQueues",
            Call::ContainerLog { .. } => "compose.readLogs",
            Call::Queue => "deployment.queueList",
            Call::Deployments { .. } => "deployment.allByCompose",
            Call::DeployLog { .. } => "deployment.readLogs",
            Call::AppContainers { .. } | Call::OwnContainers { .. } => "docker.getContainersByAppNameMatch",
            Call::HostContainers { .. } => "docker.getContainers",
            Call::ServerHealth { .. } => "docker.getServerHealth",
            Call::Inspect { .. } => "docker.getConfig",
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.procedure())?;
        match self {
            Call::UpdateText { text, .. } => write!(f, "({} bytes)", text.len()),
            Call::Deploy { marker, .. } => write!(f, "({marker})"),
            Call::ContainerLog { container, lines, .. } => write!(f, "({container}, {lines} lines)"),
            Call::DeployLog { deployment, lines } => write!(f, "({deployment}, {lines} lines)"),
            Call::Inspect { container, server } => write!(f, "({container}, {server:?})"),
            Call::AppContainers { server, .. } | Call::HostContainers { server } | Call::OwnContainers { server } => {
                write!(f, "({server:?})")
            }
            _ => Ok(()),
        }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A 200.
    Answered(Body),
    /// Any other answer.
    Refused(Refusal),
    /// Nothing left this machine: the call did not happen.
    NotSent(String),
    /// It left, and no whole answer came back: the call may have happened.
    Lost(String),
}

/// The body of a 200. Empty ones are normal (FACTS §1) and may mean that nothing happened. Its `Debug` form shows no content: some
/// bodies hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// No bytes.
    Empty,
    /// JSON.
    Json(Value),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Body::Empty => "Empty",
            Body::Json(Value::Null) => "Json(null)",
            Body::Json(Value::Bool(_)) => "Json(boolean)",
            Body::Json(Value::Number(_)) => "Json(number)",
            Body::Json(Value::String(_)) => "Json(string)",
            Body::Json(Value::Array(_)) => "Json(array)",
            Body::Json(Value::Object(_)) => "Json(object)",
        })
    }
}

/// An answer that is not a 200 with JSON or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 401 without a `code`: the key is wrong, expired or rate-limited, or the database is down (FACTS §2).
    Unauthorized,
    /// 401 with a `code`: the key lacks a right.
    Forbidden(String),
    /// 404 for a procedure that this version does not have.
    NoSuchProcedure,
    /// 404 for an id.
    NotFound(String),
    /// 400 and 413: Dokploy does not take the input.
    BadInput(String),
    /// 429.
    TooMany,
    /// 5xx, Dokploy's own or of a proxy before it.
    Server(u16, String),
    /// HTML, a redirect, or a body that is not JSON: not Dokploy's API.
    NotDokploy(u16, String),
}
