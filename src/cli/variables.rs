//! Where the plan's variables come from: the process environment, with the sandbox's stand-ins for what is not set.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Resolved, Text, Unset, Variables};
use crate::source::Spanned;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The process environment.
pub(super) struct Environment;

impl Variables for Environment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

/// The process environment, but for what the sandbox supplies: its own address and key always, anything else that is not set with a
/// stand-in, each told once.
pub(super) struct SandboxVariables {
    /// What the sandbox insists on.
    pub(super) fixed: BTreeMap<String, String>,
    /// Names for which it stood in.
    pub(super) supplied: RefCell<BTreeSet<String>>,
}

impl Variables for SandboxVariables {
    fn get(&self, name: &str) -> Option<String> {
        if let Some(fixed) = self.fixed.get(name) {
            return Some(fixed.clone());
        }
        std::env::var(name).ok().filter(|found| !found.is_empty())
    }
}

/// Resolves a text of the plan, or says what is not set and how to set it.
pub(super) fn resolve(text: &Spanned<Text>, variables: &dyn Variables) -> Result<Resolved, Diagnostic> {
    text.value.resolve(variables).map_err(|unset| not_set(&unset, text))
}

/// The diagnostic for a variable that is required and not set.
pub(super) fn not_set(unset: &Unset, text: &Spanned<Text>) -> Diagnostic {
    let kind = if unset.secret { "secret" } else { "variable" };
    Diagnostic::new(Code::VariableNotSet, format!("{kind} `{}` is not set", unset.name), text.span, "taken from the environment here")
        .help(format!("export {}=… and run it again", unset.name))
}
