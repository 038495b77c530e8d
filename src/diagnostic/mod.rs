//! Diagnostics as plain data: what is wrong, where, and how to mend it. `report` renders them; nothing here knows a terminal.

mod code;
mod suggest;

pub use code::Code;
pub use suggest::{Patience, nearest};

use crate::source::Span;

/// How bad it is. Errors make a plan invalid (exit 2); warnings do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The plan cannot be run.
    Error,
    /// Worth knowing before it is run.
    Warning,
}

/// A place and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// A short phrase; may be empty.
    pub text: String,
}

/// One finding about the user's input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// What is wrong: one line, lowercase, no full stop, naming the thing.
    pub message: String,
    /// The place that decides order and header.
    pub primary: Label,
    /// Further places, in this file or another (the plan and a compose file).
    pub labels: Vec<Label>,
    /// An action, best as text that can be pasted.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A finding with its primary place.
    pub fn new(code: Code, message: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        Self { code, message: message.into(), primary: Label { span, text: label.into() }, labels: Vec::new(), help: None }
    }

    /// Adds a further place.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Sets the remedy.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Follows from the code.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

/// Sorts by file and place and drops doubles: the order in which findings are shown.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| (a.primary.span, a.code, &a.message).cmp(&(b.primary.span, b.code, &b.message)));
    diagnostics.dedup();
}
