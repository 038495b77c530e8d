//! What happened: the one stream that journal, reporters and resume live on. Every event carries what it takes to show it.

use super::moment::millis;
use super::note::Note;
use super::{
    Approver, Container, DeploymentId, Ending, Evidence, Health, Moment, OpId, Options, Origin, Outline, Reading, RowStatus, Sample,
    Survey, Verdict,
};
use crate::schedule::{ExpectationId, GateId, PhaseId, ServiceName};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Something that is now so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// The run began.
    RunStarted {
        /// Its id.
        run: String,
        /// The rollout's name.
        rollout: String,
        /// The app as `project/environment/compose`, as written in the plan.
        app: String,
        /// Digests of the phases' files, in order, by the phase's name.
        files: Vec<(String, String)>,
        /// Where it was started from.
        #[serde(default)]
        origin: Origin,
        /// What of the schedule is ever shown, and compared with the plan when the run is resumed. Journals of earlier versions lack it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outline: Option<Box<Outline>>,
        /// What the command line asked for.
        #[serde(default)]
        options: Box<Options>,
    },
    /// Pre-flight has read everything.
    Surveyed {
        /// What it read; the text only in memory.
        survey: Survey,
        /// What is live, in terms of the plan.
        live: Position,
    },
    /// References in build contexts were pinned to commits, as `repository#reference` → commit.
    Pinned {
        /// The commits.
        commits: BTreeMap<String, String>,
    },
    /// What was live is in the snapshot store.
    SnapshotKept {
        /// What it is.
        name: String,
        /// Where.
        path: String,
        /// Digest of the text, by which it is known again.
        #[serde(default)]
        digest: String,
    },
    /// The run starts after this phase; `None`: from the first.
    StartFound {
        /// The phase that is live and holds.
        after: Option<PhaseId>,
        /// The phases that will run.
        to_run: Vec<PhaseId>,
        /// The first of them is live and holds and was never verified: it settles and soaks again, without a deploy.
        #[serde(default)]
        earns: bool,
    },
    /// By hand: what is gone back to was found. Nothing has been changed yet.
    TargetFound {
        /// Where to.
        target: Target,
        /// Who says that it was well, in words.
        because: String,
        /// Services that its text starts.
        services: BTreeSet<ServiceName>,
        /// Services that run and that it takes away.
        removes: BTreeSet<ServiceName>,
        /// Whether its text is live already.
        is_live: bool,
    },
    /// The run starts although what is live does not hold, or may be another machine's work in progress: somebody answers for that.
    StartedBroken {
        /// Their reason.
        reason: String,
        /// What is so, in words.
        what: String,
        /// Services that do not hold: not held against what follows.
        services: Vec<FailedService>,
        /// Services that do: what follows must not break them.
        held: BTreeSet<ServiceName>,
    },
    /// The services that were there before the first change were sampled once: what going back to the baseline is held to.
    BaselineTaken {
        /// Those that were healthy.
        healthy: BTreeSet<ServiceName>,
        /// The others.
        not_healthy: BTreeSet<ServiceName>,
    },
    /// The user agreed to go on.
    Agreed,
    /// A gate's expectations are being asked at the start of its phase.
    GateAsked {
        /// The gate.
        gate: GateId,
        /// The phase that requires it.
        phase: PhaseId,
    },
    /// A gate held.
    GateHeld {
        /// The gate.
        gate: GateId,
    },
    /// A gate did not hold, or could not be asked.
    GateNotHeld {
        /// The gate.
        gate: GateId,
        /// Why.
        cause: Cause,
    },
    /// A person is being asked.
    ApprovalAsked {
        /// The gate.
        gate: GateId,
        /// The question.
        question: String,
        /// When silence becomes an answer.
        until: Moment,
    },
    /// A person said yes.
    ApprovalGiven {
        /// The gate.
        gate: GateId,
        /// Who.
        by: Approver,
    },
    /// A person said no, or nobody said anything in time.
    ApprovalNotGiven {
        /// The gate.
        gate: GateId,
        /// Who refused; `None`: nobody answered.
        by: Option<Approver>,
    },
    /// Services that were delivered earlier do not hold, before anything of this phase was sent: never blamed on the phase.
    NotHeld {
        /// The phase that would be next, or that is live at the start of the run.
        phase: PhaseId,
        /// Each of the services.
        services: Vec<FailedService>,
    },
    /// A phase started: its gates hold, what is live is asserted.
    PhaseStarted {
        /// The phase.
        phase: PhaseId,
    },
    /// A text is about to become the live one. Recorded before it is sent.
    Replacing {
        /// The operation.
        op: OpId,
        /// What for.
        purpose: DeployPurpose,
        /// Digest of the text.
        digest: String,
    },
    /// The text is live, read back and equal.
    Replaced {
        /// What for.
        purpose: DeployPurpose,
    },
    /// A deploy is about to be asked for. Recorded before it is sent.
    Deploying {
        /// The operation.
        op: OpId,
        /// What for.
        purpose: DeployPurpose,
        /// The marker that finds it again.
        marker: String,
        /// The app's containers right before it, if they could be told: what shows later which of them it replaced.
        #[serde(default)]
        before: Option<Vec<Container>>,
    },
    /// What services wrote before they are deployed anew, as kinds of lines that their plan minds: known noise, not held against what follows.
    NoiseKnown {
        /// Kinds of lines, by service.
        noise: BTreeMap<ServiceName, BTreeSet<String>>,
    },
    /// The deploy waits in Dokploy's queue.
    Queued {
        /// What for.
        purpose: DeployPurpose,
        /// Jobs before it.
        ahead: usize,
        /// Title of the job being worked on.
        active: Option<String>,
        /// Whose job that is: the service's place in Dokploy.
        #[serde(default)]
        whose: Option<String>,
        /// Since when it is worked on, by Dokploy's own clock, in words.
        #[serde(default)]
        since: Option<String>,
    },
    /// The deploy's row is there.
    DeployStarted {
        /// What for.
        purpose: DeployPurpose,
        /// The row.
        deployment: DeploymentId,
        /// When its time is over.
        until: Moment,
    },
    /// The deploy's time is over and its row is not final: nothing can be done but wait for it (Dokploy cannot cancel).
    DeployOverdue {
        /// What for.
        purpose: DeployPurpose,
        /// When waiting ends too.
        until: Moment,
    },
    /// The deploy's row is final. `Done` says nothing of health.
    DeployEnded {
        /// What for.
        purpose: DeployPurpose,
        /// The row's status.
        status: RowStatus,
        /// The row's own error text.
        #[serde(default)]
        error: Option<String>,
    },
    /// A write did not happen, or it cannot be told whether it did.
    NotDone {
        /// The operation.
        op: OpId,
        /// Why, in a sentence.
        why: String,
        /// Whether the server may have acted all the same.
        may_have_acted: bool,
    },
    /// The app's containers are being stopped. Recorded before it is sent.
    Stopping {
        /// The operation.
        op: OpId,
    },
    /// They are.
    Stopped,
    /// One round of samples was judged. Not durable by itself; the last one is recorded in short with what comes after it.
    Round {
        /// The services asked, by name.
        services: BTreeMap<ServiceName, RoundService>,
        /// Samples of externals and gates.
        others: BTreeMap<usize, (Sample, Verdict)>,
        /// Samples of what decides nothing (`warn`, `observe`), of whomever.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        asides: BTreeMap<usize, (Sample, Verdict)>,
    },
    /// What the plan says to warn of is so: told, and not held against anything.
    WarningBegan {
        /// The `warn` expectation.
        expectation: ExpectationId,
        /// Its last sample.
        sample: Sample,
    },
    /// What was warned of is not so any more.
    WarningOver {
        /// The `warn` expectation.
        expectation: ExpectationId,
        /// Its last sample.
        sample: Sample,
    },
    /// Every service is met; the soak began.
    Settled {
        /// What for.
        purpose: DeployPurpose,
        /// When the soak is over, if nothing happens.
        until: Moment,
    },
    /// Something broke the soak; it began anew.
    SoakRestarted {
        /// The service.
        service: ServiceName,
        /// What happened.
        why: String,
        /// When the soak is over now.
        until: Moment,
    },
    /// Samples cannot be taken; asking goes on until then.
    Holding {
        /// What cannot be asked.
        why: String,
        /// When it is given up.
        until: Moment,
    },
    /// A phase is verified: every required sample passed, by the same containers.
    PhaseVerified {
        /// The phase.
        phase: PhaseId,
        /// Every service delivered so far.
        services: BTreeSet<ServiceName>,
        /// Samples taken since the deploy ended.
        samples: u64,
        /// Image ids by service.
        images: BTreeMap<ServiceName, String>,
        /// Whether the phase was only asserted, not deployed, by this run.
        asserted_only: bool,
    },
    /// A phase failed. Nothing has been undone yet.
    PhaseFailed {
        /// The phase.
        phase: PhaseId,
        /// Why.
        cause: Cause,
        /// Whether it is open what Dokploy will still do: neither an update nor a rollback may follow.
        #[serde(default)]
        open: bool,
    },
    /// Evidence of the failure is on disk.
    EvidenceKept {
        /// Where.
        path: String,
        /// The evidence, for display; not journalled.
        #[serde(skip)]
        evidence: Option<Box<Evidence>>,
    },
    /// A rollback began.
    RollbackStarted {
        /// Where to.
        target: Target,
        /// How.
        undo: Undo,
    },
    /// The rollback is verified.
    RollbackVerified {
        /// Where to.
        target: Target,
        /// Services verified.
        services: BTreeSet<ServiceName>,
        /// Services of the baseline that were not healthy before either.
        not_held_against: BTreeSet<ServiceName>,
    },
    /// The rollback failed: degraded. There is no second one.
    RollbackFailed {
        /// Where to.
        target: Target,
        /// Why.
        cause: Cause,
        /// The text to paste into Dokploy; only in memory, it is in the snapshot store.
        #[serde(skip)]
        text: String,
    },
    /// The run goes on after it was cut off: by a kill, an interrupt, a lost network.
    Resumed {
        /// How long nobody was at work, by the wall clock.
        #[serde(with = "millis")]
        gap: Duration,
        /// What is different in the plan since, one sentence each. Never a compose file.
        changed: Vec<String>,
        /// The plan's outline as it is now, when it is another one: what follows speaks of that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outline: Option<Box<Outline>>,
    },
    /// Nobody was at work for so long in the middle of the run, the machine was asleep or the process stopped: streaks and soaks begin anew.
    Overslept {
        /// How long.
        #[serde(with = "millis")]
        gap: Duration,
    },
    /// Another run of this user on this machine holds the app; it is waited for.
    LockAwaited {
        /// Who, in words.
        holder: String,
        /// When waiting ends.
        until: Moment,
    },
    /// A service is asked and told, and decides nothing: somebody answers for that.
    Waived {
        /// Which.
        service: ServiceName,
        /// Why.
        reason: String,
    },
    /// Somebody asked, from another terminal, that the phase in flight be failed.
    FailureAsked {
        /// Who, in words.
        by: String,
    },
    /// Worth knowing.
    Warned {
        /// What.
        text: String,
    },
    /// The run ended. Always the last event.
    RunEnded {
        /// How.
        ending: Ending,
    },
    /// The engine's own note of what it waits for. Not durable and not to be shown ([`Event::is_shown`]).
    Noted {
        /// The note.
        #[serde(skip)]
        note: Note,
    },
}

