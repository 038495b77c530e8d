//! Everything that is read before the first change: who answers, which app, what it is, what the key may do, what runs and waits.

use super::failure::{failure, unreadable};
use super::features::{self, Feature, Features, Support, support};
use super::follow::ORPHANED_AFTER_MISSES;
use super::lookup;
use super::observe::{Look, Observe, not_answered};
use super::procedure::Step;
use super::published::host_ports;
use super::retry::{Outcome, Patience};
use super::rows::{self, Compose, Status};
use super::session::{App, Target};
use super::{Body, Call, Masks, Refusal};
use crate::compose::masks_of;
use crate::engine::{Answer, Failure, FailureKind, HostContainer, Lacks, Moment, Observed, QueuedJob, Right, Row, RowStatus, Untested};
use crate::secrets::dotenv;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What Dokploy itself writes into `.env` (FACTS §5).
const DOKPLOYS_VARIABLES: [&str; 3] = ["APP_NAME", "COMPOSE_PROJECT_NAME", "DOCKER_CONFIG"];

/// Its queues and deploys work differently, and none of it was measured (FACTS).
const CLOUD: &str = "it is Dokploy Cloud, which is not supported: only a Dokploy on a server of one's own is";

/// Between two looks at a row that says running while no job of the app is in the queue.
const DOUBT_GAP: Duration = Duration::from_secs(2);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Begin,
    /// Who answers, and which compose services there are.
    Greeting,
    /// The app is found already.
    Found {
        compose: String,
    },
    /// The app's row, the right to change it, the queue, its history.
    Reading {
        compose: String,
    },
    /// Rows say running, and no job of the app is in the queue.
    Doubting {
        compose: String,
        looks: u32,
    },
    /// Between two looks at them.
    Resting {
        compose: String,
        looks: u32,
    },
    /// The host's containers.
    Host,
    /// The app's containers.
    Looking(Observe),
}

/// What [`Survey::find`] came to: the first half of a survey, which the second goes on from without asking again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    compose: String,
    version: String,
    warnings: Vec<String>,
    untested: Option<Box<Untested>>,
    places: Arc<BTreeMap<String, String>>,
}

/// Reads everything that pre-flight judges. Changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Survey {
    target: Target,
    stage: Stage,
    features: Features,
    places: Arc<BTreeMap<String, String>>,
    sees_queue: bool,
    /// Whether to find the app is all there is to do.
    only_finds: bool,
    finding: Option<Found>,
    app: Option<App>,
    found: crate::engine::Survey,
    host: Option<Vec<rows::HostRow>>,
}

