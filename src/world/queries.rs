//! Procedures that change nothing.

use super::api::Asked;
use super::bodies;
use super::container::Container;
use super::container_log;
use super::definition;
use super::deploy_log;
use super::inspect;
use super::request::ApiResponse;
use super::state::World;
use super::store::Compose;
use super::variables;
use serde_json::{Value, json};

/// An answer, or the refusal that ends the request.
pub(super) type Answered = Result<ApiResponse, ApiResponse>;

impl World {
    pub(super) fn query(&mut self, asked: &Asked<'_>) -> Answered {
        match asked.procedure {
            "project.all" => Ok(ApiResponse::ok(if asked.rights().services { bodies::projects(&self.store) } else { json!([]) })),
            "project.one" => self.project_one(asked),
            "environment.one" => self.environment_one(asked),
            "environment.byProjectId" => {
                let project = asked.text("projectId")?;
                Ok(ApiResponse::ok(bodies::environments(&self.store, &project)))
            }
            "compose.one" => {
                let compose = self.compose_of(asked)?;
                Ok(ApiResponse::ok(bodies::compose(&self.store, compose, self.calendar)))
            }
            "compose.search" => Ok(self.compose_search(asked)),
            "compose.getConvertedCompose" => {
                may_change(asked)?;
                let compose = self.compose_of(asked)?;
                Ok(ApiResponse::ok(json!(compose.text("composeFile"))))
            }
            "compose.getDefaultCommand" => {
                let compose = self.compose_of(asked)?;
                Ok(ApiResponse::ok(json!(deploy_log::command(&compose.app_name))))
            }
            "compose.loadServices" => self.load_services(asked),
            "compose.readLogs" => self.container_log(asked),
            "deployment.allByCompose" => {
                let id = asked.text("composeId")?;
                self.deployments(asked, &id)
            }
            "deployment.allByType" => {
                let id = asked.text("id")?;
                self.deployments_with_rollback(asked, &id)
            }
            "deployment.allCentralized" => Ok(self.all_deployments()),
            "deployment.queueList" => Ok(self.queue_list(asked)),
            "deployment.readLogs" => self.deploy_log(asked),
            "docker.getContainers" => {
                may_use_docker(asked)?;
                self.feel_externals();
                let server = self.server(asked)?;
                Ok(ApiResponse::ok(self.host_containers(server.as_deref())))
            }
            "docker.getServerHealth" => {
                may_use_docker(asked)?;
                if asked.is_owner() {
                    Ok(ApiResponse::ok(self.server_health()))
                } else {
                    Err(asked.forbidden("unauthorized to access resource \"server\""))
                }
            }
            "docker.getContainersByAppNameMatch" => self.app_containers(asked),
            "docker.getConfig" => self.inspect(asked),
            "settings.getDokployVersion" => Ok(ApiResponse::ok(json!(self.version))),
            "settings.isCloud" => Ok(ApiResponse::ok(json!(false))),
            "settings.health" => Ok(ApiResponse::ok(json!({"status": "ok"}))),
            "server.all" if asked.is_owner() => Ok(ApiResponse::ok(json!([]))),
            "server.all" => Err(asked.forbidden("unauthorized to access resource \"server\"")),
            _ => Err(ApiResponse::no_such_procedure()),
        }
    }

    fn project_one(&self, asked: &Asked<'_>) -> Answered {
        let id = asked.text("projectId")?;
        if !asked.rights().services {
            return Err(asked.forbidden("You don't have access to this project"));
        }
        let project = self.store.project(&id).ok_or_else(|| asked.not_found("Project"))?;
        Ok(ApiResponse::ok(bodies::project(&self.store, project)))
    }

    fn environment_one(&self, asked: &Asked<'_>) -> Answered {
        let id = asked.text("environmentId")?;
        if !asked.rights().services {
            return Err(asked.forbidden("You don't have access to this environment"));
        }
        let environment = self.store.environment(&id).ok_or_else(|| asked.not_found("Environment"))?;
        Ok(ApiResponse::ok(bodies::environment(&self.store, environment)))
    }

    /// The compose service that is asked about. For a member an unknown id looks like one it has no right to (FACTS §2).
    pub(super) fn compose_of(&self, asked: &Asked<'_>) -> Result<&Compose, ApiResponse> {
        let id = asked.text("composeId")?;
        may_see(asked)?;
        self.store.find(&id).ok_or_else(|| if asked.is_owner() { asked.not_found("Compose") } else { no_service(asked) })
    }

