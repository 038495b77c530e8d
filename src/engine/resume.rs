//! Going on with a run that was cut off: by a kill, a power cut, an interrupt, a lost network.
//!
//! The ledger is the fold of what was recorded; where the work stands is found anew, by reading what is so now. Nothing is done twice: a
//! text whose change is open is looked at, a deploy whose fate is unknown is looked for by its marker, a rollback that began goes on by the
//! same undo. What was verified is asserted again before anything else is changed, a phase in flight earns settling and soak again. Before
//! the first change the run begins as any does, with the commits, the user's yes and the approvals that it had.

use super::containers::Before;
use super::failure::{self, Draft};
use super::judgement::{Assertion, Outcome, listed};
use super::ledger::{Standing, known_containers};
use super::rollback::Way;
use super::stage::{Job, Stage, Then};
use super::turn::{Known, Turn};
use super::underway::{Deploy, Stop};
use super::watch::Looks;
use super::{
    Answer, Cause, Container, ContainerState, DeployPurpose, Ending, Engine, Event, ExitCode, Goal, Moment, Options, Outline, Reason,
    RowStatus, Survey, Undo, app_as_written, changed, deploy, lock, phase, position, preflight, replace, rollback, settle,
};
use crate::schedule::{GateId, PhaseId, Schedule, canonical, digest};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Why a run cannot be gone on with. Nothing was touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotResumable {
    /// Nothing of it is recorded.
    #[error("nothing of it was recorded, so nothing was done; begin a new run")]
    Empty,
    /// It came to an end that leaves nothing to go on with.
    #[error("it ended with exit {}: {verdict}; begin a new run, which goes on from what is live", code.0)]
    Ended {
        /// Its exit code.
        code: ExitCode,
        /// Its last sentence.
        verdict: String,
    },
    /// It was on its way back, by hand. What is live says what is left of that.
    #[error("it was going back by hand; `plan rollback` begins that anew, from what is live")]
    Back,
    /// It was of another rollout or app.
    #[error("it rolled out `{rollout}` to {app}, which this plan does not")]
    Other {
        /// The rollout.
        rollout: String,
        /// The app, as written in its plan.
        app: String,
    },
    /// Compose files bind a run.
    #[error("its compose files are not those of the plan any more: {}; begin a new run, which goes on from what is live", .0.join("; "))]
    FilesChanged(
        /// What is different, one sentence each.
        Vec<String>,
    ),
    /// What was live before its first change is not at hand, so that it could not go back there.
    #[error("the compose text that was live before it is not in its snapshots as it was kept: {0}")]
    NoBaseline(
        /// Why not.
        String,
    ),
}

impl NotResumable {
    /// The exit code that says the same: refused, or could not be told. Either way nothing was changed.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode(if matches!(self, Self::NoBaseline(_)) { 9 } else { 3 })
    }
}

impl Ending {
    /// Whether the run can be gone on with: somebody left it, or something could not be asked or told. Anything else is an answer.
    pub fn is_resumable(&self) -> bool {
        matches!(self.reason, Reason::Interrupted | Reason::CouldNotAsk { .. }) || self.exit_code() == ExitCode(10)
    }
}

/// The snapshot of what was live before the first change, and its digest: what [`Engine::resume`] needs of a run that got so far.
pub fn baseline_kept(past: &[(Moment, Event)]) -> Option<(&str, &str)> {
    let kept = past.get(baseline_at(past)?)?;
    match &kept.1 {
        Event::SnapshotKept { path, digest, .. } => Some((path, digest)),
        _ => None,
    }
}

/// Nothing is changed before the baseline is taken, and it is taken of the text that was kept right before.
fn baseline_at(past: &[(Moment, Event)]) -> Option<usize> {
    let taken = past.iter().rposition(|(_, event)| matches!(event, Event::BaselineTaken { .. }))?;
    past[..taken].iter().rposition(|(_, event)| matches!(event, Event::SnapshotKept { .. }))
}

