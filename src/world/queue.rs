//! Dokploy's queue: in memory, first in first out, one job at a time for the whole host (FACTS §6).

use std::collections::VecDeque;
use std::time::Duration;

/// From a job's start to its row.
const ROW_AFTER: Duration = Duration::from_millis(50);

/// The queue. Its first job is being worked on.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    pub(super) jobs: VecDeque<Job>,
    made: u64,
}

/// A job.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Counts from 1, and from 1 again after a restart.
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) redeploy: bool,
    pub(super) queued_at: Duration,
    pub(super) started_at: Option<Duration>,
    pub(super) work: Work,
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Deploys a compose service.
    Deploy(String),
    /// Something of somebody else that takes so long.
    Other(Duration),
}

impl Queue {
    pub(super) fn push(&mut self, title: &str, description: &str, redeploy: bool, work: Work, now: Duration) {
        self.made += 1;
        self.jobs.push_back(Job {
            number: self.made,
            title: title.to_owned(),
            description: description.to_owned(),
            redeploy,
            queued_at: now,
            started_at: None,
            work,
        });
        self.start(now);
    }

    fn start(&mut self, now: Duration) {
        if let Some(job) = self.jobs.front_mut() {
            job.started_at.get_or_insert(now);
        }
    }

    /// The job being worked on is done.
    pub(super) fn pop(&mut self, now: Duration) {
        self.jobs.pop_front();
        self.start(now);
    }

    /// When the first job makes its row, or ends if it is somebody else's. `deploying`: its row is there.
    pub(super) fn next_at(&self, deploying: bool) -> Option<Duration> {
        let job = self.jobs.front()?;
        let started = job.started_at?;
        match &job.work {
            Work::Other(takes) => Some(started + *takes),
            Work::Deploy(_) => (!deploying).then_some(started + ROW_AFTER),
        }
    }

    /// Drops the waiting jobs of a compose service: they vanish (FACTS §6).
    pub(super) fn clean(&mut self, compose: &str) {
        self.jobs.retain(|job| job.started_at.is_some() || job.work != Work::Deploy(compose.to_owned()));
    }

    /// Dokploy restarts: everything is forgotten, ids begin anew.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}
