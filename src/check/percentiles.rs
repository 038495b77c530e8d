//! A percentile needs enough samples to be more than the slowest of them, and time to gather them.

use super::context::{Context, Deployed};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Expectation, Percentile, duration};
use crate::source::Spanned;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let unread = |diagnostic: &Diagnostic| matches!(diagnostic.code, Code::UnitMissing | Code::WrongKind | Code::OutOfRange);
    if context.told.iter().any(unread) {
        return;
    }
    let plan = context.plan;
    for service in &plan.services {
        let has_it =
            |phase: &Deployed<'_>| phase.compose().is_some_and(|file| file.services.iter().any(|one| one.name.value == service.name.value));
        each(context, &service.expectations, has_it, found);
    }
    for (at, gate) in plan.gates.iter().enumerate() {
        let requires = |phase: &Deployed<'_>| phase.phase.require.iter().any(|required| required.value == at);
        each(context, &gate.expectations, requires, found);
        for external in &gate.externals {
            each(context, &plan.externals[external.value].expectations, requires, found);
        }
    }
}

fn each(context: &Context<'_>, expectations: &[Expectation], concerns: impl Fn(&Deployed<'_>) -> bool, found: &mut Vec<Diagnostic>) {
    for percentile in expectations.iter().flat_map(|expectation| &expectation.percentiles) {
        // An external may be asked for by several gates.
        if found.iter().any(|told| told.primary.span == percentile.span) {
            continue;
        }
        if let Some(problem) = too_few(context, percentile).or_else(|| never_above(context, percentile)) {
            found.push(problem);
            continue;
        }
        let short =
            context.phases.iter().filter(|phase| concerns(phase)).find(|phase| phase.phase.settle < needed(context, &percentile.value));
        found.extend(short.map(|phase| too_short(context, percentile, phase)));
    }
}

/// From the first sample to the pass that meets it.
fn needed(context: &Context<'_>, percentile: &Percentile) -> std::time::Duration {
    let sampling = context.plan.sampling;
    sampling.every.saturating_mul(percentile.samples(sampling.every).saturating_add(sampling.healthy_after).saturating_sub(1))
}

fn too_few(context: &Context<'_>, percentile: &Spanned<Percentile>) -> Option<Diagnostic> {
    let every = context.plan.sampling.every;
    let (has, needs) = (percentile.value.samples(every), percentile.value.least());
    if has >= needs {
        return None;
    }
    let message = format!("{} samples in {} are too few for this percentile", has, duration(percentile.value.over));
    let label = format!("with fewer than {needs} it is the slowest sample");
    Some(
        Diagnostic::new(Code::TimeAlgebra, message, percentile.span, label)
            .help(format!("write `over {}` or more, or sample more often", duration(every.saturating_mul(needs)))),
    )
}

fn never_above(context: &Context<'_>, percentile: &Spanned<Percentile>) -> Option<Diagnostic> {
    let timeout = context.plan.sampling.timeout;
    (percentile.value.limit > timeout).then(|| {
        let message = format!("`{}` says nothing: a sample ends after {}", percentile.value, duration(timeout));
        Diagnostic::new(Code::TimeAlgebra, message, percentile.span, "longer than a sample may take")
            .help(format!("write at most {}, or a longer `timeout` in `sampling`", duration(timeout)))
    })
}

fn too_short(context: &Context<'_>, percentile: &Spanned<Percentile>, phase: &Deployed<'_>) -> Diagnostic {
    let (needed, settle) = (duration(needed(context, &percentile.value)), duration(phase.phase.settle));
    let message = format!("phase \"{}\" settles within {settle}, and this is known after {needed}", phase.phase.name.value);
    let problem = Diagnostic::new(Code::TimeAlgebra, message, percentile.span, "never met in time");
    let problem = phase.phase.settle_span.into_iter().fold(problem, |problem, span| problem.label(span, "the phase fails then"));
    problem.help(format!("write `settle within {needed}` or more in the phase, or a shorter `over`"))
}
