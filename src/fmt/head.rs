//! The words of one statement, its block aside: one blank between them, a list on one line or one item a line.

use super::INDENTATION;

/// A piece of a statement. What a word is does not matter here: strings, patterns and literals are kept byte for byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'t> {
    Word(&'t str),
    Open(&'t str),
    Close(&'t str),
    Comma,
    Comment(&'t str),
    LineEnd,
}

/// What comes before the next token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    None,
    Blank,
    Line,
}

/// Writes a statement of `level`, whose indentation is written already. A list in which the author began a new line gets one item a
/// line; so does one with a comment, which runs to the end of its line.
pub(super) fn write(text: &str, level: usize, out: &mut String) {
    let mut tokens = tokens(text);
    commas_first(&mut tokens);
    let (broken, outside) = broken(&tokens);
    // The brackets that are open, and whether each has an item a line.
    let mut open: Vec<bool> = Vec::new();
    let line = |out: &mut String, deeper: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n(INDENTATION, level + deeper));
    };
    let mut gap = Gap::None;
    let mut previous = None;
    for (at, token) in tokens.iter().enumerate() {
        let deeper = open.iter().filter(|broken| **broken).count();
        let begin = |out: &mut String| match gap {
            Gap::None => {}
            Gap::Blank => out.push(' '),
            // A list of names has no bracket: what follows its first line is indented under it.
            Gap::Line => line(out, deeper.max(1)),
        };
        gap = match *token {
            Token::LineEnd => gap,
            Token::Word(word) => {
                begin(out);
                out.push_str(word);
                Gap::Blank
            }
            Token::Open(bracket) => {
                if bracket == "[" {
                    begin(out);
                }
                out.push_str(bracket);
                open.push(broken[at]);
                if broken[at] { Gap::Line } else { Gap::None }
            }
            Token::Close(bracket) => {
                if open.pop() == Some(true) {
                    line(out, deeper - 1);
                }
                out.push_str(bracket);
                Gap::Blank
            }
            Token::Comma => {
                out.push(',');
                if open.last().copied().unwrap_or(outside) { Gap::Line } else { Gap::Blank }
            }
            Token::Comment(comment) => {
                if previous == Some(Token::LineEnd) {
                    line(out, deeper.max(1));
                } else {
                    out.push(' ');
                }
                out.push_str(comment.trim_end());
                Gap::Line
            }
        };
        previous = Some(*token);
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '/' => quoted(rest, first, true),
            '\'' => quoted(rest, first, false),
            '#' => rest.find(['\n', '\r']).unwrap_or(rest.len()),
            '=' | '!' | '<' | '>' => 1 + usize::from(rest[1..].starts_with('=')),
            ' ' | '\t' | '\n' | '\r' | '[' | ']' | '(' | ')' | ',' => 1,
            _ => rest.find([' ', '\t', '\n', '\r', '"', '\'', '/', '#', '=', '!', '<', '>', '[', ']', '(', ')', ',']).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        tokens.push(match first {
            ' ' | '\t' => continue,
            '\n' | '\r' => Token::LineEnd,
            '#' => Token::Comment(token),
            '[' | '(' => Token::Open(token),
            ']' | ')' => Token::Close(token),
            ',' => Token::Comma,
            _ => Token::Word(token),
        });
    }
    tokens
}

/// The length of what begins with a quote, to its other one.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut after_backslash = false;
    for (at, char) in text.char_indices().skip(1) {
        if char == quote && !after_backslash {
            return at + char.len_utf8();
        }
        after_backslash = escapes && char == '\\' && !after_backslash;
    }
    text.len()
}

/// A comma follows its item at once: comments and line ends that stood before it come after it.
fn commas_first(tokens: &mut [Token<'_>]) {
    let mut after_item = 0;
    for at in 0..tokens.len() {
        match tokens[at] {
            Token::Comma => {
                tokens[after_item..=at].rotate_right(1);
                after_item += 1;
            }
            Token::Comment(_) | Token::LineEnd => {}
            _ => after_item = at + 1,
        }
    }
}

/// Which opening brackets, by their place, have an item a line, and whether the list outside all brackets has.
fn broken(tokens: &[Token<'_>]) -> (Vec<bool>, bool) {
    /// A bracket that is open: where, whether a line ended in it, whether anything stands in it.
    #[derive(Default)]
    struct Group {
        at: usize,
        line_end: bool,
        holds: bool,
    }
    let mut broken = vec![false; tokens.len()];
    let mut outside = Group::default();
    let mut open: Vec<Group> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let group = open.last_mut().unwrap_or(&mut outside);
        match token {
            Token::LineEnd => group.line_end = true,
            Token::Open(_) => {
                group.holds = true;
                open.push(Group { at, ..Group::default() });
            }
            Token::Close(_) => {
                let Some(closed) = open.pop() else { continue };
                broken[closed.at] = closed.line_end && closed.holds;
                open.last_mut().unwrap_or(&mut outside).line_end |= broken[closed.at] && !open.is_empty();
            }
            Token::Word(_) | Token::Comma | Token::Comment(_) => group.holds = true,
        }
    }
    (broken, outside.line_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = String::new();
        write(text, 1, &mut out);
        out
    }

    #[test]
    fn words_are_one_blank_apart_and_kept_as_they_are() {
        for (text, wanted) in [
            ("let  host=env( \"A  B\" ,'c' )", "let host = env(\"A  B\", 'c')"),
            ("time p99.9<2s over\t5m", "time p99.9 < 2s over 5m"),
            ("json '$.a[0] == \"x\"'==-1.5", "json '$.a[0] == \"x\"' == -1.5"),
            ("none matches/a  \\/ [#,]/", "none matches /a  \\/ [#,]/"),
            ("status in[200..299 ,302]", "status in [200..299, 302]"),
            ("exec [ \"a\",env (\"B\") ]", "exec [\"a\", env(\"B\")]"),
            ("note \"a \\\" # b\"", "note \"a \\\" # b\""),
            ("disk free>=10%", "disk free >= 10%"),
            ("status in [\n]", "status in []"),
        ] {
            assert_eq!(written(text), wanted);
        }
    }

    #[test]
    fn a_list_with_a_line_end_has_an_item_a_line() {
        for (text, wanted) in [
            ("status in [200,\n302]", "status in [\n    200,\n    302\n  ]"),
            ("needs a,b,\n c", "needs a,\n    b,\n    c"),
            ("url env(\n\"A\", \"b\")", "url env(\n    \"A\",\n    \"b\"\n  )"),
            ("expect exec [\"a\", env(\n\"B\")]", "expect exec [\n    \"a\",\n    env(\n      \"B\"\n    )\n  ]"),
            ("notify webhook env(\n\"A\") about failure, rollback", "notify webhook env(\n    \"A\"\n  ) about failure, rollback"),
        ] {
            assert_eq!(written(text), wanted);
        }
    }

    #[test]
    fn comments_in_a_list_keep_their_place() {
        for (text, wanted) in [
            ("status in [ # a\n200 # b\n, # c\n302 # d\n# e\n]", "status in [ # a\n    200, # b\n    # c\n    302 # d\n    # e\n  ]"),
            ("needs a, # a\n# b\nb", "needs a, # a\n    # b\n    b"),
            ("status in [ # a\n]", "status in [ # a\n  ]"),
        ] {
            assert_eq!(written(text), wanted);
        }
    }

    #[test]
    fn what_is_no_statement_does_no_harm() {
        for text in ["]", "a)", "[", "\"", "'", "/", "/\\", ",", "#", "=", "é\u{a0}", "[(]", ", ,\n,"] {
            written(text);
        }
    }
}
