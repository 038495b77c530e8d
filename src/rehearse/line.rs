//! One call to the world's Dokploy, as the transport of a run over HTTP would carry it.

use crate::dokploy::{Call, Reply};
use crate::wire::{self, HttpRequest, HttpResponse, Method};
use crate::world::{ApiRequest, ApiResponse, Content, Verb, World};
use std::collections::BTreeMap;
use std::time::Duration;

/// What comes back, and after how long.
pub(super) fn call(world: &mut World, now: Duration, key: &str, call: &Call, remote: bool) -> (Reply, Duration) {
    let Some(answer) = world.api(now, &api_request(&wire::encode(call), key)) else {
        return (Reply::NotSent("no connection: connection refused".to_owned()), Duration::ZERO);
    };
    let limit = wire::limits(call, remote).answer;
    if answer.after >= limit {
        return (Reply::Lost(format!("no whole answer within {} s", limit.as_secs_f32())), limit);
    }
    let after = answer.after;
    if answer.lost {
        return (
            Reply::Lost("the connection broke before the answer was whole: connection closed before message completed".to_owned()),
            after,
        );
    }
    (reply(call, answer), after)
}

/// What the client reads out of an answer. JSON does not become text on the way.
fn reply(call: &Call, answer: ApiResponse) -> Reply {
    match answer {
        ApiResponse { status, content_type, body: Content::Json(json), .. } => {
            wire::decode_json(call, status, content_type.map(bare).as_deref(), json)
        }
        answer => wire::decode(call, &http_response(answer)),
    }
}

/// A content type without parameters, as the client sees it.
fn bare(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or(content_type).trim().to_lowercase()
}

/// The world's answer as the client gets it.
pub fn http_response(answer: ApiResponse) -> HttpResponse {
    HttpResponse { status: answer.status, content_type: answer.content_type.map(bare), body: answer.body.into_text().into_bytes() }
}

/// The client's request as the world takes it. `key`: what goes with it where a key does.
pub fn api_request(request: &HttpRequest, key: &str) -> ApiRequest {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let query: BTreeMap<String, String> = pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect();
    ApiRequest {
        method: match request.method {
            Method::Get => Verb::Get,
            Method::Post => Verb::Post,
        },
        path: path.to_owned(),
        query,
        key: request.with_key.then(|| key.to_owned()),
        content_type: request.body.as_ref().map(|_| "application/json".to_owned()),
        body: request.body.clone().unwrap_or_default().into_bytes(),
    }
}

fn decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
