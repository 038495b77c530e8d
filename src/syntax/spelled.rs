//! Values in spellings that are not the language's, understood well enough to offer the right one.

/// A duration as people write it (`5 minutes`, `1.5h`, `1h30m`, `90 sec`, `10`): its length in bytes and the literal to write. A bare
/// number takes `unit`.
pub(super) fn duration(text: &str, unit: &str) -> Option<(usize, String)> {
    let mut milliseconds = 0u64;
    let mut length = 0;
    loop {
        // `1 hour 30 minutes`; what follows a blank may be something else, too.
        let more = text[length..].trim_start_matches([' ', '\t']);
        let gap = if length == 0 { 0 } else { text.len() - length - more.len() };
        let rest = if length == 0 { text } else { more };
        let digits = rest.len() - rest.trim_start_matches(|next: char| next.is_ascii_digit() || next == '.').len();
        if digits == 0 {
            break;
        }
        let number = &rest[..digits];
        let after = &rest[digits..];
        let blanks = after.len() - after.trim_start_matches([' ', '\t']).len();
        let word_length = after[blanks..].find(|next: char| !next.is_ascii_alphabetic()).unwrap_or(after.len() - blanks);
        let word = &after[blanks..blanks + word_length];
        if gap > 0 && (word.is_empty() || scale_of(word).is_none()) {
            break;
        }
        if word.is_empty() {
            let whole = length == 0 && number.bytes().all(|byte| byte.is_ascii_digit());
            let ends = after.is_empty() || after.starts_with([' ', '\t', ',']);
            return (whole && ends).then(|| (digits, format!("{number}{unit}")));
        }
        let scale = match scale_of(word) {
            Some(scale) => scale,
            // A number, and then the next word of the statement.
            None if blanks > 0 && length == 0 && number.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Some((digits, format!("{number}{unit}")));
            }
            None => return None,
        };
        milliseconds = milliseconds.checked_add(scaled(number, scale)?)?;
        length += gap + digits + blanks + word_length;
    }
    (length > 0).then(|| (length, literal(milliseconds)))
}

/// Milliseconds in a unit, as people call it.
fn scale_of(word: &str) -> Option<u64> {
    Some(match word.to_ascii_lowercase().as_str() {
        "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ => return None,
    })
}

/// `number` × `scale`, with at most three decimals.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 3 || (fraction.is_empty() && number.contains('.')) {
        return None;
    }
    let thousandths = format!("{fraction:0<3}").parse::<u64>().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(scale)?.checked_add(thousandths * scale / 1_000)
}

/// The shortest literal of a duration.
fn literal(milliseconds: u64) -> String {
    match milliseconds {
        ms if ms % 3_600_000 == 0 && ms > 0 => format!("{}h", ms / 3_600_000),
        ms if ms % 60_000 == 0 && ms > 0 => format!("{}m", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

/// A range of status codes as people write it (`2xx`, `200-299`, `200..=299`, `200...299`), as the language has it.
pub(super) fn status_range(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    if let Some(class) = lower.strip_suffix("xx") {
        return matches!(class, "1" | "2" | "3" | "4" | "5").then(|| format!("{class}00..{class}99"));
    }
    let number = |part: &str| part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    ["..=", "...", "-", "…", ".."].into_iter().find_map(|between| {
        let (first, last) = text.split_once(between)?;
        (number(first) && number(last)).then(|| format!("{first}..{last}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        let written = |text: &str| duration(text, "m").map(|(length, literal)| (text[..length].to_owned(), literal));
        let same = |text: &str, literal: &str| assert_eq!(written(text), Some((text.to_owned(), literal.to_owned())), "{text}");
        same("10", "10m");
        same("5 minutes", "5m");
        same("90 sec", "90s");
        same("1.5h", "90m");
        same("1h30m", "90m");
        same("0.25s", "250ms");
        same("2 days", "48h");
        assert_eq!(written("10 else stop"), Some(("10".into(), "10m".into())));
        assert_eq!(written("10GiB"), None);
        assert_eq!(written("soon"), None);
        assert_eq!(written("99999999999999999999h"), None);
    }

    #[test]
    fn status_ranges_as_people_write_them() {
        for text in ["2xx", "2XX", "200-299", "200..=299", "200...299"] {
            assert_eq!(status_range(text).as_deref(), Some("200..299"), "{text}");
        }
        assert_eq!(status_range("9xx"), None);
        assert_eq!(status_range("200"), None);
    }
}
