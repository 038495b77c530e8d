//! One GET over a connection of its own: redirects not followed, the body read as far as 1 MiB, all within one time limit.

use super::{Asking, HttpTarget, Outcome, connect};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Response, header};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// As much of a body as is read and judged.
const BODY_LIMIT: usize = 1024 * 1024;

/// Sends the GET and reads the answer.
pub(super) async fn ask(target: &HttpTarget, asking: &Asking, timeout: Duration) -> Outcome {
    let deadline = Instant::now() + timeout;
    let stream = match connect::connect(&target.host, target.port, &asking.connect_to, deadline, timeout).await {
        Ok(stream) => stream,
        Err(outcome) => return outcome,
    };
    let mut status = None;
    let exchange = async {
        if !target.tls {
            return get(target, stream, timeout, &mut status).await;
        }
        let (connector, name) = match asking.tls.connector(&target.host) {
            Ok(connector) => connector,
            Err(why) => return Outcome::CouldNotAsk(why),
        };
        match connector.connect(name, stream).await {
            Ok(stream) => get(target, stream, timeout, &mut status).await,
            Err(error) => tls_failed(&error, timeout),
        }
    };
    match timeout_at(deadline, exchange).await {
        Ok(outcome) => outcome,
        Err(_) => Outcome::NoAnswer { within: timeout, status },
    }
}

async fn get<S>(target: &HttpTarget, stream: S, limit: Duration, status: &mut Option<u16>) -> Outcome
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = match http1::handshake(TokioIo::new(stream)).await {
        Ok(pair) => pair,
        Err(error) => return failed(&error, limit),
    };
    // Dropped with this function, however it is left, and the connection with it.
    let mut driver = JoinSet::new();
    driver.spawn(connection);

    let request = hyper::Request::get(target.path.as_str())
        .header(header::HOST, target.authority.as_str())
        .header(header::USER_AGENT, concat!("rollout-plan/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new());
    let request = match request {
        Ok(request) => request,
        Err(error) => return Outcome::CouldNotAsk(format!("the request cannot be made: {error}")),
    };
    match sender.send_request(request).await {
        Ok(response) => {
            *status = Some(response.status().as_u16());
            read(response, limit).await
        }
        Err(error) => failed(&error, limit),
    }
}

async fn read(response: Response<Incoming>, limit: Duration) -> Outcome {
    let status = response.status().as_u16();
    let location = response.headers().get(header::LOCATION).filter(|_| response.status().is_redirection());
    let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let mut incoming = response.into_body();
    let (mut body, mut cut) = (Vec::new(), false);
    while let Some(frame) = incoming.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(error) => return failed(&error, limit),
        };
        let room = BODY_LIMIT - body.len();
        body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            cut = true;
            break;
        }
    }
    Outcome::Answered { status, location, body, cut }
}

fn failed(error: &hyper::Error, limit: Duration) -> Outcome {
    if let Some(io) = io_source(error) {
        return connect::from_io(io, limit);
    }
    if error.is_incomplete_message() {
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

fn tls_failed(error: &io::Error, limit: Duration) -> Outcome {
    match error.get_ref().and_then(|source| source.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidMessage(_)) => Outcome::Garbage("an answer that is not TLS".into()),
        Some(tls) => Outcome::Garbage(format!("TLS: {tls}")),
        None => connect::from_io(error, limit),
    }
}
