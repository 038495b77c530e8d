//! Parts of the view that come and go as a whole: the start, a failure, a rollback.

use super::Step;
use crate::engine::{Cause, Evidence, Moment, Target, Undo};
use crate::schedule::{GateId, PhaseId, ServiceName};
use std::collections::BTreeSet;

/// Where a run starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The phase that it starts after; `None`: from the first.
    pub after: Option<PhaseId>,
    /// The phases that will run.
    pub to_run: Vec<PhaseId>,
    /// Whether the first of them is live and only has to be verified.
    pub earns: bool,
}

/// A failed phase or gate.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The phase; `None` when it was a gate.
    pub phase: Option<PhaseId>,
    /// The gate, when it was one.
    pub gate: Option<GateId>,
    /// Why.
    pub cause: Cause,
    /// When.
    pub at: Moment,
    /// Where the evidence is.
    pub path: Option<String>,
    /// The evidence, as long as it is in memory.
    pub evidence: Option<Box<Evidence>>,
}

impl Failure {
    pub(super) fn new(at: Moment, phase: Option<PhaseId>, gate: Option<GateId>, cause: &Cause) -> Self {
        Self { phase, gate, cause: cause.clone(), at, path: None, evidence: None }
    }
}

/// A rollback.
#[derive(Clone, Debug)]
pub struct RollbackView {
    /// Where to.
    pub target: Target,
    /// How.
    pub undo: Undo,
    /// How far it is.
    pub step: Step,
    /// Services verified.
    pub services: BTreeSet<ServiceName>,
    /// Services that were not healthy before either.
    pub excused: BTreeSet<ServiceName>,
    /// How it failed, if it did.
    pub failure: Option<Failure>,
    /// The text to paste, if it failed.
    pub text: String,
}

/// By hand: what is gone back to.
#[derive(Clone, Debug)]
pub struct TargetView {
    /// Where to.
    pub target: Target,
    /// Who says that it was well, in words.
    pub because: String,
    /// Services that its text starts.
    pub services: BTreeSet<ServiceName>,
    /// Services that run and that it takes away.
    pub removes: BTreeSet<ServiceName>,
    /// Whether its text is live already.
    pub is_live: bool,
}
