//! Secrets out of whatever is shown: values are replaced by the name of what holds them, in each form that a log may show them in.

use super::dotenv;
use super::percent::percent_encoded;
use std::collections::BTreeMap;
use std::fmt;

/// Values of an app's environment that are shorter are shown: `true`, `8000` and `redis` are no secrets, and masking them would make
/// logs unreadable.
pub const SHORTEST_ENVIRONMENT_VALUE: usize = 6;

/// Secrets that are shorter are not masked: they would be found everywhere.
const SHORTEST_SECRET: usize = 3;

/// A form that tells less than so many characters of a value is left out.
const SHORTEST_BASE64: usize = 6;

/// Values that must not be shown. Its `Debug` form shows none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Masks {
    /// What to look for, and what stands in its place.
    needles: BTreeMap<String, String>,
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masks({})", self.needles.len())
    }
}

impl Masks {
    /// Hides a value that the plan takes with `secret()`, the key included.
    pub fn add_secret(&mut self, value: &str) {
        if value.chars().count() >= SHORTEST_SECRET {
            self.add(value, "[secret]");
        }
    }

    /// Hides the values of a dotenv text.
    pub fn add_environment(&mut self, text: &str) {
        for (name, value) in dotenv::entries(text) {
            if value.chars().count() >= SHORTEST_ENVIRONMENT_VALUE {
                self.add(&value, &format!("[${name}]"));
            }
        }
    }

    /// Hides whatever another set hides too.
    pub fn merge(&mut self, other: &Self) {
        for (needle, label) in &other.needles {
            self.needles.entry(needle.clone()).or_insert_with(|| label.clone());
        }
    }

    /// The text without the values.
    pub fn apply(&self, text: &str) -> String {
        let mut hits: Vec<(usize, usize, &str)> = Vec::new();
        for (needle, label) in &self.needles {
            hits.extend(text.match_indices(needle).map(|(at, found)| (at, at + found.len(), label.as_str())));
        }
        // Longest first at one place; what overlaps is hidden as one, so that no part of either is left.
        hits.sort_by_key(|&(from, to, _)| (from, usize::MAX - to));
        let mut shown = String::with_capacity(text.len());
        let mut past = 0;
        for (from, to, label) in hits {
            if from >= past {
                shown.push_str(&text[past..from]);
                shown.push_str(label);
            }
            past = past.max(to);
        }
        shown.push_str(&text[past..]);
        shown
    }

    fn add(&mut self, value: &str, label: &str) {
        for form in forms(value) {
            self.needles.entry(form).or_insert_with(|| label.to_owned());
        }
        // Logs come line by line, and a client may log the password of a URL alone.
        let lines = value.lines().map(str::trim).filter(|line| value.contains('\n') && line.len() >= SHORTEST_ENVIRONMENT_VALUE);
        for part in lines.chain(password_of(value)) {
            for form in forms(part) {
                self.needles.entry(form).or_insert_with(|| label.to_owned());
            }
        }
    }
}

/// The forms that a value may show up in: as it is, in a URL, in JSON, in base64.
fn forms(value: &str) -> Vec<String> {
    let upper = percent_encoded(value);
    let mut forms = vec![value.to_owned(), lowercase_escapes(&upper), upper.replace("%20", "+"), upper];
    forms.push(serde_json::Value::from(value).to_string().trim_matches('"').to_owned());
    forms.extend(base64_forms(value.as_bytes()));
    forms.retain(|form| !form.is_empty());
    forms
}

/// `%2F` as `%2f`: both are written.
fn lowercase_escapes(encoded: &str) -> String {
    let mut escape = 0;
    encoded
        .chars()
        .map(|c| {
            escape = if c == '%' { 3 } else { escape };
            let shown = if escape > 0 { c.to_ascii_lowercase() } else { c };
            escape = i32::max(escape - 1, 0);
            shown
        })
        .collect()
}

fn password_of(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    (password.len() >= SHORTEST_ENVIRONMENT_VALUE).then_some(password)
}

/// The characters that a value is sure to become in base64, wherever in a longer text it stands: at each of the three alignments, those
/// that depend on it alone.
fn base64_forms(value: &[u8]) -> Vec<String> {
    const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut forms = Vec::new();
    for before in 0..3 {
        let bits = before * 8;
        let end = bits + value.len() * 8;
        let (first, last) = (usize::div_ceil(bits, 6), end / 6);
        let form: String = (first..last)
            .map(|sextet| {
                let bit = |at: usize| value[(at - bits) / 8] >> (7 - (at - bits) % 8) & 1;
                let index = (sextet * 6..sextet * 6 + 6).fold(0, |index, at| index << 1 | bit(at));
                char::from(STANDARD[usize::from(index)])
            })
            .collect();
        if form.len() >= SHORTEST_BASE64 {
            forms.push(form.replace('+', "-").replace('/', "_"));
            forms.push(form);
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use super::Masks;
    use proptest::prelude::*;

    fn masks(environment: &str) -> Masks {
        let mut masks = Masks::default();
        masks.add_environment(environment);
        masks
    }

    #[test]
    fn a_value_is_hidden_in_every_form() {
        let masks = masks("PASSWORD='p@ss w/rd+1'\nPORT=8000");
        for shown in ["p@ss w/rd+1", "p%40ss%20w%2Frd%2B1", "p%40ss%20w%2frd%2b1", "p%40ss+w%2Frd%2B1"] {
            assert_eq!(masks.apply(&format!("a {shown} b 8000")), "a [$PASSWORD] b 8000", "{shown}");
        }
        // printf 'user:p@ss w/rd+1' | base64, and with one and two characters before it.
        for encoded in ["dXNlcjpwQHNzIHcvcmQrMQ==", "eHBAc3Mgdy9yZCsx", "eHhwQHNzIHcvcmQrMQ=="] {
            let shown = masks.apply(encoded);
            assert!(shown.contains("[$PASSWORD]") && shown.len() < encoded.len(), "{encoded} became {shown}");
        }
    }

    #[test]
    fn a_password_inside_a_url_is_hidden_alone_too() {
        let masks = masks("DATABASE_URL=postgres://app:hunter22@db:5432/app");
        assert_eq!(masks.apply("auth failed for hunter22"), "auth failed for [$DATABASE_URL]");
    }

    #[test]
    fn overlapping_values_leave_nothing_behind() {
        let masks = masks("A=abcdefgh\nB=efghijkl");
        assert_eq!(masks.apply("-abcdefghijkl-"), "-[$A]-");
    }

    #[test]
    fn lines_of_a_long_value_are_hidden_one_by_one() {
        let masks = masks("KEY=\"-----BEGIN-----\\nMIIEvQIBADANBg\\n-----END-----\"");
        assert_eq!(masks.apply("read MIIEvQIBADANBg"), "read [$KEY]");
    }

    #[test]
    fn short_values_are_shown_and_debug_shows_none() {
        let mut masks = masks("DEBUG=true");
        masks.add_secret("hunter2");
        assert_eq!(masks.apply("true hunter2"), "true [secret]");
        assert!(!format!("{masks:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn no_text_keeps_a_value(value in "[!-~]{6,20}", before in "[ -~é]{0,20}", after in "[ -~é]{0,20}") {
            let mut masks = Masks::default();
            masks.add_secret(&value);
            prop_assume!(!"[secret]".contains(&value));
            let shown = masks.apply(&format!("{before}{value}{after}"));
            let left = shown.replace("[secret]", "\n");
            prop_assert!(!left.contains(&value), "{}", left);
        }
    }
}
