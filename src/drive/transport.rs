//! HTTP to Dokploy, by reqwest: the only place that names it. One request, one answer; no retry, no redirect, no decision.

use super::{Limits, Transport, TransportError};
use crate::probe::safe;
use crate::wire::{HttpRequest, HttpResponse, Method};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Response, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, RootCertStore};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// As much of an answer as is taken. The largest seen was 231 KB (FACTS §13.4).
const BODY_LIMIT: usize = 16 * 1024 * 1024;
/// Dokploy closes idle connections after 5 s (FACTS §1): let go of them first.
const IDLE: Duration = Duration::from_secs(4);
/// The header that carries the key (FACTS §1).
const KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Dokploy's base address: http or https, with the path that it is served under.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Without a slash at its end.
    text: String,
    url: Url,
}

impl BaseUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with the address.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Without it `localhost:3000` would be a scheme and a path.
        if !text.contains("://") {
            return Err("has no scheme: write http:// or https:// before it".into());
        }
        let url = Url::parse(text.trim()).map_err(|error| format!("is not an address ({error}); write https://HOST[:PORT]"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("is neither http nor https".into());
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("names no host".into());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("has a `?` or `#` part, which a base address cannot have".into());
        }
        Ok(Self { text: url.as_str().trim_end_matches('/').to_owned(), url })
    }

    /// Whether the server is on this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default();
        let host = host.trim_matches(['[', ']']);
        host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// What the user should know before a key goes there.
    pub fn warning(&self) -> Option<String> {
        let clear = self.url.scheme() == "http" && !self.is_loopback();
        clear.then(|| format!("the key is sent in clear to {self}: anybody on the way can read it; use https"))
    }
}

/// Without user name and password.
impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        write!(f, "{}://{host}", self.url.scheme())?;
        if let Some(port) = self.url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.url.path().trim_end_matches('/'))
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Sends requests to one server with one key.
pub struct HttpTransport {
    base: BaseUrl,
    key: HeaderValue,
    /// Certificates that are trusted beside the machine's own.
    authorities: Vec<Certificate>,
    /// One client for each time limit of connecting, which reqwest fixes for a client.
    clients: RefCell<BTreeMap<Duration, Client>>,
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpTransport({})", self.base)
    }
}

impl HttpTransport {
    /// A transport. [`super::install_tls`] must have been called.
    ///
    /// # Errors
    /// When the key cannot be sent in a header; the sentence does not hold it.
    pub fn new(base: BaseUrl, key: &str) -> Result<Self, String> {
        let mut key = HeaderValue::from_str(key.trim())
            .map_err(|_| "the key has characters that cannot be sent; was it cut off or copied with a line break?".to_owned())?;
        key.set_sensitive(true);
        Ok(Self { base, key, authorities: Vec::new(), clients: RefCell::default() })
    }

    /// Trusts the certificates of a PEM text, beside the machine's own roots.
    ///
    /// # Errors
    /// When it holds none, or one that cannot be read, as the end of a sentence that begins with the file.
    pub fn trusting(mut self, pem: &str) -> Result<Self, String> {
        self.authorities =
            Certificate::from_pem_bundle(pem.as_bytes()).map_err(|_| "holds a certificate that cannot be read".to_owned())?;
        if self.authorities.is_empty() {
            return Err("holds no certificate".to_owned());
        }
        let readable = |der: &CertificateDer<'_>| webpki_reads(der);
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
        if !certificates.flatten().all(|der| readable(&der)) {
            return Err("holds a certificate that cannot be read".to_owned());
        }
        Ok(self)
    }

    fn client(&self, connect: Duration) -> Result<Client, TransportError> {
        if let Some(client) = self.clients.borrow().get(&connect) {
            return Ok(client.clone());
        }
        let mut builder = Client::builder()
            .user_agent(concat!("rollout-plan/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(connect)
            .pool_idle_timeout(IDLE)
            .tls_certs_merge(self.authorities.iter().cloned());
        if self.base.is_loopback() {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| not_sent(format!("no connection can be prepared: {}", innermost(&error))))?;
        self.clients.borrow_mut().insert(connect, client.clone());
        Ok(client)
    }
}

impl Transport for HttpTransport {
    async fn send(&self, request: HttpRequest, limits: Limits) -> Result<HttpResponse, TransportError> {
        let url = format!("{}{}", self.base.text, request.path);
        let client = self.client(limits.connect)?;
        let mut builder = match request.method {
            Method::Get => client.get(url),
            Method::Post => client.post(url),
        };
        builder = builder.header(ACCEPT, "application/json").timeout(limits.answer);
        if request.with_key {
            builder = builder.header(KEY, self.key.clone());
        }
        if let Some(body) = request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body);
        }
        let response = builder.send().await.map_err(|error| classify(&error, limits))?;
        read(response, limits).await
    }
}

