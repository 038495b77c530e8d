//! Whether the body of a 200 is what Dokploy gives to a call, as far as it is needed. What is not may come from something between us and it.

use super::inspect;
use super::{Body, Call, rows};

/// Whether an answer to a read can be read. Empty bodies count where Dokploy sends them (FACTS §7, §13.1).
pub(super) fn has_its_shape(call: &Call, body: &Body) -> bool {
    let Body::Json(answer) = body else {
        return matches!(
            call,
            Call::HostContainers { .. }
                | Call::Inspect { .. }
                | Call::ContainerLog { .. }
                | Call::DeployLog { .. }
                | Call::ConvertedCompose { .. }
        );
    };
    match call {
        Call::Version => answer.is_string(),
        Call::Projects => rows::projects(answer).is_ok(),
        Call::Compose { .. } => rows::compose(answer).is_ok(),
        Call::Queue => rows::queue(answer).is_ok(),
        Call::Deployments { .. } => rows::deployments(answer).is_ok(),
        Call::AppContainers { .. } | Call::OwnContainers { .. } => rows::app_containers(answer).is_ok(),
        Call::HostContainers { .. } => rows::host_containers(answer).is_ok(),
        Call::Inspect { container: id, .. } => inspect::any(id, answer).is_ok(),
        // Nothing is read of these, or nothing that could be missed; and what a write answers is judged by who sent it.
        Call::Health
        | Call::Cloud
        | Call::ServerHealth { .. }
        | Call::ConvertedCompose { .. }
        | Call::ContainerLog { .. }
        | Call::DeployLog { .. }
        | Call::UpdateText { .. }
        | Call::Deploy { .. }
        | Call::Stop { .. }
        | Call::CleanQueues { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use super::has_its_shape;
    use crate::dokploy::{Body, Call};
    use serde_json::json;

    #[test]
    fn lists_are_lists_and_rows_have_their_fields() {
        let containers = Call::AppContainers { app_name: "a".to_owned(), server: None };
        for (call, body, has) in [
            (Call::Version, json!("v0.30.2"), true),
            (Call::Version, json!(7), false),
            (Call::Queue, json!([]), true),
            (Call::Queue, json!({"items": []}), false),
            (containers.clone(), json!([]), true),
            (containers, json!([{"containerId": 7}]), false),
        ] {
            assert_eq!(has_its_shape(&call, &Body::Json(body)), has, "{call:?}");
        }
    }

    #[test]
    fn an_empty_body_is_an_answer_only_where_dokploy_gives_one() {
        let inspect = Call::Inspect { container: "c".to_owned(), server: None };
        assert!(has_its_shape(&inspect, &Body::Empty));
        assert!(!has_its_shape(&Call::Queue, &Body::Empty));
        assert!(!has_its_shape(&Call::Compose { compose: "c".to_owned() }, &Body::Empty));
    }
}
