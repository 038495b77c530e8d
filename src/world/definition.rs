//! What compose makes of a text: services with their variables filled in, in the order in which they are started.

use super::names;
use super::variables::Filler;
use crate::compose::{self, Condition, Healthcheck, Port, Protocol, SandboxAnswer};
use crate::source::SourceMap;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A pull without `x-sandbox`.
const PULL: Duration = Duration::from_secs(3);
/// A build without `x-sandbox`.
const BUILD: Duration = Duration::from_secs(8);
/// From start to first answer without `x-sandbox`.
const BOOT: Duration = Duration::from_secs(2);
/// Members of a definition that do not make compose recreate a container: its hash leaves them out, and an image that was built anew shows
/// by its id.
const NOT_HASHED: [&str; 5] = ["build", "depends_on", "profiles", "pull_policy", "scale"];

/// A compose text as it is deployed.
#[derive(Clone, Debug)]
pub(super) struct Definitions {
    /// Services without a profile; a service comes after those it depends on.
    pub(super) services: Vec<Definition>,
    /// Networks that must exist.
    pub(super) external_networks: Vec<String>,
    /// Volumes that must exist.
    pub(super) external_volumes: Vec<String>,
    /// Variables that are not set and have no default: compose warns and takes nothing for them (FACTS §13.5).
    pub(super) unset: BTreeSet<String>,
}

/// One service as it is deployed.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) name: String,
    /// The image as named; built ones get a name from the project.
    pub(super) image: Option<String>,
    /// The build's context.
    pub(super) build: Option<String>,
    /// The image's id: equal for equal builds and equal image names.
    pub(super) image_id: String,
    pub(super) container_name: Option<String>,
    pub(super) ports: Vec<Port>,
    pub(super) depends_on: Vec<(String, Condition)>,
    pub(super) environment: Vec<(String, String)>,
    /// `no` unless written.
    pub(super) restart: String,
    pub(super) health: Option<HealthTest>,
    pub(super) networks: Vec<String>,
    /// Some other service waits for its end: it does its work and ends with 0.
    pub(super) one_shot: bool,
    /// Pulled on every deploy.
    pub(super) always_pulled: bool,
    /// How long its image takes.
    pub(super) fetch: Duration,
    /// From start to first answer.
    pub(super) boot: Duration,
    pub(super) answer: SandboxAnswer,
    /// Compose's config hash: a container with another one is recreated.
    pub(super) hash: String,
}

impl Definition {
    /// Of a container that compose has nothing to do with: it answers as soon as it is started.
    pub(super) fn plain(name: &str, image: &str, ports: Vec<Port>) -> Self {
        Self {
            name: name.to_owned(),
            image: Some(image.to_owned()),
            build: None,
            image_id: names::hex64(&["image", image]),
            container_name: Some(name.to_owned()),
            ports,
            depends_on: Vec::new(),
            environment: Vec::new(),
            restart: "unless-stopped".to_owned(),
            health: None,
            networks: Vec::new(),
            one_shot: false,
            always_pulled: false,
            fetch: Duration::ZERO,
            boot: Duration::ZERO,
            answer: SandboxAnswer::default(),
            hash: String::new(),
        }
    }
}

impl HealthTest {
    /// One as most images have it.
    pub(super) fn usual() -> Self {
        let timing = Healthcheck {
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(3),
            retries: 3,
            start_period: Duration::ZERO,
            disabled: false,
            timed: true,
            span: None,
        };
        Self { timing, path: "/".to_owned(), command: vec!["CMD".to_owned(), "/healthcheck".to_owned()] }
    }
}

/// A healthcheck and the path that it asks for.
#[derive(Clone, Debug)]
pub(super) struct HealthTest {
    pub(super) timing: Healthcheck,
    pub(super) path: String,
    pub(super) command: Vec<String>,
}

