//! Dokploy's API: what is checked before a procedure is reached, and which procedures there are.

use super::config::{MemberRights, Role};
use super::request::{ApiRequest, ApiResponse, Invalid, Verb};
use super::request_log::LoggedCall;
use super::state::World;
use serde_json::{Value, json};
use std::time::Duration;

/// Largest JSON body (FACTS §1).
const BODY_LIMIT: usize = 1024 * 1024;

/// How long the pages outside the procedures take.
const PAGE: Duration = Duration::from_millis(4);
/// A question to the database.
const QUERY: Duration = Duration::from_millis(24);
/// A question that runs the Docker CLI.
const DOCKER: Duration = Duration::from_millis(48);
/// Putting a job into the queue.
const DEPLOY: Duration = Duration::from_millis(46);
/// `docker compose stop`.
const STOP: Duration = Duration::from_millis(338);
/// `docker compose up -d` of what is there.
const START: Duration = Duration::from_millis(546);

/// A request that reached its procedure.
pub(super) struct Asked<'a> {
    pub(super) procedure: &'a str,
    /// The query or the JSON body.
    pub(super) input: Value,
    pub(super) role: Role,
}

impl Asked<'_> {
    pub(super) fn rights(&self) -> MemberRights {
        match self.role {
            Role::Owner => MemberRights { services: true, create_services: true, docker: true },
            Role::Member(rights) => rights,
        }
    }

    pub(super) fn is_owner(&self) -> bool {
        self.role == Role::Owner
    }

    /// A text that must be there and not be empty.
    pub(super) fn text(&self, field: &str) -> Result<String, ApiResponse> {
        let message = match self.input.get(field) {
            Some(Value::String(text)) if !text.is_empty() => return Ok(text.clone()),
            Some(Value::String(_)) => {
                let message = "Too small: expected string to have >=1 characters".to_owned();
                let issue = json!({"origin": "string", "code": "too_small", "minimum": 1, "inclusive": true});
                return Err(Invalid { field, message, issue }.response(self.procedure));
            }
            other => format!("Invalid input: expected string, received {}", type_name(other)),
        };
        Err(Invalid { field, message, issue: json!({"expected": "string", "code": "invalid_type"}) }.response(self.procedure))
    }

    pub(super) fn optional(&self, field: &str) -> Option<&str> {
        self.input.get(field).and_then(Value::as_str)
    }

    /// `since`: `all`, or a number with `s`, `m`, `h` or `d` (FACTS §7).
    pub(super) fn since(&self) -> Result<Option<Duration>, ApiResponse> {
        let Some(given) = self.input.get("since").and_then(Value::as_str).filter(|given| *given != "all") else { return Ok(None) };
        let unit = |unit: &str| match unit {
            "s" => Some(1),
            "m" => Some(60),
            "h" => Some(3_600),
            "d" => Some(86_400),
            _ => None,
        };
        let (number, last) = given.split_at(given.len().saturating_sub(1));
        let seconds = number.parse::<u64>().ok().zip(unit(last)).and_then(|(number, unit)| number.checked_mul(unit));
        seconds.map(|seconds| Some(Duration::from_secs(seconds))).ok_or_else(|| {
            let issue = json!({"code": "invalid_format", "format": "regex", "pattern": "/^(all|\\d+[smhd])$/"});
            Invalid { field: "since", message: "Invalid since format".to_owned(), issue }.response(self.procedure)
        })
    }

    /// `tail`: 1 to 10000 lines, 100 unless given (FACTS §6).
    pub(super) fn tail(&self) -> Result<usize, ApiResponse> {
        let Some(given) = self.input.get("tail") else { return Ok(100) };
        let number = given.as_u64().or_else(|| given.as_str().and_then(|text| text.parse().ok()));
        let (message, issue) = match number {
            Some(lines @ 1..=10_000) => return Ok(usize::try_from(lines).unwrap_or(100)),
            Some(0) => {
                ("Too small: expected number to be >=1", json!({"origin": "number", "code": "too_small", "minimum": 1, "inclusive": true}))
            }
            Some(_) => (
                "Too big: expected number to be <=10000",
                json!({"origin": "number", "code": "too_big", "maximum": 10_000, "inclusive": true}),
            ),
            None => ("Invalid input: expected number, received NaN", json!({"expected": "number", "code": "invalid_type"})),
        };
        Err(Invalid { field: "tail", message: message.to_owned(), issue }.response(self.procedure))
    }

    pub(super) fn not_found(&self, what: &str) -> ApiResponse {
        ApiResponse::not_found(what, self.procedure)
    }

    pub(super) fn forbidden(&self, message: &str) -> ApiResponse {
        ApiResponse::forbidden(message, self.procedure)
    }
}

pub(super) fn type_name(value: Option<&Value>) -> &'static str {
    match value {
        None => "undefined",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(_)) => "number",
        Some(Value::String(_)) => "string",
        Some(Value::Array(_)) => "array",
        Some(Value::Object(_)) => "object",
    }
}

