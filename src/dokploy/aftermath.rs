//! What became of a deploy's command that Dokploy follows no longer: its row never ends, or says `error` while the command goes on.
//!
//! Dokploy runs the command on another server through an SSH session, and takes the session's end for the command's (FACTS §13.1). The
//! command goes on, and may well deploy the new version after all. So before anything is called failed there, or orphaned anywhere, the
//! log's last mark and the containers are watched until nothing new came for a while.

use super::features::Feature;
use super::retry::Outcome;
use super::rows::app_containers;
use super::session::App;
use super::{Body, Call};
use crate::engine::{DeployEnd, DeploymentId, Moment, RowStatus};
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// Nothing new in the log and no other container for so long: the command is over, or nobody will ever know. A step of a build can be
/// silent for longer (FACTS §13.1: 115 s were seen), which is why a mark in the log is what settles it.
const QUIET: Duration = Duration::from_secs(120);

/// Between two looks: each opens an SSH connection (FACTS §13.1).
const GAP: Duration = Duration::from_secs(5);

/// Lines of the log that are looked at.
const LINES: u32 = 100;

/// What the row said when Dokploy stopped following.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// A final word.
    Ended(RowStatus),
    /// It still says that the deploy runs.
    Running,
}

/// What a log says of its command's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It exited 0.
    Deployed,
    /// It did not.
    Failed,
}

/// What a look says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Look again then.
    AskAgain(Moment),
    /// It is over, and this is to be told.
    Ended(DeployEnd, Option<String>),
}

/// A command being watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Aftermath {
    deployment: String,
    row: Row,
    /// Whether another row has the same log: its marks may be the other's (FACTS §6).
    shares_log: bool,
    seen: Option<Glimpse>,
    news_at: Moment,
}

/// What can change while a command runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Glimpse {
    log: Option<String>,
    containers: Option<BTreeSet<(String, bool)>>,
}

impl Aftermath {
    pub(super) fn new(deployment: &str, row: Row, shares_log: bool, now: Moment) -> Self {
        Self { deployment: deployment.to_owned(), row, shares_log, seen: None, news_at: now }
    }

    /// Whether nobody looked yet.
    pub(super) fn is_new(&self) -> bool {
        self.seen.is_none()
    }

    /// Why it is watched, in a sentence.
    pub(super) fn why(&self) -> String {
        let row = match self.row {
            Row::Running => "the deploy's row says running and its job is gone from the queue: Dokploy follows it no longer",
            Row::Ended(_) => "the deploy's row says error, and on another server its command may go on all the same",
        };
        format!("{row}; its log and the containers are watched until nothing new came for {} s", QUIET.as_secs())
    }

    /// What one look asks.
    pub(super) fn calls(&self, app: &App) -> Vec<Call> {
        let feature = if app.server.is_some() { Feature::RemoteDeployLogs } else { Feature::DeployLogs };
        let log = app.features.has(feature).then(|| Call::DeployLog { deployment: self.deployment.clone(), lines: LINES });
        let containers = Call::AppContainers { app_name: app.app_name.clone(), server: app.server.clone() };
        [containers].into_iter().chain(log).collect()
    }

    /// Takes one look.
    pub(super) fn judge(&mut self, now: Moment, outcomes: &mut VecDeque<Outcome>) -> Verdict {
        let before = self.seen.clone().unwrap_or_default();
        // What could not be read is as it was.
        let glimpse = Glimpse {
            containers: match outcomes.pop_front() {
                Some(Outcome::Body(Body::Json(answer))) => app_containers(&answer).ok().map(|rows| rows.into_iter().collect()),
                _ => None,
            }
            .or(before.containers),
            log: match outcomes.pop_front() {
                Some(Outcome::Body(Body::Json(Value::String(log)))) => Some(log),
                _ => None,
            }
            .or(before.log),
        };
        let mark = glimpse.log.as_deref().and_then(last_mark).filter(|_| !self.shares_log);
        if self.seen.as_ref() != Some(&glimpse) {
            self.news_at = now;
        }
        let has_log = glimpse.log.is_some();
        self.seen = Some(glimpse);
        match mark {
            Some(mark) => self.marked(mark),
            None if now - self.news_at >= QUIET => self.quiet(has_log),
            None => Verdict::AskAgain(now + GAP),
        }
    }

