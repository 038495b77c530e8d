//! The JSON of Dokploy's answers: the same members and types as recorded, at every depth.

use super::container::Container;
use super::definition::Definition;
use super::host;
use super::queue::{Job, Work};
use super::stamp::Calendar;
use super::store::{Compose, Deployment, Environment, Project, Store};
use crate::compose::Protocol;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// `project.all`.
pub(super) fn projects(store: &Store) -> Value {
    let project = |project: &Project| {
        let environments: Vec<Value> = environments_of(store, &project.id)
            .map(|environment| {
                let composes: Vec<Value> = composes_of(store, &environment.id)
                    .map(|compose| json!({"composeId": compose.id, "name": compose.row["name"], "composeStatus": compose.row["composeStatus"]}))
                    .collect();
                let head = json!({"name": environment.name, "environmentId": environment.id, "isDefault": environment.is_default});
                with_services(head, &composes)
            })
            .collect();
        let mut body = project_head(store, project);
        body["environments"] = json!(environments);
        body["projectTags"] = json!([]);
        body
    };
    store.projects.iter().map(project).collect()
}

/// `project.one`.
pub(super) fn project(store: &Store, project: &Project) -> Value {
    let environments: Vec<Value> = environments_of(store, &project.id)
        .map(|environment| {
            let composes: Vec<Value> = composes_of(store, &environment.id)
                .map(|compose| {
                    json!({
                        "name": compose.row["name"], "description": compose.row["description"], "appName": compose.app_name,
                        "createdAt": compose.row["createdAt"], "serverId": compose.row["serverId"], "composeId": compose.id,
                        "composeStatus": compose.row["composeStatus"], "server": null,
                    })
                })
                .collect();
            with_services(environment_row(environment), &composes)
        })
        .collect();
    let mut body = project_head(store, project);
    body["environments"] = json!(environments);
    body["projectTags"] = json!([]);
    body
}

/// `environment.one`.
pub(super) fn environment(store: &Store, environment: &Environment) -> Value {
    let composes: Vec<Value> = composes_of(store, &environment.id)
        .map(|compose| {
            json!({
                "composeId": compose.id, "name": compose.row["name"], "createdAt": compose.row["createdAt"],
                "composeStatus": compose.row["composeStatus"], "description": compose.row["description"],
                "serverId": compose.row["serverId"], "icon": null, "server": null,
            })
        })
        .collect();
    environment_with(store, environment, &composes)
}

/// `environment.byProjectId`.
pub(super) fn environments(store: &Store, project: &str) -> Value {
    let environment = |environment: &Environment| {
        let composes: Vec<Value> = composes_of(store, &environment.id)
            .map(|compose| {
                json!({
                    "name": compose.row["name"], "description": compose.row["description"], "appName": compose.app_name,
                    "createdAt": compose.row["createdAt"], "serverId": compose.row["serverId"], "composeId": compose.id,
                    "composeStatus": compose.row["composeStatus"], "icon": null, "server": null,
                })
            })
            .collect();
        environment_with(store, environment, &composes)
    };
    environments_of(store, project).map(environment).collect()
}

fn environment_with(store: &Store, environment: &Environment, composes: &[Value]) -> Value {
    let head = json!({
        "name": environment.name, "description": environment.description, "environmentId": environment.id,
        "isDefault": environment.is_default, "projectId": environment.project, "env": "",
    });
    let mut body = with_services(head, composes);
    body["project"] = store.project(&environment.project).map_or(Value::Null, |project| project_head(store, project));
    body
}

fn project_head(store: &Store, project: &Project) -> Value {
    json!({
        "projectId": project.id, "name": project.name, "description": "", "createdAt": project.created_at,
        "organizationId": store.organization, "env": "",
    })
}

fn environment_row(environment: &Environment) -> Value {
    json!({
        "environmentId": environment.id, "name": environment.name, "description": environment.description,
        "createdAt": environment.created_at, "env": "", "projectId": environment.project, "isDefault": environment.is_default,
    })
}

/// Adds the lists of services, of which only compose services are modelled.
fn with_services(mut head: Value, composes: &[Value]) -> Value {
    for kind in ["applications", "mariadb", "mongo", "mysql", "postgres", "redis"] {
        head[kind] = json!([]);
    }
    head["compose"] = json!(composes);
    head["libsql"] = json!([]);
    head
}

fn environments_of<'a>(store: &'a Store, project: &'a str) -> impl Iterator<Item = &'a Environment> {
    store.environments.iter().filter(move |environment| environment.project == project)
}

