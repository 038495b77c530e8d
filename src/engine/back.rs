//! `plan rollback`: a run whose goal is to be back. Nothing failed in it; its way back is that of any rollback, proved like any other, and
//! begun only after what is live is on disk and the user agreed to what it takes away. Gates and approvals never block it.
//!
//! ```text
//! Surveying → AssertingTarget? → Confirming → KeepingBaseline → KeepingTarget → LookingBack → Replacing → Delivering | Proving | Stopping → Ended
//! ```

use super::destination::{self, Destination};
use super::judgement::{Assertion, Outcome, listed};
use super::ledger::{known_containers, name_of};
use super::rollback::{self, Way};
use super::stage::{Job, Stage, Then};
use super::turn::{Known, Turn};
use super::watch::{Looks, Watch};
use super::{Back, DeployPurpose, Event, Goal, Position, Reason, Target, Undo, preflight, replace, start, unfinished};
use crate::schedule::{PhaseId, ServiceName, digest};
use std::collections::BTreeSet;

/// Chooses where to, after the survey.
pub(super) fn begin(turn: &mut Turn, back: &Back) {
    let (schedule, options) = (turn.schedule(), turn.options());
    let chosen = match (&turn.ledger().survey, &turn.ledger().position) {
        (Some(survey), Some(position)) => destination::choose(&schedule, back, survey, position)
            .and_then(|destination| fits(&destination, survey.environment_bytes).map(|()| destination))
            .map(|destination| (destination.is_live(&survey.text), unfinished::passed_over(&options, survey, position), destination)),
        _ => Err(vec!["nothing was surveyed".to_owned()]),
    };
    let (is_live, passed_over, destination) = match chosen {
        Ok(chosen) => chosen,
        Err(why) => return turn.end(Reason::Refused { why }, Known::Holds),
    };
    if let (Some(what), Some(reason)) = (passed_over, options.from_broken.clone()) {
        turn.emit(Event::StartedBroken { reason, what, services: Vec::new(), held: [].into() });
    }
    let restore = &destination.restore;
    let removes = turn.ledger().survey.as_ref().map(|survey| destination.removes(survey)).unwrap_or_default();
    turn.emit(Event::TargetFound {
        target: restore.target(),
        because: destination.because.clone(),
        services: destination.services.clone(),
        removes: removes.clone(),
        is_live,
    });
    if turn.ledger().survey.as_ref().and_then(known_containers).is_none() {
        turn.warn("what runs now cannot be told: whatever the text does not have is taken away");
    }
    if is_live && !restore.required().is_empty() {
        let until = turn.within(schedule.phase(timing(turn, &restore.target())).settle);
        let assertion = Assertion::begin(turn, restore.required().iter().cloned(), [], Looks::MustKnow, until);
        return turn.enter(Stage::AssertingTarget { assertion });
    }
    if is_live && removes.is_empty() {
        // Nothing was healthy there, and nothing runs.
        return nothing_to_do(turn, [].into());
    }
    start::confirm(turn);
}

/// The target is live, and is as it was.
fn nothing_to_do(turn: &mut Turn, services: BTreeSet<ServiceName>) {
    let Some(way) = way(turn) else { return };
    turn.emit(Event::RollbackVerified { target: way.restore.target(), services, not_held_against: way.restore.not_held_against() });
    turn.end(Reason::NothingToDo, Known::Holds);
}

fn fits(destination: &Destination, environment_bytes: usize) -> Result<(), Vec<String>> {
    let what = "what would be gone back to";
    preflight::too_large(what, destination.text.len(), environment_bytes).map_or(Ok(()), |why| Err(vec![why]))
}

/// The phase whose limits hold: a state that is no phase of the plan has none of its own.
fn timing(turn: &Turn, target: &Target) -> PhaseId {
    let schedule = turn.schedule();
    match target {
        Target::Phase(phase) => *phase,
        Target::Kept { name, .. } => schedule.phase_named(name).unwrap_or(PhaseId(schedule.phases.len() - 1)),
        Target::Baseline => PhaseId(schedule.phases.len() - 1),
    }
}

fn way(turn: &Turn) -> Option<Way> {
    let restore = turn.ledger().destination.as_ref()?.restore.clone();
    Some(Way { failed: timing(turn, &restore.target()), restore })
}

