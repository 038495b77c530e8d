//! What the engine learns of Dokploy and its containers: answers to its intents, free of any wire form.

use super::moment::millis;
use crate::schedule::ServiceName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Dokploy's id of a deployment row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeploymentId(pub String);

/// Docker's id of a container: 12 hex characters or more, compared by its first 12.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContainerId(pub String);

impl ContainerId {
    /// Its first 12 characters, by which ids are compared.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

/// The end of an intent, or a step on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// To `Find`.
    Found {
        /// Dokploy's id of the compose service.
        compose: String,
    },
    /// To `Survey`.
    Surveyed(Box<Survey>),
    /// To `Resolve`: the commit of each reference.
    Resolved(BTreeMap<String, String>),
    /// To `Replace`: the text is live, read back and equal. Or it is `Deployed` with [`DeployEnd::Busy`]: nothing was changed.
    Replaced,
    /// To `Replace`, `Deploy` and `StillOurs`: the live text is not the expected one. Nothing was changed; but a deploy whose start was told
    /// goes on, and it is not known of which text.
    TextChanged {
        /// The text found.
        live: String,
    },
    /// To `Deploy`, any number of times before its end.
    Progress(DeployProgress),
    /// To `Deploy`.
    Deployed(DeployEnd),
    /// To `StillOurs`: it is. Otherwise the answer is `TextChanged`, or `Deployed` with [`DeployEnd::Busy`].
    StillOurs,
    /// To `Observe`, and to `ObserveNamed` with the one container or none.
    Observed(Observed),
    /// To `ObserveServer`; what Dokploy does not say is `None`.
    Server {
        /// Where Dokploy's host keeps its files.
        disk: Option<Room>,
        /// Its memory.
        memory: Option<Room>,
    },
    /// To `DeployLog` (one, under `""`) and `ContainerLogs` (by service).
    Logs(BTreeMap<ServiceName, Log>),
    /// To `Stop`.
    Stopped,
    /// To `Withdraw`: whether our waiting job is gone from the queue.
    Withdrawn(bool),
    /// To any of them: it could not be done.
    Failed(Failure),
}

/// Everything that is read before the first change. The default is one that has read nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// Dokploy's version, as it says it (`v0.30.2`).
    pub version: String,
    /// Dokploy's id of the compose service.
    pub compose_id: String,
    /// The compose project's name, which is the prefix of its containers' names.
    pub app_name: String,
    /// The server it runs on; `None` for Dokploy's own host.
    pub server: Option<String>,
    /// The live compose text. Not journalled; goes to the snapshot store.
    #[serde(skip)]
    pub text: String,
    /// Names of the variables that Dokploy's environment of the app defines.
    pub variables: BTreeSet<String>,
    /// Bytes of the environment, which share Dokploy's size limit with the text.
    pub environment_bytes: usize,
    /// The app's containers.
    pub containers: Observed,
    /// Every container of the host that Dokploy shows; `None` when it could not be asked or showed none.
    pub host: Option<Vec<HostContainer>>,
    /// Jobs in Dokploy's queue, ours and others', next one first.
    pub queue: Vec<QueuedJob>,
    /// A row of this app that is still running, by its title.
    pub running_row: Option<String>,
    /// Title of this app's newest row, when that row ended as done: what was deployed last, and went through.
    #[serde(default)]
    pub last_done: Option<String>,
    /// Titles of this app's rows, newest first: what was deployed lately, or tried to be.
    #[serde(default)]
    pub recent: Vec<String>,
    /// What its page shows of the app. Not journalled.
    #[serde(skip)]
    pub page: Box<Page>,
    /// Why this kind of app is refused, one sentence each: git source, stack, randomize, suffix, isolation, custom command.
    pub unsupported: Vec<String>,
    /// What this Dokploy cannot show, that a plan may ask for.
    #[serde(default)]
    pub lacks: Lacks,
    /// Rights that the key lacks.
    pub missing_rights: Vec<Right>,
    /// Worth knowing and no reason to stop: what an old version lacks, `autoDeploy`, rights that could not be tried.
    pub warnings: Vec<String>,
    /// Its version was never tested and may have changed what matters: nothing is changed unless the user allows it.
    #[serde(default)]
    pub untested: Option<Box<Untested>>,
}

