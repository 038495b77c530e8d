//! Dokploy's database: projects, environments, compose services and their deployments.

use super::config::{self, Config};
use super::names;
use super::stamp::Calendar;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Rows that a compose service keeps before another is added (FACTS §6).
const ROWS_KEPT: usize = 10;

/// A compose service's row as Dokploy makes it, in the order in which it answers its members.
const FRESH_ROW: &str = r#"{
  "composeId": "", "name": "", "appName": "", "description": "", "env": null, "composeFile": "", "refreshToken": "", "sourceType": "raw",
  "composeType": "docker-compose", "repository": null, "owner": null, "branch": null, "autoDeploy": true, "gitlabProjectId": null,
  "gitlabRepository": null, "gitlabOwner": null, "gitlabBranch": null, "gitlabPathNamespace": null, "bitbucketRepository": null,
  "bitbucketRepositorySlug": null, "bitbucketOwner": null, "bitbucketBranch": null, "giteaRepository": null, "giteaOwner": null,
  "giteaBranch": null, "customGitUrl": null, "customGitBranch": null, "customGitSSHKeyId": null, "command": "", "createEnvFile": true,
  "enableSubmodules": false, "composePath": "./docker-compose.yml", "suffix": "", "randomize": false, "isolatedDeployment": false,
  "isolatedDeploymentsVolume": false, "triggerType": "push", "composeStatus": "idle", "icon": null, "environmentId": "", "createdAt": "",
  "watchPaths": null, "githubId": null, "gitlabId": null, "bitbucketId": null, "giteaId": null, "serverId": null, "serviceNetworks": []
}"#;

fn fresh_row() -> Map<String, Value> {
    serde_json::from_str(FRESH_ROW).expect("the constant is a JSON object")
}

/// Everything that Dokploy keeps in its database.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    pub(super) organization: String,
    pub(super) projects: Vec<Project>,
    pub(super) environments: Vec<Environment>,
    pub(super) composes: Vec<Compose>,
    /// Log files by path: two deploys in one second share one (FACTS §6).
    pub(super) logs: std::collections::BTreeMap<String, String>,
    made: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Project {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created_at: String,
}

#[derive(Clone, Debug)]
pub(super) struct Environment {
    pub(super) id: String,
    pub(super) project: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) created_at: String,
    pub(super) is_default: bool,
}

/// A compose service.
#[derive(Clone, Debug)]
pub(super) struct Compose {
    pub(super) id: String,
    pub(super) environment: String,
    pub(super) app_name: String,
    /// The whole row as `compose.update` answers it.
    pub(super) row: Map<String, Value>,
    /// Oldest first, at most 11.
    pub(super) deployments: Vec<Deployment>,
    /// The text in the code directory: what was deployed last.
    pub(super) on_disk: Option<String>,
}

impl Compose {
    /// A text member of the row; empty when it is null.
    pub(super) fn text(&self, member: &str) -> &str {
        self.row.get(member).and_then(Value::as_str).unwrap_or("")
    }

    pub(super) fn set(&mut self, member: &str, value: impl Into<Value>) {
        self.row.insert(member.to_owned(), value.into());
    }

    /// `composeStatus`, which lies (FACTS §6).
    pub(super) fn set_status(&mut self, status: &str) {
        self.set("composeStatus", status);
    }
}

/// A deployment row.
#[derive(Clone, Debug)]
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) status: &'static str,
    pub(super) log_path: String,
    pub(super) created_at: Duration,
    pub(super) finished_at: Option<Duration>,
}

impl Store {
    pub(super) fn new(config: &Config, calendar: Calendar) -> Self {
        let mut store = Self { organization: names::nanoid(&["organization"]), ..Self::default() };
        let created_at = calendar.iso(Duration::ZERO);
        for project in &config.projects {
            let id = store.id("project");
            let named = project.environments.iter().any(|environment| environment.name == "production");
            let default = config::Environment { name: "production".to_owned(), composes: Vec::new() };
            for environment in (!named).then_some(&default).into_iter().chain(&project.environments) {
                let environment_id = store.id("environment");
                for compose in &environment.composes {
                    let compose = store.compose(compose, &environment_id, &created_at);
                    store.composes.push(compose);
                }
                let is_default = environment.name == "production";
                store.environments.push(Environment {
                    id: environment_id,
                    project: id.clone(),
                    name: environment.name.clone(),
                    description: if is_default { "Production environment".to_owned() } else { String::new() },
                    created_at: created_at.clone(),
                    is_default,
                });
            }
            store.projects.push(Project { id, name: project.name.clone(), created_at: created_at.clone() });
        }
        store
    }