/// The target's text is live: whether it holds.
pub(super) fn asserted(turn: &mut Turn, mut assertion: Assertion) {
    match assertion.outcome(turn) {
        Outcome::Open => turn.enter(Stage::AssertingTarget { assertion }),
        Outcome::CannotTell(why) => {
            turn.end(Reason::CouldNotAsk { why: format!("what is live could not be asserted: {why}") }, Known::Nothing);
        }
        Outcome::OutOfTime => turn.end(Reason::CouldNotAsk { why: "the run's time is over".to_owned() }, Known::Nothing),
        Outcome::Holds if is_marked(turn) => {
            let services = assertion.watch.services();
            nothing_to_do(turn, services);
        }
        Outcome::Holds => start::confirm(turn),
        Outcome::DoesNotHold { at_deadline } => {
            let failed = assertion.watch.failed_services(&turn.schedule(), at_deadline);
            let names = listed(failed.iter().map(|failed| format!("`{}`", failed.service)));
            turn.warn(format!("its text is live already, and {names} did not hold: it is deployed again"));
            start::confirm(turn);
        }
    }
}

/// Whether the live text says that it is verified, or has no marker to say so with.
fn is_marked(turn: &Turn) -> bool {
    match turn.ledger().position {
        Some(Position::Phase(_, marker)) => marker == Some(true),
        _ => !turn.ledger().lacks_mark(),
    }
}

/// What is live is on disk: now the target's text, which may be another machine's rollout away from being pruned.
pub(super) fn baseline_kept(turn: &mut Turn) {
    let Some(destination) = turn.ledger().destination.clone() else { return };
    let name = name_of(&destination.restore.target(), &turn.schedule());
    let op = turn.keep_snapshot(&name, destination.text);
    turn.enter(Stage::KeepingTarget { op });
}

/// That is, too. One look at what runs, then the way back begins.
pub(super) fn target_kept(turn: &mut Turn, path: String) {
    let Some(way) = way(turn) else { return };
    let schedule = turn.schedule();
    let digest = turn.ledger().destination.as_ref().map(|destination| digest(&destination.text)).unwrap_or_default();
    turn.emit(Event::SnapshotKept { name: name_of(&way.restore.target(), &schedule), path, digest });
    let services = way.restore.required().iter().map(|name| (name.clone(), super::tracker::Patience::None)).collect::<Vec<_>>();
    let before = super::containers::Before::default();
    let mut watch = Watch::new(&schedule, services, [], before, Looks::MustKnow, turn.now).waiving(&turn.options().waived);
    turn.begin_round(&mut watch);
    turn.enter(Stage::LookingBack { way, watch });
}

/// That look was judged: the smallest undo that serves.
pub(super) fn looked(turn: &mut Turn, way: Way, watch: &Watch) {
    let purpose = DeployPurpose::Rollback(way.restore.target());
    let before = watch.observed();
    let is_live = turn.ledger().destination.as_ref().is_some_and(|destination| destination.is_live(&turn.ledger().live));
    let is_well = watch.known().is_some() && watch.services().is_subset(&watch.passing());
    if way.restore.is_dead() {
        rollback::start(turn, &way, Undo::Stop);
        return replace::begin(turn, purpose, Then::Stop(way));
    }
    if is_live && is_well && turn.ledger().is_live_deployed() {
        rollback::start(turn, &way, Undo::TextOnly);
        return replace::begin(turn, purpose, Then::Prove(way));
    }
    rollback::start(turn, &way, Undo::Redeploy);
    replace::begin(turn, purpose, Then::Deploy(Job::Rollback(way), before));
}

/// The rollback is verified and its text says so: by hand, nothing else is to be done. `false` when it was not by hand.
pub(super) fn end(turn: &mut Turn, known: Known) -> bool {
    let Some(way) = way(turn) else { return false };
    let to = name_of(&way.restore.target(), &turn.schedule());
    let reason = if turn.ledger().is_back() { Reason::Completed } else { Reason::RollbackFailed { to } };
    turn.end(reason, known);
    true
}

/// Whether this run is one of going back.
pub(super) fn is_by_hand(turn: &Turn) -> bool {
    matches!(turn.options().goal, Goal::Back(_))
}
