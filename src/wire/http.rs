//! One HTTP exchange as plain data.

use std::fmt;

/// The request's method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A query.
    Get,
    /// A mutation.
    Post,
}

/// One request. Its `Debug` form shows neither key nor body.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// Path and query, from the leading slash.
    pub path: String,
    /// Whether the key is sent with it.
    pub with_key: bool,
    /// A JSON body.
    pub body: Option<String>,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.method, self.path)
    }
}

/// One answer.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// `content-type`, lowercase, without parameters.
    pub content_type: Option<String>,
    /// The body, as far as its limit.
    pub body: Vec<u8>,
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} bytes)", self.status, self.content_type.as_deref().unwrap_or("-"), self.body.len())
    }
}
