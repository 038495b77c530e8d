//! The facts of tables, runbook and graph, from the phases' compose files and the plan. A fact that a later phase repeats stands once, with
//! the phase that has it first.

mod addresses;
mod volumes;

use crate::compose::{self, Protocol, with_defaults};
use crate::schedule::{Schedule, Subject, without_user};
use crate::source::SourceMap;
use addresses::{Kind, reason};
use std::collections::{BTreeMap, BTreeSet};

/// All of them, each list in the order that it is shown in.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) services: Vec<Service>,
    pub(super) ports: Vec<Port>,
    pub(super) redis: Vec<Use>,
    pub(super) databases: Vec<Use>,
    pub(super) builds: Vec<Build>,
    pub(super) leans: Vec<Lean>,
    /// Where services keep what outlives their containers.
    pub(super) volumes: Vec<Volume>,
    /// What the compose files take from the app's environment, by name.
    pub(super) variables: Vec<Variable>,
    /// Services of which not everything was read, and what.
    pub(super) unread: Vec<(String, String)>,
    /// Service, word and reason of each `allow`.
    pub(super) allows: Vec<(String, String, String)>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) phase: String,
    /// Its image, or that it is built.
    pub(super) runs: String,
    /// Its image as written.
    pub(super) image: Option<String>,
    pub(super) note: Option<String>,
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Port {
    /// The host's number; `None` where it is not known.
    pub(super) number: Option<u16>,
    /// The host's address and number as they are shown.
    pub(super) host: String,
    pub(super) address: Option<String>,
    /// The container's number as it is shown.
    pub(super) container: String,
    pub(super) inside: Option<u16>,
    pub(super) protocol: Option<&'static str>,
    pub(super) service: String,
    pub(super) phase: String,
    pub(super) unknown: Option<String>,
}

/// A database that a variable names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    /// Its number or name.
    pub(super) what: Option<String>,
    pub(super) server: Option<String>,
    pub(super) service: String,
    pub(super) variable: String,
    pub(super) phase: String,
    pub(super) unknown: Option<String>,
}

/// Where a service is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Build {
    pub(super) service: String,
    pub(super) phase: String,
    /// Without user and password.
    pub(super) repository: Option<String>,
    pub(super) reference: Option<String>,
    pub(super) directory: Option<String>,
    /// The context where it is no repository.
    pub(super) context: Option<String>,
    pub(super) dockerfile: Option<String>,
    /// An earlier phase builds the service from somewhere else, or does not build it.
    pub(super) is_change: bool,
    pub(super) unknown: Option<String>,
}

/// A service that leans on another or on an external.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lean {
    pub(super) service: String,
    pub(super) on: String,
    /// Whether that is an external, and no service.
    pub(super) is_external: bool,
    /// `needs`, `uses`, `depends_on`.
    pub(super) how: Vec<&'static str>,
    pub(super) phase: String,
}

/// A volume or a folder of the host that a service has mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Volume {
    pub(super) service: String,
    /// The volume's name or the folder, as written; `None` for a volume without a name.
    pub(super) source: Option<String>,
    /// Where it is in the container.
    pub(super) target: String,
    pub(super) phase: String,
}

/// A variable of the app's environment that has no default in some place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    /// Whether compose refuses a file without it.
    pub(super) is_required: bool,
    pub(super) phase: String,
}

