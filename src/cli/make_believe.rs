//! What the sandbox stands in for when a plan is run against it: Dokploy itself, variables that are not set, externals, git and approvals.

use super::answering::answered_by_faults;
use super::variables::SandboxVariables;
use crate::compose::asked;
use crate::drive::Sources;
use crate::engine::{Failure, FailureKind};
use crate::model::{Comparison, Condition, ContainerAssertion, Docker, Literal, Probe, Text, TextPart, Variables};
use crate::probe::{self, CONTEXTS_STAND_IN, Question, Request};
use crate::report::words;
use crate::sandbox::Sandbox;
use crate::schedule::{GateId, Schedule, Subject, without_user};
use crate::world::{Compose, Config, Environment, External, Fault, OtherContainer, Project, Speaks};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

/// Variables for a plan in the sandbox: what the environment sets, and a stand-in for every other one that the plan requires.
pub(super) fn variables(schedule: &Schedule) -> SandboxVariables {
    let app = &schedule.app;
    let mut supplied = BTreeMap::new();
    let mut supply = |text: &Text, form: fn(&str) -> String| {
        for part in &text.parts {
            let (TextPart::Env { name, default: None } | TextPart::Secret { name }) = part else { continue };
            if std::env::var(name).ok().is_none_or(|value| value.is_empty()) {
                let host = format!("{}.sandbox.invalid", name.to_lowercase().replace('_', "-"));
                // A variable that is only a part of a text stands for a word in it.
                let stand_in = if text.parts.len() == 1 { form(&host) } else { host };
                supplied.entry(name.clone()).or_insert(stand_in);
            }
        }
    };
    for expectation in &schedule.expectations {
        let Some(address) = expectation.probe.address() else { continue };
        let form: fn(&str) -> String = match &expectation.probe {
            Probe::Http { .. } => |host| format!("http://{host}/"),
            Probe::Tcp { .. } => |host| format!("{host}:1"),
            Probe::Postgres { .. } => |host| format!("postgres://sandbox:sandbox@{host}/sandbox"),
            Probe::Redis { .. } => |host| format!("redis://{host}"),
            Probe::Exec(_) | Probe::Docker(_) | Probe::BuildContexts(_) => str::to_owned,
        };
        supply(&address.value, form);
    }
    let others = schedule.expectations.iter().flat_map(|expectation| expectation.probe.texts());
    for text in [&app.project.value, &app.environment.value, &app.compose.value].into_iter().chain(others) {
        supply(text, str::to_owned);
    }
    SandboxVariables { supplied }
}

/// The world that a plan expects to find, and the plan's addresses in it.
pub(super) struct Setting {
    /// The app of the plan, empty and never deployed, and its externals.
    pub(super) config: Config,
    /// Addresses that lead to the sandbox.
    pub(super) addresses: Vec<(String, u16)>,
}

