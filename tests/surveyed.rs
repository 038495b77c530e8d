//! The survey of whatever a Dokploy may be: what it finds is held against the list of what was drawn, by rules that are written down here once
//! more and share nothing with those of the client.

use crate::play::{Played, answered, owner, play, target};
use crate::support::dice::{Dice, each};
use rollout_plan::dokploy::{Body, Call, Masks, Refusal, Reply, Session};
use rollout_plan::engine::{Answer, FailureKind, HostContainer, Intent, Moment, Observed, QueuedJob, Right, RowStatus, Survey};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DRAWN: usize = 1500;
const US: &str = "ml7I_tvF8zsmmM-iEVIQ8";
const NAME: &str = "bench-web-uauhae";
/// The container that is inspected, as it was recorded.
const OWN: &str = "0ad1e2efb87a";
/// So many looks without a job make a row dead.
const LOOKS: usize = 5;

/// A version, and what a run is told that it cannot do: of every app, and of those on other servers.
const VERSIONS: [(&str, [u32; 3]); 12] = [
    ("v0.24.12", [0, 24, 12]),
    ("v0.25.0", [0, 25, 0]),
    ("v0.25.4", [0, 25, 4]),
    ("v0.28.2", [0, 28, 2]),
    ("v0.28.3", [0, 28, 3]),
    ("v0.29.0", [0, 29, 0]),
    ("v0.29.5", [0, 29, 5]),
    ("v0.29.9", [0, 29, 9]),
    ("v0.30.2", [0, 30, 2]),
    ("v0.30.3", [0, 30, 3]),
    ("v0.31.0", [0, 31, 0]),
    ("canary", [9, 0, 0]),
];

