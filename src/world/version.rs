//! What older versions of Dokploy do not have: procedures, and members of answers. From its history, not from a live server.

use super::request::{ApiResponse, Content};
use serde_json::{Map, Value};

type Version = (u32, u32, u32);

/// Procedures that came after the first supported version.
const PROCEDURES: [(&str, Version); 8] = [
    ("deployment.queueList", (0, 28, 3)),
    ("deployment.allCentralized", (0, 28, 3)),
    ("compose.search", (0, 28, 3)),
    ("compose.readLogs", (0, 29, 0)),
    ("compose.saveEnvironment", (0, 29, 0)),
    ("deployment.readLogs", (0, 29, 5)),
    ("docker.getServerHealth", (0, 30, 0)),
    ("docker.getEvents", (0, 30, 0)),
];

/// Members that came after it: in answers of this procedure, at whatever depth.
const MEMBERS: [(&str, &str, Version); 10] = [
    ("compose.deploy", "composeId", (0, 26, 4)),
    ("compose.redeploy", "composeId", (0, 26, 4)),
    ("deployment.allByCompose", "buildServerId", (0, 26, 0)),
    ("deployment.allByType", "buildServerId", (0, 26, 0)),
    ("docker.getContainersByAppNameMatch", "status", (0, 27, 0)),
    ("project.all", "isDefault", (0, 26, 1)),
    ("compose.one", "serviceNetworks", (0, 29, 14)),
    ("compose.one", "createEnvFile", (0, 30, 0)),
    ("compose.update", "serviceNetworks", (0, 29, 14)),
    ("compose.update", "createEnvFile", (0, 30, 0)),
];

/// Deploys are answered with a body.
const DEPLOY_BODY: Version = (0, 25, 7);
/// A row that a restart cut off says so.
const CANCELLED: Version = (0, 25, 4);
/// `compose.getConvertedCompose` answers for an app without domains.
const CONVERTED_WITHOUT_DOMAINS: Version = (0, 28, 2);
/// Logs of deploys on other servers are not empty.
const REMOTE_LOGS: Version = (0, 29, 9);
/// Errors carry `data`.
const ERROR_DATA: Version = (0, 29, 0);

/// A version of Dokploy; one that cannot be read has everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Release(Option<Version>);

impl Release {
    /// `v0.30.2`.
    pub(super) fn of(said: &str) -> Self {
        let numbers: Option<Vec<u32>> = said.trim_start_matches('v').split('.').map(|number| number.parse().ok()).collect();
        Self(match numbers.as_deref() {
            Some([major, minor, patch]) => Some((*major, *minor, *patch)),
            _ => None,
        })
    }

    fn has(self, since: Version) -> bool {
        self.0.is_none_or(|version| version >= since)
    }

    /// Whether nothing is missing that the latest has.
    fn has_everything(self) -> bool {
        let members = MEMBERS.iter().map(|(_, _, since)| since).chain(PROCEDURES.iter().map(|(_, since)| since));
        members.chain([&DEPLOY_BODY, &CANCELLED, &CONVERTED_WITHOUT_DOMAINS, &REMOTE_LOGS, &ERROR_DATA]).all(|since| self.has(*since))
    }

    /// Whether `deployment.readLogs` reads logs of other servers.
    pub(super) fn has_remote_logs(self) -> bool {
        self.has(REMOTE_LOGS)
    }

    pub(super) fn has_procedure(self, name: &str) -> bool {
        PROCEDURES.iter().all(|(procedure, since)| *procedure != name || self.has(*since))
    }

    /// The answer as this version gives it.
    pub(super) fn aged(self, procedure: &str, response: ApiResponse) -> ApiResponse {
        if response.status == 200 && matches!(procedure, "compose.deploy" | "compose.redeploy") && !self.has(DEPLOY_BODY) {
            return ApiResponse { body: Content::Text(String::new()), ..response };
        }
        if self.has_everything() {
            return response;
        }
        let Content::Json(mut body) = response.body else { return response };
        match &mut body {
            Value::Object(error) if response.status >= 400 && !procedure.starts_with('/') && !self.has(ERROR_DATA) => {
                error.remove("data");
            }
            body if procedure == "compose.getConvertedCompose" && !self.has(CONVERTED_WITHOUT_DOMAINS) => *body = Value::Null,
            body => {
                for (_, member, _) in MEMBERS.iter().filter(|(name, _, since)| *name == procedure && !self.has(*since)) {
                    each_object(body, &mut |object| drop(object.remove(*member)));
                }
                if procedure.starts_with("deployment.") && !self.has(CANCELLED) {
                    each_object(body, &mut |row| {
                        if row.get("status").and_then(Value::as_str) == Some("cancelled") {
                            row.insert("status".to_owned(), Value::from("running"));
                        }
                    });
                }
            }
        }
        ApiResponse { body: Content::Json(body), ..response }
    }
}

fn each_object(value: &mut Value, act: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            act(object);
            object.values_mut().for_each(|value| each_object(value, act));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| each_object(value, act)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::Release;
    use crate::world::{ApiRequest, Config, World};
    use serde_json::{Value, json};
    use std::time::Duration;

    fn world(version: &str) -> World {
        World::new(Config { version: version.to_owned(), ..Config::default() })
    }

    fn asked(world: &mut World, request: &ApiRequest) -> (u16, Value) {
        let response = world.api(Duration::ZERO, request).expect("it is up");
        (response.status, response.json().unwrap_or(Value::Null))
    }

    #[test]
    fn an_old_version_lacks_what_came_later() {
        let queue = ApiRequest::get("/api/deployment.queueList", &[], Config::API_KEY);
        assert_eq!(asked(&mut world("v0.28.3"), &queue), (200, json!([])));
        let (status, body) = asked(&mut world("v0.28.2"), &queue);
        assert_eq!((status, &body["message"], body.get("data")), (404, &json!("Not found"), None));
        assert_eq!(asked(&mut world("canary"), &queue).0, 200);

        let mut old = world("v0.25.0");
        let (_, projects) = asked(&mut old, &ApiRequest::get("/api/project.all", &[], Config::API_KEY));
        assert!(!projects.to_string().contains("isDefault"));
        let compose = projects[0]["environments"][1]["compose"][0]["composeId"].clone();
        let deploy = ApiRequest::post("/api/compose.deploy", &json!({ "composeId": compose }), Config::API_KEY);
        assert_eq!(old.api(Duration::ZERO, &deploy).expect("it is up").text(), "");
        let (_, one) =
            asked(&mut old, &ApiRequest::get("/api/compose.one", &[("composeId", compose.as_str().unwrap_or(""))], Config::API_KEY));
        assert!(one.get("createEnvFile").is_none() && one.get("composeFile").is_some());
    }

    #[test]
    fn versions_are_read_as_dokploy_says_them() {
        assert_eq!(Release::of("v0.30.2"), Release(Some((0, 30, 2))));
        assert_eq!(Release::of("canary"), Release(None));
    }
}
