//! What must hold before a phase is sent: its gates, a person's yes, the services delivered earlier, and that its deploy removes nothing
//! that runs.
//!
//! The expectations of all gates come first, in order, so that nobody is asked in vain; then the approvals, each followed by an assertion
//! of the services delivered earlier; without approvals one such assertion right before the deploy. Its containers are also what a
//! replaced container is told from afterwards.

use super::asides;
use super::asked;
use super::containers::Before;
use super::judgement::{Assertion, Outcome, listed};
use super::replace;
use super::settle;
use super::stage::{Check, Job, Stage, Then};
use super::turn::{Known, Turn};
use super::watch::Looks;
use super::{Approver, Cause, ContainerState, DeployPurpose, Effect, Event, Flaw, OpId, Position, Reason};
use crate::schedule::{GateId, PhaseId, ServiceName, digest};
use std::collections::BTreeSet;

/// Goes on with the phase after `done`, or ends.
pub(super) fn next(turn: &mut Turn, done: Option<PhaseId>) {
    let Some(phase) = turn.ledger().after(done) else {
        if let Some(by) = turn.ledger().asked.clone() {
            turn.warn(format!(
                "{by} asked for the phase to be failed when the last one was verified already: `plan rollback` goes back from it"
            ));
        }
        return turn.end(Reason::Completed, Known::Holds);
    };
    if asked::instead_of_next(turn) {
        return;
    }
    let schedule = turn.schedule();
    let gates = &schedule.phase(phase).gates;
    let expecting = gates.iter().filter(|gate| schedule.gates[gate.0].asked().next().is_some());
    let mut checks: Vec<Check> = expecting.map(|gate| Check::Expectations(*gate)).collect();
    let underway = &turn.ledger().underway;
    let asks = |gate: &GateId| schedule.gates[gate.0].approval.is_some() && !underway.is_approved(phase, *gate);
    let approving: Vec<GateId> = gates.iter().copied().filter(asks).collect();
    if approving.is_empty() {
        checks.push(Check::Earlier);
    }
    checks.extend(approving.into_iter().flat_map(|gate| [Check::Approval(gate), Check::Earlier]));
    check(turn, phase, checks);
}

/// Begins the first of the checks.
fn check(turn: &mut Turn, phase: PhaseId, mut checks: Vec<Check>) {
    let schedule = turn.schedule();
    let until = turn.within(schedule.phase(phase).settle);
    match (!checks.is_empty()).then(|| checks.remove(0)) {
        Some(Check::Expectations(gate)) => {
            turn.emit(Event::GateAsked { gate, phase });
            let assertion = Assertion::begin(turn, [], schedule.gates[gate.0].asked(), Looks::No, until);
            turn.enter(Stage::Gate { phase, gate, assertion, rest: checks });
        }
        Some(Check::Approval(gate)) => ask(turn, phase, gate, checks),
        Some(Check::Earlier) => {
            let held = turn.ledger().held();
            let looks = if has_nothing(turn) { Looks::Yes } else { Looks::MustKnow };
            let assertion = Assertion::begin(turn, held, [], looks, until);
            turn.enter(Stage::Earlier { phase, assertion, rest: checks });
        }
        // The list always ends with `Earlier`, which goes on by itself.
        None => {}
    }
}

fn ask(turn: &mut Turn, phase: PhaseId, gate: GateId, rest: Vec<Check>) {
    let schedule = turn.schedule();
    let Some(approval) = &schedule.gates[gate.0].approval else { return check(turn, phase, rest) };
    if turn.is_out_of_time() {
        return out_of_time(turn, phase);
    }
    // Asked before the run was cut off: the question's time went on.
    let until = turn.ledger().underway.asked_until(phase, gate).unwrap_or(turn.now + approval.within);
    turn.emit(Event::ApprovalAsked { gate, question: approval.question.clone(), until });
    let op = turn.op();
    turn.effect(Effect::Approve { op, gate, until });
    turn.enter(Stage::Approval { phase, gate, op, until, rest });
}

