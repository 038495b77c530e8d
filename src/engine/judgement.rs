//! Assertions: watches of what was well before, or must be well now. Failures decide at once, and waiting has an end.

use super::containers::Before;
use super::tracker::Patience;
use super::turn::Turn;
use super::watch::{Looks, Standing, Watch};
use super::{Event, Moment};
use crate::schedule::{ExpectationId, ServiceName};

/// A watch with an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assertion {
    pub watch: Watch,
    pub until: Moment,
    /// Whether it was told that asking goes badly.
    told: bool,
    /// Rounds past the end, granted to rows of passes that errors broke.
    granted: u32,
    /// Rounds past the end, granted because errors were too few to be believed.
    slow_errors: u32,
}

/// What an assertion came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Everything is met.
    Holds,
    /// Something is not. `at_deadline`: nothing failed for good, and the time is over.
    DoesNotHold { at_deadline: bool },
    /// It could not be asked.
    CannotTell(String),
    /// The run's own time is over.
    OutOfTime,
    /// Nothing yet.
    Open,
}

impl Assertion {
    /// Begins at once. `limit`: how long it may take to come to something.
    pub(super) fn begin(
        turn: &mut Turn,
        services: impl IntoIterator<Item = ServiceName>,
        others: impl IntoIterator<Item = ExpectationId>,
        looks: Looks,
        until: Moment,
    ) -> Self {
        let services = services.into_iter().map(|name| (name, Patience::None));
        let mut watch = Watch::new(&turn.schedule(), services, others, Before::default(), looks, turn.now).waiving(&turn.options().waived);
        turn.begin_round(&mut watch);
        Self { watch, until, told: false, granted: 0, slow_errors: 0 }
    }

    /// What the rounds so far come to. Tells once when asking goes badly.
    pub(super) fn outcome(&mut self, turn: &mut Turn) -> Outcome {
        let schedule = turn.schedule();
        match self.watch.standing(&schedule) {
            Standing::Met => return Outcome::Holds,
            Standing::Failed => return Outcome::DoesNotHold { at_deadline: false },
            Standing::Open => {}
        }
        if turn.now >= self.until && !turn.is_out_of_time() && (self.told || self.watch.is_impeded()) && self.watch.is_passing() {
            // Everything answers again, and well: what was lost to errors is made up, as far as a whole row of passes goes.
            if self.granted <= schedule.sampling.healthy_after {
                self.granted += 1;
                self.until = self.watch.next_wake();
                return Outcome::Open;
            }
        }
        if turn.now >= self.until && !turn.is_out_of_time() && self.slow_errors < schedule.sampling.unhealthy_after {
            // One or two answers that never came may take all the time there is: errors are believed when they come in a row, as failures are.
            if self.watch.only_errors(&schedule).is_some() && self.watch.errored(&schedule).is_none() && self.watch.is_impeded() {
                self.slow_errors += 1;
                self.until = self.watch.next_wake();
                return Outcome::Open;
            }
        }
        if turn.now >= self.until {
            return match self.watch.only_errors(&schedule) {
                Some(why) => Outcome::CannotTell(why),
                None if turn.is_out_of_time() => Outcome::OutOfTime,
                None => Outcome::DoesNotHold { at_deadline: true },
            };
        }
        if !self.told
            && let Some(why) = self.watch.errored(&schedule)
        {
            self.told = true;
            turn.emit(Event::Holding { why, until: self.until });
        }
        Outcome::Open
    }
}

/// `a`, `a and b`, `a, b and c`: names in a sentence.
pub(super) fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