    fn marked(&self, mark: Mark) -> Verdict {
        let (status, told) = match (mark, &self.row) {
            (Mark::Deployed, Row::Ended(_)) => {
                (RowStatus::Done, Some("its row says error, but its command went on and ended well: the new version is live after all"))
            }
            (Mark::Deployed, Row::Running) => {
                (RowStatus::Done, Some("its row will say running for ever, but its log says that the command ended well"))
            }
            (Mark::Failed, Row::Running) => {
                (RowStatus::Error, Some("its row will say running for ever, but its log says that the command failed"))
            }
            (Mark::Failed, Row::Ended(status)) => (*status, None),
        };
        Verdict::Ended(self.finished(status), told.map(str::to_owned))
    }

    fn quiet(&self, has_log: bool) -> Verdict {
        match &self.row {
            Row::Ended(status) => Verdict::Ended(self.finished(*status), None),
            Row::Running => {
                let log = match (has_log, self.shares_log) {
                    (_, true) => "its log is also that of another deploy",
                    (true, false) => "its log has no word of the end",
                    (false, false) => "its log cannot be read",
                };
                let evidence = format!(
                    "its row says running, its job is gone from the queue, {log}, and nothing changed for {} s: nothing will ever end it",
                    QUIET.as_secs()
                );
                Verdict::Ended(DeployEnd::Orphaned { deployment: DeploymentId(self.deployment.clone()), evidence }, None)
            }
        }
    }

    fn finished(&self, status: RowStatus) -> DeployEnd {
        DeployEnd::Finished { deployment: DeploymentId(self.deployment.clone()), status, error: None }
    }

    /// The row that will never end, if it is one.
    pub(super) fn dead_row(&self) -> Option<&str> {
        (self.row == Row::Running).then_some(self.deployment.as_str())
    }
}

/// The last word of a log on its command's end. `Error occurred` is Dokploy's own, written when the session ends, and says nothing of the
/// command (FACTS §13.1).
pub(super) fn last_mark(log: &str) -> Option<Mark> {
    const FAILED: [&str; 4] = [
        "Error: ❌ Docker command failed",
        "Error: ❌ Script execution failed",
        "❌ Has occurred an error:",
        "❌ Error: Compose file not found",
    ];
    log.lines().rev().find_map(|line| {
        if line.contains("Docker Compose Deployed: ✅") {
            Some(Mark::Deployed)
        } else if line.trim() == "canceled" || FAILED.iter().any(|words| line.contains(words)) {
            Some(Mark::Failed)
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Mark, last_mark};

    #[test]
    fn the_last_mark_counts_and_dokploy_s_own_closing_words_are_none() {
        for (log, mark) in [
            ("", None),
            ("#5 0.2 bust\n\nError occurred ❌, check the logs for details.\n", None),
            (
                "#5 0.2 bust\nError occurred ❌, check the logs for details.\n#5 8.2 built\nDocker Compose Deployed: ✅\n",
                Some(Mark::Deployed),
            ),
            ("Error: ❌ Docker command failed\n\nError occurred ❌, check the logs for details.\n", Some(Mark::Failed)),
            ("#5 CANCELED\ncanceled\n\nError occurred ❌, check the logs for details.\n", Some(Mark::Failed)),
            ("❌ Has occurred an error: All mapping items\n\nError occurred ❌\n", Some(Mark::Failed)),
        ] {
            assert_eq!(last_mark(log), mark, "{log}");
        }
    }
}
