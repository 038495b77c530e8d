//! How long a schedule may take, phase by phase, from its own limits: at best, at worst, and at worst with a rollback.
//!
//! Each time of a phase runs from its first check to `verified`. What no limit of the plan says is counted with what it takes when Dokploy
//! and the services answer: an answer that does not come is waited for beyond these times, and told.

use super::{Gate, Phase, PhaseId, Schedule};
use crate::model::OnFailure;
use std::collections::BTreeMap;
use std::time::Duration;

/// Shortest and longest time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Everything answers at once, and nothing has to be pulled, built or started.
    pub best: Duration,
    /// Everything takes as long as it is allowed to and still succeeds. Approval waits are not counted.
    pub worst: Duration,
}

/// A sample that fails inside the soak starts it anew; it must be through within this many times its length.
pub const SOAK_TRIES: u32 = 2;

/// What the calls to Dokploy take in a phase beside its limits, while Dokploy answers: the text is compared, replaced and read back, the
/// deploy is asked for, the end is looked up, the text is marked. About twenty calls of less than a second each (FACTS §13.4).
pub const CALLS: Duration = Duration::from_secs(15);

/// What a phase took in runs that were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The median of them, or the sum of such medians.
    pub median: Duration,
    /// How many runs that is the median of; of a sum the fewest.
    pub runs: usize,
}

/// What phases took in runs that were, by the phase's name: from its first check to `verified`, without approval waits.
pub type Took = BTreeMap<String, Vec<Duration>>;

/// How long something takes: at best, by experience, at worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Shortest and longest time to `verified`.
    pub bounds: Bounds,
    /// By experience; `None` where there is none: nothing in a plan says how long a build takes.
    pub expected: Option<Expected>,
    /// The longest time until what was there before is verified again, where it fails as late as it can. `None` where a failure does not
    /// lead to a rollback.
    pub worst_with_rollback: Option<Duration>,
}

impl Expected {
    /// The median of what was recorded, if something was.
    pub fn of(took: &[Duration]) -> Option<Self> {
        let mut sorted = took.to_vec();
        sorted.sort_unstable();
        let middle = sorted.len().checked_sub(1)? / 2;
        let median = if sorted.len() % 2 == 1 { sorted[middle] } else { sorted[middle].saturating_add(sorted[middle + 1]) / 2 };
        Some(Self { median, runs: sorted.len() })
    }

    fn and(self, other: Self) -> Self {
        Self { median: self.median.saturating_add(other.median), runs: self.runs.min(other.runs) }
    }
}

/// A sum of times that cannot overflow.
pub(super) fn sum(times: impl IntoIterator<Item = Duration>) -> Duration {
    times.into_iter().fold(Duration::ZERO, Duration::saturating_add)
}

impl Gate {
    /// The shortest time in which all that it asks is met.
    fn row(&self, schedule: &Schedule) -> Duration {
        schedule.row(self.expectations.iter().flat_map(|id| &schedule.expectations[id.0].percentiles))
    }
}

