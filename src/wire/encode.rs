//! Calls to requests.

use super::{HttpRequest, Method};
use crate::dokploy::{Call, percent_encoded};
use serde_json::{Value, json};

/// The log procedures' largest `tail` (FACTS §6); 0 is refused too.
const MOST_LINES: u32 = 10_000;

/// The request that makes a call. Queries are GET with a query string, mutations POST with JSON (FACTS §1).
pub fn encode(call: &Call) -> HttpRequest {
    let query = |fields: &[(&str, &str)]| get(call, fields);
    match call {
        // The only procedure that is asked on the tRPC path: there it needs no key (FACTS §2).
        Call::Health => HttpRequest { method: Method::Get, path: "/api/trpc/settings.health".to_owned(), with_key: false, body: None },
        Call::Version | Call::Cloud | Call::Projects | Call::Queue => query(&[]),
        Call::Compose { compose } | Call::ConvertedCompose { compose } | Call::Deployments { compose } => query(&[("composeId", compose)]),
        Call::ContainerLog { compose, container, lines, seconds } => {
            let (tail, since) = (tail(*lines), seconds.map(|seconds| format!("{seconds}s")));
            let fields = [("composeId", compose.as_str()), ("containerId", container), ("tail", &tail)];
            let fields: Vec<(&str, &str)> = fields.into_iter().chain(since.as_deref().map(|since| ("since", since))).collect();
            query(&fields)
        }
        Call::DeployLog { deployment, lines } => query(&[("deploymentId", deployment), ("tail", &tail(*lines))]),
        // Without appType the server matches by name prefix (FACTS §7); without serverId it asks its own engine (FACTS §13.1).
        Call::AppContainers { app_name, server } => {
            query(&with_server(&[("appName", app_name), ("appType", "docker-compose")], server.as_deref()))
        }
        Call::OwnContainers { server } => query(&with_server(&[("appName", "dokploy")], server.as_deref())),
        Call::HostContainers { server } | Call::ServerHealth { server } => query(&with_server(&[], server.as_deref())),
        Call::Inspect { container, server } => query(&with_server(&[("containerId", container)], server.as_deref())),
        Call::UpdateText { compose, text } => post(call, &json!({ "composeId": compose, "composeFile": text })),
        Call::Deploy { compose, marker } => post(call, &json!({ "composeId": compose, "title": marker, "description": marker })),
        Call::Stop { compose } | Call::CleanQueues { compose } => post(call, &json!({ "composeId": compose })),
    }
}

fn get(call: &Call, fields: &[(&str, &str)]) -> HttpRequest {
    let mut path = format!("/api/{}", call.procedure());
    for (at, (name, value)) in fields.iter().enumerate() {
        path.push(if at == 0 { '?' } else { '&' });
        path.push_str(name);
        path.push('=');
        path.push_str(&percent_encoded(value));
    }
    HttpRequest { method: Method::Get, path, with_key: true, body: None }
}

fn post(call: &Call, body: &Value) -> HttpRequest {
    HttpRequest { method: Method::Post, path: format!("/api/{}", call.procedure()), with_key: true, body: Some(body.to_string()) }
}

fn with_server<'a>(fields: &[(&'a str, &'a str)], server: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    fields.iter().copied().chain(server.map(|id| ("serverId", id))).collect()
}

fn tail(lines: u32) -> String {
    lines.clamp(1, MOST_LINES).to_string()
}

#[cfg(test)]
mod tests {
    use super::encode;
    use crate::dokploy::Call;
    use crate::wire::Method;

    #[test]
    fn values_of_a_query_are_encoded() {
        let request = encode(&Call::Inspect { container: "a b&c=d/é".to_owned(), server: Some("s?".to_owned()) });
        assert_eq!(request.path, "/api/docker.getConfig?containerId=a%20b%26c%3Dd%2F%C3%A9&serverId=s%3F");
        assert!(request.with_key && request.body.is_none());
    }

    #[test]
    fn only_the_health_question_goes_without_a_key() {
        let request = encode(&Call::Health);
        assert_eq!((request.path.as_str(), request.with_key), ("/api/trpc/settings.health", false));
        assert!(encode(&Call::Version).with_key);
    }

    #[test]
    fn the_marker_is_title_and_description() {
        let request = encode(&Call::Deploy { compose: "c1".to_owned(), marker: "plan \"7\"\n".to_owned() });
        assert_eq!(request.method, Method::Post);
        assert_eq!(request.path, "/api/compose.deploy");
        let body = request.body.expect("a mutation has a body");
        let body: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
        assert_eq!(body, serde_json::json!({ "composeId": "c1", "title": "plan \"7\"\n", "description": "plan \"7\"\n" }));
    }

    #[test]
    fn an_update_names_the_text_and_nothing_else() {
        let request = encode(&Call::UpdateText { compose: "c1".to_owned(), text: "services: {}\n".to_owned() });
        assert_eq!(request.body.as_deref(), Some(r#"{"composeId":"c1","composeFile":"services: {}\n"}"#));
        assert!(!format!("{request:?}").contains("services"));
    }

    #[test]
    fn a_tail_stays_in_the_bounds_of_the_server() {
        let path = |lines| encode(&Call::DeployLog { deployment: "d".to_owned(), lines }).path;
        assert!(path(0).ends_with("tail=1") && path(200).ends_with("tail=200") && path(50_000).ends_with("tail=10000"));
    }
}
