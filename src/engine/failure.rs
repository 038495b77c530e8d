//! What happens when something failed: look, say why, write the evidence down, and only then act.

use super::blame::{self, Blame};
use super::containers::Before;
use super::deploy::Delivery;
use super::stage::{Job, Stage};
use super::tracker::Patience;
use super::turn::{Known, Turn};
use super::watch::{Looks, Watch};
use super::{
    Answer, Cause, Container, ContainerId, DeploymentId, Effect, Event, Evidence, Flaw, Intent, Log, Moment, Observed, OpId, Reason,
    RowStatus, Sample, back, ledger, ours, rollback, troubleshoot,
};
use crate::model::OnFailure;
use crate::schedule::{ExpectationId, ServiceName, Subject};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Lines asked of each log.
const LOG_LINES: u32 = 400;

/// What has not answered by then is left out of the evidence, and said to be.
const INQUIRY_PATIENCE: Duration = Duration::from_secs(60);

/// What is known of the cause before the logs were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Draft {
    /// All of it.
    Cause(Cause),
    /// All of it, and that it is not known what Dokploy will still do: neither an update nor a rollback may follow.
    Open(Cause),
    /// All of it, and it was told before the run was cut off.
    Told { cause: Cause, is_open: bool },
    /// The row ended badly; the log says why.
    Deploy { status: RowStatus, error: Option<String> },
}

/// A failure that is being dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failing {
    job: Job,
    before: Before,
    is_open: bool,
    draft: Draft,
    containers: Vec<Container>,
    deploy_log: Log,
    samples: BTreeMap<String, Vec<Sample>>,
    step: Step,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// The containers and the deploy's log are being read.
    Inquiring { observe: Option<OpId>, log: Option<OpId>, until: Moment },
    /// The logs of failing services are being read.
    Reading { op: OpId, cause: Cause, until: Moment },
    /// The evidence is being written.
    Keeping { op: OpId, evidence: Box<Evidence> },
    /// The user is asked whether to roll back.
    Asking { op: OpId },
}

impl Failing {
    pub(super) fn deadline(&self) -> Option<Moment> {
        match &self.step {
            Step::Inquiring { until, .. } | Step::Reading { until, .. } => Some(*until),
            Step::Keeping { .. } | Step::Asking { .. } => None,
        }
    }

    /// Nobody was at work: what was asked may still be answered.
    pub(super) fn put_off(&mut self, gap: Duration) {
        if let Step::Inquiring { until, .. } | Step::Reading { until, .. } = &mut self.step {
            *until = *until + gap;
        }
    }

    pub(super) fn is_asking(&self, op: OpId) -> bool {
        matches!(&self.step, Step::Asking { op: awaited } if *awaited == op)
    }

    /// Whether it is a rollback that failed.
    pub(super) fn is_of_rollback(&self) -> bool {
        matches!(self.job, Job::Rollback(_))
    }

    pub(super) fn awaits(&self, op: OpId) -> bool {
        match &self.step {
            Step::Inquiring { observe, log, .. } => *observe == Some(op) || *log == Some(op),
            Step::Reading { op: awaited, .. } | Step::Keeping { op: awaited, .. } | Step::Asking { op: awaited } => *awaited == op,
        }
    }
}

/// Something failed before anything of it was deployed.
pub(super) fn begin(turn: &mut Turn, job: Job, draft: Draft, deployment: Option<DeploymentId>) {
    inquire(turn, job, Before::default(), draft, deployment, BTreeMap::new());
}

/// The same, where it is known what runs: what nobody deployed since needs no deploy to be undone.
pub(super) fn begin_before(turn: &mut Turn, job: Job, before: Before, draft: Draft) {
    inquire(turn, job, before, draft, None, BTreeMap::new());
}

/// A deploy, or what it brought up, failed, if it was ours to begin with.
pub(super) fn begin_after(turn: &mut Turn, delivery: Delivery, draft: Draft, deployment: Option<DeploymentId>) {
    // Where it is not known what Dokploy will still do, nothing is undone, and whose doing it is can wait.
    if matches!(draft, Draft::Open(_)) {
        return inquire_after(turn, delivery, draft, deployment);
    }
    ours::ask(turn, ours::Next::Failed(delivery, draft, deployment));
}

/// Looks into what failed.
pub(super) fn inquire_after(turn: &mut Turn, delivery: Delivery, draft: Draft, deployment: Option<DeploymentId>) {
    let schedule = turn.schedule();
    let deployment = deployment.or_else(|| delivery.deployment());
    let samples = delivery.watch().map(|watch| watch.recent(&schedule)).unwrap_or_default();
    inquire(turn, delivery.job, delivery.before, draft, deployment, samples);
}

