//! Phases grow: a service that a later phase drops must be named by `removes`. Dokploy deploys with
//! `--remove-orphans`, so a service that is merely forgotten in a file is stopped and removed (FACTS §13.3).

use super::context::{Context, is_started, quoted, started};
use super::removes;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// Past this many a list of places helps nobody.
const MAX_LABELS: usize = 3;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for (before, earlier, after, later) in context.pairs() {
        let allowed = |name: &str| removes::says(&after.phase.removes, name, earlier, later);
        let kept = started(later);
        let dropped: Vec<(&str, Span)> = earlier
            .services
            .iter()
            .filter(|service| is_started(service))
            .map(|service| (service.name.value.as_str(), service.name.span))
            .filter(|(name, _)| !kept.contains_key(name) && !allowed(name))
            .collect();
        if dropped.is_empty() {
            continue;
        }
        let names: Vec<&str> = dropped.iter().map(|(name, _)| *name).collect();
        let (phase, earlier) = (&after.phase.name.value, &before.phase.name.value);
        let services = if names.len() == 1 { "service" } else { "services" };
        let message = format!("phase \"{phase}\" drops {services} {} of phase \"{earlier}\"", quoted(&names));
        let label = if names.len() == 1 { "does not have it" } else { "does not have them" };
        let diagnostic = Diagnostic::new(Code::ServiceDropped, message, after.phase.from.span, label).help(format!(
            "add {} to \"{}\", or write `removes {}` in the phase",
            quoted(&names),
            after.phase.from.value,
            names.join(", ")
        ));
        found.push(
            dropped
                .into_iter()
                .take(MAX_LABELS)
                .fold(diagnostic, |diagnostic, (_, span)| diagnostic.label(span, format!("running since phase \"{earlier}\" or before"))),
        );
    }
}
