//! From the survey to the first change: where the run starts, the commits of git references, a look at the gates to come, the user's
//! yes, the live text on disk, and one sampling of what is there.

use super::containers::Before;
use super::judgement::{Assertion, Outcome, listed};
use super::ledger::known_containers;
use super::stage::Stage;
use super::turn::{Known, Turn};
use super::watch::{Looks, Watch};
use super::{Answer, ContainerState, Effect, Event, Goal, Intent, Position, Reading, Reason, Survey, back, from, phase, unfinished};
use crate::schedule::{ExpectationId, PhaseId, Schedule, ServiceName, digest, without_user};
use std::collections::{BTreeMap, BTreeSet};

/// Finds the start position.
pub(super) fn begin(turn: &mut Turn) {
    let (schedule, options) = (turn.schedule(), turn.options());
    if let Goal::Back(goal) = &options.goal {
        return back::begin(turn, goal);
    }
    let ledger = turn.ledger();
    let passed_over = ledger.survey.as_ref().zip(ledger.position.as_ref());
    let passed_over = passed_over.and_then(|(survey, position)| unfinished::passed_over(&options, survey, position));
    if let (Some(what), Some(reason)) = (passed_over, options.from_broken.clone()) {
        turn.emit(Event::StartedBroken { reason, what, services: Vec::new(), held: BTreeSet::new() });
    }
    if let Some(first) = options.from {
        return from::begin(turn, first);
    }
    let is_asked_for = |phase: PhaseId| turn.options().until.is_none_or(|until| phase <= until);
    let Some(Position::Phase(live, _)) = turn.ledger().position else {
        let first = turn.ledger().survey.as_ref().map_or(PhaseId(0), |survey| first_phase(&schedule, survey));
        // Beyond `--until` there is nothing to start: what keeps the first phase from being sent is told then.
        let first = if is_asked_for(first) { first } else { PhaseId(0) };
        if first > PhaseId(0) {
            let passed = listed(schedule.phases[..first.0].iter().map(|phase| format!("`{}`", phase.name)));
            turn.warn(format!("{passed} would take services away that run now: passed over"));
        }
        return found(turn, before(first), false);
    };
    // What is live and is not to be sent again has to be asked, before anything is said of it.
    if turn.options().redeploy && is_asked_for(live) {
        return found(turn, before(live), false);
    }
    let candidate = match turn.ledger().survey.as_ref().and_then(known_containers) {
        Some(containers) => {
            let present: BTreeSet<_> = containers.iter().map(|one| &one.service).collect();
            let is_there = |service: &ServiceName| present.contains(service) || options.waived.contains_key(service);
            let is_whole = |id: &PhaseId| schedule.phase(*id).services.iter().all(is_there);
            (0..=live.0).rev().map(PhaseId).find(is_whole)
        }
        // Nobody knows what runs: ask again, and go by the text.
        None => Some(live),
    };
    let Some(candidate) = candidate else { return found(turn, None, false) };
    let services = schedule.phase(candidate).services.clone();
    let until = turn.within(schedule.phase(candidate).settle);
    let assertion = Assertion::begin(turn, services, [], Looks::MustKnow, until);
    turn.enter(Stage::Asserting { candidate, assertion });
}

/// Where a run starts when no phase of the plan is live: the first phase that takes no running service away, so that a phase whose file
/// was changed, or a text that was adopted, is followed by what is nearest to it. The first of all when every one would.
pub fn first_phase(schedule: &Schedule, survey: &Survey) -> PhaseId {
    let containers = known_containers(survey).unwrap_or_default().iter();
    let running = containers.filter(|one| matches!(one.state, ContainerState::Running | ContainerState::Restarting));
    let running: BTreeSet<&ServiceName> = running.map(|one| &one.service).collect();
    let keeps = |id: &PhaseId| {
        let phases = &schedule.phases[..=id.0];
        let meant = |service: &ServiceName| phases.iter().any(|phase| phase.removes.contains(service));
        running.iter().all(|service| schedule.phase(*id).services.contains(*service) || meant(service))
    };
    (0..schedule.phases.len()).map(PhaseId).find(keeps).unwrap_or(PhaseId(0))
}

pub(super) fn before(phase: PhaseId) -> Option<PhaseId> {
    phase.0.checked_sub(1).map(PhaseId)
}

/// A round of the start assertion was judged.
pub(super) fn asserted(turn: &mut Turn, candidate: PhaseId, mut assertion: Assertion) {
    let (live, marker) = match turn.ledger().position {
        Some(Position::Phase(live, marker)) => (live, marker),
        _ => (candidate, None),
    };
    match assertion.outcome(turn) {
        Outcome::Open => turn.enter(Stage::Asserting { candidate, assertion }),
        Outcome::Holds if turn.options().from.is_some() => from::asserted(turn, candidate, &assertion),
        Outcome::Holds => {
            let is_unverified = candidate == live && marker == Some(false);
            let earns = is_unverified && turn.ledger().is_live_deployed();
            let after = if is_unverified { before(candidate) } else { Some(candidate) };
            if let Some(after) = after {
                assert_verified(turn, after, &assertion.watch);
            }
            found(turn, after, earns);
        }
        Outcome::CannotTell(why) => {
            turn.end(Reason::CouldNotAsk { why: format!("what is live could not be asserted: {why}") }, Known::Nothing);
        }
        Outcome::OutOfTime => turn.end(Reason::CouldNotAsk { why: "the run's time is over".to_owned() }, Known::Nothing),
        Outcome::DoesNotHold { at_deadline } => does_not_hold(turn, candidate, marker, &assertion, at_deadline),
    }
}