impl Engine {
    /// A run that was cut off, about to go on: at the moment of the last event that was recorded and `gap` later.
    ///
    /// `past` are its durable events with their moments, `baseline` is the text of [`baseline_kept`], `gap` the time since the last event
    /// by the wall clock. What the command line asked for when it began holds on; `options` may change the policy on failure.
    ///
    /// # Errors
    /// When the run came to an end of another kind, was of another app, or its compose files changed.
    pub fn resume(
        schedule: &Arc<Schedule>,
        options: Options,
        past: &[(Moment, Event)],
        baseline: Option<String>,
        gap: Duration,
    ) -> Result<Self, NotResumable> {
        let Some((_, Event::RunStarted { run, rollout, app, files, options: began, .. })) = past.first() else {
            return Err(NotResumable::Empty);
        };
        if *rollout != schedule.rollout || *app != app_as_written(&schedule.app) {
            return Err(NotResumable::Other { rollout: rollout.clone(), app: app.clone() });
        }
        if began.goal != Goal::Rollout {
            return Err(NotResumable::Back);
        }
        if let Some((_, Event::RunEnded { ending })) = past.last()
            && !ending.is_resumable()
        {
            return Err(NotResumable::Ended { code: ending.exit_code(), verdict: ending.verdict.clone() });
        }
        let changed = changed_files(schedule, files);
        if !changed.is_empty() {
            return Err(NotResumable::FilesChanged(changed));
        }
        let mut engine = Self::new(Arc::clone(schedule), merged(began, options, run));
        let text = text_of_baseline(past, baseline)?;
        let of_baseline = baseline_at(past).and_then(|kept| {
            let surveyed = |(_, event): &(Moment, Event)| matches!(event, Event::Surveyed { .. });
            past[..kept].iter().rposition(surveyed)
        });
        let outline = Outline::new(schedule);
        let mut then = None;
        for (at, (now, event)) in past.iter().enumerate() {
            if let Event::RunStarted { outline: Some(outline), .. } | Event::Resumed { outline: Some(outline), .. } = event {
                then = Some(&**outline);
            }
            match translated(event, then, &outline) {
                Some(Event::Surveyed { survey, live }) if Some(at) == of_baseline => {
                    let survey = Survey { text: text.clone().unwrap_or_default(), ..survey };
                    engine.apply(*now, &Event::Surveyed { survey, live });
                }
                Some(event) => engine.apply(*now, &event),
                None => {}
            }
        }
        if engine.state.ledger.changed && text.is_none() {
            return Err(NotResumable::NoBaseline("the file is missing".to_owned()));
        }
        Arc::make_mut(&mut engine.state.ledger).ending = None;
        let changed = then.map(|then| changed::changed(then, &outline)).unwrap_or_default();
        let outline = then.is_none_or(|then| *then != outline).then(|| Box::new(outline));
        engine.state.stage = Arc::new(Stage::Resuming { gap, changed, outline });
        Ok(engine)
    }
}

/// What was asked for when the run began, and what may be said anew.
fn merged(began: &Options, now: Options, run: &str) -> Options {
    Options {
        run: run.to_owned(),
        on_failure_stop: now.on_failure_stop.or(began.on_failure_stop),
        origin: now.origin,
        waived: began.waived.clone().into_iter().chain(now.waived).collect(),
        lock_wait: now.lock_wait,
        known_runs: now.known_runs,
        flaw: now.flaw,
        allow_version: now.allow_version.or_else(|| began.allow_version.clone()),
        ..began.clone()
    }
}

/// What is different of the files that the run sends.
fn changed_files(schedule: &Schedule, files: &[(String, String)]) -> Vec<String> {
    let mut changed = Vec::new();
    for (name, digest) in files {
        match schedule.phase_named(name).map(|id| schedule.phase(id)) {
            None => changed.push(format!("phase `{name}` is gone")),
            Some(phase) if phase.digest != *digest => changed.push(format!("{} of phase `{name}` was changed", phase.path)),
            Some(_) => {}
        }
    }
    let added = schedule.phases.iter().filter(|phase| !files.iter().any(|(name, _)| *name == phase.name));
    changed.extend(added.map(|phase| format!("phase `{}` was added", phase.name)));
    let is_in_order = schedule.phases.iter().map(|phase| &phase.name).eq(files.iter().map(|(name, _)| name));
    if changed.is_empty() && !is_in_order {
        changed.push("the phases are in another order".to_owned());
    }
    changed
}

