//! What a YAML parser says, in the words of somebody who wants to mend the file.

use super::Fault;
use std::ops::Range;

/// A fault from the parser's line of text and the place that it names.
pub(super) fn plain(said: &str, at: Option<Range<usize>>, text: &str) -> Fault {
    Fault { message: said.to_owned(), at, help: None }
}