/// What is live does not hold. One that was never verified is sent again; anything else is for the user to decide.
fn does_not_hold(turn: &mut Turn, candidate: PhaseId, marker: Option<bool>, assertion: &Assertion, at_deadline: bool) {
    let (schedule, options) = (turn.schedule(), turn.options());
    if marker == Some(false) && options.from.is_none() {
        let after = before(candidate);
        let is_met = |service: &ServiceName| assertion.watch.met().contains(service) || options.waived.contains_key(service);
        if let Some(after) = after.filter(|after| schedule.phase(*after).services.iter().all(is_met)) {
            assert_verified(turn, after, &assertion.watch);
        }
        return found(turn, after, false);
    }
    let failed = assertion.watch.failed_services(&schedule, at_deadline);
    let names = listed(failed.iter().map(|failed| format!("`{}`", failed.service)));
    let what: Vec<String> = failed.iter().map(|failed| format!("{}: {}", failed.service, failed.actual)).collect();
    if from::in_spite_of(turn, candidate, assertion, &failed) {
        return;
    }
    turn.emit(Event::NotHeld { phase: candidate, services: failed });
    let does = if what.len() == 1 { "does" } else { "do" };
    let first = format!("phase `{}` is live and {names} {does} not hold; --redeploy repeats its deploy", schedule.phase(candidate).name);
    let why = std::iter::once(first).chain(what).collect();
    turn.end(Reason::Refused { why }, Known::DoesNotHold);
}

pub(super) fn assert_verified(turn: &mut Turn, phase: PhaseId, watch: &Watch) {
    let services = unwaived(turn, &turn.schedule().phase(phase).services);
    let images: BTreeMap<ServiceName, String> = watch.images().into_iter().filter(|(name, _)| services.contains(name)).collect();
    turn.emit(Event::PhaseVerified { phase, services, samples: watch.samples_taken(), images, asserted_only: true });
}

/// Without those that decide nothing: nobody can say of them that they are well.
pub(super) fn unwaived(turn: &Turn, services: &BTreeSet<ServiceName>) -> BTreeSet<ServiceName> {
    services.iter().filter(|service| !turn.options().waived.contains_key(*service)).cloned().collect()
}

/// The start position is known.
pub(super) fn found(turn: &mut Turn, after: Option<PhaseId>, earns: bool) {
    let schedule = turn.schedule();
    let last = turn.options().until.map_or(schedule.phases.len(), |until| (until.0 + 1).min(schedule.phases.len()));
    if let (Some(reason), None) = (&turn.options().from_broken, &turn.ledger().broken) {
        turn.warn(format!("--from-broken ({reason}) was not needed: what is live holds, or nothing is"));
    }
    let to_run: Vec<PhaseId> = (after.map_or(0, |after| after.0 + 1)..last).map(PhaseId).collect();
    turn.emit(Event::StartFound { after, earns: earns && !to_run.is_empty(), to_run: to_run.clone() });
    if to_run.is_empty() {
        return turn.end(Reason::NothingToDo, Known::Holds);
    }
    let pins = schedule.phases.iter().flat_map(|phase| &phase.pins);
    let pins: BTreeSet<_> = pins.map(|pin| (pin.repository.clone(), pin.reference.clone())).collect();
    // A run that was cut off keeps the commits that it was pinned to.
    if turn.ledger().has_pinned(&pins) {
        return preview(turn);
    }
    let op = turn.ask(Intent::Resolve(pins.into_iter().collect()));
    turn.enter(Stage::Resolving { op });
}

/// The commits of git references are known, or not.
pub(super) fn resolved(turn: &mut Turn, answer: Answer) {
    let commits = match answer {
        Answer::Resolved(commits) => commits,
        Answer::Failed(failure) => {
            return turn
                .end(Reason::CouldNotAsk { why: format!("git references could not be resolved: {}", failure.message) }, Known::Holds);
        }
        _ => return turn.end(Reason::CouldNotAsk { why: "git references were answered with something else".to_owned() }, Known::Holds),
    };
    let schedule = turn.schedule();
    // They go into the journal, and an address may hold a token.
    let keys =
        schedule.phases.iter().flat_map(|phase| &phase.pins).map(|pin| format!("{}#{}", without_user(&pin.repository), pin.reference));
    let missing: BTreeSet<String> = keys.filter(|key| !commits.contains_key(key)).collect();
    if !missing.is_empty() {
        return turn.end(Reason::CouldNotAsk { why: format!("no commit was found for {}", listed(missing)) }, Known::Holds);
    }
    turn.emit(Event::Pinned { commits });
    preview(turn);
}

