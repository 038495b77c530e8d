//! Starting where the operator says: `--from PHASE`, and `--from-broken REASON` in spite of what is live.
//!
//! `--from` starts exactly there: the phase before must be live, verified and well now. `--from-broken` lets a run start although what is
//! live does not hold, since otherwise not even a fix could be deployed: what holds is kept like anything delivered earlier, what does not
//! is named and not held against what follows, and a failure goes back to what was found, not to a phase that nobody saw well.

use super::judgement::{Assertion, listed};
use super::ledger::known_containers;
use super::stage::Stage;
use super::start::{assert_verified, before, found};
use super::turn::{Known, Turn};
use super::watch::Looks;
use super::{ContainerState, Event, FailedService, Position, Reason};
use crate::schedule::{PhaseId, ServiceName};
use std::collections::BTreeSet;

/// Begins with `--from`.
pub(super) fn begin(turn: &mut Turn, first: PhaseId) {
    let Some(predecessor) = before(first) else { return from_the_first(turn) };
    let schedule = turn.schedule();
    let marker = match turn.ledger().position {
        Some(Position::Phase(live, marker)) if live == predecessor => marker,
        _ => return refuse(turn, not_live(turn, first, predecessor)),
    };
    if marker == Some(false) && turn.options().from_broken.is_none() {
        let name = &schedule.phase(predecessor).name;
        let why = format!(
            "phase `{name}` is live and not verified, so nothing starts after it: `plan run --until {name}` verifies it, \
             --from-broken \"reason\" starts all the same"
        );
        return refuse(turn, why);
    }
    let services = schedule.phase(predecessor).services.clone();
    let until = turn.within(schedule.phase(predecessor).settle);
    let assertion = Assertion::begin(turn, services, [], Looks::MustKnow, until);
    turn.enter(Stage::Asserting { candidate: predecessor, assertion });
}

/// The first phase takes everything away that later ones brought, so nothing of them may run.
fn from_the_first(turn: &mut Turn) {
    let schedule = turn.schedule();
    let name = &schedule.phases[0].name;
    let later: BTreeSet<&ServiceName> = schedule.phases.iter().flat_map(|phase| &phase.services).collect();
    let later: BTreeSet<&ServiceName> = later.into_iter().filter(|service| !schedule.phases[0].services.contains(*service)).collect();
    let containers = turn.ledger().survey.as_ref().and_then(known_containers).unwrap_or_default();
    let runs = containers.iter().filter(|one| matches!(one.state, ContainerState::Running | ContainerState::Restarting));
    let runs: BTreeSet<&ServiceName> = runs.map(|one| &one.service).filter(|service| later.contains(service)).collect();
    if !runs.is_empty() {
        let verb = if runs.len() == 1 { "runs" } else { "run" };
        let runs = listed(runs.iter().map(|service| format!("`{service}`")));
        let why = format!(
            "{runs} of a later phase {verb}, which phase `{name}` would take away: `plan rollback --to {name}` goes back to it and shows \
             what that removes"
        );
        return refuse(turn, why);
    }
    if let Some(Position::Phase(live, _)) = turn.ledger().position
        && live > PhaseId(0)
    {
        return refuse(turn, not_live(turn, PhaseId(0), PhaseId(0)));
    }
    found(turn, None, false);
}

/// What is live instead of the predecessor, and what to do.
fn not_live(turn: &Turn, first: PhaseId, predecessor: PhaseId) -> String {
    let schedule = turn.schedule();
    let name = |phase: PhaseId| &schedule.phase(phase).name;
    let (first_name, wanted) = (name(first), name(predecessor));
    let head = format!("--from {first_name} needs phase `{wanted}` live");
    match &turn.ledger().position {
        Some(Position::Phase(live, _)) if *live == first && first > predecessor => {
            format!("{head}, and `{first_name}` itself is: --redeploy repeats its deploy, `plan rollback --to {wanted}` goes back first")
        }
        Some(Position::Phase(live, _)) if *live > first || first == predecessor => {
            let head = if first == predecessor { format!("--from {first_name} needs nothing of a later phase") } else { head };
            format!("{head}, and `{}` is: `plan rollback --to {wanted}` goes back first", name(*live))
        }
        Some(Position::Phase(live, _)) => {
            format!("{head}, and `{}` is: `plan run` goes on after it, phase by phase", name(*live))
        }
        Some(Position::Empty) | None => format!("{head}, and nothing is live: `plan run --until {wanted}` brings it up"),
        Some(Position::OlderVersion { phase, .. }) => {
            format!("{head}, and an older version of `{phase}` is: `plan run --until {wanted}` brings `{wanted}` up")
        }
        Some(Position::Edited { .. } | Position::Foreign) => {
            format!("{head}, and a text is that is no phase of this plan: `plan run --adopt --until {wanted}` brings `{wanted}` up")
        }
    }
}

/// The predecessor holds.
pub(super) fn asserted(turn: &mut Turn, predecessor: PhaseId, assertion: &Assertion) {
    let is_unverified = matches!(turn.ledger().position, Some(Position::Phase(_, Some(false))));
    if is_unverified {
        let what = format!("phase `{}` was never verified", turn.schedule().phase(predecessor).name);
        broken(turn, what, Vec::new(), assertion);
    } else {
        assert_verified(turn, predecessor, &assertion.watch);
    }
    found(turn, Some(predecessor), false);
}

/// What is live does not hold, and somebody answers for starting all the same: `false` when nobody does, or nothing would follow it.
pub(super) fn in_spite_of(turn: &mut Turn, live: PhaseId, assertion: &Assertion, failed: &[FailedService]) -> bool {
    let last = turn.options().until.unwrap_or(PhaseId(turn.schedule().phases.len() - 1));
    if turn.options().from_broken.is_none() || live >= last {
        return false;
    }
    let names = listed(failed.iter().map(|failed| format!("`{}`", failed.service)));
    let what = if names.is_empty() { "what is live did not hold".to_owned() } else { format!("{names} did not hold") };
    broken(turn, what, failed.to_vec(), assertion);
    found(turn, Some(live), false);
    true
}

fn broken(turn: &mut Turn, what: String, services: Vec<FailedService>, assertion: &Assertion) {
    let Some(reason) = turn.options().from_broken.clone() else { return };
    let held = assertion.watch.met().intersection(&assertion.watch.services()).cloned().collect();
    turn.emit(Event::StartedBroken { reason, what, services, held });
}

fn refuse(turn: &mut Turn, why: String) {
    turn.end(Reason::Refused { why: vec![why] }, Known::Holds);
}
