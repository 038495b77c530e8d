//! `allow WORD "reason"` in a service.

use super::Lowering;
use super::once::given_twice;
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::model::{Allow, Allowed};
use crate::source::Span;
use crate::syntax::{Name, TextExpr};

impl Lowering<'_> {
    /// Takes one `allow`; a word that means nothing, a second of the same word and an empty reason are told of.
    pub(super) fn allow(&mut self, word: &Name, reason: &TextExpr, span: Span, allows: &mut Vec<Allow>) {
        let given = self.plain(reason);
        let Some(allowed) = Allowed::of(&word.value) else {
            self.problems.push(unknown(word));
            return;
        };
        let Some(given) = given else { return };
        if given.trim().is_empty() {
            let problem = Diagnostic::new(Code::Missing, "an `allow` without a reason", reason.span, "nobody can know why this is meant");
            self.problems.push(problem.help(format!("write why: `allow {allowed} \"reason\"`")));
            return;
        }
        if let Some(first) = allows.iter().find(|other| other.word == allowed) {
            self.problems.push(given_twice(&format!("allow {allowed}"), span, first.span));
            return;
        }
        allows.push(Allow { word: allowed, reason: given, span });
    }
}

fn unknown(word: &Name) -> Diagnostic {
    let words = || Allowed::ALL.iter().map(|allowed| allowed.as_str());
    let message = format!("there is no warning `{}` to allow", word.value);
    let problem = |label: String| Diagnostic::new(Code::UnknownName, &*message, word.span, label);
    if let Some(near) = nearest(&word.value, words()) {
        return problem(format!("did you mean `{near}`?")).help(format!("write `{near}`"));
    }
    let valid: Vec<String> = words().map(|word| format!("`{word}`")).collect();
    problem("no such word".to_owned()).help(format!("write one of {}", valid.join(", ")))
}
