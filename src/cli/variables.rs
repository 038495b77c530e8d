//! Where the plan's variables come from: the process environment, with the sandbox's stand-ins for what is not set.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Resolved, Text, Unset, Variables};
use crate::probe::PrepareError;
use crate::source::{Span, Spanned};
use std::collections::BTreeMap;

/// The process environment.
pub(super) struct Environment;

impl Variables for Environment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// The process environment, with stand-ins for what it does not set.
pub(super) struct SandboxVariables {
    /// The stand-ins by name.
    pub(super) supplied: BTreeMap<String, String>,
}

impl Variables for SandboxVariables {
    fn get(&self, name: &str) -> Option<String> {
        self.supplied.get(name).cloned().or_else(|| Environment.get(name))
    }
}

/// Resolves a text of the plan, or says what is not set and how to set it.
pub(super) fn resolve(text: &Spanned<Text>, variables: &dyn Variables) -> Result<Resolved, Diagnostic> {
    text.value.resolve(variables).map_err(|unset| not_set(&unset, text.span))
}

/// The diagnostic for an expectation that cannot be asked.
pub(super) fn unprepared(error: &PrepareError) -> Diagnostic {
    match error {
        PrepareError::Unset { unset, span } => not_set(unset, *span),
        PrepareError::BadAddress { shown, why, span } => {
            Diagnostic::new(Code::BadAddress, format!("`{shown}` {why}"), *span, "with the variables as they are set now")
        }
    }
}

fn not_set(unset: &Unset, span: Span) -> Diagnostic {
    let kind = if unset.secret { "secret" } else { "variable" };
    Diagnostic::new(Code::VariableNotSet, format!("the {kind} `{}` is not set", unset.name), span, "taken from the environment here")
        .help(format!("export {}=… and run it again", unset.name))
}