fn text_of_baseline(past: &[(Moment, Event)], baseline: Option<String>) -> Result<Option<String>, NotResumable> {
    let Some((_, kept)) = baseline_kept(past) else { return Ok(None) };
    let Some(text) = baseline else { return Ok(None) };
    // A journal of before texts had digests has nothing to compare with.
    if !kept.is_empty() && digest(&text) != kept {
        return Err(NotResumable::NoBaseline("the file was changed".to_owned()));
    }
    Ok(Some(text))
}

/// An event in terms of the plan as it is now: gates are numbered in the order written. An answer to a question that is not asked any more
/// is none.
fn translated(event: &Event, then: Option<&Outline>, now: &Outline) -> Option<Event> {
    let gate = |gate: &GateId| then.map_or(Some(*gate), |then| changed::same_gate(then, now, *gate));
    Some(match event {
        Event::ApprovalAsked { gate: asked, question, until } => {
            Event::ApprovalAsked { gate: gate(asked)?, question: question.clone(), until: *until }
        }
        Event::ApprovalGiven { gate: asked, by } => Event::ApprovalGiven { gate: gate(asked)?, by: by.clone() },
        event => event.clone(),
    })
}

/// Goes on: reads what is so.
pub(super) fn begin(turn: &mut Turn, gap: Duration, changed: Vec<String>, outline: Option<Box<Outline>>) {
    turn.emit(Event::Resumed { gap, changed, outline });
    lock::begin(turn);
}

/// What is so was read.
pub(super) fn surveyed(turn: &mut Turn, survey: Survey) {
    if let Some(why) = preflight::cannot_ask(&survey) {
        let known = if turn.ledger().changed { Known::Nothing } else { Known::Holds };
        return turn.end(Reason::CouldNotAsk { why }, known);
    }
    settle_text(turn, &survey.text);
    if !turn.ledger().changed {
        return preflight::judge(turn, survey);
    }
    let position = position::position(&turn.schedule(), &survey.text);
    turn.emit(Event::Surveyed { survey: survey.clone(), live: position });
    if !survey.unsupported.is_empty() {
        return turn.end(Reason::Refused { why: survey.unsupported }, Known::Nothing);
    }
    let is_ours = canonical(&survey.text) == canonical(&turn.ledger().live);
    match turn.ledger().standing.clone() {
        // What undoes a failure compares the text itself, and fails when somebody changed it.
        Standing::Degraded { failed } => degraded(turn, failed, &survey),
        Standing::Failed(failed) => failed_before(turn, failed, &survey),
        Standing::GoingBack { failed, .. } if !is_ours => {
            let diff = position::changed(&turn.ledger().live, &survey.text);
            let way = way(turn, failed);
            failure::begin(turn, Job::Rollback(way), Draft::Cause(Cause::TextChanged { diff }), None);
        }
        _ if !is_ours => {
            let diff = position::changed(&turn.ledger().live, &survey.text);
            turn.warn(format!("somebody changed the live compose text:\n{diff}"));
            let who = "somebody changed the live compose text while nobody was at work".to_owned();
            turn.end(Reason::Busy { who }, Known::Nothing);
        }
        Standing::GoingBack { failed, undo } => go_back(turn, failed, undo, &survey),
        Standing::RolledBack { failed, .. } => {
            let way = way(turn, failed);
            reassert(turn, Some(way));
        }
        Standing::Unverified(phase) => deliver(turn, phase, &survey),
        Standing::Untouched | Standing::Verified(_) => go_on(turn),
    }
}

/// A change of the text that was about to be sent, or was sent and not answered: the live text tells which.
fn settle_text(turn: &mut Turn, live: &str) {
    // A mark may have arrived after it was given up.
    if replace::is_our_mark(turn, live)
        && let Some(phase) = turn.ledger().last_verified()
    {
        return turn.emit(Event::Replaced { purpose: DeployPurpose::Mark(phase) });
    }
    let Some((op, purpose)) = turn.ledger().underway.replacing.clone() else { return };
    let (schedule, options) = (turn.schedule(), turn.options());
    let target = turn.ledger().text_of(&purpose, &schedule, &options);
    if canonical(live) == canonical(&target) {
        turn.emit(Event::Replaced { purpose });
    } else if canonical(live) == canonical(&turn.ledger().live) {
        let why = "the run was cut off before the text was changed".to_owned();
        turn.emit(Event::NotDone { op, why, may_have_acted: false });
    }
}

