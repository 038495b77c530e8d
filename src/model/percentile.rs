//! Percentiles: what so many of all samples must be below.

use super::duration;
use std::fmt;
use std::time::Duration;

/// `time p95 < 500ms over 2m`: of the samples in the last two minutes, 95 in a hundred took less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentile {
    /// In tenths of a percent, from 1 to 999: 950 for `p95`.
    pub tenths: u16,
    /// What the time must be below.
    pub limit: Duration,
    /// Over how long samples are gathered.
    pub over: Duration,
}

impl Percentile {
    /// The fewest samples that it says anything of: with fewer it is the slowest of all.
    pub fn least(&self) -> u32 {
        1000_u32.div_ceil(1000 - u32::from(self.tenths.min(999)))
    }

    /// How many samples it is taken over, one every `every`.
    pub fn samples(&self, every: Duration) -> u32 {
        u32::try_from(self.over.as_millis() / every.as_millis().max(1)).unwrap_or(u32::MAX)
    }

    /// The place, from 0, of its value among `samples` sorted times: the nearest rank.
    pub fn rank(&self, samples: usize) -> usize {
        (samples * usize::from(self.tenths)).div_ceil(1000).saturating_sub(1)
    }
}

/// As the plan writes it.
impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, tenth) = (self.tenths / 10, self.tenths % 10);
        write!(f, "time p{whole}")?;
        if tenth > 0 {
            write!(f, ".{tenth}")?;
        }
        write!(f, " < {} over {}", duration(self.limit), duration(self.over))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tenths: u16) -> Percentile {
        Percentile { tenths, limit: Duration::from_millis(500), over: Duration::from_secs(120) }
    }

    #[test]
    fn a_percentile_needs_as_many_samples_as_make_it_more_than_the_slowest() {
        assert_eq!([500, 900, 950, 990, 999].map(|tenths| of(tenths).least()), [2, 10, 20, 100, 1000]);
        assert_eq!(of(950).samples(Duration::from_secs(5)), 24);
        assert_eq!((of(950).rank(20), of(950).rank(24), of(500).rank(2), of(999).rank(1000)), (18, 22, 0, 998));
    }

    #[test]
    fn it_reads_as_the_plan_writes_it() {
        assert_eq!(of(950).to_string(), "time p95 < 500ms over 2m");
        assert_eq!(of(999).to_string(), "time p99.9 < 500ms over 2m");
    }
}
