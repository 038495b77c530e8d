//! Following a deploy that was asked for: look by look, until its row is final or it is certain that there will be none.

use super::features::Feature;
use super::rows::{Deployment, Job, Status};
use super::session::App;
use crate::engine::{DeployEnd, DeployProgress, DeploymentId, Failure, Moment, RowStatus};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Absent from queue and history so many looks in a row: a restart loses waiting jobs without a trace, and so does a cleaned queue
/// (FACTS §6, §12). One look is not enough: the two lists are not read at the same instant.
const LOST_AFTER_MISSES: u32 = 2;

/// And not before this much time since it was asked for, or since it was last seen. Waiting costs little, and a deploy that starts
/// after it was given up costs much.
const LOST_NOT_BEFORE: Duration = Duration::from_secs(30);

/// The row says running and its job is gone, so many looks in a row: an SSH connection was lost in mid-deploy, and nobody will ever end
/// the row (FACTS §13.1).
pub(super) const ORPHANED_AFTER_MISSES: u32 = 5;

/// Rows that the history keeps before another is added (FACTS §6).
const ROWS_KEPT: usize = 10;

/// Between two looks, on Dokploy's own host (FACTS §13.4: under five requests a second while a deploy runs).
const GAP: Duration = Duration::from_secs(2);

/// Between the first two looks on Dokploy's own host, doubled from look to look up to [`GAP`]: a deploy that changes nothing is over after
/// 0.3 s (FACTS §6), and a few looks in the first second stay under five requests a second.
const FIRST_GAP: Duration = Duration::from_millis(250);

/// Between two looks, for an app on another server.
const REMOTE_GAP: Duration = Duration::from_secs(5);

/// Between two looks at most, while Dokploy does not answer.
const LONGEST_GAP: Duration = Duration::from_secs(30);

/// One look.
pub(super) struct Seen {
    /// The queue; `None` when this Dokploy does not show it.
    pub(super) jobs: Option<Result<Vec<Job>, Failure>>,
    /// The history.
    pub(super) rows: Result<Vec<Deployment>, Failure>,
}

/// What a look says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing final; look again then.
    AskAgain(Moment),
    /// It ended.
    Ended(DeployEnd),
    /// Its row says running, and Dokploy follows it no longer.
    Orphaned {
        /// The row.
        deployment: String,
    },
}

/// A deploy being followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Follow {
    marker: String,
    compose: String,
    server: Option<String>,
    /// Whether that server has a queue of its own.
    has_own_queue: bool,
    /// Places of compose services by id.
    places: Arc<BTreeMap<String, String>>,
    /// Rows that were there before it was asked for.
    older: BTreeSet<String>,
    /// Whether Dokploy said that it took the deploy, or it was seen since.
    accepted: bool,
    /// When it was asked for or last seen.
    since: Moment,
    /// The row, once it was seen.
    latched: Option<String>,
    /// Looks so far.
    looks: u32,
    /// Looks in a row that did not show what should be there.
    misses: u32,
    /// Looks in a row that were not answered.
    unanswered: u32,
    /// What was told last, so that it is told once.
    told: Option<DeployProgress>,
}

impl Follow {
    /// One that Dokploy took.
    pub(super) fn accepted(app: &App, marker: &str, now: Moment) -> Self {
        Self {
            marker: marker.to_owned(),
            compose: app.compose.clone(),
            server: app.server.clone(),
            has_own_queue: app.features.has(Feature::QueuePerServer),
            places: Arc::clone(&app.places),
            older: BTreeSet::new(),
            accepted: true,
            since: now,
            latched: None,
            looks: 0,
            misses: 0,
            unanswered: 0,
            told: None,
        }
    }

    /// One whose answer was lost.
    pub(super) fn unsure(app: &App, marker: &str, now: Moment) -> Self {
        Self { accepted: false, ..Self::accepted(app, marker, now) }
    }

    /// Whether Dokploy said that it took the deploy, or showed it.
    pub(super) fn was_taken(&self) -> bool {
        self.accepted
    }

