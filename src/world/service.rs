//! What a service answers.

use std::time::Duration;

/// What a service answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceAnswer {
    /// Nothing listens there.
    Refused,
    /// The connection is accepted, and no answer ever comes.
    Hang,
    /// An answer.
    Http {
        /// Its status.
        status: u16,
        /// Its body: JSON unless `x-sandbox` says otherwise.
        body: String,
        /// After how long it comes.
        after: Duration,
    },
}
