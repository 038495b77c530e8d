//! What the loop needs of the engine, so that the loop's own rules can be tested with a scripted one.

use crate::engine::{Effect, Ending, Event, Input, Moment};

/// A state machine that the loop drives.
pub trait Machine {
    /// What an input makes so, and what is to be done about it. Changes nothing.
    fn decide(&self, now: Moment, input: Input) -> (Vec<Event>, Vec<Effect>);
    /// Takes an event into the state.
    fn apply(&mut self, now: Moment, event: &Event);
    /// When it wants to be asked again, whatever happens.
    fn next_wake(&self) -> Option<Moment>;
    /// How it ended, once it has.
    fn ending(&self) -> Option<Ending>;
}
