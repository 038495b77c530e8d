//! Lenient readers of the rows in Dokploy's answers: keys that are not needed are ignored, a row that lacks what is needed makes the
//! answer unreadable, and nothing unreadable counts as an answer.

use serde_json::{Map, Value};

/// What stands in for an answer that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

type Read<T> = Result<T, Unreadable>;

fn object(value: &Value) -> Read<&Map<String, Value>> {
    value.as_object().ok_or(Unreadable)
}

fn list(value: &Value) -> Read<&Vec<Value>> {
    value.as_array().ok_or(Unreadable)
}

fn text<'a>(row: &'a Map<String, Value>, key: &str) -> Read<&'a str> {
    row.get(key).and_then(Value::as_str).ok_or(Unreadable)
}

/// Absent and null are nothing; any other type than text is unreadable.
fn optional<'a>(row: &'a Map<String, Value>, key: &str) -> Read<Option<&'a str>> {
    match row.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(Unreadable),
    }
}

/// Absent and null are false.
fn flag(row: &Map<String, Value>, key: &str) -> Read<bool> {
    match row.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(value) => value.as_bool().ok_or(Unreadable),
    }
}

/// A project of `project.all`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Its environments.
    pub environments: Vec<Environment>,
}

/// An environment of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Its compose services, as (name, id).
    pub composes: Vec<(String, String)>,
}

/// `project.all`.
///
/// # Errors
/// When the answer has not the shape that Dokploy gives it.
pub fn projects(answer: &Value) -> Read<Vec<Project>> {
    let environment = |value: &Value| -> Read<Environment> {
        let row = object(value)?;
        let compose = |value: &Value| -> Read<(String, String)> {
            let row = object(value)?;
            Ok((text(row, "name")?.to_owned(), text(row, "composeId")?.to_owned()))
        };
        let composes = list(row.get("compose").ok_or(Unreadable)?)?.iter().map(compose).collect::<Read<_>>()?;
        Ok(Environment { name: text(row, "name")?.to_owned(), composes })
    };
    list(answer)?
        .iter()
        .map(|value| {
            let row = object(value)?;
            let environments = list(row.get("environments").ok_or(Unreadable)?)?.iter().map(environment).collect::<Read<_>>()?;
            Ok(Project { name: text(row, "name")?.to_owned(), environments })
        })
        .collect()
}

/// `compose.one`: what is needed of it. No `Debug`: it holds secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Compose {
    /// Its id.
    pub id: String,
    /// The compose project's name.
    pub app_name: String,
    /// The compose text; empty for git sources (FACTS §13.2).
    pub text: String,
    /// The app's environment as dotenv text.
    pub environment: String,
    /// The environments above it, whose variables it may refer to.
    pub inherited: Vec<String>,
    /// The server, when it is not Dokploy's own host.
    pub server: Option<String>,
    /// `raw`, `git`, `github`, ….
    pub source: String,
    /// `docker-compose` or `stack`.
    pub kind: String,
    /// Names get a suffix.
    pub randomize: bool,
    /// That suffix.
    pub suffix: String,
    /// A network of its own.
    pub isolated: bool,
    /// Replaces the deploy command.
    pub command: String,
    /// Webhooks deploy it.
    pub auto_deploy: bool,
    /// What its page says of it.
    pub badge: Option<String>,
    /// Whether `.env` is written beside the text.
    pub writes_env_file: bool,
}

