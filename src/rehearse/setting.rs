//! The world that a plan expects to find: its app, empty and never deployed, its externals, the containers that it names, a stand-in for
//! every variable. The sandbox serves it over HTTP, a rehearsal calls it directly.

use crate::compose::asked;
use crate::model::{Comparison, Condition, ContainerAssertion, Docker, Literal, Probe, Text, TextPart, Variables};
use crate::probe::{self, CONTEXTS_STAND_IN, Question};
use crate::schedule::{Schedule, Subject};
use crate::world::{Compose, Config, Environment, External, Fault, OtherContainer, Project, Speaks};
use std::collections::{BTreeMap, BTreeSet};

/// Stand-ins for the variables that the plan requires and nobody set, by name.
pub fn stand_ins(schedule: &Schedule, is_set: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    let app = &schedule.app;
    let mut supplied = BTreeMap::new();
    let mut supply = |text: &Text, form: fn(&str) -> String| {
        for part in &text.parts {
            let (TextPart::Env { name, default: None } | TextPart::Secret { name }) = part else { continue };
            if !is_set(name) {
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
    supplied
}

/// The world that a plan expects to find, and the plan's addresses in it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The app of the plan, empty and never deployed, and its externals.
    pub config: Config,
    /// Addresses that lead to the sandbox.
    pub addresses: Vec<(String, u16)>,
}

/// Makes the world of a plan.
pub fn setting(schedule: &Schedule, variables: &dyn Variables, faults: Vec<Fault>) -> Setting {
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
pub fn environment(schedule: &Schedule) -> BTreeSet<String> {
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
