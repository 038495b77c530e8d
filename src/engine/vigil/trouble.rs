//! Trouble that lasts: since when, and when it is told again.

use crate::engine::Moment;
use std::time::Duration;

/// What is told is told again after so long, then after twice as long, and so on.
const FIRST: Duration = Duration::from_secs(30 * 60);
/// At the latest after so long.
const LONGEST: Duration = Duration::from_secs(6 * 60 * 60);

/// One trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Since the first sample of the row that made it one.
    pub(super) since: Moment,
    due: Moment,
    gap: Duration,
}

impl Trouble {
    /// One that is told now.
    pub(super) fn told(since: Moment, now: Moment) -> Self {
        Self { since, due: now + FIRST, gap: FIRST }
    }

    /// Whether it is to be told again; then it is taken as told.
    pub(super) fn remind(&mut self, now: Moment) -> bool {
        let is_due = now >= self.due;
        if is_due {
            self.gap = (self.gap * 2).min(LONGEST);
            self.due = now + self.gap;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_again_ever_more_seldom_and_at_least_every_six_hours() {
        let at = |minutes: u64| Moment::millis(minutes * 60_000);
        let mut trouble = Trouble::told(at(0), at(2));
        let told: Vec<u64> = (3..2000).filter(|minute| trouble.remind(at(*minute))).map(|minute| minute - 2).collect();
        assert_eq!(told, [30, 90, 210, 450, 810, 1170, 1530, 1890]);
    }

    #[test]
    fn what_was_due_while_nobody_looked_is_told_once() {
        let mut trouble = Trouble::told(Moment::START, Moment::START);
        let late = Moment::millis(48 * 3_600_000);
        assert!(trouble.remind(late));
        assert!(!trouble.remind(late));
    }
}
