//! Texts of others (logs, names, server messages) made harmless to show: no escape sequence, control or direction character gets through.

use std::fmt::Write as _;

/// The text on one line. Colours are dropped, line breaks become blanks, every other control or invisible character is spelt out.
pub fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.trim_end_matches(['\r', '\n']);
    while let Some(char) = rest.chars().next() {
        if let Some(length) = colour_sequence(rest) {
            rest = &rest[length..];
            continue;
        }
        rest = &rest[char.len_utf8()..];
        match char {
            '\t' => shown.push_str("    "),
            '\n' | '\r' => shown.push(' '),
            char if is_harmful(char) => shown.extend(char.escape_unicode()),
            char => shown.push(char),
        }
    }
    shown
}

/// The text as lines. Of a line that overwrites itself with carriage returns (progress bars), what is left standing.
pub fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(|text| {
            let text = text.trim_end_matches('\r');
            line(text.rsplit('\r').next().unwrap_or(text))
        })
        .collect()
}

/// JSON with every harmful character as an escape: it means the same and does nothing to a terminal.
pub fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if is_harmful(char) {
            for unit in char.encode_utf16(&mut [0; 2]) {
                write!(shown, "\\u{unit:04x}").expect("writing to a string cannot fail");
            }
        } else {
            shown.push(char);
        }
    }
    shown
}

/// Whether showing the text as it is shows nothing but its characters; line feeds are fine.
pub fn is_harmless(text: &str) -> bool {
    !text.chars().any(|char| char != '\n' && is_harmful(char))
}

/// Length of a well-formed `ESC [ … m` at the start: only its colour is lost. Anything else after an ESC is spelt out.
fn colour_sequence(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|char: char| !char.is_ascii_digit() && char != ';' && char != ':')?;
    parameters[end..].starts_with('m').then_some(2 + end + 1)
}

fn is_harmful(char: char) -> bool {
    matches!(
        char,
        // Control characters and DEL.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Marks, embeddings, overrides and isolates of writing direction: text that reads otherwise than it is.
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        // Invisible: soft hyphen, zero-width blanks and joiners, line and paragraph separators, tags.
        | '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn colours_go_and_everything_else_is_spelt_out() {
        assert_eq!(line("\u{1b}[1;31mERROR\u{1b}[0m no\u{7}"), "ERROR no\\u{7}");
        assert_eq!(line("\u{1b}[2J\u{1b}]0;title\u{7}"), "\\u{1b}[2J\\u{1b}]0;title\\u{7}");
        assert_eq!(line("a\u{9b}31mb"), "a\\u{9b}31mb");
        assert_eq!(line("\u{1b}["), "\\u{1b}[");
        assert_eq!(line("rev\u{202e}esrever"), "rev\\u{202e}esrever");
        assert_eq!(line("one\ntwo\tthree\n"), "one two    three");
    }

    #[test]
    fn a_progress_bar_shows_its_last_state() {
        assert_eq!(lines("10%\r50%\r100%\r\nnext"), ["100%", "next"]);
    }

    proptest! {
        #[test]
        fn nothing_harmful_gets_through(text in any::<String>()) {
            prop_assert!(is_harmless(&line(&text)));
            prop_assert!(!line(&text).contains('\n'));
            prop_assert!(lines(&text).iter().all(|text| is_harmless(text)));
        }

        #[test]
        fn json_means_the_same_and_is_harmless(text in any::<String>()) {
            let shown = json(&serde_json::to_string(&text).expect("a string is JSON"));
            prop_assert!(is_harmless(&shown));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).expect("still JSON"), text);
        }

        #[test]
        fn escapes_woven_into_text_do_not_get_through(text in "[\u{1b}\u{9b}\\[\\];0-9mJ\u{202e}\r\u{7}a]{0,40}") {
            prop_assert!(is_harmless(&line(&text)));
        }
    }
}
