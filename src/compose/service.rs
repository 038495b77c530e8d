//! One service of a compose file.

use super::node::{Key, Node, Over, Value};
use super::ports::{self, Ports};
use super::{Build, Condition, DependsOn, EnvEntry, Fault, Healthcheck, SandboxAnswer, Service, duration, git, interpolate};
use crate::source::{Span, Spanned};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// More ports than this no host can publish.
const MAX_PORTS: usize = 65_535;

/// Reads services, gathering what is wrong.
pub(super) struct Reader<'a> {
    text: &'a str,
    faults: Vec<Fault>,
    ports: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, faults: Vec::new(), ports: 0 }
    }

    pub(super) fn fault(&mut self, span: Span, message: impl Into<String>) {
        self.faults.push(Fault { message: message.into(), at: Some(span.range()), help: None });
    }

    pub(super) fn fault_with(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.faults.push(Fault { message: message.into(), at: Some(span.range()), help: Some(help.into()) });
    }

    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// A service from its key and definition, `extends` not applied.
    pub(super) fn service(&mut self, key: &Key, node: &Node) -> Service {
        let scalar = |name: &str| node.get(name).and_then(spanned);
        let mut service = Service {
            name: Spanned::new(key.text.clone(), key.span),
            image: scalar("image"),
            build: node.get("build").and_then(|build| self.build(build)),
            container_name: scalar("container_name"),
            ports: Vec::new(),
            unknown_ports: Vec::new(),
            depends_on: node.get("depends_on").map(depends_on).unwrap_or_default(),
            environment: node.get("environment").map(environment).unwrap_or_default(),
            env_files: node.get("env_file").map(env_files).unwrap_or_default(),
            restart: scalar("restart"),
            healthcheck: node.get("healthcheck").map(|check| healthcheck(check, node.key_span("healthcheck"))),
            profiles: node.get("profiles").map(names).unwrap_or_default(),
            networks: node.get("networks").map(names).unwrap_or_default(),
            sandbox: node.get("x-sandbox").map(sandbox),
            replaced: node
                .entries()
                .into_iter()
                .flatten()
                .filter(|(_, node)| node.over == Over::Replace)
                .map(|(key, _)| key.text.clone())
                .collect(),
            definition: node.to_json(),
        };
        self.shapes(&service, node);
        for item in node.get("ports").and_then(Node::items).unwrap_or_default() {
            self.port(&mut service, item);
        }
        service
    }

    /// Values of a kind that compose refuses, where people often write them.
    fn shapes(&mut self, service: &Service, node: &Node) {
        let name = &service.name.value;
        // A number loses its zeros and its quotes: what `1.20` names is not what was meant.
        for (key, value) in [("image", &service.image), ("container_name", &service.container_name)] {
            if let Some(value) = value.as_ref().filter(|value| self.is_number(value)) {
                let help = format!("write it in quotes, whole: `{key}: \"NAME:{}\"`", value.value);
                let help = if key == "image" { help } else { format!("write it in quotes: `{key}: \"{}\"`", value.value) };
                self.fault_with(value.span, format!("`{key}` of service \"{name}\" is a number"), help);
            }
        }
        if let Some(ports) = node.get("ports").filter(|ports| ports.items().is_none()) {
            let help = match ports.scalar() {
                Some(text) => format!("write `- \"{text}\"` on a line of its own below `ports:`"),
                None => "write each port on a line of its own, with a dash: `- \"8080:80\"`".to_owned(),
            };
            self.fault_with(ports.span, format!("`ports` of service \"{name}\" is not a list"), help);
        }
        if let Some((environment, text)) = node.get("environment").and_then(|node| Some((node, node.scalar()?))) {
            let help = format!("write `- {text}` on a line of its own below `environment:`");
            self.fault_with(environment.span, format!("`environment` of service \"{name}\" is neither a list nor a mapping"), help);
        }
    }

    /// Whether a value stands as a bare number in the text.
    fn is_number(&self, value: &Spanned<String>) -> bool {
        let written = self.text.get(value.span.range()).unwrap_or_default();
        let digits = value.value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        written == value.value && digits && value.value.parse::<f64>().is_ok()
    }

    fn build(&mut self, node: &Node) -> Option<Build> {
        let (context, dockerfile) = match &node.value {
            Value::Scalar(_) => (Some(node), None),
            Value::Map(_) => (node.get("context"), node.get("dockerfile").and_then(spanned)),
            Value::Null | Value::List(_) => return None,
        };
        let inline = node.get("dockerfile_inline").is_some();
        let Some((context, text)) = context.and_then(|context| Some((context, context.scalar()?))) else {
            // Without a context the folder of the file is meant.
            return Some(Build { context: Spanned::new(".".to_owned(), node.span), dockerfile, inline, git: None });
        };
        let written = self.text.get(context.defined.range()).unwrap_or_default();
        let git = git::parse(text, context.defined, written);
        Some(Build { context: Spanned::new(text.to_owned(), context.span), dockerfile, inline, git })
    }

    fn port(&mut self, service: &mut Service, item: &Node) {
        if self.ports > MAX_PORTS {
            return; // Said already.
        }
        let field = |name: &str| item.get(name);
        // A mapping has no length to point at; its telling value has.
        let published = field("published").filter(|published| published.scalar() != Some(""));
        let shown = published.or_else(|| field("target")).unwrap_or(item);
        let text = shown.scalar().unwrap_or_default();
        let read = match &item.value {
            Value::Scalar(text) => ports::short(text),
            Value::Map(_) => {
                let field = |name: &str| item.get(name).and_then(Node::scalar);
                ports::long(field("target").unwrap_or_default(), field("published"), field("host_ip"), field("protocol"))
            }
            Value::Null | Value::List(_) => Ports::Invalid,
        };
        match read {
            Ports::Known(known) => {
                self.ports += known.len();
                if self.ports > MAX_PORTS {
                    return self.fault(shown.span, "more ports are published than a host has");
                }
                service.ports.extend(known.into_iter().map(|port| Spanned::new(port, shown.span)));
            }
            Ports::Unknown => service.unknown_ports.push(Spanned::new(text.to_owned(), shown.span)),
            Ports::Invalid if item.entries().is_some() && field("target").is_none() => {
                let message = format!("service \"{}\" publishes a port without a `target`", service.name.value);
                self.fault_with(shown.span, message, "add `target:`, the port in the container");
            }
            Ports::Invalid => {
                let message = format!("service \"{}\" publishes a port that cannot be read: \"{text}\"", service.name.value);
                let help =
                    "write \"HOST:CONTAINER\", such as \"8080:80\", or only the container's port; an address comes before, as a number";
                self.fault_with(shown.span, message, help);
            }
        }
    }
}

