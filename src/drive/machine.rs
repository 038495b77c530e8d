//! What the loop needs of the engine, so that the loop's own rules can be tested with a scripted one.

use crate::engine::{Ending, Engine, Event, Input, Moment, Step};

/// A state machine that the loop drives.
pub trait Machine {
    /// What an input makes so, and what is to be done about it. Changes nothing.
    fn decide(&self, now: Moment, input: Input) -> Step;
    /// Takes an event into the state.
    fn apply(&mut self, now: Moment, event: &Event);
    /// When it wants to be asked again, whatever happens.
    fn next_wake(&self) -> Option<Moment>;
    /// How it ended, once it has.
    fn ending(&self) -> Option<&Ending>;
}

impl Machine for Engine {
    fn decide(&self, now: Moment, input: Input) -> Step {
        Engine::decide(self, now, input)
    }

    fn apply(&mut self, now: Moment, event: &Event) {
        Engine::apply(self, now, event);
    }

    fn next_wake(&self) -> Option<Moment> {
        Engine::next_wake(self)
    }

    fn ending(&self) -> Option<&Ending> {
        Engine::ending(self)
    }
}