/// A deploy failed, and so it was found when the run went on.
pub(super) fn begin_of(turn: &mut Turn, job: Job, before: Before, draft: Draft, deployment: Option<DeploymentId>) {
    inquire(turn, job, before, draft, deployment, BTreeMap::new());
}

/// Goes on with a failure that was told before the run was cut off: its evidence is gathered once more.
pub(super) fn again(turn: &mut Turn, job: Job, before: Before, cause: Cause, is_open: bool) {
    let deploy = turn.ledger().underway.deploy_for(&job.purpose());
    let deployment = deploy.and_then(|deploy| deploy.row.as_ref()).map(|(deployment, _)| deployment.clone());
    inquire(turn, job, before, Draft::Told { cause, is_open }, deployment, BTreeMap::new());
}

/// Goes on with a failure whose evidence is on disk.
pub(super) fn act_again(turn: &mut Turn, job: Job, before: Before, containers: Vec<Container>, cause: Cause, is_open: bool) {
    let (draft, step) = (Draft::Told { cause, is_open }, Step::Inquiring { observe: None, log: None, until: turn.now });
    let (deploy_log, samples) = (Log::default(), BTreeMap::new());
    act(turn, Failing { job, before, is_open, draft, containers, deploy_log, samples, step });
}

fn inquire(
    turn: &mut Turn,
    job: Job,
    before: Before,
    draft: Draft,
    deployment: Option<DeploymentId>,
    samples: BTreeMap<String, Vec<Sample>>,
) {
    let observe = Some(turn.ask(Intent::Observe));
    let missing = deployment.is_none().then(|| "there is no deploy to read the log of".to_owned());
    let log = deployment.map(|deployment| turn.ask(Intent::DeployLog { deployment, lines: LOG_LINES }));
    let is_open = matches!(draft, Draft::Open(_) | Draft::Told { is_open: true, .. });
    let until = turn.now + INQUIRY_PATIENCE;
    let deploy_log = Log { lines: Vec::new(), missing, is_cut: false };
    let step = Step::Inquiring { observe, log, until };
    turn.enter(Stage::Failing(Box::new(Failing { job, before, is_open, draft, containers: Vec::new(), deploy_log, samples, step })));
}

/// Dokploy answered a question of the inquiry.
pub(super) fn answered(turn: &mut Turn, mut failing: Failing, op: OpId, answer: Answer) {
    match &mut failing.step {
        Step::Inquiring { observe, log, .. } => {
            if *observe == Some(op) {
                *observe = None;
                if let Answer::Observed(Observed::Known(containers)) = answer {
                    failing.containers = containers;
                }
            } else if *log == Some(op) {
                *log = None;
                failing.deploy_log = match answer {
                    Answer::Logs(mut logs) => logs.remove("").unwrap_or_default(),
                    Answer::Failed(failure) => Log { lines: Vec::new(), missing: Some(failure.message), is_cut: false },
                    _ => Log { lines: Vec::new(), missing: Some("answered with something else".to_owned()), is_cut: false },
                };
            }
            if matches!(failing.step, Step::Inquiring { observe: None, log: None, .. }) {
                conclude(turn, failing);
            } else {
                turn.enter(Stage::Failing(Box::new(failing)));
            }
        }
        Step::Reading { cause, .. } => {
            let cause = cause.clone();
            let logs = match answer {
                Answer::Logs(logs) => logs,
                Answer::Failed(failure) => unread(&cause, &failure.message),
                _ => unread(&cause, "answered with something else"),
            };
            keep(turn, failing, &cause, logs);
        }
        Step::Keeping { .. } | Step::Asking { .. } => {}
    }
}

/// The inquiry took too long: what is there must do.
pub(super) fn overdue(turn: &mut Turn, mut failing: Failing) {
    let why = format!("no answer within {} s", INQUIRY_PATIENCE.as_secs());
    match failing.step.clone() {
        Step::Inquiring { observe, log, .. } => {
            for op in [observe, log].into_iter().flatten() {
                turn.abandon(op);
            }
            if log.is_some() {
                failing.deploy_log = Log { lines: Vec::new(), missing: Some(why), is_cut: false };
            }
            conclude(turn, failing);
        }
        Step::Reading { op, cause, .. } => {
            turn.abandon(op);
            let logs = unread(&cause, &why);
            keep(turn, failing, &cause, logs);
        }
        Step::Keeping { .. } | Step::Asking { .. } => {}
    }
}

fn unread(cause: &Cause, why: &str) -> BTreeMap<ServiceName, Log> {
    failing_services(cause)
        .into_iter()
        .map(|name| (name, Log { lines: Vec::new(), missing: Some(why.to_owned()), is_cut: false }))
        .collect()
}

