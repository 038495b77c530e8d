//! An HTTP expectation made ready: the address taken apart, headers and body with their variables in place.

use crate::model::Text;
use crate::model::{HttpAuth, HttpOptions, Resolved};
use crate::probe::request::{PrepareError, Resolver, bad};
use crate::source::{Span, Spanned};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use std::fmt;
use std::time::Duration;

/// One request, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Where.
    pub target: HttpTarget,
    /// `GET` and the like.
    pub method: String,
    /// Headers besides those that every request has, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// Whether redirects are followed.
    pub follow: bool,
    /// The time that connecting may take, if less than a sample's.
    pub connect: Option<Duration>,
    /// The longest silence, if less than a sample's time.
    pub read: Option<Duration>,
}

impl HttpRequest {
    /// A GET without anything.
    pub fn get(target: HttpTarget) -> Self {
        Self { target, method: "GET".into(), headers: Vec::new(), body: Vec::new(), follow: false, connect: None, read: None }
    }
}

/// Headers and body may hold secrets, so neither is shown.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest").field("method", &self.method).field("target", &self.target).finish_non_exhaustive()
    }
}

/// The address of a request, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpTarget {
    /// Whether it is `https`.
    pub tls: bool,
    /// The host as connected to: lowercase, IPv6 without brackets.
    pub host: String,
    /// The port, the scheme's own when none is written.
    pub port: u16,
    /// The `Host` header: as written, whatever `--connect-to` says.
    pub authority: String,
    /// Path and query.
    pub path: String,
}

/// The path may hold a secret, so only the host is shown.
impl fmt::Debug for HttpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTarget").field("tls", &self.tls).field("port", &self.port).finish_non_exhaustive()
    }
}

/// Makes a request of an expectation.
pub(in crate::probe) fn prepare(url: &Spanned<Text>, options: &HttpOptions, texts: &mut Resolver<'_>) -> Result<HttpRequest, PrepareError> {
    let address = texts.text(url)?;
    let target = target(&address.value).map_err(|why| bad(&address, why, url.span))?;
    let mut request = HttpRequest::get(target);
    for (name, value) in &options.headers {
        let resolved = texts.text(value)?;
        request.headers.push((name.value.clone(), header_value(&resolved, value.span)?));
    }
    match &options.auth {
        Some(HttpAuth::Basic { user, password }) => {
            let (name, secret) = (texts.text(user)?, texts.text(password)?);
            if name.value.contains(':') {
                return Err(bad(&name, "cannot be a user's name: it has a `:`", user.span));
            }
            let token = STANDARD.encode(format!("{}:{}", name.value, secret.value));
            // Whoever sees it has the password.
            texts.masks.add_secret(&token);
            request.headers.push(("authorization".into(), format!("Basic {token}")));
        }
        Some(HttpAuth::Bearer(token)) => {
            let resolved = texts.text(token)?;
            request.headers.push(("authorization".into(), format!("Bearer {}", header_value(&resolved, token.span)?)));
        }
        None => {}
    }
    if let Some(body) = &options.body {
        request.body = texts.text(body)?.value.into_bytes();
    }
    request.method = options.method.clone().unwrap_or_else(|| if options.body.is_some() { "POST" } else { "GET" }.to_owned());
    request.follow = options.follow;
    request.connect = options.connect.as_ref().map(|limit| limit.value);
    request.read = options.read.as_ref().map(|limit| limit.value);
    Ok(request)
}

/// A value that may stand in a header: a line end in it would begin another header.
fn header_value(resolved: &Resolved, span: Span) -> Result<String, PrepareError> {
    if resolved.value.chars().any(|next| next.is_control() && next != '\t') {
        return Err(bad(resolved, "cannot stand in a header: it has a line end or another control character", span));
    }
    Ok(resolved.value.clone())
}

/// Takes an address apart.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub(super) fn target(url: &str) -> Result<HttpTarget, &'static str> {
    const FORM: &str = "is not an address of the form http://HOST:PORT/PATH";
    let uri: Uri = url.parse().map_err(|_| FORM)?;
    let tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        Some(_) => return Err("is neither http nor https"),
        None => return Err(FORM),
    };
    let authority = uri.authority().ok_or(FORM)?;
    if authority.as_str().contains('@') {
        // It would show up in process listings of proxies and in the services' own logs.
        return Err("holds a user name or password; write `auth basic USER PASSWORD` in the block");
    }
    let host = authority.host().trim_matches(['[', ']']).to_lowercase();
    let port = match authority.as_str().strip_prefix(authority.host()).and_then(|rest| rest.strip_prefix(':')) {
        None if tls => 443,
        None => 80,
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or("has a port that is not between 1 and 65535")?,
    };
    if host.is_empty() {
        return Err(FORM);
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Ok(HttpTarget { tls, host, port, authority: authority.as_str().to_owned(), path })
}
