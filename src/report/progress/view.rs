//! The fold.

use super::{Failure, RollbackView, ServiceView, Stage, Start, Step, TargetView};
use crate::engine::{Approver, Cause, DeployPurpose, DeploymentId, Ending, Event, Moment, Position, Reading, RowStatus, Target, Undo};
use crate::report::outline::Outline;
use crate::schedule::{GateId, PhaseId, ServiceName};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a run at a moment: everything that any output shows.
#[derive(Clone, Debug)]
pub struct View {
    /// The plan.
    pub outline: Outline,
    /// The moment of the last event or tick.
    pub now: Moment,
    /// The run's id; empty before it began.
    pub run: String,
    /// The app as `project/environment/compose`.
    pub app: String,
    /// Dokploy's version, once it was read.
    pub version: Option<String>,
    /// What was live at the start.
    pub live: Option<Position>,
    /// Where the run starts, once that is found.
    pub start: Option<Start>,
    /// Whether the user agreed to go on.
    pub agreed: bool,
    /// Every phase's way so far.
    pub phases: Vec<Step>,
    /// The phase that is under way.
    pub current: Option<PhaseId>,
    /// The rollback.
    pub rollback: Option<RollbackView>,
    /// The phase that is being marked as verified in the live text.
    pub marking: Option<PhaseId>,
    /// Services by name, as last seen.
    pub services: BTreeMap<ServiceName, ServiceView>,
    /// The services that the last round asked.
    pub asked: BTreeSet<ServiceName>,
    /// The gate being asked, or its question.
    pub gate: Option<GateId>,
    /// What cannot be asked, since when and until when that is borne.
    pub holding: Option<(String, Moment, Moment)>,
    /// Since when and until when another run that holds the app is waited for.
    pub lock_awaited: Option<(Moment, Moment)>,
    /// What failed.
    pub failure: Option<Failure>,
    /// Whether what is live did not hold before anything was sent.
    pub not_held: bool,
    /// By hand: what is gone back to, once that is found.
    pub target: Option<TargetView>,
    /// The services that do not hold and are not held against what follows.
    pub broken: Option<String>,
    /// Services that decide nothing, each with the reason.
    pub waived: BTreeMap<ServiceName, String>,
    /// Places of snapshots by name.
    pub snapshots: BTreeMap<String, String>,
    /// The gate that nobody said yes to, and who said no.
    pub declined: Option<(GateId, Option<Approver>)>,
    /// The deploy whose containers are being built and started.
    pub building: Option<DeploymentId>,
    /// The end of its log, as last read.
    pub build_log: Vec<String>,
    /// Phases whose deploy reached Dokploy in this run: what they did to data stays.
    pub deployed: BTreeSet<PhaseId>,
    /// The end.
    pub ending: Option<Ending>,
}

impl View {
    /// Before the first event.
    pub fn new(outline: Outline) -> Self {
        let phases = vec![Step::default(); outline.phases.len()];
        Self {
            app: outline.app.clone(),
            outline,
            now: Moment::START,
            run: String::new(),
            version: None,
            live: None,
            start: None,
            agreed: false,
            phases,
            current: None,
            rollback: None,
            marking: None,
            services: BTreeMap::new(),
            asked: BTreeSet::new(),
            gate: None,
            holding: None,
            lock_awaited: None,
            failure: None,
            not_held: false,
            target: None,
            broken: None,
            waived: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            declined: None,
            building: None,
            build_log: Vec::new(),
            deployed: BTreeSet::new(),
            ending: None,
        }
    }

    /// Time went on.
    pub fn tick(&mut self, now: Moment) {
        self.now = self.now.max(now);
    }

