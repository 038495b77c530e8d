//! One deploy: what `docker compose up -d --build --remove-orphans` does to the host, step by step.
//!
//! Images come first, so that one that is missing touches nothing (FACTS §6). Then orphans go, changed services and all that depend on
//! them are recreated (FACTS §13.3), and services are started in the order of their dependencies.

use super::container::State;
use super::definition::{self, Definition, Definitions, Unusable};
use super::deploy_log::{self as log, Fetch};
use super::faults::Faults;
use super::host::{self, Host};
use super::names;
use super::stamp::Calendar;
use super::variables;
use crate::compose::Condition;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// From the row to the compose command.
const PREPARES: Duration = Duration::from_millis(100);
/// What compose needs to find that nothing is to be done.
const LOOKS: Duration = Duration::from_millis(150);
/// Stopping containers.
const STOPS: Duration = Duration::from_millis(400);
/// Creating containers.
const CREATES: Duration = Duration::from_millis(300);
/// Starting a container.
const STARTS: Duration = Duration::from_millis(200);
/// Compose looks again after this at what it waits for.
const WAITS: Duration = Duration::from_millis(500);
/// A build or pull that fails does so after this part of its time.
const FAILS_AFTER: f64 = 0.6;
/// The compose text and environment are handed over as one argument of a shell, which takes no more (FACTS §5).
const ARGUMENT_LIMIT: usize = 128 * 1024;

/// A deploy that is being worked on.
#[derive(Clone, Debug)]
pub(super) struct Deploy {
    /// The compose service's id.
    pub(super) compose: String,
    /// The row's id.
    pub(super) deployment: String,
    /// When its next step is due.
    pub(super) next_at: Duration,
    app: String,
    text: String,
    env: String,
    stage: Stage,
    services: Vec<Arc<Definition>>,
    networks: Vec<String>,
    volumes: Vec<String>,
    /// The dependency that compose said it waits for.
    waiting_for: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Read,
    Fetch { fails: bool, log: String },
    Converge,
    Start(usize),
    Finish,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is more to do at [`Deploy::next_at`].
    Goes,
    /// The command exited 0.
    Done,
    /// It did not.
    Failed,
}

impl Deploy {
    /// How far it is.
    pub(super) fn stage_word(&self) -> String {
        format!("{:?}", self.stage)
    }
}

/// What a deploy works on.
pub(super) struct Site<'a> {
    pub(super) host: &'a mut Host,
    pub(super) faults: &'a mut Faults,
    pub(super) calendar: Calendar,
    /// The deployment's log.
    pub(super) log: &'a mut String,
}

impl Deploy {
    /// A deploy of this text, whose row was just made.
    pub(super) fn begin(compose: &str, deployment: &str, app: &str, text: &str, env: &str, now: Duration) -> Self {
        Self {
            compose: compose.to_owned(),
            deployment: deployment.to_owned(),
            next_at: now + PREPARES,
            app: app.to_owned(),
            text: text.to_owned(),
            env: env.to_owned(),
            stage: Stage::Read,
            services: Vec::new(),
            networks: Vec::new(),
            volumes: Vec::new(),
            waiting_for: None,
        }
    }

