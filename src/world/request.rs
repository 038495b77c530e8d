//! One exchange with Dokploy's API as plain data, and the shapes of its refusals (FACTS §2).

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// A request's method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A query.
    Get,
    /// A mutation.
    Post,
    /// Anything else: no procedure answers it.
    Other,
}

impl Verb {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Other => "OTHER",
        }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// Its method.
    pub method: Verb,
    /// Its path from the leading slash, without the query.
    pub path: String,
    /// Its query, decoded.
    pub query: BTreeMap<String, String>,
    /// The value of `x-api-key`.
    pub key: Option<String>,
    /// The value of `content-type`.
    pub content_type: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

impl ApiRequest {
    /// A query.
    pub fn get(path: &str, query: &[(&str, &str)], key: &str) -> Self {
        Self {
            method: Verb::Get,
            path: path.to_owned(),
            query: query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            key: Some(key.to_owned()),
            content_type: None,
            body: Vec::new(),
        }
    }

    /// A mutation.
    pub fn post(path: &str, body: &Value, key: &str) -> Self {
        Self {
            method: Verb::Post,
            path: path.to_owned(),
            query: BTreeMap::new(),
            key: Some(key.to_owned()),
            content_type: Some("application/json".to_owned()),
            body: body.to_string().into_bytes(),
        }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiResponse {
    /// Its status.
    pub status: u16,
    /// Its `content-type`.
    pub content_type: Option<&'static str>,
    /// Its body; empty ones are normal.
    pub body: Content,
    /// After how long it comes.
    pub after: Duration,
    /// It never comes: what was asked is done, and the connection breaks when the answer was due.
    pub lost: bool,
}

/// A body. JSON becomes text only for who wants bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// JSON.
    Json(Value),
    /// Anything else.
    Text(String),
    /// None, and the browser is to look there.
    Redirect(String),
}

impl Content {
    /// Its text.
    pub fn into_text(self) -> String {
        match self {
            Self::Json(value) => value.to_string(),
            Self::Text(text) => text,
            Self::Redirect(_) => String::new(),
        }
    }
}

const JSON: &str = "application/json";
const JSON_UTF8: &str = "application/json; charset=utf-8";

impl ApiResponse {
    fn new(status: u16, content_type: Option<&'static str>, body: String) -> Self {
        Self::with(status, content_type, Content::Text(body))
    }

    fn with(status: u16, content_type: Option<&'static str>, body: Content) -> Self {
        Self { status, content_type, body, after: Duration::ZERO, lost: false }
    }

    /// The body as JSON, if it is.
    pub fn json(&self) -> Option<Value> {
        match &self.body {
            Content::Json(value) => Some(value.clone()),
            Content::Text(text) => serde_json::from_str(text).ok(),
            Content::Redirect(_) => None,
        }
    }

    /// The body's text.
    pub fn text(&self) -> String {
        self.body.clone().into_text()
    }

    pub(super) fn ok(body: Value) -> Self {
        Self::with(200, Some(JSON), Content::Json(body))
    }

    /// An answer of Dokploy's own pages rather than of a procedure.
    pub(super) fn ok_utf8(body: Value) -> Self {
        Self::with(200, Some(JSON_UTF8), Content::Json(body))
    }

    /// 200 without a byte: nothing may have happened (FACTS §1).
    pub(super) fn empty() -> Self {
        Self::new(200, Some(JSON), String::new())
    }

    /// The key is missing, wrong or worn out, or the database is down: they look alike (FACTS §2).
    pub(super) fn unauthorized() -> Self {
        Self::with(401, Some(JSON_UTF8), Content::Json(json!({"message": "Unauthorized"})))
    }

    pub(super) fn error(status: u16, code: &str, message: &str, procedure: &str) -> Self {
        let body = json!({
            "message": message, "code": code,
            "data": {"code": code, "httpStatus": status, "path": procedure, "zodError": null},
        });
        Self::with(status, Some(JSON), Content::Json(body))
    }

    /// The key lacks a right: a 401 with a code (FACTS §2).
    pub(super) fn forbidden(message: &str, procedure: &str) -> Self {
        Self::error(401, "UNAUTHORIZED", message, procedure)
    }

    pub(super) fn not_found(what: &str, procedure: &str) -> Self {
        Self::error(404, "NOT_FOUND", &format!("{what} not found"), procedure)
    }

    /// A procedure that does not exist, or one that is asked with the wrong method.
    pub(super) fn no_such_procedure() -> Self {
        let body = json!({
            "message": "Not found", "code": "NOT_FOUND", "data": {"code": "NOT_FOUND", "httpStatus": 404, "zodError": null},
        });
        Self::with(404, Some(JSON), Content::Json(body))
    }

    /// The error form of `/api/trpc`.
    pub(super) fn trpc_error(status: u16, number: i32, code: &str, message: &str, procedure: &str) -> Self {
        let body = json!({"error": {"json": {
            "message": message, "code": number,
            "data": {"code": code, "httpStatus": status, "path": procedure, "zodError": null},
        }}});
        Self::with(status, Some(JSON), Content::Json(body))
    }

    pub(super) fn plain(status: u16, text: &str) -> Self {
        Self::new(status, None, text.to_owned())
    }

    pub(super) fn html(status: u16) -> Self {
        let body = "<!DOCTYPE html><html><head><title>404: This page could not be found</title></head><body></body></html>";
        Self::new(status, Some("text/html; charset=utf-8"), body.to_owned())
    }

    pub(super) fn redirect(status: u16, location: &str) -> Self {
        Self::with(status, None, Content::Redirect(location.to_owned()))
    }

    /// Where a redirect leads.
    pub fn location(&self) -> Option<&str> {
        match &self.body {
            Content::Redirect(location) => Some(location),
            Content::Json(_) | Content::Text(_) => None,
        }
    }

    pub(super) fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }
}

/// A field that Dokploy's validation refuses.
pub(super) struct Invalid<'a> {
    pub(super) field: &'a str,
    pub(super) message: String,
    pub(super) issue: Value,
}

impl Invalid<'_> {
    pub(super) fn response(self, procedure: &str) -> ApiResponse {
        let mut issue = self.issue;
        issue["path"] = json!([self.field]);
        issue["message"] = json!(self.message);
        let body = json!({
            "message": "Input validation failed", "code": "BAD_REQUEST",
            "data": {"code": "BAD_REQUEST", "httpStatus": 400, "path": procedure,
                     "zodError": {"formErrors": [], "fieldErrors": {self.field: [self.message]}}},
            "issues": [issue],
        });
        ApiResponse::with(400, Some(JSON), Content::Json(body))
    }
}