impl Survey {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            stage: Stage::Begin,
            features: Features::default(),
            places: Arc::default(),
            sees_queue: false,
            only_finds: false,
            finding: None,
            app: None,
            found: crate::engine::Survey::default(),
            host: None,
        }
    }

    /// The first half alone: who answers, and which app it is. What the app is like is read once it is ours to change.
    pub(super) fn find(target: Target) -> Self {
        Self { only_finds: true, ..Self::new(target) }
    }

    /// The second half, after a first.
    pub(super) fn of(target: Target, finding: Found) -> Self {
        let mut survey = Self::new(target);
        survey.features = Features::of(&finding.version);
        survey.found.version = finding.version;
        survey.found.warnings = finding.warnings;
        survey.found.untested = finding.untested;
        survey.places = finding.places;
        survey.stage = Stage::Found { compose: finding.compose };
        survey
    }

    /// What the first half came to, when it was all there was to do.
    pub(super) fn finding(&self) -> Option<&Found> {
        self.finding.as_ref()
    }

    /// What it found the app to be.
    pub(super) fn app(&self) -> Option<&App> {
        self.app.as_ref()
    }

    pub(super) fn step(&mut self, now: Moment, outcomes: Vec<Outcome>, masks: &mut Masks) -> Step {
        let mut outcomes = VecDeque::from(outcomes);
        let step = match std::mem::replace(&mut self.stage, Stage::Begin) {
            Stage::Begin => {
                self.stage = Stage::Greeting;
                Ok(Step::Ask(vec![Call::Health, Call::Version, Call::Projects], Patience::Long))
            }
            Stage::Greeting => self.greeted(&mut outcomes),
            Stage::Found { compose } => Ok(self.look_into(compose)),
            Stage::Reading { compose } => self.read(now, &compose, &mut outcomes, masks),
            Stage::Doubting { compose, looks } => self.doubted(now, compose, looks, &mut outcomes),
            Stage::Resting { compose, looks } => {
                let calls = vec![Call::Deployments { compose: compose.clone() }, Call::Queue];
                self.stage = Stage::Doubting { compose, looks };
                Ok(Step::Ask(calls, Patience::Long))
            }
            Stage::Host => self.hosted(outcomes.pop_front()),
            Stage::Looking(observe) => self.looked(observe, outcomes.into()),
        };
        step.unwrap_or_else(|failure| Step::Done(Answer::Failed(failure)))
    }

    fn greeted(&mut self, outcomes: &mut VecDeque<Outcome>) -> Result<Step, Failure> {
        match outcomes.pop_front() {
            // Old versions may not have the question; what follows shows whether the database answers.
            Some(Outcome::Body(_) | Outcome::Refused(Refusal::NoSuchProcedure)) => {}
            Some(Outcome::Failed(down)) if down.kind == FailureKind::ServerError => {
                return Err(Failure {
                    kind: FailureKind::DatabaseDown,
                    message: format!("Dokploy answers, but its database does not: {}", down.message),
                    ..down
                });
            }
            other => return Err(not_answered(&Call::Health, other)),
        }
        let version = json(&Call::Version, outcomes.pop_front())?;
        let version = version.as_str().ok_or_else(|| unreadable(&Call::Version))?;
        match support(version) {
            Support::Full => {}
            Support::Newer(why) => self.found.warnings.push(why),
            Support::ReadOnly(untested) => self.found.untested = Some(Box::new(untested)),
            Support::None(why) => return Err(failure(FailureKind::Unsupported, why)),
        }
        version.clone_into(&mut self.found.version);
        self.features = Features::of(version);
        let projects = json(&Call::Projects, outcomes.pop_front())?;
        let projects = rows::projects(&projects).map_err(|_| unreadable(&Call::Projects))?;
        let compose = lookup::find(&self.target, &projects)?;
        self.places = Arc::new(lookup::places(&projects));
        if !self.only_finds {
            return Ok(self.look_into(compose));
        }
        let (version, warnings) = (self.found.version.clone(), self.found.warnings.clone());
        let (untested, places) = (self.found.untested.clone(), Arc::clone(&self.places));
        self.finding = Some(Found { compose: compose.clone(), version, warnings, untested, places });
        Ok(Step::Done(Answer::Found { compose }))
    }

    fn look_into(&mut self, compose: String) -> Step {
        let mut calls = vec![
            Call::Compose { compose: compose.clone() },
            Call::ConvertedCompose { compose: compose.clone() },
            Call::Deployments { compose: compose.clone() },
        ];
        if self.features.has(Feature::Queue) {
            calls.push(Call::Queue);
        }
        calls.push(Call::Cloud);
        self.stage = Stage::Reading { compose };
        Step::Ask(calls, Patience::Long)
    }

    fn read(&mut self, now: Moment, compose: &str, outcomes: &mut VecDeque<Outcome>, masks: &mut Masks) -> Result<Step, Failure> {
        let call = Call::Compose { compose: compose.to_owned() };
        match self.unless_forbidden(Right::Service, outcomes.pop_front()) {
            None => {}
            Some(outcome) => {
                let row = rows::compose(&json(&call, Some(outcome))?).map_err(|_| unreadable(&call))?;
                if row.id != compose {
                    return Err(unreadable(&call));
                }
                self.describe(&row, masks);
            }
        }
        // Whatever it answers but a missing right: the right is there (FACTS §3). Not being answered is another matter.
        if let Some(Outcome::Failed(failure)) = self.unless_forbidden(Right::CreateServices, outcomes.pop_front()) {
            return Err(failure);
        }
        let going = self.rowed(compose, outcomes.pop_front())?;
        if self.features.has(Feature::Queue) {
            self.queued(compose, outcomes.pop_front())?;
        }
        // Whatever else it answers, it is somebody's own Dokploy.
        if outcomes.pop_front() == Some(Outcome::Body(Body::Json(Value::Bool(true)))) {
            self.found.unsupported.push(CLOUD.to_owned());
        }
        if !going.is_empty() && self.sees_no_job() {
            self.stage = Stage::Resting { compose: compose.to_owned(), looks: 1 };
            return Ok(Step::Wait(now + DOUBT_GAP));
        }
        Ok(self.list_host())
    }

    /// Another look at rows that say running: they and the queue are not read at the same instant, so one look proves nothing.
    fn doubted(&mut self, now: Moment, compose: String, looks: u32, outcomes: &mut VecDeque<Outcome>) -> Result<Step, Failure> {
        let going = self.rowed(&compose, outcomes.pop_front())?;
        self.queued(&compose, outcomes.pop_front())?;
        if going.is_empty() || !self.sees_no_job() {
            return Ok(self.list_host());
        }
        if looks + 1 < ORPHANED_AFTER_MISSES {
            self.stage = Stage::Resting { compose, looks: looks + 1 };
            return Ok(Step::Wait(now + DOUBT_GAP));
        }
        self.found.running_row = None;
        for row in going {
            self.found.warnings.push(format!(
                "the deploy \"{}\" says running and no job of the app is in the queue: nobody will ever end it; it can be deleted on the app's \
                 page, under Deployments",
                row.title
            ));
            if let Some(app) = &mut self.app {
                app.dead_rows.insert(row.id);
            }
        }
        Ok(self.list_host())
    }

    /// Whether the queue can be seen and has no job of the app.
    fn sees_no_job(&self) -> bool {
        self.sees_queue && !self.found.queue.iter().any(|job| job.this_app)
    }

    fn list_host(&mut self) -> Step {
        self.stage = Stage::Host;
        Step::Ask(vec![Call::HostContainers { server: self.found.server.clone() }], Patience::Long)
    }

    /// Takes the history, and gives the rows that say running.
    fn rowed(&mut self, compose: &str, outcome: Option<Outcome>) -> Result<Vec<rows::Deployment>, Failure> {
        let call = Call::Deployments { compose: compose.to_owned() };
        let Some(outcome) = self.unless_forbidden(Right::Deployments, outcome) else { return Ok(Vec::new()) };
        let rows = rows::deployments(&json(&call, Some(outcome))?).map_err(|_| unreadable(&call))?;
        self.found.last_done = rows.first().filter(|row| row.status == Status::Done).map(|row| row.title.clone());
        self.found.recent = rows.iter().map(|row| row.title.clone()).collect();
        let ended = |status| match status {
            Status::Going => None,
            Status::Done => Some(RowStatus::Done),
            Status::Error => Some(RowStatus::Error),
            Status::Cancelled => Some(RowStatus::Cancelled),
        };
        self.found.page.rows = rows.iter().map(|row| Row { title: row.title.clone(), status: ended(row.status) }).collect();
        let going: Vec<_> = rows.into_iter().filter(|row| row.status == Status::Going).collect();
        self.found.running_row = going.first().map(|row| row.title.clone());
        Ok(going)
    }

    fn queued(&mut self, compose: &str, outcome: Option<Outcome>) -> Result<(), Failure> {
        if outcome == Some(Outcome::Refused(Refusal::NoSuchProcedure)) {
            self.found.warnings.push(format!("Dokploy {}: {}", self.found.version, features::without(Feature::Queue)));
            return Ok(());
        }
        let Some(outcome) = self.unless_forbidden(Right::Deployments, outcome) else { return Ok(()) };
        let jobs = rows::queue(&json(&Call::Queue, Some(outcome))?).map_err(|_| unreadable(&Call::Queue))?;
        let server = self.found.server.as_deref();
        let one_for_all = !self.features.has(Feature::QueuePerServer);
        self.sees_queue = true;
        // Each server has a queue of its own (FACTS §13.1). A webhook's job of this app may stand in another one.
        self.found.queue = jobs
            .into_iter()
            .map(|job| (job.compose.as_deref() == Some(compose), job))
            .filter(|(this_app, job)| one_for_all || *this_app || job.server.as_deref() == server)
            .map(|(this_app, job)| QueuedJob { title: job.title, this_app, active: job.active })
            .collect();
        Ok(())
    }

    fn hosted(&mut self, outcome: Option<Outcome>) -> Result<Step, Failure> {
        let call = Call::HostContainers { server: self.found.server.clone() };
        match self.unless_forbidden(Right::Docker, outcome) {
            None | Some(Outcome::Body(Body::Empty)) => {}
            Some(outcome) => {
                let answer = json(&call, Some(outcome))?;
                let rows = rows::host_containers(&answer).map_err(|_| unreadable(&call))?;
                self.host = rows::docker_answered(&answer).then_some(rows);
            }
        }
        let Some(app) = &self.app else { return Err(self.rights_failure()) };
        if self.found.missing_rights.contains(&Right::Docker) {
            self.found.containers = Observed::Unknown("the key may not inspect containers".to_owned());
            return Ok(self.done());
        }
        let observe = Observe::new(app);
        self.looked(observe, Vec::new())
    }

    fn looked(&mut self, mut observe: Observe, outcomes: Vec<Outcome>) -> Result<Step, Failure> {
        match observe.look(outcomes) {
            Look::Ask(calls) => {
                self.stage = Stage::Looking(observe);
                Ok(Step::Ask(calls, Patience::Long))
            }
            Look::Seen(containers) => {
                self.found.containers = containers;
                Ok(self.done())
            }
            Look::NotSeen(failure) if failure.kind == FailureKind::MissingRight => {
                self.miss(Right::Docker);
                self.found.containers = Observed::Unknown(failure.message);
                Ok(self.done())
            }
            Look::NotSeen(failure) => Err(failure),
        }
    }

    fn done(&mut self) -> Step {
        // Docker was shown to answer between two empty lists: then what the host's list hides is Dokploy's own, and nothing else runs.
        if self.host.is_none() && self.found.containers == Observed::Known(Vec::new()) {
            self.host = Some(Vec::new());
        }
        let own: BTreeSet<&str> = match &self.found.containers {
            Observed::Known(containers) => containers.iter().map(|container| container.id.0.as_str()).collect(),
            Observed::Unknown(_) => BTreeSet::new(),
        };
        let prefix = format!("{}-", self.found.app_name);
        self.found.host = self.host.as_ref().map(|rows| {
            rows.iter()
                .map(|row| HostContainer {
                    name: row.name.clone(),
                    ours: own.contains(row.id.as_str()) || row.name.starts_with(&prefix),
                    ports: host_ports(&row.ports),
                    running: row.running,
                })
                .collect()
        });
        Step::Done(Answer::Surveyed(Box::new(self.found.clone())))
    }

    fn describe(&mut self, row: &Compose, masks: &mut Masks) {
        for text in std::iter::once(&row.environment).chain(&row.inherited) {
            masks.add_environment(text);
        }
        masks.merge_of(&row.text, masks_of);
        self.app = Some(App {
            compose: row.id.clone(),
            app_name: row.app_name.clone(),
            server: row.server.clone(),
            features: self.features,
            dead_rows: BTreeSet::new(),
            compared_rows: None,
            places: Arc::clone(&self.places),
        });
        let missing = self.features.told(row.server.is_some());
        let found = &mut self.found;
        found.compose_id.clone_from(&row.id);
        found.app_name.clone_from(&row.app_name);
        found.server.clone_from(&row.server);
        found.text.clone_from(&row.text);
        found.page.badge.clone_from(&row.badge);
        found.environment_bytes = row.environment.len();
        found.unsupported = unsupported(row);
        if row.writes_env_file {
            found.variables = dotenv::entries(&row.environment).into_iter().map(|(name, _)| name).collect();
            found.variables.extend(DOKPLOYS_VARIABLES.map(str::to_owned));
        } else {
            found.warnings.push("the app writes no .env file: ${…} in the compose file does not see its environment".to_owned());
        }
        found.warnings.extend(missing.into_iter().map(|effect| format!("Dokploy {}: {effect}", found.version)));
        found.lacks =
            Lacks { container_logs: !self.features.has(Feature::ContainerLogs), server_room: !self.features.has(Feature::ServerHealth) };
        if row.auto_deploy {
            found.warnings.push("autoDeploy is on: a webhook may deploy this app in the middle of a rollout".to_owned());
        }
    }

    /// The outcome, unless it says that a right is missing: then that is noted, and there is none.
    fn unless_forbidden(&mut self, right: Right, outcome: Option<Outcome>) -> Option<Outcome> {
        if matches!(outcome, Some(Outcome::Refused(Refusal::Forbidden(_)))) {
            self.miss(right);
            return None;
        }
        outcome.or_else(|| Some(Outcome::Lost("no answer".to_owned())))
    }

    fn miss(&mut self, right: Right) {
        if !self.found.missing_rights.contains(&right) {
            self.found.missing_rights.push(right);
            self.found.missing_rights.sort();
        }
    }

    /// All rights that are missing, when without one of them there is nothing to survey.
    fn rights_failure(&self) -> Failure {
        let names: Vec<&str> = self.found.missing_rights.iter().map(|right| name_of(*right)).collect();
        failure(FailureKind::MissingRight, format!("the key lacks: {}", names.join(", ")))
    }
}

