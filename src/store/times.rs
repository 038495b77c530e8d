//! Points in time as records have them (RFC 3339, UTC), in the forms that people read.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::Duration;

/// The wall clock, as records have it.
pub fn now() -> String {
    Timestamp::now().to_string()
}

/// How long ago a time was; nothing when the clock was put back since. `None` for what is no time.
pub fn since(time: &str) -> Option<Duration> {
    let time = time.parse::<Timestamp>().ok()?;
    Some(Duration::try_from(Timestamp::now().duration_since(time)).unwrap_or_default())
}

/// The time that was so long ago, to the second.
pub fn ago(time: Duration) -> String {
    let moment = jiff::SignedDuration::try_from(time).ok().and_then(|time| Timestamp::now().checked_sub(time).ok());
    format!("{:.0}", moment.unwrap_or(Timestamp::UNIX_EPOCH))
}

/// The time so long after another one, to the second. What is no time stays as it is.
pub fn after(time: &str, by: Duration) -> String {
    let by = jiff::SignedDuration::try_from(by).ok();
    let moment = time.parse::<Timestamp>().ok().and_then(|time| time.checked_add(by?).ok());
    moment.map_or_else(|| time.to_owned(), |moment| format!("{moment:.0}"))
}

/// The time of day in the reader's own time zone: `17:41:02`.
pub fn of_day(time: &str) -> String {
    in_zone(time, TimeZone::system(), "%H:%M:%S")
}

/// The day in the reader's own time zone: `2026-11-23`.
pub fn day(time: &str) -> String {
    in_zone(time, TimeZone::system(), "%Y-%m-%d")
}

/// In the reader's own time zone, with its offset: `2026-11-23 17:41:02 +01:00`. What is no time stays as it is.
pub fn local(time: &str) -> String {
    in_zone(time, TimeZone::system(), "%Y-%m-%d %H:%M:%S %:z")
}

/// For people in any time zone: `2026-11-23 16:41 UTC`.
pub fn utc(time: &str) -> String {
    in_zone(time, TimeZone::UTC, "%Y-%m-%d %H:%M UTC")
}

fn in_zone(time: &str, zone: TimeZone, form: &str) -> String {
    time.parse::<Timestamp>().map_or_else(|_| time.to_owned(), |time| time.to_zoned(zone).strftime(form).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well_and_nonsense_stays_what_it_is() {
        assert_eq!(utc("2026-11-23T16:41:59.123456789Z"), "2026-11-23 16:41 UTC");
        let zone = TimeZone::fixed(jiff::tz::offset(5));
        assert_eq!(in_zone("2026-11-23T22:41:02.9Z", zone, "%Y-%m-%d %H:%M:%S %:z"), "2026-11-24 03:41:02 +05:00");
        assert_eq!(local("yesterday"), "yesterday");
        assert!(now().parse::<Timestamp>().is_ok());
        assert!(since("2026-01-01T00:00:00Z").unwrap() > Duration::ZERO);
        assert_eq!(since("2999-01-01T00:00:00Z"), Some(Duration::ZERO), "a clock that was put back");
        assert_eq!(since("yesterday"), None);
    }
}