    /// Host ports that it is going to publish, as soon as it has read its text.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.services.iter().flat_map(|service| host::host_ports(service))
    }

    /// Does the next step.
    pub(super) fn step(&mut self, now: Duration, site: &mut Site<'_>) -> Progress {
        match std::mem::replace(&mut self.stage, Stage::Finish) {
            Stage::Read => self.read(now, site),
            Stage::Fetch { fails, log } => {
                site.log.push_str(&log);
                if fails {
                    return fail(site, "");
                }
                site.host.images.extend(self.services.iter().map(|service| service.image_id.clone()));
                self.go(Stage::Converge, now + LOOKS)
            }
            Stage::Converge => self.converge(now, site),
            Stage::Start(at) => self.start(at, now, site),
            Stage::Finish => {
                site.log.push_str(log::DEPLOYED);
                Progress::Done
            }
        }
    }

    fn go(&mut self, stage: Stage, at: Duration) -> Progress {
        self.stage = stage;
        self.next_at = at;
        Progress::Goes
    }

    fn read(&mut self, now: Duration, site: &mut Site<'_>) -> Progress {
        if (self.text.len() + self.env.len()).div_ceil(3) * 4 > ARGUMENT_LIMIT {
            site.log.push_str(log::GAVE_UP);
            return Progress::Failed;
        }
        site.log.push_str(&log::banner(&self.app));
        let definitions = match definition::read(&self.text, &variables::dotenv(&self.env)) {
            Ok(definitions) => definitions,
            Err(Unusable::Yaml { message, at }) => {
                site.log.push_str(&log::bad_yaml(&message, at, &self.text));
                return Progress::Failed;
            }
            Err(Unusable::Rejected(line)) => return fail(site, &format!("{line}\n")),
        };
        site.log.push_str(&log::unset_variables(&definitions, site.calendar, now));
        if site.faults.docker_is_down(now) {
            return fail(site, log::NO_DAEMON);
        }
        self.take(definitions);
        self.fetch(now, site)
    }

    fn take(&mut self, definitions: Definitions) {
        self.services = definitions.services.into_iter().map(Arc::new).collect();
        self.networks = definitions.external_networks;
        self.volumes = definitions.external_volumes;
    }

    /// Pulls and builds, all at once: the longest decides, or the first that fails.
    fn fetch(&mut self, now: Duration, site: &mut Site<'_>) -> Progress {
        let services = self.services.clone();
        let fetches: Vec<Fetch<'_>> = services
            .iter()
            .filter(|service| service.build.is_some() || service.always_pulled || !site.host.images.contains(&service.image_id))
            .map(|service| Fetch {
                definition: service,
                symptoms: site.faults.symptoms(&service.name, now),
                cached: site.host.images.contains(&service.image_id),
            })
            .collect();
        let (builds, pulls): (Vec<&Fetch<'_>>, Vec<_>) = fetches.iter().partition(|fetch| fetch.definition.build.is_some());
        for fetch in &pulls {
            let _ = writeln!(site.log, " {} Pulling ", fetch.definition.name);
        }
        let failing = fetches.iter().filter(|fetch| fetch.fails()).map(|fetch| fetch.definition.fetch.mul_f64(FAILS_AFTER)).min();
        let whole = fetches.iter().filter(|fetch| !fetch.cached).map(|fetch| fetch.definition.fetch).max();
        let mut text = log::pulls(&pulls);
        if !builds.is_empty() && !pulls.iter().any(|fetch| fetch.fails()) {
            text.push_str(&log::builds(&builds));
        }
        self.go(Stage::Fetch { fails: failing.is_some(), log: text }, now + failing.or(whole).unwrap_or_default())
    }

    fn converge(&mut self, now: Duration, site: &mut Site<'_>) -> Progress {
        if let Some(missing) = missing(&self.networks, site.host.external_networks.as_deref()) {
            return fail(site, &format!("Error response from daemon: network {missing} not found\n"));
        }
        if let Some(missing) = missing(&self.volumes, site.host.external_volumes.as_deref()) {
            return fail(site, &format!("external volume \"{missing}\" not found\n"));
        }
        let mut takes = Duration::ZERO;
        let default = format!("{}_default", self.app);
        if self.services.iter().any(|service| service.networks.is_empty()) && site.host.networks.insert(default.clone()) {
            let _ = write!(site.log, " Network {default}  Creating\n Network {default}  Created\n");
        }
        let orphans = self.orphans(site.host);
        for word in ["Stopping", "Stopped", "Removing", "Removed"] {
            for (_, name) in &orphans {
                site.log.push_str(&log::container(name, word));
            }
        }
        for (service, _) in &orphans {
            site.host.remove(&self.app, service);
            takes = STOPS;
        }
        let recreated = self.recreated(site.host);
        for service in &self.services {
            let name = host::container_name(&self.app, service);
            let existing = site.host.of_service(&self.app, &service.name);
            let words = match existing {
                Some(container) if !recreated.contains(&service.name) => {
                    site.log.push_str(&log::container(&name, if container.is_running() { "Running" } else { "Created" }));
                    continue;
                }
                Some(_) => ["Recreate", "Recreated"],
                None => ["Creating", "Created"],
            };
            takes = takes.max(if existing.is_some() { STOPS } else { CREATES });
            site.log.push_str(&log::container(&name, words[0]));
            site.host.remove(&self.app, &service.name);
            if let Err(owner) = site.host.create(&self.app, service, now) {
                return fail(
                    site,
                    &format!(
                        "Error response from daemon: Conflict. The container name \"/{name}\" is already in use by container \"{owner}\". You have to \
                         remove (or rename) that container to be able to reuse that name.\n"
                    ),
                );
            }
            site.log.push_str(&log::container(&name, words[1]));
        }
        self.go(Stage::Start(0), now + takes)
    }

    /// Containers of the app whose service is not in the text: service and name.
    fn orphans(&self, host: &Host) -> Vec<(String, String)> {
        host.of_project(&self.app)
            .filter(|container| !self.services.iter().any(|service| service.name == container.service()))
            .map(|container| (container.service().to_owned(), container.name.clone()))
            .collect()
    }

    /// Services whose container does not fit, and all that depend on them, transitively.
    fn recreated(&self, host: &Host) -> BTreeSet<String> {
        let mut recreated = BTreeSet::new();
        for service in &self.services {
            let fits = host.of_service(&self.app, &service.name).is_some_and(|container| {
                container.definition.hash == service.hash
                    && container.definition.image_id == service.image_id
                    && container.name == host::container_name(&self.app, service)
            });
            let has_container = host.of_service(&self.app, &service.name).is_some();
            let follows = service.depends_on.iter().any(|(name, _)| recreated.contains(name));
            if has_container && (!fits || follows) {
                recreated.insert(service.name.clone());
            }
        }
        recreated
    }

    fn start(&mut self, at: usize, now: Duration, site: &mut Site<'_>) -> Progress {
        let Some(service) = self.services.get(at).cloned() else { return self.go(Stage::Finish, now) };
        let name = host::container_name(&self.app, &service);
        let state = site.host.of_service(&self.app, &service.name).map(|container| container.state);
        if matches!(state, None | Some(State::Running | State::Restarting)) {
            return self.go(Stage::Start(at + 1), now);
        }
        for (dependency, condition) in &service.depends_on {
            match self.awaits(dependency, *condition, now, site) {
                Ok(None) => {}
                Ok(Some(until)) => return self.go(Stage::Start(at), until),
                Err(line) => return fail(site, &line),
            }
        }
        site.log.push_str(&log::container(&name, "Starting"));
        if let Err(taken) = site.host.start(&self.app, &service.name, now, site.faults) {
            let endpoint = names::hex64(&["endpoint", &name]);
            return fail(
                site,
                &format!(
                    "Error response from daemon: driver failed programming external connectivity on endpoint {name} ({endpoint}): Bind for {taken} \
                     failed: port is already allocated\n"
                ),
            );
        }
        site.log.push_str(&log::container(&name, "Started"));
        self.go(Stage::Start(at + 1), now + STARTS)
    }

    /// Whether a dependency fulfils its condition: `None`, or when to look again.
    fn awaits(&mut self, dependency: &str, condition: Condition, now: Duration, site: &mut Site<'_>) -> Result<Option<Duration>, String> {
        if condition == Condition::Started {
            return Ok(None);
        }
        let Some(container) = site.host.of_service(&self.app, dependency) else { return Ok(None) };
        let name = container.name.clone();
        if self.waiting_for.as_deref() != Some(dependency) {
            self.waiting_for = Some(dependency.to_owned());
            site.log.push_str(&log::container(&name, "Waiting"));
        }
        let ended = matches!(container.state, State::Exited | State::Restarting);
        let fulfilled = match condition {
            Condition::Healthy => match container.health.as_ref().map(|health| health.healthy) {
                _ if ended => {
                    site.log.push_str(&log::container(&name, "Error"));
                    return Err(format!("dependency failed to start: container {name} exited ({})\n", container.exit_code));
                }
                Some(Some(false)) => {
                    site.log.push_str(&log::container(&name, "Error"));
                    return Err(format!("dependency failed to start: container {name} is unhealthy\n"));
                }
                None => {
                    return Err(format!("dependency failed to start: container {name} has no healthcheck configured\n"));
                }
                Some(healthy) => healthy.is_some().then_some("Healthy"),
            },
            _ if container.state == State::Exited && container.exit_code == 0 => Some("Exited"),
            _ if ended => {
                let line = format!("service \"{dependency}\" didn't complete successfully: exit {}", container.exit_code);
                site.log.push_str(&log::container(&name, &line));
                return Err(format!("{line}\n"));
            }
            _ => None,
        };
        let Some(word) = fulfilled else { return Ok(Some(container.next_at().unwrap_or(now + WAITS).max(now + Duration::from_millis(1)))) };
        site.log.push_str(&log::container(&name, word));
        self.waiting_for = None;
        Ok(None)
    }
}

/// The first that is wanted and does not exist.
fn missing<'a>(wanted: &'a [String], existing: Option<&[String]>) -> Option<&'a String> {
    existing.and_then(|existing| wanted.iter().find(|name| !existing.contains(*name)))
}

fn fail(site: &mut Site<'_>, lines: &str) -> Progress {
    site.log.push_str(lines);
    site.log.push_str(log::FAILED);
    Progress::Failed
}
