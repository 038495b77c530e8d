//! Durations, counts and lists as people write them. The one place that formats them.

use crate::engine::Moment;
use console::measure_text_width;
use std::time::Duration;

/// A length of time in its two largest units: `250ms`, `45s`, `3m 20s`, `1h 5m`. Smaller parts are dropped, never rounded up.
pub fn duration(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, 0) if millis > 0 => format!("{millis}ms"),
        (0, 0, rest) => format!("{rest}s"),
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, rest) => format!("{minutes}m {rest}s"),
        (hours, 0, _) => format!("{hours}h"),
        (hours, minutes, _) => format!("{hours}h {minutes}m"),
    }
}

/// A length of time for machines: whole milliseconds.
pub fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// A length of time that is still growing, for a view that is painted again and again: whole seconds, so that only the last digit moves.
pub fn elapsed(elapsed: Duration) -> String {
    duration(Duration::from_secs(elapsed.as_secs()))
}

/// A point in run time: `00:03:20`. Hours grow past 99.
pub fn clock(moment: Moment) -> String {
    let seconds = moment.0.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `1 service`, `2 services`, `1 build log`. For nouns whose plural takes an `s`.
pub fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> String {
    let items: Vec<S> = items.into_iter().collect();
    match items.split_last() {
        None => String::new(),
        Some((last, [])) => last.as_ref().to_owned(),
        Some((last, rest)) => {
            let rest: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", rest.join(", "), last.as_ref())
        }
    }
}

/// The first `most` of them, and how many there are besides: `a, b and 3 more`.
pub fn short_list<S: AsRef<str>>(items: impl IntoIterator<Item = S>, most: usize) -> String {
    let items: Vec<S> = items.into_iter().collect();
    shortened(&items, most)
}

fn shortened<S: AsRef<str>>(items: &[S], most: usize) -> String {
    if items.len() <= most {
        return list(items);
    }
    let shown: Vec<&str> = items[..most].iter().map(AsRef::as_ref).collect();
    format!("{} and {} more", shown.join(", "), items.len() - most)
}

/// As many of them as fit into so many columns, and how many there are besides; where not even one does, only how many: `3 services`.
pub fn fitting_list<S: AsRef<str>>(items: impl IntoIterator<Item = S>, room: usize, noun: &str) -> String {
    let items: Vec<S> = items.into_iter().collect();
    // No more than there are columns can fit, however short they are.
    let mut lists = (1..=items.len().min(room)).rev().map(|most| shortened(&items, most));
    lists.find(|text| measure_text_width(text) <= room).unwrap_or_else(|| count(items.len(), noun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_show_their_two_largest_units() {
        let cases = [
            (0, "0s"),
            (250, "250ms"),
            (1_999, "1s"),
            (45_000, "45s"),
            (180_000, "3m"),
            (185_000, "3m 5s"),
            (200_000, "3m 20s"),
            (3_600_000, "1h"),
            (3_900_000, "1h 5m"),
            (360_000_000, "100h"),
        ];
        for (millis, expected) in cases {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn what_still_grows_has_whole_seconds() {
        assert_eq!(elapsed(Duration::from_millis(684)), "0s");
        assert_eq!(elapsed(Duration::from_millis(61_999)), "1m 1s");
    }

    #[test]
    fn clocks_do_not_wrap() {
        assert_eq!(clock(Moment::millis(200_999)), "00:03:20");
        assert_eq!(clock(Moment::millis(100 * 3_600_000)), "100:00:00");
    }

    #[test]
    fn counts_and_lists_are_grammatical() {
        assert_eq!(count(0_u64, "sample"), "0 samples");
        assert_eq!(count(1_usize, "sample"), "1 sample");
        assert_eq!(list(["a"]), "a");
        assert_eq!(list(["a", "b"]), "a and b");
        assert_eq!(list(["a", "b", "c"]), "a, b and c");
        assert_eq!(list(Vec::<String>::new()), "");
        assert_eq!(short_list(["a", "b", "c"], 3), "a, b and c");
        assert_eq!(short_list(["a", "b", "c", "d"], 2), "a, b and 2 more");
    }

    #[test]
    fn lists_take_the_room_there_is() {
        let names = ["auth-service", "brain-api", "wagtail-cms"];
        let fitting = |room| fitting_list(names, room, "service");
        assert_eq!(fitting(40), "auth-service, brain-api and wagtail-cms");
        assert_eq!(fitting(36), "auth-service, brain-api and 1 more");
        assert_eq!(fitting(30), "auth-service and 2 more");
        assert_eq!(fitting(20), "3 services");
        assert_eq!(fitting_list(vec!["a"; 10_000], 5, "service"), "10000 services");
    }
}
