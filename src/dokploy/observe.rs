//! The app's containers: listed, then each inspected.

use super::failure::{refused, unreadable};
use super::features::Feature;
use super::inspect::container;
use super::procedure::Step;
use super::retry::{Outcome, Patience};
use super::rows::{app_containers, docker_answered, engine_answered, host_containers};
use super::session::App;
use super::{Body, Call};
use crate::engine::{Answer, Container, Failure, Observed};
use serde_json::Value;
use std::collections::VecDeque;

/// An empty `docker inspect` means that the container is gone, or that Docker cannot be asked (FACTS §7). It is listed again so often
/// to tell which.
const LOOKS: u32 = 2;

/// What stands in the way of knowing when Docker's answers come empty.
const EMPTY: &str = "Dokploy lists no container: there is none, or Docker does not answer";

/// The same on another server, where a login shell that prints anything spoils every answer (FACTS §13.1).
const EMPTY_REMOTE: &str = "Dokploy lists no container: there is none, Docker does not answer, or a login shell on the server prints something \
                            on stderr: look at ~/.bashrc there";

/// Two lists that do not agree.
const CONTRADICTED: &str = "Dokploy lists no container of the app, and its list of the whole host shows some";

/// Nothing but rows that are none.
const NOISY: &str = "Dokploy lists something that is no container: a login shell on the server prints something; look at ~/.bashrc there";

/// What an observation wants, or found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// To ask these.
    Ask(Vec<Call>),
    /// The containers, or why they are unknown.
    Seen(Observed),
    /// It could not be asked.
    NotSeen(Failure),
}

/// Looks at the app's containers. Also a part of the survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Observe {
    app_name: String,
    server: Option<String>,
    /// Whether this Dokploy can tell of the server's health.
    shows_health: bool,
    looks: u32,
    inspecting: Option<Vec<String>>,
    doubt: Doubt,
}

/// How far an empty list is believed. By itself it may mean that Docker does not answer (FACTS §7); another answer of Docker's between two
/// empty lists settles that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// No empty list yet.
    None,
    /// The host's list was asked for.
    Host,
    /// Dokploy's own containers were asked for: the host's list hides them, so it may be empty too.
    Own,
    /// The server's health was asked for, which not every key may see.
    Health,
    /// Docker answers.
    Settled,
}

impl Observe {
    pub(super) fn new(app: &App) -> Self {
        let shows_health = app.features.has(Feature::ServerHealth);
        Self { app_name: app.app_name.clone(), server: app.server.clone(), shows_health, looks: 0, inspecting: None, doubt: Doubt::None }
    }

    pub(super) fn step(&mut self, outcomes: Vec<Outcome>) -> Step {
        match self.look(outcomes) {
            Look::Ask(calls) => Step::Ask(calls, Patience::Brief),
            Look::Seen(observed) => Step::Done(Answer::Observed(observed)),
            Look::NotSeen(failure) => Step::Done(Answer::Failed(failure)),
        }
    }

    /// Takes the outcomes of what it last asked, none at first.
    pub(super) fn look(&mut self, outcomes: Vec<Outcome>) -> Look {
        if self.looks == 0 {
            return self.list();
        }
        let mut outcomes = VecDeque::from(outcomes);
        match (self.inspecting.take(), self.doubt) {
            (Some(ids), _) => self.inspected(&ids, outcomes),
            (None, Doubt::None | Doubt::Settled) => self.listed(outcomes.pop_front()),
            (None, Doubt::Host) => self.host_told(outcomes.pop_front()),
            (None, Doubt::Own) => self.own_told(outcomes.pop_front()),
            (None, Doubt::Health) => self.health_told(outcomes.pop_front()),
        }
    }

    fn list(&mut self) -> Look {
        self.looks += 1;
        Look::Ask(vec![self.listing()])
    }

    fn listing(&self) -> Call {
        Call::AppContainers { app_name: self.app_name.clone(), server: self.server.clone() }
    }

