//! Asking whether a connection is accepted.

use super::{Asking, Outcome, connect};
use std::time::Duration;
use tokio::time::Instant;

/// Connects and closes again.
pub(super) async fn ask(host: &str, port: u16, asking: &Asking, timeout: Duration) -> Outcome {
    match connect::connect(host, port, &asking.connect_to, Instant::now() + timeout, timeout).await {
        Ok(_) => Outcome::Connected,
        Err(outcome) => outcome,
    }
}