impl Event {
    /// Whether it is journalled and synced before the effects that follow it start.
    pub fn is_durable(&self) -> bool {
        !matches!(self, Event::Round { .. } | Event::Noted { .. })
    }

    /// A round of services without its samples: what of it goes into a record with the durable event that comes next.
    pub fn round_in_short(&self) -> Option<Self> {
        let Event::Round { services, .. } = self else { return None };
        let short = |round: &RoundService| RoundService { samples: BTreeMap::new(), ..round.clone() };
        let services: BTreeMap<_, _> = services.iter().map(|(name, round)| (name.clone(), short(round))).collect();
        (!services.is_empty()).then(|| Event::Round { services, others: BTreeMap::new(), asides: BTreeMap::new() })
    }

    /// Whether it tells a reader something; the engine's own notes do not.
    pub fn is_shown(&self) -> bool {
        !matches!(self, Event::Noted { .. })
    }
}

/// What is live when a run starts, in terms of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// Nothing: the text is blank.
    Empty,
    /// This phase's file; with whether the marker says that it was verified (`None`: no marker).
    Phase(PhaseId, Option<bool>),
    /// A text that this tool put there and nobody edited, of a file that is not in the plan any more.
    OlderVersion {
        /// The phase it was sent for.
        phase: String,
        /// Whether it was verified.
        verified: bool,
    },
    /// A text that this tool put there and somebody edited.
    Edited {
        /// The phase it was sent for.
        phase: String,
    },
    /// Neither a phase of the plan nor marked.
    Foreign,
}