fn way(turn: &Turn, failed: PhaseId) -> Way {
    Way { failed, restore: turn.ledger().restore() }
}

fn containers(survey: &Survey) -> Before {
    Before(known_containers(survey).map(<[Container]>::to_vec))
}

/// A phase's text is live, and the phase is not verified.
fn deliver(turn: &mut Turn, phase: PhaseId, survey: &Survey) {
    let Some(deploy) = turn.ledger().underway.deploy_for(&DeployPurpose::Phase(phase)).cloned() else { return go_on(turn) };
    let is_seen = is_seen(&deploy, survey);
    if deploy.ended.is_none() && deploy.row.is_none() && !is_seen {
        // It was never sent, or was lost: nothing of it ever ran, so everything is asked again before it is.
        return go_on(turn);
    }
    follow(turn, Job::Phase(phase), &deploy, survey);
}

/// Whether Dokploy shows a deploy, waiting, running or final.
fn is_seen(deploy: &Deploy, survey: &Survey) -> bool {
    let marker = &deploy.marker;
    survey.queue.iter().any(|job| job.title == *marker) || survey.running_row.as_ref() == Some(marker) || survey.recent.contains(marker)
}

/// A deploy that was asked for.
fn follow(turn: &mut Turn, job: Job, deploy: &Deploy, survey: &Survey) {
    let before = Before(deploy.before.clone());
    let row = deploy.row.as_ref().map(|(row, _)| row.clone());
    match &deploy.ended {
        Some(_) if deploy.overdue.is_some() => failure::begin_of(turn, job, before, Draft::Cause(Cause::DeployTimeout), row),
        Some((RowStatus::Done, _)) => match (&job, turn.ledger().asked.clone()) {
            (Job::Phase(_), Some(by)) => failure::begin_of(turn, job, before, Draft::Cause(Cause::Asked { by }), row),
            _ => settle::begin(turn, job, before, row),
        },
        Some((status, error)) => failure::begin_of(turn, job, before, Draft::Deploy { status: *status, error: error.clone() }, row),
        None if row.is_some() && !is_seen(deploy, survey) => {
            let why = "its row, which was there before the run was cut off, is gone from Dokploy's history".to_owned();
            failure::begin_of(turn, job, before, Draft::Open(Cause::CouldNotAsk { why }), row);
        }
        None => {
            let is_queued = survey.queue.iter().any(|queued| queued.title == deploy.marker && !queued.active);
            deploy::again(turn, job, deploy, is_queued);
        }
    }
}

/// A phase failed, and nothing was undone yet.
fn failed_before(turn: &mut Turn, phase: PhaseId, survey: &Survey) {
    let before = turn.ledger().underway.deploy_for(&DeployPurpose::Phase(phase)).map(|deploy| Before(deploy.before.clone()));
    failed_again(turn, Job::Phase(phase), before.unwrap_or_default(), survey);
}

/// The rollback failed: there is no second one.
fn degraded(turn: &mut Turn, failed: PhaseId, survey: &Survey) {
    let way = way(turn, failed);
    failed_again(turn, Job::Rollback(way), containers(survey), survey);
}

fn failed_again(turn: &mut Turn, job: Job, before: Before, survey: &Survey) {
    let Some(failed) = turn.ledger().underway.failure.clone() else {
        return failure::end(turn, Known::DoesNotHold);
    };
    if failed.has_evidence {
        let containers = containers(survey).0.unwrap_or_default();
        return failure::act_again(turn, job, before, containers, failed.cause, failed.is_open);
    }
    failure::again(turn, job, before, failed.cause, failed.is_open);
}