/// What Dokploy's page shows of an app, for people: nothing is decided by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The app's rows, newest first, with how each ended.
    pub rows: Vec<Row>,
    /// What it says of the app, in its own word (`done`). It lies (FACTS §6).
    pub badge: Option<String>,
}

/// A deploy in the app's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its title.
    pub title: String,
    /// How it ended; `None` while it runs.
    pub status: Option<RowStatus>,
}

/// A version of Dokploy that was never tested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untested {
    /// What allows it: its major and minor number, or all of it when it cannot be read.
    pub allow: String,
    /// Why it is not trusted, one sentence.
    pub why: String,
}

/// What not every Dokploy can show, and this one cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lacks {
    /// What containers write.
    pub container_logs: bool,
    /// How much disk and memory a server has left.
    pub server_room: bool,
}

/// A right of the key, as Dokploy's pages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// To see the service at all: it must be assigned to the key's user.
    Service,
    /// To change the compose text: "Create Services" (FACTS.md §3).
    CreateServices,
    /// To inspect containers: "Access to Docker" (FACTS.md §3).
    Docker,
    /// To read deployments and the queue.
    Deployments,
}

/// A container of the host, of this app or another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostContainer {
    /// Its name.
    pub name: String,
    /// Whether it belongs to the app.
    pub ours: bool,
    /// Host ports it publishes while it runs, as (address, port, protocol); `0.0.0.0` and `::` mean all addresses.
    pub ports: Vec<(String, u16, String)>,
    /// Whether it runs.
    pub running: bool,
}

/// A job in Dokploy's queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedJob {
    /// Its title.
    pub title: String,
    /// Whether it is a job of this app.
    pub this_app: bool,
    /// Whether it is being worked on; otherwise it waits.
    pub active: bool,
}

/// How far a deploy is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeployProgress {
    /// It waits in the queue behind `ahead` other jobs; `active` names the one being worked on, if it can be told.
    Queued {
        /// Jobs before it.
        ahead: usize,
        /// Title of the job being worked on.
        active: Option<String>,
        /// Whose job that is: the service's place in Dokploy, as far as the key sees it.
        #[serde(default)]
        whose: Option<String>,
        /// Since when it is worked on, by Dokploy's own clock, in words. For people: it is compared with nothing.
        #[serde(default)]
        since: Option<String>,
    },
    /// Its row is there: the deploy runs. What is deployed is the text as of now (FACTS.md §6).
    Started {
        /// The row.
        deployment: DeploymentId,
    },
    /// Dokploy cannot be asked at the moment; asking goes on.
    Unreachable {
        /// Why.
        why: String,
    },
    /// Something that a reader should know and that decides nothing.
    Noticed {
        /// What, one sentence.
        what: String,
    },
}

/// How a deploy ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeployEnd {
    /// Its row is final.
    Finished {
        /// The row.
        deployment: DeploymentId,
        /// Its status.
        status: RowStatus,
        /// The row's own error text; null for ordinary failures, whose reason is only in the log (FACTS.md §6).
        error: Option<String>,
    },
    /// Accepted, and gone from queue and history without a row: Dokploy restarted or somebody cleaned the queue.
    NeverStarted {
        /// What was seen.
        evidence: String,
    },
    /// The row says running and its job is gone from the queue: nobody will ever end it.
    Orphaned {
        /// The row.
        deployment: DeploymentId,
        /// What was seen.
        evidence: String,
    },
    /// Its row is gone from the history, which keeps the last ten, or may have been pushed out of it unseen: it may have run, and how it
    /// ended is not known.
    Forgotten {
        /// What was seen.
        evidence: String,
    },
    /// Somebody else's deploy of this app was found in the queue or running before ours was sent; nothing was sent.
    Busy {
        /// Its title.
        title: String,
    },
    /// Ours was sent, and somebody else's deploy of this app stands before it or was begun after it: what comes of ours is not ours to judge.
    Overtaken {
        /// Its title.
        title: String,
    },
}

