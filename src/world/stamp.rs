//! World time as text: Dokploy's and Docker's timestamps, and the ages that `docker ps` shows.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use std::time::Duration;

/// What Docker says of a moment that never came.
pub(super) const NEVER: &str = "0001-01-01T00:00:00Z";

const MILLIS: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
const NANOS: DateTimePrinter = DateTimePrinter::new().precision(Some(9));

/// Turns durations since the world's start into timestamps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calendar {
    /// The world's start.
    start: Timestamp,
}

impl Calendar {
    pub(super) fn starting_at(unix_seconds: i64) -> Self {
        Self { start: Timestamp::from_second(unix_seconds).unwrap_or(Timestamp::UNIX_EPOCH) }
    }

    fn at(self, moment: Duration) -> Timestamp {
        self.start.checked_add(moment).unwrap_or(Timestamp::MAX)
    }

    /// `2026-11-23T13:08:28.782Z`, as Dokploy's rows have it.
    pub(super) fn iso(self, moment: Duration) -> String {
        MILLIS.timestamp_to_string(&self.at(moment))
    }

    /// `2026-11-23T13:08:29.381424633Z`, as Docker has it. `salt` fills the digits below the millisecond, so that no two stamps are alike.
    pub(super) fn nanos(self, moment: Duration, salt: u64) -> String {
        let below = Duration::from_nanos(salt % 1_000_000);
        NANOS.timestamp_to_string(&self.at(moment + below))
    }

    /// `2026-11-23:13:08:28`, as in the names of Dokploy's log files: two deploys in one second share one (FACTS §6).
    pub(super) fn log_name(self, moment: Duration) -> String {
        self.at(moment).strftime("%Y-%m-%d:%H:%M:%S").to_string()
    }

    /// Milliseconds since 1970, as the queue has them.
    pub(super) fn millis(self, moment: Duration) -> i64 {
        self.at(moment).as_millisecond()
    }
}

/// An age as `docker ps` words it.
pub(super) fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let minutes = seconds / 60;
    let hours = (minutes + 30) / 60;
    match (seconds, minutes, hours) {
        (0, ..) => "Less than a second".to_owned(),
        (1, ..) => "1 second".to_owned(),
        (2..60, ..) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".to_owned(),
        (_, 2..60, _) => format!("{minutes} minutes"),
        (.., 1) => "About an hour".to_owned(),
        (.., 2..48) => format!("{hours} hours"),
        _ => format!("{} days", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_look_like_the_recorded_ones() {
        let calendar = Calendar::starting_at(1_795_439_308);
        let moment = Duration::from_millis(782);
        assert_eq!(calendar.iso(moment), "2026-11-23T13:08:28.782Z");
        assert_eq!(calendar.nanos(moment, 5_001_234), "2026-11-23T13:08:28.782001234Z");
        assert_eq!(calendar.log_name(moment), "2026-11-23:13:08:28");
        assert_eq!(calendar.millis(moment), 1_795_439_308_782);
    }

    #[test]
    fn ages_are_worded_as_docker_does() {
        for (seconds, text) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (39, "39 seconds"),
            (75, "About a minute"),
            (18 * 60, "18 minutes"),
            (3600, "About an hour"),
            (3 * 3600, "3 hours"),
            (5 * 86_400, "5 days"),
        ] {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
    }
}
