//! Statements that a block has once.

use super::Lowering;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::Statement;

/// The value of a statement that may be given once, and where it was.
pub(super) struct Once<T>(Option<(T, Span)>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Once<T> {
    pub(super) fn span(&self) -> Option<Span> {
        self.0.as_ref().map(|(_, span)| *span)
    }

    pub(super) fn take(self) -> Option<T> {
        self.0.map(|(value, _)| value)
    }

    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|(value, _)| value)
    }
}

impl Lowering<'_> {
    /// Takes the first value and tells of a second.
    pub(super) fn once<T>(&mut self, slot: &mut Once<T>, value: T, statement: &Statement) {
        match &slot.0 {
            None => slot.0 = Some((value, statement.span)),
            Some((_, first)) => {
                let problem = given_twice(statement.form.keyword, statement.span, *first);
                self.problems.push(problem);
            }
        }
    }
}

/// The diagnostic for a second statement where one is meant.
pub(super) fn given_twice(keyword: &str, again: Span, first: Span) -> Diagnostic {
    Diagnostic::new(Code::GivenTwice, format!("`{keyword}` is given twice"), again, "given again here")
        .label(first, "first given here")
        .help("remove one of them")
}