impl Phase {
    /// Its gates that ask something of machines.
    pub(super) fn asking<'a>(&self, schedule: &'a Schedule) -> impl Iterator<Item = &'a Gate> {
        self.gates.iter().map(|gate| &schedule.gates[gate.0]).filter(|gate| gate.asked().next().is_some())
    }

    /// How long each of its questions may wait for an answer, in the order that they are asked in.
    pub(super) fn approvals<'a>(&self, schedule: &'a Schedule) -> impl Iterator<Item = (&'a Gate, Duration)> {
        self.gates.iter().map(|gate| &schedule.gates[gate.0]).filter_map(|gate| Some((gate, gate.approval.as_ref()?.within)))
    }

    /// From the phase's first check to `verified`. `at`: which phase it is.
    pub fn bounds(&self, at: PhaseId, schedule: &Schedule) -> Bounds {
        let of_service = |name| schedule.services.get(name).into_iter().flat_map(|service| &service.expectations);
        let streak = schedule.row(self.services.iter().flat_map(of_service).flat_map(|id| &schedule.expectations[id.0].percentiles));
        let gates = self.asking(schedule).map(|gate| gate.row(schedule));
        // What was delivered earlier is asked once before the deploy, or after each answer. Percentiles do not hold it up.
        let earlier = schedule.row([]).saturating_mul(self.times_earlier(at, schedule));
        let best = sum(gates.chain([earlier, streak, self.soak]));
        let worst = sum([self.before_deploy(at, schedule), CALLS, schedule.limits.queue, self.within, self.to_hold(schedule)]);
        Bounds { best, worst }
    }

    /// How often the services delivered earlier are asked before the deploy; the first phase has none.
    fn times_earlier(&self, at: PhaseId, schedule: &Schedule) -> u32 {
        let answers = u32::try_from(self.approvals(schedule).count()).unwrap_or(u32::MAX);
        if at.0 == 0 { 0 } else { answers.max(1) }
    }

    /// The longest time of its gates, approvals aside, and of asking what was delivered earlier.
    fn before_deploy(&self, at: PhaseId, schedule: &Schedule) -> Duration {
        let gates = u32::try_from(self.asking(schedule).count()).unwrap_or(u32::MAX);
        let one = self.settle.saturating_add(schedule.sampling.timeout);
        one.saturating_mul(gates.saturating_add(self.times_earlier(at, schedule)))
    }

    /// The longest time from the deploy's end to `verified`. A round that is in the air at a deadline is waited for.
    fn to_hold(&self, schedule: &Schedule) -> Duration {
        let timeout = schedule.sampling.timeout;
        sum([self.settle, timeout, self.soak.saturating_mul(SOAK_TRIES), timeout])
    }
}