/// Makes the world of a plan.
pub(super) fn setting(schedule: &Schedule, variables: &dyn Variables, faults: Vec<Fault>) -> Setting {
    let name = |text: &Text| text.resolve(variables).map(|resolved| resolved.value).unwrap_or_default();
    let app = &schedule.app;
    let server = faults.iter().any(Fault::needs_a_server).then(|| "another-server".to_owned());
    let env = environment(schedule).iter().map(|name| format!("{name}={MADE_UP}")).collect::<Vec<_>>().join("\n");
    let compose = Compose { server, env: Some(env), ..Compose::named(&name(&app.compose.value)) };
    let environment = Environment { name: name(&app.environment.value), composes: vec![compose] };
    let projects = vec![Project { name: name(&app.project.value), environments: vec![environment] }];

    let published: BTreeSet<u16> =
        schedule.phases.iter().flat_map(|phase| phase.ports.values()).flatten().filter_map(|port| port.host).collect();
    let mut addresses = BTreeSet::new();
    let mut externals: BTreeMap<(String, u16), External> = BTreeMap::new();
    for expectation in &schedule.expectations {
        let Ok(Some(request)) = probe::prepare(&expectation.probe, variables) else { continue };
        let (host, port, speaks) = match request.question {
            Question::BuildContexts(_) => {
                // No repository is asked: an address that is none stands for all of them.
                let (Subject::External(name) | Subject::Gate(name) | Subject::Service(name)) = &expectation.subject;
                let external = External { name: name.clone(), host: CONTEXTS_STAND_IN.to_owned(), port: 0, speaks: Speaks::Tcp };
                externals.entry((external.host.clone(), 0)).or_insert(external);
                continue;
            }
            Question::Http { request, .. } => (request.target.host, request.target.port, Speaks::Http),
            Question::Tcp { host, port, .. } => (host, port, Speaks::Tcp),
            Question::Postgres { target, .. } => (target.url.host, target.url.port, Speaks::Postgres),
            Question::Redis { target, .. } => (target.url.host, target.url.port, Speaks::Redis),
            Question::Exec { target, .. } => {
                // Nothing is run: an address that is no address stands for the command, and is up or down like any other.
                let (Subject::External(name) | Subject::Gate(name) | Subject::Service(name)) = &expectation.subject;
                let external = External { name: name.clone(), host: target.stand_in(), port: 0, speaks: Speaks::Tcp };
                externals.entry((external.host.clone(), 0)).or_insert(external);
                continue;
            }
        };
        addresses.insert((host.clone(), port));
        let external = match &expectation.subject {
            Subject::External(name) | Subject::Gate(name) => name.clone(),
            Subject::Service(_) => continue,
        };
        if !published.contains(&port) {
            externals.entry((host.clone(), port)).or_insert(External { name: external, host, port, speaks });
        }
    }
    // A service without an expectation gets an address too: else it would take its port on this machine.
    let mut hosts: BTreeSet<String> = addresses.iter().map(|(host, _): &(String, u16)| host.clone()).collect();
    hosts.insert("127.0.0.1".to_owned());
    for port in published {
        addresses.extend(hosts.iter().map(|host| (host.clone(), port)).filter(|address| !externals.contains_key(address)));
    }
    let mut externals: Vec<External> = externals.into_values().collect();
    let references: BTreeSet<(String, String)> =
        schedule.phases.iter().flat_map(|phase| &phase.pins).map(|pin| (pin.repository.clone(), pin.reference.clone())).collect();
    let references: Vec<(String, String)> = references.into_iter().collect();
    externals.extend(git_hosts(&references));
    let ending = schedule.services.iter().filter(|(_, service)| service.job.is_some()).map(|(name, _)| name.clone()).collect();
    let containers = other_containers(schedule);
    Setting {
        config: Config { projects, containers, ending, externals, references, faults, ..Config::default() },
        addresses: addresses.into_iter().collect(),
    }
}

/// What a variable of the app's environment is in the sandbox: fit for a name, a tag, a port or a number, and too short to be taken for a
/// secret.
const MADE_UP: &str = "1";

/// The variables that the compose files take from the app's environment.
fn environment(schedule: &Schedule) -> BTreeSet<String> {
    schedule.phases.iter().flat_map(|phase| asked(&phase.text)).map(|(variable, _)| variable.name.value).collect()
}

/// Containers that the plan names and that are none of its own: each is as the plan expects it.
fn other_containers(schedule: &Schedule) -> Vec<OtherContainer> {
    let own: BTreeSet<&String> = schedule.phases.iter().flat_map(|phase| phase.container_names.values()).collect();
    let mut others: BTreeMap<&String, OtherContainer> = BTreeMap::new();
    for expectation in &schedule.expectations {
        let Probe::Docker(Docker::Container { name: Some(name), assertions }) = &expectation.probe else { continue };
        if own.contains(name) {
            continue;
        }
        let (Subject::External(subject) | Subject::Gate(subject) | Subject::Service(subject)) = &expectation.subject;
        let other = others.entry(name).or_insert_with(|| OtherContainer {
            name: name.clone(),
            image: format!("{name}:latest"),
            ports: Vec::new(),
            running: true,
            has_healthcheck: false,
            external: Some(subject.clone()),
        });
        for assertion in assertions {
            match assertion {
                ContainerAssertion::Image(Condition::Compare(Comparison::Equal, Literal::Text(image))) => other.image.clone_from(image),
                ContainerAssertion::Image(Condition::Contains(part)) => other.image.clone_from(part),
                ContainerAssertion::Healthy => other.has_healthcheck = true,
                _ => {}
            }
        }
    }
    others.into_values().collect()
}

/// The hosts that repositories are on, each once.
fn git_hosts(references: &[(String, String)]) -> Vec<External> {
    let hosts: BTreeSet<(String, u16)> = references
        .iter()
        .filter_map(|(repository, _)| {
            let (scheme, rest) = repository.split_once("://")?;
            let standard = match scheme {
                "https" => 443,
                "http" => 80,
                _ => return None,
            };
            let authority = rest.split('/').next()?.rsplit('@').next()?;
            Some(match authority.rsplit_once(':') {
                Some((host, port)) => (host.to_lowercase(), port.parse().ok()?),
                None => (authority.to_lowercase(), standard),
            })
        })
        .collect();
    hosts.into_iter().map(|(host, port)| External { name: host.clone(), host, port, speaks: Speaks::Git }).collect()
}

