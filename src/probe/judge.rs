//! What a look at a service means. Pure.
//!
//! A service that refuses, resets, says nothing in time or talks something else has said no: that is a failure. Not getting as far as the
//! service (no such name, no route, no sockets left here) is an error: it says nothing of the service.

use super::build_contexts::{self, Source};
use super::exec::{self, Ended};
use super::http::{self, HttpAnswer};
use super::redis;
use super::request::{Question, Request};
use super::safe::safe;
use crate::dokploy::Masks;
use crate::engine::{Moment, Reading, Sample};
use crate::model::{Condition, Holds, Named};
use serde_json::Value;
use std::time::Duration;

/// Characters from outside that are shown.
const SHOWN: usize = 160;
/// Characters of one value that are shown.
const VALUE_SHOWN: usize = 60;
/// Characters of what is expected that are shown.
const EXPECTED_SHOWN: usize = 400;

/// What came of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A whole HTTP answer.
    Answered(Box<HttpAnswer>),
    /// The values that were asked for, in order.
    Found(Vec<Found>),
    /// A command ended.
    Ended(Box<Ended>),
    /// A command did not end in time, and was ended.
    StillRunning {
        /// The time limit.
        after: Duration,
    },
    /// How each build context is.
    Sources(Vec<Source>),
    /// What a service said by itself when it was connected to.
    Said(Vec<u8>),
    /// The connection was accepted and kept; for tcp that is all that is asked.
    Connected,
    /// The connection was accepted and closed again before anything was said, as Docker's proxy does for a container that does not listen.
    ShownTheDoor,
    /// The connection was refused.
    Refused,
    /// The connection was reset.
    Reset,
    /// The connection was closed before the answer was whole.
    Closed,
    /// Nothing, or not everything, in time.
    NoAnswer {
        /// The time limit.
        within: Duration,
        /// The status, when its line came and the rest did not.
        status: Option<u16>,
    },
    /// Something that is not the protocol, or a certificate that cannot be trusted.
    Garbage(String),
    /// The service answered, and what it said is no.
    SaidNo(String),
    /// It could not be asked at all.
    CouldNotAsk(String),
}

impl Outcome {
    /// Whether somebody on the other side said something, good or bad. A refused or reset connection and a time-out may come from anywhere on the
    /// way.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::Answered(_)
            | Self::Found(_)
            | Self::Said(_)
            | Self::Connected
            | Self::ShownTheDoor
            | Self::Garbage(_)
            | Self::SaidNo(_) => true,
            Self::NoAnswer { status, .. } => status.is_some(),
            Self::Ended(_)
            | Self::StillRunning { .. }
            | Self::Sources(_)
            | Self::Refused
            | Self::Reset
            | Self::Closed
            | Self::CouldNotAsk(_) => false,
        }
    }
}

/// A value that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A value.
    Value(Value),
    /// There is none.
    Missing,
    /// One that cannot be compared, and why, as the end of a sentence.
    Odd(String),
}

/// The sample that an outcome is.
pub fn judge(request: &Request, outcome: &Outcome, at: Moment, took: Duration) -> Sample {
    judge_masked(request, &request.masks, outcome, at, took)
}

/// The same, with these secrets masked in what was seen and not only those of the request.
pub fn judge_masked(request: &Request, masks: &Masks, outcome: &Outcome, at: Moment, took: Duration) -> Sample {
    let seen = |text: &str| safe(&masks.apply(text), SHOWN);
    let (reading, actual) = match (outcome, &request.question) {
        (Outcome::Answered(answer), Question::Http { assertions, .. }) => http::judge(assertions, answer, masks, took),
        (Outcome::Found(found), Question::Postgres { queries, .. }) => values(queries, "the answer to ", found, masks),
        (Outcome::Found(found), Question::Redis { infos, .. }) => values(infos, "", found, masks),
        (Outcome::Said(said), Question::Tcp { banner, .. }) => spoken(banner, said, masks),
        (Outcome::Ended(ended), Question::Exec { assertions, .. }) => exec::judge(assertions, ended, masks, took),
        (Outcome::Sources(sources), _) => build_contexts::judge(sources, masks),
        (Outcome::StillRunning { after }, _) => (Reading::Fail, exec::still_running(*after)),
        (Outcome::Answered(_) | Outcome::Found(_) | Outcome::Said(_) | Outcome::Ended(_), _) => {
            (Reading::Error, "an answer to another question".into())
        }
        (Outcome::Connected, _) => (Reading::Pass, "connected".into()),
        (Outcome::ShownTheDoor, _) => (Reading::Fail, "connection accepted and closed at once: nothing listens behind the port".into()),
        (Outcome::Refused, _) => (Reading::Fail, "connection refused".into()),
        (Outcome::Reset, _) => (Reading::Fail, "connection reset".into()),
        (Outcome::Closed, _) => (Reading::Fail, "connection closed before the answer was whole".into()),
        (Outcome::NoAnswer { within, status: None }, _) => (Reading::Fail, format!("no answer within {}", short(*within))),
        (Outcome::NoAnswer { within, status: Some(status) }, _) => {
            (Reading::Fail, format!("HTTP {status}, but no whole answer within {}", short(*within)))
        }
        (Outcome::Garbage(what) | Outcome::SaidNo(what), _) => (Reading::Fail, seen(what)),
        (Outcome::CouldNotAsk(why), _) => (Reading::Error, seen(why)),
    };
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Sample { reading, expected: expected(&request.question), actual, at, took_ms }
}