    fn compose_search(&self, asked: &Asked<'_>) -> ApiResponse {
        let holds =
            |value: &str, filter: &str| asked.optional(filter).is_none_or(|wanted| value.to_lowercase().contains(&wanted.to_lowercase()));
        let found: Vec<Value> = self
            .store
            .composes
            .iter()
            .filter(|compose| asked.rights().services && asked.optional("environmentId").is_none_or(|id| id == compose.environment))
            .filter(|compose| holds(compose.text("name"), "name") && holds(&compose.app_name, "appName"))
            .filter(|compose| holds(compose.text("name"), "q") || holds(&compose.app_name, "q"))
            .map(bodies::found)
            .collect();
        ApiResponse::ok(json!({"total": found.len(), "items": found}))
    }

    fn load_services(&self, asked: &Asked<'_>) -> Answered {
        let compose = self.compose_of(asked)?;
        let text = compose.on_disk.as_deref().ok_or_else(|| asked.not_found("Services"))?;
        let read = definition::read(text, &variables::dotenv(compose.text("env"))).map_err(|_| asked.not_found("Services"))?;
        let names: Vec<&str> = read.services.iter().map(|service| service.name.as_str()).collect();
        Ok(ApiResponse::ok(json!(names)))
    }

    /// An unknown id has no deployments and is no error (FACTS §2).
    fn deployments(&self, asked: &Asked<'_>, id: &str) -> Answered {
        may_see(asked)?;
        let rows: Vec<Value> = self
            .store
            .find(id)
            .into_iter()
            .flat_map(|compose| compose.deployments.iter().rev().map(|row| bodies::deployment(compose, row, self.calendar)))
            .collect();
        Ok(ApiResponse::ok(json!(rows)))
    }

    fn deployments_with_rollback(&self, asked: &Asked<'_>, id: &str) -> Answered {
        may_see(asked)?;
        let rows = self.store.find(id).into_iter().flat_map(|compose| {
            compose.deployments.iter().rev().map(|row| {
                let mut body = bodies::deployment(compose, row, self.calendar);
                body["rollback"] = Value::Null;
                body
            })
        });
        Ok(ApiResponse::ok(rows.collect()))
    }