/// `compose.one`.
///
/// # Errors
/// When the answer has not the shape that Dokploy gives it.
pub fn compose(answer: &Value) -> Read<Compose> {
    let row = object(answer)?;
    let owned = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let above = ["/environment/env", "/environment/project/env"];
    Ok(Compose {
        id: text(row, "composeId")?.to_owned(),
        app_name: text(row, "appName").and_then(|name| if name.is_empty() { Err(Unreadable) } else { Ok(name.to_owned()) })?,
        text: text(row, "composeFile")?.to_owned(),
        environment: owned(optional(row, "env")?),
        inherited: above.iter().filter_map(|path| answer.pointer(path)?.as_str().map(str::to_owned)).collect(),
        server: optional(row, "serverId")?.filter(|id| !id.is_empty()).map(str::to_owned),
        source: text(row, "sourceType")?.to_owned(),
        kind: text(row, "composeType")?.to_owned(),
        randomize: flag(row, "randomize")?,
        suffix: owned(optional(row, "suffix")?),
        isolated: flag(row, "isolatedDeployment")?,
        command: owned(optional(row, "command")?),
        auto_deploy: flag(row, "autoDeploy")?,
        badge: row.get("composeStatus").and_then(Value::as_str).map(str::to_owned),
        // Absent before v0.30.0, when the file was always written.
        writes_env_file: row.get("createEnvFile").is_none_or(|value| value != &Value::Bool(false)),
    })
}

/// A deployment row's status. A status that a later version may bring is not final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `running`, or a word that is not known.
    Going,
    /// `done`: the compose command exited 0.
    Done,
    /// `error`.
    Error,
    /// `cancelled`: Dokploy restarted.
    Cancelled,
}

/// A row of `deployment.allByCompose`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its status.
    pub status: Status,
    /// Set only when there could not be a log (FACTS §6, §13.1).
    pub error: Option<String>,
    /// Its log's file. Two deploys that begin in the same second share one (FACTS §6).
    pub log_path: String,
}

/// `deployment.allByCompose`, newest first. One row that cannot be read makes all of it unreadable: it might be the one looked for.
///
/// # Errors
/// When the answer has not the shape that Dokploy gives it.
pub fn deployments(answer: &Value) -> Read<Vec<Deployment>> {
    list(answer)?
        .iter()
        .map(|value| {
            let row = object(value)?;
            Ok(Deployment {
                id: text(row, "deploymentId")?.to_owned(),
                title: text(row, "title")?.to_owned(),
                status: match text(row, "status")? {
                    "done" => Status::Done,
                    "error" => Status::Error,
                    "cancelled" => Status::Cancelled,
                    _ => Status::Going,
                },
                error: optional(row, "errorMessage")?.filter(|error| !error.is_empty()).map(str::to_owned),
                log_path: optional(row, "logPath")?.unwrap_or_default().to_owned(),
            })
        })
        .collect()
}

/// A job of `deployment.queueList`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its title; empty for jobs that have none.
    pub title: String,
    /// The compose service it deploys; `None` for other kinds of job.
    pub compose: Option<String>,
    /// Whether it is being worked on. Any other state waits.
    pub active: bool,
    /// The server whose queue it stands in; `None` for Dokploy's own host.
    pub server: Option<String>,
    /// Where its service is on Dokploy's pages; `None` for what the key may not see.
    pub page: Option<String>,
    /// Since when it is worked on, in milliseconds since 1970 by Dokploy's clock. For people only.
    pub since: Option<i64>,
}

/// `deployment.queueList`, the next one first: active jobs, then the waiting ones by age.
///
/// # Errors
/// When the answer has not the shape that Dokploy gives it.
pub fn queue(answer: &Value) -> Read<Vec<Job>> {
    let mut jobs = list(answer)?
        .iter()
        .map(|value| {
            let row = object(value)?;
            let data = object(row.get("data").ok_or(Unreadable)?)?;
            let at = row.get("timestamp").and_then(Value::as_f64).unwrap_or(f64::MAX);
            let owned = |key| Ok::<_, Unreadable>(optional(data, key)?.map(str::to_owned));
            let job = Job {
                title: owned("titleLog")?.unwrap_or_default(),
                compose: owned("composeId")?,
                active: text(row, "state")? == "active",
                server: owned("serverId")?,
                page: row.get("servicePath").and_then(|path| path.get("href")?.as_str().map(str::to_owned)),
                since: row.get("processedOn").and_then(Value::as_i64),
            };
            Ok((at, job))
        })
        .collect::<Read<Vec<_>>>()?;
    // Listed newest first (FACTS §6); equal times keep that order turned round.
    jobs.reverse();
    jobs.sort_by(|(a_at, a), (b_at, b)| b.active.cmp(&a.active).then(a_at.total_cmp(b_at)));
    Ok(jobs.into_iter().map(|(_, job)| job).collect())
}

