//! What a plan expects: what is asked, and what the answer must be.

use super::{BuildContext, Comparison, Condition, Docker, JsonPath, Pattern, Text, duration};
use crate::source::{Span, Spanned};
use std::fmt;
use std::time::Duration;

/// What is asked.
#[derive(Clone, Debug)]
pub enum Probe {
    /// `http "URL" { … }`: one request over a fresh connection, redirects not followed unless asked.
    Http {
        /// The address.
        url: Spanned<Text>,
        /// How the request is made. Default: a GET without anything.
        options: Box<HttpOptions>,
        /// What the answer must be; all of them. Empty in the plan means `status in [200..=299]`, filled in by lowering.
        assertions: Vec<Spanned<HttpAssertion>>,
    },
    /// `tcp "HOST:PORT" { … }`: a connection is accepted and kept for a moment.
    Tcp {
        /// The address.
        address: Spanned<Text>,
        /// What the service must say by itself; all of them. Empty: nothing.
        banner: Vec<Condition>,
    },
    /// `postgres "URL" { … }`: a session is opened, and each query's first value is so.
    Postgres {
        /// The address, which holds the password.
        url: Spanned<Text>,
        /// The queries and what the first value of each must be.
        queries: Vec<Spanned<Named>>,
    },
    /// `redis "URL" { … }`: it answers PING, and fields of INFO are so.
    Redis {
        /// The address, which may hold the password.
        url: Spanned<Text>,
        /// The database number, in place of the address's own.
        database: Option<u32>,
        /// The fields of INFO and what each must be.
        infos: Vec<Spanned<Named>>,
    },
    /// `exec ["PROGRAM", …] { … }`: a command is run, without a shell.
    Exec(Box<Exec>),
    /// `container …`, `logs …`, `server …`: Dokploy is asked.
    Docker(Docker),
    /// `build-contexts`: what services are built from is there. None in the plan; the schedule knows the compose files and fills them in.
    BuildContexts(Vec<BuildContext>),
}

/// A command, and how it must end.
#[derive(Clone, Debug)]
pub struct Exec {
    /// The program and its arguments; no secrets among them.
    pub command: Vec<Spanned<Text>>,
    /// `set NAME = TEXT`: its environment besides PATH and HOME.
    pub environment: Vec<(Spanned<String>, Spanned<Text>)>,
    /// How it must end; all of them. Without an `exit` in the plan `exit == 0`, filled in by lowering.
    pub assertions: Vec<Spanned<ExecAssertion>>,
    /// The whole line.
    pub span: Span,
}

/// How a command must end.
#[derive(Clone, Debug, PartialEq)]
pub enum ExecAssertion {
    /// `exit == 0`
    Exit(Comparison, i64),
    /// `stdout …`: its last line end not counted, in the first MiB.
    Stdout(Condition),
    /// `stderr …`, likewise.
    Stderr(Condition),
    /// `time < 2s`: from start to end.
    TimeBelow(Duration),
}

/// As the plan writes it.
impl fmt::Display for ExecAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(comparison, code) => write!(f, "exit {comparison} {code}"),
            Self::Stdout(condition) => write!(f, "stdout {condition}"),
            Self::Stderr(condition) => write!(f, "stderr {condition}"),
            Self::TimeBelow(limit) => write!(f, "time < {}", duration(*limit)),
        }
    }
}

/// Something that has a value, and what that must be: a query, a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// As the server is asked for it.
    pub name: String,
    /// What its value must be.
    pub condition: Condition,
}

impl Probe {
    /// Where it asks; a command asks nowhere that could be told, Dokploy answers what is Dokploy's, and build contexts are where the compose
    /// files say.
    pub fn address(&self) -> Option<&Spanned<Text>> {
        match self {
            Self::Http { url, .. } | Self::Postgres { url, .. } | Self::Redis { url, .. } => Some(url),
            Self::Tcp { address, .. } => Some(address),
            Self::Exec(_) | Self::Docker(_) | Self::BuildContexts(_) => None,
        }
    }

    /// Times of its own that only mean something within a sample's time limit, as the plan writes them.
    pub fn limits(&self) -> Vec<(String, Spanned<Duration>)> {
        match self {
            Self::Http { options, assertions, .. } => {
                let own = [("connect within", options.connect), ("read within", options.read)];
                let own = own.into_iter().filter_map(|(name, limit)| Some((format!("{name} {}", duration(limit?.value)), limit?)));
                let time = assertions.iter().filter_map(|assertion| match assertion.value {
                    HttpAssertion::TimeBelow(limit) => Some((assertion.value.to_string(), Spanned::new(limit, assertion.span))),
                    _ => None,
                });
                own.chain(time).collect()
            }
            Self::Exec(exec) => {
                let time = exec.assertions.iter().filter_map(|assertion| match assertion.value {
                    ExecAssertion::TimeBelow(limit) => Some((assertion.value.to_string(), Spanned::new(limit, assertion.span))),
                    _ => None,
                });
                time.collect()
            }
            Self::Tcp { .. } | Self::Postgres { .. } | Self::Redis { .. } | Self::Docker(_) | Self::BuildContexts(_) => Vec::new(),
        }
    }