/// A procedure's method and how long it takes; `None` for one that is not modelled.
fn procedure(name: &str) -> Option<(Verb, Duration)> {
    Some(match name {
        "project.all"
        | "project.one"
        | "environment.one"
        | "environment.byProjectId"
        | "compose.one"
        | "compose.search"
        | "compose.getConvertedCompose"
        | "compose.getDefaultCommand"
        | "compose.loadServices"
        | "deployment.allByCompose"
        | "deployment.allByType"
        | "deployment.allCentralized"
        | "deployment.queueList"
        | "settings.getDokployVersion"
        | "settings.health"
        | "settings.isCloud"
        | "server.all" => (Verb::Get, QUERY),
        "deployment.readLogs"
        | "compose.readLogs"
        | "docker.getContainers"
        | "docker.getServerHealth"
        | "docker.getContainersByAppNameMatch"
        | "docker.getConfig" => (Verb::Get, DOCKER),
        "compose.update" | "compose.saveEnvironment" | "compose.cleanQueues" => (Verb::Post, QUERY),
        "compose.deploy" | "compose.redeploy" => (Verb::Post, DEPLOY),
        "compose.stop" => (Verb::Post, STOP),
        "compose.start" => (Verb::Post, START),
        _ => return None,
    })
}

impl World {
    /// Dokploy's answer to a request; `None` while connections are refused: it restarts, is down, or the network is.
    pub fn api(&mut self, now: Duration, request: &ApiRequest) -> Option<ApiResponse> {
        self.advance(now);
        if !self.dokploy_is_up() {
            return None;
        }
        let name = request.path.strip_prefix("/api/").filter(|name| !name.contains('/')).unwrap_or(&request.path);
        let body = serde_json::from_slice::<Value>(&request.body).ok();
        let title = body.as_ref().and_then(|body| body.get("title")).and_then(Value::as_str).map(str::to_owned);
        let changes = request.method != Verb::Get && !updates_nothing(name, body.as_ref());
        let at = self.log.len();
        if !self.is_brief {
            self.log.push(LoggedCall::new(self.now, request.method, name.to_owned(), title.clone(), changes));
        }
        let response = self.release.aged(name, self.answer(request, name, body));
        if let Some(logged) = self.log.get_mut(at) {
            logged.status = response.status;
        }
        let lost = changes && response.status < 300 && self.faults.loses_answer(title.as_deref(), self.now);
        Some(ApiResponse { lost, ..response })
    }

    fn answer(&mut self, request: &ApiRequest, name: &str, body: Option<Value>) -> ApiResponse {
        if let Some(page) = self.page(request) {
            return page.after(PAGE);
        }
        let Some(role) = self.role_of(request.key.as_deref()) else { return ApiResponse::unauthorized().after(PAGE) };
        if request.body.len() > BODY_LIMIT {
            return ApiResponse::plain(413, "Body exceeded 1mb limit").after(PAGE);
        }
        let Some((verb, takes)) = procedure(name).filter(|(verb, _)| *verb == request.method && self.release.has_procedure(name)) else {
            return ApiResponse::no_such_procedure().after(PAGE);
        };
        let input = if verb == Verb::Get {
            Value::Object(request.query.iter().map(|(name, value)| (name.clone(), json!(value))).collect())
        } else {
            match unsupported(request) {
                Some(message) => return ApiResponse::error(415, "UNSUPPORTED_MEDIA_TYPE", &message, name).after(PAGE),
                None => match body {
                    Some(body) => body,
                    None => return ApiResponse::plain(400, "Invalid JSON").after(PAGE),
                },
            }
        };
        let asked = Asked { procedure: name, input, role };
        let answered = if verb == Verb::Get { self.query(&asked) } else { self.mutate(&asked) };
        answered.unwrap_or_else(|refusal| refusal).after(takes)
    }

    /// What is answered without a key, and what is not the API at all (FACTS §1, §2).
    fn page(&mut self, request: &ApiRequest) -> Option<ApiResponse> {
        let path = request.path.as_str();
        Some(match path {
            "/" => ApiResponse::redirect(307, "/dashboard/home"),
            _ if path.contains("//") || path.ends_with('/') => ApiResponse::redirect(308, &clean(path)),
            "/api/health" => ApiResponse::ok_utf8(json!({"ok": true})),
            "/api/trpc/settings.health" if self.faults.database_is_down(self.now) => {
                let message = "Failed query: SELECT 1\nparams: ";
                ApiResponse::trpc_error(500, -32603, "INTERNAL_SERVER_ERROR", message, "settings.health")
            }
            "/api/trpc/settings.health" => ApiResponse::ok(json!({"result": {"data": {"json": {"status": "ok"}}}})),
            _ => match path.strip_prefix("/api/trpc/") {
                Some(name) => ApiResponse::trpc_error(404, -32004, "NOT_FOUND", &format!("No procedure found on path \"{name}\""), name),
                None if path.starts_with("/api/") => return None,
                None => ApiResponse::html(404),
            },
        })
    }

    fn role_of(&mut self, key: Option<&str>) -> Option<Role> {
        if self.faults.database_is_down(self.now) {
            return None;
        }
        let known = self.keys.iter_mut().find(|known| Some(known.key.as_str()) == key)?;
        if let Some(left) = &mut known.requests {
            *left = left.checked_sub(1)?;
        }
        Some(known.role)
    }
}

/// An update that names no field tries the right to change without changing.
fn updates_nothing(procedure: &str, body: Option<&Value>) -> bool {
    procedure == "compose.update" && body.and_then(Value::as_object).is_some_and(|body| body.keys().all(|key| key == "composeId"))
}

fn unsupported(request: &ApiRequest) -> Option<String> {
    match request.content_type.as_deref() {
        None => Some("Missing content-type header".to_owned()),
        Some(kind) if kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) => None,
        Some(other) => Some(format!("Unsupported content-type \"{other}")),
    }
}

fn clean(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    format!("/{}", parts.join("/"))
}
