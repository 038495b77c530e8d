//! Expectations made ready to be asked: variables resolved, addresses taken apart. Nothing is sent here.

use super::build_contexts;
use super::exec::{self, ExecTarget};
use super::git;
use super::http::{self, HttpRequest};
use super::postgres::{self, PostgresTarget};
use super::redis::{self, RedisTarget};
use super::safe::safe;
use crate::dokploy::Masks;
use crate::model::{BuildContext, Condition, ContextPlace, ExecAssertion, HttpAssertion, Named, Probe, Resolved, Text, Unset, Variables};
use crate::source::{Span, Spanned};
use std::time::Duration;

/// An expectation that can be asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked.
    pub question: Question,
    /// Its secrets, masked in whatever is seen.
    pub masks: Masks,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// One HTTP request.
    Http {
        /// Where, and how.
        request: Box<HttpRequest>,
        /// What the answer must be; all of them.
        assertions: Vec<HttpAssertion>,
    },
    /// One connection.
    Tcp {
        /// The host, IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
        /// What the service must say by itself; empty for nothing.
        banner: Vec<Condition>,
    },
    /// One PostgreSQL session.
    Postgres {
        /// Where, and as whom.
        target: Box<PostgresTarget>,
        /// What the first value of each query must be.
        queries: Vec<Named>,
    },
    /// One command.
    Exec {
        /// The command.
        target: Box<ExecTarget>,
        /// How it must end; all of them.
        assertions: Vec<ExecAssertion>,
    },
    /// A look at what services are built from.
    BuildContexts(Vec<BuildContext>),
    /// One exchange with Redis.
    Redis {
        /// Where, and as whom.
        target: Box<RedisTarget>,
        /// What fields of INFO must be.
        infos: Vec<Named>,
    },
}

impl Request {
    /// How long one look may take, where the plan gives samples this long: repositories take longer to be asked than services, 30 s.
    pub fn limit(&self, timeout: Duration) -> Duration {
        if let Question::BuildContexts(_) = self.question { build_contexts::LIMIT } else { timeout }
    }
}

impl Question {
    /// Host and port that are connected to; `None` for commands.
    pub fn address(&self) -> Option<(&str, u16)> {
        match self {
            Self::Http { request, .. } => Some((&request.target.host, request.target.port)),
            Self::Tcp { host, port, .. } => Some((host, *port)),
            Self::Postgres { target, .. } => Some((&target.url.host, target.url.port)),
            Self::Redis { target, .. } => Some((&target.url.host, target.url.port)),
            Self::Exec { .. } | Self::BuildContexts(_) => None,
        }
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

/// Makes an expectation ready. `None`: nothing is sent for it from here, since Dokploy answers it.
///
/// # Errors
/// A variable that is not set, or an address that cannot be used, with the span of the text.
pub fn prepare(probe: &Probe, variables: &dyn Variables) -> Result<Option<Request>, PrepareError> {
    let mut texts = Resolver { variables, masks: Masks::default() };
    let question = match probe {
        Probe::Docker(_) => return Ok(None),
        Probe::BuildContexts(contexts) => {
            for context in contexts {
                if let ContextPlace::Git { repository, .. } = &context.place
                    && let Some((name, password)) = git::credentials(repository)
                {
                    // A name alone is a token.
                    texts.masks.add_secret(&password.unwrap_or(name));
                }
            }
            Question::BuildContexts(contexts.clone())
        }
        Probe::Http { url, options, assertions } => Question::Http {
            request: Box::new(http::prepare(url, options, &mut texts)?),
            assertions: assertions.iter().map(|assertion| assertion.value.clone()).collect(),
        },
        Probe::Postgres { url, queries } => Question::Postgres {
            target: Box::new(postgres::prepare(url, &mut texts)?),
            queries: queries.iter().map(|query| query.value.clone()).collect(),
        },
        Probe::Exec(exec) => Question::Exec {
            target: Box::new(exec::prepare(exec, &mut texts)?),
            assertions: exec.assertions.iter().map(|assertion| assertion.value.clone()).collect(),
        },
        Probe::Redis { url, database, infos } => Question::Redis {
            target: Box::new(redis::prepare(url, *database, &mut texts)?),
            infos: infos.iter().map(|info| info.value.clone()).collect(),
        },
        Probe::Tcp { address, banner } => {
            let resolved = texts.text(address)?;
            let (host, port) = host_port(&resolved.value).map_err(|why| bad(&resolved, why, address.span))?;
            Question::Tcp { host, port, banner: banner.clone() }
        }
    };
    if let Probe::Http { assertions, .. } = probe
        && let Question::Http { request, .. } = &question
        && !request.target.tls
        && let Some(assertion) = assertions.iter().find(|assertion| matches!(assertion.value, HttpAssertion::CertificateExpiresAfter(_)))
    {
        let shown = assertion.value.to_string();
        return Err(PrepareError::BadAddress { shown, why: "needs an address that begins with https://", span: assertion.span });
    }
    Ok(Some(Request { question, masks: texts.masks }))
}

/// Puts variables in their place and remembers which of them are secret.
pub(super) struct Resolver<'v> {
    variables: &'v dyn Variables,
    /// The secrets so far.
    pub(super) masks: Masks,
}

impl Resolver<'_> {
    /// The value of a text.
    pub(super) fn text(&mut self, text: &Spanned<Text>) -> Result<Resolved, PrepareError> {
        let resolved = text.value.resolve(self.variables).map_err(|unset| PrepareError::Unset { unset, span: text.span })?;
        for secret in &resolved.secrets {
            self.masks.add_secret(secret);
            // As a host is written.
            self.masks.add_secret(&secret.to_lowercase());
        }
        Ok(resolved)
    }
}

/// The error for a text that cannot be used, its secrets masked.
pub(super) fn bad(resolved: &Resolved, why: &'static str, span: Span) -> PrepareError {
    let mut masks = Masks::default();
    resolved.secrets.iter().for_each(|secret| masks.add_secret(secret));
    PrepareError::BadAddress { shown: safe(&masks.apply(&resolved.value), 120), why, span }
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
    use crate::probe::HttpTarget;
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
        let probe = Probe::Http { url: Spanned::new(Text { parts }, span()), options: Box::default(), assertions: Vec::new() };
        prepare(&probe, variables).map(|request| match request.expect("asked from here").question {
            Question::Http { request, .. } => request.target,
            _ => unreachable!("an http probe makes an http question"),
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
            let probe = Probe::Tcp { address: Spanned::new(Text::literal(address), span()), banner: Vec::new() };
            prepare(&probe, &Set("", "")).map(|request| match request.expect("asked from here").question {
                Question::Tcp { host, port, .. } => (host, port),
                _ => unreachable!("a tcp probe makes a tcp question"),
            })
        };
        assert_eq!(tcp("Db.Example:5432").unwrap(), ("db.example".into(), 5432));
        assert_eq!(tcp("[::1]:6380").unwrap(), ("::1".into(), 6380));
        for address in ["db.example", "::1:6380", ":1", "db:0", "db:x", "[::1:1", "tcp://db:1"] {
            assert!(tcp(address).is_err(), "{address}");
        }
    }
}
