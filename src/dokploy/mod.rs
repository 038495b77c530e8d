//! The Dokploy protocol, pure: turns an intent of the engine into calls, one turn at a time. Binding, latch, lost-job rule, retry,
//! backoff and the reading of a 401 live here.

mod call;
mod percent;

pub use call::{Body, Call, Refusal, Reply};
pub(crate) use percent::percent_encoded;
