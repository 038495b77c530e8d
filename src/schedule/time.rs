//! How long a schedule may take: best and worst case, phase by phase, from its own limits.

use super::{Phase, PhaseId, Schedule};
use std::time::Duration;

/// Shortest and longest time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Everything answers at once.
    pub best: Duration,
    /// Everything takes as long as it is allowed to and still succeeds. Approval waits are not counted.
    pub worst: Duration,
}

impl Phase {
    /// From the phase's start to `verified`, its gates held already.
    pub fn bounds(&self, schedule: &Schedule) -> Bounds {
        let sampling = schedule.sampling;
        let streak = sampling.every * (sampling.healthy_after.saturating_sub(1));
        Bounds {
            best: streak + self.soak,
            worst: schedule.limits.queue + self.within + self.settle + self.soak * SOAK_TRIES + sampling.timeout,
        }
    }
}

/// A sample that fails inside the soak starts it anew; it must be through within this many times its length.
pub const SOAK_TRIES: u32 = 2;

impl Schedule {
    /// All phases after `start` (`None`: all), one after the other.
    pub fn bounds_after(&self, start: Option<PhaseId>) -> Bounds {
        let first = start.map_or(0, |phase| phase.0 + 1);
        self.phases.iter().skip(first).fold(Bounds::default(), |sum, phase| {
            let bounds = phase.bounds(self);
            Bounds { best: sum.best + bounds.best, worst: sum.worst + bounds.worst }
        })
    }
}
