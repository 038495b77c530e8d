//! The syntax tree: statements as written, with spans, names not resolved.

use super::form::Form;
use super::scenario::{FaultExpr, Scope, Wanted};
use crate::source::{FileId, Span, Spanned};
use std::time::Duration;

/// A name as written, where it is declared or used.
pub type Name = Spanned<String>;

/// A whole file.
#[derive(Clone, Debug)]
pub struct Ast {
    /// The file it was read from.
    pub file: FileId,
    /// The statements outside all blocks, in the order written. Those that are no statements at all, or stand where they do not
    /// belong, are left out: `problems` has told of them.
    pub statements: Vec<Statement>,
    /// Every comment, in the order written; the span begins at the `#`.
    pub comments: Vec<Span>,
    /// Whether something outside all blocks was left out.
    pub damaged: bool,
    /// The end of the text, where what is missing would have been.
    pub end: Span,
}

/// One statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Which statement of the language it is.
    pub form: &'static Form,
    /// What it says.
    pub head: Head,
    /// The keyword.
    pub keyword: Span,
    /// From the keyword to the last word of its line, the block not counted.
    pub span: Span,
    /// Its block, if it has one.
    pub block: Option<Block>,
}

impl Statement {
    /// The statements of its block; none without one.
    pub fn body(&self) -> &[Statement] {
        self.block.as_ref().map_or(&[], |block| &block.statements)
    }

    /// Whether its head, or something in its block, could not be read: what seems to be missing from it may be there.
    pub fn is_damaged(&self) -> bool {
        matches!(self.head, Head::Broken { .. })
            || self.block.as_ref().is_some_and(|block| block.damaged || block.statements.iter().any(Self::is_damaged))
    }
}

/// `{ … }`.
#[derive(Clone, Debug)]
pub struct Block {
    /// The opening brace.
    pub open: Span,
    /// The closing brace; `None` if it is missing.
    pub close: Option<Span>,
    /// What stands inside.
    pub statements: Vec<Statement>,
    /// Whether something inside was left out.
    pub damaged: bool,
}

