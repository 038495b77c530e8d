//! Which part of the engine an input belongs to: by the stage, and by the id that the stage awaits.

use super::Event;
use super::asides;
use super::note::Entry;
use super::stage::Stage;
use super::turn::{Known, Turn};
use super::{
    Answer, DeployPurpose, Engine, Input, Moment, OpId, Reason, Step, asked, back, deploy, failure, ledger, lock, ours, phase, preflight,
    replace, resume, rollback, settle, slept, start,
};

/// Steps that a deadline may lead to at one moment. Each moves the next one on; this only guards against a mistake in that.
const WAKES_MAX: usize = 16;

/// What follows from an input: deadlines before `now`, then the input, then deadlines at `now`.
pub(super) fn decide(engine: &Engine, now: Moment, input: Input) -> Step {
    let mut turn = Turn::new(engine, now);
    let is_answer = !matches!(input, Input::CannotRecord(_) | Input::Interrupted);
    if is_answer {
        slept::notice(&mut turn);
        wake(&mut turn, |next, now| next < now);
    }
    if !turn.has_ended() {
        hear(&mut turn, input);
    }
    wake(&mut turn, |next, now| next <= now);
    turn.finish()
}

fn wake(turn: &mut Turn, is_due: impl Fn(Moment, Moment) -> bool) {
    for _ in 0..WAKES_MAX {
        if turn.has_ended() || turn.is_leaving() || !turn.next_wake().is_some_and(|next| is_due(next, turn.now)) {
            return;
        }
        woke(turn);
    }
}

fn hear(turn: &mut Turn, input: Input) {
    match input {
        Input::Begin => match turn.stage().clone() {
            Stage::New => preflight::begin(turn),
            Stage::Resuming { gap, changed, outline } => resume::begin(turn, gap, changed, outline),
            _ => {}
        },
        Input::Answered(op, answer) => answered(turn, op, answer),
        Input::Sampled(op, sample) => {
            if turn.stage().watch().is_some_and(|watch| watch.awaits(op)) {
                turn.note(Entry::Sampled(op, sample));
                round_maybe_over(turn);
            }
        }
        Input::Kept(op, place) => kept(turn, op, place),
        Input::Confirmed(op, yes) => match turn.stage().clone() {
            Stage::Confirming { op: awaited } if awaited == op => start::confirmed(turn, yes),
            Stage::Failing(failing) if failing.is_asking(op) => failure::chosen(turn, *failing, yes),
            _ => {}
        },
        Input::Approved(op, by, yes) => match turn.stage().clone() {
            Stage::Approval { phase, gate, op: awaited, rest, .. } if awaited == op => phase::approved(turn, phase, gate, by, yes, rest),
            _ => {}
        },
        Input::FailureAsked(by) => asked::heard(turn, by),
        Input::Locked(op) if turn.stage().is_locking(op) => lock::locked(turn),
        Input::HolderAsked(op, heard) => {
            if let Stage::AskingHolder { op: awaited, lock, holder } = turn.stage().clone()
                && awaited == op
            {
                lock::asked(turn, lock, holder, heard);
            }
        }
        Input::LockHeld(op, holder) if matches!(turn.stage(), Stage::AskingHolder { lock, .. } if *lock == op) => {
            lock::held(turn, op, None, holder);
        }
        Input::LockHeld(op, holder) => {
            if let Stage::Locking { op: awaited, held } = turn.stage().clone()
                && awaited == op
            {
                lock::held(turn, op, held.as_ref(), holder);
            }
        }
        Input::CannotLock(op, why) if turn.stage().is_locking(op) => lock::cannot_lock(turn, &why),
        Input::Woke | Input::Locked(_) | Input::CannotLock(..) => {}
        Input::Interrupted => interrupted(turn),
        Input::CannotRecord(why) => {
            if let Some(op) = turn.stage().writes() {
                // It was sent, and what came of it is just what could not be recorded.
                let why = "what came of it could not be recorded".to_owned();
                turn.emit(Event::NotDone { op, why, may_have_acted: true });
            }
            let known = if turn.stage().is_writing() || turn.stage().is_deploying() { Known::Nothing } else { Known::Holds };
            turn.end(Reason::CouldNotAsk { why: format!("the run cannot be recorded: {why}") }, known);
        }
    }
}

fn answered(turn: &mut Turn, op: OpId, answer: Answer) {
    if turn.stage().watch().is_some_and(|watch| watch.awaits(op)) {
        turn.note(Entry::Answered(op, answer));
        let mut stage = turn.stage().clone();
        if let Some(watch) = stage.watch_mut()
            && turn.ask_on(watch)
        {
            return turn.enter(stage);
        }
        return round_maybe_over(turn);
    }
    match turn.stage().clone() {
        Stage::Finding { op: awaited } if awaited == op => lock::found(turn, answer),
        Stage::Surveying { op: awaited } if awaited == op => preflight::surveyed(turn, answer),
        Stage::Resolving { op: awaited } if awaited == op => start::resolved(turn, answer),
        Stage::Replacing { op: awaited, purpose, then } if awaited == op => replace::answered(turn, op, purpose, then, answer),
        Stage::Ours { op: awaited, next } if awaited == op => ours::answered(turn, *next, answer),
        Stage::Yielding { op: awaited, who } if awaited == op => ours::yielded(turn, who),
        Stage::Delivering(delivery) => deploy::answered(turn, delivery, op, answer),
        Stage::Failing(failing) if failing.awaits(op) => failure::answered(turn, *failing, op, answer),
        Stage::Recounting { way, op: awaited } if awaited == op => rollback::recounted(turn, way, &answer),
        Stage::Stopping { way, op: awaited } if awaited == op => rollback::stopped(turn, way, op, answer),
        _ => {}
    }
}

