//! What cannot be done, as the engine is told.

use super::{Call, Refusal};
use crate::engine::{Failure, FailureKind};
use std::time::Duration;

/// A failure that certainly changed nothing.
pub(super) fn failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure { kind, message: message.into(), may_have_acted: false, tried_for: Duration::ZERO }
}

/// A settled no to a call.
pub(super) fn refused(call: &Call, refusal: &Refusal) -> Failure {
    let procedure = call.procedure();
    match refusal {
        Refusal::Unauthorized => failure(FailureKind::KeyRefused, "Dokploy does not accept the key"),
        Refusal::Forbidden(said) => failure(FailureKind::MissingRight, format!("the key may not call {procedure}: {said}")),
        Refusal::NoSuchProcedure => {
            failure(FailureKind::NotDokploy, format!("this server has no {procedure}: an old Dokploy, or another address"))
        }
        Refusal::NotFound(said) => failure(FailureKind::NotFound, format!("{said} ({procedure})")),
        Refusal::BadInput(said) => failure(FailureKind::ServerError, format!("Dokploy does not take {procedure}: {said}")),
        Refusal::TooMany => failure(FailureKind::ServerError, format!("too many requests, says the server to {procedure}")),
        Refusal::Server(status, said) => failure(FailureKind::ServerError, format!("Dokploy answers {status} to {procedure}: {said}")),
        Refusal::NotDokploy(status, seen) => failure(
            FailureKind::NotDokploy,
            format!(
                "what answers there is not Dokploy's API: {status} and {seen} for {procedure}; the URL is the server's base address, without a path"
            ),
        ),
    }
}

/// An answer whose content makes no sense.
pub(super) fn unreadable(call: &Call) -> Failure {
    failure(FailureKind::NotDokploy, format!("the answer to {} does not have the shape that Dokploy gives it", call.procedure()))
}
