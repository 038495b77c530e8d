//! Making a text the live one. Always against what is believed to be live: if somebody changed it, nothing is touched.

use super::failure::{self, Draft};
use super::stage::{Job, Stage, Then};
use super::turn::{Known, Turn};
use super::{
    Answer, Cause, DeployEnd, DeployPurpose, Effect, Event, Failure, FailureKind, Intent, OpId, Reason, asked, deploy, phase, position,
    rollback, unfinished,
};
use crate::schedule::{PhaseId, canonical, digest};

/// Sends the text for `purpose`.
pub(super) fn begin(turn: &mut Turn, purpose: DeployPurpose, then: Then) {
    let (schedule, options) = (turn.schedule(), turn.options());
    let text = turn.ledger().text_of(&purpose, &schedule, &options);
    let expected = turn.ledger().live.clone();
    let op = turn.op();
    turn.emit(Event::Replacing { op, purpose: purpose.clone(), digest: digest(&text) });
    turn.effect(Effect::Platform { op, intent: Intent::Replace { expected, text } });
    turn.enter(Stage::Replacing { op, purpose, then });
}

/// The answer to it.
pub(super) fn answered(turn: &mut Turn, op: OpId, purpose: DeployPurpose, then: Then, answer: Answer) {
    match answer {
        Answer::Replaced => {
            turn.emit(Event::Replaced { purpose });
            if turn.is_leaving() && then != Then::End {
                return turn.end(Reason::Interrupted, Known::Holds);
            }
            match then {
                Then::Deploy(job, before) => {
                    if !asked::instead_of_deploy(turn, &job, &before) {
                        deploy::begin(turn, job, before);
                    }
                }
                Then::Next(phase) => phase::next(turn, Some(phase)),
                Then::Prove(way) => rollback::prove(turn, way),
                Then::Stop(way) => rollback::stop(turn, way),
                Then::End => failure::end(turn, Known::Holds),
            }
        }
        Answer::TextChanged { live } if is_our_mark(turn, &live) => {
            // The mark of the phase before had arrived after all, though its answer was lost.
            if let Some(phase) = turn.ledger().last_verified() {
                turn.emit(Event::Replaced { purpose: DeployPurpose::Mark(phase) });
            }
            if turn.is_leaving() {
                return turn.end(Reason::Interrupted, Known::Holds);
            }
            begin(turn, purpose, then);
        }
        Answer::TextChanged { live } => {
            turn.emit(Event::NotDone { op, why: "somebody changed the live compose text".to_owned(), may_have_acted: false });
            text_changed(turn, then, &live);
        }
        Answer::Deployed(DeployEnd::Busy { title }) => {
            turn.emit(Event::NotDone { op, why: format!("a deploy of this app is on its way: \"{title}\""), may_have_acted: false });
            match then {
                Then::Deploy(job, _) => deploy::busy(turn, job, &title),
                Then::Prove(way) | Then::Stop(way) => deploy::busy(turn, Job::Rollback(way), &title),
                // What was verified is what runs no longer, or not for long.
                Then::Next(_) | Then::End => turn.end(Reason::Busy { who: deploy::in_the_way(&title) }, Known::Nothing),
            }
        }
        Answer::Failed(failure) => not_done(turn, op, then, failure),
        _ => {
            let why = "the change of the compose text was answered with something else".to_owned();
            turn.emit(Event::NotDone { op, why: why.clone(), may_have_acted: true });
            turn.end(Reason::CouldNotAsk { why }, Known::Nothing);
        }
    }
}

/// Whether a text that was not expected is the one that marks the last phase as verified. It differs from the live one by the marker only.
pub(super) fn is_our_mark(turn: &Turn, live: &str) -> bool {
    let ledger = turn.ledger();
    let Some(phase) = ledger.last_verified() else { return false };
    let marked = canonical(&ledger.marked(phase, &turn.schedule(), &turn.options()));
    canonical(live) == marked && canonical(&ledger.live) != marked
}

/// Somebody changed the text under our hands: this run touches nothing more.
pub(super) fn text_changed(turn: &mut Turn, then: Then, live: &str) {
    if let Some(who) = unfinished::other_run(turn, live) {
        let known = if turn.ledger().changed { Known::Nothing } else { Known::Holds };
        return turn.end(Reason::Busy { who }, known);
    }
    let diff = position::changed(&turn.ledger().live, live);
    match then {
        Then::Next(phase) => {
            turn.warn("the live text could not be marked as verified: somebody changed it");
            go_on(turn, phase);
        }
        Then::End => {
            turn.warn("the text that was put back could not be marked as verified: somebody changed it");
            failure::end(turn, Known::Holds);
        }
        Then::Deploy(Job::Rollback(way), _) | Then::Prove(way) | Then::Stop(way) if turn.ledger().changed => {
            failure::begin(turn, Job::Rollback(way), Draft::Cause(Cause::TextChanged { diff }), None);
        }
        Then::Deploy(Job::Phase(_), _) if turn.ledger().changed => {
            turn.warn(format!("somebody changed the live compose text:\n{diff}"));
            turn.end(Reason::Busy { who: "somebody changed the live compose text during the run".to_owned() }, Known::Holds);
        }
        // A rollback by hand may be the run's first change, too.
        Then::Deploy(..) | Then::Prove(_) | Then::Stop(_) => {
            let why = vec!["somebody changed the live compose text since pre-flight".to_owned(), diff];
            turn.end(Reason::Refused { why }, Known::Holds);
        }
    }
}

fn not_done(turn: &mut Turn, op: OpId, then: Then, failure: Failure) {
    let Failure { kind, message: why, may_have_acted, .. } = failure;
    turn.emit(Event::NotDone { op, why: why.clone(), may_have_acted: may_have_acted && !matches!(then, Then::Next(_) | Then::End) });
    if turn.is_leaving() && then != Then::End {
        return turn.end(Reason::Interrupted, if may_have_acted { Known::Nothing } else { Known::Holds });
    }
    match then {
        Then::Next(phase) => {
            turn.warn(format!("the live text could not be marked as verified: {why}"));
            go_on(turn, phase);
        }
        Then::End => {
            turn.warn(format!("the text that was put back could not be marked as verified: {why}"));
            failure::end(turn, Known::Holds);
        }
        Then::Deploy(Job::Rollback(way), _) | Then::Prove(way) | Then::Stop(way) if turn.ledger().changed => {
            failure::begin(turn, Job::Rollback(way), Draft::Cause(Cause::CouldNotAsk { why }), None);
        }
        Then::Deploy(..) | Then::Prove(_) | Then::Stop(_) if kind == FailureKind::TooLarge => {
            turn.end(Reason::Refused { why: vec![why] }, Known::Holds);
        }
        Then::Deploy(..) | Then::Prove(_) | Then::Stop(_) => {
            let known = if may_have_acted { Known::Nothing } else { Known::Holds };
            turn.end(Reason::CouldNotAsk { why: format!("the compose text could not be changed: {why}") }, known);
        }
    }
}

/// After a mark that failed: it is only a mark, the phase is verified all the same.
fn go_on(turn: &mut Turn, phase: PhaseId) {
    if turn.is_leaving() {
        return turn.end(Reason::Interrupted, Known::Holds);
    }
    phase::next(turn, Some(phase));
}
