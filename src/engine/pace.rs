//! When the samples of a round begin: a plan's usual few at once, more of them in groups. A thousand at one instant would wait for each other,
//! and be a wave of connections to whoever is asked.

use super::Moment;
use std::time::Duration;

/// Samples that begin at once.
const GROUP: usize = 50;

/// Between groups: 5,000 samples a second.
const APART: Duration = Duration::from_millis(10);

/// The group that is beginning: when, and how many of it have their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace(Option<(Moment, usize)>);

impl Pace {
    /// When the next sample begins, now or later. Samples get their places in the order in which they ask.
    pub fn place(&mut self, now: Moment) -> Moment {
        let (begins, places) = match self.0 {
            Some((begins, places)) if begins + APART > now && places < GROUP => (begins, places),
            Some((begins, _)) if begins + APART > now => (begins + APART, 0),
            _ => (now, 0),
        };
        self.0 = Some((begins, places + 1));
        begins
    }
}
