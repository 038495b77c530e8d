//! The Dokploy protocol, pure: turns an intent of the engine into calls, one turn at a time. Binding, latch, lost-job rule, retry,
//! backoff and the reading of a 401 live here.
//!
//! [`Session::begin`] makes a [`Procedure`] of an intent, [`Procedure::turn`] says what to send or how long to wait until it has the
//! [`crate::engine::Answer`], and [`Session::learn`] keeps what it came to know.

mod aftermath;
mod call;
mod clean;
mod deploy;
mod failure;
mod features;
mod follow;
mod foreign;
mod inspect;
mod jitter;
mod logs;
mod lookup;
mod named;
mod observe;
mod procedure;
mod published;
mod replace;
mod retry;
mod room;
pub mod rows;
mod session;
mod shape;
mod still_ours;
mod stop;
mod survey;
mod unauthorized;
mod withdraw;

pub(crate) use crate::secrets::percent_encoded;
pub use crate::secrets::{Masks, SHORTEST_ENVIRONMENT_VALUE};
pub use call::{Body, Call, Refusal, Reply};
pub use inspect::container as read_container;
pub use procedure::{Next, Procedure, Turn};
pub use session::{App, Session, Target};
