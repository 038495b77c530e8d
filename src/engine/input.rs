//! What the engine is told.

use super::{Answer, OpId, Sample};
use serde::{Deserialize, Serialize};

/// Something that happened outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The run begins.
    Begin,
    /// The moment that `next_wake` named, or a later one, has come.
    Woke,
    /// Dokploy answered.
    Answered(OpId, Answer),
    /// A sample was taken.
    Sampled(OpId, Sample),
    /// A snapshot or evidence is on disk; for evidence with the place to name to people.
    Kept(OpId, String),
    /// The user said whether to go on.
    Confirmed(OpId, bool),
    /// A person answered.
    Approved(OpId, Approver, bool),
    /// The user wants to leave: start nothing more, end resumable.
    Interrupted,
    /// The journal or the store cannot be written: nothing may change that cannot be recorded.
    CannotRecord(String),
}

/// Who answered an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver(pub String);

/// What the command line asks of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The run's id.
    pub run: String,
    /// `--adopt`: accept a live text that is neither a phase nor ours; it is the baseline.
    pub adopt: bool,
    /// `--redeploy`: repeat the deploy of the live phase although its text is unchanged.
    pub redeploy: bool,
    /// `--until PHASE`, as an index.
    pub until: Option<crate::schedule::PhaseId>,
    /// `--on-failure`, over every phase's own policy: `rollback` or `stop`.
    pub on_failure_stop: Option<bool>,
}