impl Service {
    /// A value of the definition: the service's own, or that of the nearest service that it extends and that has one.
    pub fn own_or_inherited(&self, key: &str) -> Option<&serde_json::Value> {
        // What a service extends stands within its definition, see `extending`.
        let mut definition = &self.definition;
        loop {
            match definition.get(key) {
                Some(value) if !value.is_null() => return Some(value),
                _ => definition = definition.get("extends")?,
            }
        }
    }

    /// This service on top of the one it extends: what it says itself wins, lists are joined, variables are
    /// overridden one by one.
    pub(super) fn extending(mut self, base: &Self) -> Self {
        fn joined<T: Clone>(base: &[T], own: &mut Vec<T>) {
            own.splice(0..0, base.iter().cloned());
        }
        let replaced = std::mem::take(&mut self.replaced);
        let open = |key: &str| !replaced.iter().any(|replaced| replaced == key);
        if open("environment") {
            let own: BTreeSet<&str> = self.environment.iter().map(|own| own.name.value.as_str()).collect();
            let inherited: Vec<EnvEntry> =
                base.environment.iter().filter(|theirs| !own.contains(theirs.name.value.as_str())).cloned().collect();
            joined(&inherited, &mut self.environment);
        }
        self.image = self.image.or_else(|| base.image.clone().filter(|_| open("image")));
        self.build = self.build.or_else(|| base.build.clone().filter(|_| open("build")));
        self.container_name = self.container_name.or_else(|| base.container_name.clone().filter(|_| open("container_name")));
        self.restart = self.restart.or_else(|| base.restart.clone().filter(|_| open("restart")));
        self.healthcheck = self.healthcheck.or_else(|| base.healthcheck.clone().filter(|_| open("healthcheck")));
        self.sandbox = self.sandbox.or_else(|| base.sandbox.clone());
        if open("ports") {
            joined(&base.ports, &mut self.ports);
            joined(&base.unknown_ports, &mut self.unknown_ports);
        }
        for (key, base, own) in [
            ("env_file", &base.env_files, &mut self.env_files),
            ("profiles", &base.profiles, &mut self.profiles),
            ("networks", &base.networks, &mut self.networks),
        ] {
            if open(key) {
                joined(base, own);
            }
        }
        if open("depends_on") {
            joined(&base.depends_on, &mut self.depends_on);
        }
        self.replaced = replaced;
        if let Some(definition) = self.definition.as_object_mut() {
            definition.insert("extends".to_owned(), base.definition.clone());
        }
        self
    }
}