fn kept(turn: &mut Turn, op: OpId, place: String) {
    match turn.stage().clone() {
        Stage::KeepingBaseline { op: awaited } if awaited == op => start::baseline_kept(turn, place),
        Stage::KeepingTarget { op: awaited } if awaited == op => back::target_kept(turn, place),
        Stage::KeepingPhase { phase, op: awaited } if awaited == op => phase::kept(turn, phase, place),
        Stage::Failing(failing) if failing.awaits(op) => failure::kept(turn, *failing, place),
        _ => {}
    }
}

/// Judges the round in the air once all its answers are in.
fn round_maybe_over(turn: &mut Turn) {
    let mut stage = turn.stage().clone();
    let Some(watch) = stage.watch_mut().filter(|watch| watch.is_asking() && watch.awaited() == 0) else { return };
    let round = watch.judge(&turn.schedule(), turn.now);
    turn.emit(round);
    asides::tell(turn, watch);
    judged(turn, stage, true);
}

/// A round was judged (`is_fresh`), or a deadline came between two.
fn judged(turn: &mut Turn, stage: Stage, is_fresh: bool) {
    match stage {
        Stage::Asserting { candidate, assertion } => start::asserted(turn, candidate, assertion),
        Stage::AssertingTarget { assertion } => back::asserted(turn, assertion),
        Stage::LookingBack { way, watch } => back::looked(turn, way, &watch),
        Stage::Reasserting { assertion, way } => resume::reasserted(turn, assertion, way),
        Stage::Previewing { watch } => start::previewed(turn, &watch),
        Stage::TakingBaseline { assertion } => start::baseline_judged(turn, assertion),
        Stage::Gate { phase, gate, assertion, rest } => phase::gate_judged(turn, phase, gate, assertion, rest),
        Stage::Earlier { phase, assertion, rest } => phase::earlier_judged(turn, phase, assertion, rest),
        Stage::Delivering(delivery) => settle::judged(turn, delivery, is_fresh),
        Stage::Probing { way, before, watch } => rollback::probed(turn, way, &before, &watch),
        Stage::Proving { way, assertion } => rollback::proving_judged(turn, way, assertion),
        Stage::LastLook { .. } => failure::end(turn, Known::DoesNotHold),
        Stage::SeeingStopped { way, watch, until } => rollback::seen_stopped(turn, way, watch, until),
        _ => {}
    }
}

/// Something is due.
fn woke(turn: &mut Turn) {
    let mut stage = turn.stage().clone();
    let now = turn.now;
    if let Some(watch) = stage.watch_mut() {
        if watch.is_asking() {
            for op in watch.give_up(&turn.schedule(), now) {
                turn.abandon(op);
            }
            let round = watch.judge(&turn.schedule(), now);
            turn.emit(round);
            asides::tell(turn, watch);
            return judged(turn, stage, true);
        }
        if watch.next_wake() <= now {
            turn.begin_round(watch);
            return turn.enter(stage);
        }
        return judged(turn, stage, false);
    }
    match stage {
        Stage::Locking { op, held } => lock::overdue(turn, op, held),
        Stage::Approval { gate, op, .. } => phase::not_answered(turn, gate, op),
        Stage::Delivering(delivery) => deploy::overdue(turn, delivery),
        Stage::Failing(failing) => failure::overdue(turn, *failing),
        _ => {}
    }
}

/// The user wants to leave. A write that was sent and not answered is waited for, until it is said again; anything else is left as it is.
fn interrupted(turn: &mut Turn) {
    let is_writing = turn.stage().is_writing();
    if is_writing && !turn.is_leaving() {
        return turn.note(Entry::Leaving);
    }
    if let Some(op) = turn.stage().writes() {
        let why = "Dokploy's answer did not come before the run was left".to_owned();
        turn.emit(Event::NotDone { op, why, may_have_acted: true });
    }
    let known = if is_writing || turn.stage().is_deploying() { Known::Nothing } else { Known::Holds };
    if let Stage::Delivering(delivery) = turn.stage().clone()
        && let Some(op) = delivery.op()
    {
        turn.abandon(op);
        let schedule = turn.schedule();
        let what = match delivery.job.purpose() {
            DeployPurpose::Rollback(target) => format!("the rollback's deploy to `{}`", ledger::name_of(&target, &schedule)),
            DeployPurpose::Phase(phase) | DeployPurpose::Mark(phase) => format!("the deploy of phase `{}`", schedule.phase(phase).name),
        };
        turn.emit(Event::Warned { text: format!("{what} is still on its way in Dokploy and is left to itself") });
    }
    turn.end(Reason::Interrupted, known);
}
