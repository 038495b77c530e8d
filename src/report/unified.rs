//! How two versions of a text differ, as `diff -u` shows it.

use super::line::{Line, Style};
use super::safe;
use similar::TextDiff;
use std::fmt::Write as _;
use std::time::Duration;

/// Finding the shortest difference of two long texts that have little in common takes the square of their length; from then on any will do.
const ENOUGH: Duration = Duration::from_secs(1);

/// The difference, nothing if there is none. It is for people: control characters are spelt out, so a line that ends in `\r\n` shows its `\r`.
pub fn unified(name: &str, before: &str, after: &str, colour: bool) -> String {
    let diff = TextDiff::configure().timeout(ENOUGH).diff_lines(before, after);
    let name = safe::line(name);
    let mut shown = String::new();
    for text in diff.unified_diff().header(&name, &format!("{name} (formatted)")).to_string().split_terminator('\n') {
        let style = match text.chars().next() {
            Some('+') => Style::Good,
            Some('-') => Style::Bad,
            Some('@') => Style::Dim,
            _ => Style::Plain,
        };
        let (text, end) = text.strip_suffix('\r').map_or((text, ""), |text| (text, "\\r"));
        let _ = writeln!(shown, "{}", Line::new().styled(style, format!("{}{end}", safe::line(text))).render(colour));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_shown_and_nothing_else() {
        assert_eq!(unified("a.plan", "x\n", "x\n", false), "");
        let shown = unified("a.plan", "rollout  x\r\n\u{1b}[2J\n", "rollout x\n\u{1b}[2J\n", false);
        assert_eq!(shown, "--- a.plan\n+++ a.plan (formatted)\n@@ -1,2 +1,2 @@\n-rollout  x\\r\n+rollout x\n \\u{1b}[2J\n");
        assert!(unified("a.plan", "x", "y", true).contains("\u{1b}["));
    }
}