    /// Something happened.
    pub fn apply(&mut self, now: Moment, event: &Event) {
        self.tick(now);
        let now = self.now;
        match event {
            Event::RunStarted { run, app, .. } => {
                self.run.clone_from(run);
                self.app.clone_from(app);
            }
            Event::Surveyed { survey, live } => {
                self.lock_awaited = None;
                self.version = Some(survey.version.clone());
                self.live = Some(live.clone());
            }
            Event::Pinned { .. }
            | Event::BaselineTaken { .. }
            | Event::NotDone { .. }
            | Event::Stopped
            | Event::Overslept { .. }
            | Event::FailureAsked { .. }
            | Event::NoiseKnown { .. }
            | Event::Warned { .. }
            | Event::WarningBegan { .. }
            | Event::WarningOver { .. }
            | Event::Noted { .. } => {}
            Event::Waived { service, reason } => drop(self.waived.insert(service.clone(), reason.clone())),
            Event::TargetFound { target, because, services, removes, is_live } => {
                self.target = Some(TargetView {
                    target: target.clone(),
                    because: because.clone(),
                    services: services.clone(),
                    removes: removes.clone(),
                    is_live: *is_live,
                });
            }
            Event::StartedBroken { what, .. } => self.broken = Some(what.clone()),
            Event::LockAwaited { until, .. } => {
                let since = self.lock_awaited.map_or(now, |(since, _)| since);
                self.lock_awaited = Some((since, *until));
            }
            Event::SnapshotKept { name, path, .. } => {
                self.snapshots.insert(name.clone(), path.clone());
            }
            Event::StartFound { after, to_run, earns } => {
                self.found_start(now, Start { after: *after, to_run: to_run.clone(), earns: *earns });
            }
            Event::Agreed => self.agreed = true,
            // An interrupted run had an end, and the plan may have other gates since.
            Event::Resumed { outline, .. } => {
                self.ending = None;
                if let Some(outline) = outline.as_deref().filter(|outline| outline.phases.len() == self.phases.len()) {
                    self.outline.clone_from(outline);
                }
            }
            Event::GateAsked { gate, phase } => {
                self.current = Some(*phase);
                self.gate = Some(*gate);
                self.phases[phase.0].enter(now, Stage::Gated, None);
            }
            Event::GateHeld { .. } => self.gate = None,
            Event::GateNotHeld { gate, cause } => {
                self.fail(now, None, Some(*gate), cause);
                self.hold_current(now);
            }
            Event::ApprovalAsked { gate, until, .. } => {
                self.gate = Some(*gate);
                let phase = self.phase_of_gate(*gate);
                if let Some(phase) = phase {
                    self.current = Some(phase);
                    self.phases[phase.0].enter(now, Stage::Approval, Some(*until));
                }
            }
            Event::ApprovalGiven { .. } => {
                self.gate = None;
                self.enter_current(now, Stage::Gated, None);
            }
            Event::ApprovalNotGiven { gate, by } => {
                self.declined = Some((*gate, by.clone()));
                self.hold_current(now);
            }
            Event::NotHeld { .. } => {
                self.not_held = true;
                self.hold_current(now);
            }
            Event::PhaseStarted { phase } => self.start_phase(now, *phase),
            Event::Replacing { purpose: DeployPurpose::Mark(phase), .. } => self.marking = Some(*phase),
            Event::Replaced { purpose: DeployPurpose::Mark(_) } => self.marking = None,
            // By hand: only the mark of what was gone back to.
            Event::Replacing { purpose: DeployPurpose::Rollback(_), .. } | Event::Replaced { purpose: DeployPurpose::Rollback(_) }
                if self.is_back() => {}
            Event::Replacing { purpose, .. } => self.enter(now, purpose, Stage::Sending, None),
            Event::Replaced { purpose } => self.replaced(now, purpose),
            Event::Deploying { purpose, .. } => {
                if let DeployPurpose::Phase(phase) = purpose {
                    self.deployed.insert(*phase);
                }
                self.enter(now, purpose, Stage::Asked, Some(now + self.outline.queue));
            }
            Event::Queued { purpose, ahead, active, whose, since } => {
                let until = self.step(purpose).and_then(|step| step.until);
                let (active, whose, since) = (active.clone(), whose.clone(), since.clone());
                self.enter(now, purpose, Stage::Queued { ahead: *ahead, active, whose, since }, until);
            }
            Event::DeployStarted { purpose, until, deployment } => {
                self.enter(now, purpose, Stage::Deploying, Some(*until));
                self.building = Some(deployment.clone());
            }
            Event::DeployOverdue { purpose, until } => self.enter(now, purpose, Stage::Overdue, Some(*until)),
            Event::DeployEnded { purpose, status, .. } => self.deploy_ended(now, purpose, *status),
            Event::Stopping { .. } => {
                if let Some(rollback) = &mut self.rollback {
                    rollback.step.enter(now, Stage::Stopping, None);
                }
            }
            Event::Round { services, .. } => {
                for (name, round) in services {
                    match self.services.get_mut(name) {
                        Some(service) => service.update(now, round),
                        None => drop(self.services.insert(name.clone(), ServiceView::new(now, round))),
                    }
                }
                self.asked = services.keys().cloned().collect();
                if services.values().all(|round| round.reading != Reading::Error) {
                    self.holding = None;
                }
            }
            Event::Settled { purpose, until } => self.enter(now, purpose, Stage::Soaking, Some(*until)),
            Event::SoakRestarted { until, .. } => self.restart_soak(now, *until),
            Event::Holding { why, until } => {
                let since = self.holding.take().map_or(now, |(_, since, _)| since);
                self.holding = Some((why.clone(), since, *until));
            }
            Event::PhaseVerified { phase, samples, asserted_only, .. } => {
                let step = &mut self.phases[phase.0];
                step.samples = *samples;
                step.enter(now, if *asserted_only { Stage::Live } else { Stage::Verified }, None);
                self.leave_phase();
            }
            Event::PhaseFailed { phase, cause, .. } => {
                self.phases[phase.0].enter(now, Stage::Failed, None);
                self.fail(now, Some(*phase), None, cause);
                self.leave_phase();
            }
            Event::EvidenceKept { path, evidence } => {
                let of_rollback = self.rollback.as_mut().and_then(|rollback| rollback.failure.as_mut());
                if let Some(failure) = of_rollback.or(self.failure.as_mut()) {
                    failure.path = Some(path.clone());
                    failure.evidence.clone_from(evidence);
                }
            }
            Event::RollbackStarted { target, undo } => {
                let mut step = Step::default();
                step.enter(now, Stage::Sending, None);
                let (services, excused) = (BTreeSet::new(), BTreeSet::new());
                let target = target.clone();
                self.rollback = Some(RollbackView { target, undo: *undo, step, services, excused, failure: None, text: String::new() });
                self.holding = None;
            }
            Event::RollbackVerified { services, not_held_against, .. } => {
                if let Some(rollback) = &mut self.rollback {
                    rollback.step.enter(now, Stage::Verified, None);
                    rollback.services.clone_from(services);
                    rollback.excused.clone_from(not_held_against);
                }
                self.holding = None;
            }
            Event::RollbackFailed { target, cause, text } => {
                let rollback = self.rollback.get_or_insert_with(|| RollbackView {
                    target: target.clone(),
                    undo: Undo::Redeploy,
                    step: Step::default(),
                    services: BTreeSet::new(),
                    excused: BTreeSet::new(),
                    failure: None,
                    text: String::new(),
                });
                rollback.step.enter(now, Stage::Failed, None);
                rollback.failure = Some(Failure::new(now, None, None, cause));
                rollback.text.clone_from(text);
                self.holding = None;
            }
            Event::RunEnded { ending } => {
                self.built();
                self.ending = Some(ending.clone());
                self.gate = None;
                self.holding = None;
            }
        }
    }

