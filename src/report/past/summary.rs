//! What a run came to, in a few words.

use super::recall::recall;
use crate::engine::{Ending, Event, ExitCode, Target};
use crate::report::progress::{Stage, View};
use crate::report::story::target_words;
use crate::report::words::list;
use crate::store::{Condition, Past};
use std::time::Duration;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its id.
    pub run: String,
    /// The app as `project/environment/compose`; `None` when that cannot be read.
    pub app: Option<String>,
    /// The rollout's name.
    pub rollout: Option<String>,
    /// Whether it ran in the sandbox.
    pub is_sandbox: bool,
    /// When it began, on the wall clock (RFC 3339, UTC).
    pub began: Option<String>,
    /// How long it took in run time, as far as it is recorded.
    pub took: Option<Duration>,
    /// The phase that was live and held before it.
    pub asserted: Option<String>,
    /// Phases that it verified, in order.
    pub verified: Vec<String>,
    /// The phase that failed.
    pub failed: Option<String>,
    /// Where it went back to, and whether that was verified.
    pub rollback: Option<(String, bool)>,
    /// How it ended.
    pub end: End,
    /// What it left live, if it says anything of that.
    pub left: Option<Left>,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub enum End {
    /// With a verdict.
    Ended(Ending, ExitCode),
    /// It did not: the process was killed or is still at work.
    CutOff {
        /// How far it was, such as `in phase business (deploy asked for)`.
        so_far: String,
    },
    /// The journal cannot be read on.
    Damaged {
        /// Where, in bytes, if that can be told.
        offset: Option<u64>,
        /// What is wrong.
        what: String,
    },
    /// There is no journal.
    NoJournal,
}

/// What a run left live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The phase, or `baseline` for what was there before the run; `None` when what is live was not verified.
    pub verified: Option<String>,
    /// When that was so (RFC 3339, UTC).
    pub at: String,
    /// Healthy services and all of them, then.
    pub healthy: (usize, usize),
}

impl Summary {
    /// The summary of a run.
    pub fn of(past: &Past) -> Self {
        let view = recall(past);
        let end = end(past, view.as_ref());
        let mut summary = Self {
            run: past.place.run.clone(),
            app: past.app().map(str::to_owned),
            rollout: None,
            is_sandbox: past.is_sandbox(),
            began: past.began().map(str::to_owned),
            took: past.took(),
            asserted: None,
            verified: Vec::new(),
            failed: None,
            rollback: None,
            left: None,
            end,
        };
        let Some(view) = view else { return summary };
        summary.rollout = Some(view.outline.rollout.clone());
        let mut seen = None;
        for entry in &past.entries {
            match &entry.event {
                Event::PhaseVerified { phase, asserted_only, services, .. } => {
                    let name = view.outline.phase(*phase).name.clone();
                    seen = Some((name.clone(), entry.time.clone(), (services.len(), services.len())));
                    if *asserted_only {
                        summary.asserted = Some(name);
                    } else {
                        summary.verified.push(name);
                    }
                }
                Event::RollbackVerified { target, services, not_held_against } => {
                    let all = services.len() + if matches!(target, Target::Phase(_)) { 0 } else { not_held_against.len() };
                    seen = Some((view.outline.target(target).to_owned(), entry.time.clone(), (services.len(), all)));
                }
                Event::PhaseFailed { phase, .. } => summary.failed = Some(view.outline.phase(*phase).name.clone()),
                _ => {}
            }
        }
        summary.rollback = view.rollback.as_ref().map(|rollback| {
            let is_verified = rollback.step.stage == Stage::Verified;
            (view.outline.target(&rollback.target).to_owned(), is_verified)
        });
        summary.left = left(&summary.end, seen, past);
        summary
    }

    /// What it did, in a few words: `foundation and core verified, business failed, rolled back to core`.
    pub fn deeds(&self) -> String {
        let mut deeds = Vec::new();
        if !self.verified.is_empty() {
            deeds.push(format!("{} verified", list(&self.verified)));
        }
        if let Some(failed) = &self.failed {
            deeds.push(format!("{failed} failed"));
        }
        let back = |to: &str| if to == "baseline" { "what was there before".to_owned() } else { to.to_owned() };
        match &self.rollback {
            Some((to, true)) => deeds.push(format!("rolled back to {}", back(to))),
            Some((to, false)) => deeds.push(format!("rollback to {} not verified", back(to))),
            None => {}
        }
        if deeds.is_empty() {
            deeds.push(self.asserted.as_ref().map_or("nothing verified".to_owned(), |live| format!("{live} was live and held")));
        }
        deeds.join(", ")
    }
}

