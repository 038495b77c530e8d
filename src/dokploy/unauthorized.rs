//! What a 401 without a `code` means: Dokploy says it for a wrong, an expired and a rate-limited key, and for a database that is down
//! (FACTS §2). The question that needs no key tells them apart.

use super::failure::failure;
use super::{Refusal, Reply};
use crate::engine::{Failure, FailureKind};

/// Why a key was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The database answers, so it is the key.
    Key,
    /// The database does not answer.
    Database,
    /// The question was not answered either.
    Unknown(String),
}

/// Reads the answer to [`super::Call::Health`].
pub(super) fn cause(health: &Reply) -> Cause {
    match health {
        // An old version may not have the question: a 401 is then taken for what it says.
        Reply::Answered(_)
        | Reply::Refused(Refusal::NoSuchProcedure | Refusal::NotFound(_) | Refusal::Unauthorized | Refusal::Forbidden(_)) => Cause::Key,
        Reply::Refused(Refusal::Server(..)) => Cause::Database,
        Reply::Refused(_) => Cause::Unknown("it refuses the key, and its health cannot be asked".to_owned()),
        Reply::NotSent(why) | Reply::Lost(why) => Cause::Unknown(why.clone()),
    }
}

impl Cause {
    /// In the engine's terms; `trusted` says whether the key was accepted before.
    pub(super) fn failure(&self, trusted: bool) -> Failure {
        match self {
            // A key made without `rateLimitEnabled: false` is good for five requests a day (FACTS §3).
            Cause::Key if trusted => failure(
                FailureKind::KeyRefused,
                "Dokploy accepted the key before and now refuses it: it was deleted or disabled, has expired, or is rate-limited \
                 (make one with rate limiting off)",
            ),
            Cause::Key => failure(
                FailureKind::KeyRefused,
                "Dokploy does not accept the key: it is wrong, disabled, has expired, or is rate-limited (make one with rate limiting off)",
            ),
            Cause::Database => failure(FailureKind::DatabaseDown, "Dokploy answers, but its database does not"),
            Cause::Unknown(why) => failure(FailureKind::Unreachable, format!("Dokploy cannot be reached: {why}")),
        }
    }
}
