//! `expect http`: how the request is made, and what the answer must be.

use super::once::{Once, given_twice};
use super::{Lowering, address};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{HttpAssertion, HttpAuth, HttpOptions, Probe, Text, TextPart};
use crate::source::{Span, Spanned};
use crate::syntax::{ConditionKind, Head, Statement, StatusRange, TextExpr};

/// What a status must be where the plan does not say.
const ANY_SUCCESS: (u16, u16) = (200, 299);

/// Every status that HTTP has.
const ALL: (u16, u16) = (100, 599);

/// Headers that the request has anyway, or that decide how it is read.
const OWN_HEADERS: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "authorization"];

impl Lowering<'_> {
    /// An HTTP expectation. `None` if its address was not understood.
    pub(super) fn http(&mut self, url: &TextExpr, statement: &Statement) -> Option<Probe> {
        let span = url.span;
        let url = self.text(url).map(|text| Spanned::new(text, span));
        let options = self.http_options(statement);
        let assertions = self.http_assertions(statement);
        let url = url?;
        address::http(&url, &mut self.problems);
        for assertion in &assertions {
            let plain =
                matches!(url.value.parts.first(), Some(TextPart::Literal(text)) if text.to_ascii_lowercase().starts_with("http://"));
            if matches!(assertion.value, HttpAssertion::CertificateExpiresAfter(_)) && plain {
                self.problems.push(
                    Diagnostic::new(Code::Vacuous, "plain HTTP has no certificate", assertion.span, "nothing here could expire")
                        .label(url.span, "not `https`")
                        .help("ask an address that begins with `https://`, or leave the line out"),
                );
            }
        }
        Some(Probe::Http { url, options: Box::new(options), assertions })
    }

    fn http_options(&mut self, statement: &Statement) -> HttpOptions {
        let (mut method, mut body, mut auth) = (Once::default(), Once::default(), Once::default());
        let (mut follow, mut connect, mut read) = (Once::default(), Once::default(), Once::default());
        let mut headers: Vec<(Spanned<String>, Spanned<Text>)> = Vec::new();
        for inner in statement.body() {
            match &inner.head {
                Head::Method(verb) => self.once(&mut method, verb.clone(), inner),
                Head::SendHeader { name, value } => headers.extend(self.sent_header(name, value)),
                Head::SendBody(text) => {
                    let given = self.spanned_text(text);
                    self.once(&mut body, given, inner);
                }
                Head::AuthBasic { user, password } => {
                    let (user, password) = (self.spanned_text(user), self.spanned_text(password));
                    self.not_written_out("password", &password);
                    self.once(&mut auth, HttpAuth::Basic { user, password }, inner);
                }
                Head::AuthBearer(token) => {
                    let token = self.spanned_text(token);
                    self.not_written_out("token", &token);
                    self.once(&mut auth, HttpAuth::Bearer(token), inner);
                }
                Head::FollowRedirects => self.once(&mut follow, (), inner),
                Head::ConnectWithin(limit) => {
                    let limit = Spanned::new(self.time(*limit), limit.span);
                    self.once(&mut connect, limit, inner);
                }
                Head::ReadWithin(limit) => {
                    let limit = Spanned::new(self.time(*limit), limit.span);
                    self.once(&mut read, limit, inner);
                }
                _ => {}
            }
        }
        if let (Some(body), Some(verb)) = (body.span(), method.get().filter(|verb| matches!(verb.value.as_str(), "GET" | "HEAD"))) {
            self.problems.push(
                Diagnostic::new(Code::WrongKind, format!("a {} has no body", verb.value), body, "nobody would read it")
                    .label(verb.span, "the method")
                    .help("write `method POST`, or leave the body out"),
            );
        }
        let method = method.take().map(|verb: Spanned<String>| verb.value);
        HttpOptions {
            method,
            headers,
            body: body.take(),
            auth: auth.take(),
            follow: follow.take().is_some(),
            connect: connect.take(),
            read: read.take(),
        }
    }

    /// A header that the request is to have. `None` after an error.
    fn sent_header(&mut self, name: &TextExpr, value: &TextExpr) -> Option<(Spanned<String>, Spanned<Text>)> {
        let given = self.header_name(name);
        let value = self.spanned_text(value);
        let given = given?;
        if OWN_HEADERS.contains(&given.as_str()) {
            let help = if given == "authorization" {
                "write `auth bearer secret(\"TOKEN\")` or `auth basic \"USER\" secret(\"PASSWORD\")`"
            } else {
                "leave it out: the request has its own"
            };
            let message = format!("the header `{given}` cannot be sent so");
            self.problems.push(Diagnostic::new(Code::WrongKind, message, name.span, "decided by the request itself").help(help));
            return None;
        }
        Some((Spanned::new(given, name.span), value))
    }

    /// The name of a header in lower case. `None` after an error.
    fn header_name(&mut self, name: &TextExpr) -> Option<String> {
        let given = self.plain(name)?;
        let sign = |next: char| next.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(next);
        if given.is_empty() || !given.chars().all(sign) {
            let message = format!("`{given}` is not the name of a header");
            let problem = Diagnostic::new(Code::WrongKind, message, name.span, "letters, digits and `-`, without `:`");
            let trimmed = given.trim().trim_end_matches(':');
            let usable = !trimmed.is_empty() && trimmed.chars().all(sign);
            self.problems.push(if usable { problem.help(format!("write `\"{trimmed}\"`")) } else { problem });
            return None;
        }
        Some(given.to_ascii_lowercase())
    }

    /// Tells of a secret that stands in the plan itself.
    pub(super) fn not_written_out(&mut self, what: &str, given: &Spanned<Text>) {
        let parts = &given.value.parts;
        if !parts.is_empty() && parts.iter().all(|part| matches!(part, TextPart::Literal(_))) {
            self.problems.push(
                Diagnostic::new(
                    Code::LiteralSecret,
                    format!("a {what} stands in the plan"),
                    given.span,
                    "whoever reads the plan can use it",
                )
                .help(format!("write `secret(\"{}\")`, and make a new one: this one may be known", what.to_uppercase())),
            );
        }
    }

    fn http_assertions(&mut self, statement: &Statement) -> Vec<Spanned<HttpAssertion>> {
        let mut assertions = Vec::new();
        let (mut status, mut time, mut certificate): (Option<Span>, Option<Span>, Option<Span>) = (None, None, None);
        for inner in statement.body() {
            let assertion = match &inner.head {
                Head::StatusEqual(range) => self.status(&[*range], range.span),
                Head::StatusIn(ranges, span) => self.status(ranges, *span),
                Head::TimeBelow(limit) => Some(HttpAssertion::TimeBelow(self.time(*limit))),
                Head::Body(condition) => self.body(condition),
                Head::Json { path, condition } => self.json(path, condition),
                Head::Header { name, condition } => self.header(name, condition),
                Head::CertificateExpiresAfter(left) => Some(HttpAssertion::CertificateExpiresAfter(self.validity(*left))),
                Head::Broken { .. } if inner.form.keyword == "status" => {
                    status = Some(inner.span);
                    None
                }
                _ => None,
            };
            let once = match inner.head {
                Head::StatusEqual(_) | Head::StatusIn(..) => &mut status,
                Head::TimeBelow(_) => &mut time,
                Head::CertificateExpiresAfter(_) => &mut certificate,
                _ => {
                    assertions.extend(assertion.map(|assertion| Spanned::new(assertion, inner.span)));
                    continue;
                }
            };
            if let Some(first) = *once {
                self.problems.push(given_twice(inner.form.keyword, inner.span, first));
            } else {
                *once = Some(inner.span);
                assertions.extend(assertion.map(|assertion| Spanned::new(assertion, inner.span)));
            }
        }
        if status.is_none() {
            // Otherwise an answer of 500 in good time would pass.
            assertions.insert(0, Spanned::new(HttpAssertion::Status(vec![ANY_SUCCESS]), statement.span));
        }
        assertions
    }

    /// Sorted ranges that do not touch. `None` after an error.
    fn status(&mut self, written: &[StatusRange], span: Span) -> Option<HttpAssertion> {
        if written.is_empty() {
            self.problems.push(
                Diagnostic::new(Code::Vacuous, "`status in []` can never hold", span, "no status is in an empty list")
                    .help("write `status in [200..299]`"),
            );
            return None;
        }
        let mut ranges = Vec::new();
        for range in written {
            let valid = |status: u64| u16::try_from(status).ok().filter(|status| (ALL.0..=ALL.1).contains(status));
            let (Some(first), Some(last)) = (valid(range.first), valid(range.last)) else {
                let message = "not a status that HTTP has";
                let problem = Diagnostic::new(Code::OutOfRange, message, range.span, format!("statuses go from {} to {}", ALL.0, ALL.1));
                self.problems.push(problem.help("write `status in [200..299]`, or the one you mean"));
                continue;
            };
            if last < first {
                let problem = Diagnostic::new(Code::OutOfRange, "a range that ends before it begins", range.span, "nothing is in it");
                self.problems.push(problem.help(format!("write `{last}..{first}`")));
                continue;
            }
            ranges.push((first, last));
        }
        if ranges.len() < written.len() {
            return None;
        }
        ranges.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::new();
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(previous) if first <= previous.1 + 1 => previous.1 = previous.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        if merged == [ALL] {
            self.problems.push(
                Diagnostic::new(Code::Vacuous, "this accepts every status", span, "no answer can fail it")
                    .help("write `status in [200..299]`, or `expect tcp \"HOST:PORT\"` if any answer will do"),
            );
            return None;
        }
        Some(HttpAssertion::Status(merged))
    }

    fn body(&mut self, condition: &crate::syntax::Condition) -> Option<HttpAssertion> {
        match &condition.kind {
            ConditionKind::Contains(part) => {
                let text = self.plain(part)?;
                if text.is_empty() {
                    self.problems.push(
                        Diagnostic::new(Code::Vacuous, "every body contains the empty string", part.span, "no answer can fail it")
                            .help("write what the body must contain, or leave the line out"),
                    );
                    return None;
                }
                Some(HttpAssertion::BodyContains(text))
            }
            ConditionKind::Matches(pattern) => self.pattern(pattern).map(HttpAssertion::BodyMatches),
            ConditionKind::Exists | ConditionKind::Compare(..) => None,
        }
    }

    fn json(&mut self, path: &TextExpr, condition: &crate::syntax::Condition) -> Option<HttpAssertion> {
        let (path, condition) = (self.json_path(path), self.condition(condition));
        Some(HttpAssertion::Json(path?, condition?))
    }

    fn header(&mut self, name: &TextExpr, condition: &crate::syntax::Condition) -> Option<HttpAssertion> {
        let (name, condition) = (self.header_name(name), self.text_condition(condition, "a header"));
        Some(HttpAssertion::Header(name?, condition?))
    }

    /// How long a certificate must still be good for: at most two years, since none is issued for longer.
    fn validity(&mut self, given: Spanned<std::time::Duration>) -> std::time::Duration {
        const LONGEST: std::time::Duration = std::time::Duration::from_secs(731 * 24 * 60 * 60);
        if given.value.is_zero() || given.value > LONGEST {
            let problem = Diagnostic::new(Code::OutOfRange, "a time that no certificate can meet", given.span, "from `1d` to `731d`");
            self.problems.push(problem.help("write `certificate expires after 14d`"));
        }
        given.value
    }
}