/// The reading of values that were asked for. A "no" weighs more than what cannot be said.
fn values(named: &[Named], prefix: &str, found: &[Found], masks: &Masks) -> (Reading, String) {
    // Masked whole, then shortened: a secret cut in two would not be found.
    let fit = |text: &str| safe(&masks.apply(text), VALUE_SHOWN);
    let mut unclear = None;
    for (asked, found) in named.iter().zip(found) {
        let name = format!("{prefix}{}", fit(&asked.name));
        let (holds, is) = match found {
            Found::Value(value) => (asked.condition.holds(Some(value)), format!("is {value}")),
            Found::Missing => (asked.condition.holds(None), "is not there".to_owned()),
            Found::Odd(why) => (Holds::Unclear(why.clone()), String::new()),
        };
        match (holds, found) {
            (Holds::Yes, _) => {}
            (Holds::No, _) => return (Reading::Fail, format!("{name} {}", fit(&is))),
            (Holds::Unclear(_), Found::Missing) => {
                unclear.get_or_insert(format!("{name} is not there"));
            }
            (Holds::Unclear(why), _) => {
                unclear.get_or_insert(format!("{name} {}", fit(why.strip_prefix("it ").unwrap_or(&why))));
            }
        }
    }
    if let Some(actual) = unclear {
        return (Reading::Error, actual);
    }
    match found.first() {
        Some(Found::Value(value)) => (Reading::Pass, format!("{prefix}{} is {}", fit(&named[0].name), fit(&value.to_string()))),
        _ => (Reading::Pass, "connected".into()),
    }
}

/// The reading of what a service said by itself.
fn spoken(banner: &[Condition], said: &[u8], masks: &Masks) -> (Reading, String) {
    let text = String::from_utf8_lossy(said).into_owned();
    let shown = format!("connected, and it says: {}", safe(&masks.apply(&text), VALUE_SHOWN));
    let value = Value::from(text);
    let holds = banner.iter().all(|condition| condition.holds(Some(&value)) == Holds::Yes);
    (if holds { Reading::Pass } else { Reading::Fail }, shown)
}

/// What must hold, as the plan writes it.
fn expected(question: &Question) -> String {
    let text = match question {
        Question::Tcp { banner, .. } if banner.is_empty() => "a connection that is kept".into(),
        Question::Tcp { banner, .. } => banner.iter().map(|condition| format!("banner {condition}")).collect::<Vec<_>>().join(", "),
        Question::Postgres { queries, .. } if queries.is_empty() => "a session".into(),
        Question::Postgres { queries, .. } => {
            queries.iter().map(|query| format!("query '{}' {}", query.name, query.condition)).collect::<Vec<_>>().join(", ")
        }
        Question::BuildContexts(_) => "every build context is there".into(),
        Question::Redis { infos, .. } => redis::asks(infos),
        Question::Exec { assertions, .. } => exec::asks(assertions),
        Question::Http { assertions, .. } => http::asks(assertions),
    };
    safe(&text, EXPECTED_SHOWN)
}

