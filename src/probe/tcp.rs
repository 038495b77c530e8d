//! Asking whether a connection is accepted, and kept.

use super::{Asking, Outcome, connect};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout_at};

/// How long a connection is watched after it was accepted, besides the time that connecting took. Docker's proxy accepts on a published port
/// whatever the container does, and closes at once when nothing listens there (FACTS §7).
const KEPT_FOR: Duration = Duration::from_millis(250);

/// Connects, sees that it is not shown the door at once, and closes again. A first byte is as good as silence.
pub(super) async fn ask(host: &str, port: u16, asking: &Asking, timeout: Duration) -> Outcome {
    let began = Instant::now();
    let deadline = began + timeout;
    let mut stream = match connect::connect(host, port, &asking.connect_to, deadline, timeout).await {
        Ok(stream) => stream,
        Err(outcome) => return outcome,
    };
    let connected = Instant::now();
    let until = deadline.min(connected + KEPT_FOR + (connected - began));
    match timeout_at(until, stream.read(&mut [0; 1])).await {
        Ok(Ok(0)) => Outcome::ShownTheDoor,
        Ok(Err(error)) => connect::from_io(&error, timeout),
        Ok(Ok(_)) | Err(_) => Outcome::Connected,
    }
}
