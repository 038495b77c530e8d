//! Everything that is shown: the only layer that prints.
//!
//! A run's events come in through [`Reporter`]. [`progress::View`] folds them into what there is to show; `narrator` and `story` put it
//! into words; `live` makes the frame that `terminal` paints, `plain` the lines for CI, `json` the lines for programs. Every piece of text
//! passes through `safe` on its way.

pub mod account;
pub mod allows;
pub mod annotations;
mod cause;
pub mod check;
mod close;
mod complaint;
pub mod diagnostics;
mod difference;
pub mod exit;
mod facts;
mod failure;
mod forecast;
pub mod graph;
mod header;
pub mod health;
pub mod json;
mod junit;
pub mod line;
pub mod live;
mod narrator;
/// What of the schedule is ever shown.
pub mod outline {
    pub use crate::engine::{GateOutline, Outline, PhaseOutline};
}
pub mod page;
pub mod past;
mod plain;
pub mod progress;
pub mod rehearsal;
mod reporter;
pub mod runbook;
pub mod safe;
pub mod scenario;
mod setting;
pub mod standing;
mod story;
mod stream;
pub mod tables;
pub mod terminal;
mod unified;
pub mod vigil;
pub mod way_back;
pub mod words;
mod workflow;

pub use complaint::{complaint, to_stderr, to_stdout};
pub use header::answer_command;
pub use reporter::{PLAIN_WIDTH, Reporter, Streams};
pub use setting::{ColourChoice, Format, Setting, Speed};
pub use unified::unified;
pub use vigil::{VigilReporter, VigilSetting};
