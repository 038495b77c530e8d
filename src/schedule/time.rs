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
        // A percentile is no pass before it has all its samples.
        let of_service = |name| schedule.services.get(name).into_iter().flat_map(|service| &service.expectations);
        let percentiles = self.services.iter().flat_map(of_service).flat_map(|id| &schedule.expectations[id.0].percentiles);
        let gathering = percentiles.map(|percentile| percentile.samples(sampling.every)).max().unwrap_or(1);
        let streak = sampling.every.saturating_mul(gathering.saturating_add(sampling.healthy_after).saturating_sub(2));
        let soaks = self.soak.saturating_mul(SOAK_TRIES);
        let steps = [schedule.limits.queue, self.within, self.settle, soaks, sampling.timeout];
        Bounds { best: streak.saturating_add(self.soak), worst: steps.into_iter().fold(Duration::ZERO, Duration::saturating_add) }
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
            Bounds { best: sum.best.saturating_add(bounds.best), worst: sum.worst.saturating_add(bounds.worst) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{App, Limits, OnFailure, Sampling, Text};
    use crate::source::{SourceMap, Span, Spanned};
    use std::collections::{BTreeMap, BTreeSet};

    fn schedule(soaks: &[u64]) -> Schedule {
        let span = Span::new(SourceMap::default().add("rollout.plan", ""), 0..0);
        let text = || Spanned::new(Text::literal("x"), span);
        let phase = |soak: &u64| Phase {
            name: format!("p{soak}"),
            note: None,
            gates: Vec::new(),
            path: String::new(),
            text: String::new(),
            digest: String::new(),
            pins: Vec::new(),
            services: BTreeSet::new(),
            adds: BTreeSet::new(),
            removes: BTreeSet::new(),
            ports: BTreeMap::new(),
            images: BTreeMap::new(),
            container_names: BTreeMap::new(),
            within: Duration::from_secs(180),
            settle: Duration::from_secs(120),
            soak: Duration::from_secs(*soak),
            on_failure: OnFailure::Rollback,
        };
        Schedule {
            externals: BTreeMap::new(),
            rollout: "r".to_owned(),
            app: App { name: Spanned::new("a".to_owned(), span), project: text(), environment: text(), compose: text() },
            sampling: Sampling::default(),
            limits: Limits::default(),
            services: BTreeMap::new(),
            expectations: Vec::new(),
            gates: Vec::new(),
            phases: soaks.iter().map(phase).collect(),
            watch: None,
            told: Vec::new(),
        }
    }

    #[test]
    fn bounds_add_up_over_the_phases() {
        let schedule = schedule(&[30, 60]);
        let first = schedule.phases[0].bounds(&schedule);
        // Two passes five seconds apart, then the soak.
        assert_eq!(first.best, Duration::from_secs(5 + 30));
        // Queue, deploy, settle, two soaks, one last sample.
        assert_eq!(first.worst, Duration::from_secs(900 + 180 + 120 + 60 + 3));
        let all = schedule.bounds_after(None);
        assert_eq!(all.best, Duration::from_secs(5 + 30 + 5 + 60));
        assert_eq!(schedule.bounds_after(Some(PhaseId(0))).best, Duration::from_secs(65));
        assert_eq!(schedule.bounds_after(Some(PhaseId(1))), Bounds::default());
    }

    #[test]
    fn absurd_limits_do_not_overflow() {
        let mut schedule = schedule(&[1]);
        schedule.phases[0].soak = Duration::MAX;
        schedule.limits.queue = Duration::MAX;
        assert_eq!(schedule.bounds_after(None).worst, Duration::MAX);
    }
}
