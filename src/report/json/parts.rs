//! What several lines hold: phases, samples, services, causes, advice.

use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// Healthy services, and all of them.
pub type Healthy = [usize; 2];

/// The sandbox that a run was made against.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sandbox {
    /// How much faster than real time: a factor, or `max`.
    pub speed: Speed,
}

/// A factor, or `max`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Speed {
    /// So many times.
    Times(f64),
    /// As fast as it can.
    Word(Fastest),
}

/// As fast as it can.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fastest {
    /// As fast as it can.
    Max,
}

/// A phase of the plan and its limits.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "keys of the format")]
pub struct Phase<'a> {
    /// Its name.
    pub phase: &'a str,
    /// Its compose file, as written in the plan.
    pub file: &'a str,
    /// Every service of the file.
    pub services: &'a BTreeSet<String>,
    /// Those that no earlier phase has.
    pub adds: &'a BTreeSet<String>,
    /// Limit of the deploy.
    pub within_ms: u64,
    /// Limit of settling.
    pub settle_ms: u64,
    /// How long everything must hold.
    pub soak_ms: u64,
}

/// What is live, in terms of the plan.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Live<'a> {
    /// Nothing, a phase's file, a file that a phase once had, one that somebody edited, or somebody else's text.
    pub position: Position,
    /// The phase.
    pub phase: Option<&'a str>,
    /// Whether its mark says that it was verified; null where that is not known.
    pub verified: Option<bool>,
}

/// What kind of text is live.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    Empty,
    Phase,
    OlderVersion,
    Edited,
    Foreign,
}

/// What a text or a deploy is for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "for", rename_all = "kebab-case")]
pub enum Purpose<'a> {
    /// A phase.
    Phase {
        /// The phase.
        phase: &'a str,
    },
    /// The verified mark in the live text, without a deploy.
    Mark {
        /// The phase.
        phase: &'a str,
    },
    /// Going back.
    Rollback(To<'a>),
}

/// Where a rollback goes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct To<'a> {
    /// A phase; null: what was there before the run.
    pub to: Option<&'a str>,
    /// The run that left that under this name, or found it as `baseline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_run: Option<&'a str>,
}

/// How a rollback is done.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    TextOnly,
    Redeploy,
    Stop,
}

/// How a deploy ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RowStatus {
    Done,
    Error,
    Cancelled,
}

/// What one sample says.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    Pass,
    Fail,
    Error,
}

/// What an expectation's samples say together.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Met,
    Holding,
    Unknown,
    Errored,
    Failed,
}

/// Whom a sample speaks of.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Of<'a> {
    /// A service.
    Service(&'a str),
    /// An external.
    External(&'a str),
    /// A gate's own expectation.
    Gate(&'a str),
}

/// One sample of one expectation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sample<'a> {
    #[serde(flatten)]
    pub of: Of<'a>,
    /// The expectation, as written.
    pub expect: &'a str,
    /// What it says.
    pub reading: Reading,
    /// What was expected.
    pub expected: &'a str,
    /// What was seen.
    pub actual: &'a str,
    /// When the answer was there.
    pub at_ms: u64,
    /// How long it took.
    pub took_ms: u64,
}

/// A sample and what those of its expectation say together.
#[derive(Debug, Serialize, JsonSchema)]
pub struct JudgedSample<'a> {
    #[serde(flatten)]
    pub sample: Sample<'a>,
    /// The verdict.
    pub verdict: Verdict,
}

/// One service in one round.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RoundService<'a> {
    /// What its container does.
    pub state: State,
    /// Restarts since the deploy.
    pub restarts: Option<u64>,
    /// The exit code of a container that ended.
    pub exit: Option<i64>,
    /// Docker's own verdict.
    pub health: Option<Health>,
    /// All its expectations together.
    pub verdict: Verdict,
    /// The worst reading of this round.
    pub reading: Reading,
    /// Passes in a row.
    pub streak: u32,
    /// Rounds since the deploy.
    pub rounds: Counts,
    /// What was seen, when it is no pass.
    pub actual: Option<&'a str>,
    /// Its samples.
    pub samples: Vec<Sample<'a>>,
}

/// What a container does.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Running,
    Restarting,
    Exited,
    Created,
    Missing,
    Unknown,
}

/// Docker's own verdict.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    Starting,
    Healthy,
    Unhealthy,
}

/// Samples or rounds by what they said.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Counts {
    /// As expected.
    pub passed: u64,
    /// Not as expected.
    pub failed: u64,
    /// Could not be asked.
    pub errored: u64,
}

/// A service that does not hold.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Failed<'a> {
    /// Which.
    pub service: &'a str,
    /// The expectation, or what its container did.
    pub what: &'a str,
    /// What was expected.
    pub expected: &'a str,
    /// What was seen last.
    pub actual: &'a str,
    /// Samples since the deploy.
    pub samples: Counts,
    /// The plan's hint.
    pub hint: Option<&'a str>,
}

/// Why something failed, with likely causes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Cause<'a> {
    #[serde(flatten)]
    pub kind: Kind<'a>,
    /// Likely causes.
    pub advice: Vec<Advice<'a>>,
}

/// Why something failed, by its `kind`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Kind<'a> {
    /// The deploy did not end well.
    Deploy {
        /// How it ended.
        status: RowStatus,
        /// Dokploy's own words.
        error: Option<&'a str>,
        /// Services that the log names, or that are in question.
        services: &'a BTreeSet<String>,
        /// Whether they are only in question.
        candidates: bool,
        /// The telling lines of the log.
        lines: &'a [String],
        /// The remedies of `advice`.
        remedies: Vec<&'a str>,
    },
    /// Dokploy never started it.
    NeverStarted {
        /// What was seen.
        evidence: &'a str,
    },
    /// It waited too long in the queue.
    QueueTimeout {
        /// Whether it was taken out again.
        withdrawn: bool,
    },
    /// The run's own time is over.
    RunTimeout {},
    /// It did not end in its time.
    DeployTimeout {},
    /// Services do not hold.
    Services {
        /// Which.
        services: Vec<Failed<'a>>,
        /// Whether they were healthy before this phase.
        regression: bool,
    },
    /// Externals or gates do not hold.
    Expectations {
        /// The last samples.
        samples: Vec<Sample<'a>>,
    },
    /// It could not be asked.
    CouldNotAsk {
        /// Why.
        why: &'a str,
    },
    /// Somebody asked for it.
    Asked {
        /// Who, in words.
        by: &'a str,
    },
    /// Somebody changed the live text.
    TextChanged {},
}

/// A likely cause and what helps.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Advice<'a> {
    /// The rule that found it.
    pub rule: &'a str,
    /// Services and externals that showed the sign.
    pub of: &'a [String],
    /// Where it stood: state, deploy-log, container-log or sample.
    pub from: &'a str,
    /// What stood there.
    pub seen: &'a str,
    /// The likely cause.
    pub cause: &'a str,
    /// What helps.
    pub remedy: &'a str,
}

/// Why a run ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    Completed,
    NothingToDo,
    Refused,
    GateNotHeld,
    PhaseFailed,
    RollbackFailed,
    HolderAsked,
    Busy,
    CouldNotAsk,
    Interrupted,
}

/// Notices that were sent.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Notices {
    /// Those that arrived.
    pub delivered: usize,
    /// Those that did not.
    pub lost: usize,
}
