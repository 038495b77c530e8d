//! Jobs and services are told apart: one ends, the other does not, and neither is well as the other.

use super::context::{Context, is_started};
use crate::compose::{Condition, Service as Composed};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Service, duration};
use crate::source::{Span, Spanned};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut awaited: BTreeMap<&str, Span> = BTreeMap::new();
    for entry in context.files().flat_map(|file| &file.services).flat_map(|one| &one.depends_on) {
        if entry.condition == Condition::Completed {
            awaited.entry(&entry.service.value).or_insert(entry.service.span);
        }
    }
    let jobs: BTreeSet<&str> = context.plan.services.iter().filter(|one| one.job.is_some()).map(|one| one.name.value.as_str()).collect();
    let mut by_name: BTreeMap<&str, Vec<&Composed>> = BTreeMap::new();
    if !jobs.is_empty() {
        for one in context.files().flat_map(|file| &file.services) {
            if is_started(one) && jobs.contains(one.name.value.as_str()) {
                by_name.entry(&one.name.value).or_default().push(one);
            }
        }
    }
    for service in &context.plan.services {
        let name = service.name.value.as_str();
        let Some(job) = service.job else {
            found.extend(awaited.get(name).map(|span| is_a_job(service, *span)));
            continue;
        };
        let composed = by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        found.extend(composed.iter().find_map(|one| never_ends(service, one)));
        found.extend(job.within.and_then(|within| too_long(context, service, within)));
    }
}

/// A job that may take longer than one of its phases waits.
fn too_long(context: &Context<'_>, job: &Service, within: Spanned<Duration>) -> Option<Diagnostic> {
    let name = job.name.value.as_str();
    let phase = context.phases.iter().find(|phase| {
        let has_it = phase.compose().is_some_and(|file| file.services.iter().any(|one| one.name.value == name));
        has_it && phase.phase.settle < within.value
    })?;
    let (settle, limit) = (duration(phase.phase.settle), duration(within.value));
    let message = format!("job \"{name}\" may take {limit}, and phase \"{}\" settles within {settle}", phase.phase.name.value);
    let told = Diagnostic::new(Code::TimeAlgebra, message, within.span, "never waited for so long");
    let told = phase.phase.settle_span.into_iter().fold(told, |told, span| told.label(span, "the phase fails then"));
    Some(told.help(format!("write `settle within {limit}` or more in the phase, or a shorter `within` here")))
}

/// A job that Docker starts again whenever it ends.
fn never_ends(job: &Service, composed: &Composed) -> Option<Diagnostic> {
    let restart = composed.restart.as_ref().filter(|restart| matches!(restart.value.as_str(), "always" | "unless-stopped"))?;
    let message = format!("job \"{}\" never ends: Docker starts it again", job.name.value);
    Some(
        Diagnostic::new(Code::JobOrService, message, job.name.span, "must end with 0")
            .label(restart.span, "started again whenever it ends")
            .help("write `restart: \"no\"` or `restart: on-failure` there, or `service` here"),
    )
}

/// A service that others wait to end.
fn is_a_job(service: &Service, awaited: Span) -> Diagnostic {
    let name = &service.name;
    Diagnostic::new(Code::JobOrService, format!("service \"{}\" is waited for to end", name.value), name.span, "must keep running")
        .label(awaited, "waits for its end")
        .help(format!("write `job {}`: it is well once it has ended with 0", name.value))
}