fn composes_of<'a>(store: &'a Store, environment: &'a str) -> impl Iterator<Item = &'a Compose> {
    store.composes.iter().filter(move |compose| compose.environment == environment)
}

/// `compose.one`: the row with what belongs to it. Deployments come oldest first here (FACTS §4).
pub(super) fn compose(store: &Store, compose: &Compose, calendar: Calendar) -> Value {
    let mut body = Value::Object(compose.row.clone());
    body["environment"] = store.environment(&compose.environment).map_or(Value::Null, |environment| {
        let mut row = environment_row(environment);
        row["project"] = store.project(&environment.project).map_or(Value::Null, |project| project_head(store, project));
        row
    });
    body["deployments"] = compose.deployments.iter().map(|row| deployment(compose, row, calendar)).collect();
    body["mounts"] = json!([]);
    body["domains"] = json!([]);
    for provider in ["github", "gitlab", "bitbucket", "gitea", "server"] {
        body[provider] = Value::Null;
    }
    if let Some(server) = compose.row["serverId"].as_str() {
        body["server"] = self::server(server, &store.organization);
    }
    body["backups"] = json!([]);
    body["hasGitProviderAccess"] = json!(true);
    body["unauthorizedProvider"] = Value::Null;
    body
}

/// The server of an app that does not run on Dokploy's own host.
fn server(id: &str, organization: &str) -> Value {
    json!({
        "serverId": id, "name": id, "description": "", "ipAddress": "192.0.2.10", "port": 22, "username": "root", "appName": format!("server-{id}"),
        "enableDockerCleanup": false, "buildsConcurrency": 1, "createdAt": "2026-01-01T00:00:00.000Z", "organizationId": organization,
        "serverStatus": "active", "serverType": "deploy", "command": "", "sshKeyId": super::names::nanoid(&["ssh key", id]),
        "metricsConfig": {
            "server": {"port": 4500, "type": "Remote", "token": "", "cronJob": "", "thresholds": {"cpu": 0, "memory": 0}, "refreshRate": 60,
                       "urlCallback": "", "retentionDays": 2},
            "containers": {"services": {"exclude": [], "include": []}, "refreshRate": 60},
        },
    })
}

/// An item of `compose.search`.
pub(super) fn found(compose: &Compose) -> Value {
    let mut body = Map::new();
    for member in ["composeId", "name", "appName", "description", "environmentId", "composeStatus", "sourceType", "createdAt"] {
        body.insert(member.to_owned(), compose.row[member].clone());
    }
    Value::Object(body)
}

/// A deployment row.
pub(super) fn deployment(compose: &Compose, row: &Deployment, calendar: Calendar) -> Value {
    json!({
        "deploymentId": row.id, "title": row.title, "description": row.description, "status": row.status, "logPath": row.log_path,
        "pid": null, "applicationId": null, "composeId": compose.id, "serverId": null, "isPreviewDeployment": false,
        "previewDeploymentId": null, "createdAt": calendar.iso(row.created_at), "startedAt": calendar.iso(row.created_at),
        "finishedAt": row.finished_at.map(|at| calendar.iso(at)), "errorMessage": null, "scheduleId": null, "backupId": null,
        "rollbackId": null, "volumeBackupId": null, "buildServerId": null,
    })
}

/// An item of `deployment.allCentralized`.
pub(super) fn central_deployment(store: &Store, compose: &Compose, row: &Deployment, calendar: Calendar) -> Value {
    let mut body = deployment(compose, row, calendar);
    let environment = store.environment(&compose.environment);
    let project = environment.and_then(|environment| store.project(&environment.project));
    body["application"] = Value::Null;
    body["compose"] = json!({
        "composeId": compose.id, "name": compose.row["name"], "appName": compose.app_name, "icon": null,
        "environment": {
            "environmentId": compose.environment, "name": environment.map(|environment| &environment.name),
            "project": {"projectId": project.map(|project| &project.id), "name": project.map(|project| &project.name)},
        },
        "server": null,
    });
    body["server"] = Value::Null;
    body["buildServer"] = Value::Null;
    body
}

