//! Everything in a world, and how time passes in it.

use super::config::{Config, External, Key, Speaks};
use super::definition::{self, Definition, HealthTest};
use super::deploy::{Deploy, Progress, Site};
use super::deploy_log;
use super::fault::{Fault, GateFault};
use super::faults::{CutOff, Faults, Symptoms};
use super::git;
use super::host::Host;
use super::queue::{Job, Queue, Work};
use super::request_log::LoggedCall;
use super::scope::Scope;
use super::service::ServiceAnswer;
use super::stamp::Calendar;
use super::store::Store;
use super::variables;
use super::version::Release;
use crate::compose::{Port, Protocol};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long Dokploy is away when it restarts (FACTS §2: 3 to 12 s).
const RESTART_TAKES: Duration = Duration::from_secs(5);
/// When a fault cuts a deploy on another server off: while images are fetched or containers started.
const CUT_OFF_INTO: Duration = Duration::from_millis(120);
/// When a fault makes it restart in the middle of a deploy.
const RESTARTS_INTO: Duration = Duration::from_millis(400);

/// A world: Dokploy, its engine host, the services on it, and the externals around it.
///
/// Time is given with each call as the duration since the world's start. It never goes back: an earlier `now` is taken as the latest one.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) now: Duration,
    pub(super) calendar: Calendar,
    pub(super) version: String,
    pub(super) release: Release,
    pub(super) keys: Vec<Key>,
    pub(super) store: Store,
    pub(super) queue: Queue,
    pub(super) host: Host,
    pub(super) faults: Faults,
    pub(super) log: Vec<LoggedCall>,
    /// Whether answers have no more than what is read of them, and no log is kept.
    pub(super) is_brief: bool,
    deploy: Option<Deploy>,
    /// Commands on other servers that Dokploy follows no longer.
    unfollowed: Vec<Deploy>,
    cut_off_at: Option<(Duration, CutOff)>,
    externals: Vec<External>,
    references: Vec<(String, String)>,
    /// Containers that externals are, by name.
    stand_ins: Vec<(String, String)>,
    restarts_at: Option<Duration>,
    down_until: Option<Duration>,
}

impl World {
    /// A world as configured, at its start. A text that is configured as deployed and cannot be read runs nothing.
    pub fn new(config: Config) -> Self {
        let calendar = Calendar::starting_at(config.start);
        let mut world = Self {
            now: Duration::ZERO,
            calendar,
            store: Store::new(&config, calendar),
            queue: Queue::default(),
            host: Host::default(),
            faults: Faults::new(config.faults),
            log: Vec::new(),
            is_brief: false,
            deploy: None,
            unfollowed: Vec::new(),
            cut_off_at: None,
            externals: config.externals,
            references: config.references,
            stand_ins: Vec::new(),
            restarts_at: None,
            down_until: None,
            release: Release::of(&config.version),
            version: config.version,
            keys: config.keys,
        };
        world.host.external_networks = config.networks;
        world.host.external_volumes = config.volumes;
        world.host.jobs = config.ending.into_iter().collect();
        for other in config.containers {
            let ports =
                other.ports.iter().map(|&(host, container)| Port { host_ip: None, host: Some(host), container, protocol: Protocol::Tcp });
            let mut definition = Definition::plain(&other.name, &other.image, ports.collect());
            definition.health = other.has_healthcheck.then(HealthTest::usual);
            world.be_running("", &Arc::new(definition), other.running);
            world.stand_ins.extend(other.external.map(|external| (other.name, external)));
        }
        let seeds = config.projects.iter().flat_map(|project| &project.environments).flat_map(|environment| &environment.composes);
        let deployed: Vec<bool> = seeds.map(|compose| compose.deployed).collect();
        for (at, _) in deployed.into_iter().enumerate().filter(|(_, deployed)| *deployed) {
            world.be_deployed(at);
        }
        for job in config.jobs {
            world.queue.push(&job.title, "", false, Work::Other(job.takes), Duration::ZERO);
        }
        world
    }

