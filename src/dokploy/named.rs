//! A container of the host by its name, whosever it is: found in the host's list, then inspected.

use super::failure::unreadable;
use super::inspect;
use super::observe::not_answered;
use super::procedure::Step;
use super::retry::{Outcome, Patience};
use super::rows::{docker_answered, host_containers, own_containers};
use super::session::App;
use super::{Body, Call};
use crate::engine::{Answer, Observed};
use std::collections::VecDeque;

/// What Dokploy hides from the host's list, its own containers among it (FACTS §7).
const HIDDEN: &str = "dokploy";

/// It is looked for again so often when it is gone between the list and the look.
const LOOKS: u32 = 2;

/// An empty list: "unknown", never "none" (FACTS §7).
const EMPTY: &str = "Dokploy lists no container of the host: Docker does not answer, or a login shell on the server prints something";

/// Looks for one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObserveNamed {
    name: String,
    server: Option<String>,
    looks: u32,
    inspecting: Option<String>,
}

impl ObserveNamed {
    pub(super) fn new(app: &App, name: &str) -> Self {
        Self { name: name.to_owned(), server: app.server.clone(), looks: 0, inspecting: None }
    }

    pub(super) fn step(&mut self, outcomes: Vec<Outcome>) -> Step {
        let outcome = VecDeque::from(outcomes).pop_front();
        match (self.looks, self.inspecting.take()) {
            (0, _) => self.list(),
            (_, None) => self.listed(outcome),
            (_, Some(id)) => self.inspected(&id, outcome),
        }
    }

    /// Dokploy's own containers are found by the beginning of their names, and by nothing else.
    fn is_own(&self) -> bool {
        self.name.starts_with(HIDDEN)
    }

    fn listing(&self) -> Call {
        let server = self.server.clone();
        if self.is_own() { Call::OwnContainers { server } } else { Call::HostContainers { server } }
    }

    fn list(&mut self) -> Step {
        if self.name.contains(HIDDEN) && !self.is_own() {
            return unknown(format!("Dokploy hides containers with `{HIDDEN}` in their names"));
        }
        self.looks += 1;
        Step::Ask(vec![self.listing()], Patience::Brief)
    }

    fn listed(&mut self, outcome: Option<Outcome>) -> Step {
        let answer = match outcome {
            Some(Outcome::Body(Body::Json(answer))) => answer,
            Some(Outcome::Body(Body::Empty)) => return unknown(EMPTY.to_owned()),
            other => return Step::Done(Answer::Failed(not_answered(&self.listing(), other))),
        };
        let rows = if self.is_own() {
            own_containers(&answer)
        } else {
            host_containers(&answer).map(|rows| rows.into_iter().map(|row| (row.id, row.name)).collect())
        };
        let Ok(rows) = rows else { return Step::Done(Answer::Failed(unreadable(&self.listing()))) };
        match rows.iter().find(|(_, name)| *name == self.name) {
            Some((id, _)) => {
                self.inspecting = Some(id.clone());
                Step::Ask(vec![Call::Inspect { container: id.clone(), server: self.server.clone() }], Patience::Brief)
            }
            None if !rows.is_empty() || docker_answered(&answer) => Step::Done(Answer::Observed(Observed::Known(Vec::new()))),
            None => unknown(EMPTY.to_owned()),
        }
    }

    fn inspected(&mut self, id: &str, outcome: Option<Outcome>) -> Step {
        let call = Call::Inspect { container: id.to_owned(), server: self.server.clone() };
        match outcome {
            Some(Outcome::Body(Body::Json(answer))) => match inspect::any(id, &answer) {
                Ok(container) => Step::Done(Answer::Observed(Observed::Known(vec![container]))),
                Err(_) => Step::Done(Answer::Failed(unreadable(&call))),
            },
            Some(Outcome::Body(Body::Empty)) if self.looks < LOOKS => self.list(),
            Some(Outcome::Body(Body::Empty)) => unknown(format!("Docker does not say how `{}` is, though it is listed", self.name)),
            other => Step::Done(Answer::Failed(not_answered(&call, other))),
        }
    }
}

fn unknown(why: String) -> Step {
    Step::Done(Answer::Observed(Observed::Unknown(why)))
}
