//! One kind of name: who declares it, who uses it.

use crate::diagnostic::{Code, Diagnostic, Patience};
use crate::source::Span;
use crate::syntax::Name;
use std::collections::BTreeMap;

/// So many valid names are listed where none is near; more would not help.
const LISTED: usize = 8;

/// All names of one kind.
pub(super) struct Names {
    kind: &'static str,
    declared: BTreeMap<String, Declared>,
    /// How many have an index.
    count: usize,
    patience: Patience,
}

struct Declared {
    span: Span,
    /// The place in the plan's list; `None` if the declaration itself was not understood.
    index: Option<usize>,
}

impl Names {
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, declared: BTreeMap::new(), count: 0, patience: Patience::default() }
    }

    /// Declares a name. Every call counts in the order of the plan's list, doubles too.
    pub(super) fn declare(&mut self, name: &Name, problems: &mut Vec<Diagnostic>) {
        let index = self.count;
        self.count += 1;
        if let Some(first) = self.declared.get(&name.value) {
            problems.push(
                Diagnostic::new(
                    Code::DeclaredTwice,
                    format!("{} \"{}\" is declared twice", self.kind, name.value),
                    name.span,
                    "declared again here",
                )
                .label(first.span, "first declared here")
                .help("remove one, or give it another name"),
            );
            return;
        }
        self.declared.insert(name.value.clone(), Declared { span: name.span, index: Some(index) });
    }

    /// Declares a name whose declaration was not understood: using it is no error, and leads nowhere.
    pub(super) fn declare_unusable(&mut self, name: &Name) {
        self.declared.entry(name.value.clone()).or_insert(Declared { span: name.span, index: None });
    }

    /// Whether one was declared twice.
    pub(super) fn has_doubles(&self) -> bool {
        self.count > self.declared.values().filter(|declared| declared.index.is_some()).count()
    }

    /// Whether the name is declared, understood or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.declared.contains_key(name)
    }

    /// All names.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.declared.keys().map(String::as_str)
    }

    /// The name, if there is exactly one.
    pub(super) fn only(&self) -> Option<&str> {
        self.iter().next().filter(|_| self.declared.len() == 1)
    }

    /// Where the name is declared.
    pub(super) fn span(&self, name: &str) -> Option<Span> {
        self.declared.get(name).map(|declared| declared.span)
    }

    /// The declared name that was probably meant.
    pub(super) fn nearest(&self, name: &str) -> Option<&str> {
        self.patience.nearest(name, self.declared.keys().map(String::as_str))
    }

    /// The index of a name. An unknown one is told of once, with the names that would be valid; the nearest stands in for it.
    pub(super) fn resolve(&self, name: &Name, others: &[&Names], problems: &mut Vec<Diagnostic>) -> Option<usize> {
        if let Some(declared) = self.declared.get(&name.value) {
            return declared.index;
        }
        let near = self.nearest(&name.value);
        problems.push(self.unknown(name, near, others));
        near.and_then(|near| self.declared.get(near)).and_then(|declared| declared.index)
    }

    fn unknown(&self, name: &Name, near: Option<&str>, others: &[&Names]) -> Diagnostic {
        let kind = self.kind;
        let article = if kind.starts_with(['a', 'e']) { "an" } else { "a" };
        let message = format!("no {kind} is called \"{}\"", name.value);
        let elsewhere = others.iter().find_map(|other| other.span(&name.value).map(|span| (span, other.kind)));
        if let Some((span, other)) = elsewhere {
            let other_article = if other.starts_with(['a', 'e']) { "an" } else { "a" };
            return Diagnostic::new(Code::UnknownName, message, name.span, format!("not {article} {kind}"))
                .label(span, format!("this is {other_article} {other}"))
                .help(format!("name {article} {kind} here, or declare `{kind} {} {{ … }}`", name.value));
        }
        if let Some(near) = near {
            let problem = Diagnostic::new(Code::UnknownName, message, name.span, format!("did you mean \"{near}\"?"));
            let problem = match self.span(near) {
                Some(span) => problem.label(span, format!("\"{near}\" is declared here")),
                None => problem,
            };
            return problem.help(format!("write `{near}`"));
        }
        let problem = Diagnostic::new(Code::UnknownName, message, name.span, "not declared");
        if self.declared.is_empty() {
            problem.help(format!("declare it: `{kind} {} {{ … }}`", name.value))
        } else if self.declared.len() <= LISTED {
            let valid: Vec<String> = self.declared.keys().map(|name| format!("\"{name}\"")).collect();
            problem.help(format!("declared: {}", valid.join(", ")))
        } else {
            problem
        }
    }
}
