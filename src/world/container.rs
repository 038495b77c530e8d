//! One container and what becomes of it as time goes by.

use super::definition::Definition;
use super::faults::{Death, Faults, Symptoms};
use super::service::ServiceAnswer;
use super::stamp;
use std::sync::Arc;
use std::time::Duration;

/// From start to the end of a process that does not live.
const DIES_AFTER: Duration = Duration::from_millis(1_200);
/// Docker waits this long before the first restart and twice as long before each further one (FACTS §7).
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// And never longer than this.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);
/// A process that lived so long makes Docker begin anew with the first.
const LIVED: Duration = Duration::from_secs(10);
/// What a restart itself takes, as measured.
const RESTART_TAKES: Duration = Duration::from_millis(280);
/// How long a service thinks about an answer.
const THINKS: Duration = Duration::from_millis(8);
/// A healthcheck that answers takes so long.
const CHECK_TAKES: Duration = Duration::from_millis(60);
/// Docker keeps the last five checks.
const CHECKS_KEPT: usize = 5;
/// Requests that a container's log shows; older ones are forgotten.
const REQUESTS_KEPT: usize = 400;

/// A container of a compose project.
#[derive(Clone, Debug)]
pub(super) struct Container {
    /// 64 hex characters.
    pub(super) id: String,
    pub(super) name: String,
    /// The compose project.
    pub(super) project: String,
    pub(super) definition: Arc<Definition>,
    pub(super) state: State,
    pub(super) created_at: Duration,
    pub(super) started_at: Option<Duration>,
    pub(super) finished_at: Option<Duration>,
    pub(super) exit_code: i64,
    pub(super) oom_killed: bool,
    pub(super) restarts: u64,
    /// `no` when a fault took it away.
    pub(super) restart_policy: String,
    /// Whether it got as far as answering.
    pub(super) booted: bool,
    pub(super) health: Option<Health>,
    /// Every start and how it ended, oldest first.
    pub(super) runs: Vec<Run>,
    /// Requests it answered: when, path, status.
    pub(super) requests: Vec<(Duration, String, u16)>,
    boots_at: Option<Duration>,
    dies: Option<(Duration, Death)>,
    restarts_at: Option<Duration>,
    backoff: Duration,
}

/// A container's state, by Docker's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Created,
    Running,
    Restarting,
    Exited,
}

/// One life of a container's process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) from: Duration,
    pub(super) end: Option<(Duration, Death)>,
}

/// Docker's healthcheck of a container.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    /// `None` while it is starting.
    pub(super) healthy: Option<bool>,
    pub(super) failing: u32,
    /// When it was made, how long it took, whether it passed.
    pub(super) checks: Vec<(Duration, Duration, bool)>,
    next_at: Option<Duration>,
}

impl Container {
    pub(super) fn create(id: String, name: String, project: &str, definition: Arc<Definition>, now: Duration) -> Self {
        Self {
            id,
            name,
            project: project.to_owned(),
            state: State::Created,
            created_at: now,
            started_at: None,
            finished_at: None,
            exit_code: 0,
            oom_killed: false,
            restarts: 0,
            restart_policy: definition.restart.clone(),
            booted: false,
            health: definition.health.as_ref().map(|_| Health::default()),
            runs: Vec::new(),
            requests: Vec::new(),
            boots_at: None,
            dies: None,
            restarts_at: None,
            backoff: FIRST_BACKOFF,
            definition,
        }
    }

    /// Says what is to come of it, its past aside.
    pub(super) fn sign(&self, now: Duration, hasher: &mut impl std::hash::Hasher) {
        use std::hash::Hash as _;
        let left = |at: Duration| at.saturating_sub(now);
        (&self.name, &self.definition.hash, self.state_word(), self.exit_code, self.oom_killed, self.restarts).hash(hasher);
        (self.booted, &self.restart_policy, self.boots_at.map(left), self.restarts_at.map(left)).hash(hasher);
        (self.dies.map(|(at, death)| (left(at), death.code)), self.backoff).hash(hasher);
        let lived = self.started_at.map(|started| now.saturating_sub(started).min(LIVED));
        lived.hash(hasher);
        self.health.as_ref().map(|health| (health.healthy, health.failing, health.next_at.map(left))).hash(hasher);
    }