/// A Dokploy as it was drawn.
#[derive(Debug)]
struct Drawn {
    version: &'static str,
    number: [u32; 3],
    source: &'static str,
    kind: &'static str,
    randomize: bool,
    suffix: &'static str,
    isolated: bool,
    command: &'static str,
    server: Option<&'static str>,
    environment: Option<&'static str>,
    env_file: Option<bool>,
    auto_deploy: bool,
    badge: &'static str,
    cloud: bool,
    /// Title and status, newest first.
    rows: Vec<(String, &'static str)>,
    /// From this look on no row says running any more; 0 is the first.
    rows_end_at: Option<usize>,
    jobs: Vec<Job>,
    /// From this look on a job of the app is in the queue.
    job_comes_at: Option<usize>,
    /// Whether the procedure is there whatever the version says.
    queue_is_unknown: bool,
    host: Vec<Host>,
    forbidden: BTreeSet<Right>,
}

#[derive(Clone, Debug)]
struct Job {
    title: String,
    ours: bool,
    active: bool,
    server: Option<&'static str>,
    age: usize,
}

#[derive(Debug)]
struct Host {
    id: String,
    name: String,
    ports: Vec<(&'static str, u16, u16, &'static str)>,
    exposed: bool,
    running: bool,
}

impl Drawn {
    fn draw(dice: &mut Dice) -> Self {
        let (version, number) = if dice.roll(2) == 0 { ("v0.30.2", [0, 30, 2]) } else { dice.one_of(&VERSIONS) };
        // Mostly as it is meant to be, so that each thing that is not stands alone as well as with others.
        let rarely = |dice: &mut Dice| dice.roll(6) == 0;
        let rows =
            (0..dice.roll(5)).map(|at| (format!("row {at}"), dice.one_of(&["done", "error", "cancelled", "running", "done", "new word"])));
        let rows: Vec<(String, &'static str)> = rows.collect();
        let servers = [None, None, Some("s1"), Some("s2")];
        let jobs = (0..dice.roll(5)).map(|age| Job {
            title: format!("job {age}"),
            ours: dice.roll(4) == 0,
            active: dice.roll(3) == 0,
            server: dice.one_of(&servers),
            age,
        });
        let jobs = jobs.collect();
        let mut host = Vec::new();
        for at in 0..dice.roll(5) {
            let (id, name) = match dice.roll(4) {
                0 if !host.iter().any(|host: &Host| host.id == OWN) => {
                    (OWN.to_owned(), dice.one_of(&["renamed", "bench-web-uauhae-web-1"]).to_owned())
                }
                1 => (format!("{at:012x}"), format!("{NAME}-worker-{at}")),
                2 => (format!("{at:012x}"), format!("{NAME}2-web-{at}")),
                _ => (format!("{at:012x}"), format!("other-{at}")),
            };
            let port = |dice: &mut Dice| {
                let first = 8000 + u16::try_from(dice.roll(50)).unwrap();
                let address = dice.one_of(&["127.0.0.1", "0.0.0.0", "::"]);
                (address, first, first + u16::try_from(dice.roll(3)).unwrap(), dice.one_of(&["tcp", "udp"]))
            };
            let ports = (0..dice.roll(3)).map(|_| port(dice)).collect();
            host.push(Host { id, name, ports, exposed: dice.roll(2) == 0, running: dice.roll(3) > 0 });
        }
        let all = [Right::Service, Right::CreateServices, Right::Docker, Right::Deployments];
        let forbidden = if rarely(dice) { all.into_iter().filter(|_| dice.roll(2) == 0).collect() } else { BTreeSet::new() };
        Self {
            version,
            number,
            source: if rarely(dice) { dice.one_of(&["git", "github"]) } else { "raw" },
            kind: if rarely(dice) { "stack" } else { "docker-compose" },
            randomize: rarely(dice),
            suffix: if rarely(dice) { "x1" } else { "" },
            isolated: rarely(dice),
            command: dice.one_of(&["", "", "", "  ", "compose up"]),
            server: dice.one_of(&servers),
            environment: dice.one_of(&[None, Some(""), Some("TAG=v1\nGREETING=hello\n"), Some("# none\nexport A='b'\n")]),
            env_file: dice.one_of(&[None, Some(true), Some(true), Some(false)]),
            auto_deploy: dice.roll(2) == 0,
            badge: dice.one_of(&["done", "idle", "error"]),
            cloud: rarely(dice) && rarely(dice),
            rows,
            rows_end_at: (dice.roll(3) == 0).then(|| dice.roll(LOOKS + 2)),
            jobs,
            job_comes_at: (dice.roll(3) == 0).then(|| dice.roll(LOOKS + 2)),
            queue_is_unknown: rarely(dice) && rarely(dice),
            host,
            forbidden,
        }
    }

    fn since(&self, number: [u32; 3]) -> bool {
        self.number >= number
    }

    fn has_queue(&self) -> bool {
        self.since([0, 28, 3])
    }

    /// The rows at a look.
    fn rows_at(&self, look: usize) -> Vec<(&str, &'static str)> {
        let is_over = self.rows_end_at.is_some_and(|at| look >= at);
        let now = |status| if is_over && is_going(status) { "done" } else { status };
        self.rows.iter().map(|(title, status)| (title.as_str(), now(*status))).collect()
    }

    /// The queue at a look, in the order in which it is worked on.
    fn jobs_at(&self, look: usize) -> Vec<Job> {
        let late = Job { title: "late".to_owned(), ours: true, active: false, server: self.server, age: 100 };
        let mut jobs = self.jobs.clone();
        jobs.extend(self.job_comes_at.is_some_and(|at| look >= at).then_some(late));
        let (active, waiting): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.active);
        active.into_iter().chain(waiting).collect()
    }

