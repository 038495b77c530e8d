//! `plan graph`: phases, services and what lies outside, with who leans on whom, in the languages of Mermaid and of Graphviz. Names of the
//! plan only ever stand in labels: ids are made up, so that a service called `end` or `graph` ends nothing.

mod dot;
mod mermaid;

use super::facts::Facts;
use crate::schedule::{Schedule, Subject};
use std::collections::{BTreeMap, BTreeSet};

/// What is drawn.
#[derive(Debug)]
pub struct Graph {
    title: String,
    phases: Vec<Phase>,
    externals: Vec<String>,
    gates: Vec<String>,
    leans: Vec<Lean>,
    /// Gate and external: what a gate asks.
    asks: Vec<(usize, usize)>,
    /// Gate and phase: what a gate stands before.
    before: Vec<(usize, usize)>,
}

/// A phase and the services that it adds.
#[derive(Debug)]
struct Phase {
    name: String,
    services: Vec<Service>,
}

/// A service, with its number among all.
#[derive(Debug)]
struct Service {
    number: usize,
    name: String,
    /// The host's ports as they are shown.
    ports: Vec<String>,
}

/// An end of an arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Service(usize),
    External(usize),
}

/// An arrow from a service to what it leans on.
#[derive(Debug)]
struct Lean {
    from: usize,
    to: Node,
    /// `needs`, `uses`, `depends_on`.
    how: String,
    /// It can do without.
    is_soft: bool,
}

impl Graph {
    /// The graph of a schedule.
    pub fn of(schedule: &Schedule) -> Self {
        Self::with_facts(schedule, &Facts::of(schedule))
    }

    pub(super) fn with_facts(schedule: &Schedule, facts: &Facts) -> Self {
        let mut ports: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for port in facts.ports.iter().filter(|port| port.number.is_some()) {
            ports.entry(&port.service).or_default().push(port.host.clone());
        }
        let mut phases: Vec<Phase> = schedule.phases.iter().map(|phase| Phase { name: phase.name.clone(), services: Vec::new() }).collect();
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, service) in facts.services.iter().enumerate() {
            let Some(phase) = schedule.phase_named(&service.phase) else { continue };
            numbers.insert(&service.name, number);
            let ports = ports.remove(service.name.as_str()).unwrap_or_default();
            phases[phase.0].services.push(Service { number, name: service.name.clone(), ports });
        }
        let externals: BTreeMap<&str, usize> = (0..).zip(schedule.externals.keys()).map(|(at, name)| (name.as_str(), at)).collect();
        let leans = facts.leans.iter().filter_map(|lean| {
            let from = *numbers.get(lean.service.as_str())?;
            let to = if lean.is_external {
                Node::External(*externals.get(lean.on.as_str())?)
            } else {
                Node::Service(*numbers.get(lean.on.as_str())?)
            };
            Some(Lean { from, to, how: lean.how.join(", "), is_soft: lean.how == ["uses"] })
        });
        let asks = (0..).zip(&schedule.gates).flat_map(|(at, gate)| {
            let asked: BTreeSet<usize> = gate
                .asked()
                .filter_map(|id| match &schedule.expectations[id.0].subject {
                    Subject::External(name) => externals.get(name.as_str()).copied(),
                    Subject::Service(_) | Subject::Gate(_) => None,
                })
                .collect();
            asked.into_iter().map(move |external| (at, external))
        });
        let before = (0..).zip(&schedule.phases).flat_map(|(at, phase)| phase.gates.iter().map(move |gate| (gate.0, at)));
        Self {
            title: schedule.rollout.clone(),
            leans: leans.collect(),
            asks: asks.collect(),
            before: before.collect(),
            externals: schedule.externals.keys().cloned().collect(),
            gates: schedule.gates.iter().map(|gate| gate.name.clone()).collect(),
            phases,
        }
    }
}

impl Service {
    /// `brain-api (8001)`.
    fn label(&self) -> String {
        if self.ports.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, self.ports.join(", ")) }
    }
}
