//! Probes: asking is I/O, judging is pure.
//!
//! [`prepare`] resolves an expectation's text once, [`ask`] takes one look at the service, [`judge`] says what the look means. What was
//! seen is made safe for terminals and freed of secrets here, before it reaches any event.

mod connect;
mod connect_to;
mod http;
mod judge;
mod request;
mod safe;
mod tcp;
mod tls;

pub use connect_to::ConnectTo;
pub use judge::{Outcome, judge, judge_masked};
pub use request::{HttpTarget, PrepareError, Question, Request, prepare};
pub use safe::safe;
pub use tls::Tls;

use std::time::Duration;

/// Everything that asking needs besides the question.
#[derive(Clone, Debug, Default)]
pub struct Asking {
    /// Addresses that lead elsewhere.
    pub connect_to: ConnectTo,
    /// Certificates for `https`, read from the machine when first needed.
    pub tls: Tls,
}

/// Looks once, over a connection of its own, and never longer than `timeout`.
pub async fn ask(request: &Request, asking: &Asking, timeout: Duration) -> Outcome {
    match &request.question {
        Question::Http { target, .. } => http::ask(target, asking, timeout).await,
        Question::Tcp { host, port } => tcp::ask(host, *port, asking, timeout).await,
    }
}
