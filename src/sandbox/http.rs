//! Connections: HTTP to and from the world's plain data.

use super::address::Target;
use super::control;
use super::shell::Shell;
use crate::world::{ApiRequest, ApiResponse, ServiceAnswer, Verb};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// Dokploy's server ends idle connections after this (FACTS §1).
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Bodies are read as far as this; Dokploy's own limit lies below.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// What ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without an answer")]
pub(super) struct Closed;

/// An answer's body.
pub(super) type Answer = Response<Full<Bytes>>;

/// Serves one connection to its end.
pub(super) async fn serve(stream: TcpStream, target: Target, shell: Arc<Shell>) {
    let answer = service_fn(|request| answer(request, target.clone(), Arc::clone(&shell)));
    // How a connection ends is the client's affair.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(KEEP_ALIVE)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

async fn answer(request: Request<Incoming>, target: Target, shell: Arc<Shell>) -> Result<Answer, Closed> {
    let path = request.uri().path().to_owned();
    match target {
        Target::Dokploy if path.starts_with("/sandbox/") => Ok(control::answer(request, &shell).await),
        Target::Dokploy => dokploy(request, &shell).await,
        Target::Service(port) => service(shell.with_world(|world, now| world.service(now, port, &path)), &shell).await,
        Target::External(name) | Target::Silent(name) | Target::Postgres(name) | Target::Redis(name) => {
            service(shell.with_world(|world, now| world.external(now, &name, &path)), &shell).await
        }
    }
}

async fn dokploy(request: Request<Incoming>, shell: &Arc<Shell>) -> Result<Answer, Closed> {
    let (head, body) = request.into_parts();
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let asked = ApiRequest {
        method: match head.method {
            Method::GET => Verb::Get,
            Method::POST => Verb::Post,
            _ => Verb::Other,
        },
        path: head.uri.path().to_owned(),
        query: query(head.uri.query().unwrap_or("")),
        key: text("x-api-key"),
        content_type: text("content-type"),
        body: read(body).await.ok_or(Closed)?,
    };
    shell.sync().await;
    let response = shell.with_world(|world, now| world.api(now, &asked));
    shell.sync().await;
    let response = response.ok_or(Closed)?;
    shell.sleep(response.after).await;
    if response.lost { Err(Closed) } else { Ok(from_api(response)) }
}

fn from_api(response: ApiResponse) -> Answer {
    let location = response.location().and_then(|location| HeaderValue::try_from(location).ok());
    let mut answer = with_status(response.status, response.body.into_text());
    let headers = answer.headers_mut();
    headers.insert("keep-alive", HeaderValue::from_static("timeout=5"));
    if let Some(kind) = response.content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if let Some(location) = location {
        headers.insert(LOCATION, location);
    }
    answer
}

async fn service(answer: ServiceAnswer, shell: &Shell) -> Result<Answer, Closed> {
    match answer {
        ServiceAnswer::Refused => Err(Closed),
        ServiceAnswer::Hang => std::future::pending().await,
        ServiceAnswer::Http { status, body, after } => {
            shell.sleep(after).await;
            let kind =
                if serde_json::from_str::<serde_json::Value>(&body).is_ok() { "application/json" } else { "text/plain; charset=utf-8" };
            let mut answer = with_status(status, body);
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            Ok(answer)
        }
    }
}

pub(super) fn with_status(status: u16, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
}

/// The whole body; `None` when it is too large or the client leaves.
pub(super) async fn read(body: Incoming) -> Option<Vec<u8>> {
    Limited::new(body, BODY_LIMIT).collect().await.ok().map(|body| body.to_bytes().to_vec())
}

/// A query string, decoded. The last of equal names counts.
fn query(text: &str) -> BTreeMap<String, String> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(n, v)| (decoded(n), decoded(v)))
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let read = query("appName=a-b&q=x%20y+z%2F&flag&bad=%zz");
        let expected = [("appName", "a-b"), ("bad", "%zz"), ("flag", ""), ("q", "x y z/")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }
}
