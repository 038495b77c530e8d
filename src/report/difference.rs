//! A sentence and the difference of compose texts that follows it, told apart.

/// A sentence and the difference of compose texts that may follow it on the next line. A text that is a difference from its first line on
/// has no sentence.
pub fn sentence_and_diff(text: &str) -> (&str, &str) {
    match text.split_once('\n') {
        Some((first, _)) if first.starts_with("--- ") => ("", text),
        Some((first, rest)) => (first, rest),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_from_its_sentence() {
        assert_eq!(sentence_and_diff("edited"), ("edited", ""));
        assert_eq!(sentence_and_diff("edited:\n--- a\n+++ b\n"), ("edited:", "--- a\n+++ b\n"));
        assert_eq!(sentence_and_diff("--- a\n+++ b\n"), ("", "--- a\n+++ b\n"));
    }
}