fn spanned(node: &Node) -> Option<Spanned<String>> {
    node.scalar().map(|text| Spanned::new(text.to_owned(), node.span))
}

/// A list of names, or a mapping by name, or a single name.
pub(super) fn names(node: &Node) -> Vec<Spanned<String>> {
    match &node.value {
        Value::Map(entries) => entries.iter().map(|(key, _)| Spanned::new(key.text.clone(), key.span)).collect(),
        Value::List(items) => items.iter().filter_map(spanned).collect(),
        Value::Scalar(_) => spanned(node).into_iter().collect(),
        Value::Null => Vec::new(),
    }
}

fn depends_on(node: &Node) -> Vec<DependsOn> {
    let started = |service| DependsOn { service, condition: Condition::Started, required: true };
    let from_map = |(key, entry): &(Key, Node)| {
        let field = |name: &str| entry.get(name).and_then(Node::scalar);
        let condition = match field("condition") {
            Some("service_healthy") => Condition::Healthy,
            Some("service_completed_successfully") => Condition::Completed,
            _ => Condition::Started,
        };
        let required = field("required") != Some("false");
        DependsOn { service: Spanned::new(key.text.clone(), key.span), condition, required }
    };
    if let Value::Map(entries) = &node.value {
        return entries.iter().map(from_map).collect();
    }
    // In a list, a name may be a variable; the app's environment decides when it has no default.
    let known = |name: Spanned<String>| Some(Spanned::new(interpolate::with_defaults(&name.value)?, name.span));
    names(node).into_iter().filter_map(known).map(started).collect()
}

fn environment(node: &Node) -> Vec<EnvEntry> {
    let from_list = |item: &Node| {
        let text = item.scalar()?;
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let value = value.map(|value| Spanned::new(value.to_owned(), item.span));
        Some(EnvEntry { name: Spanned::new(name.to_owned(), item.span), value })
    };
    match &node.value {
        Value::Map(entries) => {
            entries.iter().map(|(key, value)| EnvEntry { name: Spanned::new(key.text.clone(), key.span), value: spanned(value) }).collect()
        }
        Value::List(items) => items.iter().filter_map(from_list).collect(),
        _ => Vec::new(),
    }
}

fn env_files(node: &Node) -> Vec<Spanned<String>> {
    match &node.value {
        Value::List(items) => items.iter().filter_map(|item| spanned(item.get("path").unwrap_or(item))).collect(),
        _ => spanned(node).into_iter().collect(),
    }
}

fn healthcheck(node: &Node, span: Option<Span>) -> Healthcheck {
    let field = |name: &str| node.get(name).and_then(Node::scalar).and_then(interpolate::with_defaults);
    let duration = |name: &str| field(name).as_deref().and_then(duration::parse);
    let readable = |name: &str| node.get(name).is_none() || duration(name).is_some();
    let retries: Option<u32> = field("retries").and_then(|text| text.parse().ok());
    let is = |name: &str, value: &str| field(name).as_deref() == Some(value);
    let first = node.get("test").and_then(Node::items).and_then(|items| items.first()).and_then(Node::scalar);
    Healthcheck {
        interval: duration("interval").unwrap_or(Duration::from_secs(30)),
        timeout: duration("timeout").unwrap_or(Duration::from_secs(30)),
        retries: retries.unwrap_or(3),
        start_period: duration("start_period").unwrap_or(Duration::ZERO),
        disabled: is("disable", "true") || is("test", "NONE") || first == Some("NONE"),
        timed: ["interval", "timeout", "start_period"].into_iter().all(readable) && (node.get("retries").is_none() || retries.is_some()),
        span,
    }
}

fn sandbox(node: &Node) -> SandboxAnswer {
    let duration = |name: &str| node.get(name).and_then(Node::scalar).and_then(duration::parse);
    let code = |node: &Node| node.scalar().and_then(|text| text.parse().ok());
    let status = match node.get("status") {
        Some(status) => match status.entries() {
            Some(entries) => entries.iter().filter_map(|(path, node)| Some((path.text.clone(), code(node)?))).collect(),
            None => code(status).map(|status| ("*".to_owned(), status)).into_iter().collect(),
        },
        None => BTreeMap::new(),
    };
    let body = node.get("body").map(|body| body.scalar().map_or_else(|| body.to_json().to_string(), str::to_owned));
    let lines = |name: &str| node.get(name).map(names).unwrap_or_default().into_iter().map(|line| line.value).collect();
    SandboxAnswer { status, body, build: duration("build"), boot: duration("boot"), log: lines("log"), build_log: lines("build-log") }
}
