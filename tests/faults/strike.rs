//! What strikes, how long, and where.

use crate::support::in_memory::{Breakage, Fate, Sent};
use rollout_plan::wire::HttpResponse;
use rollout_plan::world::{ApiRequest, World};
use std::time::Duration;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// No connection.
    Refused,
    /// The connection is reset.
    Reset,
    /// No answer until the client's time is over.
    Hang,
    /// 401 without a code: wrong or rate-limited key, or a database that is down (FACTS §2).
    Unauthorized,
    /// 401 with a code: a missing right (FACTS §2).
    Forbidden,
    /// 404 as an unknown procedure has it.
    NoProcedure,
    /// 404 as an unknown id has it.
    NotFound,
    /// 429.
    TooMany,
    /// 500 in Dokploy's form.
    ServerError,
    /// 502 with a web page.
    BadGateway,
    /// 200 without a byte.
    Empty,
    /// The first half of the JSON.
    Half,
    /// JSON of other types.
    OtherTypes,
    /// The right answer, 10 s late.
    Late,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Refused,
        Self::Reset,
        Self::Hang,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NoProcedure,
        Self::NotFound,
        Self::TooMany,
        Self::ServerError,
        Self::BadGateway,
        Self::Empty,
        Self::Half,
        Self::OtherTypes,
        Self::Late,
    ];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "connection refused",
            Self::Reset => "connection reset",
            Self::Hang => "no answer",
            Self::Unauthorized => "401, key not accepted",
            Self::Forbidden => "401, right missing",
            Self::NoProcedure => "404, no such procedure",
            Self::NotFound => "404, no such thing",
            Self::TooMany => "429",
            Self::ServerError => "500",
            Self::BadGateway => "502 with a web page",
            Self::Empty => "200 without a body",
            Self::Half => "half of the JSON",
            Self::OtherTypes => "JSON of other types",
            Self::Late => "10 s late",
        }
    }

    /// Whether Dokploy may have taken the call all the same, for all that the answer says.
    pub fn may_act(self) -> bool {
        matches!(
            self,
            Self::Reset | Self::Hang | Self::ServerError | Self::BadGateway | Self::Empty | Self::Half | Self::OtherTypes | Self::Late
        )
    }

    /// Whether a single procedure may answer so for good while others answer well: a right that was taken away, a version that lacks it.
    pub fn is_of_procedure(self) -> bool {
        matches!(self, Self::Forbidden | Self::NoProcedure | Self::Empty | Self::OtherTypes)
    }

    fn fate(self, call: &Sent, acts: bool) -> Fate {
        let how = match self {
            Self::Refused => return Fate::Refused,
            Self::Late => return Fate::Late(Duration::from_secs(10)),
            Self::Reset => Breakage::Reset,
            Self::Hang => Breakage::Hang,
            Self::Half => Breakage::Half,
            Self::OtherTypes => Breakage::OtherTypes,
            Self::Empty => json(200, String::new()),
            Self::Unauthorized => json(401, r#"{"message":"Unauthorized"}"#.to_owned()),
            Self::Forbidden => json(401, error("You don't have access to this service", "UNAUTHORIZED", 401, Some(&call.procedure))),
            Self::NoProcedure => json(404, error("Not found", "NOT_FOUND", 404, None)),
            Self::NotFound => json(404, error("Compose not found", "NOT_FOUND", 404, Some(&call.procedure))),
            Self::TooMany => json(429, r#"{"message":"Too many requests"}"#.to_owned()),
            Self::ServerError => json(500, error("Internal server error", "INTERNAL_SERVER_ERROR", 500, Some(&call.procedure))),
            Self::BadGateway => Breakage::Instead(HttpResponse {
                status: 502,
                content_type: Some("text/html".to_owned()),
                body: b"<html><head><title>502 Bad Gateway</title></head></html>".to_vec(),
            }),
        };
        Fate::Broken { acts, how }
    }
}

fn json(status: u16, body: String) -> Breakage {
    Breakage::Instead(HttpResponse { status, content_type: Some("application/json".to_owned()), body: body.into_bytes() })
}

fn error(message: &str, code: &str, status: u16, path: Option<&str>) -> String {
    let mut body = serde_json::json!({
        "message": message, "code": code, "data": {"code": code, "httpStatus": status, "zodError": null}
    });
    if let Some(path) = path {
        body["data"]["path"] = path.into();
    }
    body.to_string()
}

/// How long it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// One call.
    Once,
    /// That call and the next.
    Twice,
    /// Every call from that one on.
    ForEver,
    /// Every call of that one's procedure from it on.
    ProcedureForEver,
}

impl Span {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Once, Self::Twice, Self::ForEver, Self::ProcedureForEver];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Once => "one call",
            Self::Twice => "two calls in a row",
            Self::ForEver => "every call from then on",
            Self::ProcedureForEver => "every call of that procedure from then on",
        }
    }

    /// Whether it ends by itself.
    pub fn ends(self) -> bool {
        matches!(self, Self::Once | Self::Twice)
    }
}

/// Something of Dokploy's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mishap {
    /// It restarts right before the call arrives.
    RestartBefore,
    /// It takes the call and restarts before it answers.
    RestartAfter,
    /// Somebody cleans the app's waiting jobs.
    QueueCleaned,
}

impl Mishap {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::RestartBefore, Self::RestartAfter, Self::QueueCleaned];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::RestartBefore => "Dokploy restarts before it takes the call",
            Self::RestartAfter => "Dokploy takes the call and restarts",
            Self::QueueCleaned => "the app's waiting jobs vanish",
        }
    }
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strike {
    /// Of calls.
    Call {
        /// What.
        kind: Kind,
        /// Whether Dokploy takes the writes that it strikes.
        acts: bool,
        /// How long.
        span: Span,
    },
    /// Of Dokploy.
    Dokploy(Mishap),
}

impl Strike {
    /// What happens to each call when the strike falls on call `at`.
    pub fn weather(self, at: usize) -> impl FnMut(&Sent, &mut World, Duration) -> Fate + 'static {
        let mut struck: Option<String> = None;
        move |call, world, now| {
            if call.number == at {
                struck = Some(call.procedure.clone());
            }
            let Some(procedure) = &struck else { return Fate::Answered };
            let hits = match self {
                Self::Call { span: Span::Once, .. } | Self::Dokploy(_) => call.number == at,
                Self::Call { span: Span::Twice, .. } => call.number <= at + 1,
                Self::Call { span: Span::ForEver, .. } => true,
                Self::Call { span: Span::ProcedureForEver, .. } => call.procedure == *procedure,
            };
            if !hits {
                return Fate::Answered;
            }
            match self {
                // A read leaves no trace, and what comes of its answer is made of the answer.
                Self::Call { kind, acts, .. } => kind.fate(call, acts || !call.is_write),
                Self::Dokploy(mishap) => {
                    match mishap {
                        Mishap::RestartBefore => world.restart_dokploy(now),
                        Mishap::RestartAfter => return Fate::TakenThenRestart,
                        Mishap::QueueCleaned => clean_queue(world, now),
                    }
                    Fate::Answered
                }
            }
        }
    }
}

/// Somebody presses the button.
fn clean_queue(world: &mut World, now: Duration) {
    let key = world.api_key().to_owned();
    let compose = super::truth::compose_id(world, now);
    let request = ApiRequest::post("/api/compose.cleanQueues", &serde_json::json!({ "composeId": compose }), &key);
    world.api(now, &request);
}
