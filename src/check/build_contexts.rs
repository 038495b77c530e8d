//! A gate that looks at build contexts guards a phase that builds something: otherwise nothing in it could fail.

use super::context::{Context, is_started};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Probe;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if !context.complete() || !context.is_ordered() {
        return;
    }
    for (at, gate) in context.plan.gates.iter().enumerate() {
        let Some(expectation) = gate.expectations.iter().find(|one| matches!(one.probe, Probe::BuildContexts(_))) else { continue };
        let first = context.phases.iter().position(|phase| phase.phase.require.iter().any(|required| required.value == at)).unwrap_or(0);
        let guarded = &context.phases[first..];
        let services = guarded.iter().filter_map(|phase| phase.compose()).flat_map(|file| &file.services);
        if !services.clone().any(|service| is_started(service) && service.build.is_some()) {
            let message = format!("gate \"{}\" looks at build contexts where there are none", gate.name.value);
            let label = guarded.first().map_or_else(
                || "no phase builds anything".to_owned(),
                |phase| format!("neither phase \"{}\" nor one after it builds anything", phase.phase.name.value),
            );
            found.push(Diagnostic::new(Code::Vacuous, message, expectation.span, label).help("remove it"));
        }
    }
}
