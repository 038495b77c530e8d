//! The engine: what a rollout does next, as a pure function. No clock, no I/O, no async, ordered collections only.
//!
//! [`Engine::decide`] takes what was just learnt and gives events (what is now so) and effects (what to do). The state changes only by
//! [`Engine::apply`] of an event, so that journal, reporters, resume and rehearsal all live on the one stream of events.
//! [`Engine::next_wake`] says when it wants to be asked again.
//!
//! Intents are imperatives, events past tense, verdicts adjectives.

mod effect;
mod ending;
mod event;
mod input;
mod moment;
mod platform;
mod sample;

pub use effect::{Effect, Evidence, Intent, OpId};
pub use ending::{Ending, ExitCode, Facts, Reason};
pub use event::{Cause, DeployPurpose, Event, FailedService, Position, RoundService, ServiceState, Target, Undo};
pub use input::{Approver, Input, Options};
pub use moment::Moment;
pub use platform::{
    Answer, Container, ContainerId, ContainerState, DeployEnd, DeployProgress, DeploymentId, Failure, FailureKind, Health, HostContainer,
    Log, Observed, QueuedJob, Right, RowStatus, Survey,
};
pub use sample::{Reading, Sample, Verdict};