    /// Knows which rows are older: while one of them is in the history, a newer one cannot have been pushed out of it.
    pub(super) fn after(self, older: BTreeSet<String>) -> Self {
        Self { older, ..self }
    }

    /// Takes one look.
    pub(super) fn judge(&mut self, now: Moment, seen: Seen, progress: &mut Vec<DeployProgress>) -> Verdict {
        self.looks += 1;
        let queue_is_shown = seen.jobs.is_some();
        let (jobs, no_jobs) = split(seen.jobs.transpose());
        let (rows, no_rows) = split(seen.rows);
        let row = rows.as_ref().and_then(|rows| self.row_in(rows));
        let job = jobs.as_ref().and_then(|jobs| jobs.as_ref()?.iter().find(|job| job.title == self.marker && self.is_ours(job)));
        if row.is_some() || job.is_some() {
            self.accepted = true;
            self.since = now;
        }
        if let Some(row) = row {
            if self.latched.is_none() {
                self.latched = Some(row.id.clone());
                self.tell(DeployProgress::Started { deployment: DeploymentId(row.id.clone()) }, progress);
            }
            if let Some(status) = final_status(row.status) {
                let deployment = DeploymentId(row.id.clone());
                return Verdict::Ended(DeployEnd::Finished { deployment, status, error: row.error.as_deref().map(line) });
            }
        }
        // Only what was answered can tell that something is missing.
        if let Some(failure) = no_rows.or(no_jobs) {
            return Verdict::AskAgain(self.not_answered(now, failure, progress));
        }
        self.unanswered = 0;
        if let Some(job) = job {
            self.misses = 0;
            if self.latched.is_none() {
                let ahead = self.ahead(jobs.iter().flatten().flatten());
                let next = if job.active { next_in_line() } else { self.queued(&ahead) };
                self.tell(next, progress);
            }
        } else {
            self.misses = if queue_is_shown { self.misses + 1 } else { 0 };
        }
        if let Some(verdict) = self.lost(now, row.is_some(), rows.as_deref().unwrap_or_default()) {
            return verdict;
        }
        if let (Some(row), Some(DeployProgress::Unreachable { .. })) = (row, &self.told) {
            self.tell(DeployProgress::Started { deployment: DeploymentId(row.id.clone()) }, progress);
        }
        Verdict::AskAgain(now + self.gap())
    }

    /// A look was not answered: when to look again.
    pub(super) fn not_answered(&mut self, now: Moment, failure: Failure, progress: &mut Vec<DeployProgress>) -> Moment {
        self.unanswered += 1;
        self.misses = 0;
        self.tell(DeployProgress::Unreachable { why: failure.message }, progress);
        now + LONGEST_GAP.min(self.longest_gap() * 2u32.saturating_pow(self.unanswered.min(8)))
    }

    /// Where its row stands in the history.
    pub(super) fn place_in(&self, rows: &[Deployment]) -> Option<usize> {
        let ours = self.row_in(rows)?;
        rows.iter().position(|row| row.id == ours.id)
    }

    /// Whether its row was seen.
    pub(super) fn has_started(&self) -> bool {
        self.latched.is_some()
    }

