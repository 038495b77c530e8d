//! Percentiles of what the last samples took.

use super::{Reading, Sample};
use crate::model::Percentile;
use std::collections::VecDeque;
use std::time::Duration;

/// The last samples, as far as one percentile looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    percentile: Percentile,
    size: usize,
    /// What each took in milliseconds, oldest first; `None` for one that was not answered as it should: slower than any.
    times: VecDeque<Option<u64>>,
}

/// What a window says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Measured {
    /// There are too few samples yet.
    NotYet(String),
    /// It is below its limit.
    Below(String),
    /// It is not.
    Above(String),
}

impl Window {
    pub(super) fn new(percentile: Percentile, every: Duration) -> Self {
        let size = percentile.samples(every).max(percentile.least());
        Self { percentile, size: usize::try_from(size).unwrap_or(usize::MAX), times: VecDeque::new() }
    }

    /// As the plan writes it.
    pub(super) fn expected(&self) -> String {
        self.percentile.to_string()
    }

    /// Nothing was sampled yet.
    pub(super) fn empty(&mut self) {
        self.times.clear();
    }

    pub(super) fn take(&mut self, sample: &Sample) {
        if self.times.len() == self.size {
            self.times.pop_front();
        }
        self.times.push_back((sample.reading == Reading::Pass).then_some(sample.took_ms));
    }

    pub(super) fn measured(&self) -> Measured {
        let name = self.expected().split(" < ").next().unwrap_or_default().to_owned();
        let count = self.times.len();
        if count < self.size {
            return Measured::NotYet(format!("{name} is known after {} samples, {count} so far", self.size));
        }
        let mut sorted: Vec<u64> = self.times.iter().map(|time| time.unwrap_or(u64::MAX)).collect();
        sorted.sort_unstable();
        match sorted[self.percentile.rank(count).min(count - 1)] {
            u64::MAX => Measured::Above(format!("{name} is that of a sample without an answer (n={count})")),
            time if Duration::from_millis(time) < self.percentile.limit => Measured::Below(format!("{name} {time} ms (n={count})")),
            time => Measured::Above(format!("{name} {time} ms (n={count})")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Moment;
    use proptest::prelude::*;

    fn window() -> Window {
        let percentile = Percentile { tenths: 950, limit: Duration::from_millis(500), over: Duration::from_secs(100) };
        Window::new(percentile, Duration::from_secs(5))
    }

    fn sample(reading: Reading, took_ms: u64) -> Sample {
        Sample { reading, expected: String::new(), actual: String::new(), at: Moment::START, took_ms }
    }

    fn of(samples: &[(Reading, u64)]) -> Measured {
        let mut window = window();
        for (reading, took) in samples {
            window.take(&sample(*reading, *took));
        }
        window.measured()
    }

    #[test]
    fn nothing_is_said_before_there_are_enough_samples() {
        assert_eq!(of(&[(Reading::Pass, 1); 19]), Measured::NotYet("time p95 is known after 20 samples, 19 so far".to_owned()));
        assert_eq!(of(&[(Reading::Pass, 1); 20]), Measured::Below("time p95 1 ms (n=20)".to_owned()));
    }

    #[test]
    fn one_in_twenty_may_be_slow_and_two_may_not() {
        let mut samples = [(Reading::Pass, 10); 20];
        samples[3].1 = 9_000;
        assert!(matches!(of(&samples), Measured::Below(_)));
        samples[17].1 = 500;
        assert_eq!(of(&samples), Measured::Above("time p95 500 ms (n=20)".to_owned()), "the limit itself is too slow");
    }

    #[test]
    fn what_was_not_answered_is_slower_than_any() {
        let mut samples = [(Reading::Pass, 10); 20];
        samples[0] = (Reading::Error, 1);
        samples[1] = (Reading::Fail, 1);
        assert_eq!(of(&samples), Measured::Above("time p95 is that of a sample without an answer (n=20)".to_owned()));
    }

    proptest! {
        /// So many of the last ones as the percentile says were answered as they should, and below the limit.
        #[test]
        fn says_how_many_of_the_last_samples_were_fast_enough(
            tenths in prop::sample::select(vec![500u16, 750, 900, 950, 990]),
            more in 0u32..30,
            taken in prop::collection::vec((0u8..12, 0u64..1000), 0..200),
            emptied in prop::option::of(0usize..200),
        ) {
            let percentile = Percentile { tenths, limit: Duration::from_millis(500), over: Duration::from_secs(5) };
            let over = Duration::from_secs(5) * (percentile.least() + more);
            let mut window = Window::new(Percentile { over, ..percentile }, Duration::from_secs(5));
            let size = usize::try_from(percentile.least() + more).unwrap();
            let mut since = 0;
            for (at, (kind, took)) in taken.iter().enumerate() {
                if emptied == Some(at) {
                    window.empty();
                    since = at;
                }
                let reading = match kind { 0 => Reading::Fail, 1 => Reading::Error, _ => Reading::Pass };
                // Mostly fast, so that it hangs on the few that are not.
                window.take(&sample(reading, if *kind < 10 { took % 500 } else { *took }));
                let last = &taken[since.max((at + 1).saturating_sub(size))..=at];
                let fast = last.iter().filter(|(kind, took)| *kind > 1 && (*kind < 10 || *took < 500)).count();
                match window.measured() {
                    Measured::NotYet(_) => prop_assert!(last.len() < size),
                    Measured::Below(_) => prop_assert!(last.len() == size && fast * 1000 >= size * usize::from(tenths), "{fast} of {size}"),
                    Measured::Above(_) => prop_assert!(last.len() == size && fast * 1000 < size * usize::from(tenths), "{fast} of {size}"),
                }
            }
        }
    }

    #[test]
    fn old_samples_fall_out() {
        let mut samples = vec![(Reading::Fail, 1); 30];
        samples.extend([(Reading::Pass, 10); 20]);
        assert!(matches!(of(&samples), Measured::Below(_)));
    }
}