    /// A compose service that was deployed before the world's start.
    fn be_deployed(&mut self, at: usize) {
        let compose = &mut self.store.composes[at];
        let (id, app, text) = (compose.id.clone(), compose.app_name.clone(), compose.text("composeFile").to_owned());
        let variables = variables::dotenv(compose.text("env"));
        compose.set_status("done");
        compose.on_disk = Some(text.clone());
        let row = self.store.add_deployment(&id, "Manual deployment", "", Duration::ZERO, self.calendar);
        self.store.finish(&id, &row, "done", Some(Duration::ZERO));
        if let Ok(definitions) = definition::read(&text, &variables) {
            self.host.networks.insert(format!("{app}_default"));
            for service in definitions.services {
                self.host.images.insert(service.image_id.clone());
                self.be_running(&app, &Arc::new(service), true);
            }
        }
    }

    fn be_running(&mut self, project: &str, definition: &Arc<Definition>, running: bool) {
        let created = self.host.create(project, definition, Duration::ZERO).is_ok();
        if created
            && running
            && self.host.start(project, &definition.name, Duration::ZERO, &mut self.faults).is_ok()
            && let Some(container) = self.host.of_service_mut(project, &definition.name)
        {
            container.be_settled();
        }
    }

    /// Containers that externals are stop and start with them.
    pub(super) fn feel_externals(&mut self) {
        for (name, external) in &self.stand_ins {
            let is_down = self.faults.external_is_down(external, self.now);
            let Some(container) = self.host.of_service_mut("", name) else { continue };
            if is_down && container.is_running() {
                container.stop(self.now);
            } else if !is_down && !container.is_running() && container.started_at.is_some() {
                container.start(self.now, Symptoms::default());
                container.be_settled();
            }
        }
    }

    /// Lets time pass: everything that happens up to `now` happens, in order.
    pub fn advance(&mut self, now: Duration) {
        while let Some(at) = self.next_change().filter(|at| *at <= now) {
            self.now = self.now.max(at);
            self.happen();
        }
        self.now = self.now.max(now);
    }

    /// When something happens next without anybody doing anything: a container starts or ends, a deploy goes on.
    pub fn next_change(&self) -> Option<Duration> {
        let deploy = self.deploy.iter().chain(&self.unfollowed).map(|deploy| deploy.next_at).min();
        let cut_off = self.cut_off_at.map(|(at, _)| at);
        let queue = self.queue.next_at(self.deploy.is_some());
        let fault = self.faults.next_edge();
        [fault, self.down_until, self.restarts_at, cut_off, queue, deploy, self.host.next_at()].into_iter().flatten().min()
    }

    /// Faults came into force or left it: containers feel it, and whatever stands for an external.
    fn feel_faults(&mut self) {
        self.faults.deal_with(self.now);
        self.host.feel(self.now, &mut self.faults);
        self.feel_externals();
    }

    /// Does what is due now, in a fixed order.
    fn happen(&mut self) {
        let now = self.now;
        let due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        if due(self.faults.next_edge()) {
            self.feel_faults();
        }
        if due(self.down_until) {
            self.down_until = None;
        }
        if due(self.restarts_at) {
            self.restarts_at = None;
            self.restart();
        }
        if let Some((_, how)) = self.cut_off_at.filter(|(at, _)| *at <= now) {
            self.cut_off_at = None;
            self.cut_off(how);
        }
        self.host.advance(now, &mut self.faults);
        for deploy in std::mem::take(&mut self.unfollowed) {
            if deploy.next_at > now {
                self.unfollowed.push(deploy);
            } else if let (Progress::Goes, deploy) = self.step(deploy) {
                self.unfollowed.push(deploy);
            }
        }
        if due(self.deploy.as_ref().map(|deploy| deploy.next_at)) {
            self.go_on_deploying();
        }
        if due(self.queue.next_at(self.deploy.is_some())) {
            match self.queue.jobs.front().cloned() {
                Some(Job { work: Work::Other(_), .. }) => self.queue.pop(now),
                Some(job) => self.begin_deploy(&job),
                None => {}
            }
        }
    }

