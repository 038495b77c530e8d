//! Durations as people read them.

use std::fmt::Write as _;
use std::time::Duration;

/// A duration in the language's own units, the largest first and at most two: `500ms`, `90s` as `1m 30s`, `2h 5m`. Never rounds up.
pub fn duration(duration: Duration) -> String {
    const UNITS: [(&str, u128); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let mut rest = duration.as_millis();
    let mut shown = String::new();
    let mut units = 0;
    for (unit, millis) in UNITS {
        let count = rest / millis;
        rest %= millis;
        if count > 0 && units < 2 {
            let gap = if shown.is_empty() { "" } else { " " };
            write!(shown, "{gap}{count}{unit}").expect("writing to a string cannot fail");
        }
        // The second unit is the one next to the first: `2h 0m`, not `2h 5s`.
        if !shown.is_empty() {
            units += 1;
        }
    }
    if shown.is_empty() { "0s".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_the_language() {
        for (millis, shown) in [
            (0, "0s"),
            (500, "500ms"),
            (2_000, "2s"),
            (2_500, "2s 500ms"),
            (60_000, "1m"),
            (90_000, "1m 30s"),
            (7_200_000, "2h"),
            (7_500_000, "2h 5m"),
            (7_205_000, "2h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), shown);
        }
    }
}