    /// The 12 hex characters that Docker shows.
    pub(super) fn short_id(&self) -> &str {
        &self.id[..12]
    }

    pub(super) fn service(&self) -> &str {
        &self.definition.name
    }

    pub(super) fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// When something becomes of it next.
    pub(super) fn next_at(&self) -> Option<Duration> {
        let check = self.health.as_ref().and_then(|health| health.next_at);
        [self.boots_at, self.dies.map(|(at, _)| at), self.restarts_at, check].into_iter().flatten().min()
    }

    /// Starts its process.
    pub(super) fn start(&mut self, now: Duration, symptoms: Symptoms) {
        self.state = State::Running;
        self.started_at = Some(now);
        self.exit_code = 0;
        self.oom_killed = false;
        self.booted = false;
        self.restarts_at = None;
        self.runs.push(Run { from: now, end: None });
        self.restart_policy = if symptoms.stays_down { "no".to_owned() } else { self.definition.restart.clone() };
        let boot = symptoms.boot.unwrap_or(self.definition.boot);
        self.boots_at = Some(now + boot);
        self.dies = match symptoms.ends {
            Some(death) => Some((now + DIES_AFTER.min(boot / 2), death)),
            None if self.definition.one_shot => Some((now + boot, Death { code: 0, oom: false })),
            None => None,
        };
        if let Some(test) = &self.definition.health {
            self.health = Some(Health { next_at: Some(now + test.timing.interval), ..Health::default() });
        }
    }

    /// It was started long ago: it answers, and its healthcheck passes.
    pub(super) fn be_settled(&mut self) {
        self.boots_at = None;
        self.booted = true;
        if let Some(health) = &mut self.health {
            health.healthy = Some(true);
            health.checks.push((self.started_at.unwrap_or_default(), CHECK_TAKES, true));
        }
    }

    /// Ends it for good: `docker stop`.
    pub(super) fn stop(&mut self, now: Duration) {
        if matches!(self.state, State::Running | State::Restarting) {
            self.end(now, Death { code: 0, oom: false });
        }
        self.restarts_at = None;
        if self.state == State::Restarting {
            self.state = State::Exited;
        }
    }

    fn end(&mut self, now: Duration, death: Death) {
        self.state = State::Exited;
        self.finished_at = Some(now);
        self.exit_code = death.code;
        self.oom_killed = death.oom;
        self.booted = false;
        self.boots_at = None;
        self.dies = None;
        if let Some(run) = self.runs.last_mut().filter(|run| run.end.is_none()) {
            run.end = Some((now, death));
        }
        if let Some(health) = &mut self.health {
            health.next_at = None;
        }
    }

    /// A fault came into force or left it while it runs.
    pub(super) fn feel(&mut self, now: Duration, symptoms: Symptoms) {
        if !self.is_running() || self.definition.one_shot {
            return;
        }
        match (symptoms.ends, self.dies) {
            (Some(death), None) => {
                self.dies = Some((now + DIES_AFTER, death));
                if symptoms.stays_down {
                    "no".clone_into(&mut self.restart_policy);
                }
            }
            (None, Some(_)) => self.dies = None,
            _ => {}
        }
    }

    /// Its process ends at once, by itself.
    pub(super) fn crash(&mut self, now: Duration) {
        self.die(now, Death { code: 1, oom: false });
    }

    /// Does what is due at `now`.
    pub(super) fn advance(&mut self, now: Duration, faults: &mut Faults) {
        let due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        if due(self.boots_at) {
            self.boots_at = None;
            self.booted = true;
        }
        if let Some((at, death)) = self.dies.filter(|(at, _)| *at <= now) {
            self.die(at, death);
        }
        if due(self.restarts_at) {
            let symptoms = faults.symptoms(self.service(), now);
            self.start(now, symptoms);
        }
        if due(self.health.as_ref().and_then(|health| health.next_at)) {
            let symptoms = faults.symptoms(self.service(), now);
            self.check(now, symptoms);
        }
    }