async fn read(mut response: Response, limits: Limits) -> Result<HttpResponse, TransportError> {
    let status = response.status().as_u16();
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.map(|value| value.split(';').next().unwrap_or(value).trim().to_lowercase());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error, limits))? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(TransportError { may_have_left: true, message: "an answer of more than 16 MiB".into() });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse { status, content_type, body })
}

fn not_sent(message: String) -> TransportError {
    TransportError { may_have_left: false, message }
}

/// Only what failed before or while connecting surely left nothing behind.
fn classify(error: &reqwest::Error, limits: Limits) -> TransportError {
    if error.is_builder() {
        return not_sent(format!("the request cannot be made: {}", innermost(error)));
    }
    if error.is_connect() {
        return not_sent(if let Some(tls) = in_chain::<rustls::Error>(error) {
            distrusted(tls)
        } else if error.is_timeout() {
            format!("no connection within {} s", limits.connect.as_secs_f32())
        } else if error.is_dns() {
            format!("its name cannot be resolved: {}", innermost(error))
        } else {
            format!("no connection: {}", innermost(error))
        });
    }
    let message = if error.is_timeout() {
        format!("no whole answer within {} s", limits.answer.as_secs_f32())
    } else {
        format!("the connection broke before the answer was whole: {}", innermost(error))
    };
    TransportError { may_have_left: true, message }
}

/// Why there is no TLS connection, with the remedy where there is one.
fn distrusted(error: &rustls::Error) -> String {
    use CertificateError as Wrong;
    match error {
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            Wrong::UnknownIssuer => {
                "this machine does not know who issued its certificate; if that is your own authority, name its certificate \
                 with `ca \"FILE.pem\"` in the plan's `dokploy` block"
                    .into()
            }
            Wrong::Expired | Wrong::ExpiredContext { .. } => {
                "its certificate has expired: renew it there, or set this machine's clock".into()
            }
            Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => {
                "its certificate is not valid yet: is this machine's clock right?".into()
            }
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
                "its certificate is for another name: use the name that stands in it as the address".into()
            }
            other => format!("its certificate cannot be trusted: {}", safe(&other.to_string(), 160)),
        },
        rustls::Error::InvalidMessage(_) => "what answers there does not speak TLS; is it http and not https?".into(),
        other => format!("no TLS connection: {}", safe(&other.to_string(), 160)),
    }
}

/// Whether it can be a root at all.
fn webpki_reads(der: &CertificateDer<'_>) -> bool {
    RootCertStore::empty().add(der.clone()).is_ok()
}

/// An error of this type somewhere below.
fn in_chain<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = error.downcast_ref().or_else(|| wrapped.and_then(|inner| in_chain::<E>(inner))) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// The cause at the bottom of the chain: what happened, without the layers that passed it on and without the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if let Some(own) = cause.downcast_ref::<reqwest::Error>() {
        // Its text would name the address, and with it user name and password.
        return if own.is_decode() { "its encoding is broken".into() } else { "it cannot be sent".into() };
    }
    let text = cause.to_string();
    let text = match cause.downcast_ref::<io::Error>() {
        Some(_) => text.split(" (os error").next().unwrap_or(&text).to_lowercase(),
        None => text,
    };
    safe(&text, 160)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_addresses_are_trimmed_and_shown_without_credentials() {
        let shown = |text: &str| BaseUrl::parse(text).unwrap().to_string();
        assert_eq!(shown("https://deploy.example/"), "https://deploy.example");
        assert_eq!(shown(" http://127.0.0.1:3000// "), "http://127.0.0.1:3000");
        assert_eq!(shown("https://u:hunter2@deploy.example/under/"), "https://deploy.example/under");
        assert!(!format!("{:?}", BaseUrl::parse("https://u:hunter2@deploy.example").unwrap()).contains("hunter2"));
    }

    #[test]
    fn what_is_no_base_address_is_refused() {
        for text in
            ["", "deploy.example", "deploy.example:3000", "ftp://deploy.example", "http://", "https://deploy.example/?a=b", "https://x/#y"]
        {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
        for text in ["127.0.0.1:3000", "localhost:3000", "deploy.example/dokploy"] {
            assert!(BaseUrl::parse(text).is_err_and(|why| why.starts_with("has no scheme")), "{text}");
        }
    }

    #[test]
    fn a_key_in_clear_is_warned_of_except_on_this_machine() {
        let warned = |text: &str| BaseUrl::parse(text).unwrap().warning().is_some();
        assert!(warned("http://deploy.example") && warned("http://192.0.2.1:3000"));
        for text in ["https://deploy.example", "http://localhost:3000", "http://127.1.2.3", "http://[::1]:3000"] {
            assert!(!warned(text), "{text}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_sent_is_not_shown() {
        let error = HttpTransport::new(BaseUrl::parse("http://localhost").unwrap(), "hunter2\nx").unwrap_err();
        assert!(!error.contains("hunter2"));
    }
}
