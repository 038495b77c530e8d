//! GitHub's workflow commands: lines of a step's log that become annotations. What others said must neither end one nor begin one.

use super::safe;
use std::fmt::Write as _;

/// How bad an annotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something is not as it has to be.
    Error,
    /// Worth knowing.
    Warning,
    /// Good to know.
    Notice,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// Where an annotation belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The file, from the repository's root on.
    pub file: String,
    /// First and last line, from 1.
    pub lines: Option<(usize, usize)>,
    /// First and last column, from 1: only within one line.
    pub columns: Option<(usize, usize)>,
}

/// One command, without its newline. Its message has a line for each of `lines`.
pub fn command(level: Level, place: Option<&Place>, title: &str, lines: &[String]) -> String {
    let mut properties = String::new();
    if let Some(place) = place {
        // Writing to a string cannot fail.
        let _ = write!(properties, "file={},", property(&place.file));
        if let Some((first, last)) = place.lines {
            let _ = write!(properties, "line={first},endLine={last},");
        }
        if let Some((first, last)) = place.columns {
            let _ = write!(properties, "col={first},endColumn={last},");
        }
    }
    let message: Vec<String> = lines.iter().map(|line| data(line)).collect();
    format!("::{} {properties}title={}::{}", level.word(), property(title), message.join("%0A"))
}

/// Text after the second `::`.
pub fn data(text: &str) -> String {
    safe::line(&text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A"))
}

/// The value of a property: `,` ends one, `:` all of them.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A line of a step's log that is no command, whatever others said: one begins with `::`, blanks before it not counted, or holds `##[`.
pub fn defused(line: &str) -> String {
    let line = line.replace("##[", "## [");
    match line.trim_start().strip_prefix("::") {
        Some(rest) => format!("{}: :{rest}", &line[..line.len() - line.trim_start().len()]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What GitHub's runner takes for a command, in short.
    fn is_command(line: &str) -> bool {
        line.trim_start().starts_with("::") || line.contains("##[")
    }

    #[test]
    fn a_command_has_its_place_its_title_and_its_lines() {
        let place = Place { file: "a,b/rollout.plan".to_owned(), lines: Some((3, 3)), columns: None };
        let lines = ["one: 100%".to_owned(), "two\n::error::x".to_owned()];
        assert_eq!(
            command(Level::Error, Some(&place), "core: failed", &lines),
            "::error file=a%2Cb/rollout.plan,line=3,endLine=3,title=core%3A failed::one: 100%25%0Atwo%0A::error::x"
        );
        assert_eq!(command(Level::Notice, None, "t", &[]), "::notice title=t::");
        assert_eq!(data("a\r\nb%"), "a%0D%0Ab%25");
    }

    #[test]
    fn what_would_be_a_command_is_none() {
        assert_eq!(defused("  ::error::x"), "  : :error::x");
        assert_eq!(defused("│ ::error::x"), "│ ::error::x");
        assert_eq!(defused("x ##[group]y"), "x ## [group]y");
    }

    proptest! {
        #[test]
        fn whatever_is_said_there_is_one_command_and_no_other(title in any::<String>(), text in "[ :#\\[%\r\na-c\u{85}\u{2028}]{0,30}") {
            let command = command(Level::Warning, None, &title, std::slice::from_ref(&text));
            prop_assert!(!command.contains(['\n', '\r']));
            prop_assert!(command.starts_with("::warning title="));
            prop_assert!(!is_command(&defused(&safe::line(&text))), "{:?}", defused(&safe::line(&text)));
        }
    }
}