    fn all_deployments(&self) -> ApiResponse {
        let mut rows: Vec<_> =
            self.store.composes.iter().flat_map(|compose| compose.deployments.iter().map(move |row| (compose, row))).collect();
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.created_at));
        let rows = rows.into_iter().map(|(compose, row)| bodies::central_deployment(&self.store, compose, row, self.calendar));
        ApiResponse::ok(rows.collect())
    }

    /// Newest first; only jobs that wait or are worked on (FACTS §6).
    fn queue_list(&self, asked: &Asked<'_>) -> ApiResponse {
        let shown = asked.rights().services;
        let jobs = self.queue.jobs.iter().rev().filter(|_| shown).map(|job| bodies::job(&self.store, job, self.calendar));
        ApiResponse::ok(jobs.collect())
    }

    fn deploy_log(&self, asked: &Asked<'_>) -> Answered {
        let id = asked.text("deploymentId")?;
        let tail = asked.tail()?;
        may_see(asked)?;
        let (compose, row) = self.store.deployment(&id).ok_or_else(|| asked.not_found("Deployment"))?;
        if !compose.text("serverId").is_empty() && !self.release.has_remote_logs() {
            return Ok(ApiResponse::ok(json!("")));
        }
        let Some(log) = self.store.logs.get(&row.log_path) else { return Ok(ApiResponse::ok(json!("\n"))) };
        let lines: Vec<String> = log.lines().map(str::to_owned).collect();
        Ok(ApiResponse::ok(json!(container_log::tail(&lines, tail, None))))
    }

    fn container_log(&mut self, asked: &Asked<'_>) -> Answered {
        self.compose_of(asked)?;
        let id = asked.text("containerId")?;
        let tail = asked.tail()?;
        let since = asked.since()?;
        if self.faults.docker_is_down(self.now) {
            return Ok(ApiResponse::ok(json!(deploy_log::NO_DAEMON)));
        }
        let text = self.host.find(&id).map_or_else(
            || format!("Error response from daemon: No such container: {id}\n"),
            |container| {
                let lines = container_log::lines(container, self.calendar);
                let from = since.map(|back| self.calendar.nanos(self.now.saturating_sub(back), 0));
                let lines: Vec<String> = lines.into_iter().filter(|line| from.as_ref().is_none_or(|from| line >= from)).collect();
                container_log::tail(&lines, tail, asked.optional("search"))
            },
        );
        Ok(ApiResponse::ok(json!(text)))
    }

    /// Only `docker.*` take a server: without it Dokploy's own host is asked, whatever the app (FACTS §13.1).
    fn server(&self, asked: &Asked<'_>) -> Result<Option<String>, ApiResponse> {
        match asked.optional("serverId") {
            None => Ok(None),
            Some(id) if self.store.composes.iter().any(|compose| compose.text("serverId") == id) => Ok(Some(id.to_owned())),
            Some(_) => Err(asked.not_found("Server")),
        }
    }

    /// Whether the Docker CLI there answers nothing: no daemon (FACTS §7), or a login shell that prints something (FACTS §13.1).
    fn docker_is_mute(&mut self, server: Option<&str>) -> bool {
        self.faults.docker_is_down(self.now) || server.is_some() && self.faults.shell_is_noisy(self.now)
    }

    /// Containers there, the newest first.
    fn containers_of(&self, server: Option<&str>) -> Vec<&Container> {
        self.host.containers.iter().rev().filter(|container| self.server_of(&container.project) == server).collect()
    }

    /// Without a daemon the list is empty all the same (FACTS §7).
    fn host_containers(&mut self, server: Option<&str>) -> Value {
        if self.docker_is_mute(server) {
            return json!([]);
        }
        let all = self.containers_of(server);
        let shown = all.iter().filter(|container| !container.name.contains("dokploy"));
        // Dokploy makes a row of `docker ps` printing nothing; hiding its own containers comes after that (FACTS §7).
        if all.is_empty() {
            json!([bodies::no_host_container()])
        } else {
            shown.map(|container| bodies::host_container(container, server, self.now)).collect()
        }
    }

    /// The host's networks, or why Docker does not tell them.
    fn server_health(&mut self) -> Value {
        let networks = (!self.faults.docker_is_down(self.now)).then(|| self.host.networks.iter().map(String::as_str).collect::<Vec<_>>());
        let is_full = self.faults.disk_is_full(self.now);
        bodies::server_health(self.host.containers.len(), networks, is_full, &self.calendar.iso(self.now))
    }

    /// By the project's label with `appType=docker-compose`, by the beginning of the name without (FACTS §7). Open to every key.
    fn app_containers(&mut self, asked: &Asked<'_>) -> Answered {
        let app = asked.text("appName")?;
        let server = self.server(asked)?;
        if self.docker_is_mute(server.as_deref()) {
            return Ok(ApiResponse::ok(json!([])));
        }
        let by_label = asked.optional("appType");
        let all = self.containers_of(server.as_deref());
        let found = all.into_iter().filter(|container| match by_label {
            Some("docker-compose") => container.project == app,
            Some(_) => false,
            None => container.name.starts_with(&app),
        });
        Ok(ApiResponse::ok(found.map(|container| bodies::app_container(container, self.now)).collect()))
    }

    /// Empty for a container that is not there, and without a daemon (FACTS §7).
    fn inspect(&mut self, asked: &Asked<'_>) -> Answered {
        let id = asked.text("containerId")?;
        may_use_docker(asked)?;
        let server = self.server(asked)?;
        if self.docker_is_mute(server.as_deref()) {
            return Ok(ApiResponse::empty());
        }
        self.feel_externals();
        let found = self.host.find(&id).filter(|container| self.server_of(&container.project) == server.as_deref());
        let inspect = if self.is_brief { inspect::in_brief } else { inspect::inspect };
        Ok(found.map_or_else(ApiResponse::empty, |container| ApiResponse::ok(inspect(container, self.calendar))))
    }
}

fn no_service(asked: &Asked<'_>) -> ApiResponse {
    asked.forbidden("You don't have access to this service")
}

fn may_see(asked: &Asked<'_>) -> Result<(), ApiResponse> {
    if asked.rights().services { Ok(()) } else { Err(no_service(asked)) }
}

/// `canCreateServices` (FACTS §3).
pub(super) fn may_change(asked: &Asked<'_>) -> Result<(), ApiResponse> {
    if asked.rights().create_services { Ok(()) } else { Err(asked.forbidden("unauthorized to access resource \"service\"")) }
}

/// `canAccessToDocker` (FACTS §3).
fn may_use_docker(asked: &Asked<'_>) -> Result<(), ApiResponse> {
    if asked.rights().docker { Ok(()) } else { Err(asked.forbidden("unauthorized to access resource \"docker\"")) }
}
