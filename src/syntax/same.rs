//! Whether two texts say the same, blanks and line ends aside: what a formatter is held to.

use super::grammar::{Grammar, Rule};
use pest::{Parser as _, Token};

/// Whether two texts have the same statements, words and comments in the same order. Blanks, line ends, commas and a byte order mark do
/// not count; neither do blanks at the end of a comment. Texts that are too deeply nested to be read say nothing, so are never the same.
pub fn same(one: &str, other: &str) -> bool {
    match (marks(one), marks(other)) {
        (Some(one), Some(other)) => one.eq(other),
        _ => false,
    }
}

/// Where each rule of the grammar begins and ends in the text, and at the end of each that has no parts, its words.
fn marks(text: &str) -> Option<impl Iterator<Item = (Rule, bool, &str)>> {
    let pairs = Grammar::parse(Rule::file, text).ok()?;
    let mut begun: Option<usize> = None;
    let marks: Vec<_> = pairs
        .tokens()
        .map(|token| match token {
            Token::Start { rule, pos } => {
                begun = Some(pos.pos());
                (rule, true, "")
            }
            // What just began and ends already has no parts.
            Token::End { rule, pos } => (rule, false, begun.take().map_or("", |start| text[start..pos.pos()].trim_end())),
        })
        .collect();
    Some(marks.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_line_ends_do_not_count() {
        for (one, other) in [
            ("rollout x", "\u{feff}rollout\t x\r\n\n"),
            ("gate a { approve \"b\" }", "gate a{\n  approve   \"b\"\n}"),
            ("status in [200,302] # c", "status in [\n  200,\n  302\n]   # c  "),
            ("status in [200 # c\n, 302]", "status in [200, # c\n 302]"),
            ("expect container { running }", "expect container{ running}"),
        ] {
            assert!(same(one, other), "{one}");
        }
    }

    #[test]
    fn words_comments_and_their_order_do() {
        for (one, other) in [
            ("rollout x", "rollout y"),
            ("note \"a b\"", "note \"a  b\""),
            ("note \"a\"", "note 'a'"),
            ("# a\n# b", "# b\n# a"),
            ("# a b", "# a  b"),
            ("soak 30s # a", "# a\nsoak 30s"),
            ("gate a { }\nsoak 1s", "gate a { soak 1s }"),
            ("needs a, b", "needs b, a"),
            ("status in [200, 302]", "status in [200..302]"),
            ("soak 1s", "soak 1s\nsoak 1s"),
        ] {
            assert!(!same(one, other), "{one}");
        }
    }
}