    /// A job's row appears, with the text of this moment (FACTS §6).
    fn begin_deploy(&mut self, job: &Job) {
        let now = self.now;
        let Work::Deploy(id) = &job.work else { return };
        let Some(compose) = self.store.find_mut(id) else { return self.queue.pop(now) };
        compose.set_status("running");
        let (app, text, env) = (compose.app_name.clone(), compose.text("composeFile").to_owned(), compose.text("env").to_owned());
        let modelled = compose.text("sourceType") == "raw" && compose.text("composeType") == "docker-compose";
        compose.on_disk = Some(text.clone());
        let row = self.store.add_deployment(id, &job.title, &job.description, now, self.calendar);
        self.faults.enter(Scope::of_title(&job.title), now);
        self.feel_faults();
        if self.server_of(&app).is_some()
            && let Some(how) = self.faults.cuts_off(&job.title, now)
        {
            self.cut_off_at = Some((now + CUT_OFF_INTO, how));
        }
        if let Some(after) = self.faults.restarts_during(&job.title, now) {
            self.restarts_at = Some(now + if after.is_zero() { RESTARTS_INTO } else { after });
        }
        if modelled {
            self.deploy = Some(Deploy::begin(id, &row, &app, &text, &env, now));
        } else {
            self.append_log(&row, "❌ Error: this kind of compose service is not modelled by the sandbox\n");
            self.end_deploy(id, &row, "error");
        }
    }

    fn append_log(&mut self, deployment: &str, text: &str) {
        if let Some(path) = self.store.deployment(deployment).map(|(_, row)| row.log_path.clone()) {
            self.store.logs.entry(path).or_default().push_str(text);
        }
    }

    fn go_on_deploying(&mut self) {
        let Some(deploy) = self.deploy.take() else { return };
        let (progress, deploy) = self.step(deploy);
        match progress {
            Progress::Goes => self.deploy = Some(deploy),
            Progress::Done => self.end_deploy(&deploy.compose, &deploy.deployment, "done"),
            Progress::Failed => self.end_deploy(&deploy.compose, &deploy.deployment, "error"),
        }
    }

    fn step(&mut self, mut deploy: Deploy) -> (Progress, Deploy) {
        let mut log = String::new();
        let mut site = Site { host: &mut self.host, faults: &mut self.faults, calendar: self.calendar, log: &mut log };
        let progress = deploy.step(self.now, &mut site);
        self.append_log(&deploy.deployment, &log);
        (progress, deploy)
    }

    /// Dokploy loses sight of the command on another server, which goes on (FACTS §13.1).
    fn cut_off(&mut self, how: CutOff) {
        let Some(deploy) = self.deploy.take() else { return };
        match how {
            CutOff::Killed => {
                self.append_log(&deploy.deployment, deploy_log::GAVE_UP);
                self.end_deploy(&deploy.compose, &deploy.deployment, "error");
            }
            CutOff::Lost => self.queue.pop(self.now),
        }
        self.unfollowed.push(deploy);
    }

    /// The server that a project runs on; `None` for Dokploy's own host.
    pub(super) fn server_of(&self, project: &str) -> Option<&str> {
        let compose = self.store.composes.iter().find(|compose| compose.app_name == project)?;
        Some(compose.text("serverId")).filter(|server| !server.is_empty())
    }

    fn end_deploy(&mut self, compose: &str, deployment: &str, status: &'static str) {
        self.store.finish(compose, deployment, status, Some(self.now));
        if let Some(compose) = self.store.find_mut(compose) {
            compose.set_status(status);
        }
        self.queue.pop(self.now);
    }