/// A round of a gate was judged.
pub(super) fn gate_judged(turn: &mut Turn, phase: PhaseId, gate: GateId, mut assertion: Assertion, rest: Vec<Check>) {
    let schedule = turn.schedule();
    let name = &schedule.gates[gate.0].name;
    match assertion.outcome(turn) {
        Outcome::Open => turn.enter(Stage::Gate { phase, gate, assertion, rest }),
        Outcome::Holds => {
            asides::tell_open(turn, &assertion.watch);
            turn.emit(Event::GateHeld { gate });
            check(turn, phase, rest);
        }
        Outcome::DoesNotHold { .. } => {
            asides::tell_open(turn, &assertion.watch);
            let samples = assertion.watch.failed_others();
            let first = samples.first().map(|(id, sample)| format!(": {}: {}", schedule.expectations[id.0].text, sample.actual));
            turn.emit(Event::GateNotHeld { gate, cause: Cause::Expectations { samples } });
            turn.end(Reason::GateNotHeld { what: format!("gate `{name}` does not hold{}", first.unwrap_or_default()) }, Known::Holds);
        }
        Outcome::CannotTell(why) => {
            turn.emit(Event::GateNotHeld { gate, cause: Cause::CouldNotAsk { why: why.clone() } });
            turn.end(Reason::CouldNotAsk { why: format!("gate `{name}` could not be asked: {why}") }, Known::Holds);
        }
        Outcome::OutOfTime => {
            turn.emit(Event::GateNotHeld { gate, cause: Cause::RunTimeout });
            out_of_time(turn, phase);
        }
    }
}

/// A person answered.
pub(super) fn approved(turn: &mut Turn, phase: PhaseId, gate: GateId, by: Approver, yes: bool, rest: Vec<Check>) {
    if yes {
        turn.emit(Event::ApprovalGiven { gate, by });
        return check(turn, phase, rest);
    }
    let what = format!("gate `{}` was refused by {}", turn.schedule().gates[gate.0].name, by.0);
    turn.emit(Event::ApprovalNotGiven { gate, by: Some(by) });
    turn.end(Reason::GateNotHeld { what }, Known::Holds);
}

/// Nobody answered. Silence is never a yes.
pub(super) fn not_answered(turn: &mut Turn, gate: GateId, op: OpId) {
    turn.abandon(op);
    if let Stage::Approval { phase, rest, .. } = turn.stage().clone()
        && turn.has(Flaw::SilenceIsYes)
    {
        return approved(turn, phase, gate, Approver("silence".to_owned()), true, rest);
    }
    turn.emit(Event::ApprovalNotGiven { gate, by: None });
    let what = format!("gate `{}` was not answered in time", turn.schedule().gates[gate.0].name);
    turn.end(Reason::GateNotHeld { what }, Known::Holds);
}

fn out_of_time(turn: &mut Turn, phase: PhaseId) {
    let what = format!("the run's time was over before phase `{}`", turn.schedule().phase(phase).name);
    turn.end(Reason::GateNotHeld { what }, Known::Holds);
}

/// A round of the services delivered earlier was judged. With none of them, one look at the containers is enough.
pub(super) fn earlier_judged(turn: &mut Turn, phase: PhaseId, mut assertion: Assertion, rest: Vec<Check>) {
    let schedule = turn.schedule();
    match assertion.outcome(turn) {
        Outcome::Open => turn.enter(Stage::Earlier { phase, assertion, rest }),
        Outcome::Holds if rest.is_empty() => send(turn, phase, &assertion),
        Outcome::Holds => check(turn, phase, rest),
        Outcome::DoesNotHold { at_deadline } => {
            let services = assertion.watch.failed_services(&schedule, at_deadline);
            let names = listed(services.iter().map(|failed| format!("`{}`", failed.service)));
            let does = if services.len() == 1 { "does" } else { "do" };
            let name = &schedule.phase(phase).name;
            turn.emit(Event::NotHeld { phase, services });
            turn.end(Reason::GateNotHeld { what: format!("{names} {does} not hold before phase `{name}`") }, Known::DoesNotHold);
        }
        Outcome::CannotTell(why) => {
            turn.end(Reason::CouldNotAsk { why: format!("the services delivered earlier could not be asked: {why}") }, Known::Holds);
        }
        Outcome::OutOfTime => out_of_time(turn, phase),
    }
}

