//! What a run has begun and not brought to its end, by the durable events alone: what it goes on with after it was cut off.

use super::{Cause, Container, DeployPurpose, DeploymentId, Event, Moment, OpId, Position, RowStatus};
use crate::schedule::{GateId, PhaseId};
use std::collections::BTreeSet;

/// The loose ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Underway {
    /// A change of the text that may be on its way, or may have arrived.
    pub replacing: Option<(OpId, DeployPurpose)>,
    /// The newest deploy.
    pub deploy: Option<Deploy>,
    /// How far stopping what runs has come.
    pub stop: Option<Stop>,
    /// The failure that is being dealt with.
    pub failure: Option<Failure>,
    /// Whether the text that the rollback goes back to is live.
    pub put_back: bool,
    /// A phase that is verified and not marked yet, and whether its text is kept.
    pub marking: Option<(PhaseId, bool)>,
    /// The last phase that this run brought up and verified.
    pub done: Option<PhaseId>,
    /// What the user agreed to: where the run starts, and with which phases.
    agreed: Option<(Position, Vec<PhaseId>)>,
    /// Who said yes before which phase.
    approved: BTreeSet<(PhaseId, GateId)>,
    /// Who is being asked before which phase, and until when.
    asked: Option<(PhaseId, GateId, Moment)>,
    /// Whether the run was cut off before.
    pub is_resumed: bool,
}

/// A deploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deploy {
    pub purpose: DeployPurpose,
    pub marker: String,
    /// When it was first asked for.
    pub asked: Moment,
    /// The containers right before it.
    pub before: Option<Vec<Container>>,
    /// Its row, and when that one's time is over.
    pub row: Option<(DeploymentId, Moment)>,
    /// Its time was over before its row was final: until when that is waited for.
    pub overdue: Option<Moment>,
    /// How its row ended.
    pub ended: Option<(RowStatus, Option<String>)>,
}

/// How far stopping has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Asked for, or about to be.
    Asked(OpId),
    /// Done.
    Done,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub cause: Cause,
    /// Whether it is open what Dokploy will still do.
    pub is_open: bool,
    pub has_evidence: bool,
}

impl Underway {
    /// `next` is the phase that the run is at, if there is one.
    pub(super) fn apply(&mut self, now: Moment, event: &Event, next: Option<PhaseId>) {
        match event {
            Event::Resumed { .. } => {
                self.is_resumed = true;
                // What was open then is looked at anew.
                if self.failure.as_ref().is_some_and(|failure| failure.is_open) {
                    self.failure = None;
                    if let Some(deploy) = &mut self.deploy {
                        deploy.overdue = None;
                    }
                }
            }
            Event::ApprovalAsked { gate, until, .. } => self.asked = next.map(|phase| (phase, *gate, *until)),
            Event::ApprovalGiven { gate, .. } => {
                self.asked = None;
                self.approved.extend(next.map(|phase| (phase, *gate)));
            }
            Event::ApprovalNotGiven { .. } => self.asked = None,
            Event::Replacing { op, purpose, .. } => {
                self.replacing = Some((*op, purpose.clone()));
                if matches!(purpose, DeployPurpose::Phase(_)) {
                    self.marking = None;
                }
            }
            Event::Replaced { purpose } => {
                self.replacing = None;
                match purpose {
                    DeployPurpose::Phase(_) => {}
                    DeployPurpose::Mark(_) => self.marking = None,
                    DeployPurpose::Rollback(_) => self.put_back = true,
                }
            }
            Event::NotDone { op, may_have_acted: false, .. } if self.replacing.as_ref().is_some_and(|(awaited, _)| awaited == op) => {
                self.replacing = None;
            }
            Event::SnapshotKept { .. } => {
                if let Some((_, is_kept)) = &mut self.marking {
                    *is_kept = true;
                }
            }
            Event::PhaseVerified { phase, asserted_only: false, .. } => {
                self.marking = Some((*phase, false));
                self.done = Some(*phase);
            }
            Event::PhaseFailed { cause, open, .. } => self.fail(cause, *open),
            Event::RollbackFailed { cause, .. } => self.fail(cause, false),
            Event::EvidenceKept { .. } => {
                if let Some(failure) = &mut self.failure {
                    failure.has_evidence = true;
                }
            }
            Event::RollbackStarted { .. } => {
                self.failure = None;
                self.put_back = false;
                self.stop = None;
            }
            Event::Stopping { op } => self.stop = Some(Stop::Asked(*op)),
            Event::Stopped => self.stop = Some(Stop::Done),
            _ => self.follow(now, event),
        }
    }

    fn follow(&mut self, now: Moment, event: &Event) {
        if let Event::Deploying { purpose, marker, before, .. } = event {
            let (purpose, marker, before) = (purpose.clone(), marker.clone(), before.clone());
            self.deploy = Some(Deploy { purpose, marker, asked: now, before, row: None, overdue: None, ended: None });
        }
        let Some(deploy) = &mut self.deploy else { return };
        match event {
            Event::DeployStarted { deployment, until, .. } => deploy.row = Some((deployment.clone(), *until)),
            Event::DeployOverdue { until, .. } => deploy.overdue = Some(*until),
            Event::DeployEnded { status, error, .. } => deploy.ended = Some((*status, error.clone())),
            _ => {}
        }
    }

    fn fail(&mut self, cause: &Cause, is_open: bool) {
        self.failure = Some(Failure { cause: cause.clone(), is_open, has_evidence: false });
    }

    /// The user agreed to this.
    pub(super) fn agree(&mut self, position: Option<&Position>, to_run: &[PhaseId]) {
        self.agreed = position.map(|position| (position.clone(), to_run.to_vec()));
    }

    /// Whether the user agreed to just this before.
    pub(super) fn is_agreed(&self, position: Option<&Position>, to_run: &[PhaseId]) -> bool {
        self.agreed.as_ref().is_some_and(|(from, phases)| Some(from) == position && phases == to_run)
    }

    /// Whether somebody said yes to this gate before this phase.
    pub(super) fn is_approved(&self, phase: PhaseId, gate: GateId) -> bool {
        self.approved.contains(&(phase, gate))
    }

    /// Until when this gate's question may be answered, if it was asked already.
    pub(super) fn asked_until(&self, phase: PhaseId, gate: GateId) -> Option<Moment> {
        self.asked.filter(|(before, asked, _)| (*before, *asked) == (phase, gate)).map(|(_, _, until)| until)
    }

    /// The newest deploy, if it was for this.
    pub(super) fn deploy_for(&self, purpose: &DeployPurpose) -> Option<&Deploy> {
        self.deploy.as_ref().filter(|deploy| deploy.purpose == *purpose)
    }

    /// What is left of it when a run that has changed nothing begins anew: what people said.
    pub(super) fn anew(&self) -> Self {
        let Self { agreed, approved, asked, is_resumed, .. } = self.clone();
        Self { agreed, approved, asked, is_resumed, ..Self::default() }
    }
}