    /// Dokploy restarts: the running row is cancelled, waiting jobs are lost, the compose command dies (FACTS §6).
    fn restart(&mut self) {
        if let Some(deploy) = self.deploy.take() {
            self.store.finish(&deploy.compose, &deploy.deployment, "cancelled", None);
            if let Some(compose) = self.store.find_mut(&deploy.compose) {
                compose.set_status("idle");
            }
        }
        self.queue.forget();
        self.down_until = Some(self.now + RESTART_TAKES);
    }

    /// Leaves out of the largest answers what this program does not read, and keeps no log of requests: for whoever asks very often.
    #[must_use]
    pub fn in_brief(self) -> Self {
        Self { is_brief: true, ..self }
    }

    /// Says what is under way.
    pub(super) fn sign_deploys(&self, hasher: &mut impl std::hash::Hasher) {
        use std::hash::Hash as _;
        let left = |at: Duration| at.saturating_sub(self.now);
        let deploys = self.deploy.iter().chain(&self.unfollowed).map(|deploy| (left(deploy.next_at), deploy.stage_word()));
        deploys.collect::<Vec<_>>().hash(hasher);
        let jobs = self.queue.jobs.iter().map(|job| job.started_at.map(|at| self.now.saturating_sub(at)));
        jobs.collect::<Vec<_>>().hash(hasher);
        [self.down_until, self.restarts_at, self.cut_off_at.map(|(at, _)| at)].map(|at| at.map(left)).hash(hasher);
    }

    /// Makes Dokploy restart now.
    pub fn restart_dokploy(&mut self, now: Duration) {
        self.advance(now);
        self.restart();
    }

    /// Whether Dokploy answers at all; while it restarts or a fault has it down, connections are refused.
    pub fn dokploy_is_up(&self) -> bool {
        self.down_until.is_none() && !self.faults.refuses_dokploy(self.now)
    }

    /// Whether anything can be reached from the machine that `plan` runs on.
    pub fn network_is_up(&self) -> bool {
        !self.faults.network_is_down(self.now)
    }

    /// What the approver of a gate does instead of agreeing, if a fault has him do so.
    pub fn approval(&mut self, now: Duration, gate: &str) -> Option<GateFault> {
        self.advance(now);
        self.faults.of_gate(gate, self.now)
    }

    /// What the service that publishes a host port answers on a path.
    pub fn service(&mut self, now: Duration, host_port: u16, path: &str) -> ServiceAnswer {
        self.advance(now);
        let now = self.now;
        if !self.network_is_up() {
            return ServiceAnswer::Refused;
        }
        let Some(container) = self.host.publisher(host_port) else { return ServiceAnswer::Refused };
        let symptoms = self.faults.symptoms(container.service(), now);
        container.answer(now, path, symptoms)
    }

    /// What the service that publishes a host port speaks when it is not HTTP, as its image's name tells.
    pub fn speaks(&self, host_port: u16) -> Option<Speaks> {
        let publishes = |definition: &super::definition::Definition| super::host::host_ports(definition).any(|port| port == host_port);
        let definition = self.host.containers.iter().map(|container| &container.definition).find(|definition| publishes(definition))?;
        let image = definition.image.as_deref()?.rsplit('/').next()?;
        let is = |names: &[&str]| names.iter().any(|name| image.starts_with(name));
        match () {
            () if is(&["postgres", "postgis", "pgvector", "timescaledb"]) => Some(Speaks::Postgres),
            () if is(&["redis", "valkey", "keydb"]) => Some(Speaks::Redis),
            () => None,
        }
    }

