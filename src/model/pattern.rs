//! Patterns of the plan: `/…/`, compiled once when the plan is read.

use std::fmt;

/// Bytes that a compiled pattern may take: a pattern is one line of a plan, and this is more than any sensible one needs.
const LARGEST: usize = 1024 * 1024;

/// A pattern. It is searched for, not anchored, and takes time that grows with the text whatever it says.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    compiled: regex::bytes::Regex,
}

impl Pattern {
    /// Reads a pattern, the slashes left out.
    ///
    /// # Errors
    /// One line that says what is wrong with it.
    pub fn new(source: &str) -> Result<Self, String> {
        match regex::bytes::RegexBuilder::new(source).size_limit(LARGEST).build() {
            Ok(compiled) => Ok(Self { source: source.to_owned(), compiled }),
            Err(regex::Error::CompiledTooBig(_)) => Err("too large: fewer or smaller repetitions".to_owned()),
            Err(error) => {
                let text = error.to_string();
                let last = text.lines().next_back().unwrap_or_default();
                Err(last.trim_start_matches("error: ").to_owned())
            }
        }
    }

    /// Whether it is found in a text.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.compiled.is_match(text)
    }

    /// Whether it is found in every text, the empty one included, as far as can be told by trying.
    pub fn takes_everything(&self) -> bool {
        ["", "\u{1}", "zQ7\n\u{e9} -"].iter().all(|text| self.is_match(text.as_bytes()))
    }
}

/// As the plan writes it.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.source)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_found_anywhere_and_what_is_wrong_is_one_line() {
        let pattern = Pattern::new(r"^ok\/\d+$").expect("a pattern");
        assert!(pattern.is_match(b"ok/15") && !pattern.is_match(b"not ok/15"));
        assert_eq!(pattern.to_string(), r"/^ok\/\d+$/");
        assert_eq!(Pattern::new("(").unwrap_err(), "unclosed group");
        assert!(Pattern::new("(?:a{1000}){1000}").unwrap_err().starts_with("too large"));
    }

    #[test]
    fn what_takes_everything_is_known() {
        for all in ["a*", "", ".*", "x?|y", "(ok)?"] {
            assert!(Pattern::new(all).expect(all).takes_everything(), "{all}");
        }
        for some in ["ok", "^$", "^a*$", "."] {
            assert!(!Pattern::new(some).expect(some).takes_everything(), "{some}");
        }
    }
}
