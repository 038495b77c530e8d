//! Responses to replies. Any bytes have a reading; none is taken for a success that it is not.

use super::HttpResponse;
use super::message::{of_error, one_line};
use crate::dokploy::{Body, Call, Refusal, Reply};
use serde_json::{Map, Value};

/// What a response to a call says.
pub fn decode(call: &Call, response: &HttpResponse) -> Reply {
    let content_type = response.content_type.as_deref();
    let json = if may_be_json(content_type) { json_of(&response.body) } else { None };
    told(call, Response { status: response.status, content_type, body: &response.body }, json)
}

/// The same for a response of JSON that nobody wrote down as text.
pub fn decode_json(call: &Call, status: u16, content_type: Option<&str>, json: Value) -> Reply {
    // Its text is looked at only where it is no JSON; what stands for it here is not empty either.
    told(call, Response { status, content_type, body: b"{}" }, may_be_json(content_type).then_some(json))
}

/// A response whose body is looked at only where it is no JSON.
#[derive(Clone, Copy)]
struct Response<'a> {
    status: u16,
    content_type: Option<&'a str>,
    body: &'a [u8],
}

fn told(call: &Call, response: Response<'_>, json: Option<Value>) -> Reply {
    match read(call, response, json) {
        Ok(body) => Reply::Answered(body),
        Err(refusal) => Reply::Refused(refusal),
    }
}

fn read(call: &Call, response: Response<'_>, json: Option<Value>) -> Result<Body, Refusal> {
    let status = response.status;
    match status {
        200 if response.body.is_empty() => Ok(Body::Empty),
        200 => {
            let json = json.ok_or_else(|| not_dokploy(response))?;
            let json = if *call == Call::Health { unwrapped(json).ok_or_else(|| not_dokploy(response))? } else { json };
            Ok(Body::Json(json))
        }
        401 => Err(match error_of(json.as_ref()) {
            Some(error) if error.contains_key("code") => Refusal::Forbidden(of_error(error)),
            Some(_) => Refusal::Unauthorized,
            None => not_dokploy(response),
        }),
        // Dokploy says 401 for a missing right (FACTS §2); a later version may well say 403.
        403 => Err(match error_of(json.as_ref()) {
            Some(error) if error.contains_key("code") => Refusal::Forbidden(of_error(error)),
            _ => not_dokploy(response),
        }),
        404 => Err(match error_of(json.as_ref()) {
            Some(error) if is_unknown_procedure(error) => Refusal::NoSuchProcedure,
            Some(error) => Refusal::NotFound(of_error(error)),
            None => not_dokploy(response),
        }),
        400 | 415 | 422 => Err(match (error_of(json.as_ref()), plain_text(response)) {
            (Some(error), _) => Refusal::BadInput(of_error(error)),
            // Malformed JSON is answered in plain text (FACTS §1).
            (None, Some(text)) => Refusal::BadInput(one_line(text)),
            (None, None) => not_dokploy(response),
        }),
        // Whoever says so, Dokploy (FACTS §1) or a proxy: the body was too large.
        413 => Err(Refusal::BadInput(plain_text(response).map_or_else(|| "the request is too large".to_owned(), one_line))),
        429 => Err(Refusal::TooMany),
        500..=599 => Err(Refusal::Server(
            status,
            match (error_of(json.as_ref()), plain_text(response)) {
                (Some(error), _) => of_error(error),
                (None, Some(text)) => one_line(text),
                (None, None) => "not in Dokploy's own form: a proxy before it?".to_owned(),
            },
        )),
        _ => Err(not_dokploy(response)),
    }
}

/// Whether a body of this type may be JSON; one without a type may.
fn may_be_json(declared: Option<&str>) -> bool {
    declared.is_none_or(|declared| declared.trim() == "application/json")
}

fn json_of(body: &[u8]) -> Option<Value> {
    std::str::from_utf8(body).ok()?.parse().ok()
}

/// The object with a `message` that an error body is, also inside tRPC's own envelope.
fn error_of(json: Option<&Value>) -> Option<&Map<String, Value>> {
    let json = json?;
    let error = json.pointer("/error/json").unwrap_or(json).as_object()?;
    error.get("message").is_some_and(Value::is_string).then_some(error)
}