    /// What an external answers on a path.
    pub fn external(&mut self, now: Duration, name: &str, path: &str) -> ServiceAnswer {
        self.advance(now);
        // One that has several addresses speaks HTTP at one of them, or this would not be asked.
        let in_http = |external: &&External| external.name == name && matches!(external.speaks, Speaks::Http | Speaks::Git);
        let Some(speaks) = self.externals.iter().find(in_http).map(|external| external.speaks) else { return ServiceAnswer::Refused };
        match speaks {
            _ if !self.accepts(name) => ServiceAnswer::Refused,
            _ if self.faults.external_hangs(name, self.now) => ServiceAnswer::Hang,
            Speaks::Tcp | Speaks::Postgres | Speaks::Redis => ServiceAnswer::Hang,
            Speaks::Http => ServiceAnswer::Http { status: 200, body: r#"{"status":"ok"}"#.to_owned(), after: Duration::from_millis(3) },
            Speaks::Git => {
                let (status, body) = match git::references(&self.references, path) {
                    Some(list) => (200, list),
                    None => (404, "not found".to_owned()),
                };
                ServiceAnswer::Http { status, body, after: Duration::from_millis(3) }
            }
        }
    }

    /// The externals there are.
    pub fn externals(&self) -> &[External] {
        &self.externals
    }

    /// Names of externals that accept connections now.
    pub fn externals_up(&mut self) -> BTreeSet<String> {
        let names: Vec<String> = self.externals.iter().map(|external| external.name.clone()).collect();
        names.into_iter().filter(|name| self.accepts(name)).collect()
    }

    fn accepts(&mut self, external: &str) -> bool {
        // Whether it is down is asked in any case, so that its fault is felt.
        !self.faults.external_is_down(external, self.now) && self.network_is_up()
    }

    /// Whether an external accepts connections and never answers.
    pub fn external_hangs(&mut self, now: Duration, name: &str) -> bool {
        self.advance(now);
        self.faults.external_hangs(name, self.now)
    }

    /// Host ports on which a service answers or hangs now.
    pub fn listening(&self) -> BTreeSet<u16> {
        if !self.network_is_up() {
            return BTreeSet::new();
        }
        let up = self.host.containers.iter().filter(|container| container.is_running() && container.booted);
        up.flat_map(|container| super::host::host_ports(&container.definition)).collect()
    }

    /// Host ports that containers publish or the running deploy is about to.
    pub fn published(&self) -> BTreeSet<u16> {
        self.host.published().into_iter().chain(self.deploy.iter().chain(&self.unfollowed).flat_map(Deploy::ports)).collect()
    }

    /// Something outside the world holds this host port: a container that wants it cannot be started.
    pub fn block_port(&mut self, port: u16) {
        self.host.blocked.insert(port);
    }

    /// Adds a fault from now on.
    pub fn add_fault(&mut self, now: Duration, fault: Fault) {
        self.advance(now);
        self.faults.add(fault, self.now);
        self.feel_faults();
    }

    /// Takes all faults away. What they broke stays broken until it is started or deployed again.
    pub fn clear_faults(&mut self, now: Duration) {
        self.advance(now);
        self.faults.clear();
        self.feel_faults();
    }

    /// Faults that had no effect so far: worth telling when a run is over, since a misspelled service looks like a service that is well.
    pub fn unfelt_faults(&self) -> impl Iterator<Item = &Fault> {
        self.faults.unfelt()
    }

    /// Every fault, and when it struck first; `None`: nothing came of it so far.
    pub fn struck_faults(&self) -> impl Iterator<Item = (&Fault, Option<Duration>)> {
        self.faults.struck()
    }

    /// The first key that is configured: the owner's, unless said otherwise. Empty when there is none.
    pub fn api_key(&self) -> &str {
        self.keys.first().map_or("", |key| &key.key)
    }

    /// Every request to Dokploy's API, oldest first.
    pub fn log(&self) -> &[LoggedCall] {
        &self.log
    }

    /// The commit that a git reference stands for; `None` when it cannot be one. Every repository has every branch and tag.
    pub fn commit_of(&self, repository: &str, reference: &str) -> Option<String> {
        git::commit_of(repository, reference)
    }
}
