//! `docker inspect`, as far as a rollout looks at it. The environment in it is not read.

use super::rows::{Unreadable, short_id};
use crate::engine::{Container, ContainerId, ContainerState, Health};
use jiff::Timestamp;
use serde_json::Value;

/// The container that an answer of `docker.getConfig` describes; `None` when it is no container of a service (`docker compose run`).
///
/// # Errors
/// When anything that a verdict rests on is missing, or it is another container than the one asked for.
pub fn container(asked: &str, answer: &Value) -> Result<Option<Container>, Unreadable> {
    let container = any(asked, answer)?;
    if label(answer, "com.docker.compose.oneoff") == Some("True") {
        return Ok(None);
    }
    if label(answer, SERVICE).is_none() {
        return Err(Unreadable);
    }
    Ok(Some(container))
}

/// The label that compose gives a container of a service.
const SERVICE: &str = "com.docker.compose.service";

fn label<'a>(answer: &'a Value, name: &str) -> Option<&'a str> {
    at(answer, &["Config", "Labels", name])?.as_str()
}

/// What is at a place. No JSON pointer: labels' names have dots, and this is read for each container in each round.
fn at<'a>(answer: &'a Value, place: &[&str]) -> Option<&'a Value> {
    place.iter().try_fold(answer, |value, key| value.get(key))
}

/// The same for a container of anybody's: one that compose did not make has no service.
///
/// # Errors
/// As [`container`], but for the service.
pub fn any(asked: &str, answer: &Value) -> Result<Container, Unreadable> {
    let text = |place: &[&str]| at(answer, place).and_then(Value::as_str).ok_or(Unreadable);
    let id = short_id(text(&["Id"])?);
    if id != short_id(asked) {
        return Err(Unreadable);
    }
    let started_at = text(&["State", "StartedAt"])?;
    let state = state(answer)?;
    let health = if state == ContainerState::Running { health(answer, started_at)? } else { None };
    Ok(Container {
        id: ContainerId(id),
        name: text(&["Name"])?.trim_start_matches('/').to_owned(),
        service: label(answer, SERVICE).unwrap_or_default().to_owned(),
        state,
        restarts: answer.get("RestartCount").and_then(Value::as_u64).ok_or(Unreadable)?,
        started_at: started_at.to_owned(),
        health,
        oom_killed: at(answer, &["State", "OOMKilled"]).and_then(Value::as_bool).ok_or(Unreadable)?,
        restarts_itself: !matches!(text(&["HostConfig", "RestartPolicy", "Name"])?, "" | "no"),
        image: text(&["Config", "Image"])?.to_owned(),
        image_id: text(&["Image"])?.to_owned(),
    })
}

fn state(answer: &Value) -> Result<ContainerState, Unreadable> {
    let state = answer.get("State").ok_or(Unreadable)?;
    let flag = |key: &str| state.get(key).and_then(Value::as_bool).ok_or(Unreadable);
    // In a crash loop Docker says "running" and `Running` at times, even while `Restarting` is set (FACTS §7).
    if flag("Restarting")? {
        return Ok(ContainerState::Restarting);
    }
    match state.get("Status").and_then(Value::as_str).ok_or(Unreadable)? {
        "running" if flag("Running")? => Ok(ContainerState::Running),
        "restarting" => Ok(ContainerState::Restarting),
        "exited" => Ok(ContainerState::Exited(state.get("ExitCode").and_then(Value::as_i64).ok_or(Unreadable)?)),
        "created" => Ok(ContainerState::Created),
        other => Ok(ContainerState::Other(other.to_owned())),
    }
}

/// The healthcheck's verdict. One whose last check ended before the container's start is of an earlier life: no verdict yet.
fn health(answer: &Value, started_at: &str) -> Result<Option<Health>, Unreadable> {
    let health = match at(answer, &["State", "Health"]) {
        None | Some(Value::Null) => return Ok(None),
        Some(health) => health,
    };
    let said = match health.get("Status").and_then(Value::as_str).ok_or(Unreadable)? {
        "healthy" => Health::Healthy,
        "unhealthy" => Health::Unhealthy,
        "starting" => Health::Starting,
        // `none`, or empty: the image's check is switched off.
        _ => return Ok(None),
    };
    let last = health.get("Log").and_then(Value::as_array).and_then(|log| log.last());
    let checked: Option<Timestamp> = last.and_then(|check| check.get("End")?.as_str()?.parse().ok());
    let started: Option<Timestamp> = started_at.parse().ok();
    let fresh = matches!((checked, started), (Some(checked), Some(started)) if checked >= started);
    Ok(Some(if fresh { said } else { Health::Starting }))
}

#[cfg(test)]
mod tests {
    use super::container;
    use crate::engine::{ContainerState, Health};
    use serde_json::{Value, json};

    fn inspect() -> Value {
        json!({
            "Id": "0ad1e2efb87af819514a81689eb31bb5950e5d704e17e8f45ba672e5fd6e76d1",
            "Name": "/app-web-1",
            "RestartCount": 0,
            "Image": "sha256:cb87",
            "State": { "Status": "running", "Running": true, "Restarting": false, "OOMKilled": false, "ExitCode": 0, "StartedAt": "2026-11-23T13:08:29.381Z" },
            "HostConfig": { "RestartPolicy": { "Name": "unless-stopped" } },
            "Config": { "Image": "app:v1", "Labels": { "com.docker.compose.service": "web" } }
        })
    }

    fn health_of(ended: &str, status: &str) -> Option<Health> {
        let mut inspect = inspect();
        inspect["State"]["Health"] = json!({ "Status": status, "Log": [{ "End": ended }] });
        container("0ad1e2efb87a", &inspect).expect("readable").expect("a service's").health
    }

    #[test]
    fn a_verdict_of_an_earlier_life_is_none_yet() {
        assert_eq!(health_of("2026-11-23T13:08:28.9Z", "healthy"), Some(Health::Starting));
        assert_eq!(health_of("2026-11-23T13:08:31.1Z", "healthy"), Some(Health::Healthy));
        assert_eq!(health_of("2026-11-23T15:08:31.1+02:00", "unhealthy"), Some(Health::Unhealthy), "the engine's own time zone");
        assert_eq!(health_of("nonsense", "healthy"), Some(Health::Starting));
        assert_eq!(health_of("2026-11-23T13:08:31.1Z", "none"), None);
    }

    #[test]
    fn restarting_wins_over_running() {
        let mut inspect = inspect();
        inspect["State"]["Restarting"] = json!(true);
        let seen = container("0ad1e2efb87a", &inspect).expect("readable").expect("a service's");
        assert_eq!((seen.state, seen.restarts_itself), (ContainerState::Restarting, true));
    }

    #[test]
    fn another_container_s_answer_is_not_taken() {
        assert!(container("ffffffffffff", &inspect()).is_err());
    }

    #[test]
    fn every_missing_field_makes_it_unreadable() {
        for path in
            ["/Id", "/Name", "/RestartCount", "/Image", "/State/Status", "/State/Restarting", "/State/StartedAt", "/State/OOMKilled"]
        {
            let mut inspect = inspect();
            *inspect.pointer_mut(path).expect("it is there") = Value::Null;
            assert!(container("0ad1e2efb87a", &inspect).is_err(), "{path}");
        }
    }
}