    fn answer(&self, call: &Call, looks: &mut usize, now: Moment) -> Reply {
        let of = |right| self.forbidden.contains(&right);
        let no = || Reply::Refused(Refusal::Forbidden("You don't have access".to_owned()));
        match call {
            Call::Version => answered(json!(self.version)),
            Call::Cloud => answered(json!(self.cloud)),
            Call::Compose { .. } if of(Right::Service) => no(),
            Call::Compose { .. } => match owner(call, now) {
                Reply::Answered(Body::Json(row)) => answered(self.row(row)),
                other => other,
            },
            Call::ConvertedCompose { .. } if of(Right::CreateServices) => no(),
            Call::Deployments { .. } if of(Right::Deployments) => no(),
            Call::Deployments { .. } => {
                *looks += 1;
                let row = |(at, (title, status)): (usize, (&str, &str))| json!({"deploymentId": format!("d{at}"), "title": title, "status": status});
                answered(self.rows_at(*looks - 1).into_iter().enumerate().map(row).collect())
            }
            Call::Queue if self.queue_is_unknown => Reply::Refused(Refusal::NoSuchProcedure),
            Call::Queue if of(Right::Deployments) => no(),
            Call::Queue => {
                let mut jobs = self.jobs_at(*looks - 1);
                // Listed newest first.
                jobs.sort_by_key(|job| std::cmp::Reverse(job.age));
                answered(jobs.iter().map(Job::listed).collect())
            }
            Call::HostContainers { .. } if of(Right::Docker) => no(),
            Call::HostContainers { server } => {
                // Of an app that may not be seen it is not known where it runs.
                assert_eq!(server.as_deref(), self.server.filter(|_| !of(Right::Service)));
                answered(self.host.iter().map(Host::listed).collect())
            }
            Call::ServerHealth { .. } => Reply::Refused(Refusal::NoSuchProcedure),
            _ => owner(call, now),
        }
    }

    fn row(&self, mut row: Value) -> Value {
        let told = [
            ("sourceType", json!(self.source)),
            ("composeType", json!(self.kind)),
            ("randomize", json!(self.randomize)),
            ("suffix", json!(self.suffix)),
            ("isolatedDeployment", json!(self.isolated)),
            ("command", json!(self.command)),
            ("serverId", json!(self.server)),
            ("env", json!(self.environment)),
            ("createEnvFile", json!(self.env_file)),
            ("autoDeploy", json!(self.auto_deploy)),
            ("composeStatus", json!(self.badge)),
        ];
        for (name, value) in told {
            row[name] = value;
        }
        row
    }

    // What a survey must say of it.

    /// Words of each reason to refuse it, in order.
    fn refused_for(&self) -> Vec<&'static str> {
        let reasons = [
            (self.source != "raw", self.source),
            (self.kind != "docker-compose", "stack"),
            (self.randomize, "randomize"),
            (!self.suffix.is_empty(), "suffix"),
            (self.isolated, "isolated"),
            (self.command == "compose up", "custom command"),
            (self.cloud, "Cloud"),
        ];
        reasons.into_iter().filter(|(is_so, _)| *is_so).map(|(_, word)| word).collect()
    }

    fn sees_queue(&self) -> bool {
        self.has_queue() && !self.queue_is_unknown && !self.forbidden.contains(&Right::Deployments)
    }

    /// The look at which nothing is in doubt any more, and whether its rows are dead.
    fn last_look(&self) -> (usize, bool) {
        if self.forbidden.contains(&Right::Deployments) || !self.sees_queue() {
            return (0, false);
        }
        let is_settled = |look: &usize| {
            !self.rows_at(*look).iter().any(|(_, status)| is_going(status)) || self.jobs_at(*look).iter().any(|job| job.ours)
        };
        (0..LOOKS).find(is_settled).map_or((LOOKS - 1, true), |look| (look, false))
    }

    /// Words of each warning, in order of what they are about.
    fn warned_of(&self) -> Vec<String> {
        let mut words = Vec::new();
        let older = |number| !self.since(number);
        let told = [
            (self.version == "v0.30.3", "newer than"),
            (self.env_file == Some(false), "writes no .env"),
            (older([0, 25, 4]), "a restart of Dokploy cuts off"),
            (older([0, 28, 3]), "queue cannot be seen"),
            (older([0, 29, 0]), "logs of containers"),
            (older([0, 29, 5]) || (older([0, 29, 9]) && self.server.is_some()), "logs of deploys"),
            (self.auto_deploy, "autoDeploy"),
            (self.has_queue() && self.queue_is_unknown, "queue cannot be seen"),
        ];
        words.extend(told.into_iter().filter(|(is_so, _)| *is_so).map(|(_, word)| word.to_owned()));
        let (look, are_dead) = self.last_look();
        if are_dead {
            words.extend(
                self.rows_at(look).iter().filter(|(_, status)| is_going(status)).map(|(title, _)| format!("\"{title}\" says running")),
            );
        }
        words
    }
}

