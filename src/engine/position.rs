//! Where a live text stands in terms of the plan.

use super::{Position, Survey};
use crate::compose::{masked_line, masks_of};
use crate::schedule::{Header, PhaseId, Schedule, ServiceName, body_of, canonical, is_phase, services_in};
use similar::TextDiff;
use std::collections::BTreeSet;

/// Lines of context in a diff for people.
const DIFF_CONTEXT: usize = 2;

/// The position of a live text.
pub(super) fn position(schedule: &Schedule, live: &str) -> Position {
    if body_of(live).trim().is_empty() {
        return Position::Empty;
    }
    let header = Header::parse(live);
    let header = header.as_ref();
    // Two phases may have the same file; the marker tells which one it was sent for.
    let is_live = |id: &PhaseId| is_phase(schedule.phase(*id), live);
    let named = header.and_then(|header| schedule.phase_named(&header.phase)).filter(is_live);
    if let Some(phase) = named.or_else(|| (0..schedule.phases.len()).map(PhaseId).find(is_live)) {
        let verified = header.map(|header| header.verified && header.phase == schedule.phase(phase).name);
        return Position::Phase(phase, verified);
    }
    match header {
        Some(header) if header.is_intact(live) => Position::OlderVersion { phase: header.phase.clone(), verified: header.verified },
        Some(header) => Position::Edited { phase: header.phase.clone() },
        None => Position::Foreign,
    }
}

/// The services that a live text starts.
pub fn delivered(schedule: &Schedule, survey: &Survey, position: &Position) -> BTreeSet<ServiceName> {
    match position {
        Position::Phase(phase, _) => schedule.phase(*phase).services.clone(),
        Position::Empty => BTreeSet::new(),
        Position::OlderVersion { .. } | Position::Edited { .. } | Position::Foreign => services_in(&survey.text),
    }
}

/// The phase whose file is nearest to a live text, and a unified diff from it.
pub(super) fn nearest(schedule: &Schedule, live: &str) -> Option<(PhaseId, String)> {
    let live = canonical(body_of(live));
    let ratio = |phase: &PhaseId| TextDiff::from_lines(&canonical(&schedule.phase(*phase).text), &live).ratio();
    let mut best: Option<(PhaseId, f32)> = None;
    for phase in (0..schedule.phases.len()).map(PhaseId) {
        let ratio = ratio(&phase);
        if best.is_none_or(|(_, most)| ratio > most) {
            best = Some((phase, ratio));
        }
    }
    let (phase, _) = best?;
    let (name, path) = (&schedule.phase(phase).name, &schedule.phase(phase).path);
    Some((phase, unified(&format!("phase {name} ({path})"), &canonical(&schedule.phase(phase).text), &live)))
}

/// A unified diff from what we believed live to what is.
pub(super) fn changed(believed: &str, live: &str) -> String {
    unified("believed live", &canonical(believed), &canonical(live))
}

/// Masked here, where it is made: it goes into events, and so onto disk.
fn unified(name: &str, from: &str, to: &str) -> String {
    let diff = TextDiff::from_lines(from, to).unified_diff().context_radius(DIFF_CONTEXT).header(name, "live in Dokploy").to_string();
    let mut masks = masks_of(from);
    masks.merge(&masks_of(to));
    let masked = |line: &str| masks.apply(&masked_line(line));
    diff.split_inclusive('\n').map(|line| masked(line.trim_end_matches('\n')) + if line.ends_with('\n') { "\n" } else { "" }).collect()
}
