//! Going back to the last verified state, by the smallest undo that serves; proved like a rollout; never done twice.
//!
//! Before the first phase the target is the baseline. What was not healthy there is named and not held against the rollback; where
//! nothing was, the old text is put back without a deploy and what this run started is stopped. A target whose text is the one that just
//! failed is no target. Holding for an external that fails is a later issue: it is named in a warning, and the rollback goes on.

use super::containers::Before;
use super::failure::{self, Draft};
use super::judgement::{Assertion, Outcome, listed};
use super::ledger::known_containers;
use super::replace;
use super::stage::{Job, Stage, Then};
use super::start::unwaived;
use super::tracker::Patience;
use super::turn::{Known, Turn};
use super::verified::Restore;
use super::watch::{Looks, Watch};
use super::{Answer, Cause, ContainerState, DeployPurpose, Effect, Event, Flaw, Intent, Moment, OpId, Reason, Target, Undo, back, ours};
use crate::schedule::{ExpectationId, PhaseId, Subject, body_of, canonical};
use std::collections::BTreeSet;

/// A way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// The phase that failed; by hand the one whose limits hold.
    pub failed: PhaseId,
    /// Where it leads.
    pub restore: Restore,
}

impl Way {
    pub(super) fn purpose(&self) -> DeployPurpose {
        DeployPurpose::Rollback(self.restore.target())
    }
}

/// Takes the one round that decides how: what runs, whether what was well still is, and whether an external is the cause.
pub(super) fn begin(turn: &mut Turn, failed: PhaseId, before: Before) {
    let schedule = turn.schedule();
    let restore = match turn.ledger().restore() {
        Restore::Phase(_) if turn.has(Flaw::BackToTheStart) => Restore::Baseline(turn.ledger().baseline.clone()),
        restore => restore,
    };
    let gates = schedule.phase(failed).gates.iter().map(|gate| &schedule.gates[gate.0]);
    let is_external = |id: &ExpectationId| matches!(schedule.expectations[id.0].subject, Subject::External(_));
    let externals: BTreeSet<ExpectationId> = gates.flat_map(|gate| gate.expectations.iter().copied()).filter(is_external).collect();
    let services = restore.required().iter().map(|name| (name.clone(), Patience::None)).collect::<Vec<_>>();
    let mut watch =
        Watch::new(&schedule, services, externals, Before::default(), Looks::MustKnow, turn.now).waiving(&turn.options().waived);
    turn.begin_round(&mut watch);
    turn.enter(Stage::Probing { way: Way { failed, restore }, before, watch });
}

/// That round was judged.
pub(super) fn probed(turn: &mut Turn, way: Way, before: &Before, watch: &Watch) {
    let schedule = turn.schedule();
    let externals: BTreeSet<String> =
        watch.failed_others().iter().map(|(id, sample)| format!("{}: {}", schedule.expectations[id.0].text, sample.actual)).collect();
    if !externals.is_empty() {
        turn.warn(format!("an external may be the cause: {}", listed(externals)));
    }
    let is_well = watch.services().is_subset(&watch.passing());
    let is_untouched = watch.known().is_some_and(|now| before.is_same(now)) && is_well;
    if is_untouched {
        return put_back(turn, way);
    }
    let had_none = before.0.as_ref().is_some_and(Vec::is_empty);
    if had_none && watch.known().is_none() && way.restore.is_dead() {
        let op = turn.ask(Intent::Survey);
        return turn.enter(Stage::Recounting { way, op });
    }
    undo(turn, way, watch.observed());
}

/// The host's containers were listed: if Docker answers and shows none of ours, nothing was started.
pub(super) fn recounted(turn: &mut Turn, way: Way, answer: &Answer) {
    match answer {
        Answer::Surveyed(survey) if known_containers(survey).is_some_and(<[_]>::is_empty) => put_back(turn, way),
        _ => undo(turn, way, Before::default()),
    }
}

/// Nothing was touched but the text.
fn put_back(turn: &mut Turn, way: Way) {
    start(turn, &way, Undo::TextOnly);
    let purpose = way.purpose();
    replace::begin(turn, purpose, Then::Prove(way));
}

/// What runs was touched: more than the text has to be undone.
fn undo(turn: &mut Turn, way: Way, before: Before) {
    if is_same_text(turn, &way) {
        turn.warn("what would be gone back to is the text that just failed: nothing is undone");
        return failure::end(turn, Known::DoesNotHold);
    }
    let purpose = way.purpose();
    if way.restore.is_dead() {
        start(turn, &way, Undo::Stop);
        return replace::begin(turn, purpose, Then::Stop(way));
    }
    start(turn, &way, Undo::Redeploy);
    replace::begin(turn, purpose, Then::Deploy(Job::Rollback(way), before));
}

/// Goes on with a rollback whose text is not known to be live, or not yet. `before`: what runs now.
pub(super) fn replace_again(turn: &mut Turn, way: Way, undo: Undo, before: Before) {
    let purpose = way.purpose();
    let then = match undo {
        Undo::TextOnly => Then::Prove(way),
        Undo::Stop => Then::Stop(way),
        Undo::Redeploy => Then::Deploy(Job::Rollback(way), before),
    };
    replace::begin(turn, purpose, then);
}

/// Says that it begins.
pub(super) fn start(turn: &mut Turn, way: &Way, undo: Undo) {
    turn.emit(Event::RollbackStarted { target: way.restore.target(), undo });
}

/// Whether going back would deploy what just failed.
fn is_same_text(turn: &Turn, way: &Way) -> bool {
    // By hand nothing failed, and what is asked for may well be live.
    if back::is_by_hand(turn) {
        return false;
    }
    let text = turn.ledger().text_of(&way.purpose(), &turn.schedule(), &turn.options());
    let failed = turn.ledger().text_of(&DeployPurpose::Phase(way.failed), &turn.schedule(), &turn.options());
    canonical(body_of(&text)) == canonical(body_of(&failed))
}