fn is_going(status: &str) -> bool {
    matches!(status, "running" | "new word")
}

impl Job {
    fn listed(&self) -> Value {
        let state = if self.active { "active" } else { "waiting" };
        let mut data = json!({"composeId": if self.ours { US } else { "other" }, "titleLog": self.title, "applicationType": "compose"});
        if let Some(server) = self.server {
            data["serverId"] = json!(server);
        }
        json!({"id": format!("job-{}", self.age), "data": data, "timestamp": 1_795_439_000_000_u64 + self.age as u64, "state": state})
    }
}

impl Host {
    fn listed(&self) -> Value {
        let published = self.ports.iter().map(|(address, first, last, protocol)| {
            let address = if *address == "::" { "[::]" } else { address };
            let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
            format!("{address}:{range}->{range}/{protocol}")
        });
        let ports: Vec<String> = published.chain(self.exposed.then(|| "9000/tcp".to_owned())).collect();
        let state = if self.running { "running" } else { "exited" };
        json!({"containerId": self.id, "name": self.name, "image": "i", "ports": ports.join(", "), "state": state, "status": "Up"})
    }

    fn found(&self, is_own_seen: bool) -> HostContainer {
        let each = |(address, first, last, protocol): &(&str, u16, u16, &str)| {
            (*first..=*last).map(|port| ((*address).to_owned(), port, (*protocol).to_owned())).collect::<Vec<_>>()
        };
        let ours = self.name.starts_with("bench-web-uauhae-") || (self.id == OWN && is_own_seen);
        HostContainer { name: self.name.clone(), ours, ports: self.ports.iter().flat_map(each).collect(), running: self.running }
    }
}

fn is_as_drawn(drawn: &Drawn) -> &'static str {
    let mut looks = 0;
    let mut session = Session::new(target(), Masks::default());
    let played = play(&mut session, &Intent::Survey, |call, now| drawn.answer(call, &mut looks, now));
    assert_eq!(played.writes(), 0);
    if drawn.version == "v0.24.12" {
        let Answer::Failed(failure) = played.answer() else { panic!("{:?}", played.answer()) };
        assert_eq!(failure.kind, FailureKind::Unsupported);
        return "unsupported";
    }
    // The queue is another way to find that deployments may not be read; there is no third.
    let missing: Vec<Right> = drawn.forbidden.iter().copied().collect();
    if drawn.forbidden.contains(&Right::Service) {
        lacks(&played, &missing);
        return "without rights";
    }
    let Answer::Surveyed(survey) = played.answer() else { panic!("{:?}", played.answer()) };
    assert_eq!(survey.missing_rights, missing);
    of_the_app(drawn, survey);
    of_its_history(drawn, survey, looks);
    assert_eq!(session.is_remote(), drawn.server.is_some());
    "surveyed"
}

/// Without its row there is nothing to survey: whatever else is missing is named with it.
fn lacks(played: &Played, missing: &[Right]) {
    let Answer::Failed(failure) = played.answer() else { panic!("{:?}", played.answer()) };
    assert_eq!(failure.kind, FailureKind::MissingRight);
    let words = [
        (Right::Service, "access to the service"),
        (Right::CreateServices, "Create Services"),
        (Right::Docker, "Access to Docker"),
        (Right::Deployments, "access to deployments"),
    ];
    for (right, words) in words {
        assert_eq!(failure.message.contains(words), missing.contains(&right), "{}", failure.message);
    }
}

fn each_says(said: &[String], words: &[impl AsRef<str>]) {
    assert_eq!(said.len(), words.len(), "{said:?}");
    for word in words {
        assert!(said.iter().any(|said| said.contains(word.as_ref())), "{} in {said:?}", word.as_ref());
    }
}

