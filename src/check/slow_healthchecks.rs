//! A healthcheck that may still be undecided when its phase stops waiting: the phase fails while Docker says "starting".

use super::context::{Context, is_started};
use crate::compose::Healthcheck;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Allowed, duration};
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    // A time that could not be read has its default here; nothing follows from that.
    let unread = |diagnostic: &Diagnostic| matches!(diagnostic.code, Code::UnitMissing | Code::WrongKind | Code::OutOfRange);
    if context.told.iter().any(unread) {
        return;
    }
    let mut told = BTreeSet::new();
    for deployed in &context.phases {
        let (phase, Some(file)) = (deployed.phase, deployed.compose()) else { continue };
        for service in file.services.iter().filter(|service| is_started(service)) {
            let name = &service.name.value;
            let Some(healthcheck) = service.healthcheck.as_ref().filter(|healthcheck| !healthcheck.disabled && healthcheck.timed) else {
                continue;
            };
            let needed = decided_after(healthcheck);
            if needed <= phase.settle || !told.insert(name) || context.allows.permit(name, Allowed::SlowHealthcheck) {
                continue;
            }
            let (settle, needed) = (duration(phase.settle), duration(needed));
            let message = format!(
                "the healthcheck of service \"{name}\" takes up to {needed} to decide, and phase \"{}\" settles within {settle}",
                phase.name.value
            );
            let (start, interval) = (duration(healthcheck.start_period), duration(healthcheck.interval));
            let label = format!("start_period {start} + interval {interval} × retries {}", healthcheck.retries);
            let (place, settles) = match phase.settle_span {
                Some(span) => (span, "stops waiting before".to_owned()),
                None => (phase.name.span, format!("settles within {settle}, the default")),
            };
            let way = context.allows.way(name, Allowed::SlowHealthcheck);
            found.push(
                Diagnostic::new(Code::SlowHealthcheck, message, healthcheck.span.unwrap_or(service.name.span), label)
                    .label(place, settles)
                    .help(format!("write `settle within {needed}` or more in the phase, or check more often; {way}")),
            );
        }
    }
}

/// How long Docker may take to call a container unhealthy: `start_period` + `interval` × `retries`.
fn decided_after(healthcheck: &Healthcheck) -> Duration {
    healthcheck.start_period.saturating_add(healthcheck.interval.saturating_mul(healthcheck.retries))
}
