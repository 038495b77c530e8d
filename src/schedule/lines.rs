//! Where in the plan something is declared: a record keeps it, so that who reads of a failure later is led to the line.

use super::{Subject, wording};
use crate::model::{Expectation, Plan};
use crate::source::{SourceMap, Span};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Lines of the plan, from 1, by what is declared there: `phase core`, `service brain-api`, `service brain-api: http … status == 200`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lines(BTreeMap<String, usize>);

impl Lines {
    /// The lines of a plan.
    pub fn of(plan: &Plan, sources: &SourceMap) -> Self {
        let line = |span: Span| sources.file(span.file).line_column(span.start as usize).0;
        let mut lines = BTreeMap::new();
        let phases = plan.phases.iter().map(|phase| (format!("phase {}", phase.name.value), line(phase.name.span)));
        lines.extend(phases);
        let services = plan.services.iter().map(|service| (&service.name, "service", &service.expectations, &service.asides));
        let externals = plan.externals.iter().map(|external| (&external.name, "external", &external.expectations, &external.asides));
        let gates = plan.gates.iter().map(|gate| (&gate.name, "gate", &gate.expectations, &gate.asides));
        for (name, kind, expectations, asides) in services.chain(externals).chain(gates) {
            let subject = format!("{kind} {}", name.value);
            let of =
                |expectation: &Expectation| (format!("{subject}: {}", wording::expectation(expectation, sources)), line(expectation.span));
            // Of two that read the same the first: they fail together.
            for (text, line) in expectations.iter().chain(asides).map(of) {
                lines.entry(text).or_insert(line);
            }
            lines.insert(subject, line(name.span));
        }
        Self(lines)
    }

    /// Whether none is known: the run of an earlier version.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A phase's line.
    pub fn phase(&self, name: &str) -> Option<usize> {
        self.0.get(&format!("phase {name}")).copied()
    }

    /// The line of a service, external or gate.
    pub fn subject(&self, subject: &Subject) -> Option<usize> {
        self.0.get(&worded(subject)).copied()
    }

    /// The line of an expectation of somebody, else that of whom it speaks of.
    pub fn expectation(&self, subject: &Subject, text: &str) -> Option<usize> {
        self.0.get(&format!("{}: {text}", worded(subject))).copied().or_else(|| self.subject(subject))
    }
}

fn worded(subject: &Subject) -> String {
    let kind = match subject {
        Subject::Service(_) => "service",
        Subject::External(_) => "external",
        Subject::Gate(_) => "gate",
    };
    format!("{kind} {}", subject.name())
}
