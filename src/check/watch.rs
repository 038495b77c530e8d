//! A watch asks everything at least once, and one round at a time.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::duration;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let unread = |diagnostic: &Diagnostic| matches!(diagnostic.code, Code::UnitMissing | Code::WrongKind | Code::OutOfRange);
    let Some(watch) = &context.plan.watch else { return };
    if context.told.iter().any(unread) {
        return;
    }
    let sampling = context.plan.sampling;
    let every = watch.every.map_or(sampling.every, |every| every.value);
    if let Some(own) = watch.every.filter(|own| own.value < sampling.timeout) {
        let timeout = duration(sampling.timeout);
        let message = format!("the watch asks every {}, and one sample may take {timeout}", duration(own.value));
        let mut problem = Diagnostic::new(Code::TimeAlgebra, message, own.span, "shorter than a sample may take");
        if let Some(span) = sampling.span {
            problem = problem.label(span, "`timeout` of every sample");
        }
        found.push(problem.help(format!("write `every {timeout}` or more, or a shorter `timeout` in `sampling`")));
    }
    if watch.length.value < every {
        let message = format!("a watch of {} that asks every {} would ask once", duration(watch.length.value), duration(every));
        let problem = Diagnostic::new(Code::TimeAlgebra, message, watch.length.span, "over before the second round");
        found.push(problem.help(format!("write `for {}` or more, or ask more often", duration(every))));
    }
}