/// What a statement says, its block aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// `rollout NAME`
    Rollout(Name),
    /// `dokploy { … }`
    Dokploy,
    /// `url TEXT`
    Url(TextExpr),
    /// `api-key TEXT`
    ApiKey(TextExpr),
    /// `ca "FILE"`
    Ca(TextExpr),
    /// `app NAME { … }`
    App(Name),
    /// `project TEXT`
    Project(TextExpr),
    /// `environment TEXT`
    Environment(TextExpr),
    /// `compose TEXT`
    Compose(TextExpr),
    /// `let NAME = TEXT`
    Let(Name, TextExpr),
    /// `sampling { … }`
    Sampling,
    /// `every DURATION`
    Every(Spanned<Duration>),
    /// `timeout DURATION`
    Timeout(Spanned<Duration>),
    /// `healthy after N passes`
    HealthyAfter(Spanned<u64>),
    /// `unhealthy after N failures`
    UnhealthyAfter(Spanned<u64>),
    /// `queue within DURATION`
    QueueWithin(Spanned<Duration>),
    /// `run within DURATION`
    RunWithin(Spanned<Duration>),
    /// `restarts max N`
    RestartsMax(Spanned<u64>),
    /// `service NAME [in APP] { … }`
    Service {
        /// The compose service.
        name: Name,
        /// The app that it belongs to, if said.
        app: Option<Name>,
    },
    /// `job NAME [in APP] { … }`
    Job {
        /// The compose service's name.
        name: Name,
        /// `in APP`
        app: Option<Name>,
    },
    /// `external NAME { … }`
    External(Name),
    /// `gate NAME { … }`
    Gate(Name),
    /// `phase NAME [after NAME] { … }`
    Phase {
        /// Its name.
        name: Name,
        /// The phase before it.
        after: Option<Name>,
    },
    /// `note "…"`
    Note(TextExpr),
    /// `hint "…"`
    Hint(TextExpr),
    /// `needs NAME, …`
    Needs(Vec<Name>),
    /// `uses NAME, …`
    Uses(Vec<Name>),
    /// `allow WORD "reason"`
    Allow {
        /// The kind of warning.
        word: Name,
        /// Why it is meant.
        reason: TextExpr,
    },
    /// `expect PROBE [{ … }]`, `warn PROBE [{ … }]`, `observe PROBE [{ … }]`
    Expect(Severity, Probe),
    /// `approve "…" [within DURATION] [else stop]`
    Approve {
        /// What is asked.
        question: TextExpr,
        /// How long the answer may take.
        within: Option<Spanned<Duration>>,
    },
    /// `require GATE, …`
    Require(Vec<Name>),
    /// `deploy APP from "FILE" [within DURATION]`
    Deploy {
        /// The app.
        app: Name,
        /// The compose file.
        from: TextExpr,
        /// How long it may run.
        within: Option<Spanned<Duration>>,
    },
    /// `settle within DURATION`
    Settle(Spanned<Duration>),
    /// `soak DURATION`
    Soak(Spanned<Duration>),
    /// `on failure POLICY`
    OnFailure(Policy),
    /// `removes SERVICE, …`
    Removes(Vec<Name>),
    /// `watch for DURATION [every DURATION]`
    Watch {
        /// How long.
        length: Spanned<Duration>,
        /// From one look to the next.
        every: Option<Spanned<Duration>>,
    },
    /// `notify CHANNEL [about EVENT, …]`
    Notify {
        /// Who is told, and how.
        channel: Channel,
        /// What of; `None` if it is not said.
        about: Option<Vec<Name>>,
    },
    /// `status == N`: one range of one number.
    StatusEqual(StatusRange),
    /// `status in [N, N..N]`
    StatusIn(Vec<StatusRange>, Span),
    /// `time < DURATION`
    TimeBelow(Spanned<Duration>),
    /// `method POST`
    Method(Name),
    /// `send header "NAME" TEXT`
    SendHeader {
        /// Its name.
        name: TextExpr,
        /// Its value.
        value: TextExpr,
    },
    /// `send body TEXT`
    SendBody(TextExpr),
    /// `auth basic TEXT TEXT`
    AuthBasic {
        /// Whose password it is.
        user: TextExpr,
        /// The password.
        password: TextExpr,
    },
    /// `auth bearer TEXT`
    AuthBearer(TextExpr),
    /// `follow redirects`
    FollowRedirects,
    /// `connect within DURATION`
    ConnectWithin(Spanned<Duration>),
    /// `read within DURATION`
    ReadWithin(Spanned<Duration>),
    /// `certificate expires after DURATION`
    CertificateExpiresAfter(Spanned<Duration>),
    /// `body contains "…"`, `body matches /…/`
    Body(Condition),
    /// `json '$.path' CONDITION`
    Json {
        /// The path.
        path: TextExpr,
        /// What its value must be.
        condition: Condition,
    },
    /// `time p95 < DURATION over DURATION`; either part may be missing, which is told later.
    TimePercentile {
        /// `p95`, as written.
        percentile: Option<Spanned<String>>,
        /// What it must be below.
        limit: Spanned<Duration>,
        /// Over how long it is taken.
        over: Option<Spanned<Duration>>,
    },
    /// `none matches /…/`
    LogsNone(Condition),
    /// `some matches /…/`
    LogsSome(Condition),
    /// `ignore matches /…/`
    LogsIgnore(Condition),
    /// `running`
    Running,
    /// `healthy`
    Healthy,
    /// `restarts == N`: the sign as written.
    Restarts(Spanned<String>, Spanned<u64>),
    /// `image == "…"`
    Image(Condition),
    /// `disk free > 10GiB`: the sign as written.
    DiskFree(Spanned<String>, Literal),
    /// `memory free > 10%`: the sign as written.
    MemoryFree(Spanned<String>, Literal),
    /// `within DURATION`
    Within(Spanned<Duration>),
    /// `banner contains "…"`, `banner matches /…/`
    Banner(Condition),
    /// `query 'SQL' CONDITION`
    Query {
        /// The query.
        sql: TextExpr,
        /// What its first value must be.
        condition: Condition,
    },
    /// `ping`
    Ping,
    /// `info "FIELD" CONDITION`
    Info {
        /// The field.
        field: TextExpr,
        /// What its value must be.
        condition: Condition,
    },
    /// `database N`
    Database(Spanned<u64>),
    /// `exit == N`: the sign as written.
    Exit(Spanned<String>, Spanned<u64>),
    /// `stdout contains "…"`, `stdout matches /…/`
    Stdout(Condition),
    /// `stderr contains "…"`, `stderr matches /…/`
    Stderr(Condition),
    /// `set NAME = TEXT`
    Set(Name, TextExpr),
    /// `header "NAME" CONDITION`
    Header {
        /// Its name.
        name: TextExpr,
        /// What its value must be.
        condition: Condition,
    },
    /// `scenario NAME { … }`
    Scenario(Name),
    /// `when phase NAME { … }`, `when rollback { … }`, `from phase NAME { … }`, `always { … }`
    When(Scope),
    /// `SERVICE KIND [after DURATION] [for DURATION] [every DURATION]`
    Fault(FaultExpr),
    /// `expect verified`, `expect phase NAME failed`, …: of a scenario.
    Wanted(Wanted),
    /// The keyword is known and the rest could not be read.
    Broken {
        /// What it would have declared, if that can be told.
        name: Option<Name>,
    },
}

