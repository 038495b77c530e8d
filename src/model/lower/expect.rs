//! Services, externals, and what is expected of them.

use super::once::{Once, given_twice};
use super::{Lowering, address};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Expectation, External, HttpAssertion, Probe, Service};
use crate::source::{Span, Spanned};
use crate::syntax::{self, Head, Statement, StatusRange};

/// What a status must be where the plan does not say.
const ANY_SUCCESS: (u16, u16) = (200, 299);

/// Every status that HTTP has.
const ALL: (u16, u16) = (100, 599);

impl Lowering<'_> {
    pub(super) fn service(&mut self, statement: &Statement) -> Option<Service> {
        let Head::Service { name, app } = &statement.head else { return None };
        if let Some(app) = app {
            self.problems.push(
                Diagnostic::new(Code::NotBuilt, "`service … in APP` is not built yet", app.span, "a plan has one app")
                    .help(format!("write `service {}`", name.value)),
            );
        }
        if statement.is_damaged() {
            self.gaps.services.insert(name.value.clone());
        }
        let (mut note, mut hint) = (Once::default(), Once::default());
        let mut expectations = Vec::new();
        for inner in statement.body() {
            match &inner.head {
                Head::Note(text) => {
                    let text = self.plain(text);
                    self.once(&mut note, text, inner);
                }
                Head::Hint(text) => {
                    let text = self.plain(text);
                    self.once(&mut hint, text, inner);
                }
                Head::Expect(probe) => match self.expectation(probe, inner, &format!("service \"{}\"", name.value)) {
                    Some(expectation) => expectations.push(expectation),
                    None => {
                        self.gaps.services.insert(name.value.clone());
                    }
                },
                Head::Later { .. } => {
                    self.gaps.services.insert(name.value.clone());
                }
                _ => {}
            }
        }
        Some(Service { name: name.clone(), note: note.take().flatten(), hint: hint.take().flatten(), expectations })
    }

    pub(super) fn external(&mut self, statement: &Statement) -> Option<External> {
        let Head::External(name) = &statement.head else { return None };
        let mut hint = Once::default();
        let mut expectations = Vec::new();
        let mut expects = statement.is_damaged() || statement.block.is_none();
        for inner in statement.body() {
            match &inner.head {
                Head::Hint(text) => {
                    let text = self.plain(text);
                    self.once(&mut hint, text, inner);
                }
                Head::Expect(probe) => {
                    expects = true;
                    expectations.extend(self.expectation(probe, inner, &format!("external \"{}\"", name.value)));
                }
                Head::Later { .. } => expects = true,
                _ => {}
            }
        }
        if !expects {
            let message = format!("external \"{}\" expects nothing", name.value);
            self.problems.push(
                Diagnostic::new(Code::Vacuous, message, statement.span, "nothing in this block can fail")
                    .help("add `expect tcp \"HOST:PORT\"` or `expect http \"URL\"`"),
            );
        }
        Some(External { name: name.clone(), expectations, hint: hint.take().flatten() })
    }

    /// An expectation of one thing. `None` if it was not understood or is not built, which has been or will be told.
    pub(super) fn expectation(&mut self, probe: &syntax::Probe, statement: &Statement, whose: &str) -> Option<Expectation> {
        let end = statement.block.as_ref().and_then(|block| block.close).map_or(statement.span.end, |close| close.end);
        let span = Span { end, ..statement.span };
        let probe = match probe {
            syntax::Probe::Http(url) => {
                let url = self.text(url).map(|text| Spanned::new(text, url.span));
                let assertions = self.http_assertions(statement);
                let url = url?;
                address::http(&url, &mut self.problems);
                Probe::Http { url, assertions }
            }
            syntax::Probe::Tcp(text) => {
                let address = Spanned::new(self.text(text)?, text.span);
                address::tcp(&address, &mut self.problems);
                Probe::Tcp { address }
            }
            syntax::Probe::External(_) => {
                self.problems.push(
                    Diagnostic::new(Code::Misplaced, "`expect external` belongs in a gate", statement.span, format!("in {whose}"))
                        .help("move it into a `gate` block, and `require` the gate in a phase"),
                );
                return None;
            }
            syntax::Probe::Later { .. } => return None,
        };
        Some(Expectation { probe, span })
    }

    fn http_assertions(&mut self, statement: &Statement) -> Vec<Spanned<HttpAssertion>> {
        let mut assertions = Vec::new();
        let (mut status, mut time): (Option<Span>, Option<Span>) = (None, None);
        for inner in statement.body() {
            let assertion = match &inner.head {
                Head::StatusEqual(range) => self.status(&[*range], range.span),
                Head::StatusIn(ranges, span) => self.status(ranges, *span),
                Head::TimeBelow(limit) => Some(HttpAssertion::TimeBelow(self.time(*limit))),
                Head::BodyContains(text) => self.body(text),
                Head::Broken { .. } if inner.form.keyword == "status" => {
                    status = Some(inner.span);
                    None
                }
                _ => None,
            };
            let once = match inner.head {
                Head::StatusEqual(_) | Head::StatusIn(..) => &mut status,
                Head::TimeBelow(_) => &mut time,
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

    fn body(&mut self, expression: &syntax::TextExpr) -> Option<HttpAssertion> {
        let text = self.plain(expression)?;
        if text.is_empty() {
            self.problems.push(
                Diagnostic::new(Code::Vacuous, "every body contains the empty string", expression.span, "no answer can fail it")
                    .help("write what the body must contain, or leave the line out"),
            );
            return None;
        }
        Some(HttpAssertion::BodyContains(text))
    }
}