/// `3s`, `1.5s`, `250ms`.
pub(super) fn short(duration: Duration) -> String {
    let millis = duration.as_millis();
    match (millis / 1000, millis % 1000) {
        (0, millis) => format!("{millis}ms"),
        (seconds, 0) => format!("{seconds}s"),
        (seconds, rest) => format!("{seconds}.{}s", format!("{rest:03}").trim_end_matches('0')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HttpAssertion;
    use crate::probe::HttpTarget;
    use crate::probe::http::{BODY_SHOWN, HttpRequest};

    fn request(assertions: Vec<HttpAssertion>) -> Request {
        let target = HttpTarget { tls: false, host: "127.0.0.1".into(), port: 80, authority: "127.0.0.1".into(), path: "/".into() };
        let mut masks = Masks::default();
        masks.add_secret("hunter2");
        Request { question: Question::Http { request: Box::new(HttpRequest::get(target)), assertions }, masks }
    }

    fn status(codes: &[u16]) -> HttpAssertion {
        HttpAssertion::Status(codes.iter().map(|code| (*code, *code)).collect())
    }

    fn answer(status: u16, body: &str) -> Outcome {
        Outcome::Answered(Box::new(HttpAnswer { status, body: body.into(), ..HttpAnswer::default() }))
    }

    fn say(assertions: Vec<HttpAssertion>, outcome: &Outcome, took_ms: u64) -> (Reading, String, String) {
        let sample = super::judge(&request(assertions), outcome, Moment::millis(7), Duration::from_millis(took_ms));
        assert_eq!((sample.at, sample.took_ms), (Moment::millis(7), took_ms));
        (sample.reading, sample.expected, sample.actual)
    }

    #[test]
    fn each_assertion_decides() {
        assert_eq!(say(vec![status(&[200, 302])], &answer(302, ""), 1), (Reading::Pass, "status in [200, 302]".into(), "HTTP 302".into()));
        assert_eq!(
            say(vec![status(&[200])], &answer(500, "out of\n\x1b[31m memory"), 1),
            (Reading::Fail, "status == 200".into(), "HTTP 500 (body: out of \u{FFFD}[31m memory)".into())
        );
        let below = HttpAssertion::TimeBelow(Duration::from_secs(2));
        assert_eq!(say(vec![below.clone()], &answer(200, ""), 1999).0, Reading::Pass);
        assert_eq!(say(vec![below], &answer(200, ""), 2000), (Reading::Fail, "time < 2s".into(), "HTTP 200 in 2s".into()));
        let body = HttpAssertion::BodyContains("ok".into());
        assert_eq!(say(vec![body.clone()], &answer(200, "{\"status\":\"ok\"}"), 1).0, Reading::Pass);
        assert_eq!(say(vec![body], &answer(200, "down"), 1).2, "HTTP 200 (body: down)");
    }

    #[test]
    fn a_range_is_inclusive_at_both_ends() {
        let ranges = || vec![HttpAssertion::Status(vec![(200, 299)])];
        for (code, reading) in [(199, Reading::Fail), (200, Reading::Pass), (299, Reading::Pass), (300, Reading::Fail)] {
            assert_eq!(say(ranges(), &answer(code, ""), 1).0, reading, "{code}");
        }
    }

    #[test]
    fn no_answer_is_a_failure_and_not_getting_there_is_an_error() {
        let within = Duration::from_millis(1500);
        for (outcome, reading, actual) in [
            (Outcome::Refused, Reading::Fail, "connection refused"),
            (Outcome::Reset, Reading::Fail, "connection reset"),
            (Outcome::NoAnswer { within, status: None }, Reading::Fail, "no answer within 1.5s"),
            (Outcome::NoAnswer { within, status: Some(200) }, Reading::Fail, "HTTP 200, but no whole answer within 1.5s"),
            (Outcome::Garbage("not HTTP".into()), Reading::Fail, "not HTTP"),
            (Outcome::CouldNotAsk("no route".into()), Reading::Error, "no route"),
        ] {
            let (found, _, text) = say(vec![status(&[200])], &outcome, 1);
            assert_eq!((found, text.as_str()), (reading, actual));
        }
    }

    #[test]
    fn a_secret_is_masked_even_where_the_text_is_cut() {
        let body = format!("{}hunter2", "x".repeat(BODY_SHOWN - 3));
        let (_, _, actual) = say(vec![status(&[200])], &answer(500, &body), 1);
        assert!(!actual.contains("hun"), "{actual}");
        let location = Some("/login?t=hunter2".to_owned());
        let redirect = Outcome::Answered(Box::new(HttpAnswer { status: 302, location, ..HttpAnswer::default() }));
        assert_eq!(say(vec![status(&[200])], &redirect, 1).2, "HTTP 302 to /login?t=[secret]");
    }
}