    /// Every text of it that may name the environment.
    pub fn texts(&self) -> Vec<&Text> {
        match self {
            Self::Http { url, options, .. } => std::iter::once(&url.value).chain(options.texts()).collect(),
            Self::Tcp { address: text, .. } | Self::Postgres { url: text, .. } | Self::Redis { url: text, .. } => vec![&text.value],
            Self::Exec(exec) => {
                exec.command.iter().chain(exec.environment.iter().map(|(_, value)| value)).map(|text| &text.value).collect()
            }
            Self::Docker(_) | Self::BuildContexts(_) => Vec::new(),
        }
    }
}

/// How an HTTP request is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpOptions {
    /// `method POST`. Default GET, or POST where a body is sent.
    pub method: Option<String>,
    /// `send header "NAME" TEXT`, in the order written.
    pub headers: Vec<(Spanned<String>, Spanned<Text>)>,
    /// `send body TEXT`.
    pub body: Option<Spanned<Text>>,
    /// `auth …`.
    pub auth: Option<HttpAuth>,
    /// `follow redirects`: as many as ten.
    pub follow: bool,
    /// `connect within D`: from the start to the end of the TLS handshake. Default: the sample's time limit.
    pub connect: Option<Spanned<Duration>>,
    /// `read within D`: the longest silence before and within the answer. Default: the sample's time limit.
    pub read: Option<Spanned<Duration>>,
}

impl HttpOptions {
    fn texts(&self) -> impl Iterator<Item = &Text> {
        let auth = match &self.auth {
            Some(HttpAuth::Basic { user, password }) => vec![&user.value, &password.value],
            Some(HttpAuth::Bearer(token)) => vec![&token.value],
            None => Vec::new(),
        };
        self.headers.iter().map(|(_, value)| &value.value).chain(self.body.as_ref().map(|body| &body.value)).chain(auth)
    }
}

/// Whom an HTTP request says it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpAuth {
    /// `auth basic USER PASSWORD`
    Basic {
        /// The user.
        user: Spanned<Text>,
        /// The password.
        password: Spanned<Text>,
    },
    /// `auth bearer TOKEN`
    Bearer(Spanned<Text>),
}

/// What an HTTP answer must be.
#[derive(Clone, Debug, PartialEq)]
pub enum HttpAssertion {
    /// `status == 200`, `status in [200, 302]`: inclusive ranges, sorted.
    Status(Vec<(u16, u16)>),
    /// `time < 2s`: from the start of the connection to the last byte.
    TimeBelow(Duration),
    /// `body contains "…"`, in the first MiB.
    BodyContains(String),
    /// `body matches /…/`, in the first MiB.
    BodyMatches(Pattern),
    /// `json '$.path' …`: the body is JSON, and the value at the path is so.
    Json(JsonPath, Condition),
    /// `header "NAME" …`: the name in lower case. Of several with one name the first counts.
    Header(String, Condition),
    /// `certificate expires after 14d`: the certificate that the server shows is good for longer than this from now on.
    CertificateExpiresAfter(Duration),
}

/// As the plan writes it.
impl fmt::Display for HttpAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(ranges) => match ranges.as_slice() {
                [(one, same)] if one == same => write!(f, "status == {one}"),
                ranges => {
                    let one = |(first, last): &(u16, u16)| if first == last { first.to_string() } else { format!("{first}..{last}") };
                    write!(f, "status in [{}]", ranges.iter().map(one).collect::<Vec<_>>().join(", "))
                }
            },
            Self::TimeBelow(limit) => write!(f, "time < {}", duration(*limit)),
            Self::BodyContains(text) => write!(f, "body contains {text:?}"),
            Self::BodyMatches(pattern) => write!(f, "body matches {pattern}"),
            Self::Json(path, condition) => write!(f, "json '{path}' {condition}"),
            Self::Header(name, condition) => write!(f, "header {name:?} {condition}"),
            Self::CertificateExpiresAfter(left) => match left.as_secs() {
                seconds if seconds.is_multiple_of(86_400) => write!(f, "certificate expires after {}d", seconds / 86_400),
                _ => write!(f, "certificate expires after {}", duration(*left)),
            },
        }
    }
}