impl Facts {
    pub(super) fn of(schedule: &Schedule) -> Self {
        let mut gathered = Gathered::default();
        let mut leans: BTreeMap<(String, String, bool), (BTreeSet<&'static str>, usize)> = BTreeMap::new();
        for (at, phase) in schedule.phases.iter().enumerate() {
            let file = SourceMap::default().add("compose.yml", phase.text.as_str());
            let Ok(file) = compose::read(file, &phase.text) else { continue };
            file.variables.iter().for_each(|variable| gathered.variable(&phase.name, variable));
            for service in file.services.iter().filter(|service| service.profiles.is_empty()) {
                gathered.service(schedule, &phase.name, service);
                for other in &service.depends_on {
                    let pair = (service.name.value.clone(), other.service.value.clone(), false);
                    leans.entry(pair).or_insert((BTreeSet::new(), at)).0.insert("depends_on");
                }
            }
        }
        for (name, service) in &schedule.services {
            let sides = service.needs.iter().map(|on| (on, "needs")).chain(service.uses.iter().map(|on| (on, "uses")));
            for (on, how) in sides {
                let is_external = matches!(on, Subject::External(_));
                let on = on.name();
                // What the service leans on may come later than itself.
                let at = schedule.services.get(on).map_or(service.added_in.0, |other| other.added_in.0.max(service.added_in.0));
                leans.entry((name.clone(), on.to_owned(), is_external)).or_insert((BTreeSet::new(), at)).0.insert(how);
            }
        }
        let mut facts = gathered.facts;
        facts.variables = gathered.variables.into_values().collect();
        facts.services.sort_by_key(|service| schedule.phase_named(&service.phase).map(|phase| phase.0));
        facts.ports.sort_by(|a, b| (a.number.is_none(), a).cmp(&(b.number.is_none(), b)));
        let number = |one: &Use| one.what.as_ref().and_then(|what| what.parse::<u32>().ok());
        facts.redis.sort_by_key(|one| (one.what.is_none(), number(one), one.service.clone()));
        facts.databases.sort_by_key(|one| (one.what.is_none(), one.what.clone(), one.service.clone()));
        facts.leans = leans
            .into_iter()
            .map(|((service, on, is_external), (how, at))| Lean {
                service,
                on,
                is_external,
                how: how.into_iter().collect(),
                phase: schedule.phases[at].name.clone(),
            })
            .collect();
        facts.allows = schedule
            .services
            .iter()
            .flat_map(|(name, service)| service.allows.iter().map(|(word, reason)| (name.clone(), word.to_string(), reason.clone())))
            .collect();
        facts
    }
}

/// Facts so far, and what was seen already.
#[derive(Default)]
struct Gathered {
    facts: Facts,
    seen: BTreeSet<String>,
    /// The phase that each service begins in.
    first: BTreeMap<String, String>,
    /// By name.
    variables: BTreeMap<String, Variable>,
}

impl Gathered {
    /// Whether something is said for the first time.
    fn is_new(&mut self, what: &str, service: &str, said: &str) -> bool {
        self.seen.insert(format!("{what}\0{service}\0{said}"))
    }

    fn service(&mut self, schedule: &Schedule, phase: &str, service: &compose::Service) {
        let name = service.name.value.as_str();
        if self.is_new("service", name, "") {
            self.first.insert(name.to_owned(), phase.to_owned());
            let image = service.image.as_ref().filter(|_| service.build.is_none()).map(|image| image.value.clone());
            let note = schedule.services.get(name).and_then(|service| service.note.clone());
            let runs = image.clone().unwrap_or_else(|| "a build".to_owned());
            self.facts.services.push(Service { name: name.to_owned(), phase: phase.to_owned(), runs, image, note });
        }
        self.ports(phase, service);
        for variable in &service.environment {
            let value = variable.value.as_ref().map(|value| value.value.as_str());
            let Some(address) = addresses::read(&variable.name.value, value) else { continue };
            if self.is_new("uses", name, &format!("{} {address:?}", variable.name.value)) {
                let one = Use {
                    what: address.what,
                    server: address.server,
                    service: name.to_owned(),
                    variable: variable.name.value.clone(),
                    phase: phase.to_owned(),
                    unknown: address.unknown,
                };
                match address.kind {
                    Kind::Redis => self.facts.redis.push(one),
                    Kind::Other => self.facts.databases.push(one),
                }
            }
        }
        for file in &service.env_files {
            if self.is_new("env_file", name, &file.value) {
                self.facts.unread.push((name.to_owned(), format!("what its `env_file` {} sets", file.value)));
            }
        }
        let elsewhere = service.definition.pointer("/extends/file").and_then(serde_json::Value::as_str);
        if let Some(file) = elsewhere.filter(|file| self.is_new("extends", name, file)) {
            self.facts.unread.push((name.to_owned(), format!("what it `extends`, in {file}")));
        }
        for (source, target) in volumes::of(&service.definition) {
            if self.is_new("volume", name, &format!("{source:?} {target}")) {
                self.facts.volumes.push(Volume { service: name.to_owned(), source, target, phase: phase.to_owned() });
            }
        }
        self.build(phase, service);
    }

