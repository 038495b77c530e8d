//! The text of the plan, line by line, laid out as the language's formatter leaves it.

use super::Draft;

/// Lines are kept within so many columns where they can be.
const COLUMNS: usize = 100;

/// What a guessed line ends with.
const GUESS: &str = " # guess";

/// A text that is being written.
#[derive(Debug, Default)]
pub(super) struct Writer {
    text: String,
    depth: usize,
    guesses: usize,
}

impl Writer {
    /// What is written so far.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// An empty line.
    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A statement.
    pub(super) fn line(&mut self, statement: &str) {
        self.indent();
        self.text.push_str(statement);
        self.text.push('\n');
    }

    /// A statement, with the mark of a guess if it is one.
    pub(super) fn marked(&mut self, statement: &str, guessed: bool) {
        self.guesses += usize::from(guessed);
        self.line(&format!("{statement}{}", if guessed { GUESS } else { "" }));
    }

    /// The beginning of a block.
    pub(super) fn open(&mut self, head: &str) {
        self.line(&format!("{head} {{"));
        self.depth += 1;
    }

    /// The end of a block.
    pub(super) fn close(&mut self) {
        self.depth -= 1;
        self.line("}");
    }

    /// An expectation with what it demands, in one line if it fits. `from` says where it comes from; `None` marks it as a guess.
    pub(super) fn expect(&mut self, probe: &str, demand: Option<&str>, from: Option<&str>) {
        let whole = demand.map_or_else(|| format!("expect {probe}"), |demand| format!("expect {probe} {{ {demand} }}"));
        let mark = from.map_or_else(|| GUESS.to_owned(), |from| format!(" # {from}"));
        self.guesses += usize::from(from.is_none());
        let columns = |text: &str| 2 * self.depth + text.chars().count();
        match demand {
            Some(demand) if columns(&whole) + mark.len() > COLUMNS => {
                self.line(&format!("expect {probe} {{"));
                self.depth += 1;
                self.line(&format!("{demand}{mark}"));
                self.close();
            }
            _ => self.line(&format!("{whole}{mark}")),
        }
    }

    /// A comment of its own, broken to fit. An empty one is the empty line of a longer comment.
    pub(super) fn comment(&mut self, text: &str) {
        let room = COLUMNS - 2 * self.depth;
        let mut line = String::from("#");
        for word in text.split_whitespace() {
            if line.len() > 1 && line.chars().count() + 1 + word.chars().count() > room {
                self.line(&std::mem::replace(&mut line, String::from("#")));
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    /// A line of a comment as it is.
    pub(super) fn verbatim(&mut self, text: &str) {
        self.line(&format!("# {text}"));
    }

    /// Blocks that were written apart.
    pub(super) fn append(&mut self, blocks: &Self) {
        self.text.push_str(&blocks.text);
        self.guesses += blocks.guesses;
    }

    pub(super) fn into_draft(self) -> Draft {
        Draft { text: self.text, guesses: self.guesses }
    }

    fn indent(&mut self) {
        for _ in 0..self.depth {
            self.text.push_str("  ");
        }
    }
}

/// A name, in quotes where it is no bare one. A name in quotes is taken as it stands: what cannot stand there is left out of it.
pub(super) fn name(text: &str) -> String {
    let mut bytes = text.bytes();
    let begins = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    let bare = begins && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if bare { text.to_owned() } else { format!("\"{}\"", text.replace(['"', '\\', '\n', '\r'], "-")) }
}

/// A string that means this text and nothing else.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' | '{' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // No escape stands for them, and no name is worse off without.
            other if other.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// `a`, `a and b`, `a, b and 3 more`.
pub(super) fn joined(items: &[&str], most: usize) -> String {
    let shown = &items[..items.len().min(most)];
    match (shown.split_last(), items.len() - shown.len()) {
        (None, _) => String::new(),
        (Some((last, [])), 0) => (*last).to_owned(),
        (Some((last, before)), 0) => format!("{} and {last}", before.join(", ")),
        (Some(_), more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A text from a file that may stand in a comment: on one line.
pub(super) fn one_line(text: &str) -> String {
    text.split(|character: char| character.is_control() || character.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The same, for a comment.
pub(super) fn listed(items: &[&str], most: usize) -> String {
    let items: Vec<String> = items.iter().map(|item| one_line(item)).collect();
    joined(&items.iter().map(String::as_str).collect::<Vec<_>>(), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        for (text, written) in [
            ("web", "web"),
            ("_a-B_2", "_a-B_2"),
            ("web.1", "\"web.1\""),
            ("01-infra", "\"01-infra\""),
            ("", "\"\""),
            ("{a} $b", "\"{a} $b\""),
            ("a \"b\" \\", "\"a -b- -\""),
        ] {
            assert_eq!(name(text), written);
        }
    }

    #[test]
    fn strings_mean_what_they_are_of() {
        assert_eq!(quoted("a \"b\" {c} $d \\\n"), r#""a \"b\" \{c} $d \\\n""#);
    }

    #[test]
    fn comments_are_broken_to_fit() {
        let mut out = Writer::default();
        out.comment(&"word ".repeat(50));
        assert!(out.text().lines().all(|line| line.starts_with("# word") && line.len() <= COLUMNS), "{}", out.text());
        assert!(out.text().lines().count() == 3);
    }

    #[test]
    fn an_expectation_that_does_not_fit_takes_three_lines() {
        let mut out = Writer::default();
        out.expect("http \"http://x/\"", Some("status == 200"), None);
        out.expect(&format!("http \"http://x/{}\"", "y".repeat(80)), Some("status == 200"), None);
        let lines: Vec<&str> = out.text().lines().collect();
        assert_eq!(lines[0], "expect http \"http://x/\" { status == 200 } # guess");
        assert_eq!(lines[2..], ["  status == 200 # guess", "}"]);
    }
}
