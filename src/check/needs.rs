//! What a service needs is there when the service comes: an external, or a service of the same phase or an earlier one. And nothing needs
//! itself by way of others: of a ring nobody could say what was down first.

use super::context::{Context, is_started};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::model::Service;
use crate::source::Spanned;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let services: BTreeMap<&str, &Service> = context.plan.services.iter().map(|service| (service.name.value.as_str(), service)).collect();
    let is_external = |name: &str| context.plan.externals.iter().any(|external| external.name.value == name);
    let mut added_in: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, phase) in context.phases.iter().enumerate() {
        for service in phase.compose().into_iter().flat_map(|file| &file.services).filter(|service| is_started(service)) {
            added_in.entry(&service.name.value).or_insert(at);
        }
    }
    for service in context.plan.services.iter().filter(|_| context.is_ordered() && context.complete()) {
        for needed in service.needs.iter().filter(|needed| !is_external(&needed.value)) {
            let places = (added_in.get(service.name.value.as_str()), added_in.get(needed.value.as_str()));
            let (Some(here), Some(there)) = places else { continue };
            if there > here {
                let phase = |at: usize| &context.phases[at].phase.name;
                let (name, wanted) = (&service.name.value, &needed.value);
                let message = format!("service \"{name}\" needs \"{wanted}\", which a later phase brings up");
                found.push(
                    Diagnostic::new(Code::DependencyLater, message, needed.span, format!("comes in phase \"{}\"", phase(*there).value))
                        .label(phase(*here).span, format!("\"{name}\" comes here"))
                        .label(phase(*there).span, format!("\"{wanted}\" comes here"))
                        .help(format!(
                            "bring \"{wanted}\" up no later than \"{name}\"; if \"{name}\" does without at first: `uses {wanted}`"
                        )),
                );
            }
        }
    }
    let is_known = |name: &str| {
        services.contains_key(name)
            || is_external(name)
            || context.files().flat_map(|file| &file.services).any(|one| one.name.value == name)
    };
    let leaned_on = context.plan.services.iter().flat_map(|service| service.needs.iter().chain(&service.uses));
    for name in leaned_on.filter(|_| context.complete() && !context.gaps.declarations).filter(|name| !is_known(&name.value)) {
        found.push(unknown(context, name));
    }
    let mut told = BTreeSet::new();
    for start in &context.plan.services {
        if let Some(ring) = ring(start, &services, &is_external)
            && told.insert(ring.iter().map(|needed| needed.value.as_str()).collect::<BTreeSet<_>>())
        {
            found.push(closed(start, &ring));
        }
    }
}

fn unknown(context: &Context<'_>, name: &Spanned<String>) -> Diagnostic {
    let services = context.plan.services.iter().map(|service| &service.name);
    let names: Vec<&Spanned<String>> = services.chain(context.plan.externals.iter().map(|external| &external.name)).collect();
    let message = format!("no service and no external is called \"{}\"", name.value);
    match nearest(&name.value, names.iter().map(|name| name.value.as_str())) {
        Some(near) => {
            let problem = Diagnostic::new(Code::UnknownName, message, name.span, format!("did you mean \"{near}\"?"));
            let declared = names.iter().find(|name| name.value == near);
            declared
                .iter()
                .fold(problem, |problem, name| problem.label(name.span, format!("\"{near}\" is declared here")))
                .help(format!("write `{near}`"))
        }
        None => Diagnostic::new(Code::UnknownName, message, name.span, "not declared")
            .help(format!("declare it: `external {} {{ expect … }}`, or leave it out", name.value)),
    }
}

/// The shortest way from a service by what is needed back to itself: the names on it, as written.
fn ring<'a>(
    start: &'a Service,
    services: &BTreeMap<&str, &'a Service>,
    is_external: &dyn Fn(&str) -> bool,
) -> Option<Vec<&'a Spanned<String>>> {
    let mut ways: Vec<Vec<&Spanned<String>>> = vec![Vec::new()];
    let mut seen = BTreeSet::new();
    let mut next = 0;
    while let Some(way) = ways.get(next).cloned() {
        next += 1;
        let here = match way.last() {
            None => start,
            Some(needed) => services.get(needed.value.as_str())?,
        };
        for needed in here.needs.iter().filter(|needed| !is_external(&needed.value)) {
            let further: Vec<_> = way.iter().copied().chain([needed]).collect();
            if needed.value == start.name.value {
                return Some(further);
            }
            if services.contains_key(needed.value.as_str()) && seen.insert(needed.value.as_str()) {
                ways.push(further);
            }
        }
    }
    None
}

fn closed(start: &Service, ring: &[&Spanned<String>]) -> Diagnostic {
    let path: Vec<&str> = std::iter::once(start.name.value.as_str()).chain(ring.iter().map(|needed| needed.value.as_str())).collect();
    let (closing, others) = ring.split_last().expect("a ring has at least one edge");
    let message = format!("services need each other: {}", path.join(" → "));
    let diagnostic = Diagnostic::new(Code::DependencyCycle, message, closing.span, "closes the ring");
    let labelled = others.iter().fold(diagnostic, |diagnostic, needed| diagnostic.label(needed.span, "needs this"));
    labelled.help("write `uses` for the one that can do without")
}
