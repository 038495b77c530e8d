//! What the language has and this version does not build: refused by name, never ignored.

use super::Lowering;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::{Head, Statement};

impl Lowering<'_> {
    /// Tells of every construct in a statement that is not built. What stands inside one of them is not looked at.
    pub(super) fn not_built(&mut self, statement: &Statement) {
        let Head::Later { construct } = &statement.head else {
            for inner in statement.body() {
                self.not_built(inner);
            }
            return;
        };
        let help = instead(statement.form.keyword);
        let verb = if construct.starts_with('`') { "is" } else { "are" };
        let problem =
            Diagnostic::new(Code::NotBuilt, format!("{construct} {verb} not built yet"), statement.span, "this version cannot do it");
        self.problems.push(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }
}

/// What to write today.
fn instead(keyword: &str) -> Option<&'static str> {
    Some(match keyword {
        "warn" | "observe" => "write `expect` if it should decide, or leave it out",
        "watch" | "notify" => "leave it out",
        _ => return None,
    })
}
