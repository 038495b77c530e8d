//! A soak that is over before a crash loop has come round: what dies every few seconds would be called verified.
//!
//! The engine notices every restart between the first pass of a row and the last sample of the soak, so a loop is missed only where its
//! period is longer than that. How long it may be nobody knows; but Docker itself takes a container that ran for ten seconds for one that
//! started, and then forgives its earlier ends. What is verified sooner was not even watched for as long as Docker waits.

use super::context::{Context, Deployed, is_started};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Phase, duration};
use std::collections::BTreeSet;
use std::time::Duration;

/// A container that ran for so long has started, as Docker sees it: after that its restarts are no longer put off ever further.
const STARTED: Duration = Duration::from_secs(10);

/// One finding for all phases: most often it is the sampling or the habit that is meant to change.
pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    // A time that could not be read has its default here; nothing follows from that.
    let unread = |diagnostic: &Diagnostic| matches!(diagnostic.code, Code::UnitMissing | Code::WrongKind | Code::OutOfRange);
    // And times that contradict each other are to be mended first.
    if context.told.iter().any(unread) || found.iter().any(|diagnostic| diagnostic.code == Code::TimeAlgebra) {
        return;
    }
    let (sampling, plan) = (context.plan.sampling, context.plan);
    // A percentile is no pass before it has all its samples, and everything else is watched meanwhile.
    let percentiles = plan.expectations().flat_map(|expectation| &expectation.percentiles);
    let gathering = percentiles.map(|percentile| percentile.value.samples(sampling.every)).max().unwrap_or(1);
    let row = sampling.every.saturating_mul(gathering.saturating_add(sampling.healthy_after).saturating_sub(2));
    let watched = |phase: &Phase| row.saturating_add(in_rounds(phase.soak, sampling.every));
    let jobs: BTreeSet<&str> =
        plan.services.iter().filter(|service| service.job.is_some()).map(|service| service.name.value.as_str()).collect();
    let stays_up = |deployed: &Deployed<'_>| {
        let services = deployed.compose().map(|file| file.services.iter().filter(|service| is_started(service)));
        services.is_none_or(|mut services| services.any(|service| !jobs.contains(service.name.value.as_str())))
    };
    // Less than a round is a mistake that is told as one.
    let is_short = |phase: &Phase| phase.soak >= sampling.every && watched(phase) < STARTED;
    let mut short = context.phases.iter().filter(|deployed| is_short(deployed.phase) && stays_up(deployed)).map(|deployed| deployed.phase);
    let Some(first) = short.next() else { return };
    let (seen, name) = (duration(watched(first)), &first.name.value);
    let message = format!("phase \"{name}\" is watched for {seen} before it is verified: what dies every {} would pass", duration(STARTED));
    let place = |phase: &Phase| phase.soak_span.unwrap_or(phase.name.span);
    let soak = in_rounds(first.soak, sampling.every);
    let label = format!("{} for the row of passes, then {} in whole rounds of {}", duration(row), duration(soak), duration(sampling.every));
    let rounds = STARTED.saturating_sub(row).as_nanos().div_ceil(sampling.every.as_nanos().max(1));
    let needed = sampling.every.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX));
    // Nobody writes `soak 9960ms`.
    let needed = Duration::from_secs(needed.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX));
    let diagnostic = Diagnostic::new(Code::ShortSoak, message, place(first), label)
        .help(format!("write `soak {}` or more, longer where a start takes longer", duration(needed)));
    let others = short.filter(|phase| phase.soak_span.is_some());
    found.push(
        others.fold(diagnostic, |diagnostic, phase| {
            diagnostic.label(place(phase), format!("too short as well: {}", duration(watched(phase))))
        }),
    );
}

/// The part of a soak that whole rounds fill.
fn in_rounds(soak: Duration, every: Duration) -> Duration {
    let rounds = soak.as_nanos().checked_div(every.as_nanos()).unwrap_or_default();
    every.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
}