/// The value in tRPC's envelope.
fn unwrapped(json: Value) -> Option<Value> {
    match json {
        Value::Object(mut envelope) => match envelope.remove("result")? {
            Value::Object(mut result) => match result.remove("data")? {
                Value::Object(mut data) => data.remove("json"),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// Both are 404 with `NOT_FOUND`: an unknown id's names its own thing, and carries the procedure's path (FACTS §1, §2).
fn is_unknown_procedure(error: &Map<String, Value>) -> bool {
    let path = error.get("data").and_then(|data| data.get("path"));
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    // The second is what `/api/trpc` says.
    path.is_none() && message == "Not found" || message.starts_with("No procedure found on path")
}

fn plain_text(response: Response<'_>) -> Option<&str> {
    let plain = response.content_type.is_none_or(|declared| declared.starts_with("text/plain"));
    let text = std::str::from_utf8(response.body).ok()?;
    (plain && !text.trim().is_empty() && !text.trim_start().starts_with('<')).then_some(text)
}

fn not_dokploy(response: Response<'_>) -> Refusal {
    let form = response.content_type.unwrap_or("no content type");
    let seen = match response.status {
        300..=399 => "a redirect".to_owned(),
        407 => "a proxy that asks for a name and a password".to_owned(),
        _ if response.content_type.is_some_and(|form| form.contains("html")) => "a web page".to_owned(),
        _ if response.body.is_empty() => "an empty body".to_owned(),
        _ => format!("a body that is not Dokploy's ({})", one_line(form)),
    };
    Refusal::NotDokploy(response.status, seen)
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_json};
    use crate::dokploy::{Body, Call, Refusal, Reply};
    use crate::wire::HttpResponse;
    use proptest::prelude::*;
    use serde_json::json;

    fn reply(status: u16, form: Option<&str>, body: &str) -> Reply {
        decode(&Call::Projects, &HttpResponse { status, content_type: form.map(str::to_owned), body: body.as_bytes().to_vec() })
    }

    const JSON: Option<&str> = Some("application/json");

    #[test]
    fn an_empty_200_is_an_answer() {
        assert_eq!(reply(200, JSON, ""), Reply::Answered(Body::Empty));
        assert_eq!(reply(200, JSON, "\"\""), Reply::Answered(Body::Json(json!(""))));
        assert_eq!(reply(200, JSON, "null"), Reply::Answered(Body::Json(json!(null))));
    }

    #[test]
    fn a_401_with_a_code_is_a_missing_right_and_one_without_is_not() {
        assert_eq!(reply(401, JSON, r#"{"message":"Unauthorized"}"#), Reply::Refused(Refusal::Unauthorized));
        let forbidden =
            r#"{"message":"unauthorized to access resource \"docker\"","code":"UNAUTHORIZED","data":{"path":"docker.getConfig"}}"#;
        assert_eq!(
            reply(401, JSON, forbidden),
            Reply::Refused(Refusal::Forbidden("unauthorized to access resource \"docker\"".to_owned()))
        );
        assert!(matches!(reply(401, Some("text/html"), "<html>"), Reply::Refused(Refusal::NotDokploy(401, _))));
    }

    #[test]
    fn the_three_kinds_of_404_differ() {
        let procedure = r#"{"message":"Not found","code":"NOT_FOUND","data":{"code":"NOT_FOUND","httpStatus":404,"zodError":null}}"#;
        assert_eq!(reply(404, JSON, procedure), Reply::Refused(Refusal::NoSuchProcedure));
        let id = r#"{"message":"Compose not found","code":"NOT_FOUND","data":{"path":"compose.one"}}"#;
        assert_eq!(reply(404, JSON, id), Reply::Refused(Refusal::NotFound("Compose not found".to_owned())));
        assert!(matches!(reply(404, Some("text/html"), "<html>"), Reply::Refused(Refusal::NotDokploy(404, _))));
    }

    #[test]
    fn bad_input_names_the_field() {
        let body = r#"{"message":"Input validation failed","data":{"zodError":{"fieldErrors":{"composeId":["Required"]}}}}"#;
        assert_eq!(reply(400, JSON, body), Reply::Refused(Refusal::BadInput("Input validation failed: composeId: Required".to_owned())));
        assert_eq!(reply(400, None, "Invalid JSON"), Reply::Refused(Refusal::BadInput("Invalid JSON".to_owned())));
        let large = "Body exceeded 1mb limit";
        assert_eq!(reply(413, Some("text/plain"), large), Reply::Refused(Refusal::BadInput(large.to_owned())));
    }

    #[test]
    fn redirects_pages_and_other_successes_are_not_dokploy() {
        for (status, form, body) in [
            (307, None, ""),
            (308, JSON, "{}"),
            (200, Some("text/html"), "<!doctype html>"),
            (200, JSON, "<html>"),
            (200, None, "hello"),
            (204, None, ""),
            (201, JSON, "{}"),
        ] {
            assert!(matches!(reply(status, form, body), Reply::Refused(Refusal::NotDokploy(s, _)) if s == status), "{status} {body}");
        }
    }

    #[test]
    fn a_proxy_s_502_is_a_server_s_error() {
        assert!(matches!(reply(502, Some("text/html"), "<html>"), Reply::Refused(Refusal::Server(502, _))));
        assert_eq!(reply(502, Some("text/plain"), "Bad Gateway"), Reply::Refused(Refusal::Server(502, "Bad Gateway".to_owned())));
    }

    #[test]
    fn health_is_read_out_of_its_envelope() {
        let health = |status, body: &str| {
            decode(&Call::Health, &HttpResponse { status, content_type: JSON.map(str::to_owned), body: body.as_bytes().to_vec() })
        };
        assert_eq!(health(200, r#"{"result":{"data":{"json":{"status":"ok"}}}}"#), Reply::Answered(Body::Json(json!({ "status": "ok" }))));
        assert!(matches!(health(200, r#"{"ok":true}"#), Reply::Refused(Refusal::NotDokploy(200, _))));
        let down = r#"{"error":{"json":{"message":"Failed query: SELECT 1\nparams: ","code":-32603}}}"#;
        assert_eq!(health(500, down), Reply::Refused(Refusal::Server(500, "Failed query: SELECT 1".to_owned())));
    }

    proptest! {
        #[test]
        fn json_is_read_alike_with_and_without_its_text(
            status in prop_oneof![Just(200u16), Just(400), Just(401), Just(403), Just(404), Just(413), Just(429), Just(500), 100u16..600],
            form in prop_oneof![Just(None), Just(JSON), Just(Some("text/html")), Just(Some("text/plain"))],
            message in prop_oneof![Just("Not found"), Just("Unauthorized"), Just("No procedure found on path \"x\"")],
            shape in 0usize..6,
        ) {
            let json = [
                json!({ "message": message }),
                json!({ "message": message, "code": "X", "data": { "path": "compose.one" } }),
                json!({ "error": { "json": { "message": message, "code": -32603 } } }),
                json!({ "result": { "data": { "json": { "status": "ok" } } } }),
                json!([]),
                json!("text"),
            ][shape].clone();
            let response = HttpResponse { status, content_type: form.map(str::to_owned), body: json.to_string().into_bytes() };
            for call in [Call::Projects, Call::Health, Call::Queue] {
                // Plain text that only looks like JSON is read as text, which the other way cannot be asked for.
                prop_assume!(form.is_none_or(|form| form != "text/plain"));
                prop_assume!(form.is_some() || !matches!(status, 400 | 413 | 415 | 422 | 500..));
                prop_assert_eq!(decode(&call, &response), decode_json(&call, status, form, json.clone()));
            }
        }

        #[test]
        fn no_bytes_make_it_panic_and_only_a_200_is_an_answer(
            status in 100u16..600,
            form in prop_oneof![Just(None), Just(JSON), Just(Some("text/html")), Just(Some("text/plain"))],
            body in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let response = HttpResponse { status, content_type: form.map(str::to_owned), body };
            for call in [Call::Projects, Call::Health, Call::Queue] {
                let answered = matches!(decode(&call, &response), Reply::Answered(_));
                prop_assert!(!answered || status == 200);
            }
        }
    }
}
