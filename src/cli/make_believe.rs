//! What the sandbox stands in for when a plan is run against it, told: Dokploy itself, variables that are not set, externals, git and
//! approvals. What is there at all is [`crate::rehearse::setting`].

use super::answering::answered_by_faults;
use super::variables::SandboxVariables;
use crate::drive::Sources;
use crate::engine::{Failure, FailureKind};
use crate::probe::{self, Question, Request};
use crate::rehearse::{environment, stand_ins};
use crate::report::words;
use crate::sandbox::Sandbox;
use crate::schedule::{GateId, Schedule, without_user};
use crate::world::{Config, Speaks};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

/// Variables for a plan in the sandbox: what the environment sets, and a stand-in for every other one that the plan requires.
pub(super) fn variables(schedule: &Schedule) -> SandboxVariables {
    let is_set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
    SandboxVariables { supplied: stand_ins(schedule, is_set) }
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