/// Samples the gates of all phases to come once, to tell early of one that does not hold now. Decides nothing.
fn preview(turn: &mut Turn) {
    let schedule = turn.schedule();
    let expectations = gates_ahead(&schedule, &turn.ledger().to_run);
    if expectations.is_empty() {
        return confirm(turn);
    }
    let mut watch = Watch::new(&schedule, [], expectations, Before::default(), Looks::No, turn.now);
    turn.begin_round(&mut watch);
    turn.enter(Stage::Previewing { watch });
}

fn gates_ahead(schedule: &Schedule, to_run: &[PhaseId]) -> BTreeSet<ExpectationId> {
    let gates = to_run.iter().flat_map(|phase| &schedule.phase(*phase).gates).map(|gate| &schedule.gates[gate.0]);
    gates.filter(|gate| gate.approval.is_none()).flat_map(crate::schedule::Gate::asked).collect()
}

/// The gates to come were sampled once.
pub(super) fn previewed(turn: &mut Turn, watch: &Watch) {
    let schedule = turn.schedule();
    let bad: BTreeMap<ExpectationId, _> = watch.failed_others().into_iter().collect();
    let to_run = turn.ledger().to_run.clone();
    for phase in to_run {
        for gate in schedule.phase(phase).gates.iter().map(|gate| &schedule.gates[gate.0]) {
            if let Some((id, sample)) = gate.expectations.iter().find_map(|id| bad.get_key_value(id)) {
                let verb = if sample.reading == Reading::Error { "could not be asked" } else { "does not hold now" };
                let (phase, text) = (&schedule.phase(phase).name, &schedule.expectations[id.0].text);
                turn.warn(format!("gate `{}` of phase `{phase}` {verb}: {text}: {}", gate.name, sample.actual));
            }
        }
    }
    confirm(turn);
}

/// Asks the user to go on.
pub(super) fn confirm(turn: &mut Turn) {
    let after = match turn.ledger().position {
        Some(Position::Phase(..)) => turn.ledger().to_run.first().and_then(|first| before(*first)),
        _ => None,
    };
    let ledger = turn.ledger();
    if ledger.underway.is_agreed(ledger.position.as_ref(), &ledger.to_run) {
        return keep_baseline(turn);
    }
    let op = turn.op();
    turn.effect(Effect::Confirm { op, after });
    turn.enter(Stage::Confirming { op });
}

/// The user said whether to go on.
pub(super) fn confirmed(turn: &mut Turn, yes: bool) {
    if !yes {
        return turn.end(
            Reason::Refused { why: vec!["it was not agreed to; --yes agrees beforehand, as is needed without a terminal".to_owned()] },
            Known::Holds,
        );
    }
    turn.emit(Event::Agreed);
    keep_baseline(turn);
}

fn keep_baseline(turn: &mut Turn) {
    let text = turn.ledger().live.clone();
    let op = turn.keep_snapshot("baseline", text);
    turn.enter(Stage::KeepingBaseline { op });
}

/// The live text is on disk: now sample what is there, so that going back can be held to it.
pub(super) fn baseline_kept(turn: &mut Turn, path: String) {
    let digest = digest(&turn.ledger().live);
    turn.emit(Event::SnapshotKept { name: "baseline".to_owned(), path, digest });
    if turn.ledger().destination.is_some() {
        return back::baseline_kept(turn);
    }
    let schedule = turn.schedule();
    let ledger = turn.ledger();
    let services: BTreeSet<ServiceName> = match ledger.survey.as_ref().and_then(known_containers) {
        Some(containers) => containers.iter().map(|one| one.service.clone()).collect(),
        None => ledger.held(),
    };
    let first = ledger.to_run.first().copied().unwrap_or(PhaseId(0));
    let until = turn.within(schedule.phase(first).settle);
    let assertion = Assertion::begin(turn, services, [], Looks::Yes, until);
    turn.enter(Stage::TakingBaseline { assertion });
}

/// A round of the baseline was judged; one in which the containers are known is enough.
pub(super) fn baseline_judged(turn: &mut Turn, assertion: Assertion) {
    match assertion.watch.known() {
        Some(containers) => {
            let running = containers.iter().filter(|one| matches!(one.state, ContainerState::Running | ContainerState::Restarting));
            let there: BTreeSet<ServiceName> =
                assertion.watch.services().into_iter().chain(running.map(|one| one.service.clone())).collect();
            let healthy = assertion.watch.passing();
            let not_healthy = there.difference(&healthy).cloned().collect();
            turn.emit(Event::BaselineTaken { healthy, not_healthy });
        }
        None if turn.ledger().began_with_nothing() => {
            turn.emit(Event::BaselineTaken { healthy: BTreeSet::new(), not_healthy: BTreeSet::new() });
        }
        None if turn.now >= assertion.until => {
            let why = "what runs before the first change could not be looked at".to_owned();
            return turn.end(Reason::CouldNotAsk { why }, Known::Nothing);
        }
        None => return turn.enter(Stage::TakingBaseline { assertion }),
    }
    phase::next(turn, None);
}