/// Only the text was put back: what runs must hold.
pub(super) fn prove(turn: &mut Turn, way: Way) {
    let until = turn.now + turn.schedule().phase(way.failed).settle;
    let services = way.restore.required().clone();
    let looks = if services.is_empty() { Looks::Yes } else { Looks::MustKnow };
    let assertion = Assertion::begin(turn, services, [], looks, until);
    turn.enter(Stage::Proving { way, assertion });
}

/// A round of that was judged. If it does not hold, the bigger undo follows: it is the same rollback, not another one.
pub(super) fn proving_judged(turn: &mut Turn, way: Way, mut assertion: Assertion) {
    let outcome = assertion.outcome(turn);
    match outcome {
        Outcome::Open => return turn.enter(Stage::Proving { way, assertion }),
        Outcome::Holds => return verified(turn, &way),
        Outcome::CannotTell(why) => {
            return failure::begin(turn, Job::Rollback(way), Draft::Cause(Cause::CouldNotAsk { why }), None);
        }
        Outcome::DoesNotHold { .. } | Outcome::OutOfTime => {}
    }
    let schedule = turn.schedule();
    if is_same_text(turn, &way) {
        let services = assertion.watch.failed_services(&schedule, true);
        let cause = Cause::Services { services, regression: false };
        return failure::begin(turn, Job::Rollback(way), Draft::Cause(cause), None);
    }
    turn.warn("putting the text back was not enough: the verified text is deployed");
    start(turn, &way, Undo::Redeploy);
    let before = assertion.watch.observed();
    // Sent once more, since it is not verified any longer.
    let purpose = way.purpose();
    replace::begin(turn, purpose, Then::Deploy(Job::Rollback(way), before));
}

/// The old text is live: stop what this run started, unless somebody else started something since.
pub(super) fn stop(turn: &mut Turn, way: Way) {
    ours::ask(turn, ours::Next::Stop(way));
}

/// Nobody did.
pub(super) fn send_stop(turn: &mut Turn, way: Way) {
    let op = turn.op();
    turn.emit(Event::Stopping { op });
    turn.effect(Effect::Platform { op, intent: Intent::Stop });
    turn.enter(Stage::Stopping { way, op });
}

/// The answer to it.
pub(super) fn stopped(turn: &mut Turn, way: Way, op: OpId, answer: Answer) {
    match answer {
        Answer::Stopped => {
            turn.emit(Event::Stopped);
            if turn.is_leaving() {
                return turn.end(Reason::Interrupted, Known::DoesNotHold);
            }
            see_stopped(turn, way);
        }
        answer => {
            let (why, may_have_acted) = match answer {
                Answer::Failed(failure) => (failure.message, failure.may_have_acted),
                _ => ("stopping was answered with something else".to_owned(), true),
            };
            turn.emit(Event::NotDone { op, why: why.clone(), may_have_acted });
            if turn.is_leaving() {
                return turn.end(Reason::Interrupted, Known::Nothing);
            }
            failure::begin(turn, Job::Rollback(way), Draft::Cause(Cause::CouldNotAsk { why }), None);
        }
    }
}

/// They are stopped: looks that they are.
pub(super) fn see_stopped(turn: &mut Turn, way: Way) {
    let schedule = turn.schedule();
    let until = turn.now + schedule.phase(way.failed).settle;
    let mut watch = Watch::new(&schedule, [], [], Before::default(), Looks::MustKnow, turn.now);
    turn.begin_round(&mut watch);
    turn.enter(Stage::SeeingStopped { way, watch, until });
}

/// A look at the containers that were stopped.
pub(super) fn seen_stopped(turn: &mut Turn, way: Way, watch: Watch, until: Moment) {
    let is_running = |state: &ContainerState| matches!(state, ContainerState::Running | ContainerState::Restarting);
    let running: Option<BTreeSet<&str>> =
        watch.known().map(|containers| containers.iter().filter(|one| is_running(&one.state)).map(|one| one.service.as_str()).collect());
    match running {
        Some(running) if running.is_empty() => verified(turn, &way),
        // Dokploy stopped them, so Docker answered; an empty list after that is no list of running containers.
        None if watch.rounds() >= u64::from(turn.schedule().sampling.healthy_after) => verified(turn, &way),
        _ if turn.now < until => turn.enter(Stage::SeeingStopped { way, watch, until }),
        running => {
            let why = match running {
                Some(running) => format!("{} still run after being stopped", listed(running)),
                None => "the containers could not be looked at after being stopped".to_owned(),
            };
            failure::begin(turn, Job::Rollback(way), Draft::Cause(Cause::CouldNotAsk { why }), None);
        }
    }
}

/// The rollback holds.
pub(super) fn verified(turn: &mut Turn, way: &Way) {
    turn.emit(Event::RollbackVerified {
        target: way.restore.target(),
        services: unwaived(turn, way.restore.required()),
        not_held_against: way.restore.not_held_against(),
    });
    finish(turn, way);
}

/// Marks what was gone back to, where it says that it is not verified, and ends.
pub(super) fn finish(turn: &mut Turn, way: &Way) {
    match way.restore.target() {
        Target::Phase(phase) if turn.ledger().lacks_mark() && !turn.is_leaving() => {
            replace::begin(turn, DeployPurpose::Mark(phase), Then::End);
        }
        target @ Target::Kept { .. } if turn.ledger().lacks_mark() && !turn.is_leaving() => {
            replace::begin(turn, DeployPurpose::Rollback(target), Then::End);
        }
        _ => failure::end(turn, Known::Holds),
    }
}
