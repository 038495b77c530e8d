//! A scenario whose names are known to be the plan's.

use crate::diagnostic::Diagnostic;
use crate::source::{Span, Spanned};
use crate::syntax::Wanted;
use crate::world::Fault;

/// What a file of scenarios came to.
#[derive(Clone, Debug, Default)]
pub struct Staged {
    /// The scenarios in the order written. Only those of a file without errors may be played.
    pub scenarios: Vec<Scenario>,
    /// Everything that is wrong with the file, sorted.
    pub diagnostics: Vec<Diagnostic>,
}

/// One scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name, and where it is given.
    pub name: Spanned<String>,
    /// What it is about, for people.
    pub note: Option<String>,
    /// What goes wrong, each with the line that says so.
    pub faults: Vec<Spanned<Fault>>,
    /// What must come of it.
    pub expected: Vec<Expected>,
}

impl Scenario {
    /// What goes wrong, as a world takes it.
    pub fn faults(&self) -> Vec<Fault> {
        self.faults.iter().map(|fault| fault.value.clone()).collect()
    }
}

/// One `expect` of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// What.
    pub wanted: Wanted,
    /// As it is written, blanks aside.
    pub text: String,
    /// Where.
    pub span: Span,
}
