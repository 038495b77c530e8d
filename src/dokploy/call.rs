//! Calls to Dokploy's API and what comes back. A closed set: what is not here is never called (no killBuild, no freshVolumes).

use serde_json::Value;

/// One request to Dokploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `GET /api/trpc/settings.health`, without a key: tells "database down" from "key refused" (FACTS.md §2).
    Health,
    /// `settings.getDokployVersion`.
    Version,
    /// `project.all`.
    Projects,
    /// `environment.one`.
    Environment {
        /// Its id.
        environment: String,
    },
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
    /// `compose.update` with no field to change: tries the right to change without changing.
    TryUpdate {
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
        !matches!(
            self,
            Call::UpdateText { .. } | Call::TryUpdate { .. } | Call::Deploy { .. } | Call::Stop { .. } | Call::CleanQueues { .. }
        )
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

/// The body of a 200. Empty ones are normal (FACTS.md §1) and may mean that nothing happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// No bytes.
    Empty,
    /// JSON.
    Json(Value),
}

/// An answer that is not a 200 with JSON or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 401 without a `code`: the key is wrong, expired or rate-limited, or the database is down (FACTS.md §2).
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
    /// 5xx with Dokploy's own error.
    Server(u16, String),
    /// HTML, a redirect, or a body that is not JSON: not Dokploy's API.
    NotDokploy(u16, String),
}
