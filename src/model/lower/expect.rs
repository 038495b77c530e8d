//! Services, externals, and what is expected of them.

use super::docker::Owner;
use super::once::Once;
use super::{Lowering, address};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Condition, Expectation, External, Job, Probe, Service, Severity};
use crate::source::{Span, Spanned};
use crate::syntax::{self, Head, Name, Statement};

impl Lowering<'_> {
    pub(super) fn service(&mut self, statement: &Statement) -> Option<Service> {
        let (name, app, is_job) = match &statement.head {
            Head::Service { name, app } => (name, app, false),
            Head::Job { name, app } => (name, app, true),
            _ => return None,
        };
        let (keyword, owner) = if is_job { ("job", Owner::Job) } else { ("service", Owner::Service) };
        if let Some(app) = app {
            // A plan has one app, so it says nothing new; but it may say something wrong.
            let others = [&self.services, &self.externals, &self.gates];
            self.apps.resolve(app, &others, &mut self.problems);
        }
        if statement.is_damaged() {
            self.gaps.services.insert(name.value.clone());
        }
        let (mut note, mut hint, mut within) = (Once::default(), Once::default(), Once::default());
        let (mut needs, mut uses, mut allows) = (Vec::new(), Vec::new(), Vec::new());
        let (mut expectations, mut asides) = (Vec::new(), Vec::new());
        for inner in statement.body() {
            match &inner.head {
                Head::Needs(names) => self.leans_on(name, names, &mut needs),
                Head::Uses(names) => self.leans_on(name, names, &mut uses),
                Head::Note(text) => {
                    let text = self.plain(text);
                    self.once(&mut note, text, inner);
                }
                Head::Hint(text) => {
                    let text = self.plain(text);
                    self.once(&mut hint, text, inner);
                }
                Head::Allow { word, reason } => self.allow(word, reason, inner.span, &mut allows),
                Head::Within(limit) => {
                    let limit = Spanned::new(self.time(*limit), limit.span);
                    self.once(&mut within, limit, inner);
                }
                Head::Expect(severity, probe) => {
                    let list = if *severity == Severity::Decides { &mut expectations } else { &mut asides };
                    match self.expectation(*severity, probe, inner, owner, &format!("{keyword} \"{}\"", name.value)) {
                        Some(expectation) => list.push(expectation),
                        None => {
                            self.gaps.services.insert(name.value.clone());
                        }
                    }
                }
                _ => {}
            }
        }
        let (note, hint) = (note.take().flatten(), hint.take().flatten());
        let job = is_job.then(|| Job { within: within.take() });
        Some(Service { name: name.clone(), note, hint, needs, uses, allows, expectations, asides, job })
    }

    /// Names of services or externals that this service leans on, each once. Whether they are there is a check's to say: a compose file may have
    /// a service whose block is misspelled.
    fn leans_on(&mut self, service: &Name, names: &[Name], on: &mut Vec<Name>) {
        for name in names {
            if name.value == service.value {
                let message = format!("service \"{}\" leans on itself", name.value);
                self.problems.push(Diagnostic::new(Code::DependencyCycle, message, name.span, "its own name").help("remove it"));
            } else if on.iter().all(|other| other.value != name.value) {
                on.push(name.clone());
            }
        }
    }

    pub(super) fn external(&mut self, statement: &Statement) -> Option<External> {
        let Head::External(name) = &statement.head else { return None };
        let mut hint = Once::default();
        let (mut expectations, mut asides) = (Vec::new(), Vec::new());
        let mut expects = statement.is_damaged() || statement.block.is_none();
        for inner in statement.body() {
            match &inner.head {
                Head::Hint(text) => {
                    let text = self.plain(text);
                    self.once(&mut hint, text, inner);
                }
                Head::Expect(severity, probe) => {
                    expects |= *severity == Severity::Decides;
                    let list = if *severity == Severity::Decides { &mut expectations } else { &mut asides };
                    list.extend(self.expectation(*severity, probe, inner, Owner::Outside, &format!("external \"{}\"", name.value)));
                }
                _ => {}
            }
        }
        if !expects {
            let message = format!("external \"{}\" expects nothing", name.value);
            let label = if asides.is_empty() { "nothing in this block can fail" } else { "what it warns of or observes decides nothing" };
            self.problems.push(
                Diagnostic::new(Code::Vacuous, message, statement.span, label)
                    .help("add `expect tcp \"HOST:PORT\"` or `expect http \"URL\"`"),
            );
        }
        Some(External { name: name.clone(), expectations, asides, hint: hint.take().flatten() })
    }

    /// An expectation of one thing. `None` if it was not understood or is not built, which has been or will be told.
    pub(super) fn expectation(
        &mut self,
        severity: Severity,
        probe: &syntax::Probe,
        statement: &Statement,
        owner: Owner,
        whose: &str,
    ) -> Option<Expectation> {
        let end = statement.block.as_ref().and_then(|block| block.close).map_or(statement.span.end, |close| close.end);
        let span = Span { end, ..statement.span };
        if owner == Owner::Job && !matches!(probe, syntax::Probe::Logs | syntax::Probe::Container(None)) {
            self.problems.push(
                Diagnostic::new(Code::Misplaced, "a job that is over answers nobody", statement.span, format!("in {whose}"))
                    .help("a job must end with 0 anyway; `expect logs { … }` asks what it wrote"),
            );
            return None;
        }
        let probe = match probe {
            syntax::Probe::Container(name) => self.container(name.as_ref(), statement, owner)?,
            syntax::Probe::Logs => self.logs(statement, owner, whose)?,
            syntax::Probe::Server => self.server(statement, owner, whose)?,
            syntax::Probe::Http(url) => self.http(url, statement)?,
            syntax::Probe::Tcp(text) => {
                let address = self.text(text).map(|address| Spanned::new(address, text.span));
                let banner = self.banner(statement);
                let address = address?;
                address::tcp(&address, &mut self.problems);
                Probe::Tcp { address, banner }
            }
            syntax::Probe::Postgres(url) => self.postgres(url, statement)?,
            syntax::Probe::Redis(url) => self.redis(url, statement)?,
            syntax::Probe::Exec(words) => self.exec(words, statement)?,
            syntax::Probe::External(_) if severity != Severity::Decides => {
                let keyword = severity.keyword();
                self.problems.push(
                    Diagnostic::new(Code::Misplaced, format!("externals say themselves what they `{keyword}`"), statement.span, "not here")
                        .help(format!("write the `{keyword}` lines in the `external` block; a gate that expects it asks them along")),
                );
                return None;
            }
            syntax::Probe::External(_) => {
                self.problems.push(
                    Diagnostic::new(Code::Misplaced, "`expect external` belongs in a gate", statement.span, format!("in {whose}"))
                        .help("move it into a `gate` block, and `require` the gate in a phase"),
                );
                return None;
            }
            syntax::Probe::BuildContexts => {
                self.problems.push(
                    Diagnostic::new(Code::Misplaced, "`expect build-contexts` belongs in a gate", statement.span, format!("in {whose}"))
                        .help("move it into a `gate` block, and `require` the gate in the first phase that builds"),
                );
                return None;
            }
        };
        let percentiles = self.percentiles(statement);
        Some(Expectation { severity, probe, percentiles, span })
    }

    /// What a service must say when it is connected to.
    fn banner(&mut self, statement: &Statement) -> Vec<Condition> {
        let conditions = statement.body().iter().filter_map(|inner| match &inner.head {
            Head::Banner(condition) => Some(condition),
            _ => None,
        });
        conditions.filter_map(|condition| self.condition(condition)).collect()
    }
}
