//! Text of logs made harmless for a terminal: whatever steers one is taken out, lines are bounded.

/// Characters of a line at most.
const LONGEST_LINE: usize = 2_000;

/// The text without escape sequences and control characters. Of a line that was drawn over (carriage return) the last state stays.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut line_start = 0;
    while let Some(c) = chars.next() {
        match c {
            '\n' => {
                cleaned.push('\n');
                line_start = cleaned.len();
            }
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' if chars.peek().is_some() => cleaned.truncate(line_start),
            '\t' => cleaned.push_str("    "),
            '\u{1b}' => skip_sequence(&mut chars),
            // Also the ones that turn the direction of writing.
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}') => {}
            c => cleaned.push(c),
        }
    }
    cleaned
}

/// The line, cut when it is too long.
pub(super) fn bounded(line: &str) -> String {
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line.to_owned(),
    }
}

/// The rest of an escape sequence: `ESC [ … letter`, `ESC ] … BEL` or `ESC \`, or one character.
fn skip_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.peek().copied() {
        Some('[') => {
            chars.next();
            while let Some(&c) = chars.peek() {
                if c == '\n' {
                    return;
                }
                chars.next();
                if ('\u{40}'..='\u{7e}').contains(&c) {
                    return;
                }
            }
        }
        Some(']' | 'P' | '^' | '_') => {
            while let Some(&c) = chars.peek() {
                if c == '\n' {
                    return;
                }
                chars.next();
                if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                    return;
                }
            }
        }
        Some('\n') | None => {}
        Some(_) => {
            chars.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{bounded, clean};
    use proptest::prelude::*;

    #[test]
    fn takes_out_what_steers_a_terminal() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m\tx\u{7}"), "red    x");
        assert_eq!(clean("\u{1b}]0;title\u{7}a\u{1b}]8;;u\u{1b}\\b"), "ab");
        assert_eq!(clean("10%\r50%\r100%\r\nnext\r\n"), "100%\nnext\n");
        assert_eq!(clean("a\u{202e}b"), "ab");
        assert_eq!(bounded(&"é".repeat(3_000)).chars().count(), 2_002);
    }

    proptest! {
        #[test]
        fn leaves_no_control_character_and_loses_no_line(text in "[a\u{1b}\\[\\]\r\n\u{7}\u{9b}m;é]{0,60}") {
            let cleaned = clean(&text);
            prop_assert!(cleaned.chars().all(|c| c == '\n' || !c.is_control()));
            prop_assert_eq!(cleaned.matches('\n').count(), text.matches('\n').count());
        }
    }
}