/// Everything holds: sends the phase, unless that would remove something that runs.
fn send(turn: &mut Turn, phase: PhaseId, assertion: &Assertion) {
    let schedule = turn.schedule();
    let is_earned = turn.ledger().earns && turn.ledger().to_run.first() == Some(&phase);
    let removed = removed(turn, phase, assertion);
    if !is_earned && !removed.is_empty() {
        let (name, gone) = (&schedule.phase(phase).name, listed(removed.iter().map(|service| format!("`{service}`"))));
        let why = format!("deploying phase `{name}` would remove {gone}, which no phase says it `removes`");
        return turn.end(Reason::Refused { why: vec![why] }, Known::Holds);
    }
    turn.emit(Event::PhaseStarted { phase });
    let noise = assertion.watch.noise();
    if !noise.is_empty() {
        turn.emit(Event::NoiseKnown { noise });
    }
    let mut before = assertion.watch.observed();
    if before.0.is_none() && has_nothing(turn) {
        before = Before(Some(Vec::new()));
    }
    if is_earned {
        return settle::begin(turn, Job::Phase(phase), before, None);
    }
    replace::begin(turn, DeployPurpose::Phase(phase), Then::Deploy(Job::Phase(phase), before));
}

/// Whether nothing of the app is there: so it was at the start, and this run has deployed nothing yet.
fn has_nothing(turn: &Turn) -> bool {
    turn.ledger().began_with_nothing() && turn.ledger().held().is_empty() && !turn.ledger().has_deployed()
}

/// Services that run and that the phase's file does not have. A later phase's service that the live text does not have either is no loss:
/// any deploy of the live text removes it, and it is there only because a rollback did not come to its end.
fn removed(turn: &Turn, phase: PhaseId, assertion: &Assertion) -> BTreeSet<ServiceName> {
    let schedule = turn.schedule();
    let kept = &schedule.phase(phase).services;
    let meant: BTreeSet<_> = schedule.phases[..=phase.0].iter().flat_map(|phase| &phase.removes).collect();
    let containers = assertion.watch.known().unwrap_or_default().iter();
    let running = containers.filter(|one| matches!(one.state, ContainerState::Running | ContainerState::Restarting));
    let left_over = |service: &ServiceName| match turn.ledger().position {
        Some(Position::Phase(live, Some(_))) => schedule.services.contains_key(service) && !schedule.phase(live).services.contains(service),
        _ => false,
    };
    let running = running.map(|one| one.service.clone());
    running.filter(|service| !kept.contains(service) && !meant.contains(service) && !left_over(service)).collect()
}

/// A phase is verified: keeps its text.
pub(super) fn keep(turn: &mut Turn, phase: PhaseId) {
    let (schedule, options) = (turn.schedule(), turn.options());
    let text = turn.ledger().marked(phase, &schedule, &options);
    let op = turn.keep_snapshot(&schedule.phase(phase).name, text);
    turn.enter(Stage::KeepingPhase { phase, op });
}

/// The text of a verified phase is on disk: mark the live one as verified.
pub(super) fn kept(turn: &mut Turn, phase: PhaseId, path: String) {
    let (schedule, options) = (turn.schedule(), turn.options());
    let digest = digest(&turn.ledger().marked(phase, &schedule, &options));
    turn.emit(Event::SnapshotKept { name: schedule.phase(phase).name.clone(), path, digest });
    replace::begin(turn, DeployPurpose::Mark(phase), Then::Next(phase));
}
