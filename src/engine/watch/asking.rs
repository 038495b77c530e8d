//! A round in the air: what is asked of whom, in two steps, and what has been answered.

use super::{Pace, ROUND_PATIENCE, Watch};
use crate::engine::docker::Ask;
use crate::engine::tracker::Tracker;
use crate::engine::{Answer, Container, Effect, Intent, Moment, Observed, OpId, Reading, Sample};
use crate::model::Probe;
use crate::schedule::{ExpectationId, Schedule};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A round that begins by so much too late begins when it was due all the same, as far as the next one is concerned: a timer is always a
/// little late, and that is not to add up.
const A_LITTLE_LATE: Duration = Duration::from_millis(100);

/// One round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) started: Moment,
    pub(super) observe: Option<OpId>,
    pub(super) observed: Option<Observed>,
    pub(super) awaited: BTreeMap<OpId, ExpectationId>,
    pub(super) samples: BTreeMap<ExpectationId, Sample>,
    /// What else Dokploy was asked, and said.
    pub(super) asked: BTreeMap<OpId, Ask>,
    pub(super) answers: BTreeMap<Ask, Answer>,
    /// Whether what follows from the containers was asked.
    pub(super) is_asked_on: bool,
}

impl Watch {
    /// Begins a round, with ids from `next_op` on.
    pub(in crate::engine) fn begin(&mut self, schedule: &Schedule, now: Moment, mut next_op: impl FnMut() -> OpId) -> Vec<Effect> {
        let mut effects = Vec::new();
        let observe = (self.looks != super::Looks::No).then(&mut next_op);
        effects.extend(observe.map(|op| Effect::Platform { op, intent: Intent::Observe }));
        let others = self.others.keys().chain(self.asides.keys()).copied();
        let wanted: BTreeSet<ExpectationId> = self.services.values().flat_map(Tracker::asked).chain(others).collect();
        let (mut awaited, mut asks) = (BTreeMap::new(), BTreeSet::new());
        for expectation in wanted {
            if let Probe::Docker(docker) = &schedule.expectations[expectation.0].probe {
                asks.extend(Ask::of(docker));
                continue;
            }
            let op = next_op();
            awaited.insert(op, expectation);
            effects.push(Effect::Sample { op, expectation });
        }
        let asked: BTreeMap<OpId, Ask> = asks.into_iter().map(|ask| (next_op(), ask)).collect();
        effects.extend(asked.iter().map(|(op, ask)| Effect::Platform { op: *op, intent: ask.intent() }));
        let started = match &self.pace {
            Pace::Waiting(due) if now - *due <= A_LITTLE_LATE => (*due).min(now),
            _ => now,
        };
        self.pace = Pace::Asking(Round {
            started,
            observe,
            observed: None,
            awaited,
            samples: BTreeMap::new(),
            asked,
            answers: BTreeMap::new(),
            is_asked_on: false,
        });
        effects
    }

    /// What is to be asked once the round's containers are known: their logs.
    pub(in crate::engine) fn ask_on(&mut self, schedule: &Schedule, now: Moment, mut next_op: impl FnMut() -> OpId) -> Vec<Effect> {
        let Pace::Asking(round) = &mut self.pace else { return Vec::new() };
        let (Some(Observed::Known(containers)), false) = (&round.observed, round.is_asked_on) else { return Vec::new() };
        round.is_asked_on = true;
        let mut effects = Vec::new();
        for (name, tracker) in &self.services {
            let own: Vec<&Container> = containers.iter().filter(|one| one.service == *name).collect();
            for ask in tracker.log_asks(&own, &self.before, schedule, now) {
                let op = next_op();
                effects.push(Effect::Platform { op, intent: ask.intent() });
                round.asked.insert(op, ask);
            }
        }
        effects
    }

    /// Whether this answer belongs to the round in the air.
    pub(in crate::engine) fn awaits(&self, op: OpId) -> bool {
        matches!(&self.pace, Pace::Asking(round) if round.observe == Some(op) || round.awaited.contains_key(&op) || round.asked.contains_key(&op))
    }

    pub(in crate::engine) fn take_sample(&mut self, op: OpId, sample: Sample) {
        if let Pace::Asking(round) = &mut self.pace
            && let Some(expectation) = round.awaited.remove(&op)
        {
            round.samples.insert(expectation, sample);
        }
    }

    pub(in crate::engine) fn take_answer(&mut self, op: OpId, answer: Answer) {
        let Pace::Asking(round) = &mut self.pace else { return };
        if round.observe == Some(op) {
            round.observe = None;
            round.observed = Some(match answer {
                Answer::Observed(observed) => observed,
                Answer::Failed(failure) => Observed::Unknown(failure.message),
                _ => Observed::Unknown("answered with something else".to_owned()),
            });
        } else if let Some(ask) = round.asked.remove(&op) {
            round.answers.insert(ask, answer);
        }
    }

    /// How many answers the round still waits for.
    pub(in crate::engine) fn awaited(&self) -> usize {
        match &self.pace {
            Pace::Asking(round) => round.awaited.len() + round.asked.len() + usize::from(round.observe.is_some()),
            Pace::Waiting(_) => 0,
        }
    }

    /// Gives up what has not answered, as errors. Gives the ids that are not wanted any more.
    pub(in crate::engine) fn give_up(&mut self, schedule: &Schedule, now: Moment) -> Vec<OpId> {
        let Pace::Asking(round) = &mut self.pace else { return Vec::new() };
        let why = format!("no answer within {} s", ROUND_PATIENCE.as_secs());
        let mut given_up: Vec<OpId> = round.awaited.keys().copied().collect();
        for (_, expectation) in std::mem::take(&mut round.awaited) {
            let expected = schedule.expectations[expectation.0].text.clone();
            let took_ms = u64::try_from((now - round.started).as_millis()).unwrap_or(u64::MAX);
            round.samples.insert(expectation, Sample { reading: Reading::Error, expected, actual: why.clone(), at: now, took_ms });
        }
        for (op, ask) in std::mem::take(&mut round.asked) {
            given_up.push(op);
            round.answers.insert(ask, Answer::Observed(Observed::Unknown(why.clone())));
        }
        if let Some(op) = round.observe.take() {
            given_up.push(op);
            round.observed = Some(Observed::Unknown(why));
        }
        given_up
    }
}