    fn variable(&mut self, phase: &str, variable: &compose::Variable) {
        let name = &variable.name.value;
        let first = || Variable { name: name.clone(), is_required: false, phase: phase.to_owned() };
        self.variables.entry(name.clone()).or_insert_with(first).is_required |= variable.required;
    }

    fn ports(&mut self, phase: &str, service: &compose::Service) {
        let name = service.name.value.as_str();
        for port in service.ports.iter().map(|port| port.value) {
            if !self.is_new("port", name, &format!("{port:?}")) {
                continue;
            }
            let protocol = match port.protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
            };
            let suffix = if port.protocol == Protocol::Udp { "/udp" } else { "" };
            let address = port.host_ip.map(|ip| ip.to_string());
            let host = match (&address, port.host) {
                (_, None) => "unknown".to_owned(),
                (None, Some(host)) => format!("{host}{suffix}"),
                (Some(address), Some(host)) if address.contains(':') => format!("[{address}]:{host}{suffix}"),
                (Some(address), Some(host)) => format!("{address}:{host}{suffix}"),
            };
            self.facts.ports.push(Port {
                number: port.host,
                host,
                address,
                container: port.container.to_string(),
                inside: Some(port.container),
                protocol: Some(protocol),
                service: name.to_owned(),
                phase: phase.to_owned(),
                unknown: port.host.is_none().then(|| "Docker chooses it at each start".to_owned()),
            });
        }
        for written in &service.unknown_ports {
            if !self.is_new("port", name, &written.value) {
                continue;
            }
            let why = if written.value.contains('$') { reason(&written.value) } else { "Docker chooses it out of a range".to_owned() };
            self.facts.ports.push(Port {
                number: None,
                host: "unknown".to_owned(),
                address: None,
                container: written.value.rsplit(':').next().filter(|inside| !inside.contains('}')).unwrap_or("unknown").to_owned(),
                inside: None,
                protocol: None,
                service: name.to_owned(),
                phase: phase.to_owned(),
                unknown: Some(why),
            });
        }
    }

    fn build(&mut self, phase: &str, service: &compose::Service) {
        let (name, Some(build)) = (service.name.value.as_str(), &service.build) else { return };
        let context = &build.context.value;
        let dockerfile = build.dockerfile.as_ref().map(|file| file.value.clone());
        let dockerfile = dockerfile.or_else(|| build.inline.then(|| "its Dockerfile in the file".to_owned()));
        if !self.is_new("build", name, &format!("{context}\0{dockerfile:?}")) {
            return;
        }
        let known = with_defaults(context);
        let parts = compose::repository(known.as_deref().unwrap_or(context));
        let unknown = known.is_none().then(|| reason(context));
        let (repository, reference, directory) = match parts {
            Some((repository, reference, directory)) => (Some(without_user(&repository)), reference, directory),
            None => (None, None, None),
        };
        let plain = known.filter(|_| repository.is_none());
        self.facts.builds.push(Build {
            service: name.to_owned(),
            phase: phase.to_owned(),
            repository,
            reference,
            directory,
            context: plain,
            dockerfile,
            is_change: self.first.get(name).is_some_and(|first| first != phase),
            unknown,
        });
    }
}
