//! One request over a connection of its own: redirects not followed unless asked, the body read as far as 1 MiB, all within one time limit.

mod certificate;
mod judge;
mod redirect;
mod target;

#[cfg(test)]
pub(super) use judge::BODY_SHOWN;
pub(super) use judge::{asks, judge};
pub(super) use target::prepare;
pub use target::{HttpRequest, HttpTarget};

use super::connect::{self, First, Once};
use super::{Asking, Outcome};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Response, header};
use hyper_util::rt::TokioIo;
use std::borrow::Cow;
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

/// As much of a body as is read and judged.
const BODY_LIMIT: usize = 1024 * 1024;

/// Redirects that are followed where that is asked for.
const MOST_REDIRECTS: usize = 10;

/// How long a sandbox's certificates are good for: it has none, and says so.
pub(crate) const PRETENDED_VALIDITY: i64 = 90 * 24 * 60 * 60;

/// A whole answer, its body at least as far as its limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// The headers, names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The body, at most 1 MiB.
    pub body: Vec<u8>,
    /// Whether there was more of it.
    pub cut: bool,
    /// Seconds that the server's certificate is still good for; `None` without TLS.
    pub certificate: Option<i64>,
}

/// Sends the request and reads the answer.
pub(super) async fn ask(request: &HttpRequest, asking: &Asking, timeout: Duration) -> Outcome {
    let deadline = Instant::now() + timeout;
    let mut followed = 0;
    let mut current = Cow::Borrowed(request);
    loop {
        let outcome = once(&current, asking, deadline, timeout).await;
        let Outcome::Answered(answer) = &outcome else { return outcome };
        let Some(location) = answer.location.as_deref().filter(|_| request.follow) else { return outcome };
        if followed == MOST_REDIRECTS {
            return Outcome::SaidNo(format!("HTTP {} after {MOST_REDIRECTS} redirects, once more to {location}", answer.status));
        }
        match redirect::next(&current, answer.status, location) {
            Ok(Some(next)) => current = Cow::Owned(next),
            Ok(None) => return outcome,
            Err(why) => return Outcome::SaidNo(format!("HTTP {} to {location}, which {why}", answer.status)),
        }
        followed += 1;
    }
}

async fn once(request: &HttpRequest, asking: &Asking, deadline: Instant, timeout: Duration) -> Outcome {
    let target = &request.target;
    // The plan's own limits can only be shorter than the sample's.
    let connect_limit = request.connect.unwrap_or(timeout).min(timeout);
    let connected_by = deadline.min(Instant::now() + connect_limit);
    let stream = match connect::connect(&target.host, target.port, First::Probe, &asking.connect_to, connected_by, connect_limit).await {
        Ok(stream) => stream,
        Err(outcome) => return outcome,
    };
    let limits = Silence { limit: request.read.unwrap_or(timeout).min(timeout), deadline, timeout };
    let pretends = asking.connect_to.leaves_out_tls(&target.host, target.port);
    if !target.tls || pretends {
        return exchange(request, Once(stream), limits, (target.tls && pretends).then_some(PRETENDED_VALIDITY)).await;
    }
    let (connector, name) = match asking.tls.for_http(&target.host) {
        Ok(connector) => connector,
        Err(why) => return Outcome::CouldNotAsk(why),
    };
    // Boxed: what TLS needs is large, and would lie in every sample's future.
    let encrypted = Box::pin(async move {
        match timeout_at(connected_by, connector.connect(name, stream)).await {
            Ok(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
                let left = shown.and_then(|shown| certificate::seconds_left(shown, SystemTime::now()));
                exchange(request, stream, limits, left).await
            }
            Ok(Err(error)) => connect::tls_failed(&error, timeout),
            Err(_) => Outcome::NoAnswer { within: connect_limit, status: None },
        }
    });
    encrypted.await
}

/// How long the service may say nothing.
#[derive(Clone, Copy)]
struct Silence {
    limit: Duration,
    deadline: Instant,
    timeout: Duration,
}

impl Silence {
    /// Waits for the service to say more.
    async fn until<T>(self, status: Option<u16>, more: impl Future<Output = T>) -> Result<T, Outcome> {
        let until = Instant::now() + self.limit;
        let within = if until < self.deadline { self.limit } else { self.timeout };
        timeout_at(self.deadline.min(until), more).await.map_err(|_| Outcome::NoAnswer { within, status })
    }
}

async fn exchange<S>(request: &HttpRequest, stream: S, silence: Silence, certificate: Option<i64>) -> Outcome
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = match http1::handshake(TokioIo::new(stream)).await {
        Ok(pair) => pair,
        Err(error) => return failed(&error, silence.timeout),
    };
    let target = &request.target;
    let mut builder = hyper::Request::builder()
        .method(request.method.as_str())
        .uri(target.path.as_str())
        .header(header::HOST, target.authority.as_str())
        .header(header::CONNECTION, "close");
    for (name, default) in [(header::USER_AGENT, concat!("rollout-plan/", env!("CARGO_PKG_VERSION"))), (header::ACCEPT, "*/*")] {
        if !request.headers.iter().any(|(own, _)| own == name.as_str()) {
            builder = builder.header(name, default);
        }
    }
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let Ok(built) = builder.body(Full::new(Bytes::from(request.body.clone()))) else {
        // Its own words would show the value of the header that is at fault.
        return Outcome::CouldNotAsk("the request cannot be made: a header or the path has a sign that HTTP does not allow".into());
    };
    let asked = async {
        match silence.until(None, sender.send_request(built)).await {
            Ok(Ok(response)) => read(response, silence, certificate).await,
            Ok(Err(error)) => failed(&error, silence.timeout),
            Err(outcome) => outcome,
        }
    };
    let (mut connection, mut asked) = (pin!(connection), pin!(asked));
    let mut is_open = true;
    // The connection is driven by the task that uses it, for as long as it is used.
    poll_fn(|context| {
        if let Poll::Ready(outcome) = asked.as_mut().poll(context) {
            return Poll::Ready(outcome);
        }
        if is_open && connection.as_mut().poll(context).is_ready() {
            is_open = false;
        }
        // Often it waits for just what was read.
        asked.as_mut().poll(context)
    })
    .await
}

async fn read(response: Response<Incoming>, silence: Silence, certificate: Option<i64>) -> Outcome {
    let status = response.status().as_u16();
    let text = |value: &header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let location = response.headers().get(header::LOCATION).filter(|_| response.status().is_redirection()).map(text);
    let headers = response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let mut incoming = response.into_body();
    let (mut body, mut cut) = (Vec::new(), false);
    loop {
        let data = match silence.until(Some(status), incoming.frame()).await {
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
            Ok(Some(Err(error))) => return failed(&error, silence.timeout),
            Ok(None) => break,
            Err(outcome) => return outcome,
        };
        let room = BODY_LIMIT - body.len();
        body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            cut = true;
            break;
        }
    }
    Outcome::Answered(Box::new(HttpAnswer { status, location, headers, body, cut, certificate }))
}

fn failed(error: &hyper::Error, limit: Duration) -> Outcome {
    if let Some(io) = io_source(error) {
        return connect::from_io(io, limit);
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return Outcome::Closed;
    }
    if error.is_parse_too_large() {
        return Outcome::Garbage("an HTTP head that is too large".into());
    }
    Outcome::Garbage(format!("an answer that is not HTTP ({error})"))
}

fn io_source(error: &hyper::Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        // hyper reports a broken chunk as an I/O error of these two kinds; that is the service's doing, not the network's.
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return (!matches!(io.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)).then_some(io);
        }
        source = error.source();
    }
    None
}
