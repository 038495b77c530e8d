//! Expectations made ready to be asked: variables resolved, addresses taken apart. Nothing is sent here.

use super::safe::safe;
use crate::dokploy::Masks;
use crate::model::{HttpAssertion, Probe, Resolved, Text, Unset, Variables};
use crate::source::{Span, Spanned};
use hyper::Uri;

/// An expectation that can be asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked.
    pub question: Question,
    /// Secrets of its address, masked in whatever is seen.
    pub masks: Masks,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// One GET.
    Http {
        /// Where.
        target: HttpTarget,
        /// What the answer must be; all of them.
        assertions: Vec<HttpAssertion>,
    },
    /// One connection.
    Tcp {
        /// The host, IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

/// The address of a GET, taken apart.
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
impl std::fmt::Debug for HttpTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpTarget").field("tls", &self.tls).field("port", &self.port).finish_non_exhaustive()
    }
}

/// Why an expectation cannot be asked; the plan or its variables are at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// A variable that is required and not set.
    #[error("the variable {} is not set", unset.name)]
    Unset {
        /// Which.
        unset: Unset,
        /// The text that names it.
        span: Span,
    },
    /// An address that cannot be used.
    #[error("`{shown}` {why}")]
    BadAddress {
        /// The address, secrets masked.
        shown: String,
        /// What is wrong with it.
        why: &'static str,
        /// The text it comes from.
        span: Span,
    },
}

impl PrepareError {
    /// The text at fault.
    pub fn span(&self) -> Span {
        match self {
            Self::Unset { span, .. } | Self::BadAddress { span, .. } => *span,
        }
    }
}

/// Makes an expectation ready.
///
/// # Errors
/// A variable that is not set, or an address that cannot be used, with the span of the text.
pub fn prepare(probe: &Probe, variables: &dyn Variables) -> Result<Request, PrepareError> {
    match probe {
        Probe::Http { url, assertions } => {
            let resolved = resolve(url, variables)?;
            let target = http_target(&resolved.value).map_err(|why| bad(&resolved, why, url.span))?;
            let assertions = assertions.iter().map(|assertion| assertion.value.clone()).collect();
            Ok(Request { question: Question::Http { target, assertions }, masks: masks(&resolved) })
        }
        Probe::Tcp { address } => {
            let resolved = resolve(address, variables)?;
            let (host, port) = host_port(&resolved.value).map_err(|why| bad(&resolved, why, address.span))?;
            Ok(Request { question: Question::Tcp { host, port }, masks: masks(&resolved) })
        }
    }
}

fn resolve(text: &Spanned<Text>, variables: &dyn Variables) -> Result<Resolved, PrepareError> {
    text.value.resolve(variables).map_err(|unset| PrepareError::Unset { unset, span: text.span })
}

fn masks(resolved: &Resolved) -> Masks {
    let mut masks = Masks::default();
    for secret in &resolved.secrets {
        masks.add_secret(secret);
        // As a host is written.
        masks.add_secret(&secret.to_lowercase());
    }
    masks
}

fn bad(resolved: &Resolved, why: &'static str, span: Span) -> PrepareError {
    let shown = safe(&masks(resolved).apply(&resolved.value), 120);
    PrepareError::BadAddress { shown, why, span }
}

fn http_target(url: &str) -> Result<HttpTarget, &'static str> {
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
        return Err("holds a user name or password, which a health check should not need");
    }
    let host = authority.host().trim_matches(['[', ']']).to_lowercase();
    let port = match authority.as_str().strip_prefix(authority.host()).and_then(|rest| rest.strip_prefix(':')) {
        None => {
            if tls {
                443
            } else {
                80
            }
        }
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or("has a port that is not between 1 and 65535")?,
    };
    if host.is_empty() {
        return Err(FORM);
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Ok(HttpTarget { tls, host, port, authority: authority.as_str().to_owned(), path })
}