fn end(past: &Past, view: Option<&View>) -> End {
    match (&past.condition, view) {
        (Condition::Missing, _) => End::NoJournal,
        (Condition::Damaged(error), _) => {
            End::Damaged { offset: error.damaged_at(), what: error.damage().map_or_else(|| error.to_string(), str::to_owned) }
        }
        (_, None) => End::CutOff { so_far: "before it began".to_owned() },
        (_, Some(view)) => match &view.ending {
            Some(ending) => End::Ended(ending.clone(), ending.exit_code()),
            None if is_waiting(past) => End::CutOff { so_far: "while it waited for another run of the app (or it waits still)".to_owned() },
            None => End::CutOff { so_far: so_far(view) },
        },
    }
}

/// Whether the last that is known of a run is that it waits for another one.
fn is_waiting(past: &Past) -> bool {
    past.entries.last().is_some_and(|entry| matches!(entry.event, Event::LockAwaited { .. }))
}

/// What a run left, by its end and by what was verified last.
fn left(end: &End, seen: Option<(String, String, (usize, usize))>, past: &Past) -> Option<Left> {
    let End::Ended(ending, _) = end else { return None };
    let last = past.last_seen().unwrap_or_default().to_owned();
    match (&ending.live, seen) {
        (Some(live), Some((name, at, healthy))) if ending.facts.verified && *live == name => {
            Some(Left { verified: Some(name), at, healthy })
        }
        (Some(live), _) if ending.facts.verified => Some(Left { verified: Some(live.clone()), at: last, healthy: ending.healthy }),
        _ if ending.facts.changed => Some(Left { verified: None, at: last, healthy: ending.healthy }),
        // It changed nothing and verified nothing: what is live is as it was before it.
        _ => None,
    }
}

/// How far a run was when its record ends.
pub(in crate::report) fn so_far(view: &View) -> String {
    let stage = |stage: &Stage| match stage {
        Stage::Pending | Stage::Live | Stage::Verified | Stage::Failed | Stage::Held => String::new(),
        Stage::Gated => " (its gates were being asked)".to_owned(),
        Stage::Approval => " (waiting for an approval)".to_owned(),
        Stage::Sending => " (its compose text was being put in place)".to_owned(),
        Stage::Asked => " (deploy asked for)".to_owned(),
        Stage::Queued { .. } => " (deploy waiting in the queue)".to_owned(),
        Stage::Deploying => " (deploy running)".to_owned(),
        Stage::Overdue => " (deploy overdue)".to_owned(),
        Stage::Failing => " (deploy ended in error)".to_owned(),
        Stage::Settling => " (settling)".to_owned(),
        Stage::Soaking => " (soaking)".to_owned(),
        Stage::Stopping => " (stopping what it had started)".to_owned(),
    };
    let name = |phase| format!("phase {}", view.outline.phase(phase).name);
    if let Some(rollback) = view.running_rollback() {
        let to = match &rollback.target {
            Target::Baseline => "what was there before".to_owned(),
            target @ Target::Phase(_) => format!("phase {}", view.outline.target(target)),
            target @ Target::Kept { .. } => target_words(view.outline.target(target), target),
        };
        return format!("on the way back to {to}{}", stage(&rollback.step.stage));
    }
    if let Some(phase) = view.current {
        return format!("in {}{}", name(phase), stage(&view.phases[phase.0].stage));
    }
    let failed = view.failure.as_ref().and_then(|failure| failure.phase);
    let verified = view.phases.iter().rposition(|step| step.stage == Stage::Verified).map(crate::schedule::PhaseId);
    match (failed, verified) {
        (Some(failed), _) if view.rollback.is_none() => format!("after {} had failed", name(failed)),
        (Some(_), _) => "after its rollback".to_owned(),
        (None, Some(verified)) => format!("after {} was verified", name(verified)),
        (None, None) if view.agreed => "before its first phase".to_owned(),
        (None, None) => "before its first change".to_owned(),
    }
}