/// Why a text cannot be deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Dokploy itself cannot read the YAML.
    Yaml {
        /// The parser's words.
        message: String,
        /// Line and column, from 1.
        at: (usize, usize),
    },
    /// Compose refuses it with this line.
    Rejected(String),
}

/// Reads a text with the variables of the app's environment.
pub(super) fn read(text: &str, env: &BTreeMap<String, String>) -> Result<Definitions, Unusable> {
    if text.trim().is_empty() {
        return Err(Unusable::Rejected("empty compose file".to_owned()));
    }
    let mut sources = SourceMap::default();
    let file = sources.add("docker-compose.yml", text);
    let composed = compose::read(file, text).map_err(|faults| {
        let first = faults.into_iter().next();
        let offset = first.as_ref().and_then(|fault| fault.at.clone()).map_or(0, |at| at.start);
        Unusable::Yaml {
            message: first.map_or_else(|| "the text cannot be read".to_owned(), |fault| fault.message),
            at: sources.file(file).line_column(offset),
        }
    })?;
    let mut filler = Filler::new(env);
    let awaited: BTreeSet<&str> = composed
        .services
        .iter()
        .flat_map(|service| &service.depends_on)
        .filter(|entry| entry.condition == Condition::Completed)
        .map(|entry| entry.service.value.as_str())
        .collect();
    let mut services = Vec::new();
    for service in composed.services.iter().filter(|service| service.profiles.is_empty()) {
        let one_shot = awaited.contains(service.name.value.as_str());
        services.push(define(service, one_shot, &mut filler)?);
    }
    if services.is_empty() {
        return Err(Unusable::Rejected("no service selected".to_owned()));
    }
    let declared: BTreeSet<&str> = composed.networks.iter().map(|(name, _)| name.value.as_str()).chain(["default"]).collect();
    for service in &services {
        if let Some(missing) = service.networks.iter().find(|name| !declared.contains(name.as_str())) {
            return Err(Unusable::Rejected(format!(
                "service \"{}\" refers to undefined network {missing}: invalid compose project",
                service.name
            )));
        }
    }
    let external = |entries: &[(crate::source::Spanned<String>, bool)]| {
        entries.iter().filter(|(_, external)| *external).map(|(name, _)| name.value.clone()).collect::<Vec<_>>()
    };
    Ok(Definitions {
        services: ordered(services)?,
        external_networks: external(&composed.networks),
        external_volumes: external(&composed.volumes),
        unset: filler.into_unset(),
    })
}

fn define(service: &compose::Service, one_shot: bool, filler: &mut Filler<'_>) -> Result<Definition, Unusable> {
    let name = service.name.value.clone();
    let definition = filler.fill(&format!("services.{name}"), &service.definition).map_err(Unusable::Rejected)?;
    let text = |member: &str| definition.get(member).and_then(Value::as_str).map(str::to_owned);
    let image = text("image");
    let build = definition.get("build").filter(|_| service.build.is_some());
    let context = build.map(|build| match build {
        Value::String(context) => context.clone(),
        build => build.get("context").and_then(Value::as_str).unwrap_or(".").to_owned(),
    });
    let image_id = match (build, &image) {
        (Some(build), _) => names::hex64(&["built", &name, &build.to_string()]),
        (None, image) => names::hex64(&["image", image.as_deref().unwrap_or("")]),
    };
    let answer = service.sandbox.clone().unwrap_or_default();
    let restart = text("restart").unwrap_or_else(|| "no".to_owned());
    Ok(Definition {
        ports: ports(service, definition.get("ports")),
        environment: environment(definition.get("environment")),
        health: health(service, definition.get("healthcheck")),
        networks: service.networks.iter().map(|network| network.value.clone()).collect(),
        depends_on: service.depends_on.iter().map(|entry| (entry.service.value.clone(), entry.condition)).collect(),
        container_name: text("container_name"),
        always_pulled: text("pull_policy").as_deref() == Some("always"),
        fetch: answer.build.unwrap_or(if context.is_some() { BUILD } else { PULL }),
        boot: answer.boot.unwrap_or(BOOT),
        hash: hash(&definition),
        image,
        build: context,
        image_id,
        restart,
        one_shot,
        answer,
        name,
    })
}

