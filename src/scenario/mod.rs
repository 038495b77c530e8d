//! Scenarios: what goes wrong, and what must come of it, written beside a plan in its own language.
//!
//! A file of scenarios is read against the plan that it is for ([`load`]), played in memory ([`Stage`]) or over real HTTP by
//! `plan run --sandbox --scenario`, and judged by what the run told and what is so in the world ([`judge`]). The faults are those of the
//! sandbox ([`crate::world::Fault`]): a scenario has words for them and no faults of its own.

mod judge;
mod lower;
pub mod names;
mod stage;
mod staged;
mod strike;
mod witness;

pub use judge::{Came, Finding, Judged, judge};
pub use lower::load;
pub use stage::Stage;
pub use staged::{Expected, Scenario, Staged};
pub use witness::{Ended, Signs, Witness};