fn of_the_app(drawn: &Drawn, survey: &Survey) {
    assert_eq!((survey.version.as_str(), survey.compose_id.as_str(), survey.app_name.as_str()), (drawn.version, US, NAME));
    assert_eq!((survey.server.as_deref(), survey.page.badge.as_deref()), (drawn.server, Some(drawn.badge)));
    assert!(survey.text.starts_with("services:"));
    each_says(&survey.unsupported, &drawn.refused_for());
    each_says(&survey.warnings, &drawn.warned_of());
    let environment = drawn.environment.unwrap_or_default();
    assert_eq!(survey.environment_bytes, environment.len());
    let mut variables: BTreeSet<String> = ["APP_NAME", "COMPOSE_PROJECT_NAME", "DOCKER_CONFIG"].map(str::to_owned).into();
    variables.extend(["TAG", "GREETING"].iter().filter(|_| environment.starts_with("TAG")).map(|name| (*name).to_owned()));
    variables.extend(environment.contains("export A").then(|| "A".to_owned()));
    assert_eq!(survey.variables, if drawn.env_file == Some(false) { BTreeSet::new() } else { variables });
    assert_eq!((survey.lacks.container_logs, survey.lacks.server_room), (!drawn.since([0, 29, 0]), !drawn.since([0, 30, 0])));
    let allow = survey.untested.as_ref().map(|untested| untested.allow.as_str());
    assert_eq!(
        allow,
        [("v0.31.0", "0.31"), ("canary", "canary")].into_iter().find(|(said, _)| *said == drawn.version).map(|(_, allow)| allow)
    );
    let is_docker_seen = !drawn.forbidden.contains(&Right::Docker);
    match &survey.containers {
        Observed::Known(containers) => assert!(is_docker_seen && containers.len() == 1, "{containers:?}"),
        Observed::Unknown(why) => assert!(!is_docker_seen, "{why}"),
    }
    let host = drawn.host.iter().map(|host| host.found(is_docker_seen)).collect::<Vec<_>>();
    assert_eq!(survey.host, (is_docker_seen && !host.is_empty()).then_some(host));
}

fn of_its_history(drawn: &Drawn, survey: &Survey, looks: usize) {
    let (last, are_dead) = drawn.last_look();
    if !drawn.forbidden.contains(&Right::Deployments) {
        assert_eq!(looks, last + 1, "one look more for each time that a row says running and there is no job");
    }
    let rows = if drawn.forbidden.contains(&Right::Deployments) { Vec::new() } else { drawn.rows_at(last) };
    assert_eq!(survey.recent, rows.iter().map(|(title, _)| *title).collect::<Vec<_>>());
    let ended = |status| match status {
        "done" => Some(RowStatus::Done),
        "error" => Some(RowStatus::Error),
        "cancelled" => Some(RowStatus::Cancelled),
        _ => None,
    };
    let listed: Vec<(&str, Option<RowStatus>)> = survey.page.rows.iter().map(|row| (row.title.as_str(), row.status)).collect();
    assert_eq!(listed, rows.iter().map(|(title, status)| (*title, ended(*status))).collect::<Vec<_>>());
    assert_eq!(survey.last_done.as_deref(), rows.first().filter(|(_, status)| *status == "done").map(|(title, _)| *title));
    let running = rows.iter().find(|(_, status)| is_going(status)).map(|(title, _)| *title);
    assert_eq!(survey.running_row.as_deref(), running.filter(|_| !are_dead));
    let jobs = if drawn.sees_queue() { drawn.jobs_at(last) } else { Vec::new() };
    let counts = |job: &Job| !drawn.since([0, 29, 9]) || job.ours || job.server == drawn.server;
    let queue = jobs.into_iter().filter(counts).map(|job| QueuedJob { title: job.title, this_app: job.ours, active: job.active });
    assert_eq!(survey.queue, queue.collect::<Vec<_>>());
}

#[test]
fn a_survey_finds_what_was_drawn() {
    let ends = each(0x5EED_0F50, DRAWN, Drawn::draw, is_as_drawn);
    assert_eq!(ends, BTreeSet::from(["surveyed", "unsupported", "without rights"]));
}

