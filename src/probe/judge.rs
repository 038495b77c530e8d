//! What a look at a service means. Pure.
//!
//! A service that refuses, resets, says nothing in time or talks something else has said no: that is a failure. Not getting as far as the
//! service (no such name, no route, no sockets left here) is an error: it says nothing of the service.

use super::request::{Question, Request};
use super::safe::safe;
use crate::dokploy::Masks;
use crate::engine::{Moment, Reading, Sample};
use crate::model::HttpAssertion;
use std::time::Duration;

/// Characters of a body that are shown.
const BODY_SHOWN: usize = 60;
/// Characters of anything else from outside that are shown.
const DETAIL_SHOWN: usize = 100;

/// What came of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A whole HTTP answer, its body at least as far as its limit.
    Answered {
        /// The status.
        status: u16,
        /// Where a redirect leads; it is not followed.
        location: Option<String>,
        /// The body, at most 1 MiB.
        body: Vec<u8>,
        /// Whether there was more of it.
        cut: bool,
    },
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
    /// It could not be asked at all.
    CouldNotAsk(String),
}

/// The sample that an outcome is.
pub fn judge(request: &Request, outcome: &Outcome, at: Moment, took: Duration) -> Sample {
    judge_masked(request, &request.masks, outcome, at, took)
}

/// The same, with these secrets masked in what was seen and not only those of the request.
pub fn judge_masked(request: &Request, masks: &Masks, outcome: &Outcome, at: Moment, took: Duration) -> Sample {
    let seen = |text: String| safe(&masks.apply(&text), DETAIL_SHOWN + BODY_SHOWN);
    let (reading, actual) = match outcome {
        Outcome::Answered { .. } | Outcome::Connected => match unmet(request, masks, outcome, took) {
            None => (Reading::Pass, told(request, masks, outcome)),
            Some(actual) => (Reading::Fail, actual),
        },
        Outcome::ShownTheDoor => (Reading::Fail, "connection accepted and closed at once: nothing listens behind the port".into()),
        Outcome::Refused => (Reading::Fail, "connection refused".into()),
        Outcome::Reset => (Reading::Fail, "connection reset".into()),
        Outcome::Closed => (Reading::Fail, "connection closed before the answer was whole".into()),
        Outcome::NoAnswer { within, status: None } => (Reading::Fail, format!("no answer within {}", short(*within))),
        Outcome::NoAnswer { within, status: Some(status) } => {
            (Reading::Fail, format!("HTTP {status}, but no whole answer within {}", short(*within)))
        }
        Outcome::Garbage(what) => (Reading::Fail, seen(what.clone())),
        Outcome::CouldNotAsk(why) => (Reading::Error, seen(why.clone())),
    };
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Sample { reading, expected: expected(&request.question), actual, at, took_ms }
}

/// What was seen when an assertion does not hold.
fn unmet(request: &Request, masks: &Masks, outcome: &Outcome, took: Duration) -> Option<String> {
    let (Question::Http { assertions, .. }, Outcome::Answered { status, body, cut, .. }) = (&request.question, outcome) else {
        return None;
    };
    for assertion in assertions {
        match assertion {
            HttpAssertion::Status(ranges) if !ranges.iter().any(|(low, high)| (low..=high).contains(&status)) => {
                return Some(told(request, masks, outcome));
            }
            HttpAssertion::TimeBelow(limit) if took >= *limit => return Some(format!("HTTP {status} in {}", short(took))),
            HttpAssertion::BodyContains(needle) if !contains(body, needle.as_bytes()) => {
                let told = told(request, masks, outcome);
                return Some(if *cut { format!("{told}; not in the first MiB") } else { told });
            }
            _ => {}
        }
    }
    None
}

/// `HTTP 500 (body: …)`, `HTTP 302 to /login/`, `connected`.
fn told(request: &Request, masks: &Masks, outcome: &Outcome) -> String {
    let Outcome::Answered { status, location, body, .. } = outcome else { return "connected".into() };
    let fit = |text: &str, max| safe(&masks.apply(text), max);
    if let Some(location) = location {
        return format!("HTTP {status} to {}", fit(location, BODY_SHOWN));
    }
    // Masked whole, then shortened: a secret cut in two would not be found.
    match fit(&String::from_utf8_lossy(body), BODY_SHOWN).as_str() {
        "" => format!("HTTP {status}"),
        _ if (200..300).contains(status) && !asks_for_body(&request.question) => format!("HTTP {status}"),
        shown => format!("HTTP {status} (body: {shown})"),
    }
}

fn asks_for_body(question: &Question) -> bool {
    matches!(question, Question::Http { assertions, .. }
        if assertions.iter().any(|assertion| matches!(assertion, HttpAssertion::BodyContains(_))))
}

fn contains(body: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || body.windows(needle.len()).any(|window| window == needle)
}

/// What must hold, as the plan writes it.
fn expected(question: &Question) -> String {
    match question {
        Question::Tcp { .. } => "a connection that is kept".into(),
        Question::Http { assertions, .. } if assertions.is_empty() => "an answer".into(),
        Question::Http { assertions, .. } => assertions.iter().map(assertion_text).collect::<Vec<_>>().join(", "),
    }
}

fn assertion_text(assertion: &HttpAssertion) -> String {
    match assertion {
        HttpAssertion::Status(ranges) => match ranges.as_slice() {
            [(low, high)] if low == high => format!("status == {low}"),
            ranges => {
                let one = |(low, high): &(u16, u16)| if low == high { low.to_string() } else { format!("{low}..={high}") };
                format!("status in [{}]", ranges.iter().map(one).collect::<Vec<_>>().join(", "))
            }
        },
        HttpAssertion::TimeBelow(limit) => format!("time < {}", short(*limit)),
        HttpAssertion::BodyContains(needle) => format!("body contains \"{}\"", safe(needle, BODY_SHOWN)),
    }
}

/// `3s`, `1.5s`, `250ms`.
fn short(duration: Duration) -> String {
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
    use crate::probe::HttpTarget;

    fn request(assertions: Vec<HttpAssertion>) -> Request {
        let target = HttpTarget { tls: false, host: "127.0.0.1".into(), port: 80, authority: "127.0.0.1".into(), path: "/".into() };
        let mut masks = Masks::default();
        masks.add_secret("hunter2");
        Request { question: Question::Http { target, assertions }, masks }
    }

    fn status(codes: &[u16]) -> HttpAssertion {
        HttpAssertion::Status(codes.iter().map(|code| (*code, *code)).collect())
    }

    fn answer(status: u16, body: &str) -> Outcome {
        Outcome::Answered { status, location: None, body: body.into(), cut: false }
    }

    fn say(assertions: Vec<HttpAssertion>, outcome: &Outcome, took_ms: u64) -> (Reading, String, String) {
        let sample = judge(&request(assertions), outcome, Moment::millis(7), Duration::from_millis(took_ms));
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
        let redirect = Outcome::Answered { status: 302, location: Some("/login?t=hunter2".into()), body: Vec::new(), cut: false };
        assert_eq!(say(vec![status(&[200])], &redirect, 1).2, "HTTP 302 to /login?t=[secret]");
    }
}
