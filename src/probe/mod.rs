//! Probes: asking is I/O, judging is pure.
//!
//! [`prepare`] resolves an expectation's text once, [`ask`] takes one look at the service, [`judge`] says what the look means. What was
//! seen is made safe for terminals and freed of secrets here, before it reaches any event.

mod build_contexts;
mod connect;
mod connect_to;
mod database_url;
mod exec;
pub(crate) mod git;
mod http;
mod judge;
mod postgres;
mod process_group;
mod redis;
mod request;
mod safe;
mod tcp;
mod tls;

pub(crate) use build_contexts::STAND_IN as CONTEXTS_STAND_IN;
pub use build_contexts::{Source, SourceState};
pub use connect_to::ConnectTo;
pub use database_url::DatabaseUrl;
pub use exec::{Ended, ExecTarget};
pub(crate) use http::PRETENDED_VALIDITY;
pub use http::{HttpAnswer, HttpRequest, HttpTarget};
pub use judge::{Found, Outcome, judge, judge_masked};
pub use postgres::PostgresTarget;
pub use redis::{RedisTarget, field as redis_field};
pub use request::{PrepareError, Question, Request, prepare};
pub use safe::safe;
pub use tls::Tls;

use std::path::PathBuf;
use std::time::Duration;

/// Everything that asking needs besides the question.
#[derive(Clone, Debug, Default)]
pub struct Asking {
    /// Addresses that lead elsewhere.
    pub connect_to: ConnectTo,
    /// Certificates for `https`, read from the machine when first needed.
    pub tls: Tls,
    /// Where commands are run: the plan's folder. Default: the working directory.
    pub folder: Option<PathBuf>,
}

/// Looks once, over a connection of its own, and never longer than `timeout`. See [`Request::limit`].
pub async fn ask(request: &Request, asking: &Asking, timeout: Duration) -> Outcome {
    // Each in a box of its own: else every sample's future would be as large as the largest, and is moved a few times.
    match &request.question {
        Question::Http { request, .. } => Box::pin(http::ask(request, asking, timeout)).await,
        Question::Tcp { host, port, banner } => Box::pin(tcp::ask(host, *port, banner, asking, timeout)).await,
        Question::Postgres { target, queries } => Box::pin(postgres::ask(target, queries, asking, timeout)).await,
        Question::Exec { target, .. } => Box::pin(exec::ask(target, asking, timeout)).await,
        Question::Redis { target, infos } => Box::pin(redis::ask(target, infos, asking, timeout)).await,
        Question::BuildContexts(contexts) => Box::pin(build_contexts::ask(contexts, asking, timeout)).await,
    }
}