/// A rollback began: it goes on, by the same undo.
fn go_back(turn: &mut Turn, failed: PhaseId, undo: Undo, survey: &Survey) {
    let way = way(turn, failed);
    let underway = &turn.ledger().underway;
    if !underway.put_back {
        return rollback::replace_again(turn, way, undo, containers(survey));
    }
    let stop = underway.stop;
    match (undo, underway.deploy_for(&way.purpose()).cloned()) {
        (Undo::TextOnly, _) => rollback::prove(turn, way),
        (Undo::Redeploy, Some(deploy)) => follow(turn, Job::Rollback(way), &deploy, survey),
        (Undo::Redeploy, None) => deploy::begin(turn, Job::Rollback(way), containers(survey)),
        (Undo::Stop, _) => match stop {
            Some(Stop::Done) => rollback::see_stopped(turn, way),
            Some(Stop::Asked(op)) if is_stopped(survey) => rollback::stopped(turn, way, op, Answer::Stopped),
            _ => rollback::stop(turn, way),
        },
    }
}

/// Whether containers are there and none of them runs.
fn is_stopped(survey: &Survey) -> bool {
    let runs = |one: &Container| matches!(one.state, ContainerState::Running | ContainerState::Restarting);
    known_containers(survey).is_some_and(|containers| !containers.is_empty() && !containers.iter().any(runs))
}

/// Between two phases.
fn go_on(turn: &mut Turn) {
    let (ledger, done) = (turn.ledger(), turn.ledger().underway.done);
    if ledger.underway.marking.is_none() && ledger.after(done).is_some() {
        // Which asserts what is live before it changes anything.
        return phase::next(turn, done);
    }
    reassert(turn, None);
}

/// What was verified is said to be so now: it must be.
fn reassert(turn: &mut Turn, way: Option<Way>) {
    let schedule = turn.schedule();
    let services = way.as_ref().map_or_else(|| turn.ledger().held(), |way| way.restore.required().clone());
    if services.is_empty() {
        return holds(turn, way);
    }
    let timing = way.as_ref().map(|way| Job::Rollback(way.clone()).timing()).or(turn.ledger().last_verified()).unwrap_or(PhaseId(0));
    let until = turn.now + schedule.phase(timing).settle;
    let assertion = Assertion::begin(turn, services, [], Looks::MustKnow, until);
    turn.enter(Stage::Reasserting { assertion, way });
}

/// A round of that was judged.
pub(super) fn reasserted(turn: &mut Turn, mut assertion: Assertion, way: Option<Way>) {
    let schedule = turn.schedule();
    let at_deadline = match assertion.outcome(turn) {
        Outcome::Open => return turn.enter(Stage::Reasserting { assertion, way }),
        Outcome::Holds => return holds(turn, way),
        Outcome::CannotTell(why) => {
            let why = format!("what was verified could not be asserted again: {why}");
            return turn.end(Reason::CouldNotAsk { why }, Known::Nothing);
        }
        Outcome::DoesNotHold { at_deadline } => at_deadline,
        Outcome::OutOfTime => true,
    };
    let services = assertion.watch.failed_services(&schedule, at_deadline);
    let names = listed(services.iter().map(|failed| format!("`{}`", failed.service)).collect::<BTreeSet<_>>());
    let does = if services.len() == 1 { "does" } else { "do" };
    let what = format!("{names} {does} not hold any more");
    if way.is_some() {
        turn.warn(format!("what was gone back to was verified, and {what}"));
        return failure::end(turn, Known::DoesNotHold);
    }
    if let Some(phase) = turn.ledger().last_verified() {
        turn.emit(Event::NotHeld { phase, services });
    }
    turn.end(Reason::GateNotHeld { what }, Known::DoesNotHold);
}

fn holds(turn: &mut Turn, way: Option<Way>) {
    if let Some(way) = way {
        return rollback::finish(turn, &way);
    }
    let underway = &turn.ledger().underway;
    match (underway.marking, underway.done) {
        (Some((phase, true)), _) => replace::begin(turn, DeployPurpose::Mark(phase), Then::Next(phase)),
        (Some((phase, false)), _) => phase::keep(turn, phase),
        (None, done) => phase::next(turn, done),
    }
}
