//! What came of a run, whoever ran it: the signs that it gave, how it ended, and what was so around it.

use crate::engine::{Ending, Event, Moment, Reading};
use crate::rehearse::Rehearsal;
use crate::schedule::ServiceName;
use crate::world::{Fault, Truth, World};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What a run told while it ran.
#[derive(Clone, Debug, Default)]
pub struct Signs {
    /// Its durable events, with their moments.
    pub told: Vec<(Moment, Arc<Event>)>,
    /// Services whose reading was no pass, each time these became others, and from when on.
    pub unwell: Vec<(Moment, BTreeSet<ServiceName>)>,
}

impl Signs {
    /// Those of a run in memory.
    pub fn of(run: &Rehearsal) -> Self {
        Self { told: run.told().to_vec(), unwell: run.unwell().to_vec() }
    }

    /// Takes one event of a run under way.
    pub fn tell(&mut self, now: Moment, event: &Event) {
        if let Event::Round { services, .. } = event {
            let unwell = services.iter().filter(|(_, round)| round.reading != Reading::Pass).map(|(name, _)| name);
            if self.unwell.last().is_none_or(|(_, last)| !last.iter().eq(unwell.clone())) {
                self.unwell.push((now, unwell.cloned().collect()));
            }
        }
        if event.is_durable() {
            self.told.push((now, Arc::new(event.clone())));
        }
    }

    /// How the run ended, and when.
    pub fn ending(&self) -> Option<(Moment, &Ending)> {
        self.told.iter().rev().find_map(|(at, event)| match &**event {
            Event::RunEnded { ending } => Some((*at, ending)),
            _ => None,
        })
    }
}

/// What was so at a run's end.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// In the world around it.
    pub truth: Truth,
    /// Every fault, and when it struck first; `None`: it never had anything to break.
    pub struck: Vec<(Fault, Option<Duration>)>,
}

impl Ended {
    /// Of a world at that moment.
    pub fn of(world: &mut World, now: Duration) -> Self {
        let truth = world.truth(now);
        Self { truth, struck: world.struck_faults().map(|(fault, first)| (fault.clone(), first)).collect() }
    }
}

/// Everything that a scenario is judged by.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    /// What the run told.
    pub signs: Signs,
    /// What was so at its end.
    pub ended: Ended,
}
