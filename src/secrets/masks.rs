//! Values that must not be shown, and the text without them: each is replaced by the name of what holds it, in each form that a log may show
//! it in. Of a value that looks generated every piece of eight characters is found too: what was split over two lines, or cut off.

use super::dotenv;
use super::percent::percent_encoded;
use super::plain::{is_plain, names_a_secret};
use super::random::{looks_random, tokens};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Values of an app's environment that are shorter are shown: `true`, `8000` and `redis` are no secrets, and masking them would make
/// logs unreadable.
pub const SHORTEST_ENVIRONMENT_VALUE: usize = 6;

/// Secrets that are shorter are not masked: they would be found everywhere.
const SHORTEST_SECRET: usize = 3;

/// A form that tells less than so many characters of a value is left out.
const SHORTEST_BASE64: usize = 6;

/// So much of a generated value is never shown.
const PIECE: usize = 8;

/// So many texts are remembered.
const TEXTS_KEPT: usize = 64;

/// Values that must not be shown. Its `Debug` form shows none; a copy costs nothing until it is changed.
#[derive(Clone, Default)]
pub struct Masks {
    table: Arc<Table>,
    /// What texts were found to hold. Copies share it: what many runs of one plan read is searched once.
    found: Arc<Mutex<BTreeMap<String, Masks>>>,
}

impl PartialEq for Masks {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
    }
}

impl Eq for Masks {}

#[derive(Clone, Default, PartialEq, Eq)]
struct Table {
    /// What to look for, and what stands in its place.
    needles: BTreeMap<String, Arc<str>>,
    /// Pieces of what looks generated.
    pieces: BTreeMap<[u8; PIECE], Arc<str>>,
    /// What is shown whoever has it for a value: names of services and images.
    spared: BTreeSet<String>,
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masks({})", self.table.needles.len())
    }
}

impl Masks {
    /// Hides a value that the plan takes with `secret()`, the key included.
    pub fn add_secret(&mut self, value: &str) {
        if value.chars().count() >= SHORTEST_SECRET {
            self.add(value, "[secret]");
        }
    }

    /// Hides the values of a dotenv text, as far as they may be secrets.
    pub fn add_environment(&mut self, text: &str) {
        for (name, value) in dotenv::entries(text) {
            self.add_variable(&name, &value);
        }
    }

    /// Hides the value of one variable, if its name or itself may be a secret. Plain words, addresses and short values are shown.
    pub fn add_variable(&mut self, name: &str, value: &str) {
        let tells = names_a_secret(name) && value.chars().count() >= SHORTEST_ENVIRONMENT_VALUE;
        if (tells || !is_plain(value)) && !self.table.spared.contains(value) {
            self.add(value, &format!("[${name}]"));
        }
    }

    /// Hides whatever in this text looks generated.
    pub fn add_tokens(&mut self, text: &str) {
        for token in tokens(text) {
            self.add(token, "[masked]");
        }
    }

    /// Hides this part of an address.
    pub fn add_password(&mut self, password: &str) {
        if password.chars().count() >= SHORTEST_ENVIRONMENT_VALUE {
            self.add(password, "[masked]");
        }
    }

    /// Shows a name, whatever variable has it for a value. Not what the plan calls a secret.
    pub fn spare(&mut self, name: &str) {
        let table = Arc::make_mut(&mut self.table);
        if table.needles.get(name).is_some_and(|label| label.starts_with("[$")) {
            table.needles.remove(name);
        }
        table.spared.insert(name.to_owned());
    }

    /// Hides whatever `search` finds in a text. A text that was searched before is not searched again.
    pub fn merge_of(&mut self, text: &str, search: impl FnOnce(&str) -> Self) {
        let mut texts = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let known = texts.get(text).cloned();
        let found = known.unwrap_or_else(|| {
            let found = search(text);
            if texts.len() >= TEXTS_KEPT {
                texts.clear();
            }
            texts.insert(text.to_owned(), found.clone());
            found
        });
        drop(texts);
        self.merge(&found);
    }

    /// Hides whatever another set hides too.
    pub fn merge(&mut self, other: &Self) {
        if Arc::ptr_eq(&self.table, &other.table) || self.table.has_all_of(&other.table) {
            return;
        }
        if self.table.is_empty() {
            self.table = Arc::clone(&other.table);
            return;
        }
        for name in other.table.spared.difference(&self.table.spared).cloned().collect::<Vec<_>>() {
            self.spare(&name);
        }
        let table = Arc::make_mut(&mut self.table);
        for (needle, label) in &other.table.needles {
            if !(table.spared.contains(needle) && label.starts_with("[$")) {
                table.needles.entry(needle.clone()).or_insert_with(|| Arc::clone(label));
            }
        }
        for (piece, label) in &other.table.pieces {
            table.pieces.entry(*piece).or_insert_with(|| Arc::clone(label));
        }
    }

