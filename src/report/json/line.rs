//! The form of a run's JSON lines: what is written follows from these types, and so does the published schema
//! (`docs/schema/run-events-1.json`). Where a name or a shape changes here, programs that read the lines break.

use super::parts::{
    Advice, Cause, Failed, Healthy, JudgedSample, Live, Notices, Phase, Purpose, Reason, RoundService, RowStatus, Sample, Sandbox, To, Undo,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Names, in order.
type Names<'a> = &'a BTreeSet<String>;

/// One line of what `plan run --format json` and `plan show RUN --format json` write. The first line of a run has `sandbox`; the last one is
/// a `verdict`, or `unfinished` for a run that has no end. Keys that end in `_ms` are milliseconds. Keys may be added within a version.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "A line of a run")]
pub struct Line<'a> {
    /// The version of the form: it grows when a key changes its meaning or goes away, not when one is added.
    #[schemars(extend("const" = super::VERSION))]
    pub v: u32,
    /// When, in run time.
    pub at_ms: u64,
    /// On the first line: null for a real Dokploy, else the sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[expect(clippy::option_option, reason = "not there, null, and an object")]
    pub sandbox: Option<Option<Sandbox>>,
    /// What happened.
    #[serde(flatten)]
    pub told: Told<'a>,
}

/// What a line tells, by its `event`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Told<'a> {
    /// The run began.
    RunStarted {
        /// Its id.
        run: &'a str,
        /// The rollout's name.
        rollout: &'a str,
        /// The app as `project/environment/compose`.
        app: &'a str,
        /// Digests of the phases' files, by phase.
        files: BTreeMap<&'a str, &'a str>,
        /// Every phase of the plan, in order.
        phases: Vec<Phase<'a>>,
        /// From the start of one round of samples to the next.
        every_ms: u64,
        /// Passes in a row that make an expectation met.
        healthy_after: u32,
    },
    /// Dokploy said what is live.
    Surveyed {
        /// Its version.
        dokploy: &'a str,
        /// The compose project's name there.
        app_name: &'a str,
        /// What is live, in terms of the plan.
        live: Live<'a>,
        /// How many containers the app has; null when nobody knows.
        containers: Option<usize>,
        /// Jobs in Dokploy's queue.
        queue: usize,
        /// Worth knowing, one sentence each.
        warnings: &'a [String],
    },
    /// Git references were pinned.
    Pinned {
        /// Commits by `repository#reference`.
        commits: &'a BTreeMap<String, String>,
    },
    /// A compose text was kept.
    SnapshotKept {
        /// `baseline`, or a phase.
        name: &'a str,
        /// Where.
        path: &'a str,
    },
    /// Where the run starts.
    StartFound {
        /// The phase that is live and holds.
        after: Option<&'a str>,
        /// The phases that will run.
        to_run: Vec<&'a str>,
        /// The first of them is live and only has to be verified.
        earns: bool,
    },
    /// Where `plan rollback` goes.
    TargetFound {
        #[serde(flatten)]
        to: To<'a>,
        /// Who says that it was well.
        because: &'a str,
        /// Services that it starts.
        services: Names<'a>,
        /// Services that it takes away.
        removes: Names<'a>,
        /// Whether its text is live already.
        is_live: bool,
    },
    /// Started although what is live does not hold.
    StartedBroken {
        /// Why it is meant.
        reason: &'a str,
        /// What is so.
        what: &'a str,
        /// Services that do not hold.
        services: Vec<Failed<'a>>,
        /// Services that do.
        held: Names<'a>,
    },
    /// The services that were there before the first change were sampled.
    BaselineTaken {
        /// Those that were healthy.
        healthy: Names<'a>,
        /// The others.
        not_healthy: Names<'a>,
    },
    /// A person agreed to go on.
    Agreed {},
    /// A gate is being asked.
    GateAsked {
        /// The gate.
        gate: &'a str,
        /// The phase that requires it.
        phase: &'a str,
    },
    /// A gate holds.
    GateHeld {
        /// The gate.
        gate: &'a str,
    },
    /// A gate does not hold.
    GateNotHeld {
        /// The gate.
        gate: &'a str,
        /// Why.
        cause: Cause<'a>,
    },
    /// A person is being asked.
    ApprovalAsked {
        /// The gate.
        gate: &'a str,
        /// The question.
        question: &'a str,
        /// When silence becomes a no.
        until_ms: u64,
    },
    /// Somebody said yes.
    ApprovalGiven {
        /// The gate.
        gate: &'a str,
        /// Who.
        by: &'a str,
    },
    /// Somebody said no, or nobody anything.
    ApprovalNotGiven {
        /// The gate.
        gate: &'a str,
        /// Who; null: nobody answered.
        by: Option<&'a str>,
    },
    /// What was delivered earlier does not hold, before anything of the phase was sent.
    NotHeld {
        /// The phase that would be next.
        phase: &'a str,
        /// The services.
        services: Vec<Failed<'a>>,
        /// Likely causes.
        advice: Vec<Advice<'a>>,
    },
    /// A phase began.
    PhaseStarted {
        /// The phase.
        phase: &'a str,
        /// Services that no earlier phase has.
        adds: Names<'a>,
        /// Every service of its file.
        services: Names<'a>,
    },
    /// What logs said before, and is not held against what follows.
    NoiseKnown {
        /// How many kinds of lines, by service.
        kinds: BTreeMap<&'a str, usize>,
    },
    /// A text is about to become the live one.
    Replacing {
        #[serde(flatten)]
        purpose: Purpose<'a>,
        /// The text's digest.
        digest: &'a str,
    },
    /// It is.
    Replaced {
        #[serde(flatten)]
        purpose: Purpose<'a>,
    },
    /// A deploy is about to be asked for.
    Deploying {
        #[serde(flatten)]
        purpose: Purpose<'a>,
        /// The deployment's title in Dokploy.
        marker: &'a str,
    },
    /// It waits in Dokploy's queue.
    Queued {
        #[serde(flatten)]
        purpose: Purpose<'a>,
        /// Jobs before it.
        ahead: usize,
        /// Title of the job being worked on.
        active: Option<&'a str>,
        /// The service whose job that is.
        whose: Option<&'a str>,
        /// Since when, by Dokploy's clock.
        since: Option<&'a str>,
    },
    /// It is being worked on.
    DeployStarted {
        #[serde(flatten)]
        purpose: Purpose<'a>,
        /// Dokploy's id of the deployment.
        deployment: &'a str,
        /// When its time is over.
        until_ms: u64,
    },
    /// Its time is over and it has not ended.
    DeployOverdue {
        #[serde(flatten)]
        purpose: Purpose<'a>,
        /// When waiting ends.
        until_ms: u64,
    },
    /// It ended, which says nothing of health.
    DeployEnded {
        #[serde(flatten)]
        purpose: Purpose<'a>,
        /// How.
        status: RowStatus,
    },
    /// A call did not happen, or nobody knows.
    NotDone {
        /// Why.
        why: &'a str,
        /// Whether the server may have acted all the same.
        may_have_acted: bool,
    },
    /// Containers are being stopped.
    Stopping {},
    /// They are.
    Stopped {},
    /// A `warn` expectation does not hold.
    WarningBegan(Sample<'a>),
    /// It holds again.
    WarningOver(Sample<'a>),
    /// One round of samples. `plan show` leaves them out.
    Round {
        /// Its number, from 1.
        round: u64,
        /// Samples so far.
        samples: u64,
        /// The services asked, by name.
        services: BTreeMap<&'a str, RoundService<'a>>,
        /// Samples of externals and gates.
        others: Vec<JudgedSample<'a>>,
        /// Samples of what decides nothing, if there are any.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        asides: Vec<JudgedSample<'a>>,
    },
    /// Every service is met; they have to hold now.
    Settled {
        #[serde(flatten)]
        purpose: Purpose<'a>,
        /// How long.
        soak_ms: u64,
        /// When that is over.
        until_ms: u64,
    },
    /// Something broke the soak.
    SoakRestarted {
        /// The service.
        service: &'a str,
        /// What happened.
        why: &'a str,
        /// How long they have to hold now.
        soak_ms: u64,
        /// When that is over.
        until_ms: u64,
    },
    /// Something cannot be asked.
    Holding {
        /// What.
        why: &'a str,
        /// When asking ends.
        until_ms: u64,
    },
    /// A phase is verified.
    PhaseVerified {
        /// The phase.
        phase: &'a str,
        /// Every service delivered so far.
        services: Names<'a>,
        /// Healthy ones and all.
        healthy: Healthy,
        /// Samples since the deploy ended.
        samples: u64,
        /// Image ids by service.
        images: &'a BTreeMap<String, String>,
        /// Whether it was live already and only asserted.
        asserted_only: bool,
    },
    /// A phase failed.
    PhaseFailed {
        /// The phase.
        phase: &'a str,
        /// Why.
        cause: Cause<'a>,
    },
    /// Evidence of the failure is on disk.
    EvidenceKept {
        /// Where.
        path: &'a str,
        /// Likely causes, by the evidence.
        advice: Vec<Advice<'a>>,
    },
    /// A rollback began.
    RollbackStarted {
        #[serde(flatten)]
        to: To<'a>,
        /// How.
        undo: Undo,
    },
    /// It is verified.
    RollbackVerified {
        #[serde(flatten)]
        to: To<'a>,
        /// Services verified.
        services: Names<'a>,
        /// Services that were not healthy before either.
        not_held_against: Names<'a>,
    },
    /// It failed; there is no second one.
    RollbackFailed {
        #[serde(flatten)]
        to: To<'a>,
        /// Why.
        cause: Cause<'a>,
    },
    /// The run goes on after it was cut off.
    Resumed {
        /// How long nobody was at work.
        gap_ms: u64,
        /// What is different in the plan since.
        changed: &'a [String],
    },
    /// Nobody was at work in the middle of the run.
    Overslept {
        /// How long.
        gap_ms: u64,
    },
    /// Another run holds the app.
    LockAwaited {
        /// Who, in words.
        holder: &'a str,
        /// When waiting ends.
        until_ms: u64,
    },
    /// A service decides nothing.
    Waived {
        /// Which.
        service: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// Somebody asked that the phase be failed.
    FailureAsked {
        /// Who, in words.
        by: &'a str,
    },
    /// Worth knowing.
    Warned {
        /// What.
        text: &'a str,
    },
    /// Notices did not get to somebody.
    NoticeLost {
        /// To whom.
        to: &'a str,
        /// Events that they were about.
        about: &'a [&'a str],
        /// Why.
        why: &'a str,
    },
    /// The run ended.
    RunEnded {
        /// Why, in a word.
        reason: Reason,
        /// Why, in sentences or names.
        why: Vec<&'a str>,
        /// Whether this run changed anything.
        changed: bool,
        /// Whether what is live is verified.
        verified: bool,
        /// Whether it is known what is live.
        known: bool,
        /// The phase that is live and verified, or `baseline`.
        live: Option<&'a str>,
        /// Healthy services and all of what is live.
        healthy: Healthy,
        /// What is running now, in a sentence.
        verdict: &'a str,
    },
    /// The last line.
    Verdict {
        /// What is running now, in a sentence.
        verdict: &'a str,
        /// The exit code.
        exit: u8,
        /// What that means.
        meaning: &'a str,
        /// The phase that is live and verified, or `baseline`.
        live: Option<&'a str>,
        /// The host that the probes were sent from.
        probed_from: Option<&'a str>,
        /// Reasons by service that decided nothing.
        waived: &'a BTreeMap<String, String>,
        /// Notices, if the plan has somebody told.
        #[serde(skip_serializing_if = "Option::is_none")]
        notices: Option<Notices>,
    },
    /// The last line of a run that has no end.
    Unfinished {
        /// The run.
        run: &'a str,
        /// How far it came.
        so_far: &'a str,
        /// Who is at work on it now, in words.
        at_work: Option<&'a str>,
        /// The byte of the journal at which a last line was never finished.
        torn_at: Option<u64>,
    },
}