impl Schedule {
    /// The shortest time of a row of passes that is long enough. A percentile is no pass before it has all its samples.
    fn row<'a>(&self, percentiles: impl IntoIterator<Item = &'a crate::model::Percentile>) -> Duration {
        let every = self.sampling.every;
        let gathering = percentiles.into_iter().map(|percentile| percentile.samples(every)).max().unwrap_or(1);
        every.saturating_mul(gathering.saturating_add(self.sampling.healthy_after).saturating_sub(2))
    }

    /// All phases after `start` (`None`: all), one after the other.
    pub fn bounds_after(&self, start: Option<PhaseId>) -> Bounds {
        let first = start.map_or(0, |phase| phase.0 + 1);
        self.phases.iter().enumerate().skip(first).fold(Bounds::default(), |sum, (at, phase)| {
            let bounds = phase.bounds(PhaseId(at), self);
            Bounds { best: sum.best.saturating_add(bounds.best), worst: sum.worst.saturating_add(bounds.worst) }
        })
    }

    /// How long a phase takes.
    pub fn times(&self, at: PhaseId, took: &Took) -> Times {
        let phase = self.phase(at);
        let expected = took.get(&phase.name).and_then(|took| Expected::of(took));
        Times { bounds: phase.bounds(at, self), expected, worst_with_rollback: self.with_rollback(at, Duration::ZERO, Duration::MAX) }
    }

    /// How long all of them take. The run's own time ends what comes before a rollback, and no rollback.
    pub fn times_in_all(&self, took: &Took) -> Times {
        let Bounds { best, worst } = self.bounds_after(None);
        let each = self.phases.iter().map(|phase| took.get(&phase.name).and_then(|took| Expected::of(took)));
        let expected = each.reduce(|sum, phase| Some(sum?.and(phase?))).flatten();
        let mut before = Duration::ZERO;
        let mut longest = None;
        for (at, phase) in self.phases.iter().enumerate() {
            longest = longest.max(self.with_rollback(PhaseId(at), before, self.limits.run));
            before = before.saturating_add(phase.bounds(PhaseId(at), self).worst);
        }
        Times { bounds: Bounds { best, worst: worst.min(self.limits.run) }, expected, worst_with_rollback: longest }
    }

    /// The longest time until a phase has failed and what was there before holds again. `before`: what came before the phase; `run`: what
    /// bounds all that comes before the rollback.
    fn with_rollback(&self, at: PhaseId, before: Duration, run: Duration) -> Option<Duration> {
        let phase = self.phase(at);
        if phase.on_failure == OnFailure::Stop {
            return None;
        }
        let (timeout, queue) = (self.sampling.timeout, self.limits.queue);
        let asked = sum([before, phase.before_deploy(at, self), CALLS, queue, phase.within]);
        // Its deploy does not end: it is waited for as long again. Then what runs is asked first, since nothing may have been touched.
        let overdue = sum([asked.min(run), phase.within, phase.settle, timeout]);
        let unhealthy = asked.saturating_add(phase.to_hold(self)).min(run.saturating_add(timeout));
        // What was there before the first phase has no times of its own.
        let target = at.0.checked_sub(1).map_or(phase, |before| &self.phases[before]);
        let back = sum([CALLS, timeout, queue, target.within, target.to_hold(self)]);
        Some(overdue.max(unhealthy).saturating_add(back))
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
        let first = schedule.phases[0].bounds(PhaseId(0), &schedule);
        // Two passes five seconds apart, then the soak.
        assert_eq!(first.best, Duration::from_secs(5 + 30));
        // Calls, queue, deploy, settle, two soaks, and twice a sample that is waited for.
        assert_eq!(first.worst, Duration::from_secs(15 + 900 + 180 + 120 + 60 + 2 * 3));
        let all = schedule.bounds_after(None);
        // Before the second phase the services of the first are asked, twice as well.
        assert_eq!(all.best, Duration::from_secs(5 + 30 + 5 + 5 + 60));
        let second = schedule.bounds_after(Some(PhaseId(0)));
        assert_eq!(second.best, Duration::from_secs(70));
        assert_eq!(second.worst, Duration::from_secs(120 + 3 + 15 + 900 + 180 + 120 + 120 + 2 * 3));
        assert_eq!(schedule.bounds_after(Some(PhaseId(1))), Bounds::default());
    }

    #[test]
    fn absurd_limits_do_not_overflow() {
        let mut schedule = schedule(&[1]);
        schedule.phases[0].soak = Duration::MAX;
        schedule.limits.queue = Duration::MAX;
        assert_eq!(schedule.bounds_after(None).worst, Duration::MAX);
    }

    #[test]
    fn a_rollback_comes_on_top_and_the_runs_own_time_does_not_end_it() {
        let mut schedule = schedule(&[30, 60]);
        let times = schedule.times(PhaseId(1), &Took::new());
        // Earlier services, calls, queue, a deploy that never ends and is waited for as long again, one proof; then the first phase's own times.
        let back = 15 + 3 + 900 + 180 + 120 + 60 + 6;
        assert_eq!(times.worst_with_rollback, Some(Duration::from_secs(123 + 15 + 900 + 2 * 180 + 123 + back)));
        schedule.limits.run = Duration::from_secs(60);
        let all = schedule.times_in_all(&Took::new());
        assert_eq!(all.bounds.worst, schedule.limits.run);
        // The first phase falls back to what was found, with its own times.
        assert_eq!(all.worst_with_rollback, Some(Duration::from_secs(60 + 180 + 123 + back)));
        schedule.phases.iter_mut().for_each(|phase| phase.on_failure = OnFailure::Stop);
        assert_eq!(schedule.times_in_all(&Took::new()).worst_with_rollback, None);
    }

    #[test]
    fn what_to_expect_is_the_median_of_what_was() {
        let seconds = |seconds: &[u64]| seconds.iter().copied().map(Duration::from_secs).collect::<Vec<_>>();
        assert_eq!(Expected::of(&[]), None);
        assert_eq!(Expected::of(&seconds(&[900, 60, 70])), Some(Expected { median: Duration::from_secs(70), runs: 3 }));
        assert_eq!(Expected::of(&seconds(&[60, 80])).unwrap().median, Duration::from_secs(70));
        let schedule = schedule(&[30, 60]);
        let mut took = Took::from([("p30".to_owned(), seconds(&[50, 60, 70]))]);
        assert_eq!(schedule.times_in_all(&took).expected, None, "nothing is known of the second phase");
        took.insert("p60".to_owned(), seconds(&[100]));
        assert_eq!(schedule.times_in_all(&took).expected, Some(Expected { median: Duration::from_secs(160), runs: 1 }));
        assert_eq!(schedule.times(PhaseId(0), &took).expected.unwrap().runs, 3);
    }
}