/// Compose's config hash stands for the definition without what it leaves out.
fn hash(definition: &Value) -> String {
    let kept: Map<String, Value> = definition
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !NOT_HASHED.contains(&key.as_str()) && !key.starts_with("x-"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    names::hex64(&["config", &Value::Object(sorted(kept)).to_string()])
}

/// Members in the order of their names, so that moving a line does not count as a change.
fn sorted(members: Map<String, Value>) -> Map<String, Value> {
    let ordered: BTreeMap<String, Value> = members
        .into_iter()
        .map(|(key, value)| match value {
            Value::Object(inner) => (key, Value::Object(sorted(inner))),
            value => (key, value),
        })
        .collect();
    ordered.into_iter().collect()
}

/// The ports of the file, with those that only the environment tells read in their short form.
fn ports(service: &compose::Service, filled: Option<&Value>) -> Vec<Port> {
    let mut ports: Vec<Port> = service.ports.iter().map(|port| port.value).collect();
    for entry in filled.and_then(Value::as_array).into_iter().flatten() {
        if let Some(port) = entry.as_str().and_then(short_port)
            && !ports.contains(&port)
        {
            ports.push(port);
        }
    }
    ports
}

fn short_port(text: &str) -> Option<Port> {
    let (text, protocol) = match text.split_once('/') {
        Some((text, "udp")) => (text, Protocol::Udp),
        Some((text, _)) => (text, Protocol::Tcp),
        None => (text, Protocol::Tcp),
    };
    let (rest, container) = text.rsplit_once(':')?;
    let (address, host) = rest.rsplit_once(':').map_or((None, rest), |(address, host)| (Some(address), host));
    Some(Port {
        host_ip: address.map(|address| address.trim_matches(['[', ']']).parse()).transpose().ok()?,
        host: Some(host.parse().ok()?),
        container: container.parse().ok()?,
        protocol,
    })
}

fn environment(filled: Option<&Value>) -> Vec<(String, String)> {
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    match filled {
        Some(Value::Object(entries)) => entries.iter().map(|(name, value)| (name.clone(), shown(value))).collect(),
        Some(Value::Array(entries)) => entries
            .iter()
            .filter_map(Value::as_str)
            .map(|entry| entry.split_once('=').map_or_else(|| (entry.to_owned(), String::new()), |(n, v)| (n.to_owned(), v.to_owned())))
            .collect(),
        _ => Vec::new(),
    }
}

fn health(service: &compose::Service, filled: Option<&Value>) -> Option<HealthTest> {
    let timing = service.healthcheck.clone().filter(|check| !check.disabled)?;
    let command = match filled?.get("test")? {
        Value::String(shell) => vec!["CMD-SHELL".to_owned(), shell.clone()],
        Value::Array(words) => words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => return None,
    };
    let path = command.iter().find_map(|word| url_path(word)).unwrap_or_else(|| "/".to_owned());
    Some(HealthTest { timing, path, command })
}

/// The path of the first URL in a command.
fn url_path(word: &str) -> Option<String> {
    let (_, after) = word.split_once("http://").or_else(|| word.split_once("https://"))?;
    let url = after.split([' ', '"', '\'', '|', ';', ')']).next()?;
    Some(url.find('/').map_or_else(|| "/".to_owned(), |at| url[at..].split(['?', '#']).next().unwrap_or("/").to_owned()))
}

/// A service after those it depends on; otherwise in the order written.
fn ordered(services: Vec<Definition>) -> Result<Vec<Definition>, Unusable> {
    for service in &services {
        if let Some((missing, _)) = service.depends_on.iter().find(|(name, _)| !services.iter().any(|other| other.name == *name)) {
            let line = format!("service \"{}\" depends on undefined service \"{missing}\": invalid compose project", service.name);
            return Err(Unusable::Rejected(line));
        }
    }
    let mut left = services;
    let mut ordered: Vec<Definition> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_next = |service: &Definition| service.depends_on.iter().all(|(name, _)| ordered.iter().any(|done| done.name == *name));
        let Some(next) = left.iter().position(is_next) else {
            let names: Vec<&str> = left.iter().map(|service| service.name.as_str()).collect();
            return Err(Unusable::Rejected(format!("dependency cycle detected: {}", names.join(" -> "))));
        };
        let next = left.remove(next);
        ordered.push(next);
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::variables::dotenv;

    fn read_with(text: &str, env: &str) -> Result<Definitions, Unusable> {
        read(text, &dotenv(env))
    }

    fn hash_of(text: &str, env: &str) -> String {
        read_with(text, env).expect("usable").services[0].hash.clone()
    }

    #[test]
    fn services_come_after_what_they_depend_on() {
        let text = "services:\n  c: {image: c, depends_on: [b]}\n  b: {image: b, depends_on: [a]}\n  a: {image: a}\n";
        let names: Vec<String> = read_with(text, "").expect("usable").services.into_iter().map(|service| service.name).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn only_a_change_that_compose_hashes_changes_the_hash() {
        let base = "services:\n  a:\n    image: x:${TAG:-1}\n    environment: {A: b}\n";
        let same = "# a comment\nservices:\n  a:\n    environment: {A: b}\n    image: x:${TAG:-1}\n    x-sandbox: {boot: 9s}\nnetworks: {unused: {}}\n";
        assert_eq!(hash_of(base, ""), hash_of(same, ""));
        assert_ne!(hash_of(base, ""), hash_of(base, "TAG=2"), "an environment change recreates who uses it");
        assert_eq!(hash_of(base, ""), hash_of(base, "OTHER=2"));
    }

    #[test]
    fn compose_refuses_in_its_own_words() {
        let rejected = |text: &str| match read_with(text, "") {
            Err(Unusable::Rejected(line)) => line,
            other => panic!("not rejected: {other:?}"),
        };
        assert_eq!(rejected("\n"), "empty compose file");
        assert_eq!(rejected("services: {a: {image: x, profiles: [p]}}\n"), "no service selected");
        assert!(rejected("services: {a: {image: x, networks: [n]}}\n").contains("refers to undefined network n"));
        assert!(rejected("services: {a: {image: x, depends_on: [b]}}\n").contains("depends on undefined service \"b\""));
        let required = rejected("services: {a: {image: x, environment: {A: \"${B:?say it}\"}}}\n");
        assert_eq!(required, "error while interpolating services.a.environment.A: required variable B is missing a value: say it");
        assert!(matches!(read_with("services:\n  a:\n    image: x\n   ports: [oops\n", ""), Err(Unusable::Yaml { .. })));
    }

    #[test]
    fn the_environment_fills_ports_and_variables() {
        let text = "services:\n  a:\n    image: x\n    ports: [\"127.0.0.1:${P}:80\"]\n    environment: [\"U=${U}\", \"D=${D:-d}\"]\n";
        let read = read_with(text, "P=8123 # the port\n").expect("usable");
        assert_eq!(read.services[0].ports[0].host, Some(8123));
        assert_eq!(read.services[0].environment, [("U".to_owned(), String::new()), ("D".to_owned(), "d".to_owned())]);
        assert_eq!(read.unset, BTreeSet::from(["U".to_owned()]));
    }

    #[test]
    fn a_healthcheck_names_its_path() {
        assert_eq!(url_path("curl -f http://localhost:8000/health/?x=1 || exit 1").as_deref(), Some("/health/"));
        assert_eq!(url_path("http://localhost:80").as_deref(), Some("/"));
        assert_eq!(url_path("pg_isready"), None);
    }
}