/// What becomes of an answer that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// `expect`: it decides whether its subject is well.
    Decides,
    /// `warn`: it is told, and decides nothing.
    Warns,
    /// `observe`: it is recorded, and neither told nor decisive: a trial of a new check.
    Observes,
}

impl Severity {
    /// The keyword.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Decides => "expect",
            Self::Warns => "warn",
            Self::Observes => "observe",
        }
    }
}

/// Who a `notify` tells, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    /// `webhook TEXT`
    Webhook(TextExpr),
    /// `slack TEXT`
    Slack(TextExpr),
    /// `exec [TEXT, …]`
    Exec(Vec<TextExpr>),
}

/// What an `expect` asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// `http TEXT`
    Http(TextExpr),
    /// `tcp TEXT`
    Tcp(TextExpr),
    /// `postgres TEXT`
    Postgres(TextExpr),
    /// `redis TEXT`
    Redis(TextExpr),
    /// `exec [TEXT, …]`
    Exec(Vec<TextExpr>),
    /// `build-contexts`
    BuildContexts,
    /// `external NAME, …`
    External(Vec<Name>),
    /// `container`, `container TEXT`
    Container(Option<TextExpr>),
    /// `logs`
    Logs,
    /// `server`
    Server,
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What is asked of it.
    pub kind: ConditionKind,
    /// Where it is written, from its first word.
    pub span: Span,
}

/// What is asked of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConditionKind {
    /// `exists`
    Exists,
    /// `contains "…"`
    Contains(TextExpr),
    /// `matches /…/`, without the slashes.
    Matches(Spanned<String>),
    /// `== 5`: the sign as written.
    Compare(Spanned<String>, Literal),
}

/// A value written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// What it is.
    pub kind: LiteralKind,
    /// As it is written.
    pub written: String,
    /// Where.
    pub span: Span,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiteralKind {
    /// `null`
    Null,
    /// `true`, `false`
    Truth(bool),
    /// `5`, `-1.5`
    Number,
    /// `10GiB`
    Size,
    /// `5s`
    Duration,
    /// `95%`
    Percent,
    /// `"…"`
    Text(TextExpr),
}

/// A policy of `on failure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// `rollback`
    Rollback,
    /// `stop`
    Stop,
    /// `ask`
    Ask,
}

/// `200` or `200..299`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRange {
    /// The lowest number.
    pub first: u64,
    /// The highest number.
    pub last: u64,
    /// Where it is written.
    pub span: Span,
}

/// Something that gives a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextExpr {
    /// How it gives it.
    pub kind: TextKind,
    /// Where it is written, quotes included.
    pub span: Span,
}

/// How a string is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// `"…"` or `'…'`, which has one piece at most.
    Pieces(Vec<Piece>),
    /// `env("NAME")`, `env("NAME", "default")`
    Env {
        /// The variable.
        name: Name,
        /// What it is when unset.
        default: Option<Name>,
    },
    /// `secret("NAME")`
    Secret(Name),
    /// The name of a `let`.
    Name(String),
}

/// A piece of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Characters, escapes undone.
    Characters(String),
    /// `{name}`; the span has the braces.
    Name(Name),
}