/// Projects, their environments and services, of few names: so that some are there several times, and some not at all.
#[test]
fn a_name_is_found_when_it_is_there_once() {
    let mut dice = Dice(0xF1D_0001);
    let mut came_to = BTreeSet::new();
    for _ in 0..DRAWN {
        let name = |dice: &mut Dice, ours: &'static str| dice.one_of(&[ours, "else", "more"]);
        let (mut id, mut ours) = (0, 0);
        let mut projects = Vec::new();
        let (mut has_project, mut has_environment) = (false, false);
        for _ in 0..dice.roll(4) {
            let project = name(&mut dice, "bench");
            has_project |= project == "bench";
            let mut environments = Vec::new();
            for _ in 0..dice.roll(4) {
                let environment = name(&mut dice, "production");
                has_environment |= project == "bench" && environment == "production";
                let mut composes = Vec::new();
                for _ in 0..dice.roll(4) {
                    let compose = name(&mut dice, "web");
                    let is_ours = (project, environment, compose) == ("bench", "production", "web");
                    // The one that was recorded, so that it can be read on.
                    let own_id = if is_ours && ours == 0 { US.to_owned() } else { format!("c{id}") };
                    (id, ours) = (id + 1, ours + usize::from(is_ours));
                    composes.push(json!({"composeId": own_id, "name": compose}));
                }
                environments.push(json!({"name": environment, "compose": composes}));
            }
            projects.push(json!({"name": project, "environments": environments}));
        }
        let is_empty = projects.is_empty();
        let projects = Value::Array(projects);
        let mut session = Session::new(target(), Masks::default());
        let played = play(&mut session, &Intent::Find, |call, now| match call {
            Call::Projects => answered(projects.clone()),
            _ => owner(call, now),
        });
        let expected = match (has_project, has_environment, ours) {
            (_, _, 1) => "",
            (_, _, 2..) => "ambiguous",
            (true, true, _) => "no compose service `web` in project `bench`, environment `production`",
            (true, false, _) => "no environment `production` in project `bench`",
            _ if is_empty => "no project at all",
            _ => "no project `bench`",
        };
        came_to.insert(expected);
        match played.answer() {
            Answer::Found { compose } => assert!(expected.is_empty() && compose == US, "{projects}"),
            Answer::Failed(failure) => {
                assert_eq!(failure.kind, FailureKind::NotFound);
                assert!(!expected.is_empty() && failure.message.contains(expected), "{} of {projects}", failure.message);
                assert_eq!(failure.message.contains(&format!("{ours} compose services")), ours > 1, "{}", failure.message);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(came_to.len(), 6, "{came_to:?}");
}

/// From one call on the key is refused, whatever the reason; the question that needs no key tells the reasons apart.
#[test]
fn a_key_that_is_refused_from_some_call_on_is_told_with_the_likely_reason() {
    let healths =
        [answered(json!("ok")), Reply::Refused(Refusal::Server(500, "no database".to_owned())), Reply::NotSent("refused".to_owned())];
    for (kind, health) in [FailureKind::KeyRefused, FailureKind::DatabaseDown, FailureKind::Unreachable].into_iter().zip(healths) {
        for good in 0..10 {
            let mut answers = 0;
            let mut is_over = false;
            let played = play(&mut Session::new(target(), Masks::default()), &Intent::Survey, |call, now| match call {
                // As it is later, from when on the key is refused.
                Call::Health if is_over => health.clone(),
                Call::Health => owner(call, now),
                _ if answers < good => {
                    answers += 1;
                    owner(call, now)
                }
                _ => {
                    is_over = true;
                    Reply::Refused(Refusal::Unauthorized)
                }
            });
            if !is_over {
                assert!(matches!(played.answer(), Answer::Surveyed(_)) && answers <= good);
                continue;
            }
            let Answer::Failed(failure) = played.answer() else { panic!("{:?}", played.answer()) };
            assert_eq!(failure.kind, kind, "after {good}: {failure:?}");
            let was_good = failure.message.contains("accepted the key before");
            assert_eq!(was_good, good > 0 && kind == FailureKind::KeyRefused, "after {good}: {}", failure.message);
            // One that was never good is not waited for as long.
            assert_eq!(
                played.ended < Moment::millis(5_000),
                good == 0 && kind == FailureKind::KeyRefused,
                "after {good}: {:?}",
                played.ended
            );
        }
    }
}
