//! Jitter: what several runs that failed together ask again, they do not ask at the same moments.
//!
//! Pure, and the same for the same run: a seed (made of the run's id), the moment at which the asking began and the number of the repetition
//! make the part of a gap that is waited. No clock and no randomness of the machine's: the same run plays the same way again.

use crate::engine::Moment;
use std::time::Duration;

/// Shortens gaps by up to a quarter. The default leaves them as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Jitter(Option<u64>);

impl Jitter {
    /// Jitter of its own for each text: a run's id.
    pub(super) fn of(seed: &str) -> Self {
        // FNV-1a: spread over all bits by `mixed`.
        let hash = seed.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(Some(hash))
    }

    /// Between three quarters of the gap and all of it. Never longer, so that a limit on the gap stays one.
    pub(super) fn shorten(self, gap: Duration, began: Moment, round: u32) -> Duration {
        let Some(seed) = self.0 else { return gap };
        let began = u64::try_from(began.0.as_millis()).unwrap_or(u64::MAX);
        let part = mixed(seed ^ mixed(began ^ mixed(u64::from(round)))) % 257;
        let quarter = gap / 4;
        gap.saturating_sub(quarter * u32::try_from(part).unwrap_or(0) / 256)
    }
}

/// The finalizer of `SplitMix64`: every bit of the input reaches every bit of the output.
fn mixed(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn gaps(seed: &str) -> Vec<Duration> {
        (0..64).map(|round| Jitter::of(seed).shorten(Duration::from_secs(8), Moment::millis(7), round)).collect()
    }

    #[test]
    fn gaps_keep_to_their_quarter_and_differ() {
        let all = gaps("20261123-164501-k3f9");
        assert!(all.iter().all(|gap| *gap >= Duration::from_secs(6) && *gap <= Duration::from_secs(8)), "{all:?}");
        assert!(all.iter().collect::<BTreeSet<_>>().len() > 32, "{all:?}");
        assert!(all.iter().any(|gap| *gap < Duration::from_millis(6500)) && all.iter().any(|gap| *gap > Duration::from_millis(7500)));
    }

    #[test]
    fn the_same_run_waits_the_same_and_another_one_does_not() {
        assert_eq!(gaps("one"), gaps("one"));
        let same = gaps("one").iter().zip(gaps("two")).filter(|(one, two)| **one == *two).count();
        assert!(same < 8, "{same} of 64 gaps are the same");
    }

    #[test]
    fn without_a_seed_nothing_is_changed() {
        assert_eq!(Jitter::default().shorten(Duration::from_millis(500), Moment::START, 3), Duration::from_millis(500));
    }
}
