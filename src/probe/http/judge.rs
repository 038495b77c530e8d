//! What an HTTP answer means. Pure.

use super::HttpAnswer;
use crate::dokploy::Masks;
use crate::engine::Reading;
use crate::model::{Condition, Holds, HttpAssertion, duration};
use crate::probe::judge::short;
use crate::probe::safe::safe;
use serde_json::Value;
use std::time::Duration;

/// Characters of a body that are shown.
pub(in crate::probe) const BODY_SHOWN: usize = 60;
/// Characters of a value that are shown.
const VALUE_SHOWN: usize = 60;

/// What must hold, as the plan writes it.
pub(in crate::probe) fn asks(assertions: &[HttpAssertion]) -> String {
    if assertions.is_empty() {
        return "an answer".to_owned();
    }
    assertions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The reading, and what was seen. A "no" weighs more than what cannot be said.
pub(in crate::probe) fn judge(assertions: &[HttpAssertion], answer: &HttpAnswer, masks: &Masks, took: Duration) -> (Reading, String) {
    let seen = Seen { answer, masks, shows_body: assertions.iter().any(asks_for_body) };
    let mut json = None;
    let mut unclear = None;
    for assertion in assertions {
        match seen.judge(assertion, took, &mut json) {
            None => {}
            Some((Reading::Fail, actual)) => return (Reading::Fail, actual),
            Some((_, actual)) => {
                unclear.get_or_insert(actual);
            }
        }
    }
    match unclear {
        Some(actual) => (Reading::Error, actual),
        None => (Reading::Pass, seen.told()),
    }
}

fn asks_for_body(assertion: &HttpAssertion) -> bool {
    matches!(assertion, HttpAssertion::BodyContains(_) | HttpAssertion::BodyMatches(_))
}

struct Seen<'a> {
    answer: &'a HttpAnswer,
    masks: &'a Masks,
    shows_body: bool,
}

impl Seen<'_> {
    /// What is wrong with one assertion; `None` when it holds.
    fn judge(&self, assertion: &HttpAssertion, took: Duration, json: &mut Option<Result<Value, ()>>) -> Option<(Reading, String)> {
        let HttpAnswer { status, body, headers, certificate, .. } = self.answer;
        let fail = |actual: String| Some((Reading::Fail, actual));
        match assertion {
            HttpAssertion::Status(ranges) if !ranges.iter().any(|(low, high)| (low..=high).contains(&status)) => fail(self.told()),
            HttpAssertion::TimeBelow(limit) if took >= *limit => fail(format!("HTTP {status} in {}", short(took))),
            HttpAssertion::BodyContains(needle) if !contains(body, needle.as_bytes()) => fail(self.not_in_body()),
            HttpAssertion::BodyMatches(pattern) if !pattern.is_match(body) => fail(self.not_in_body()),
            HttpAssertion::Json(path, condition) => {
                if self.answer.cut {
                    return Some((Reading::Error, format!("HTTP {status}, and a body longer than 1 MiB cannot be read as JSON")));
                }
                let Ok(value) = json.get_or_insert_with(|| serde_json::from_slice(body).map_err(|_| ())) else {
                    return fail(format!("HTTP {status}, not JSON{}", self.body()));
                };
                self.condition(&path.to_string(), condition, path.find(value))
            }
            HttpAssertion::Header(name, condition) => {
                let value = headers.iter().find(|(own, _)| own == name).map(|(_, value)| Value::from(value.as_str()));
                match value {
                    // That a header is not sent is an answer.
                    None => fail(format!("HTTP {status} without a header {name}")),
                    Some(value) => self.condition(name, condition, Some(&value)),
                }
            }
            HttpAssertion::CertificateExpiresAfter(least) => match certificate {
                None => Some((Reading::Error, format!("HTTP {status}, without a certificate that can be read"))),
                Some(left) if u64::try_from(*left).is_ok_and(|left| left > least.as_secs()) => None,
                Some(left) => fail(format!("HTTP {status}, certificate {}", ends(*left))),
            },
            _ => None,
        }
    }

    fn condition(&self, what: &str, condition: &Condition, value: Option<&Value>) -> Option<(Reading, String)> {
        let status = self.answer.status;
        match condition.holds(value) {
            Holds::Yes => None,
            Holds::No => {
                let is = value.map_or("is not there".to_owned(), |value| format!("is {value}"));
                Some((Reading::Fail, format!("HTTP {status}, {what} {}", self.fit(&is, VALUE_SHOWN))))
            }
            Holds::Unclear(_) if value.is_none() => Some((Reading::Error, format!("HTTP {status}, {what} is not there{}", self.body()))),
            Holds::Unclear(why) => {
                let why = why.strip_prefix("it ").unwrap_or(&why).to_owned();
                Some((Reading::Error, format!("HTTP {status}, {what} {}", self.fit(&why, VALUE_SHOWN))))
            }
        }
    }

    fn fit(&self, text: &str, max: usize) -> String {
        // Masked whole, then shortened: a secret cut in two would not be found.
        safe(&self.masks.apply(text), max)
    }

    fn body(&self) -> String {
        match self.fit(&String::from_utf8_lossy(&self.answer.body), BODY_SHOWN).as_str() {
            "" => String::new(),
            shown => format!(" (body: {shown})"),
        }
    }

    /// `HTTP 500 (body: …)`, `HTTP 302 to /login/`.
    fn told(&self) -> String {
        let status = self.answer.status;
        if let Some(location) = &self.answer.location {
            return format!("HTTP {status} to {}", self.fit(location, BODY_SHOWN));
        }
        if (200..300).contains(&status) && !self.shows_body { format!("HTTP {status}") } else { format!("HTTP {status}{}", self.body()) }
    }

    fn not_in_body(&self) -> String {
        let told = self.told();
        if self.answer.cut { format!("{told}; not in the first MiB") } else { told }
    }
}