    /// No deploy is under way, or nobody is at work on it.
    pub(in crate::report) fn built(&mut self) {
        self.building = None;
        self.build_log.clear();
    }

    /// The rollback, while it is under way.
    pub fn running_rollback(&self) -> Option<&RollbackView> {
        self.rollback.as_ref().filter(|rollback| !rollback.step.stage.is_final())
    }

    /// Whether a rollback is verified.
    pub fn is_back(&self) -> bool {
        self.rollback.as_ref().is_some_and(|rollback| rollback.step.stage == Stage::Verified)
    }

    /// The step that is under way: the rollback's, else the current phase's.
    pub fn current_step(&self) -> Option<&Step> {
        match self.running_rollback() {
            Some(rollback) => Some(&rollback.step),
            None => self.current.map(|phase| &self.phases[phase.0]),
        }
    }

    /// Whether a phase is live and only has to be verified, without a deploy.
    pub fn is_earned(&self, phase: PhaseId) -> bool {
        self.start.as_ref().is_some_and(|start| start.earns && start.to_run.first() == Some(&phase))
    }

    /// The services that must be healthy now, by name.
    pub fn expected_services(&self) -> BTreeSet<ServiceName> {
        let phase = match (&self.rollback, self.current) {
            (Some(RollbackView { target: Target::Phase(phase), .. }), _) => *phase,
            (Some(RollbackView { target: Target::Kept { .. }, .. }), _) if self.target.is_some() => {
                return self.target.iter().flat_map(|target| &target.services).cloned().collect();
            }
            (None, Some(phase)) => phase,
            _ => return self.asked.clone(),
        };
        // Before its deploy has ended, a phase can only be held to what was there before.
        let deployed =
            self.current_step().is_some_and(|step| matches!(step.stage, Stage::Settling | Stage::Soaking) || step.stage.is_final());
        if deployed || self.asked.is_empty() { self.outline.phase(phase).services.clone() } else { self.asked.clone() }
    }

    /// Healthy services, and all of those that must be.
    pub fn healthy(&self) -> (usize, usize) {
        let expected = self.expected_services();
        let healthy = expected.iter().filter(|name| self.services.get(*name).is_some_and(ServiceView::is_met)).count();
        (healthy, expected.len())
    }

    /// Samples cannot tell of a phase that has not been deployed: how it names the phase that requires a gate.
    fn phase_of_gate(&self, gate: GateId) -> Option<PhaseId> {
        let next = |id: &PhaseId| !self.phases[id.0].stage.is_final() && self.outline.phase(*id).gates.contains(&gate);
        self.current.filter(next).or_else(|| (0..self.phases.len()).map(PhaseId).find(next))
    }