    /// The text without the values.
    pub fn apply(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut past = 0;
        for (range, label) in self.hits(text) {
            shown.push_str(&text[past..range.start]);
            shown.push_str(label);
            past = range.end;
        }
        shown.push_str(&text[past..]);
        shown
    }

    /// The text with `*` for each byte of a value, so that places in it stay right.
    pub fn blot(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut past = 0;
        for (range, _) in self.hits(text) {
            shown.push_str(&text[past..range.start]);
            shown.extend(std::iter::repeat_n('*', range.len()));
            past = range.end;
        }
        shown.push_str(&text[past..]);
        shown
    }

    /// Where values stand, in order and apart from each other: what overlaps is one, so that no part of either is left.
    fn hits(&self, text: &str) -> Vec<(std::ops::Range<usize>, &str)> {
        let mut hits: Vec<(usize, usize, &str)> = Vec::new();
        for (needle, label) in &self.table.needles {
            hits.extend(text.match_indices(needle).map(|(at, found)| (at, at + found.len(), &**label)));
        }
        if !self.table.pieces.is_empty() {
            for (at, window) in text.as_bytes().windows(PIECE).enumerate() {
                let piece: &[u8; PIECE] = window.try_into().expect("a window is as long as a piece");
                if let Some(label) = self.table.pieces.get(piece) {
                    hits.push((floor_char_boundary(text, at), ceil_char_boundary(text, at + PIECE), label));
                }
            }
        }
        hits.extend(self.hits_in_escapes(text));
        // Longest first at one place.
        hits.sort_by_key(|&(from, to, _)| (from, usize::MAX - to));
        let mut apart: Vec<(std::ops::Range<usize>, &str)> = Vec::new();
        for (from, to, label) in hits {
            match apart.last_mut() {
                Some((last, _)) if from < last.end => last.end = last.end.max(to),
                _ => apart.push((from..to, label)),
            }
        }
        apart
    }

    /// The same in a text whose `%XX` are read: a value may be escaped in part, or where it need not be.
    fn hits_in_escapes(&self, text: &str) -> Vec<(usize, usize, &str)> {
        let Some((decoded, places)) = unescaped(text) else { return Vec::new() };
        let place = |from: usize, length: usize| (places[from], places[from + length]);
        let mut hits = Vec::new();
        for (needle, label) in &self.table.needles {
            let found = decoded.windows(needle.len()).enumerate().filter(|(_, window)| *window == needle.as_bytes());
            hits.extend(found.map(|(at, _)| (place(at, needle.len()), &**label)));
        }
        for (at, window) in decoded.windows(PIECE).enumerate() {
            let piece: &[u8; PIECE] = window.try_into().expect("a window is as long as a piece");
            hits.extend(self.table.pieces.get(piece).map(|label| (place(at, PIECE), &**label)));
        }
        let whole = |((from, to), label)| (floor_char_boundary(text, from), ceil_char_boundary(text, to), label);
        hits.into_iter().map(whole).collect()
    }

    fn add(&mut self, value: &str, label: &str) {
        let label: Arc<str> = label.into();
        // Logs come line by line, and a client may log the password of a URL alone.
        let lines = value.lines().map(str::trim).filter(|line| value.contains('\n') && line.len() >= SHORTEST_ENVIRONMENT_VALUE);
        let parts: Vec<&str> = std::iter::once(value).chain(lines).chain(password_of(value)).collect();
        let generated: Vec<&str> =
            parts.iter().copied().filter(|part| looks_random(part)).chain(parts.iter().copied().flat_map(tokens)).collect();
        let table = Arc::make_mut(&mut self.table);
        for form in parts.into_iter().flat_map(forms) {
            table.needles.entry(form).or_insert_with(|| Arc::clone(&label));
        }
        for form in generated.into_iter().flat_map(forms) {
            for window in form.as_bytes().windows(PIECE) {
                let piece = window.try_into().expect("a window is as long as a piece");
                table.pieces.entry(piece).or_insert_with(|| Arc::clone(&label));
            }
        }
    }
}

impl Table {
    fn has_all_of(&self, other: &Self) -> bool {
        let is_shown = |needle: &String, label: &str| self.spared.contains(needle) && label.starts_with("[$");
        other.spared.iter().all(|name| self.spared.contains(name))
            && other.needles.iter().all(|(needle, label)| self.needles.contains_key(needle) || is_shown(needle, label))
            && other.pieces.keys().all(|piece| self.pieces.contains_key(piece))
    }

    fn is_empty(&self) -> bool {
        self.needles.is_empty() && self.pieces.is_empty() && self.spared.is_empty()
    }
}

/// The bytes of a text whose `%XX` are read, and where each of them and the end stand in it; `None` where there is none to read.
fn unescaped(text: &str) -> Option<(Vec<u8>, Vec<usize>)> {
    let bytes = text.as_bytes();
    let (mut decoded, mut places, mut at) = (Vec::with_capacity(bytes.len()), Vec::with_capacity(bytes.len() + 1), 0);
    while let Some(&byte) = bytes.get(at) {
        places.push(at);
        let escaped = (byte == b'%').then(|| text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok())).flatten();
        decoded.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    places.push(at);
    (decoded.len() < bytes.len()).then_some((decoded, places))
}

