//! What a record comes to, as far as the reports tell it.

use crate::engine::{Cause, DeployPurpose, Ending, Event, ExitCode, FailedService, Moment, Origin, RowStatus, Sample};
use crate::report::past::{complete, outline, so_far};
use crate::report::progress::{ServiceView, View};
use crate::report::story::{Beat, beat};
use crate::report::{Setting, Speed, difference};
use crate::schedule::{GateId, PhaseId, ServiceName};
use crate::store::{Condition, Past};
use std::collections::{BTreeMap, BTreeSet};

/// A run as its record has it.
#[derive(Debug)]
pub struct Account {
    /// Everything that its events come to.
    pub(super) view: View,
    /// Its surroundings.
    pub(super) setting: Setting,
    /// Where it was started from.
    pub(super) origin: Origin,
    /// When it began, on the wall clock (RFC 3339, UTC).
    pub(super) began: String,
    /// What happened, a line each, with its run time.
    pub(super) beats: Vec<(Moment, Beat)>,
    /// Each phase of the plan, in order.
    pub(super) phases: Vec<PhaseAccount>,
    /// The way back, if it began.
    pub(super) back: Spans,
    /// When it began, on the wall clock (RFC 3339, UTC).
    pub(super) back_began: Option<String>,
    /// Gates as they were asked, in order.
    pub(super) gates: Vec<GateAccount>,
    /// What was warned of, a sentence each.
    pub(super) warnings: Vec<String>,
    /// The same, to tell each once.
    told: BTreeSet<String>,
    /// `warn` expectations that do not hold, with their last samples.
    pub(super) warned: BTreeMap<usize, Sample>,
    /// Commits that references were pinned to.
    pub(super) commits: BTreeMap<String, String>,
    /// Digests of the phases' files, by phase, in order.
    pub(super) digests: Vec<(String, String)>,
    /// Places of evidence, in order.
    pub(super) evidence: Vec<String>,
    /// How it ended.
    pub(super) end: End,
    /// Whether the plan may have changed since its lines were recorded.
    pub(super) is_another_plan: bool,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub enum End {
    /// With a verdict.
    Ended(Ending, ExitCode),
    /// It has no end.
    Unfinished {
        /// How far it came.
        so_far: String,
        /// Who is at work on it now, in words.
        at_work: Option<String>,
    },
}

/// When a deploy was asked for, when it had ended and when everything was met.
#[derive(Clone, Debug, Default)]
pub(super) struct Spans {
    pub asked: Option<Moment>,
    pub deployed: Option<(Moment, RowStatus)>,
    pub settled: Option<Moment>,
}

/// A phase.
#[derive(Clone, Debug, Default)]
pub(super) struct PhaseAccount {
    pub spans: Spans,
    /// When it began, on the wall clock (RFC 3339, UTC); nothing for what was not begun.
    pub began: Option<String>,
    /// Live before the run, and only asserted.
    pub asserted_only: bool,
    /// Images that it was verified with.
    pub images: BTreeMap<ServiceName, String>,
    /// How many services were verified.
    pub healthy: usize,
    /// Why it failed.
    pub cause: Option<Cause>,
    /// Its services when it failed.
    pub services: BTreeMap<ServiceName, ServiceView>,
    /// What was delivered earlier and did not hold before anything of it was sent.
    pub not_held: Vec<FailedService>,
}

/// A gate that was asked.
#[derive(Clone, Debug)]
pub(super) struct GateAccount {
    pub gate: GateId,
    /// The phase that requires it.
    pub phase: Option<PhaseId>,
    /// Whether its expectations hold, if it has any and that is decided.
    pub held: Option<Result<(), Cause>>,
    /// Whether somebody was asked, and who said what; nobody said anything: no name.
    pub approval: Option<Approval>,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Approval {
    Asked,
    Given(String),
    Refused(Option<String>),
}

impl Account {
    /// The account of a run, `None` where not even its beginning can be read. `at_work` is who is at work on it now; `ended` how it ended,
    /// where somebody knows better than the record, which may not have been written to the last.
    pub fn of(past: &Past, at_work: Option<&str>, ended: Option<(&Ending, ExitCode)>) -> Option<Self> {
        let (outline, origin) = (outline(past)?, past.origin()?.clone());
        let mut setting = Setting::of(&origin);
        if past.place.in_sandbox && setting.sandbox.is_none() {
            setting.sandbox = Some(Speed::Max);
        }
        let phases = vec![PhaseAccount::default(); outline.phases.len()];
        let mut account = Self {
            view: View::new(outline),
            setting,
            origin,
            began: past.began().unwrap_or_default().to_owned(),
            beats: Vec::new(),
            phases,
            back: Spans::default(),
            back_began: None,
            gates: Vec::new(),
            warnings: Vec::new(),
            told: BTreeSet::new(),
            warned: BTreeMap::new(),
            commits: BTreeMap::new(),
            digests: Vec::new(),
            evidence: Vec::new(),
            end: End::Unfinished { so_far: String::new(), at_work: at_work.map(str::to_owned) },
            is_another_plan: false,
        };
        for entry in &past.entries {
            let event = complete(past, &account.view, &entry.event);
            account.take(entry.at, event.as_ref().unwrap_or(&entry.event));
            if let Some(current) = account.view.current {
                account.phases[current.0].began.get_or_insert_with(|| entry.time.clone());
            }
            if account.view.rollback.is_some() {
                account.back_began.get_or_insert_with(|| entry.time.clone());
            }
        }
        let recorded = account.view.ending.clone().filter(|_| !matches!(past.condition, Condition::Damaged(_)));
        match (ended, recorded) {
            (Some((ending, code)), _) => account.end = End::Ended(ending.clone(), code),
            (None, Some(ending)) => account.end = End::Ended(ending.clone(), ending.exit_code()),
            (None, None) => {
                let so_far = so_far(&account.view);
                account.end = End::Unfinished { so_far, at_work: at_work.map(str::to_owned) };
            }
        }
        Some(account)
    }

