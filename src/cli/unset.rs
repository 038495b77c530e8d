//! Variables without a value as diagnostics, with their places in the compose files.

use crate::diagnostic::{Code, Diagnostic};
use crate::engine::Unset;
use crate::source::{SourceMap, Span};
use std::path::Path;

/// One warning for each. `plan` is the plan's path: compose files are relative to its folder.
pub(super) fn diagnostics(unset: &[Unset], plan: &Path, sources: &SourceMap) -> Vec<Diagnostic> {
    let folder = plan.parent().unwrap_or(Path::new(""));
    let warning = |one: &Unset| {
        let file = sources.find(&folder.join(&one.path))?;
        let name = &one.variable.name.value;
        let message = format!("the variable `{name}` has no default and is not in the app's environment");
        let label = match (one.variable.required, one.more) {
            (true, _) => "compose refuses the file without it".to_owned(),
            (false, 0) => "becomes nothing".to_owned(),
            (false, 1) => "becomes nothing, here and in 1 more place".to_owned(),
            (false, more) => format!("becomes nothing, here and in {more} more places"),
        };
        let place = Span::new(file, one.variable.name.span.range());
        let help = format!("add {name} to the app's environment in Dokploy; if it is meant to be empty, write `${{{name}:-}}`");
        Some(Diagnostic::new(Code::VariableUnset, message, place, label).help(help))
    };
    unset.iter().filter_map(warning).collect()
}
