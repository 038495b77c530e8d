//! Phases.

use super::once::Once;
use super::{Lowering, order};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{OnFailure, Phase, Sampling};
use crate::source::Spanned;
use crate::syntax::{Head, Name, Policy, Statement};
use std::time::Duration;

/// How long a deploy may run where the plan does not say.
const DEPLOY: Duration = Duration::from_secs(10 * 60);

/// How long services may take to become healthy where the plan does not say.
const SETTLE: Duration = Duration::from_secs(2 * 60);

impl Lowering<'_> {
    /// All phases, and whether they are one line.
    pub(super) fn phases(&mut self, sampling: Sampling) -> Vec<Phase> {
        let mut order_known = !self.gaps.declarations && !self.phases.has_doubles();
        let mut phases = Vec::new();
        for statement in &self.ast.statements {
            match &statement.head {
                Head::Phase { name, after } => phases.push(self.phase(statement, name, after.as_ref(), sampling, &mut order_known)),
                Head::Broken { .. } if statement.form.keyword == "phase" => {
                    order_known = false;
                    self.gaps.phases = true;
                }
                _ => {}
            }
        }
        if order_known {
            let before = self.problems.len();
            order::check(&phases, &mut self.problems);
            order_known = self.problems.len() == before;
        }
        self.gaps.phases |= !order_known || phases.iter().any(|phase| phase.from.value.is_empty());
        phases
    }

    fn phase(&mut self, statement: &Statement, name: &Name, after: Option<&Name>, sampling: Sampling, order_known: &mut bool) -> Phase {
        let after = after.and_then(|after| {
            let others = [&self.gates, &self.services, &self.externals];
            let index = self.phases.resolve(after, &others, &mut self.problems);
            *order_known &= index.is_some();
            index.map(|index| Spanned::new(index, after.span))
        });
        let (mut note, mut deploy, mut settle) = (Once::default(), Once::default(), Once::default());
        let (mut soak, mut on_failure) = (Once::default(), Once::default());
        let mut require: Vec<Spanned<usize>> = Vec::new();
        let mut removes: Vec<Name> = Vec::new();
        for inner in statement.body() {
            match &inner.head {
                Head::Note(text) => {
                    let text = self.plain(text);
                    self.once(&mut note, text, inner);
                }
                Head::Require(names) => {
                    for gate in names {
                        let others = [&self.externals, &self.services, &self.phases];
                        let index = self.gates.resolve(gate, &others, &mut self.problems);
                        require.extend(index.map(|index| Spanned::new(index, gate.span)));
                    }
                }
                Head::Deploy { app, from, within } => {
                    self.apps.resolve(app, &[&self.services], &mut self.problems);
                    let path = self.plain(from).unwrap_or_default();
                    if path.trim().is_empty() && from.span.end - from.span.start == 2 {
                        let problem = Diagnostic::new(Code::OutOfRange, "an empty path", from.span, "expected a compose file");
                        self.problems.push(problem.help("write the compose file's path, relative to this plan"));
                    }
                    let within = within.map_or(DEPLOY, |within| self.time(within));
                    self.once(&mut deploy, (Spanned::new(path, from.span), within), inner);
                }
                Head::Settle(within) => {
                    let within = self.time(*within);
                    self.once(&mut settle, within, inner);
                }
                Head::Soak(time) => {
                    let time = self.time(*time);
                    self.once(&mut soak, time, inner);
                }
                Head::OnFailure(policy) => {
                    let policy = match policy {
                        Policy::Rollback => OnFailure::Rollback,
                        Policy::Stop => OnFailure::Stop,
                        Policy::Ask => OnFailure::Ask,
                    };
                    self.once(&mut on_failure, policy, inner);
                }
                Head::Removes(names) => removes.extend(names.iter().map(|name| self.removed(name))),
                _ => {}
            }
        }
        if deploy.get().is_none() {
            let help = format!("add `deploy {} from \"FILE\"`", self.apps.only().unwrap_or("APP"));
            self.must_have(statement, "deploy", &help);
        }
        let (settle_span, soak_span) = (settle.span(), soak.span());
        let (from, within) = deploy.take().unwrap_or_else(|| (Spanned::new(String::new(), statement.span), DEPLOY));
        Phase {
            name: name.clone(),
            note: note.take().flatten(),
            after,
            require,
            from,
            within,
            settle: settle.take().unwrap_or(SETTLE),
            soak: soak.take().unwrap_or_else(|| sampling.every * sampling.healthy_after),
            on_failure: on_failure.take().unwrap_or(OnFailure::Rollback),
            removes,
            settle_span,
            soak_span,
        }
    }

    /// A service that is removed may be one that the plan no longer declares; only a near miss is an error here. Whether an earlier
    /// phase has it is for the compose files to say.
    fn removed(&mut self, name: &Name) -> Name {
        if self.services.has(&name.value) {
            return name.clone();
        }
        let Some(near) = self.services.nearest(&name.value) else { return name.clone() };
        self.problems.push(
            Diagnostic::new(
                Code::UnknownName,
                format!("no service is called \"{}\"", name.value),
                name.span,
                format!("did you mean \"{near}\"?"),
            )
            .help(format!("write `{near}`")),
        );
        Spanned::new(near.to_owned(), name.span)
    }
}
