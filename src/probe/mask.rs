//! Text from outside, made fit to be shown: secrets masked, nothing left that a terminal would obey.

use std::fmt;
use std::fmt::Write as _;

/// What stands in a secret's place.
const MASK: &str = "[secret]";

/// Secret values to be masked wherever text from outside is shown or kept.
#[derive(Clone, Default)]
pub struct Masks {
    /// Every spelling of every secret, longest first, so that a secret inside another leaves nothing of the longer one.
    spellings: Vec<String>,
}

impl Masks {
    /// Masks for these values. Empty ones are left out.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut masks = Self::default();
        masks.add(secrets);
        masks
    }

    /// Adds values.
    pub fn add(&mut self, secrets: impl IntoIterator<Item = String>) {
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            let json = serde_json::to_string(&secret).unwrap_or_default();
            self.spellings.push(json.trim_matches('"').to_owned());
            self.spellings.push(percent_encoded(&secret));
            self.spellings.push(secret);
        }
        self.spellings.retain(|spelling| !spelling.is_empty());
        self.spellings.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.spellings.dedup();
    }

    /// The text with every secret masked. To be done before the text is shortened: a secret cut in two would not be found.
    pub fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for spelling in &self.spellings {
            if masked.contains(spelling.as_str()) {
                masked = masked.replace(spelling.as_str(), MASK);
            }
        }
        masked
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masks({})", self.spellings.len())
    }
}

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

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a string cannot fail");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_in_every_spelling_and_the_longer_one_first() {
        let masks = Masks::new(["hunter2".into(), "hunter2/éx".into(), String::new(), "a\"b".into()]);
        assert_eq!(masks.mask("x hunter2 y hunter2/éx z"), "x [secret] y [secret] z");
        assert_eq!(masks.mask("?k=hunter2%2F%C3%A9x"), "?k=[secret]");
        assert_eq!(masks.mask(r#"{"p":"a\"b"}"#), r#"{"p":"[secret]"}"#);
        assert_eq!(format!("{masks:?}").matches("hunter").count(), 0);
    }

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
