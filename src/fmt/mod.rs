//! One style for every plan: blanks, line ends and blank lines are laid anew, the words and comments are the author's.
//!
//! The statements come from the syntax tree and their words from the text, so that a string, a pattern or a number is never written
//! anew. What comes out is read again, and must say the same.

mod head;
mod layout;
mod line_ends;

use crate::diagnostic::Diagnostic;
use crate::source::{FileId, SourceMap};
use crate::syntax::{self, Said};

/// Before each line of a block, once a level.
const INDENTATION: &str = "  ";

/// A block on one line may reach this column; a longer one is opened.
const WIDTH: usize = 100;

/// Why a text was not formatted.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// It cannot be read as a plan: what is wrong with it, never empty.
    Unreadable(Vec<Diagnostic>),
    /// What came out would not say the same. This is a bug in this layer.
    Altered,
}

/// The text in the one style.
///
/// # Errors
/// What of the text cannot be read. Names that nothing declares, values out of range and the like do not matter here.
///
/// # Panics
/// The outcome would not say the same as the text: a bug.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    match format_file(SourceMap::default().add("rollout.plan", ""), text) {
        Ok(formatted) => Ok(formatted),
        Err(Refusal::Unreadable(problems)) => Err(problems),
        Err(Refusal::Altered) => panic!("formatting changed what a plan says"),
    }
}

/// The text of a file in the one style.
///
/// # Errors
/// What of the text cannot be read, pointing into the file; or that the outcome would not say the same.
pub fn format_file(file: FileId, text: &str) -> Result<String, Refusal> {
    let (parsed, said) = syntax::parse_with_said(file, text);
    if !parsed.problems.is_empty() {
        return Err(Refusal::Unreadable(parsed.problems));
    }
    says_the_same(file, &said, layout::lay_out(text, &parsed.ast))
}

/// The outcome, if it says what the text says.
fn says_the_same(file: FileId, said: &Said<'_>, formatted: String) -> Result<String, Refusal> {
    let (again, says) = syntax::parse_with_said(file, &formatted);
    let same = says == *said && again.problems.is_empty();
    if same { Ok(formatted) } else { Err(Refusal::Altered) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_that_says_something_else_is_held_back() {
        let file = SourceMap::default().add("rollout.plan", "");
        let text = "gate   a { approve \"b\" } # c\n";
        let (_, said) = syntax::parse_with_said(file, text);
        let held_back = |outcome: &str| says_the_same(file, &said, outcome.to_owned());
        assert_eq!(held_back("gate a { approve \"b\" } # c\n").as_deref(), Ok("gate a { approve \"b\" } # c\n"));
        for outcome in [
            "",
            "gate a { approve \"b\" }\n",
            "# c\ngate a { approve \"b\" }\n",
            "gate a { approve 'b' } # c\n",
            "gate a\n{ approve \"b\" } # c\n",
        ] {
            assert_eq!(held_back(outcome), Err(Refusal::Altered), "{outcome}");
        }
    }
}
