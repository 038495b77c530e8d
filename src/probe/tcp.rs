//! Asking whether a connection is accepted, and kept; and what the service says by itself.

use super::connect::{self, First};
use super::{Asking, Outcome};
use crate::model::{Condition, Holds};
use serde_json::Value;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// How long a connection is watched after it was accepted, besides the time that connecting took. Docker's proxy accepts on a published port
/// whatever the container does, and closes at once when nothing listens there (FACTS §7).
const KEPT_FOR: Duration = Duration::from_millis(250);

/// As much of a banner as is read.
const BANNER_LIMIT: usize = 4096;

/// Connects, sees that it is not shown the door at once, and closes again. A first byte is as good as silence, unless a banner is expected.
pub(super) async fn ask(host: &str, port: u16, banner: &[Condition], asking: &Asking, timeout: Duration) -> Outcome {
    let began = Instant::now();
    let deadline = began + timeout;
    let mut stream = match connect::connect(host, port, First::Service, &asking.connect_to, deadline, timeout).await {
        Ok(stream) => stream,
        Err(outcome) => return outcome,
    };
    let pause = KEPT_FOR + began.elapsed();
    if !banner.is_empty() {
        return said(stream, banner, pause, deadline, timeout).await;
    }
    match timeout_at(deadline.min(Instant::now() + pause), stream.read(&mut [0; 1])).await {
        Ok(Ok(0)) => Outcome::ShownTheDoor,
        Ok(Err(error)) => connect::from_io(&error, timeout),
        Ok(Ok(_)) | Err(_) => Outcome::Connected,
    }
}

/// Reads until the banner is as expected, or the service pauses or leaves.
async fn said(mut stream: TcpStream, banner: &[Condition], pause: Duration, deadline: Instant, timeout: Duration) -> Outcome {
    let mut said = Vec::new();
    while said.len() < BANNER_LIMIT {
        let until = if said.is_empty() { deadline } else { deadline.min(Instant::now() + pause) };
        let mut more = [0; 1024];
        match timeout_at(until, stream.read(&mut more)).await {
            Ok(Ok(0)) if said.is_empty() => return Outcome::ShownTheDoor,
            Ok(Err(error)) if said.is_empty() => return connect::from_io(&error, timeout),
            Err(_) if said.is_empty() => return Outcome::NoAnswer { within: timeout, status: None },
            Ok(Ok(0) | Err(_)) | Err(_) => break,
            Ok(Ok(read)) => said.extend_from_slice(&more[..read]),
        }
        let text = Value::from(String::from_utf8_lossy(&said).into_owned());
        if banner.iter().all(|condition| condition.holds(Some(&text)) == Holds::Yes) {
            break;
        }
    }
    Outcome::Said(said)
}
