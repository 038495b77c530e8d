//! What is left of the server's disk and memory.

use super::failure::failure;
use super::features::Feature;
use super::observe::not_answered;
use super::procedure::Step;
use super::retry::{Outcome, Patience};
use super::session::App;
use super::{Body, Call};
use crate::engine::{Answer, FailureKind, Room};
use serde_json::Value;

/// Asks once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObserveServer {
    server: Option<String>,
    can_tell: bool,
    is_asked: bool,
}

impl ObserveServer {
    pub(super) fn new(app: &App) -> Self {
        Self { server: app.server.clone(), can_tell: app.features.has(Feature::ServerHealth), is_asked: false }
    }

    pub(super) fn step(&mut self, outcomes: Vec<Outcome>) -> Step {
        if !self.can_tell {
            let why = "this Dokploy does not show a server's disk and memory: v0.30.0 and later do".to_owned();
            return Step::Done(Answer::Failed(failure(FailureKind::Unsupported, why)));
        }
        let call = Call::ServerHealth { server: self.server.clone() };
        if !std::mem::replace(&mut self.is_asked, true) {
            return Step::Ask(vec![call], Patience::Brief);
        }
        Step::Done(match outcomes.into_iter().next() {
            Some(Outcome::Body(Body::Json(answer))) => {
                let room = |total: &str, used: &str| {
                    let number = |path| answer.pointer(path).and_then(Value::as_u64);
                    Room::of(number(total)?, number(used)?)
                };
                // Where the server could not be asked all numbers are 0 (FACTS §7).
                Answer::Server {
                    disk: room("/disk/totalBytes", "/disk/usedBytes"),
                    memory: room("/resources/memTotalBytes", "/resources/memUsedBytes"),
                }
            }
            other => Answer::Failed(not_answered(&call, other)),
        })
    }
}