    fn found_start(&mut self, now: Moment, start: Start) {
        for at in 0..start.after.map_or(0, |phase| phase.0 + 1) {
            if self.phases[at].stage == Stage::Pending {
                self.phases[at].enter(now, Stage::Live, None);
            }
        }
        self.leave_phase();
        self.start = Some(start);
    }

    fn deploy_ended(&mut self, now: Moment, purpose: &DeployPurpose, status: RowStatus) {
        let limit = self.settle_until(now, purpose);
        match status {
            RowStatus::Done => self.enter(now, purpose, Stage::Settling, limit),
            RowStatus::Error | RowStatus::Cancelled => self.enter(now, purpose, Stage::Failing, None),
        }
        for service in self.services.values_mut() {
            service.counts = (0, 0, 0);
        }
    }

    fn start_phase(&mut self, now: Moment, phase: PhaseId) {
        self.gate = None;
        self.current = Some(phase);
        // What is live and only has to be verified settles without a deploy.
        if self.is_earned(phase) {
            let until = self.settle_until(now, &DeployPurpose::Phase(phase));
            return self.phases[phase.0].enter(now, Stage::Settling, until);
        }
        self.phases[phase.0].enter(now, Stage::Sending, None);
    }

    fn replaced(&mut self, now: Moment, purpose: &DeployPurpose) {
        let is_text_only = self.rollback.as_ref().is_some_and(|rollback| rollback.undo == Undo::TextOnly);
        match purpose {
            // No deploy follows: what runs has to hold.
            DeployPurpose::Rollback(_) if is_text_only => {
                let failed = self.failure.as_ref().and_then(|failure| failure.phase);
                let until = failed.map(|phase| now + self.outline.phase(phase).settle);
                self.enter(now, purpose, Stage::Settling, until);
            }
            _ => self.enter(now, purpose, Stage::Sending, None),
        }
    }

    /// When settling is over. The baseline has no time limits of its own: those of the failed phase hold.
    fn settle_until(&self, now: Moment, purpose: &DeployPurpose) -> Option<Moment> {
        let phase = match purpose {
            DeployPurpose::Phase(phase) | DeployPurpose::Mark(phase) | DeployPurpose::Rollback(Target::Phase(phase)) => *phase,
            DeployPurpose::Rollback(Target::Baseline | Target::Kept { .. }) => self.failure.as_ref().and_then(|failure| failure.phase)?,
        };
        Some(now + self.outline.phase(phase).settle)
    }

    fn restart_soak(&mut self, now: Moment, until: Moment) {
        let step = match &mut self.rollback {
            Some(rollback) if !rollback.step.stage.is_final() => &mut rollback.step,
            _ => match self.current {
                Some(phase) => &mut self.phases[phase.0],
                None => return,
            },
        };
        step.enter(now, Stage::Soaking, Some(until));
        step.since = now;
    }

    fn fail(&mut self, now: Moment, phase: Option<PhaseId>, gate: Option<GateId>, cause: &Cause) {
        self.failure = Some(Failure::new(now, phase, gate, cause));
    }

    fn leave_phase(&mut self) {
        self.current = None;
        self.gate = None;
        self.holding = None;
    }

    fn hold_current(&mut self, now: Moment) {
        self.enter_current(now, Stage::Held, None);
        self.leave_phase();
    }

    fn enter_current(&mut self, now: Moment, stage: Stage, until: Option<Moment>) {
        if let Some(phase) = self.current {
            self.phases[phase.0].enter(now, stage, until);
        }
    }

    fn step(&self, purpose: &DeployPurpose) -> Option<&Step> {
        match purpose {
            DeployPurpose::Phase(phase) => Some(&self.phases[phase.0]),
            DeployPurpose::Rollback(_) => self.rollback.as_ref().map(|rollback| &rollback.step),
            DeployPurpose::Mark(_) => None,
        }
    }

    fn enter(&mut self, now: Moment, purpose: &DeployPurpose, stage: Stage, until: Option<Moment>) {
        if !matches!(stage, Stage::Deploying | Stage::Overdue) {
            self.built();
        }
        match purpose {
            DeployPurpose::Phase(phase) => {
                self.current = Some(*phase);
                self.phases[phase.0].enter(now, stage, until);
            }
            DeployPurpose::Rollback(_) => {
                if let Some(rollback) = &mut self.rollback {
                    rollback.step.enter(now, stage, until);
                }
            }
            DeployPurpose::Mark(_) => {}
        }
        self.holding = None;
    }
}