    /// Whether so much is missing, for so long, that it will never end by itself.
    fn lost(&self, now: Moment, row_is_there: bool, rows: &[Deployment]) -> Option<Verdict> {
        match (&self.latched, row_is_there) {
            // Its row is there, its job is not.
            (Some(id), true) if self.misses >= ORPHANED_AFTER_MISSES => Some(Verdict::Orphaned { deployment: id.clone() }),
            (Some(_), false) if self.misses >= LOST_AFTER_MISSES => {
                let evidence =
                    "the deploy's row was there and is gone: pushed out of the history by newer deploys, or deleted; its job is \
                                gone too, and how it ended is not known"
                        .to_owned();
                Some(Verdict::Ended(DeployEnd::Forgotten { evidence }))
            }
            (None, false) if self.misses >= LOST_AFTER_MISSES && now - self.since >= LOST_NOT_BEFORE => {
                let how = if self.accepted { "Dokploy took the deploy" } else { "the answer to the deploy was lost or unclear" };
                let seen = format!("{how}, and for {} s neither its queue nor its history show it", (now - self.since).as_secs());
                // As long as an older row is there, ours cannot have been pushed out.
                let may_be_pushed_out = rows.len() >= ROWS_KEPT && !rows.iter().any(|row| self.older.contains(&row.id));
                Some(Verdict::Ended(if may_be_pushed_out {
                    let evidence =
                        format!("{seen}; but the history is full of {} other deploys, and its row may have been pushed out", rows.len());
                    DeployEnd::Forgotten { evidence }
                } else {
                    DeployEnd::NeverStarted { evidence: format!("{seen}: Dokploy restarted, or its queue was cleaned") }
                }))
            }
            _ => None,
        }
    }

    /// How many stand before ours, and who is being worked on.
    fn queued(&self, ahead: &[&Job]) -> DeployProgress {
        let Some(active) = ahead.iter().find(|job| job.active) else {
            return DeployProgress::Queued { ahead: ahead.len(), active: None, whose: None, since: None };
        };
        let place = active.compose.as_ref().and_then(|compose| self.places.get(compose));
        DeployProgress::Queued {
            ahead: ahead.len(),
            active: Some(line(&active.title)),
            whose: place.or(active.page.as_ref()).map(|place| line(place)),
            since: active.since.and_then(by_dokploys_clock),
        }
    }

    /// By id once it is known: a title may change under it, an id never does (FACTS §6).
    fn row_in<'a>(&self, rows: &'a [Deployment]) -> Option<&'a Deployment> {
        match &self.latched {
            Some(id) => rows.iter().find(|row| row.id == *id),
            None => rows.iter().find(|row| row.title == self.marker),
        }
    }

    fn is_ours(&self, job: &Job) -> bool {
        job.compose.as_deref() == Some(self.compose.as_str())
    }

    /// The jobs before ours in the queue of its server (FACTS §13.1: each server has its own).
    fn ahead<'a>(&self, jobs: impl Iterator<Item = &'a Job>) -> Vec<&'a Job> {
        jobs.take_while(|job| job.title != self.marker).filter(|job| !self.has_own_queue || job.server == self.server).collect()
    }

    fn gap(&self) -> Duration {
        match self.server {
            Some(_) => REMOTE_GAP,
            // Something is missing: haste would only make a moment's gap look like a loss.
            None if self.misses > 0 => GAP,
            None => GAP.min(FIRST_GAP * 2u32.saturating_pow((self.looks - 1).min(8))),
        }
    }

    fn longest_gap(&self) -> Duration {
        if self.server.is_some() { REMOTE_GAP } else { GAP }
    }

    fn tell(&mut self, news: DeployProgress, progress: &mut Vec<DeployProgress>) {
        if self.told.as_ref() != Some(&news) {
            self.told = Some(news.clone());
            progress.push(news);
        }
    }
}

fn split<T>(result: Result<T, Failure>) -> (Option<T>, Option<Failure>) {
    match result {
        Ok(value) => (Some(value), None),
        Err(failure) => (None, Some(failure)),
    }
}

fn next_in_line() -> DeployProgress {
    DeployProgress::Queued { ahead: 0, active: None, whose: None, since: None }
}

/// A time by Dokploy's clock, which is compared with none of ours.
fn by_dokploys_clock(millis: i64) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(millis).ok()?;
    Some(time.strftime("%Y-%m-%d %H:%M:%S UTC by its clock").to_string())
}

fn final_status(status: Status) -> Option<RowStatus> {
    match status {
        Status::Going => None,
        Status::Done => Some(RowStatus::Done),
        Status::Error => Some(RowStatus::Error),
        Status::Cancelled => Some(RowStatus::Cancelled),
    }
}

/// Characters of somebody else's words at most.
const LONGEST: usize = 200;

/// Somebody else's words as one bounded line.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}