/// Says what failed and why, then reads the logs of what did.
fn conclude(turn: &mut Turn, mut failing: Failing) {
    let schedule = turn.schedule();
    let cause = match failing.draft.clone() {
        Draft::Cause(cause) | Draft::Open(cause) | Draft::Told { cause, .. } => cause,
        // Dokploy was restarted in the middle of it: no service is to blame, and its log just stops.
        Draft::Deploy { status: status @ RowStatus::Cancelled, error } => {
            Cause::Deploy { status, error, services: BTreeSet::new(), candidates: false, lines: Vec::new() }
        }
        Draft::Deploy { status, error } => {
            let survey = turn.ledger().survey.as_ref();
            let app = survey.map_or("", |survey| survey.app_name.as_str());
            let phase = schedule.phase(failing.job.timing());
            let previous = failing.job.timing().0.checked_sub(1).map(|index| &schedule.phases[index]);
            let blame = match status {
                // Dokploy restarted in the middle of it (FACTS §2): that says nothing of any service.
                RowStatus::Cancelled => Blame::default(),
                RowStatus::Done | RowStatus::Error => blame::blame(&failing.deploy_log.lines, phase, previous, app),
            };
            Cause::Deploy { status, error, services: blame.services, candidates: blame.are_candidates, lines: blame.lines }
        }
    };
    match &failing.job {
        _ if matches!(failing.draft, Draft::Told { .. }) => {}
        Job::Phase(phase) => turn.emit(Event::PhaseFailed { phase: *phase, cause: cause.clone(), open: failing.is_open }),
        Job::Rollback(way) => {
            let (options, purpose) = (turn.options(), failing.job.purpose());
            let text = turn.ledger().text_of(&purpose, &schedule, &options);
            turn.emit(Event::RollbackFailed { target: way.restore.target(), cause: cause.clone(), text });
        }
    }
    let services = failing_services(&cause);
    let containers: Vec<(ServiceName, ContainerId)> =
        failing.containers.iter().filter(|one| services.contains(&one.service)).map(|one| (one.service.clone(), one.id.clone())).collect();
    if containers.is_empty() {
        return keep(turn, failing, &cause, BTreeMap::new());
    }
    let op = turn.ask(Intent::ContainerLogs { containers, lines: LOG_LINES, seconds: None });
    failing.step = Step::Reading { op, cause, until: turn.now + INQUIRY_PATIENCE };
    turn.enter(Stage::Failing(Box::new(failing)));
}

fn failing_services(cause: &Cause) -> BTreeSet<ServiceName> {
    match cause {
        Cause::Deploy { services, .. } => services.clone(),
        Cause::Services { services, .. } => services.iter().map(|failed| failed.service.clone()).collect(),
        _ => BTreeSet::new(),
    }
}

/// Writes the evidence, before anything destroys it (promise 7).
fn keep(turn: &mut Turn, mut failing: Failing, cause: &Cause, logs: BTreeMap<ServiceName, Log>) {
    if turn.has(Flaw::ForgetsEvidence) {
        return act(turn, failing);
    }
    let (schedule, target) = (turn.schedule(), turn.ledger().destination.as_ref().map(|destination| destination.restore.target()));
    let phase = target.map_or_else(|| schedule.phase(failing.job.phase()).name.clone(), |target| ledger::name_of(&target, &schedule));
    let mut evidence = Box::new(Evidence {
        phase,
        cause: in_words(cause),
        text: turn.ledger().live.clone(),
        containers: failing.containers.clone(),
        deploy_log: failing.deploy_log.clone(),
        logs,
        samples: failing.samples.clone(),
    });
    let of = |id: ExpectationId| {
        let expectation = &schedule.expectations[id.0];
        let (Subject::Service(name) | Subject::External(name) | Subject::Gate(name)) = &expectation.subject;
        (name.as_str(), expectation.text.as_str())
    };
    let advice = troubleshoot::of_cause(cause, Some(&evidence), of);
    evidence.cause.extend(advice.iter().flat_map(troubleshoot::Advice::in_words));
    let op = turn.op();
    turn.effect(Effect::KeepEvidence { op, evidence: evidence.clone() });
    failing.step = Step::Keeping { op, evidence };
    turn.enter(Stage::Failing(Box::new(failing)));
}

/// The evidence is on disk: now, and not before, the policy.
pub(super) fn kept(turn: &mut Turn, failing: Failing, path: String) {
    let Step::Keeping { evidence, .. } = failing.step.clone() else { return };
    turn.emit(Event::EvidenceKept { path, evidence: Some(evidence) });
    act(turn, failing);
}

