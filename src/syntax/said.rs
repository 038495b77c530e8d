//! What a text says, blanks and line ends aside: what a formatter is held to.

use super::grammar::Rule;
use pest::Token;
use pest::iterators::Pairs;

/// The statements, words and comments of a text in their order, comparable with another's. Blanks, line ends, commas and a byte order mark
/// do not count; neither do blanks at the end of a comment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said<'t> {
    /// Where each rule of the grammar begins and ends among the others, and at the end of each that has no parts, its words.
    marks: Vec<(Rule, bool, &'t str)>,
}

impl<'t> Said<'t> {
    pub(super) fn of(text: &'t str, pairs: Pairs<'_, Rule>) -> Self {
        let mut begun: Option<usize> = None;
        let marks = pairs.tokens().map(|token| match token {
            Token::Start { rule, pos } => {
                begun = Some(pos.pos());
                (rule, true, "")
            }
            // What just began and ends already has no parts; of an empty list the brackets are not words.
            Token::End { rule: Rule::statuses, .. } => {
                begun = None;
                (Rule::statuses, false, "")
            }
            Token::End { rule, pos } => (rule, false, begun.take().map_or("", |start| text[start..pos.pos()].trim_end())),
        });
        Self { marks: marks.collect() }
    }
}

#[cfg(test)]
mod tests {
    use crate::source::SourceMap;
    use crate::syntax::parse_with_said;

    fn same(one: &str, other: &str) -> bool {
        let file = SourceMap::default().add("rollout.plan", "");
        parse_with_said(file, one).1 == parse_with_said(file, other).1
    }

    #[test]
    fn blanks_and_line_ends_do_not_count() {
        for (one, other) in [
            ("rollout x", "\u{feff}rollout\t x\r\n\n"),
            ("gate a { approve \"b\" }", "gate a{\n  approve   \"b\"\n}"),
            ("status in [200,302] # c", "status in [\n  200,\n  302\n]   # c  "),
            ("status in [200 # c\n, 302]", "status in [200, # c\n 302]"),
            ("status in []", "status in [\n]"),
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
