//! A service as last seen.

use crate::engine::{Health, Moment, Reading, RoundService, Sample, ServiceState, Verdict};
use crate::report::words;
use std::time::Duration;

/// A service as last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceView {
    /// What its container does.
    pub state: ServiceState,
    /// Docker's healthcheck verdict, if it has one.
    pub health: Option<Health>,
    /// All its expectations together.
    pub verdict: Verdict,
    /// The last reading.
    pub reading: Reading,
    /// Passes in a row.
    pub passes: u32,
    /// What was seen last, when it was no pass.
    pub actual: Option<String>,
    /// The last round's sample that says most, if there was one: the worst, and of several the slowest.
    pub sample: Option<Sample>,
    /// When it was asked last.
    pub at: Moment,
    /// Rounds since the last deploy ended: passed, failed, could not be asked.
    pub counts: (u64, u64, u64),
}

impl ServiceView {
    pub(super) fn new(now: Moment, round: &RoundService) -> Self {
        let mut view = Self {
            state: round.state.clone(),
            health: None,
            verdict: round.verdict,
            reading: round.reading,
            passes: 0,
            actual: None,
            sample: None,
            at: now,
            counts: (0, 0, 0),
        };
        view.update(now, round);
        view
    }

    pub(super) fn update(&mut self, now: Moment, round: &RoundService) {
        let (passed, failed, errored) = &mut self.counts;
        match round.reading {
            Reading::Pass => *passed += 1,
            Reading::Fail => *failed += 1,
            Reading::Error => *errored += 1,
        }
        self.state = round.state.clone();
        self.health = round.health;
        self.verdict = round.verdict;
        self.reading = round.reading;
        self.passes = round.passes;
        self.actual.clone_from(&round.actual);
        self.sample = round.samples.values().max_by_key(|sample| (sample.reading, sample.took_ms)).cloned();
        self.at = now;
    }

    /// Whether all its expectations are met.
    pub fn is_met(&self) -> bool {
        self.verdict == Verdict::Met
    }

    /// What its container does, in a word or two.
    pub fn state_words(&self) -> String {
        let again = |word: &str, restarts: u64| match restarts {
            0 => word.to_owned(),
            restarts => format!("{word} (restart {restarts})"),
        };
        match &self.state {
            ServiceState::Running { restarts } => again("running", *restarts),
            ServiceState::Restarting { restarts } => again("restarting", *restarts),
            ServiceState::Exited(code) => format!("exited ({code})"),
            ServiceState::Created => "created".to_owned(),
            ServiceState::Missing => "no container".to_owned(),
            ServiceState::Unknown => "unknown".to_owned(),
        }
    }

    /// The same where it stands in parentheses itself.
    fn state_in_parentheses(&self) -> String {
        match &self.state {
            ServiceState::Exited(code) => format!("exited with {code}"),
            _ => self.state_words().replace(" (", ", ").replace(')', ""),
        }
    }

    /// How many passes in a row there are, and while they are too few how many are wanted.
    pub fn streak(&self, healthy_after: u32) -> String {
        match self.passes {
            passes if passes < healthy_after => format!("{passes} of {healthy_after} passes"),
            1 => "1 pass".to_owned(),
            passes => format!("{passes} passes"),
        }
    }

    /// What was seen last, in words; nothing of one that was not asked.
    pub fn last_sample(&self) -> Option<String> {
        match (&self.actual, &self.sample) {
            (Some(actual), _) => Some(actual.clone()),
            (None, Some(sample)) => Some(format!("{} in {}", sample.actual, words::duration(Duration::from_millis(sample.took_ms)))),
            (None, None) => None,
        }
    }

    /// Why it is not met yet, in a few words; for a met one what holds.
    pub fn why(&self, healthy_after: u32) -> String {
        let running = matches!(self.state, ServiceState::Running { .. });
        match (&self.actual, self.verdict) {
            (Some(actual), _) if running => actual.clone(),
            (_, _) if !running => self.state_in_parentheses(),
            (_, Verdict::Met) => match self.health {
                Some(Health::Unhealthy) => "passing, though Docker says unhealthy".to_owned(),
                _ => "healthy".to_owned(),
            },
            _ => format!("{} of {healthy_after} passes", self.passes),
        }
    }
}
