//! A first plan, made from compose files: what they say is taken over, what they do not say is guessed and marked so.
//!
//! Pure: files come in as read, the text goes out. Whoever writes it checks it first.

mod healthcheck;
mod layers;
mod names;
mod order;
mod phases;
mod ports;
mod services;
mod write;

pub use names::{Named, Names, phase_number};
pub use order::{NotGrowing, Order, order};

use crate::compose::{ComposeFile, Condition, Service};
use std::collections::{BTreeMap, BTreeSet};
use write::Writer;

/// A compose file that a phase of the plan deploys.
#[derive(Clone, Debug)]
pub struct Given {
    /// Its path, as the plan is to name it: relative to the plan's folder.
    pub path: String,
    /// What was read of it.
    pub compose: ComposeFile,
}

/// A first plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The whole text.
    pub text: String,
    /// How many lines end with `# guess`.
    pub guesses: usize,
}

/// Writes a plan whose phases deploy these files, in this order. `command` is what the header calls the plan by: empty for the plan that
/// commands take by themselves, ` FILE` for another.
pub fn draft(files: &[Given], names: &Names, command: &str) -> Draft {
    let app = App::of(files);
    let mut out = Writer::default();
    header(files, names, command, &mut out);
    out.blank();
    out.marked(&format!("rollout {}", write::name(&names.rollout.value)), names.rollout.guessed);
    out.blank();
    out.open("dokploy");
    out.line("url env(\"DOKPLOY_URL\")");
    out.line("api-key secret(\"DOKPLOY_API_KEY\")");
    out.close();
    out.blank();
    out.comment("The compose service that is deployed, by its names in Dokploy.");
    out.open(&format!("app {}", write::name(&names.rollout.value)));
    for (kind, named) in [("project", &names.project), ("environment", &names.environment), ("compose", &names.compose)] {
        out.marked(&format!("{kind} {}", write::quoted(&named.value)), named.guessed);
    }
    out.close();
    let mut blocks = Writer::default();
    services::write(&app, &mut blocks);
    if blocks.text().contains("{host}") {
        out.blank();
        out.comment("Where published ports are asked: on this machine, unless HOST_TO_PROBE names another.");
        out.marked("let host = env(\"HOST_TO_PROBE\", \"127.0.0.1\")", true);
    }
    out.append(&blocks);
    let sources = app.first_git_build();
    if sources.is_some() {
        out.blank();
        out.comment("What is built from git must be there before the first build.");
        out.line("gate sources { expect build-contexts }");
    }
    phases::write(&app, names, sources, command, &mut out);
    out.into_draft()
}

fn header(files: &[Given], names: &Names, command: &str, out: &mut Writer) {
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    out.comment(&format!(
        "A first plan for {}, made by `plan init` from {}. It is a draft: look at each line that ends with `# guess`, mend it where it is wrong, \
         and take the mark away where it is right.",
        write::one_line(&names.rollout.value),
        write::listed(&paths, 8)
    ));
    out.comment("");
    let (check, run) = (format!("plan check{command}"), format!("plan run{command} --sandbox"));
    let width = run.len();
    out.verbatim(&format!("  {check:width$}   what is wrong with it, and what would happen"));
    out.verbatim(&format!("  {run}   the whole rollout, against a make-believe Dokploy"));
    out.comment("");
    out.comment(&format!("For the real one, export DOKPLOY_URL and DOKPLOY_API_KEY, then `plan run{command}`."));
}

/// The compose files, seen as one app that grows.
struct App<'a> {
    files: &'a [Given],
    /// Every service that Dokploy starts, as the first file has it that does, in the order of the files.
    services: Vec<&'a Service>,
    /// Services that some other waits for to end.
    awaited: BTreeSet<&'a str>,
    /// Services that are started in no file, with their profiles.
    in_profiles: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> App<'a> {
    fn of(files: &'a [Given]) -> Self {
        let all = || files.iter().flat_map(|file| &file.compose.services);
        let mut seen = BTreeSet::new();
        let services: Vec<&Service> = all().filter(|service| is_started(service) && seen.insert(service.name.value.as_str())).collect();
        let awaited = all().flat_map(|service| &service.depends_on).filter(|entry| entry.condition == Condition::Completed);
        let profiles = |service: &'a Service| service.profiles.iter().map(|profile| profile.value.as_str()).collect();
        let left_out = all().filter(|service| !seen.contains(service.name.value.as_str()));
        Self {
            files,
            awaited: awaited.map(|entry| entry.service.value.as_str()).collect(),
            in_profiles: left_out.map(|service| (service.name.value.as_str(), profiles(service))).collect(),
            services,
        }
    }

    /// Whether a service does its work and ends.
    fn is_job(&self, service: &Service) -> bool {
        let never_restarted = service.restart.as_ref().is_some_and(|restart| restart.value == "no" || restart.value == "false");
        let serves = !service.ports.is_empty() || !service.unknown_ports.is_empty() || healthcheck::is_there(service);
        self.awaited.contains(service.name.value.as_str()) || never_restarted && !serves
    }

    /// The first file in which something is built from git.
    fn first_git_build(&self) -> Option<usize> {
        let builds = |service: &Service| is_started(service) && service.build.as_ref().is_some_and(|build| build.git.is_some());
        self.files.iter().position(|file| file.compose.services.iter().any(builds))
    }
}

/// Whether Dokploy starts it: a service in a profile stays out of `docker compose up`.
fn is_started(service: &Service) -> bool {
    service.profiles.is_empty()
}
