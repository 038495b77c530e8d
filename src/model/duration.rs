//! Durations as the language writes them.

use std::time::Duration;

/// The literal of a duration: one number in the largest unit that takes it whole, `500ms`, `90s`, `2m`, `3h`. Parts below a millisecond,
/// which no literal has, are dropped.
pub fn duration(duration: Duration) -> String {
    const UNITS: [(&str, u128); 3] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let millis = duration.as_millis();
    match UNITS.iter().find(|(_, unit)| millis.is_multiple_of(*unit)) {
        Some(_) if millis == 0 => "0s".to_owned(),
        Some((name, unit)) => format!("{}{name}", millis / unit),
        None => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_the_language_has_it() {
        for (millis, literal) in [
            (0, "0s"),
            (500, "500ms"),
            (2_000, "2s"),
            (2_500, "2500ms"),
            (60_000, "1m"),
            (90_000, "90s"),
            (7_200_000, "2h"),
            (7_500_000, "125m"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), literal);
        }
    }
}
