//! Procedures that change something.

use super::api::{Asked, type_name};
use super::definition;
use super::deploy_log;
use super::queries::{Answered, may_change};
use super::queue::Work;
use super::request::{ApiResponse, Invalid};
use super::state::World;
use super::variables;
use serde_json::{Value, json};
use std::sync::Arc;

/// Members of a row that nobody can change. Dokploy drops them silently (FACTS §4, §13.1).
const FIXED: [&str; 7] = ["composeId", "appName", "serverId", "createdAt", "environmentId", "refreshToken", "serviceNetworks"];
/// Members that may only be one of these.
const ENUMS: [(&str, &[&str]); 3] = [
    ("sourceType", &["git", "github", "gitlab", "bitbucket", "gitea", "raw"]),
    ("composeType", &["docker-compose", "stack"]),
    ("composeStatus", &["idle", "running", "done", "error"]),
];

impl World {
    pub(super) fn mutate(&mut self, asked: &Asked<'_>) -> Answered {
        match asked.procedure {
            "compose.update" => self.update(asked),
            "compose.saveEnvironment" => {
                let id = self.compose_of(asked)?.id.clone();
                let env = asked.input.get("env").cloned().unwrap_or(Value::Null);
                if let Some(compose) = self.store.find_mut(&id) {
                    compose.set("env", env);
                }
                Ok(ApiResponse::ok(json!(true)))
            }
            "compose.deploy" => self.deploy(asked, false),
            "compose.redeploy" => self.deploy(asked, true),
            "compose.cleanQueues" => {
                let id = self.compose_of(asked)?.id.clone();
                self.queue.clean(&id);
                Ok(ApiResponse::ok(json!({"success": true, "message": "Queues cleaned successfully"})))
            }
            "compose.stop" => self.stop(asked),
            "compose.start" => self.start(asked),
            _ => Err(ApiResponse::no_such_procedure()),
        }
    }

    /// No version, no check of the text; an unknown id changes nothing and is answered with nothing (FACTS §5).
    fn update(&mut self, asked: &Asked<'_>) -> Answered {
        let id = asked.text("composeId")?;
        may_change(asked)?;
        let Value::Object(fields) = &asked.input else { return Err(ApiResponse::plain(400, "Invalid JSON")) };
        let Some(compose) = self.store.find_mut(&id) else { return Ok(ApiResponse::empty()) };
        for (field, value) in fields {
            let Some(present) = compose.row.get(field).filter(|_| !FIXED.contains(&field.as_str())) else { continue };
            if let Some((_, valid)) = ENUMS.iter().find(|(name, _)| name == field)
                && !value.as_str().is_some_and(|value| valid.contains(&value))
            {
                return Err(not_one_of(field, valid).response(asked.procedure));
            }
            if type_name(Some(present)) != type_name(Some(value)) && !present.is_null() && !(value.is_null() && field == "env") {
                return Err(wrong_type(field, present, value).response(asked.procedure));
            }
        }
        for (field, value) in fields.iter().filter(|(field, _)| !FIXED.contains(&field.as_str())) {
            if compose.row.contains_key(field) {
                compose.set(field, value.clone());
            }
        }
        Ok(ApiResponse::ok(Value::Object(compose.row.clone())))
    }

    /// Only queues: neither the job nor the row can be told from the answer (FACTS §6).
    fn deploy(&mut self, asked: &Asked<'_>, redeploy: bool) -> Answered {
        let id = self.compose_of(asked)?.id.clone();
        let default = if redeploy { "Rebuild deployment" } else { "Manual deployment" };
        let title = asked.optional("title").unwrap_or(default).to_owned();
        let description = asked.optional("description").unwrap_or("");
        if let Some(takes) = self.faults.busy_before(&title, self.now) {
            self.queue.push("Manual deployment", "", false, Work::Other(takes), self.now);
        }
        if !self.faults.loses_job(&title, self.now) {
            self.queue.push(&title, description, redeploy, Work::Deploy(id.clone()), self.now);
        }
        let message = if redeploy { "Redeployment queued" } else { "Deployment queued" };
        Ok(ApiResponse::ok(json!({"success": true, "message": message, "composeId": id})))
    }

    /// A deploy that runs goes on and starts the containers again (FACTS §6).
    fn stop(&mut self, asked: &Asked<'_>) -> Answered {
        let compose = self.compose_of(asked)?;
        let (id, app) = (compose.id.clone(), compose.app_name.clone());
        if self.faults.docker_is_down(self.now) {
            self.set_status(&id, "error");
            return Err(no_daemon(asked, &format!("docker compose -p {app} stop")));
        }
        for container in self.host.containers.iter_mut().filter(|container| container.project == app) {
            container.stop(self.now);
        }
        self.set_status(&id, "idle");
        Ok(ApiResponse::ok(json!(true)))
    }

    /// `up -d` of the text on disk, which is not the one in the row (FACTS §7).
    fn start(&mut self, asked: &Asked<'_>) -> Answered {
        let compose = self.compose_of(asked)?;
        let (id, app, env) = (compose.id.clone(), compose.app_name.clone(), compose.text("env").to_owned());
        let text = compose.on_disk.clone();
        let command = format!("docker compose -p {app} -f docker-compose.yml up -d");
        if self.faults.docker_is_down(self.now) {
            self.set_status(&id, "idle");
            return Err(no_daemon(asked, &command));
        }
        let missing =
            || failed(asked, &command, &format!("open /etc/dokploy/compose/{app}/code/docker-compose.yml: no such file or directory\n"));
        let text = text.ok_or_else(missing)?;
        let definitions = definition::read(&text, &variables::dotenv(&env)).map_err(|_| missing())?;
        for service in definitions.services.into_iter().map(Arc::new) {
            if self.host.of_service(&app, &service.name).is_none() {
                let _ = self.host.create(&app, &service, self.now);
            }
            let down = self.host.of_service(&app, &service.name).is_some_and(|container| !container.is_running());
            if down && let Err(taken) = self.host.start(&app, &service.name, self.now, &mut self.faults) {
                self.set_status(&id, "idle");
                return Err(failed(asked, &command, &format!("Bind for {taken} failed: port is already allocated\n")));
            }
        }
        self.set_status(&id, "done");
        Ok(ApiResponse::ok(json!(true)))
    }

    fn set_status(&mut self, compose: &str, status: &str) {
        if let Some(compose) = self.store.find_mut(compose) {
            compose.set_status(status);
        }
    }
}

fn no_daemon(asked: &Asked<'_>, command: &str) -> ApiResponse {
    failed(asked, command, deploy_log::NO_DAEMON)
}

fn failed(asked: &Asked<'_>, command: &str, stderr: &str) -> ApiResponse {
    let message = format!("Command execution failed: Command failed: env -i PATH=\"$PATH\" {command}\n{stderr}");
    ApiResponse::error(500, "INTERNAL_SERVER_ERROR", &message, asked.procedure)
}

fn not_one_of<'a>(field: &'a str, valid: &[&str]) -> Invalid<'a> {
    let listed: Vec<String> = valid.iter().map(|value| format!("\"{value}\"")).collect();
    let message = format!("Invalid option: expected one of {}", listed.join("|"));
    Invalid { field, message, issue: json!({"code": "invalid_value", "values": valid}) }
}

fn wrong_type<'a>(field: &'a str, expected: &Value, received: &Value) -> Invalid<'a> {
    let expected = type_name(Some(expected));
    let message = format!("Invalid input: expected {expected}, received {}", type_name(Some(received)));
    Invalid { field, message, issue: json!({"expected": expected, "code": "invalid_type"}) }
}
