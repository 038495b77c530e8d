//! What the engine is told.

use super::{Answer, Goal, OpId, Sample};
use crate::schedule::ServiceName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

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
    /// The app is ours on this machine now.
    Locked(OpId),
    /// Another run holds the app; who, in words. Told again when the holder changes. [`Input::Locked`] may follow.
    LockHeld(OpId, String),
    /// The lock cannot be taken, whoever may hold it; why, in a sentence.
    CannotLock(OpId, String),
    /// What became of asking the run that holds the app to fail its phase; an error where it could not be asked.
    HolderAsked(OpId, Result<HolderHeard, String>),
    /// Somebody asks, from another terminal, that the phase in flight be failed. Who, in words.
    FailureAsked(String),
    /// The user wants to leave: start nothing more, end resumable.
    Interrupted,
    /// The journal or the store cannot be written: nothing may change that cannot be recorded.
    CannotRecord(String),
}

/// What became of a request to the run that holds the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolderHeard {
    /// The run took it.
    Taken,
    /// Nobody holds the app any more.
    NobodyThere,
    /// The run did not take it in time; it is withdrawn.
    NotTaken,
}

/// Who answered an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver(pub String);

impl Options {
    /// What of it a run's record keeps: what a resumed run goes on by.
    pub(super) fn to_record(&self) -> Self {
        Self { known_runs: BTreeSet::new(), origin: super::Origin::default(), ..self.clone() }
    }
}

/// What the command line asks of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The run's id.
    pub run: String,
    /// What the run is to reach.
    #[serde(default)]
    pub goal: Goal,
    /// `--adopt`: accept a live text that is neither a phase nor ours; it is the baseline.
    pub adopt: bool,
    /// `--redeploy`: repeat the deploy of the live phase although its text is unchanged.
    pub redeploy: bool,
    /// `--until PHASE`, as an index.
    pub until: Option<crate::schedule::PhaseId>,
    /// `--on-failure`, over every phase's own policy: `rollback` or `stop`.
    pub on_failure_stop: Option<bool>,
    /// `--from PHASE`, as an index: start there and nowhere else; its predecessor must be live and hold now.
    pub from: Option<crate::schedule::PhaseId>,
    /// `--from-broken REASON`: start although what is live does not hold, or is not known to.
    pub from_broken: Option<String>,
    /// `--waive SERVICE REASON`: these services are asked and told, and decide nothing.
    pub waived: BTreeMap<ServiceName, String>,
    /// `--lock-wait`: how long to wait while another run of this user on this machine holds the app.
    pub lock_wait: Duration,
    /// Runs whose journals are on this machine: an unverified text of any other run may be another machine's work in progress.
    pub known_runs: BTreeSet<String>,
    /// Where the run is started from, for its record.
    pub origin: super::Origin,
    /// What this machine knows of phases that were verified, the newest first: what images are compared with. Not for the record.
    #[serde(skip)]
    pub verified_before: Vec<super::VerifiedBefore>,
    /// `--allow-version`: a version of Dokploy that changes are allowed with although it was never tested.
    pub allow_version: Option<String>,
    /// A deliberate mistake, for tests of what notices it. In no record, and no command asks for it.
    #[doc(hidden)]
    #[serde(skip)]
    pub flaw: Option<super::Flaw>,
}
