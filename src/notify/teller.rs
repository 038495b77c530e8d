//! From the engine's events to notices: what is worth telling somebody who is not at the terminal.

use super::notice::{AtFault, Notice};
use super::words::{at_fault, cause, first_line, names, of_services};
use crate::engine::{DeployPurpose, Ending, Event, Moment, Outline, Position, Reason, Target};
use crate::model::{NoticeEvent, duration};
use crate::schedule::{GateId, PhaseId};
use std::time::Duration;

/// Follows a run and makes notices of what happens.
#[derive(Clone, Debug)]
pub struct Teller {
    outline: Outline,
    app: String,
    run: String,
    /// What is live, by the name of its phase, and whether it is verified.
    live: (Option<String>, bool),
    /// The phase in flight.
    phase: Option<PhaseId>,
    /// Where a run by hand goes back to.
    back_to: Option<Target>,
    /// Whether this process has told that the run begins.
    begun: bool,
}

/// What of a notice differs from event to event.
struct Told {
    event: NoticeEvent,
    what: &'static str,
    phase: Option<String>,
    services: Vec<AtFault>,
    exit: Option<u8>,
    text: String,
    details: Vec<String>,
}

impl Teller {
    /// Nothing has happened yet.
    pub fn new(outline: Outline) -> Self {
        let app = outline.app.clone();
        Self { outline, app, run: String::new(), live: (None, false), phase: None, back_to: None, begun: false }
    }

    /// Takes what was before the run goes on, without telling it: whoever was told then is not told again.
    pub fn recall(&mut self, past: &[(Moment, Event)]) {
        if let Some((_, Event::RunStarted { outline: Some(outline), .. })) = past.first()
            && outline.phases.len() == self.outline.phases.len()
        {
            self.outline = (**outline).clone();
        }
        for (_, event) in past {
            self.apply(event);
        }
    }

    /// Takes an event, and gives the notice that it is worth.
    pub fn hear(&mut self, now: Moment, event: &Event) -> Option<Notice> {
        self.apply(event);
        let told = self.tell(now, event)?;
        self.begun |= told.event == NoticeEvent::Start;
        let Told { event, what, phase, services, exit, text, details } = told;
        let (live, verified) = self.live.clone();
        let rollout = self.outline.rollout.clone();
        let text = format!("{rollout}: {text}");
        let (app, run) = (self.app.clone(), self.run.clone());
        Some(Notice { event, what, at: now, rollout, app, run, phase, services, live, verified, exit, text, details })
    }

    fn apply(&mut self, event: &Event) {
        let name = |phase: &PhaseId| Some(self.outline.phase(*phase).name.clone());
        match event {
            Event::RunStarted { run, app, .. } => {
                self.run.clone_from(run);
                self.app.clone_from(app);
            }
            Event::Resumed { outline: Some(outline), .. } => self.outline = (**outline).clone(),
            Event::Surveyed { live, .. } => {
                self.live = match live {
                    Position::Phase(phase, verified) => (name(phase), *verified == Some(true)),
                    Position::OlderVersion { phase, verified } => (Some(phase.clone()), *verified),
                    Position::Edited { phase } => (Some(phase.clone()), false),
                    Position::Empty | Position::Foreign => (None, false),
                }
            }
            Event::StartFound { after: Some(phase), earns, .. } => self.live = (name(phase), !earns),
            Event::TargetFound { target, .. } => self.back_to = Some(target.clone()),
            Event::PhaseStarted { phase } => self.phase = Some(*phase),
            Event::Replaced { purpose: DeployPurpose::Phase(phase) } => self.live = (name(phase), false),
            Event::Replaced { purpose: DeployPurpose::Rollback(target) } => {
                self.live = (Some(self.outline.target(target).to_owned()), false);
            }
            Event::PhaseVerified { phase, .. } => {
                self.live = (name(phase), true);
                self.phase = None;
            }
            Event::RollbackVerified { target, .. } => self.live = (Some(self.outline.target(target).to_owned()), true),
            Event::RunEnded { ending } => self.live = (ending.live.clone(), ending.facts.verified),
            _ => {}
        }
    }

    fn current(&self) -> Option<String> {
        self.phase.map(|phase| self.outline.phase(phase).name.clone())
    }

    fn gate(&self, gate: GateId) -> &str {
        &self.outline.gate(gate).name
    }