fn host_port(address: &str) -> Result<(String, u16), &'static str> {
    const FORM: &str = "is not an address of the form HOST:PORT";
    let (host, port) = address.rsplit_once(':').ok_or(FORM)?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').ok_or(FORM)?,
        None if host.contains(':') => return Err("is an IPv6 address without brackets; write [ADDRESS]:PORT"),
        None => host,
    };
    if host.is_empty() || host.chars().any(|character| character.is_whitespace() || "/@?#".contains(character)) {
        return Err(FORM);
    }
    let port = port.parse().ok().filter(|port| *port != 0).ok_or("has a port that is not between 1 and 65535")?;
    Ok((host.to_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TextPart;
    use crate::source::SourceMap;

    struct Set(&'static str, &'static str);

    impl Variables for Set {
        fn get(&self, name: &str) -> Option<String> {
            (name == self.0).then(|| self.1.to_owned())
        }
    }

    fn span() -> Span {
        Span::new(SourceMap::default().add("rollout.plan", "…"), 3..9)
    }

    fn http(parts: Vec<TextPart>, variables: &dyn Variables) -> Result<HttpTarget, PrepareError> {
        let probe = Probe::Http { url: Spanned::new(Text { parts }, span()), assertions: Vec::new() };
        prepare(&probe, variables).map(|request| match request.question {
            Question::Http { target, .. } => target,
            Question::Tcp { .. } => unreachable!("an http probe makes an http question"),
        })
    }

    fn literal(url: &str) -> Result<HttpTarget, PrepareError> {
        http(vec![TextPart::Literal(url.into())], &Set("", ""))
    }

    #[test]
    fn addresses_are_taken_apart() {
        let target = literal("https://Shop.Example/a?b=c").unwrap();
        assert_eq!((target.tls, target.host.as_str(), target.port, target.path.as_str()), (true, "shop.example", 443, "/a?b=c"));
        let target = literal("http://[::1]:8000").unwrap();
        assert_eq!((target.host.as_str(), target.port, target.authority.as_str(), target.path.as_str()), ("::1", 8000, "[::1]:8000", "/"));
    }

    #[test]
    fn addresses_that_cannot_be_used_are_refused_with_their_place() {
        for url in
            ["shop.example/health", "ftp://shop.example/", "http://", "http://a b/", "http://u:p@shop.example/", "http://x:70000/", ""]
        {
            let error = literal(url).expect_err(url);
            assert!(matches!(error, PrepareError::BadAddress { .. }), "{url}: {error}");
            assert_eq!(error.span(), span());
        }
    }

    #[test]
    fn an_unset_variable_is_named_and_a_secret_is_not_shown() {
        let env = |name: &str| TextPart::Env { name: name.into(), default: None };
        let error = http(vec![TextPart::Literal("http://".into()), env("HOST")], &Set("", "")).unwrap_err();
        assert_eq!(error.to_string(), "the variable HOST is not set");

        let secret = vec![TextPart::Literal("gopher://".into()), TextPart::Secret { name: "TOKEN".into() }];
        let error = http(secret, &Set("TOKEN", "hunter2")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn tcp_addresses_need_a_port_and_ipv6_its_brackets() {
        let tcp = |address: &str| {
            let probe = Probe::Tcp { address: Spanned::new(Text::literal(address), span()) };
            prepare(&probe, &Set("", "")).map(|request| match request.question {
                Question::Tcp { host, port } => (host, port),
                Question::Http { .. } => unreachable!("a tcp probe makes a tcp question"),
            })
        };
        assert_eq!(tcp("Db.Example:5432").unwrap(), ("db.example".into(), 5432));
        assert_eq!(tcp("[::1]:6380").unwrap(), ("::1".into(), 6380));
        for address in ["db.example", "::1:6380", ":1", "db:0", "db:x", "[::1:1", "tcp://db:1"] {
            assert!(tcp(address).is_err(), "{address}");
        }
    }
}
