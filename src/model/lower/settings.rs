//! What a plan says once: its name, Dokploy, the app, sampling and limits.

use super::once::Once;
use super::{Lowering, address};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{App, Dokploy, Limits, Sampling, Text, TextPart, Watch};
use crate::source::{Span, Spanned};
use crate::syntax::{Head, Name, Statement};
use std::time::Duration;

/// No time in a plan may be longer: a number with too many digits is a mistake, not a patient person.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(super) struct Settings {
    pub(super) name: Option<Name>,
    pub(super) dokploy: Dokploy,
    pub(super) app: App,
    pub(super) sampling: Sampling,
    pub(super) limits: Limits,
    pub(super) watch: Option<Watch>,
}

impl Lowering<'_> {
    pub(super) fn settings(&mut self) -> Settings {
        let nowhere = Span::new(self.ast.file, 0..0);
        let nothing = || Spanned::new(Text::default(), nowhere);
        let (mut name, mut dokploy, mut app, mut sampling) = (Once::default(), Once::default(), Once::default(), Once::default());
        let (mut queue, mut run, mut restarts) = (Once::default(), Once::default(), Once::default());
        let mut watch = Once::default();
        for statement in &self.ast.statements {
            match &statement.head {
                Head::Rollout(given) => self.once(&mut name, given.clone(), statement),
                Head::Dokploy => {
                    let given = self.dokploy(statement, nothing());
                    self.once(&mut dokploy, given, statement);
                }
                Head::App(given) => {
                    let given = self.app(given, statement, &nothing());
                    match app.span() {
                        None => self.once(&mut app, given, statement),
                        // Twice the same name has been told of already.
                        Some(_) if app.get().is_some_and(|first: &App| first.name.value == given.name.value) => {}
                        Some(first) => self.second_app(statement, first),
                    }
                }
                Head::Sampling => {
                    let given = self.sampling(statement);
                    self.once(&mut sampling, given, statement);
                }
                Head::QueueWithin(given) => {
                    let given = self.time(*given);
                    self.once(&mut queue, given, statement);
                }
                Head::RunWithin(given) => {
                    let given = self.time(*given);
                    self.once(&mut run, given, statement);
                }
                Head::RestartsMax(given) => {
                    let given = self.count(*given, 0);
                    self.once(&mut restarts, given, statement);
                }
                Head::Watch { length, every } => {
                    let length = Spanned::new(self.time(*length), length.span);
                    let every = every.map(|every| Spanned::new(self.time(every), every.span));
                    self.once(&mut watch, Watch { length, every, span: statement.span }, statement);
                }
                Head::Restarts(_, count) => {
                    let message = "restarts are compared in `expect container`";
                    let problem = Diagnostic::new(Code::Misplaced, message, statement.span, "here they have a limit for the whole run");
                    self.problems.push(problem.help(format!("write `restarts max {}`", count.value)));
                }
                _ => {}
            }
        }
        let defaults = Limits::default();
        Settings {
            name: name.take(),
            dokploy: dokploy.take().unwrap_or_else(|| Dokploy { url: nothing(), api_key: nothing(), ca: None, span: nowhere }),
            app: app.take().unwrap_or_else(|| App {
                name: Spanned::new(String::new(), nowhere),
                project: nothing(),
                environment: nothing(),
                compose: nothing(),
            }),
            sampling: sampling.take().unwrap_or_default(),
            limits: Limits {
                queue: queue.take().unwrap_or(defaults.queue),
                run: run.take().unwrap_or(defaults.run),
                restarts: restarts.take().unwrap_or(defaults.restarts),
            },
            watch: watch.take(),
        }
    }

    fn dokploy(&mut self, block: &Statement, nothing: Spanned<Text>) -> Dokploy {
        let (mut url, mut api_key, mut ca) = (Once::default(), Once::default(), Once::default());
        for statement in block.body() {
            match &statement.head {
                Head::Url(text) => {
                    let given = self.spanned_text(text);
                    address::http(&given, &mut self.problems);
                    self.once(&mut url, given, statement);
                }
                Head::ApiKey(text) => {
                    let given = self.spanned_text(text);
                    if !given.value.parts.is_empty() && given.value.parts.iter().all(|part| matches!(part, TextPart::Literal(_))) {
                        let message = "the API key stands in the plan";
                        let label = "whoever reads the plan can use it";
                        self.problems.push(
                            Diagnostic::new(Code::LiteralSecret, message, given.span, label)
                                .help("write `api-key secret(\"DOKPLOY_API_KEY\")`, and make a new key: this one may be known"),
                        );
                    }
                    self.once(&mut api_key, given, statement);
                }
                Head::Ca(path) => {
                    let given = self.plain(path).unwrap_or_default();
                    self.once(&mut ca, Spanned::new(given, path.span), statement);
                }
                _ => {}
            }
        }
        if url.get().is_none() {
            self.must_have(block, "url", "add `url env(\"DOKPLOY_URL\")`");
        }
        if api_key.get().is_none() {
            self.must_have(block, "api-key", "add `api-key secret(\"DOKPLOY_API_KEY\")`");
        }
        Dokploy {
            url: url.take().unwrap_or(nothing.clone()),
            api_key: api_key.take().unwrap_or(nothing),
            ca: ca.take(),
            span: block.keyword,
        }
    }

    fn app(&mut self, name: &Name, block: &Statement, nothing: &Spanned<Text>) -> App {
        let (mut project, mut environment, mut compose) = (Once::default(), Once::default(), Once::default());
        for statement in block.body() {
            let (slot, text) = match &statement.head {
                Head::Project(text) => (&mut project, text),
                Head::Environment(text) => (&mut environment, text),
                Head::Compose(text) => (&mut compose, text),
                _ => continue,
            };
            let given = self.spanned_text(text);
            self.once(slot, given, statement);
        }
        let mut given = |slot: Once<Spanned<Text>>, what: &str, help: &str| {
            slot.take().unwrap_or_else(|| {
                self.must_have(block, what, help);
                nothing.clone()
            })
        };
        App {
            name: name.clone(),
            project: given(project, "project", "add `project \"PROJECT\"`, as Dokploy shows it"),
            environment: given(environment, "environment", "add `environment \"ENVIRONMENT\"`, as Dokploy shows it"),
            compose: given(compose, "compose", "add `compose \"NAME\"`, the compose service's name in Dokploy"),
        }
    }

    fn second_app(&mut self, statement: &Statement, first: Span) {
        self.problems.push(
            Diagnostic::new(Code::NotBuilt, "more than one app is not built yet", statement.span, "a second app")
                .label(first, "the first app")
                .help("write one plan for each app"),
        );
    }

    fn sampling(&mut self, block: &Statement) -> Sampling {
        let defaults = Sampling::default();
        let (mut every, mut timeout) = (Once::default(), Once::default());
        let (mut healthy_after, mut unhealthy_after) = (Once::default(), Once::default());
        for statement in block.body() {
            match &statement.head {
                Head::Every(given) => {
                    let given = self.time(*given);
                    self.once(&mut every, given, statement);
                }
                Head::Timeout(given) => {
                    let given = self.time(*given);
                    self.once(&mut timeout, given, statement);
                }
                Head::HealthyAfter(given) => {
                    let given = self.count(*given, 1);
                    self.once(&mut healthy_after, given, statement);
                }
                Head::Healthy => {
                    let message = "`healthy` says how many passes it takes";
                    let problem = Diagnostic::new(Code::Missing, message, statement.span, "after how many?");
                    self.problems.push(problem.help("write `healthy after 2 passes`"));
                }
                Head::UnhealthyAfter(given) => {
                    let given = self.count(*given, 1);
                    self.once(&mut unhealthy_after, given, statement);
                }
                _ => {}
            }
        }
        Sampling {
            every: every.take().unwrap_or(defaults.every),
            timeout: timeout.take().unwrap_or(defaults.timeout),
            healthy_after: healthy_after.take().unwrap_or(defaults.healthy_after),
            unhealthy_after: unhealthy_after.take().unwrap_or(defaults.unhealthy_after),
            span: Some(block.span),
        }
    }

    /// A time that must be longer than nothing and not absurd.
    pub(super) fn time(&mut self, given: Spanned<Duration>) -> Duration {
        if given.value.is_zero() {
            let problem = Diagnostic::new(Code::OutOfRange, "a time of nothing", given.span, "must be longer than nothing");
            self.problems.push(problem.help("write at least `1ms`, or leave the statement out for its default"));
        } else if given.value > LONGEST {
            let problem = Diagnostic::new(Code::OutOfRange, "a time longer than 30 days", given.span, "at most `720h`");
            self.problems.push(problem.help("write a time of at most `720h`"));
            return LONGEST;
        }
        given.value
    }

    /// A count from `least` to 1000.
    fn count(&mut self, given: Spanned<u64>, least: u32) -> u32 {
        const MOST: u32 = 1000;
        match u32::try_from(given.value) {
            Ok(count) if (least..=MOST).contains(&count) => count,
            _ => {
                let message = "a number out of range";
                let problem = Diagnostic::new(Code::OutOfRange, message, given.span, format!("from {least} to {MOST}"));
                self.problems.push(problem.help(format!("write a number from {least} to {MOST}")));
                least.max(1)
            }
        }
    }
}
