//! What a rule concluded, of whom and from what.

use super::rule::Rule;
use crate::schedule::ServiceName;

/// A likely cause and what helps. Beside the raw text, never in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The rule's name.
    pub rule: &'static str,
    /// Services and externals that showed the sign, each once, in order; none: only the deploy's log did.
    pub of: Vec<ServiceName>,
    /// Where the sign stood first.
    pub source: Source,
    /// What stood there, on one line and shortened; masked as far as the text that it is from.
    pub seen: String,
    /// The likely cause.
    pub cause: &'static str,
    /// What helps.
    pub remedy: &'static str,
}

/// Where a sign stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// What Docker says of the container.
    State,
    /// The deploy's log.
    DeployLog,
    /// The container's log.
    ContainerLog,
    /// What was seen when it was asked.
    Sample,
}

impl Source {
    /// Its name in formats for programs.
    pub fn key(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::DeployLog => "deploy-log",
            Self::ContainerLog => "container-log",
            Self::Sample => "sample",
        }
    }

    /// It in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::State => "Docker says",
            Self::DeployLog => "the deploy log",
            Self::ContainerLog => "its log",
            Self::Sample => "asked, it said",
        }
    }
}

impl Advice {
    pub(super) fn new(rule: &Rule, of: Option<&str>, source: Source, seen: String) -> Self {
        let of = of.map(str::to_owned).into_iter().collect();
        Self { rule: rule.id, of, source, seen, cause: rule.cause, remedy: rule.remedy }
    }

    /// `likely cause (web, worker)`.
    pub fn label(&self) -> String {
        const NAMED: usize = 4;
        let more = self.of.len().saturating_sub(NAMED);
        let names = self.of.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        match (self.of.len(), more) {
            (0, _) => "likely cause".to_owned(),
            (_, 0) => format!("likely cause ({names})"),
            (_, more) => format!("likely cause ({names} and {more} more)"),
        }
    }

    /// All of it: cause, what was seen, what helps.
    pub fn in_words(&self) -> [String; 3] {
        [
            format!("{}: {} [{}]", self.label(), self.cause, self.rule),
            format!("{}: {}", self.source.in_words(), self.seen),
            format!("what helps: {}", self.remedy),
        ]
    }
}
