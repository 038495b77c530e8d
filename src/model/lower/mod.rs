//! From the syntax tree to the plan: names resolved, defaults filled in, everything wrong told at once.

mod address;
mod allow;
mod condition;
mod database;
mod docker;
mod exec;
mod expect;
mod gate;
mod http;
mod names;
mod notify;
mod once;
mod order;
mod percentile;
mod phase;
mod settings;
mod text;

#[cfg(test)]
mod tests;

use super::Plan;
use crate::diagnostic::{self, Code, Diagnostic};
use crate::source::{FileId, Span, Spanned};
use crate::syntax::{self, Ast, Head, Statement};
use names::Names;
use std::collections::{BTreeMap, BTreeSet};
use text::Lets;

/// A lowered plan and everything that is wrong with it.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// As much of the plan as was understood, so that later checks can add what they find. `None` if it has no phase at all.
    /// Only a plan whose diagnostics hold no error may be run: in any other, what was not understood is left out or empty
    /// ([`super::Phase::from`]), and has been told of.
    pub plan: Option<Plan>,
    /// Everything found, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// What is left out of `plan`.
    pub gaps: Gaps,
    /// Names of its `let`s.
    pub lets: BTreeSet<String>,
}

impl Lowered {
    /// Whether the plan may be run as far as its own text goes.
    pub fn is_valid(&self) -> bool {
        self.diagnostics.iter().all(|diagnostic| diagnostic.severity() != diagnostic::Severity::Error)
    }
}

/// What could not be understood and has been told of. From its absence nothing may be concluded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Services that are declared and whose expectations are not all there.
    pub services: BTreeSet<String>,
    /// Some statement outside all blocks is not understood: it may have declared anything.
    pub declarations: bool,
    /// Some phase has no compose file, or the order of the phases is not known.
    pub phases: bool,
}

/// Parses and lowers: all that can be told of a plan's own text.
pub fn load(file: FileId, text: &str) -> Lowered {
    load_with(file, text, &BTreeMap::new())
}

/// The same, with these values in place of what the plan's `let`s say. Names that no `let` has are left out: [`Lowered::lets`] tells.
pub fn load_with(file: FileId, text: &str, settings: &BTreeMap<String, String>) -> Lowered {
    let parsed = syntax::parse(file, text);
    let mut lowered = lower_with(&parsed.ast, settings);
    lowered.diagnostics.extend(parsed.problems);
    diagnostic::sort(&mut lowered.diagnostics);
    lowered
}

/// Lowers a tree. What the parser has told of is not told again.
pub fn lower(ast: &Ast) -> Lowered {
    lower_with(ast, &BTreeMap::new())
}

fn lower_with(ast: &Ast, settings: &BTreeMap<String, String>) -> Lowered {
    let mut lowering = Lowering::declare(ast);
    for (name, value) in settings {
        lowering.lets.set(name, value);
    }
    let plan = lowering.plan();
    diagnostic::sort(&mut lowering.problems);
    let lets = lowering.lets.names().map(str::to_owned).collect();
    Lowered { plan, diagnostics: lowering.problems, gaps: lowering.gaps, lets }
}

/// Everything that is declared, and what was found so far.
struct Lowering<'a> {
    ast: &'a Ast,
    problems: Vec<Diagnostic>,
    gaps: Gaps,
    lets: Lets<'a>,
    apps: Names,
    services: Names,
    externals: Names,
    gates: Names,
    phases: Names,
}

impl<'a> Lowering<'a> {
    /// Collects the declarations, so that every name can be used before the line that declares it.
    fn declare(ast: &'a Ast) -> Self {
        let mut lowering = Self {
            ast,
            problems: Vec::new(),
            gaps: Gaps { declarations: ast.damaged, ..Gaps::default() },
            lets: Lets::default(),
            apps: Names::new("app"),
            services: Names::new("service"),
            externals: Names::new("external"),
            gates: Names::new("gate"),
            phases: Names::new("phase"),
        };
        ast.statements.iter().for_each(|statement| lowering.declare_one(statement));
        lowering
    }

