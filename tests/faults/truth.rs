//! What a world holds, asked of the world itself: what a run reports is compared with this.

use super::scene::{PHASES, SERVICES, port};
use rollout_plan::schedule::{Header, Schedule, body_of};
use rollout_plan::world::{ApiRequest, ServiceAnswer, World};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a world holds at one moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Truth {
    /// The compose text.
    pub text: String,
    /// Each of the app's containers by its service: its state, and whether the service answers well.
    pub services: BTreeMap<String, (String, bool)>,
    /// Titles of the jobs in the queue.
    pub jobs: Vec<String>,
    /// Titles and states of the deploys, newest first.
    pub deploys: Vec<(String, String)>,
}

fn ask(world: &mut World, now: Duration, procedure: &str, query: &[(&str, &str)]) -> Value {
    let key = world.api_key().to_owned();
    let request = ApiRequest::get(&format!("/api/{procedure}"), query, &key);
    world.api(now, &request).and_then(|answer| answer.json()).unwrap_or(Value::Null)
}

/// A copy of the world in which Dokploy answers: one that restarts is waited for.
fn answering(world: &World, now: Duration) -> (World, Duration) {
    let mut world = world.clone();
    world.advance(now);
    let mut now = now;
    while !world.dokploy_is_up() {
        now += Duration::from_secs(1);
        world.advance(now);
    }
    (world, now)
}

/// The id of the app.
pub fn compose_id(world: &World, now: Duration) -> String {
    let (mut world, now) = answering(world, now);
    let projects = ask(&mut world, now, "project.all", &[]);
    let environments = projects[0]["environments"].as_array().unwrap().clone();
    let compose = environments.iter().find_map(|environment| environment["compose"][0]["composeId"].as_str());
    compose.unwrap().to_owned()
}

/// Titles of the jobs that wait, and of the one that is worked on.
pub fn jobs(world: &World, now: Duration) -> (Vec<String>, Option<String>) {
    let (mut world, now) = answering(world, now);
    let jobs = ask(&mut world, now, "deployment.queueList", &[]);
    let of = |state: &str| -> Vec<String> {
        let jobs = jobs.as_array().unwrap().iter().filter(|job| job["state"] == state);
        jobs.map(|job| job["data"]["titleLog"].as_str().unwrap_or_default().to_owned()).collect()
    };
    (of("waiting"), of("active").pop())
}

impl Truth {
    /// Looks at a world, without leaving a trace in it.
    pub fn of(world: &World, now: Duration) -> Self {
        let id = compose_id(world, now);
        let (mut world, now) = answering(world, now);
        let row = ask(&mut world, now, "compose.one", &[("composeId", &id)]);
        let app = row["appName"].as_str().unwrap().to_owned();
        let containers = ask(&mut world, now, "docker.getContainersByAppNameMatch", &[("appName", &app), ("appType", "docker-compose")]);
        let mut services = BTreeMap::new();
        for container in containers.as_array().unwrap() {
            let name = container["name"].as_str().unwrap();
            let Some(at) = SERVICES.iter().position(|service| name.contains(&format!("-{service}-"))) else { continue };
            let state = container["state"].as_str().unwrap().to_owned();
            let answers = matches!(world.service(now, port(at), "/health"), ServiceAnswer::Http { status: 200, .. });
            services.insert(SERVICES[at].to_owned(), (state.clone(), state == "running" && answers));
        }
        let (waiting, active) = jobs(&world, now);
        let rows = ask(&mut world, now, "deployment.allByCompose", &[("composeId", &id)]);
        let rows = rows.as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            text: row["composeFile"].as_str().unwrap().to_owned(),
            services,
            jobs: active.into_iter().chain(waiting).collect(),
            deploys: rows.map(|row| (text(&row["title"]), text(&row["status"]))).collect(),
        }
    }

    /// Whether exactly the services of this phase run, all of them well; `None`: nothing runs.
    pub fn runs(&self, phase: Option<usize>) -> bool {
        let up: Vec<&String> =
            self.services.iter().filter(|(_, (state, _))| !matches!(state.as_str(), "exited" | "created")).map(|(name, _)| name).collect();
        let meant = phase.map_or(0, |phase| phase + 1);
        up.len() == meant && SERVICES[..meant].iter().all(|service| self.services.get(*service).is_some_and(|(_, well)| *well))
    }

    /// Whether all services of this phase run and are well, whatever else runs; `None`: nothing has to.
    pub fn has(&self, phase: Option<usize>) -> bool {
        let meant = phase.map_or(0, |phase| phase + 1);
        SERVICES[..meant].iter().all(|service| self.services.get(*service).is_some_and(|(_, well)| *well))
    }

    /// Whether the text is this phase's; `None`: there is none.
    pub fn has_text_of(&self, phase: Option<usize>, schedule: &Schedule) -> bool {
        match phase {
            Some(phase) => body_of(&self.text).trim() == schedule.phases[phase].text.trim(),
            None => self.text.trim().is_empty(),
        }
    }

    /// The phase that the text says is verified.
    pub fn says_verified(&self) -> Option<usize> {
        let header = Header::parse(&self.text).filter(|header| header.verified)?;
        PHASES.iter().position(|phase| *phase == header.phase)
    }
}
