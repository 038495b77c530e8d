//! Text from outside, made fit to be shown: nothing is left in it that a terminal would obey.

/// The first `max` characters of a text on one line: blanks run together, and each control, escape, bidirectional or invisible
/// character replaced by U+FFFD, so that a service cannot write to the operator's terminal.
pub fn safe(text: &str, max: usize) -> String {
    let mut shown = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        let space = usize::from(!shown.is_empty());
        if count + space >= max {
            shown.push('…');
            return shown;
        }
        if space == 1 {
            shown.push(' ');
            count += 1;
        }
        for character in word.chars() {
            if count == max {
                shown.push('…');
                return shown;
            }
            shown.push(if is_unsafe(character) { '\u{FFFD}' } else { character });
            count += 1;
        }
    }
    shown
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061C}' // Arabic letter mark
                | '\u{180E}'
                | '\u{200B}'..='\u{200F}' // zero width, direction marks
                | '\u{2028}'..='\u{202E}' // line and paragraph separators, embeddings and overrides
                | '\u{2060}'..='\u{206F}' // word joiner, isolates
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}' // tags
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_finds_nothing_to_obey() {
        let shown = safe("\u{1b}[31mred\u{1b}]0;title\u{7}\r\n\u{202e}evil\u{2066} \u{9b}1m\u{e0041}", 99);
        assert!(!shown.chars().any(is_unsafe), "{shown:?}");
        assert!(shown.contains("red") && shown.contains("evil"));
    }

    #[test]
    fn text_is_shortened_by_characters_and_says_so() {
        assert_eq!(safe("äöü äöü", 5), "äöü ä…");
        assert_eq!(safe("  a \n\t b  ", 3), "a b");
        assert_eq!(safe("abc def", 3), "abc…");
        assert_eq!(safe("", 3), "");
    }
}
