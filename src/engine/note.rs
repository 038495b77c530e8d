//! The engine's notes to itself: where the work stands and what it waits for. They travel as events, so that the state changes in one way
//! only; they are neither journalled nor shown. What must outlive the process is in the durable events and in [`super::ledger`].

use super::stage::Stage;
use super::{Answer, OpId, Sample};
use std::sync::Arc;

/// One note. Opaque outside the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note(pub(super) Option<Box<Entry>>);

/// What a note says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// The work stands here now; ids below this one are used.
    Stage(Arc<Stage>, u64),
    /// A sample of the round in the air.
    Sampled(OpId, Sample),
    /// What Dokploy was asked in the round in the air.
    Answered(OpId, Answer),
    /// The user wants to leave, as soon as the write in flight is answered.
    Leaving,
}

impl Note {
    pub(super) fn new(entry: Entry) -> Self {
        Self(Some(Box::new(entry)))
    }
}
