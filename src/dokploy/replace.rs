//! Making a text the live one, with proof that it took. Never while somebody deploys the app.

use super::deploy::{lists, seen};
use super::failure::{failure, refused, unreadable};
use super::follow::Seen;
use super::foreign::in_the_way;
use super::observe::not_answered;
use super::procedure::Step;
use super::retry::{Outcome, Patience};
use super::rows::{self, Compose};
use super::session::App;
use super::{Body, Call, Masks, Refusal};
use crate::compose::masks_of;
use crate::engine::{Answer, DeployEnd, Failure, FailureKind, LARGEST_TEXT_AND_ENVIRONMENT, Moment, too_large};
use crate::schedule::canonical;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// An update whose answer was lost may still land: so often it is looked for, with this gap, before it counts as not done.
const LOOKS_FOR_LOST: u32 = 4;
const LOOK_GAP: Duration = Duration::from_secs(2);

/// So often the update is sent, if it certainly was not done, or was looked for and is not there. Putting one text in one other's place twice
/// is putting it there once, and before each attempt the live text is compared again.
pub(super) const ATTEMPTS: u32 = 3;

/// Before another attempt, times the attempts so far.
pub(super) const ATTEMPT_GAP: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Begin,
    Comparing,
    Updating,
    /// Reading back; `lost` says why the update's answer is not known, if it is not.
    Proving {
        lost: Option<String>,
        looks: u32,
    },
    /// Waiting before reading back again.
    Resting {
        lost: Option<String>,
        looks: u32,
    },
    /// Waiting before another attempt.
    Pausing,
}

/// Makes `text` live if `expected` is. Its `Debug` form shows no text.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Replace {
    app: App,
    expected: String,
    text: String,
    stage: Stage,
    attempts: u32,
    compared_rows: Option<BTreeSet<String>>,
}

impl std::fmt::Debug for Replace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Replace({:?}, attempt {})", self.stage, self.attempts)
    }
}

impl Replace {
    pub(super) fn new(app: App, expected: &str, text: &str) -> Self {
        Self { app, expected: canonical(expected), text: text.to_owned(), stage: Stage::Begin, attempts: 0, compared_rows: None }
    }

    /// Rows that were there when the text was compared, the last time that ours was not there yet.
    pub(super) fn compared_rows(&self) -> Option<&BTreeSet<String>> {
        self.compared_rows.as_ref()
    }

    pub(super) fn step(&mut self, now: Moment, outcomes: Vec<Outcome>, masks: &mut Masks) -> Step {
        let mut outcomes = VecDeque::from(outcomes);
        let outcome = outcomes.pop_front();
        let step = match self.stage.clone() {
            Stage::Begin | Stage::Pausing => Ok(self.compare()),
            Stage::Comparing => read(&self.app, outcome, masks).and_then(|row| {
                let Seen { jobs, rows } = seen(&self.app, &mut outcomes);
                let (jobs, rows) = (jobs.transpose()?, rows?);
                if self.compared_rows.is_none() || canonical(&row.text) != canonical(&self.text) {
                    self.compared_rows = Some(rows.iter().map(|row| row.id.clone()).collect());
                }
                self.compared(&row, in_the_way(&self.app, jobs.as_deref(), &rows))
            }),
            Stage::Updating => self.updated(now, outcome),
            Stage::Proving { lost, looks } => read(&self.app, outcome, masks)
                // What the update did is not known then.
                .map_err(|failure| Failure { may_have_acted: true, ..failure })
                .and_then(|row| self.proved(now, &row, lost, looks)),
            Stage::Resting { lost, looks } => Ok(self.prove(lost, looks)),
        };
        step.unwrap_or_else(|failure| Step::Done(Answer::Failed(failure)))
    }

    fn compare(&mut self) -> Step {
        self.stage = Stage::Comparing;
        let row = Call::Compose { compose: self.app.compose.clone() };
        Step::Ask(std::iter::once(row).chain(lists(&self.app)).collect(), Patience::Long)
    }

    /// The text as it is now, and the title of a deploy that runs or waits.
    fn compared(&mut self, row: &Compose, busy: Option<String>) -> Result<Step, Failure> {
        let live = canonical(&row.text);
        if live == canonical(&self.text) {
            return Ok(Step::Done(Answer::Replaced));
        }
        if live != self.expected {
            return Ok(Step::Done(Answer::TextChanged { live: row.text.clone() }));
        }
        // One that waits would take our text when it starts (FACTS §6).
        if let Some(title) = busy {
            return Ok(Step::Done(Answer::Deployed(DeployEnd::Busy { title })));
        }
        fits(&self.text, &row.environment)?;
        self.stage = Stage::Updating;
        self.attempts += 1;
        let call = Call::UpdateText { compose: self.app.compose.clone(), text: self.text.clone() };
        // Not repeated blindly: between two attempts the live text is compared again.
        Ok(Step::Ask(vec![call], Patience::None))
    }

