//! `allow WORD "reason"`: a kind of warning that is meant of one service, and why.

use crate::source::Span;
use std::fmt;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A kind of warning about a service, as `allow` names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Allowed { $($(#[$doc])* $name,)* }

        impl Allowed {
            /// Every word, in alphabetical order.
            pub const ALL: &'static [Allowed] = &[$(Allowed::$name,)*];

            /// How it is written: `mutable-tag`.
            pub fn as_str(self) -> &'static str {
                match self { $(Allowed::$name => $text,)* }
            }
        }
    };
}

words! {
    /// An image tag that moves (W0508).
    MutableTag = "mutable-tag",
    /// A secret written out in a compose file (W0507).
    PlainSecret = "plain-secret",
    /// A Redis database number shared with another service (W0503).
    SharedRedis = "shared-redis",
    /// Changed by a later phase (W0502).
    SilentChange = "silent-change",
    /// A healthcheck slower than its phase settles (W0509).
    SlowHealthcheck = "slow-healthcheck",
    /// A published port of which nothing is expected (W0501).
    Unasserted = "unasserted",
    /// A git build that cannot be fixed to a commit (W0506, E0511).
    Unpinned = "unpinned",
}

impl Allowed {
    /// The word that is written so.
    pub fn of(written: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|word| word.as_str() == written)
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One `allow` of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// What is allowed.
    pub word: Allowed,
    /// Why, for people; never empty.
    pub reason: String,
    /// The whole statement.
    pub span: Span,
}