    fn take(&mut self, now: Moment, event: &Event) {
        if !event.is_shown() {
            return;
        }
        self.view.apply(now, event);
        let now = self.view.now;
        match event {
            Event::RunStarted { files, .. } => self.digests.clone_from(files),
            Event::Resumed { changed, outline, .. } => self.is_another_plan |= !changed.is_empty() || outline.is_some(),
            Event::Pinned { commits } => self.commits.extend(commits.clone()),
            Event::GateAsked { gate, phase } => drop(self.gate(*gate, Some(*phase))),
            Event::GateHeld { gate } => self.gate(*gate, None).held = Some(Ok(())),
            Event::GateNotHeld { gate, cause } => self.gate(*gate, None).held = Some(Err(cause.clone())),
            Event::ApprovalAsked { gate, .. } => {
                let phase = self.view.current;
                self.gate(*gate, phase).approval = Some(Approval::Asked);
            }
            Event::ApprovalGiven { gate, by } => self.gate(*gate, None).approval = Some(Approval::Given(by.0.clone())),
            Event::ApprovalNotGiven { gate, by } => {
                self.gate(*gate, None).approval = Some(Approval::Refused(by.as_ref().map(|by| by.0.clone())));
            }
            Event::NotHeld { phase, services } => self.phases[phase.0].not_held.clone_from(services),
            Event::Deploying { purpose, .. } => {
                if let Some(spans) = self.spans(purpose) {
                    // One that is asked for again begins anew.
                    *spans = Spans { asked: Some(now), ..Spans::default() };
                }
            }
            Event::DeployEnded { purpose, status, .. } => {
                if let Some(spans) = self.spans(purpose) {
                    spans.deployed = Some((now, *status));
                }
            }
            Event::Settled { purpose, .. } => {
                if let Some(spans) = self.spans(purpose) {
                    spans.settled.get_or_insert(now);
                }
            }
            Event::PhaseVerified { phase, services, images, asserted_only, .. } => {
                let phase = &mut self.phases[phase.0];
                (phase.asserted_only, phase.healthy) = (*asserted_only, services.len());
                phase.images.clone_from(images);
            }
            Event::PhaseFailed { phase, cause, .. } => {
                let phase = &mut self.phases[phase.0];
                phase.cause = Some(cause.clone());
                phase.services.clone_from(&self.view.services);
            }
            Event::EvidenceKept { path, .. } => self.evidence.push(path.clone()),
            Event::Warned { text } => {
                let sentence = difference::sentence_and_diff(text).0.to_owned();
                if self.told.insert(sentence.clone()) {
                    self.warnings.push(sentence);
                }
            }
            Event::WarningBegan { expectation, sample } => drop(self.warned.insert(expectation.0, sample.clone())),
            Event::WarningOver { expectation, .. } => drop(self.warned.remove(&expectation.0)),
            _ => {}
        }
        if let Some(beat) = beat(&self.view, now, event)
            // Told apart from what happened, each once.
            && !matches!(event, Event::Warned { .. })
            && self.beats.last().is_none_or(|(_, last)| *last != beat)
        {
            self.beats.push((now, beat));
        }
    }

    /// The gate as it was asked last; of another phase than then, it is asked anew.
    fn gate(&mut self, gate: GateId, phase: Option<PhaseId>) -> &mut GateAccount {
        let fits = |asked: &GateAccount| asked.gate == gate && (phase.is_none() || asked.phase == phase);
        let at = self.gates.iter().rposition(fits).unwrap_or_else(|| {
            self.gates.push(GateAccount { gate, phase, held: None, approval: None });
            self.gates.len() - 1
        });
        &mut self.gates[at]
    }

    fn spans(&mut self, purpose: &DeployPurpose) -> Option<&mut Spans> {
        match purpose {
            DeployPurpose::Phase(phase) => Some(&mut self.phases[phase.0].spans),
            DeployPurpose::Rollback(_) => Some(&mut self.back),
            DeployPurpose::Mark(_) => None,
        }
    }

    /// What is running now, in a sentence; for a run without an end how far it came.
    pub(super) fn sentence(&self) -> String {
        match &self.end {
            End::Ended(ending, _) => difference::sentence_and_diff(&ending.verdict).0.to_owned(),
            End::Unfinished { so_far, at_work: Some(who) } => format!("run {} is at work now {so_far} ({who})", self.view.run),
            End::Unfinished { so_far, at_work: None } => format!("run {} was cut off {so_far}", self.view.run),
        }
    }
}