    fn updated(&mut self, now: Moment, outcome: Option<Outcome>) -> Result<Step, Failure> {
        let call = Call::UpdateText { compose: String::new(), text: String::new() };
        match outcome {
            // The answer is the row as it is now (FACTS §5).
            Some(Outcome::Body(Body::Json(answer))) if rows::compose(&answer).is_ok() => Ok(self.prove(None, LOOKS_FOR_LOST)),
            Some(Outcome::Body(Body::Json(_))) => Ok(self.prove(Some("it is not the row that was changed".to_owned()), 1)),
            // An empty 200 says that there was nothing to update (FACTS §5), or comes from somebody else: reading back tells.
            Some(Outcome::Body(Body::Empty)) => Ok(self.prove(Some("it was empty".to_owned()), 1)),
            Some(Outcome::Lost(why)) => Ok(self.prove(Some(why), 1)),
            Some(Outcome::Refused(Refusal::Server(status, said))) => Ok(self.prove(Some(format!("{status}: {said}")), 1)),
            Some(Outcome::Failed(failure)) if failure.kind == FailureKind::NotDokploy => Ok(self.prove(Some(failure.message), 1)),
            Some(Outcome::Refused(Refusal::BadInput(said))) if self.text.len() > LARGEST_TEXT_AND_ENVIRONMENT => {
                Err(failure(FailureKind::TooLarge, said))
            }
            Some(Outcome::Refused(refusal @ Refusal::BadInput(_))) => Err(refused(&call, &refusal)),
            Some(Outcome::Refused(refusal)) => self.again(now, refused(&call, &refusal)),
            Some(Outcome::Failed(failure)) => self.again(now, failure),
            None => Ok(self.prove(Some("no answer".to_owned()), 1)),
        }
    }

    /// Nothing was done: another attempt, unless there were enough.
    fn again(&mut self, now: Moment, failure: Failure) -> Result<Step, Failure> {
        if self.attempts >= ATTEMPTS {
            return Err(failure);
        }
        self.stage = Stage::Pausing;
        Ok(Step::Wait(now + ATTEMPT_GAP * self.attempts))
    }

    fn prove(&mut self, lost: Option<String>, looks: u32) -> Step {
        self.stage = Stage::Proving { lost, looks };
        Step::Ask(vec![Call::Compose { compose: self.app.compose.clone() }], Patience::Long)
    }

    fn proved(&mut self, now: Moment, row: &Compose, lost: Option<String>, looks: u32) -> Result<Step, Failure> {
        let live = canonical(&row.text);
        if live == canonical(&self.text) {
            return Ok(Step::Done(Answer::Replaced));
        }
        if live != self.expected {
            return Ok(Step::Done(Answer::TextChanged { live: row.text.clone() }));
        }
        match lost {
            Some(_) if looks < LOOKS_FOR_LOST => {
                self.stage = Stage::Resting { lost, looks: looks + 1 };
                Ok(Step::Wait(now + LOOK_GAP))
            }
            Some(why) => {
                let said = format!("the answer to the change of the text was lost ({why}), and the text is as before");
                self.again(now, failure(FailureKind::Unreachable, said))
            }
            None => Err(failure(FailureKind::ServerError, "Dokploy took the new text and the old one is live all the same")),
        }
    }
}

/// The app's row as it is now; the values of its environment and its text become masked.
pub(super) fn read(app: &App, outcome: Option<Outcome>, masks: &mut Masks) -> Result<Compose, Failure> {
    let call = Call::Compose { compose: app.compose.clone() };
    let row = match outcome {
        Some(Outcome::Body(Body::Json(answer))) => rows::compose(&answer).map_err(|_| unreadable(&call))?,
        other => return Err(not_answered(&call, other)),
    };
    if row.id != app.compose {
        return Err(unreadable(&call));
    }
    masks.add_environment(&row.environment);
    masks.merge_of(&row.text, masks_of);
    Ok(row)
}

fn fits(text: &str, environment: &str) -> Result<(), Failure> {
    match too_large("the compose text", text.len(), environment.len()) {
        Some(why) => Err(failure(FailureKind::TooLarge, why)),
        None => Ok(()),
    }
}
