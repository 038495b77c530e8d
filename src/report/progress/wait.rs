//! The current wait: what is waited for, and until when.

use super::{RollbackView, Stage, View};
use crate::engine::{Moment, Undo, Verdict};
use crate::report::words;
use crate::schedule::ServiceName;

/// What a run is waiting for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// In words: fits after "waiting: ".
    pub what: String,
    /// Since when.
    pub since: Moment,
    /// When the wait is over at the latest, if it has a limit.
    pub until: Option<Moment>,
}

impl Wait {
    /// `1m 20s left`; empty for a wait without a limit.
    pub fn left(&self, now: Moment) -> String {
        match self.until {
            Some(until) if until > now => format!("{} left", words::elapsed(until - now)),
            Some(_) => "due now".to_owned(),
            None => String::new(),
        }
    }
}

impl View {
    /// The current wait.
    pub fn wait(&self) -> Wait {
        let wait = |what: String, since: Moment, until: Option<Moment>| Wait { what, since, until };
        if let Some((why, since, until)) = &self.holding {
            return wait(format!("cannot ask: {why}"), *since, Some(*until));
        }
        if self.ending.is_some() {
            return wait("nothing".to_owned(), self.now, None);
        }
        if let Some((since, until)) = self.lock_awaited {
            return wait("the other run that holds this app to end".to_owned(), since, Some(until));
        }
        if let Some(rollback) = self.running_rollback() {
            return self.rollback_wait(rollback);
        }
        if let Some(phase) = self.current {
            let step = &self.phases[phase.0];
            let what = self.stage_wait(&step.stage, &self.outline.phase(phase).path);
            return wait(what, step.since, step.until);
        }
        if let Some(rollback) = self.rollback.as_ref().filter(|rollback| rollback.failure.is_some()) {
            return wait("evidence of why the rollback failed to be kept".to_owned(), rollback.step.since, None);
        }
        if let Some(failure) = &self.failure {
            let what = if failure.phase.is_some() && failure.path.is_none() {
                "the evidence to be collected"
            } else {
                "what follows to be decided"
            };
            return wait(what.to_owned(), failure.at, None);
        }
        let what = match (&self.start, &self.live) {
            _ if self.marking.is_some() => "Dokploy to note in the live text that the phase is verified".to_owned(),
            (None, None) => "Dokploy to say what is live".to_owned(),
            (None, Some(_)) => format!("the start position{}", self.unhealthy_words()),
            (Some(start), _) if start.to_run.is_empty() => format!("every live service to be asserted{}", self.unhealthy_words()),
            (Some(_), _) if !self.agreed => "your answer".to_owned(),
            (Some(_), _) => format!("what is live to be asserted before the next phase{}", self.unhealthy_words()),
        };
        wait(what, Moment::START, None)
    }

    /// Services that must be healthy now and are not, each with the reason in a few words. The worst first.
    pub fn waiting_for(&self) -> Vec<(ServiceName, String)> {
        let mut waiting: Vec<(Verdict, ServiceName, String)> = self
            .expected_services()
            .into_iter()
            .filter_map(|name| match self.services.get(&name) {
                Some(service) if service.is_met() => None,
                Some(service) => Some((service.verdict, name, service.why(self.outline.healthy_after))),
                None => Some((Verdict::Unknown, name, "not asked yet".to_owned())),
            })
            .collect();
        waiting.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        waiting.into_iter().map(|(_, name, why)| (name, why)).collect()
    }

    fn unhealthy_words(&self) -> String {
        if self.asked.is_empty() {
            return String::new();
        }
        let (healthy, all) = self.healthy();
        format!(" ({healthy}/{all} healthy)")
    }

    fn rollback_wait(&self, rollback: &RollbackView) -> Wait {
        let step = &rollback.step;
        let what = match (&step.stage, rollback.undo) {
            (Stage::Sending, Undo::TextOnly) => "the old compose text to be put back and the services to be asserted".to_owned(),
            (Stage::Stopping, _) => "what this run started to stop".to_owned(),
            (stage, _) => self.stage_wait(stage, self.outline.target(&rollback.target)),
        };
        Wait { what, since: step.since, until: step.until }
    }

    fn stage_wait(&self, stage: &Stage, text: &str) -> String {
        match stage {
            Stage::Gated => match self.gate.map(|gate| self.outline.gate(gate)) {
                Some(gate) if !gate.asks.is_empty() => format!("gate {}: {}", gate.name, words::short_list(&gate.asks, 4)),
                Some(gate) => format!("gate {}", gate.name),
                None => format!("what is live to be asserted{}", self.unhealthy_words()),
            },
            Stage::Approval => {
                let gate = self.gate.map_or("", |gate| &self.outline.gate(gate).name);
                format!("approval of {gate}")
            }
            Stage::Sending => format!("Dokploy to take the compose text of {text}"),
            Stage::Asked => "the deploy to appear in Dokploy's queue".to_owned(),
            Stage::Queued { ahead: 0, .. } => "Dokploy's queue: next in line".to_owned(),
            Stage::Queued { ahead, .. } => format!("Dokploy's queue: {} before this one", words::count(*ahead, "job")),
            Stage::Deploying => "Dokploy to build and start the containers".to_owned(),
            Stage::Failing => "the logs, to tell why the deploy failed".to_owned(),
            Stage::Overdue => "the overdue deploy to end, which Dokploy cannot cancel".to_owned(),
            Stage::Settling | Stage::Soaking => {
                let waiting = self.waiting_for();
                if waiting.is_empty() {
                    return if *stage == Stage::Soaking { "the soak to be over".to_owned() } else { "every service to hold".to_owned() };
                }
                words::short_list(waiting.iter().map(|(name, why)| format!("{name} ({why})")), 3)
            }
            Stage::Stopping => "what this run started to stop".to_owned(),
            Stage::Pending | Stage::Live | Stage::Verified | Stage::Failed | Stage::Held => "the next step".to_owned(),
        }
    }
}
