//! Finding the app and taking it for this run: one run for an app on a machine.
//!
//! The lock goes by Dokploy's id of the app, so the app is found first; everything that is decided on is read after the lock is taken, since
//! whoever held it before may have changed it.

use super::stage::{Held, Stage};
use super::turn::{Known, Turn};
use super::{Answer, Back, Effect, Event, Failure, Goal, HolderHeard, Intent, Moment, OpId, Reason, To, preflight};

/// Finds the app.
pub(super) fn begin(turn: &mut Turn) {
    let op = turn.ask(Intent::Find);
    turn.enter(Stage::Finding { op });
}

/// The app is found, or not.
pub(super) fn found(turn: &mut Turn, answer: Answer) {
    match answer {
        Answer::Found { compose } => {
            let op = turn.op();
            turn.effect(Effect::Lock { op, compose });
            turn.enter(Stage::Locking { op, held: None });
        }
        Answer::Failed(failure) => not_found(turn, failure),
        _ => turn.end(Reason::CouldNotAsk { why: "the app was looked for and answered with something else".to_owned() }, left_as(turn)),
    }
}

/// Dokploy could not be asked for the app or about it, or says that there is none of that kind.
pub(super) fn not_found(turn: &mut Turn, failure: Failure) {
    let reason = match failure.kind {
        kind if kind.refuses() => Reason::Refused { why: vec![failure.message] },
        _ => Reason::CouldNotAsk { why: failure.message },
    };
    turn.end(reason, left_as(turn));
}

/// What is known of what runs when a run cannot begin: a run that goes on may have changed something before it was cut off.
fn left_as(turn: &Turn) -> Known {
    if turn.ledger().changed { Known::Nothing } else { Known::Holds }
}

/// The app is ours.
pub(super) fn locked(turn: &mut Turn) {
    preflight::survey(turn);
}

/// Somebody else has it. The first holder sets until when it is waited for; the next ones find the same end.
pub(super) fn held(turn: &mut Turn, op: OpId, earlier: Option<&Held>, holder: String) {
    if let Goal::Back(back) = &turn.options().goal {
        return ask(turn, op, back, holder);
    }
    let wait = turn.options().lock_wait;
    if wait.is_zero() {
        turn.abandon(op);
        return turn.end(Reason::Busy { who: format!("{holder}; --lock-wait 15m waits for it") }, left_as(turn));
    }
    let until: Moment = earlier.map_or(turn.now + wait, |earlier| earlier.until);
    if earlier.is_none_or(|earlier| earlier.holder != holder) {
        turn.emit(Event::LockAwaited { holder: holder.clone(), until });
    }
    turn.enter(Stage::Locking { op, held: Some(Held { holder, until }) });
}

/// Going back while a run is at work means that this run goes back: it is asked to.
fn ask(turn: &mut Turn, lock: OpId, back: &Back, holder: String) {
    if back.to != To::Last {
        turn.abandon(lock);
        let who = format!(
            "{holder}; `plan rollback` without --to asks it to fail its phase and go back by itself. Another state can be gone back to once it \
             has ended"
        );
        return turn.end(Reason::Busy { who }, left_as(turn));
    }
    if let Stage::AskingHolder { op, .. } = *turn.stage() {
        turn.abandon(op);
    }
    let op = turn.op();
    turn.effect(Effect::AskHolder { op });
    turn.enter(Stage::AskingHolder { op, lock, holder });
}

/// What became of that.
pub(super) fn asked(turn: &mut Turn, lock: OpId, holder: String, heard: Result<HolderHeard, String>) {
    let reason = match heard {
        // It is being locked still: whoever has it next, be it this run, is told.
        Ok(HolderHeard::NobodyThere) => return turn.enter(Stage::Locking { op: lock, held: None }),
        Ok(HolderHeard::Taken) => Reason::HolderAsked { who: holder },
        Ok(HolderHeard::NotTaken) => Reason::Busy { who: format!("{holder}; it was asked to fail its phase and did not take the request") },
        Err(why) => Reason::CouldNotAsk { why: format!("{holder}; it could not be asked to fail its phase: {why}") },
    };
    turn.abandon(lock);
    turn.end(reason, left_as(turn));
}

/// It was waited for long enough.
pub(super) fn overdue(turn: &mut Turn, op: OpId, held: Option<Held>) {
    turn.abandon(op);
    let who = held.map_or_else(|| "another run holds this app".to_owned(), |held| held.holder);
    turn.end(Reason::Busy { who: format!("{who}; it was waited for as long as --lock-wait says") }, left_as(turn));
}

/// The lock is out of reach, so nobody can say whether another run is at work: nothing is changed.
pub(super) fn cannot_lock(turn: &mut Turn, why: &str) {
    turn.end(Reason::CouldNotAsk { why: format!("the app cannot be locked against other runs: {why}") }, left_as(turn));
}
