//! Rehearsal: the plan that will run, run against every way it can go wrong, before it is run.
//!
//! Nothing here decides anything about a rollout. The engine, the Dokploy protocol and the judging of samples are the ones that run for real;
//! what is around them is the [`crate::world`] that the sandbox serves, called directly, on virtual time, without a thread or a socket. A
//! [`Rehearsal`] is plain data: its clone is another future of the same past, which is what makes exploring cheap.

mod back;
mod explore;
mod held;
mod joint;
mod line;
mod looking;
mod outcome;
mod place;
mod play;
mod properties;
mod rehearsal;
mod setting;
mod shape;
mod space;
mod table;

pub use explore::{Budget, Explored, Explorer, Rollbacks, Tally};
pub use line::{api_request, http_response};
pub use looking::look;
pub use outcome::{End, Outcome, noticed};
pub use place::Place;
pub use play::Played;
pub use properties::Broken;
pub use rehearsal::Rehearsal;
pub use setting::{Setting, environment, setting, stand_ins};
pub use space::{Case, Landmark, Mishap, landmarks};
pub use table::{Kind, Row, Span};
