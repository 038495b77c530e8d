//! Whether the app is still as this run left it: its text live, and no deploy of somebody else since its own.

use super::deploy::{lists, seen};
use super::follow::Seen;
use super::foreign::{in_the_way, newer_than};
use super::procedure::Step;
use super::replace::read;
use super::retry::{Outcome, Patience};
use super::session::App;
use super::{Call, Masks};
use crate::engine::{Answer, DeployEnd, DeploymentId, Failure};
use crate::schedule::canonical;
use std::collections::VecDeque;

/// Looks once. Its `Debug` form shows no text.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct StillOurs {
    app: App,
    expected: String,
    deployment: Option<String>,
    is_asked: bool,
}

impl std::fmt::Debug for StillOurs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StillOurs({:?})", self.deployment)
    }
}

impl StillOurs {
    pub(super) fn new(app: App, expected: &str, deployment: Option<&DeploymentId>) -> Self {
        Self { app, expected: canonical(expected), deployment: deployment.map(|id| id.0.clone()), is_asked: false }
    }

    pub(super) fn step(&mut self, outcomes: Vec<Outcome>, masks: &mut Masks) -> Step {
        if !std::mem::replace(&mut self.is_asked, true) {
            let row = Call::Compose { compose: self.app.compose.clone() };
            return Step::Ask(std::iter::once(row).chain(lists(&self.app)).collect(), Patience::Long);
        }
        Step::Done(self.judge(&mut outcomes.into(), masks).unwrap_or_else(Answer::Failed))
    }

    fn judge(&self, outcomes: &mut VecDeque<Outcome>, masks: &mut Masks) -> Result<Answer, Failure> {
        let row = read(&self.app, outcomes.pop_front(), masks)?;
        let Seen { jobs, rows } = seen(&self.app, outcomes);
        // A job that waits has changed nothing yet, so that a queue which does not answer hides nothing that the history would not show.
        let (jobs, rows) = (jobs.and_then(Result::ok), rows?);
        // A deploy says more than a text, which alone changes nothing that runs.
        let newer = self.deployment.as_ref().and_then(|deployment| newer_than(deployment, &rows));
        if let Some(title) = newer.or_else(|| in_the_way(&self.app, jobs.as_deref(), &rows)) {
            return Ok(Answer::Deployed(DeployEnd::Busy { title }));
        }
        Ok(if canonical(&row.text) == self.expected { Answer::StillOurs } else { Answer::TextChanged { live: row.text } })
    }
}