/// What a text or a deploy is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeployPurpose {
    /// A phase.
    Phase(PhaseId),
    /// Marking the live text of a phase as verified, without a deploy.
    Mark(PhaseId),
    /// Going back.
    Rollback(Target),
}

/// Where a rollback goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The last verified phase.
    Phase(PhaseId),
    /// What was there before the first change.
    Baseline,
    /// By hand: a state that another run left, or found, and that is no phase of the plan as it is now.
    Kept {
        /// The run that keeps it.
        run: String,
        /// A phase's name, or `baseline`.
        name: String,
    },
}

/// How a rollback is done; the smallest that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// Every container is still the one from before the deploy: only the text is put back.
    TextOnly,
    /// The verified text is deployed.
    Redeploy,
    /// Nothing was healthy before: the old text is put back and what this run started is stopped.
    Stop,
}

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Cause {
    /// Dokploy's row ended in error or was cancelled.
    Deploy {
        /// The row's status.
        status: RowStatus,
        /// The row's own error text.
        error: Option<String>,
        /// Services that the log names as failing, or the candidates when it names none.
        services: BTreeSet<ServiceName>,
        /// Whether `services` are only candidates.
        candidates: bool,
        /// The telling lines of the log.
        lines: Vec<String>,
    },
    /// Accepted and never started.
    NeverStarted {
        /// What was seen.
        evidence: String,
    },
    /// It waited too long in the queue.
    QueueTimeout {
        /// Whether our job was taken out again.
        withdrawn: bool,
    },
    /// The row is not final long after its time.
    DeployTimeout,
    /// The run's own time is over (`run within`).
    RunTimeout,
    /// Services failed.
    Services {
        /// Each of them.
        services: Vec<FailedService>,
        /// Whether they belong to an earlier phase and this one broke them.
        regression: bool,
    },
    /// Expectations of externals or gates failed.
    Expectations {
        /// Each with its last sample.
        samples: Vec<(ExpectationId, Sample)>,
    },
    /// It could not be asked.
    CouldNotAsk {
        /// Why.
        why: String,
    },
    /// Somebody asked for it from another terminal.
    Asked {
        /// Who, in words.
        by: String,
    },
    /// Somebody changed the live text.
    TextChanged {
        /// A unified diff from what we believed live to what is.
        diff: String,
    },
}