fn contains(body: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || body.windows(needle.len()).any(|window| window == needle)
}

/// `expires in 3d`, `expired 2h ago`.
fn ends(left: i64) -> String {
    const DAY: u64 = 86_400;
    let length = left.unsigned_abs();
    let length = match length {
        0..60 => duration(Duration::from_secs(length)),
        60..3_600 => duration(Duration::from_secs(length / 60 * 60)),
        3_600..DAY => duration(Duration::from_secs(length / 3_600 * 3_600)),
        _ => format!("{}d", length / DAY),
    };
    if left < 0 { format!("expired {length} ago") } else { format!("expires in {length}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Comparison, Decimal, JsonPath, Literal, Number, Pattern};

    fn say(assertions: &[HttpAssertion], answer: &HttpAnswer) -> (Reading, String) {
        let mut masks = Masks::default();
        masks.add_secret("hunter2");
        judge(assertions, answer, &masks, Duration::from_millis(1))
    }

    fn body(body: &str) -> HttpAnswer {
        HttpAnswer { status: 200, body: body.into(), ..HttpAnswer::default() }
    }

    fn json(path: &str, condition: Condition) -> HttpAssertion {
        HttpAssertion::Json(JsonPath::new(path).unwrap(), condition)
    }

    fn equals(text: &str) -> Condition {
        Condition::Compare(Comparison::Equal, Literal::Text(text.into()))
    }

    fn below(written: &str) -> Condition {
        let value = Decimal::read(written).unwrap();
        Condition::Compare(Comparison::Less, Literal::Number(Number { written: written.into(), value }))
    }

    #[test]
    fn json_is_a_pass_a_failure_or_no_answer_at_all() {
        let health = body(r#"{"status":"degraded","lag":0.7,"token":"hunter2","none":null}"#);
        for (assertion, reading, actual) in [
            (json("$.status", equals("degraded")), Reading::Pass, "HTTP 200"),
            (json("$.status", equals("ok")), Reading::Fail, "HTTP 200, $.status is \"degraded\""),
            (json("$.lag", below("0.5")), Reading::Fail, "HTTP 200, $.lag is 0.7"),
            (json("$.lag", equals("0.7")), Reading::Error, "HTTP 200, $.lag is the number 0.7, not a text"),
            (json("$.token", equals("x")), Reading::Fail, "HTTP 200, $.token is \"[secret]\""),
            (json("$.none", below("5")), Reading::Error, "HTTP 200, $.none is null, not a number"),
            (json("$.db", Condition::Exists), Reading::Fail, "HTTP 200, $.db is not there"),
        ] {
            assert_eq!(say(&[assertion], &health), (reading, actual.to_owned()));
        }
        let (reading, actual) = say(&[json("$.db", equals("up"))], &health);
        assert_eq!(reading, Reading::Error);
        assert!(actual.starts_with("HTTP 200, $.db is not there (body: {\"status\"") && !actual.contains("hunter2"), "{actual}");
        assert_eq!(say(&[json("$", Condition::Exists)], &body("<html>")).0, Reading::Fail);
        let cut = HttpAnswer { cut: true, ..body("{}") };
        assert_eq!(say(&[json("$.a", Condition::Exists)], &cut).0, Reading::Error);
    }

    #[test]
    fn a_no_weighs_more_than_what_cannot_be_said() {
        let status = HttpAssertion::Status(vec![(200, 200)]);
        let down = HttpAnswer { status: 503, ..body("{}") };
        assert_eq!(say(&[json("$.a", equals("x")), status.clone()], &down), (Reading::Fail, "HTTP 503 (body: {})".into()));
        assert_eq!(say(&[json("$.a", equals("x")), status], &body("{}")).0, Reading::Error);
    }

    #[test]
    fn headers_and_patterns() {
        let header = |condition| HttpAssertion::Header("content-type".into(), condition);
        let answer = HttpAnswer { headers: vec![("content-type".into(), "text/html".into())], ..body("a\nok 15") };
        let pattern = |text: &str| Pattern::new(text).unwrap();
        for (assertion, reading, actual) in [
            (header(Condition::Contains("html".into())), Reading::Pass, "HTTP 200"),
            (header(equals("application/json")), Reading::Fail, "HTTP 200, content-type is \"text/html\""),
            (header(Condition::Matches(pattern("json$"))), Reading::Fail, "HTTP 200, content-type is \"text/html\""),
            (HttpAssertion::Header("etag".into(), equals("x")), Reading::Fail, "HTTP 200 without a header etag"),
            (HttpAssertion::BodyMatches(pattern(r"ok \d+")), Reading::Pass, "HTTP 200 (body: a ok 15)"),
            (HttpAssertion::BodyMatches(pattern("^ok")), Reading::Fail, "HTTP 200 (body: a ok 15)"),
        ] {
            assert_eq!(say(&[assertion], &answer), (reading, actual.to_owned()));
        }
    }

    #[test]
    fn a_certificate_must_be_good_for_longer_than_said() {
        let fortnight = HttpAssertion::CertificateExpiresAfter(Duration::from_secs(14 * 86_400));
        let with = |certificate| HttpAnswer { certificate, ..body("") };
        for (left, reading, actual) in [
            (Some(14 * 86_400 + 1), Reading::Pass, "HTTP 200"),
            (Some(14 * 86_400), Reading::Fail, "HTTP 200, certificate expires in 14d"),
            (Some(7_260), Reading::Fail, "HTTP 200, certificate expires in 2h"),
            (Some(-90), Reading::Fail, "HTTP 200, certificate expired 1m ago"),
            (None, Reading::Error, "HTTP 200, without a certificate that can be read"),
        ] {
            assert_eq!(say(std::slice::from_ref(&fortnight), &with(left)), (reading, actual.to_owned()));
        }
    }
}
