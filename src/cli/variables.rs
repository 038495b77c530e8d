//! Where the plan's variables come from: the process environment, with the sandbox's stand-ins for what is not set.

use super::files::Folder;
use crate::check::Files as _;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Resolved, Text, Unset, Variables};
use crate::probe::PrepareError;
use crate::source::{Span, Spanned};
use std::collections::BTreeMap;
use std::path::Path;

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

/// The text of the file that `ca` names, and where it is named.
pub(super) fn authority(plan: &Path, ca: &Spanned<String>) -> Result<(String, Span), Diagnostic> {
    let text = Folder::of(plan).read(&ca.value);
    text.map(|text| (text, ca.span)).map_err(|_| no_authority("cannot be read any more", ca.span))
}

/// The diagnostic for a file of certificates that is of no use.
pub(super) fn no_authority(why: &str, span: Span) -> Diagnostic {
    let help = "name the PEM file of the certificate authority";
    Diagnostic::new(Code::NoCertificate, format!("the file of certificates {why}"), span, "trusted beside the machine's own roots")
        .help(help)
}

fn not_set(unset: &Unset, span: Span) -> Diagnostic {
    let kind = if unset.secret { "secret" } else { "variable" };
    Diagnostic::new(Code::VariableNotSet, format!("the {kind} `{}` is not set", unset.name), span, "taken from the environment here")
        .help(format!("export {}=… and run it again", unset.name))
}
