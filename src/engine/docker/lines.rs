//! Lines of a container's log: when each was written, and what kind of line it is.

/// Characters of a kind at most.
const KIND_MAX: usize = 160;

/// A line without Docker's stamp, and the stamp. Docker writes it in UTC with nine digits of a second (FACTS §7), so that stamps of one
/// container compare as texts.
pub(super) fn stamped(line: &str) -> (Option<&str>, &str) {
    let Some((stamp, rest)) = line.split_once(' ') else {
        return if is_stamp(line) { (Some(line), "") } else { (None, line) };
    };
    if is_stamp(stamp) { (Some(stamp), rest) } else { (None, line) }
}

fn is_stamp(word: &str) -> bool {
    let shape = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        19 => byte == b'.',
        _ => byte.is_ascii_digit(),
    };
    word.strip_suffix('Z').is_some_and(|word| word.len() == 29 && word.bytes().enumerate().all(shape))
}

/// What kind of line it is: numbers, ids and addresses in it are one another's like.
pub(super) fn kind(line: &str) -> String {
    let mut kind = String::new();
    for word in line.split_inclusive(|next: char| !next.is_ascii_alphanumeric()) {
        let letters = word.trim_end_matches(|next: char| !next.is_ascii_alphanumeric());
        let is_hex = letters.len() >= 8 && letters.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex || letters.bytes().any(|byte| byte.is_ascii_digit()) {
            if !kind.ends_with('#') {
                kind.push('#');
            }
            let rest = &word[letters.len()..];
            // `1.2`, `10:15`, `a-1-2`: one number, however it is punctuated.
            if !matches!(rest, "." | ":" | "-" | "," | "_") {
                kind.push_str(rest);
            }
        } else {
            kind.push_str(word);
        }
        if kind.len() >= KIND_MAX {
            break;
        }
    }
    let end = kind.char_indices().map(|(at, _)| at).find(|at| *at >= KIND_MAX).unwrap_or(kind.len());
    kind.truncate(end);
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_is_told_from_the_line() {
        let stamp = "2026-11-23T13:11:48.360677343Z";
        assert_eq!(stamped(&format!("{stamp} starting")), (Some(stamp), "starting"));
        assert_eq!(stamped(&format!("{stamp} ")), (Some(stamp), ""));
        assert_eq!(stamped(stamp), (Some(stamp), ""));
        assert_eq!(stamped("2026-11-23 13:11:48 starting"), (None, "2026-11-23 13:11:48 starting"));
        assert_eq!(stamped(""), (None, ""));
    }

    #[test]
    fn lines_that_differ_in_numbers_are_of_one_kind() {
        let same = |one: &str, other: &str| assert_eq!(kind(one), kind(other), "{one} / {other}");
        same("ERROR: timeout after 300 ms (request 17)", "ERROR: timeout after 45 ms (request 9001)");
        same("[2026-01-05 09:00:01] CRITICAL no heartbeat", "[2026-11-23 17:31:59] CRITICAL no heartbeat");
        same("CRITICAL trace=deadbeefcafe lost", "CRITICAL trace=0123456789ab lost");
        assert_ne!(kind("CRITICAL no heartbeat"), kind("CRITICAL no disk"));
    }

    #[test]
    fn a_kind_is_short_whatever_the_line_is() {
        for line in ["é".repeat(1000), "x ".repeat(1000), "1 ".repeat(1000), "\u{1F600}1".repeat(500)] {
            assert!(kind(&line).len() < KIND_MAX + 8, "{}", kind(&line).len());
        }
    }
}