/// Git as the sandbox's world has it.
pub(super) struct WorldSources(pub(super) Rc<Sandbox>);

impl Sources for WorldSources {
    async fn commit(&self, repository: &str, reference: &str) -> Result<String, Failure> {
        let failure = |kind, message| Failure { kind, message, may_have_acted: false, tried_for: Duration::ZERO };
        let (found, reached) = self.0.with_world(|world, now| {
            world.advance(now);
            (world.commit_of(repository, reference), world.network_is_up())
        });
        if !reached {
            return Err(failure(FailureKind::Unreachable, format!("{} cannot be reached: connection refused", without_user(repository))));
        }
        found.ok_or_else(|| failure(FailureKind::NotFound, format!("`{reference}` cannot be a reference of {repository}")))
    }
}

/// One line for each thing that the sandbox stands in for.
pub(super) fn told(variables: &SandboxVariables, schedule: &Schedule, config: &Config, asks_people: bool) -> Vec<String> {
    let mut lines = vec!["Dokploy, its address and its key are the sandbox's own; nothing outside this process is touched".to_owned()];
    lines.extend(variables.supplied.iter().map(|(name, value)| format!("{name} is not set; the sandbox takes {value}")));
    if config.projects.iter().flat_map(|project| &project.environments).flat_map(|one| &one.composes).any(|one| one.server.is_some()) {
        lines.push("the app runs on a server of its own, which a fault needs".to_owned());
    }
    let externals: Vec<String> = config
        .externals
        .iter()
        .filter(|external| external.speaks != Speaks::Git && external.port != 0)
        .map(|external| format!("{} ({}:{})", external.name, external.host, external.port))
        .collect();
    if !externals.is_empty() {
        lines.push(format!("it answers for {}", externals.join(", ")));
    }
    if !config.containers.is_empty() {
        let names: Vec<&str> = config.containers.iter().map(|container| container.name.as_str()).collect();
        lines.push(format!("its host has the containers {}, which are as the plan wants them", names.join(", ")));
    }
    let asked = schedule.expectations.iter().filter_map(|expectation| probe::prepare(&expectation.probe, variables).ok().flatten());
    let asked: Vec<Request> = asked.collect();
    if asked.iter().any(|request| matches!(&request.question, Question::Http { request, .. } if request.target.tls)) {
        lines.push("it speaks no TLS: https is asked without, and certificates are taken to expire in 90 days".to_owned());
    }
    if asked.iter().any(|request| matches!(&request.question, Question::BuildContexts(_))) {
        lines.push("it asks no repository: every build context is taken to be there".to_owned());
    }
    if asked.iter().any(|request| matches!(&request.question, Question::Exec { .. })) {
        lines.push("it runs no commands: each is taken to end with 0 and to say nothing".to_owned());
    }
    if asked.iter().any(|request| matches!(&request.question, Question::Postgres { queries, .. } if !queries.is_empty())) {
        lines.push("its PostgreSQL has no tables: a literal that is selected is itself, any other query is answered with 1".to_owned());
    }
    let variables = environment(schedule).len();
    if variables > 0 {
        lines.push(format!("it makes up the app's environment: {} of the compose files", words::count(variables, "variable")));
    }
    let repositories: BTreeSet<String> =
        schedule.phases.iter().flat_map(|phase| &phase.pins).map(|pin| without_user(&pin.repository)).collect();
    if !repositories.is_empty() {
        lines.push(format!("it makes up the commits of {}", repositories.into_iter().collect::<Vec<_>>().join(", ")));
    }
    let faulty = answered_by_faults(schedule, &config.faults);
    let others = schedule.gates.iter().enumerate().any(|(at, gate)| gate.approval.is_some() && !faulty.contains(&GateId(at)));
    lines.extend(faulty.iter().map(|gate| format!("it answers gate `{}` itself, as the fault says", schedule.gates[gate.0].name)));
    if others && !asks_people {
        let every = if faulty.is_empty() { "every gate" } else { "every other gate" };
        lines.push(format!("nobody is at a terminal, so it approves {every} itself"));
    }
    lines
}