fn act(turn: &mut Turn, mut failing: Failing) {
    let schedule = turn.schedule();
    let phase = failing.job.phase();
    if let Job::Rollback(way) = &failing.job {
        let there = failing.containers.iter().map(|one| one.service.clone());
        return last_look(turn, there.chain(way.restore.required().iter().cloned()).collect());
    }
    if failing.is_open {
        return end(turn, Known::Nothing);
    }
    let policy = match turn.options().on_failure_stop {
        Some(true) => OnFailure::Stop,
        // Whoever asks for a phase to be failed asks for it to be undone.
        _ if turn.ledger().asked.is_some() => OnFailure::Rollback,
        Some(false) => OnFailure::Rollback,
        None => schedule.phase(phase).on_failure,
    };
    match policy {
        OnFailure::Stop => end(turn, Known::DoesNotHold),
        OnFailure::Rollback => rollback::begin(turn, phase, failing.before),
        OnFailure::Ask => {
            let op = turn.op();
            turn.effect(Effect::AskRollback { op, phase });
            failing.step = Step::Asking { op };
            turn.enter(Stage::Failing(Box::new(failing)));
        }
    }
}

/// A rollback failed: what runs now is not what the last round saw.
fn last_look(turn: &mut Turn, services: BTreeSet<ServiceName>) {
    let schedule = turn.schedule();
    let services = services.into_iter().map(|name| (name, Patience::None));
    let mut watch = Watch::new(&schedule, services, [], Before::default(), Looks::Yes, turn.now).waiving(&turn.options().waived);
    turn.begin_round(&mut watch);
    turn.enter(Stage::LastLook { watch });
}

/// The user said whether to roll back.
pub(super) fn chosen(turn: &mut Turn, failing: Failing, yes: bool) {
    if yes { rollback::begin(turn, failing.job.phase(), failing.before) } else { end(turn, Known::DoesNotHold) }
}

/// Somebody asked for the phase to be failed, which has failed already: that answers the question whether to roll back.
pub(super) fn asked(turn: &mut Turn, failing: Failing) {
    if let Step::Asking { op } = failing.step {
        turn.abandon(op);
        chosen(turn, failing, true);
    }
}

/// Ends the run with the phase that failed, or with the state that was gone back to by hand.
pub(super) fn end(turn: &mut Turn, known: Known) {
    if back::end(turn, known) {
        return;
    }
    let schedule = turn.schedule();
    let phase = turn.ledger().failed().map_or_else(String::new, |phase| schedule.phase(phase).name.clone());
    turn.end(Reason::PhaseFailed { phase }, known);
}

/// A cause in words, one line each.
pub(super) fn in_words(cause: &Cause) -> Vec<String> {
    match cause {
        Cause::Deploy { status, error, services, candidates, lines } => {
            let status = match status {
                RowStatus::Done => "done",
                RowStatus::Error => "error",
                RowStatus::Cancelled => "cancelled",
            };
            let who = if *candidates { "the log names no service; candidates" } else { "failing" };
            let names = services.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let who = (!services.is_empty()).then(|| format!("{who}: {names}"));
            std::iter::once(format!("the deploy ended with {status}"))
                .chain(who)
                .chain(error.clone())
                .chain(lines.iter().cloned())
                .collect()
        }
        Cause::NeverStarted { evidence } => vec![format!("the deploy was accepted and never started: {evidence}")],
        Cause::QueueTimeout { withdrawn: true } => vec!["the deploy waited too long in the queue and was taken out of it".to_owned()],
        Cause::QueueTimeout { withdrawn: false } => {
            vec!["the deploy waited too long in the queue and could not be taken out of it: it may still start".to_owned()]
        }
        Cause::DeployTimeout => vec!["the deploy took longer than it may".to_owned()],
        Cause::RunTimeout => vec!["the run's own time is over".to_owned()],
        Cause::Services { services, regression } => {
            let broke = if *regression { ", which were well before this phase" } else { "" };
            let one = |failed: &super::FailedService| {
                format!("{}{broke}: {}: expected {}, got {}", failed.service, failed.what, failed.expected, failed.actual)
            };
            services.iter().map(one).collect()
        }
        Cause::Expectations { samples } => {
            samples.iter().map(|(_, sample)| format!("expected {}, got {}", sample.expected, sample.actual)).collect()
        }
        Cause::CouldNotAsk { why } => vec![format!("it could not be told: {why}")],
        Cause::Asked { by } => vec![format!("{by} asked for it to be failed")],
        Cause::TextChanged { diff } => {
            std::iter::once("somebody changed the live compose text".to_owned()).chain(diff.lines().map(str::to_owned)).collect()
        }
    }
}
