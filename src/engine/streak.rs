//! What samples in a row say: the smallest piece of a verdict.

use super::window::{Measured, Window};
use super::{Flaw, Reading, Sample, Verdict};
use crate::model::Sampling;
use crate::schedule::Expectation;
use std::time::Duration;

/// Samples of each expectation that are kept for evidence.
const KEPT_SAMPLES: usize = 20;

/// What one reading adds to a streak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    /// A pass, a failure or an error.
    Reading(Reading),
    /// Neither good nor bad yet: a healthcheck without a verdict. Ends a row of passes, begins nothing.
    Pending,
}

/// Passes, failures and errors of one expectation, in a row and in all. A reading of one kind ends the rows of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Streak {
    pub passes: u32,
    pub failures: u32,
    pub errors: u32,
    /// In all: passes, failures, errors.
    pub totals: (u64, u64, u64),
    /// The last samples, oldest first.
    pub recent: Vec<Sample>,
    windows: Vec<Window>,
    pub flaw: Option<Flaw>,
}

impl Streak {
    /// One without samples, of an expectation that is sampled so often.
    pub(super) fn of(expectation: &Expectation, every: Duration) -> Self {
        Self { windows: expectation.percentiles.iter().map(|percentile| Window::new(*percentile, every)).collect(), ..Self::default() }
    }

    /// Counts and keeps a sample, and gives it as its percentiles make it. `must_fill`: it is no pass before they have all their samples.
    pub(super) fn take(&mut self, sample: &Sample, must_fill: bool) -> Sample {
        let mut sample = sample.clone();
        self.windows.iter_mut().for_each(|window| window.take(&sample));
        let mut count = Count::Reading(sample.reading);
        for window in self.windows.iter().filter(|_| sample.reading == Reading::Pass) {
            let told = match window.measured() {
                Measured::Below(told) => told,
                Measured::NotYet(told) => {
                    if must_fill && count == Count::Reading(Reading::Pass) {
                        count = Count::Pending;
                    }
                    told
                }
                Measured::Above(told) => {
                    (count, sample.expected) = (Count::Reading(Reading::Fail), window.expected());
                    told
                }
            };
            sample.actual = format!("{}, {told}", sample.actual);
        }
        if let Count::Reading(reading) = count {
            sample.reading = reading;
        }
        self.count(count);
        self.keep(sample.clone());
        sample
    }

    /// What answers now is another one than before: no passes in a row, no times of it.
    pub(super) fn is_of_another(&mut self) {
        self.passes = 0;
        self.windows.iter_mut().for_each(Window::empty);
    }

    pub(super) fn count(&mut self, count: Count) {
        let kept = if self.flaw == Some(Flaw::CountsInAll) { self.passes } else { 0 };
        let row = match count {
            Count::Pending => (0, 0, 0),
            Count::Reading(Reading::Error) if self.flaw == Some(Flaw::ErrorsPass) => (self.passes + 1, 0, 0),
            Count::Reading(Reading::Pass) => (self.passes + 1, 0, 0),
            Count::Reading(Reading::Fail) => (kept, self.failures + 1, 0),
            Count::Reading(Reading::Error) => (0, 0, self.errors + 1),
        };
        (self.passes, self.failures, self.errors) = row;
        match count {
            Count::Pending => {}
            Count::Reading(Reading::Pass) => self.totals.0 += 1,
            Count::Reading(Reading::Fail) => self.totals.1 += 1,
            Count::Reading(Reading::Error) => self.totals.2 += 1,
        }
    }

    /// What was counted as a pass is none in all: it was another one's than before. It may still begin a row.
    pub(super) fn was_another(&mut self) {
        if self.passes > 0 {
            self.totals.0 -= 1;
            self.totals.1 += 1;
        }
    }

    /// Nothing is in a row any more; what was counted in all stays.
    pub(super) fn begin_anew(&mut self) {
        (self.passes, self.failures, self.errors) = (0, 0, 0);
        self.windows.iter_mut().for_each(Window::empty);
    }

    pub(super) fn keep(&mut self, sample: Sample) {
        if self.recent.len() == KEPT_SAMPLES {
            self.recent.remove(0);
        }
        self.recent.push(sample);
    }

    /// The verdict. `decisive` says whether failures decide: not before a service that settles was met for the first time.
    pub(super) fn verdict(&self, sampling: &Sampling, decisive: bool, met_before: bool) -> Verdict {
        if decisive && self.failures >= sampling.unhealthy_after {
            Verdict::Failed
        } else if self.errors >= sampling.unhealthy_after {
            Verdict::Errored
        } else if self.passes > 0 && self.passes >= sampling.healthy_after {
            Verdict::Met
        } else if self.passes > 0 || met_before {
            Verdict::Holding
        } else {
            Verdict::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(readings: &[Reading]) -> Streak {
        let mut streak = Streak::default();
        for reading in readings {
            streak.count(Count::Reading(*reading));
        }
        streak
    }

    #[test]
    fn two_passes_in_a_row_meet_and_nothing_else_does() {
        use Reading::{Error, Fail, Pass};
        let sampling = Sampling::default();
        let verdict = |readings: &[Reading]| after(readings).verdict(&sampling, true, false);
        assert_eq!(verdict(&[]), Verdict::Unknown);
        assert_eq!(verdict(&[Pass]), Verdict::Holding);
        assert_eq!(verdict(&[Pass, Pass]), Verdict::Met);
        assert_eq!(verdict(&[Pass, Error, Pass]), Verdict::Holding);
        assert_eq!(verdict(&[Fail, Fail, Error, Fail]), Verdict::Unknown, "an error is no failure and ends the row");
        assert_eq!(verdict(&[Fail, Fail, Fail]), Verdict::Failed);
        assert_eq!(verdict(&[Error, Error, Error]), Verdict::Errored);
        assert_eq!(after(&[Fail, Fail, Fail, Fail]).verdict(&sampling, false, false), Verdict::Unknown, "failures decide nothing yet");
    }

    #[test]
    fn a_pass_of_another_container_begins_a_row_and_is_a_failure_in_all() {
        let mut streak = after(&[Reading::Pass]);
        streak.passes = 0;
        streak.count(Count::Reading(Reading::Pass));
        streak.was_another();
        assert_eq!((streak.passes, streak.totals), (1, (1, 1, 0)));
        let mut streak = after(&[Reading::Fail]);
        streak.was_another();
        assert_eq!(streak.totals, (0, 1, 0), "a failure is counted once");
    }

    #[test]
    fn a_pending_reading_ends_a_row_and_counts_as_nothing() {
        let mut streak = after(&[Reading::Pass]);
        streak.count(Count::Pending);
        assert_eq!((streak.passes, streak.failures, streak.totals), (0, 0, (1, 0, 0)));
    }
}