    fn listed(&mut self, outcome: Option<Outcome>) -> Look {
        let answer = match outcome {
            Some(Outcome::Body(Body::Json(answer))) => answer,
            Some(Outcome::Body(Body::Empty)) => return Look::Seen(Observed::Unknown(self.nothing().to_owned())),
            other => return Look::NotSeen(not_answered(&self.listing(), other)),
        };
        let Ok(rows) = app_containers(&answer) else { return Look::NotSeen(unreadable(&self.listing())) };
        if rows.is_empty() {
            if answer.as_array().is_some_and(|rows| !rows.is_empty()) {
                return Look::Seen(Observed::Unknown(NOISY.to_owned()));
            }
            if self.doubt == Doubt::Settled {
                return Look::Seen(Observed::Known(Vec::new()));
            }
            self.doubt = Doubt::Host;
            return Look::Ask(vec![Call::HostContainers { server: self.server.clone() }]);
        }
        let ids: Vec<String> = rows.into_iter().map(|(id, _)| id).collect();
        let calls = ids.iter().map(|id| Call::Inspect { container: id.clone(), server: self.server.clone() }).collect();
        self.inspecting = Some(ids);
        Look::Ask(calls)
    }

    fn host_told(&mut self, outcome: Option<Outcome>) -> Look {
        match outcome {
            // Its own list says none, the host's shows some: one of the two is wrong.
            Some(Outcome::Body(Body::Json(answer))) if self.is_among(&answer) => Look::Seen(Observed::Unknown(CONTRADICTED.to_owned())),
            Some(Outcome::Body(Body::Json(answer))) if docker_answered(&answer) => self.settled(),
            // The health is that of Dokploy's own host.
            _ => {
                self.doubt = Doubt::Own;
                Look::Ask(vec![Call::OwnContainers { server: self.server.clone() }])
            }
        }
    }

    fn own_told(&mut self, outcome: Option<Outcome>) -> Look {
        match outcome {
            Some(Outcome::Body(Body::Json(answer))) if app_containers(&answer).is_ok_and(|rows| !rows.is_empty()) => self.settled(),
            // The health is that of Dokploy's own host.
            _ if self.server.is_none() && self.shows_health => {
                self.doubt = Doubt::Health;
                Look::Ask(vec![Call::ServerHealth { server: None }])
            }
            _ => Look::Seen(Observed::Unknown(self.nothing().to_owned())),
        }
    }

    fn health_told(&mut self, outcome: Option<Outcome>) -> Look {
        match outcome {
            Some(Outcome::Body(Body::Json(answer))) if engine_answered(&answer) => self.settled(),
            _ => Look::Seen(Observed::Unknown(self.nothing().to_owned())),
        }
    }

    /// Whether the host's list shows containers of the app: compose names them after it.
    fn is_among(&self, host: &Value) -> bool {
        let prefix = format!("{}-", self.app_name);
        host_containers(host).is_ok_and(|rows| rows.iter().any(|row| row.name.starts_with(&prefix)))
    }

    /// Why an empty list says nothing.
    fn nothing(&self) -> &'static str {
        if self.server.is_some() { EMPTY_REMOTE } else { EMPTY }
    }

    fn settled(&mut self) -> Look {
        self.doubt = Doubt::Settled;
        self.list()
    }

    fn inspected(&mut self, ids: &[String], outcomes: VecDeque<Outcome>) -> Look {
        let mut containers: Vec<Container> = Vec::new();
        let mut outcomes = outcomes.into_iter();
        for id in ids {
            let call = Call::Inspect { container: id.clone(), server: self.server.clone() };
            match outcomes.next() {
                Some(Outcome::Body(Body::Json(answer))) => match container(id, &answer) {
                    Ok(Some(container)) => containers.push(container),
                    Ok(None) => {}
                    Err(_) => return Look::NotSeen(unreadable(&call)),
                },
                Some(Outcome::Body(Body::Empty)) if self.looks < LOOKS => return self.list(),
                Some(Outcome::Body(Body::Empty)) => {
                    return Look::Seen(Observed::Unknown(format!("Docker does not say how container {id} is, though it is listed")));
                }
                other => return Look::NotSeen(not_answered(&call, other)),
            }
        }
        if containers.is_empty() {
            return Look::Seen(Observed::Unknown(self.nothing().to_owned()));
        }
        containers.sort_by(|a, b| (&a.service, &a.name, &a.id).cmp(&(&b.service, &b.name, &b.id)));
        Look::Seen(Observed::Known(containers))
    }
}

/// Why a read has no body.
pub(super) fn not_answered(call: &Call, outcome: Option<Outcome>) -> Failure {
    match outcome {
        Some(Outcome::Failed(failure)) => failure,
        Some(Outcome::Refused(refusal)) => refused(call, &refusal),
        Some(Outcome::Lost(why)) => super::failure::failure(crate::engine::FailureKind::Unreachable, why),
        Some(Outcome::Body(_)) | None => unreadable(call),
    }
}
