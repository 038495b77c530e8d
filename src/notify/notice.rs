//! One notice, before anybody's spelling.

use crate::engine::Moment;
use crate::model::NoticeEvent;

/// Something that somebody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub event: NoticeEvent,
    /// What happened exactly, in a word: `phase-failed`.
    pub what: &'static str,
    /// When, in run time.
    pub at: Moment,
    /// The rollout's name.
    pub rollout: String,
    /// The app, as the plan writes it.
    pub app: String,
    /// The run's id; empty for one that never began.
    pub run: String,
    /// The phase that it happened in.
    pub phase: Option<String>,
    /// Services at fault.
    pub services: Vec<AtFault>,
    /// What is live now, by the name of its phase; `baseline` for what was there before. `None`: nothing, or nobody can say.
    pub live: Option<String>,
    /// Whether that is verified.
    pub verified: bool,
    /// The exit code, at the end.
    pub exit: Option<u8>,
    /// All of it in one line.
    pub text: String,
    /// What else is worth knowing, a line each.
    pub details: Vec<String>,
}

/// A service that something is the fault of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtFault {
    /// Which.
    pub service: String,
    /// What of it, in words.
    pub what: String,
    /// What was expected, where that can be said.
    pub expected: Option<String>,
    /// What was seen, where that can be said.
    pub actual: Option<String>,
    /// The plan's hint.
    pub hint: Option<String>,
    /// While watching: how long, and how many samples that were.
    pub lasting: Option<Lasting>,
}

/// How long something has been so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lasting {
    /// Since the first of these samples (RFC 3339).
    pub since: String,
    /// Samples since then that were no passes.
    pub bad: u64,
    /// Samples since then.
    pub samples: u64,
}

impl Notice {
    /// Whether somebody who asked for these events is told: a rollback that failed is a failure too.
    pub fn concerns(&self, about: &std::collections::BTreeSet<NoticeEvent>) -> bool {
        about.contains(&self.event) || self.what == "rollback-failed" && about.contains(&NoticeEvent::Failure)
    }

    /// Whether it is told while watching.
    pub fn is_of_a_watch(&self) -> bool {
        use NoticeEvent::{Blind, Recovered, Unhealthy};
        matches!(self.event, Unhealthy | Recovered | Blind) || self.what.starts_with("watch-")
    }

    /// The same with each of its texts changed.
    #[must_use]
    pub fn map(self, change: impl Fn(&str) -> String) -> Self {
        let each = |texts: Vec<String>| texts.iter().map(|text| change(text)).collect();
        let maybe = |text: Option<String>| text.map(|text| change(&text));
        let service = |one: AtFault| AtFault {
            service: change(&one.service),
            what: change(&one.what),
            expected: maybe(one.expected),
            actual: maybe(one.actual),
            hint: maybe(one.hint),
            lasting: one.lasting,
        };
        Self {
            rollout: change(&self.rollout),
            app: change(&self.app),
            run: change(&self.run),
            phase: maybe(self.phase),
            services: self.services.into_iter().map(service).collect(),
            live: maybe(self.live),
            text: change(&self.text),
            details: each(self.details),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use NoticeEvent::{End, Failure, Rollback};

    #[test]
    fn a_rollback_that_failed_is_a_failure_too() {
        let notice = |event, what| {
            let text = String::new;
            Notice {
                event,
                what,
                at: Moment::START,
                rollout: text(),
                app: text(),
                run: text(),
                phase: None,
                services: vec![],
                live: None,
                verified: false,
                exit: None,
                text: text(),
                details: vec![],
            }
        };
        for (event, what, about, is_told) in [
            (Rollback, "rollback-failed", Failure, true),
            (Rollback, "rollback-failed", Rollback, true),
            (Rollback, "rollback-failed", End, false),
            (Rollback, "rollback-verified", Failure, false),
            (Failure, "phase-failed", Failure, true),
            (Failure, "phase-failed", Rollback, false),
        ] {
            assert_eq!(notice(event, what).concerns(&[about].into()), is_told, "{what} to somebody told of {about}");
        }
    }
}
