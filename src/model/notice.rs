//! What a plan says of its time after the last phase, and of who is told what happens: `watch` and `notify`.

use super::Text;
use crate::source::{Span, Spanned};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// `watch for 1h every 1m`: how long everything is asked on after the last phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// How long. At most 30 days.
    pub length: Spanned<Duration>,
    /// From the start of one round to the start of the next. Default: `every` of the sampling.
    pub every: Option<Spanned<Duration>>,
    /// The whole statement.
    pub span: Span,
}

/// `notify CHANNEL about EVENT, …`: who is told of what.
#[derive(Clone, Debug)]
pub struct Notify {
    /// Who, and how.
    pub channel: Channel,
    /// What of; never empty. Default: [`NoticeEvent::DEFAULT`].
    pub about: BTreeSet<NoticeEvent>,
    /// The whole statement.
    pub span: Span,
}

/// Who is told, and how.
#[derive(Clone, Debug)]
pub enum Channel {
    /// `webhook TEXT`: a POST with JSON of our own.
    Webhook(Spanned<Text>),
    /// `slack TEXT`: a POST with JSON as Slack's incoming webhooks take it.
    Slack(Spanned<Text>),
    /// `exec ["PROGRAM", …]`: a command with the same JSON as `webhook` on its standard input; no secrets among its words.
    Exec(Vec<Spanned<Text>>),
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeEvent {
    /// A run begins to change things, or goes on with it.
    Start,
    /// A phase starts, or is verified.
    Phase,
    /// A person is asked, and what came of it.
    Approval,
    /// The run is held up: another run has the app, a deploy is overdue, nobody can be asked, the machine slept.
    Delay,
    /// A phase failed, a gate did not hold, or what is delivered does not hold; a rollback that fails as well.
    Failure,
    /// A rollback is verified, or failed.
    Rollback,
    /// The run ended, however it did.
    End,
    /// While watching: something has become unhealthy, or is still so after a while.
    Unhealthy,
    /// While watching: what was told before is over.
    Recovered,
    /// While watching: something cannot be asked, or nothing can be seen from here; or still so after a while.
    Blind,
}

impl NoticeEvent {
    /// All of them, in the order of a run and of a watch after it.
    pub const ALL: [Self; 10] = [
        Self::Start,
        Self::Phase,
        Self::Approval,
        Self::Delay,
        Self::Failure,
        Self::Rollback,
        Self::End,
        Self::Unhealthy,
        Self::Recovered,
        Self::Blind,
    ];

    /// What a `notify` without `about` is about: what somebody has to act on, and how it ended.
    pub const DEFAULT: [Self; 7] =
        [Self::Approval, Self::Failure, Self::Rollback, Self::End, Self::Unhealthy, Self::Recovered, Self::Blind];

    /// As the plan writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Phase => "phase",
            Self::Approval => "approval",
            Self::Delay => "delay",
            Self::Failure => "failure",
            Self::Rollback => "rollback",
            Self::End => "end",
            Self::Unhealthy => "unhealthy",
            Self::Recovered => "recovered",
            Self::Blind => "blind",
        }
    }

    /// The one that is written so.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == word)
    }
}

impl fmt::Display for NoticeEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
