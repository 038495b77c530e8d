//! Gates.

use super::Lowering;
use super::docker::Owner;
use super::once::{Once, given_twice};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{self, Approval, Expectation, Gate, OrElse, Severity};
use crate::source::Spanned;
use crate::syntax::{Head, Probe, Statement};
use std::time::Duration;

/// How long an approval may take where the plan does not say.
const APPROVAL: Duration = Duration::from_secs(30 * 60);

impl Lowering<'_> {
    pub(super) fn gate(&mut self, statement: &Statement) -> Option<Gate> {
        let Head::Gate(name) = &statement.head else { return None };
        let (mut expectations, mut asides) = (Vec::new(), Vec::new());
        let mut externals: Vec<Spanned<usize>> = Vec::new();
        let (mut approval, mut contexts) = (Once::default(), None);
        let mut holds_anything = statement.is_damaged() || statement.block.is_none();
        for inner in statement.body() {
            match &inner.head {
                Head::Expect(Severity::Decides, Probe::External(names)) => {
                    holds_anything = true;
                    for used in names {
                        let others = [&self.services, &self.gates];
                        let index = self.externals.resolve(used, &others, &mut self.problems);
                        externals.extend(index.map(|index| Spanned::new(index, used.span)));
                    }
                }
                Head::Expect(severity, Probe::BuildContexts) => {
                    holds_anything |= *severity == Severity::Decides;
                    let list = if *severity == Severity::Decides { &mut expectations } else { &mut asides };
                    list.push(Expectation {
                        severity: *severity,
                        probe: model::Probe::BuildContexts(Vec::new()),
                        percentiles: Vec::new(),
                        span: inner.span,
                    });
                    if let Some(first) = contexts.replace(inner.span) {
                        self.problems.push(given_twice(&format!("{} build-contexts", severity.keyword()), inner.span, first));
                    }
                }
                Head::Expect(severity, probe) => {
                    holds_anything |= *severity == Severity::Decides;
                    let list = if *severity == Severity::Decides { &mut expectations } else { &mut asides };
                    list.extend(self.expectation(*severity, probe, inner, Owner::Outside, &format!("gate \"{}\"", name.value)));
                }
                Head::Approve { question, within } => {
                    holds_anything = true;
                    let within = within.map_or(APPROVAL, |within| self.time(within));
                    let question = self.question(question);
                    let given = Approval { question, within, otherwise: OrElse::Stop, span: inner.span };
                    self.once(&mut approval, given, inner);
                }
                _ => {}
            }
        }
        if !holds_anything {
            let message = format!("gate \"{}\" asks for nothing", name.value);
            let label =
                if asides.is_empty() { "it would always be open" } else { "always open: what it warns of or observes decides nothing" };
            self.problems.push(
                Diagnostic::new(Code::Vacuous, message, statement.span, label)
                    .help("add `expect external NAME`, `expect http \"URL\"` or `approve \"QUESTION?\"`"),
            );
        }
        Some(Gate { name: name.clone(), expectations, asides, externals, approval: approval.take() })
    }

    fn question(&mut self, written: &crate::syntax::TextExpr) -> String {
        let question = self.plain(written);
        if question.as_deref().is_some_and(|question| question.trim().is_empty()) {
            let problem = Diagnostic::new(Code::Vacuous, "an approval without a question", written.span, "nobody can know what this asks");
            self.problems.push(problem.help("write what the person says yes to"));
        }
        question.unwrap_or_default()
    }
}
