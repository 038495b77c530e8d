//! When a fault whose scope was entered is in force: at once or later, for good or for a while, once or again and again.

use std::time::Duration;

/// Moments of a fault. It is in force from a strike on until, not at, its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Its first strike.
    pub(super) first: Duration,
    /// How long it is in force after each.
    pub(super) lasts: Option<Duration>,
    /// From one strike to the next.
    pub(super) every: Option<Duration>,
}

impl Window {
    pub(super) fn is_open(&self, now: Duration) -> bool {
        self.last_strike(now).is_some_and(|strike| self.lasts.is_none_or(|lasts| now.saturating_sub(strike) < lasts))
    }

    /// The latest strike up to now.
    pub(super) fn last_strike(&self, now: Duration) -> Option<Duration> {
        let passed = now.checked_sub(self.first)?;
        let Some(every) = self.every else { return Some(self.first) };
        let into = passed.as_nanos() % every.as_nanos().max(1);
        Some(now.saturating_sub(Duration::from_nanos(u64::try_from(into).unwrap_or(0))))
    }

    /// When it strikes or ends next, after `now`.
    pub(super) fn next_edge(&self, now: Duration) -> Option<Duration> {
        let Some(strike) = self.last_strike(now) else { return Some(self.first) };
        let (end, again) = (self.lasts.map(|lasts| strike + lasts), self.every.map(|every| strike + every));
        end.into_iter().chain(again).filter(|edge| *edge > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(first: u64, lasts: Option<u64>, every: Option<u64>) -> Window {
        Window { first: seconds(first), lasts: lasts.map(seconds), every: every.map(seconds) }
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn open(window: Window) -> Vec<u64> {
        (0..20).filter(|second| window.is_open(seconds(*second))).collect()
    }

    #[test]
    fn it_is_open_from_a_strike_until_its_end() {
        assert_eq!(open(window(17, None, None)), [17, 18, 19]);
        assert_eq!(open(window(3, Some(2), None)), [3, 4]);
        assert_eq!(open(window(3, Some(2), Some(7))), [3, 4, 10, 11, 17, 18]);
        assert!(!window(3, Some(2), None).is_open(seconds(5)));
        assert!(window(3, Some(2), None).is_open(seconds(5).saturating_sub(Duration::from_nanos(1))));
    }

    #[test]
    fn edges_are_strikes_and_ends() {
        let edges = |window: Window| {
            std::iter::successors(window.next_edge(Duration::ZERO), |at| window.next_edge(*at))
                .map(|at| at.as_secs())
                .take(5)
                .collect::<Vec<_>>()
        };
        assert_eq!(edges(window(3, None, None)), [3]);
        assert_eq!(edges(window(3, Some(2), None)), [3, 5]);
        assert_eq!(edges(window(3, Some(2), Some(7))), [3, 5, 10, 12, 17]);
        assert_eq!(edges(window(3, None, Some(7))), [3, 10, 17, 24, 31]);
        assert_eq!(edges(window(0, Some(2), None)), [2]);
    }
}