    fn id(&mut self, kind: &str) -> String {
        self.made += 1;
        names::nanoid(&[kind, &self.made.to_string()])
    }

    fn compose(&mut self, compose: &config::Compose, environment: &str, created_at: &str) -> Compose {
        let id = self.id("compose");
        let app_name = format!("{}-{}", compose.name.to_lowercase().replace([' ', '_'], "-"), names::suffix(&[&id]));
        let mut row = fresh_row();
        for (member, value) in [
            ("composeId", json!(id)),
            ("name", json!(compose.name)),
            ("appName", json!(app_name)),
            ("env", json!(compose.env)),
            ("composeFile", json!(compose.text)),
            ("refreshToken", json!(names::nanoid(&["refresh", &id]))),
            ("sourceType", json!(compose.source_type)),
            ("composeType", json!(compose.compose_type)),
            ("autoDeploy", json!(compose.auto_deploy)),
            ("command", json!(compose.command)),
            ("suffix", json!(compose.suffix)),
            ("randomize", json!(compose.randomize)),
            ("isolatedDeployment", json!(compose.isolated)),
            ("environmentId", json!(environment)),
            ("createdAt", json!(created_at)),
            ("serverId", json!(compose.server)),
        ] {
            row.insert(member.to_owned(), value);
        }
        Compose { id, environment: environment.to_owned(), app_name, row, deployments: Vec::new(), on_disk: None }
    }

    pub(super) fn find(&self, compose: &str) -> Option<&Compose> {
        self.composes.iter().find(|row| row.id == compose)
    }

    pub(super) fn find_mut(&mut self, compose: &str) -> Option<&mut Compose> {
        self.composes.iter_mut().find(|row| row.id == compose)
    }

    /// A deployment and its compose service.
    pub(super) fn deployment(&self, id: &str) -> Option<(&Compose, &Deployment)> {
        self.composes.iter().find_map(|compose| Some((compose, compose.deployments.iter().find(|row| row.id == id)?)))
    }

    pub(super) fn environment(&self, id: &str) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.id == id)
    }

    pub(super) fn project(&self, id: &str) -> Option<&Project> {
        self.projects.iter().find(|project| project.id == id)
    }

    /// Adds a running row and gives its id. Older rows and their logs go first.
    pub(super) fn add_deployment(&mut self, compose: &str, title: &str, description: &str, now: Duration, calendar: Calendar) -> String {
        let id = self.id("deployment");
        let Some(row) = self.composes.iter_mut().find(|row| row.id == compose) else { return id };
        while row.deployments.len() > ROWS_KEPT {
            let oldest = row.deployments.remove(0);
            if !row.deployments.iter().any(|other| other.log_path == oldest.log_path) {
                self.logs.remove(&oldest.log_path);
            }
        }
        let app = &row.app_name;
        let log_path = format!("/etc/dokploy/logs/{app}/{app}-{}.log", calendar.log_name(now));
        self.logs.insert(log_path.clone(), super::deploy_log::BEGIN.to_owned());
        row.deployments.push(Deployment {
            id: id.clone(),
            title: title.to_owned(),
            description: description.to_owned(),
            status: "running",
            log_path,
            created_at: now,
            finished_at: None,
        });
        id
    }

    /// Ends a row.
    pub(super) fn finish(&mut self, compose: &str, deployment: &str, status: &'static str, finished_at: Option<Duration>) {
        if let Some(row) = self.find_mut(compose).and_then(|row| row.deployments.iter_mut().find(|row| row.id == deployment)) {
            row.status = status;
            row.finished_at = finished_at;
        }
    }
}
