//! The algebra of time: limits that contradict each other could never be met, or would prove nothing.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Phase, duration};
use crate::source::Span;
use std::time::Duration;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    // A time that could not be read has its default here; nothing follows from that.
    let unread = |diagnostic: &Diagnostic| matches!(diagnostic.code, Code::UnitMissing | Code::WrongKind | Code::OutOfRange);
    if context.told.iter().any(unread) {
        return;
    }
    let plan = context.plan;
    let sampling = plan.sampling;
    let at_sampling = sampling.span.unwrap_or(plan.name.span);
    let (every, timeout) = (sampling.every, sampling.timeout);
    if timeout > every {
        let message = format!("a sample may take {}, longer than the {} from one to the next", duration(timeout), duration(every));
        let help = format!("write `timeout {}` or less, or sample less often", duration(every));
        found.push(Diagnostic::new(Code::TimeAlgebra, message, at_sampling, "`timeout` is longer than `every`").help(help));
    }
    for (written, limit) in plan.expectations().flat_map(|expectation| expectation.probe.limits()) {
        if limit.value >= timeout {
            let message = format!("`{written}` says nothing: a sample ends after {}", duration(timeout));
            let mut problem = Diagnostic::new(Code::TimeAlgebra, message, limit.span, "no answer in time can fail it");
            if let Some(span) = sampling.span {
                problem = problem.label(span, "`timeout` of every sample");
            }
            found.push(problem.help(format!("write less than {}, or a longer `timeout` in `sampling`", duration(timeout))));
        }
    }
    let streak = every.saturating_mul(sampling.healthy_after);
    let counted = format!("{} passes, one every {}, take {}", sampling.healthy_after, duration(every), duration(streak));
    found.extend(settling(context, streak, &counted, at_sampling));
    for phase in &plan.phases {
        if phase.soak < every {
            let message = format!(
                "phase \"{}\" soaks {}, less than the {} from one sample to the next",
                phase.name.value,
                duration(phase.soak),
                duration(every)
            );
            let place = phase.soak_span.unwrap_or(phase.name.span);
            found.push(
                Diagnostic::new(Code::TimeAlgebra, message, place, "nothing would be sampled in it")
                    .help(format!("write `soak {}` or more", duration(every))),
            );
        }
    }
    let each = |phase: &Phase| streak.saturating_sub(every).saturating_add(phase.soak);
    let least = plan.phases.iter().map(each).fold(Duration::ZERO, Duration::saturating_add);
    if least > plan.limits.run {
        let message =
            format!("the phases take at least {}, longer than the {} that the run may take", duration(least), duration(plan.limits.run));
        let label = "even when everything answers at once";
        found
            .push(Diagnostic::new(Code::TimeAlgebra, message, plan.name.span, label).help("write a longer `run within`, or shorter soaks"));
    }
}

/// One finding for all phases: when several settle too shortly, the sampling is as likely to be what is meant to
/// change.
fn settling(context: &Context<'_>, streak: Duration, counted: &str, at_sampling: Span) -> Option<Diagnostic> {
    let mut short = context.plan.phases.iter().filter(|phase| phase.settle < streak);
    let first = short.next()?;
    let place = |phase: &Phase| phase.settle_span.unwrap_or(at_sampling);
    let message =
        format!("phase \"{}\" settles within {}, too short for anything to become healthy", first.name.value, duration(first.settle));
    let diagnostic = Diagnostic::new(Code::TimeAlgebra, message, place(first), counted)
        .help(format!("write `settle within {}` or more, or sample more often", duration(streak)));
    let others = short.filter(|phase| phase.settle_span.is_some());
    Some(
        others
            .fold(diagnostic, |diagnostic, phase| diagnostic.label(place(phase), format!("too short as well: {}", duration(phase.settle)))),
    )
}