/// A right as Dokploy's pages name it.
fn name_of(right: Right) -> &'static str {
    match right {
        Right::Service => "access to the service (assign it to the key's user)",
        Right::CreateServices => "\"Create Services\"",
        Right::Docker => "\"Access to Docker\"",
        Right::Deployments => "access to deployments",
    }
}

/// Why an app of this kind is refused. What runs is not the text then, or runs under other names.
fn unsupported(row: &Compose) -> Vec<String> {
    let mut why = Vec::new();
    if row.source != "raw" {
        why.push(format!("its source is `{}`: only `raw` apps, whose text is in Dokploy, can be rolled out", row.source));
    }
    if row.kind != "docker-compose" {
        why.push(format!("its type is `{}`: only `docker-compose` is supported", row.kind));
    }
    if row.randomize {
        why.push("\"randomize\" is on: services do not keep their names".to_owned());
    }
    if !row.suffix.is_empty() {
        why.push(format!("it has the suffix `{}`: services do not keep their names", row.suffix));
    }
    if row.isolated {
        why.push("\"isolated deployment\" is on: networks and volumes are not those of the text".to_owned());
    }
    if !row.command.trim().is_empty() {
        why.push("it has a custom command, which replaces `docker compose up`".to_owned());
    }
    why
}

/// The JSON of a read.
fn json(call: &Call, outcome: Option<Outcome>) -> Result<Value, Failure> {
    match outcome {
        Some(Outcome::Body(Body::Json(value))) => Ok(value),
        other => Err(not_answered(call, other)),
    }
}