    fn tell(&self, now: Moment, event: &Event) -> Option<Told> {
        use NoticeEvent::{Approval, Delay, End, Failure, Phase, Rollback, Start};
        let outline = &self.outline;
        let about = |event: NoticeEvent, what: &'static str, text: String| Told {
            event,
            what,
            phase: self.current(),
            services: Vec::new(),
            exit: None,
            text,
            details: Vec::new(),
        };
        Some(match event {
            Event::Agreed if !self.begun => {
                let text = match &self.back_to {
                    Some(target) => format!("going back to {} by hand begins", target_words(outline, target)),
                    None => "the rollout begins".to_owned(),
                };
                about(Start, "started", text)
            }
            Event::Resumed { gap, changed, .. } if !self.begun => {
                let text = format!("the run goes on; nobody was at work for {}", rough(*gap));
                let details = changed.iter().map(|change| format!("changed in the plan since: {change}")).collect();
                Told { details, ..about(Start, "resumed", text) }
            }
            Event::PhaseStarted { phase } => {
                let adds = &outline.phase(*phase).adds;
                let adds = if adds.is_empty() { String::new() } else { format!(", which adds {}", names(adds)) };
                about(Phase, "phase-started", format!("phase {} starts{adds}", outline.phase(*phase).name))
            }
            Event::PhaseVerified { phase, services, asserted_only: false, .. } => {
                let name = outline.phase(*phase).name.clone();
                let text = format!("phase {name} is verified, {0}/{0} healthy", services.len());
                Told { phase: Some(name), ..about(Phase, "phase-verified", text) }
            }
            Event::ApprovalAsked { gate, question, until } => {
                let left = rough(*until - now);
                let text = format!("gate {} asks: {question} ({left} left; no answer stops the run)", self.gate(*gate));
                about(Approval, "approval-asked", text)
            }
            Event::ApprovalGiven { gate, by } => {
                about(Approval, "approval-given", format!("gate {} is approved by {}", self.gate(*gate), by.0))
            }
            Event::ApprovalNotGiven { gate, by } => {
                let how = by.as_ref().map_or("was answered by nobody in time".to_owned(), |by| format!("is refused by {}", by.0));
                about(Approval, "approval-not-given", format!("gate {} {how}", self.gate(*gate)))
            }
            Event::LockAwaited { holder, until } => {
                about(Delay, "lock-awaited", format!("waits for another run: {holder}; {} left", rough(*until - now)))
            }
            Event::DeployOverdue { purpose, until } => {
                let what = outline.purpose(purpose);
                let text = format!("the deploy of {what} is overdue, and Dokploy cannot cancel it; {} left", rough(*until - now));
                about(Delay, "deploy-overdue", text)
            }
            Event::Holding { why, until } => {
                about(Delay, "holding", format!("cannot ask: {}; asking on for {}", first_line(why), rough(*until - now)))
            }
            Event::Overslept { gap } => {
                about(Delay, "overslept", format!("nobody watched for {}: what has to hold begins anew", rough(*gap)))
            }
            Event::PhaseFailed { phase, cause: why, .. } => {
                let name = outline.phase(*phase).name.clone();
                let (services, details) = at_fault(outline, why);
                let text = format!("phase {name} failed: {}", cause(outline, why));
                Told { phase: Some(name), services, details, ..about(Failure, "phase-failed", text) }
            }
            Event::GateNotHeld { gate, cause: why } => {
                let (services, details) = at_fault(outline, why);
                let text = format!("gate {} does not hold: {}", self.gate(*gate), cause(outline, why));
                Told { services, details, ..about(Failure, "gate-not-held", text) }
            }
            Event::NotHeld { phase, services: failed } => {
                let (services, details) = of_services(failed);
                let name = outline.phase(*phase).name.clone();
                let failed = names(failed.iter().map(|failed| &failed.service));
                let text = format!("{failed} not healthy, before anything of phase {name} was sent");
                Told { phase: Some(name), services, details, ..about(Failure, "not-held", text) }
            }
            Event::RollbackVerified { target, services, not_held_against } => {
                let healthy = match services.len() {
                    0 => "with nothing running".to_owned(),
                    all => format!("{all}/{all} healthy"),
                };
                let text = format!("went back to {}, verified, {healthy}", target_words(outline, target));
                let excused = (!not_held_against.is_empty()).then(|| format!("not healthy before either: {}", names(not_held_against)));
                Told { details: excused.into_iter().collect(), ..about(Rollback, "rollback-verified", text) }
            }
            Event::RollbackFailed { target, cause: why, .. } => {
                let (services, details) = at_fault(outline, why);
                let text = format!("going back to {} failed, somebody is needed: {}", target_words(outline, target), cause(outline, why));
                Told { services, details, ..about(Rollback, "rollback-failed", text) }
            }
            Event::RunEnded { ending } => {
                let code = ending.exit_code().0;
                let text = format!("{} (exit {code})", first_line(&ending.verdict));
                let phase = match &ending.reason {
                    Reason::PhaseFailed { phase } => Some(phase.clone()),
                    _ => None,
                };
                Told { phase, exit: Some(code), details: why(ending), ..about(End, "run-ended", text) }
            }
            _ => return None,
        })
    }
}

/// Why a run ended, where its verdict does not say it.
fn why(ending: &Ending) -> Vec<String> {
    match &ending.reason {
        Reason::Refused { why } => why.iter().map(|why| first_line(why).to_owned()).collect(),
        Reason::GateNotHeld { what: why } | Reason::Busy { who: why } | Reason::CouldNotAsk { why } => vec![first_line(why).to_owned()],
        Reason::Completed
        | Reason::NothingToDo
        | Reason::PhaseFailed { .. }
        | Reason::RollbackFailed { .. }
        | Reason::HolderAsked { .. }
        | Reason::Interrupted => Vec::new(),
    }
}

fn target_words(outline: &Outline, target: &Target) -> String {
    match target {
        Target::Baseline => "what was there before".to_owned(),
        Target::Phase(_) => outline.target(target).to_owned(),
        Target::Kept { run, name } => format!("{name} of run {run}"),
    }
}

/// A length of time in whole seconds, or less where it is less than one.
fn rough(time: Duration) -> String {
    duration(if time.as_secs() == 0 { time } else { Duration::from_secs(time.as_secs()) })
}