/// A final row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowStatus {
    /// The compose command exited 0. It says nothing of health (FACTS.md §6).
    Done,
    /// It did not.
    Error,
    /// Dokploy restarted in the middle.
    Cancelled,
}

/// The app's containers. An empty list from Dokploy means "unknown", never "none" (FACTS.md §7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed {
    /// Each was inspected.
    Known(Vec<Container>),
    /// They could not be told.
    Unknown(String),
}

impl Default for Observed {
    fn default() -> Self {
        Self::Unknown("not looked at".to_owned())
    }
}

/// An inspected container. Nothing of its environment is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its id.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// The compose service, from its label.
    pub service: ServiceName,
    /// Its state.
    pub state: ContainerState,
    /// Docker's count of restarts by its restart policy, since the container was created.
    pub restarts: u64,
    /// Docker's start time, compared for equality only.
    pub started_at: String,
    /// Docker's healthcheck verdict, if it has one and it is no older than the start.
    pub health: Option<Health>,
    /// Whether the kernel killed it for memory.
    pub oom_killed: bool,
    /// Whether Docker starts it again when it exits.
    pub restarts_itself: bool,
    /// The image as named.
    pub image: String,
    /// The image's id.
    pub image_id: String,
}

/// A container's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerState {
    /// Runs.
    Running,
    /// Between two starts.
    Restarting,
    /// Ended with this code.
    Exited(i64),
    /// Made and never started.
    Created,
    /// Paused, dead or being removed: Docker's own word.
    Other(String),
}

/// Docker's healthcheck verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// No verdict yet.
    Starting,
    /// Passing.
    Healthy,
    /// Failing.
    Unhealthy,
}

/// The end of a log, secrets masked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Lines, oldest first.
    pub lines: Vec<String>,
    /// Why there are none, when they could not be read.
    pub missing: Option<String>,
    /// Whether older lines may have been left out.
    #[serde(default)]
    pub is_cut: bool,
}

/// How much there is of a disk or of memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// What is left.
    pub free: u64,
    /// All of it.
    pub total: u64,
}

/// Something that could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind it is: decides the exit code and the advice.
    pub kind: FailureKind,
    /// One sentence for people, secrets masked.
    pub message: String,
    /// Whether the server may have acted all the same: an answer to a write was lost and looking it up did not settle it.
    pub may_have_acted: bool,
    /// For how long it was tried.
    #[serde(with = "millis")]
    pub tried_for: Duration,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// No connection, no answer, or a time-out.
    Unreachable,
    /// The key is not accepted: wrong, expired, disabled or rate-limited.
    KeyRefused,
    /// The key lacks a right; the message names it.
    MissingRight,
    /// Dokploy's database is down.
    DatabaseDown,
    /// Something answers that is not Dokploy's API: HTML, a redirect, an unexpected shape.
    NotDokploy,
    /// The server answers with an error of its own.
    ServerError,
    /// The project, environment or compose service is not there, or its name is ambiguous.
    NotFound,
    /// The version is below the floor or the app is of a kind that is refused.
    Unsupported,
    /// The text with the environment is over Dokploy's limit.
    TooLarge,
}

impl FailureKind {
    /// Whether it is an answer about the app that asking again does not change: a run is refused for it before anything is done.
    pub fn refuses(self) -> bool {
        matches!(self, Self::Unsupported | Self::NotFound | Self::TooLarge)
    }
}