/// An item of `deployment.queueList`. Jobs of others show without a link.
pub(super) fn job(store: &Store, job: &Job, calendar: Calendar) -> Value {
    let compose = if let Work::Deploy(id) = &job.work { store.find(id) } else { None };
    let href = compose.and_then(|compose| {
        let project = &store.environment(&compose.environment)?.project;
        Some(format!("/dashboard/project/{project}/environment/{}/services/compose/{}", compose.environment, compose.id))
    });
    let id = compose.map_or_else(|| super::names::nanoid(&["compose of somebody else"]), |compose| compose.id.clone());
    let kind = if job.redeploy { "redeploy" } else { "deploy" };
    let mut body = json!({
        "id": format!("job-{}", job.number), "name": "deployments",
        "data": {"composeId": id, "titleLog": job.title, "type": kind, "applicationType": "compose",
                 "descriptionLog": job.description, "server": false},
        "timestamp": calendar.millis(job.queued_at),
    });
    if let Some(server) = compose.map(|compose| compose.text("serverId")).filter(|server| !server.is_empty()) {
        body["data"]["server"] = json!(true);
        body["data"]["serverId"] = json!(server);
    }
    if let Some(started) = job.started_at {
        body["processedOn"] = json!(calendar.millis(started));
    }
    body["state"] = json!(if job.started_at.is_some() { "active" } else { "waiting" });
    body["servicePath"] = json!({"href": href, "label": "Compose"});
    body
}

/// An item of `docker.getContainersByAppNameMatch`.
pub(super) fn app_container(container: &Container, now: Duration) -> Value {
    json!({
        "containerId": container.short_id(), "name": container.name, "state": container.state_word(), "status": container.status_text(now),
    })
}

/// An item of `docker.getContainers`.
pub(super) fn host_container(container: &Container, server: Option<&str>, now: Duration) -> Value {
    let mut body = json!({
        "containerId": container.short_id(), "name": container.name, "image": host::image_name(&container.project, &container.definition),
        "ports": if container.is_running() { ports(&container.definition) } else { String::new() },
        "state": container.state_word(), "status": container.status_text(now),
    });
    if let Some(server) = server {
        body["serverId"] = json!(server);
    }
    body
}

/// The item that stands for none on a host without containers.
pub(super) fn no_host_container() -> Value {
    json!({
        "containerId": "No container id", "name": "No container name", "image": "No image", "ports": "No ports", "state": "No state",
        "status": "No status",
    })
}

/// `docker.getServerHealth`; without `networks` Docker does not answer.
pub(super) fn server_health(containers: usize, networks: Option<Vec<&str>>, is_full: bool, checked_at: &str) -> Value {
    let mut docker = json!({"count": networks.as_ref().map_or(0, Vec::len), "addressPools": null, "usage": []});
    match networks {
        None => docker["usageError"] = json!("connect ENOENT /var/run/docker.sock"),
        Some(networks) => {
            let usage = networks.iter().enumerate().map(|(at, name)| {
                let subnet = format!("172.{}.0.0/16", 17 + at % 14);
                json!({"name": name, "driver": "bridge", "subnet": subnet, "containersInUse": 0, "capacity": 65534, "percentUsed": 0})
            });
            docker["usage"] = usage.collect();
        }
    }
    json!({
        "checkedAt": checked_at,
        "containers": {"containerCount": containers, "serviceCount": 0},
        "resources": {"memTotalBytes": 8_589_934_592_u64, "memUsedBytes": 2_147_483_648_u64, "cpuCount": 2},
        "inotify": {"maxWatches": 192_536, "maxInstances": 128, "maxQueuedEvents": 16384, "currentInstances": 0, "persisted": false},
        "disk": {"totalBytes": 107_374_182_400_u64, "usedBytes": if is_full { 107_374_182_400_u64 } else { 21_474_836_480 }},
        "dockerNetworks": docker,
        "daemonErrors": [],
        "daemonLogsWindow": {"fromEpoch": 1_767_517_200, "toEpoch": 1_767_603_600},
        "reservation": {"memoryReservedBytes": 0, "cpuReservedNanoCpus": 0, "appCount": 0, "unsupportedComposeCount": 0},
    })
}

/// Ports as `docker ps` shows them.
fn ports(definition: &Definition) -> String {
    let mut shown = Vec::new();
    for port in &definition.ports {
        let protocol = if port.protocol == Protocol::Tcp { "tcp" } else { "udp" };
        let inside = format!("{}/{protocol}", port.container);
        match (port.host, port.host_ip) {
            (None, _) => shown.push(inside),
            (Some(host), Some(address)) => shown.push(format!("{address}:{host}->{inside}")),
            (Some(host), None) => {
                shown.push(format!("0.0.0.0:{host}->{inside}"));
                shown.push(format!("[::]:{host}->{inside}"));
            }
        }
    }
    shown.join(", ")
}