fn floor_char_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil_char_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
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

/// The digits of base64.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes in base64, padded.
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let all = group.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for at in 0..4 {
            let digit = DIGITS[usize::try_from(all >> (18 - 6 * at) & 63).expect("six bits fit")];
            encoded.push(if at <= group.len() { char::from(digit) } else { '=' });
        }
    }
    encoded
}

/// The characters that a value is sure to become in base64, wherever in a longer text it stands: at each of the three alignments, those
/// that depend on it alone.
fn base64_forms(value: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let bits = before * 8;
        let end = bits + value.len() * 8;
        let (first, last) = (usize::div_ceil(bits, 6), end / 6);
        let form: String = (first..last)
            .map(|sextet| {
                let bit = |at: usize| value[(at - bits) / 8] >> (7 - (at - bits) % 8) & 1;
                let index = (sextet * 6..sextet * 6 + 6).fold(0, |index, at| index << 1 | bit(at));
                char::from(DIGITS[usize::from(index)])
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
    use super::{Masks, base64};
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
    fn a_value_is_found_however_much_of_it_is_escaped() {
        let masks = masks(&format!("SEED={CANARY}\nNAME=gh-42-x"));
        let escaped = CANARY.bytes().fold(String::new(), |escaped, byte| escaped + &format!("%{byte:02x}"));
        assert_eq!(masks.apply(&format!("at 100% é?a={escaped}&n=g%68-42-x")), "at 100% é?a=[$SEED]&n=[$NAME]");
        assert_eq!(masks.apply(&escaped[..24 + 6]), "[$SEED]");
        assert_eq!(masks.apply("100%é %zz %"), "100%é %zz %");
    }

    #[test]
    fn base64_is_padded() {
        let encoded = ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes()));
        assert_eq!(encoded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }

    #[test]
    fn a_password_inside_a_url_is_hidden_alone_too() {
        let masks = masks("DATABASE_URL=postgres://app:hunter22@db:5432/app");
        assert_eq!(masks.apply("auth failed for hunter22"), "auth failed for [$DATABASE_URL]");
    }

    #[test]
    fn overlapping_values_leave_nothing_behind() {
        let masks = masks("A=abc-efgh\nB=efgh-jkl");
        assert_eq!(masks.apply("-abc-efgh-jkl-"), "-[$A]-");
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

    const CANARY: &str = "k7Qm2ZpX9vRt4WbN6cYdL1sHf8JgT3aE";

    /// Every piece of eight, in every form.
    fn pieces(value: &str) -> Vec<String> {
        let forms = super::forms(value);
        forms.iter().flat_map(|form| form.as_bytes().windows(8).map(|piece| String::from_utf8(piece.to_vec()).unwrap())).collect()
    }

    #[test]
    fn of_a_generated_value_no_piece_of_eight_is_left() {
        let masks = masks(&format!("SEED={CANARY}"));
        let (one, two) = CANARY.split_at(15);
        for text in [format!("read {one}\n{two} at last"), format!("é{}é", &CANARY[3..11]), format!("cut {}…", &CANARY[..20])] {
            let shown = masks.apply(&text);
            assert!(pieces(CANARY).iter().all(|piece| !shown.contains(piece)) && shown.contains("[$SEED]"), "{shown}");
        }
        assert_eq!(masks.apply(&format!("short {} stays", &CANARY[..7])), format!("short {} stays", &CANARY[..7]));
        let blotted = masks.blot(&format!("é {CANARY} é"));
        assert_eq!(blotted, format!("é {} é", "*".repeat(32)));
    }

    #[test]
    fn a_generated_password_in_a_url_is_hidden_in_pieces_and_the_rest_of_the_url_is_not() {
        let mut masks = Masks::default();
        masks.add_secret(&format!("postgres://backend-app:{CANARY}@postgres-main:5432/app"));
        assert_eq!(masks.apply("backend-app cannot reach postgres-main"), "backend-app cannot reach postgres-main");
        assert_eq!(masks.apply(&CANARY[4..20]), "[secret]");
    }

    #[test]
    fn words_and_names_are_shown_and_passwords_are_not_although_they_are_words() {
        let mut masks = masks("STAGE=production\nHOST=127.0.0.1\nPEER=brain-api-2\nDB_PASSWORD=letmein\nOTHER=gh-42-x");
        masks.spare("brain-api-2");
        let mut merged = Masks::default();
        merged.spare("other-name-1");
        merged.merge(&masks);
        for masks in [masks, merged] {
            let log = "production on 127.0.0.1 asks brain-api-2 with letmein for gh-42-x";
            assert_eq!(masks.apply(log), "production on 127.0.0.1 asks brain-api-2 with [$DB_PASSWORD] for [$OTHER]");
        }
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