/// A service that failed, with its evidence in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedService {
    /// Which.
    pub service: ServiceName,
    /// What failed, in words: the expectation's text, or what the container did.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was seen last.
    pub actual: String,
    /// Samples by reading since the deploy ended: passes, failures, errors.
    pub counts: (u64, u64, u64),
    /// The plan's hint.
    pub hint: Option<String>,
}

/// One service in one round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundService {
    /// What its container does.
    pub state: ServiceState,
    /// Docker's healthcheck verdict, if it has one.
    pub health: Option<Health>,
    /// All its expectations together, the container included.
    pub verdict: Verdict,
    /// This round's reading, the worst of its expectations.
    pub reading: Reading,
    /// Passes in a row.
    pub passes: u32,
    /// What was seen, when it is not a pass.
    pub actual: Option<String>,
    /// This round's samples by expectation index.
    pub samples: BTreeMap<usize, Sample>,
}

/// What a service's container does, in a word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceState {
    /// Runs, restarted so often since the deploy.
    Running {
        /// Restarts since the deploy.
        restarts: u64,
    },
    /// Between two starts.
    Restarting {
        /// Restarts since the deploy.
        restarts: u64,
    },
    /// Ended with this code.
    Exited(i64),
    /// Made and not started.
    Created,
    /// No container of it was seen.
    Missing,
    /// Could not be told.
    Unknown,
}