    fn die(&mut self, now: Duration, death: Death) {
        let lived = now.saturating_sub(self.started_at.unwrap_or(now));
        self.end(now, death);
        let (policy, most) = self.restart_policy.split_once(':').unwrap_or((&self.restart_policy, ""));
        let restarts = match policy {
            "always" | "unless-stopped" => true,
            "on-failure" => death.code != 0 && most.parse().map_or(true, |most: u64| self.restarts < most),
            _ => false,
        };
        if restarts {
            if lived >= LIVED {
                self.backoff = FIRST_BACKOFF;
            }
            self.state = State::Restarting;
            self.restarts += 1;
            self.restarts_at = Some(now + self.backoff + RESTART_TAKES);
            self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
        }
    }

    fn check(&mut self, now: Duration, symptoms: Symptoms) {
        let Some(test) = self.definition.health.clone() else { return };
        let hangs = symptoms.hangs || CHECK_TAKES + symptoms.slower >= test.timing.timeout;
        let passes = self.booted && !hangs && !symptoms.answers_500 && self.status(&test.path) < 400;
        let takes = if hangs { test.timing.timeout } else { CHECK_TAKES + symptoms.slower };
        let in_start_period = self.started_at.is_some_and(|started| now < started + test.timing.start_period);
        let Some(health) = &mut self.health else { return };
        if passes {
            health.healthy = Some(true);
            health.failing = 0;
        } else if !in_start_period {
            health.failing += 1;
            if health.failing >= test.timing.retries.max(1) {
                health.healthy = Some(false);
            }
        }
        health.checks.push((now, takes, passes));
        if health.checks.len() > CHECKS_KEPT {
            health.checks.remove(0);
        }
        health.next_at = Some(now + takes + test.timing.interval);
    }

    fn status(&self, path: &str) -> u16 {
        let answer = &self.definition.answer;
        answer.status.get(path).or_else(|| answer.status.get("*")).copied().unwrap_or(200)
    }

    /// What it answers to a request.
    pub(super) fn answer(&mut self, now: Duration, path: &str, symptoms: Symptoms) -> ServiceAnswer {
        if !self.is_running() || !self.booted {
            return ServiceAnswer::Refused;
        }
        if symptoms.hangs {
            return ServiceAnswer::Hang;
        }
        let (status, body) = if symptoms.answers_500 {
            (500, r#"{"detail":"Internal Server Error"}"#.to_owned())
        } else {
            let body = self.definition.answer.body.clone().unwrap_or_else(|| r#"{"status":"ok"}"#.to_owned());
            (self.status(path), body)
        };
        if self.requests.len() == REQUESTS_KEPT {
            self.requests.remove(0);
        }
        self.requests.push((now, path.to_owned(), status));
        ServiceAnswer::Http { status, body, after: THINKS + symptoms.slower }
    }

    /// `docker ps`'s state.
    pub(super) fn state_word(&self) -> &'static str {
        match self.state {
            State::Created => "created",
            State::Running => "running",
            State::Restarting => "restarting",
            State::Exited => "exited",
        }
    }

    /// `docker ps`'s status.
    pub(super) fn status_text(&self, now: Duration) -> String {
        let since = |moment: Option<Duration>| stamp::age(now.saturating_sub(moment.unwrap_or(now)));
        match self.state {
            State::Created => "Created".to_owned(),
            State::Running => {
                let health = match self.health.as_ref().map(|health| health.healthy) {
                    None => "",
                    Some(None) => " (health: starting)",
                    Some(Some(true)) => " (healthy)",
                    Some(Some(false)) => " (unhealthy)",
                };
                format!("Up {}{health}", since(self.started_at))
            }
            State::Restarting => format!("Restarting ({}) {} ago", self.exit_code, since(self.finished_at)),
            State::Exited => format!("Exited ({}) {} ago", self.exit_code, since(self.finished_at)),
        }
    }
}