/// `docker.getContainersByAppNameMatch`: ids and whether each runs or is about to. A login shell that prints something adds rows that
/// are none (FACTS §13.1): what has no hex id is dropped.
///
/// # Errors
/// When the answer has not the shape that Dokploy gives it.
pub fn app_containers(answer: &Value) -> Read<Vec<(String, bool)>> {
    let mut containers = Vec::new();
    for value in list(answer)? {
        let row = object(value)?;
        let id = text(row, "containerId")?;
        if is_container_id(id) {
            let state = text(row, "state")?;
            containers.push((short_id(id), matches!(state, "running" | "restarting" | "paused" | "removing")));
        }
    }
    Ok(containers)
}

/// `docker.getContainersByAppNameMatch`: ids and names.
///
/// # Errors
/// When the answer has not the shape that Dokploy gives it.
pub fn own_containers(answer: &Value) -> Read<Vec<(String, String)>> {
    let mut containers = Vec::new();
    for value in list(answer)? {
        let row = object(value)?;
        let id = text(row, "containerId")?;
        if is_container_id(id) {
            containers.push((short_id(id), text(row, "name")?.to_owned()));
        }
    }
    Ok(containers)
}

/// Characters of a container id that are compared.
const ID_LENGTH: usize = 12;

/// The characters of a container id that are compared.
pub(super) fn short_id(id: &str) -> String {
    id.chars().take(ID_LENGTH).collect()
}

fn is_container_id(id: &str) -> bool {
    id.len() >= ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A row of `docker.getContainers`: id, name, what it publishes as text, whether it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRow {
    /// The first 12 characters of its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it publishes, as `docker ps` prints it.
    pub ports: String,
    /// Whether it runs.
    pub running: bool,
}

/// What stands for the id when Docker lists no container at all: Dokploy makes a row of the empty output (FACTS §7).
const NO_CONTAINER: &str = "No container id";

/// Whether `docker.getContainers` shows that Docker answered: a container, or the row that stands for none. `[]` shows nothing, and neither
/// does a row that a noisy shell made.
pub fn docker_answered(answer: &Value) -> bool {
    list(answer).is_ok_and(|rows| {
        rows.iter().filter_map(|row| row.get("containerId")?.as_str()).any(|id| is_container_id(id) || id == NO_CONTAINER)
    })
}

/// Whether `docker.getServerHealth` shows that Docker answered: it lists networks, and gives no reason why it could not (FACTS §7).
pub fn engine_answered(answer: &Value) -> bool {
    let networks = answer.get("dockerNetworks");
    let listed = networks.and_then(|networks| networks.get("usage")?.as_array()).is_some_and(|usage| !usage.is_empty());
    listed && networks.is_some_and(|networks| networks.get("usageError").is_none_or(Value::is_null))
}

/// `docker.getContainers`. Rows without a hex id are dropped.
///
/// # Errors
/// When the answer has not the shape that Dokploy gives it.
pub fn host_containers(answer: &Value) -> Read<Vec<HostRow>> {
    let mut rows = Vec::new();
    for value in list(answer)? {
        let row = object(value)?;
        let id = text(row, "containerId")?;
        if is_container_id(id) {
            let running = matches!(text(row, "state")?, "running" | "restarting" | "paused");
            let ports = optional(row, "ports")?.unwrap_or_default().to_owned();
            rows.push(HostRow { id: short_id(id), name: text(row, "name")?.to_owned(), ports, running });
        }
    }
    Ok(rows)
}