    fn declare_one(&mut self, statement: &'a Statement) {
        let name = match &statement.head {
            Head::App(name)
            | Head::Service { name, .. }
            | Head::Job { name, .. }
            | Head::External(name)
            | Head::Gate(name)
            | Head::Phase { name, .. }
            | Head::Let(name, _)
            | Head::Broken { name: Some(name) } => name,
            Head::Broken { name: None } => {
                self.gaps.declarations |= statement.form.declares();
                return;
            }
            _ => return,
        };
        let names = match statement.form.keyword {
            "app" => &mut self.apps,
            "service" | "job" => &mut self.services,
            "external" => &mut self.externals,
            "gate" => &mut self.gates,
            "phase" => &mut self.phases,
            "let" => {
                let value = if let Head::Let(_, value) = &statement.head { Some(value) } else { None };
                return self.lets.declare(name, value, &mut self.problems);
            }
            _ => return,
        };
        if matches!(statement.head, Head::Broken { .. }) {
            names.declare_unusable(name);
        } else {
            names.declare(name, &mut self.problems);
        }
    }

    fn plan(&mut self) -> Option<Plan> {
        let ast = self.ast;
        self.no_scenarios();
        self.lets_are_sound();
        let settings = self.settings();
        let services = ast.statements.iter().filter_map(|statement| self.service(statement)).collect();
        let externals = ast.statements.iter().filter_map(|statement| self.external(statement)).collect();
        let gates = ast.statements.iter().filter_map(|statement| self.gate(statement)).collect();
        let phases = self.phases(settings.sampling);
        let notify = self.notifies();
        self.something_missing();
        if phases.is_empty() {
            self.gaps.phases = true;
            return None;
        }
        let nowhere = Span::new(ast.file, 0..0);
        Some(Plan {
            name: settings.name.unwrap_or_else(|| Spanned::new(String::new(), nowhere)),
            dokploy: settings.dokploy,
            app: settings.app,
            sampling: settings.sampling,
            limits: settings.limits,
            services,
            externals,
            gates,
            phases,
            watch: settings.watch,
            notify,
        })
    }

    /// What stands in files of its own.
    fn no_scenarios(&mut self) {
        for scenario in self.ast.statements.iter().filter(|statement| matches!(statement.head, Head::Scenario(_))) {
            let problem = Diagnostic::new(Code::Misplaced, "a `scenario` does not belong in the plan", scenario.span, "not here");
            self.problems.push(problem.help("put it into a file of its own beside the plan, such as scenarios/NAME.scenario"));
        }
    }

    /// What every plan has, and this one has not. Where a statement was not understood, that may have been it.
    fn something_missing(&mut self) {
        if self.gaps.declarations {
            return;
        }
        if self.ast.statements.is_empty() {
            let empty = Diagnostic::new(Code::Missing, "the plan is empty", self.ast.end, "nothing is declared");
            self.problems.push(empty.help("a plan has `rollout NAME`, `dokploy { … }`, `app NAME { … }` and `phase NAME { … }`"));
            return;
        }
        let place = self.ast.statements.iter().find(|statement| statement.form.keyword == "rollout");
        let place = place.map_or(self.ast.end, |rollout| rollout.span);
        for keyword in ["rollout", "dokploy", "app", "phase"] {
            if self.ast.statements.iter().any(|statement| statement.form.keyword == keyword) {
                continue;
            }
            let help = match keyword {
                "rollout" => "begin the file with `rollout NAME`",
                "dokploy" => "add `dokploy { … }` with `url env(\"DOKPLOY_URL\")` and `api-key secret(\"DOKPLOY_API_KEY\")` in it",
                "app" => "add `app NAME { … }` with `project`, `environment` and `compose` in it",
                _ => "add `phase NAME { … }` with `deploy APP from \"FILE\"` in it",
            };
            let label = if keyword == "rollout" { "the plan has no name" } else { "this plan has none" };
            self.problems.push(Diagnostic::new(Code::Missing, format!("the plan has no `{keyword}`"), place, label).help(help));
        }
    }

    /// Tells of a statement that must be in a block and is not, unless something in the block was not understood.
    fn must_have(&mut self, owner: &Statement, what: &str, help: &str) {
        if !owner.is_damaged() && owner.block.is_some() {
            let message = format!("`{}` has no `{what}`", owner.form.keyword);
            self.problems.push(Diagnostic::new(Code::Missing, message, owner.span, format!("no `{what}` in this block")).help(help));
        }
    }
}
