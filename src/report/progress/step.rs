//! How far a phase or a rollback is.

use crate::engine::Moment;
use std::time::Duration;

/// Where a phase or a rollback is on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Not begun.
    #[default]
    Pending,
    /// Live and holding before the run; nothing was deployed.
    Live,
    /// Its gates are being asked.
    Gated,
    /// A person is being asked.
    Approval,
    /// Its gates hold; the compose text is being put in place.
    Sending,
    /// Dokploy was asked to deploy; nothing of it has been seen.
    Asked,
    /// Waiting in Dokploy's queue.
    Queued {
        /// Jobs before it.
        ahead: usize,
        /// Title of the job being worked on.
        active: Option<String>,
        /// Whose that is.
        whose: Option<String>,
        /// Since when it is worked on, by Dokploy's clock.
        since: Option<String>,
    },
    /// Its row is there: Dokploy builds images and starts containers.
    Deploying,
    /// Its time is over and its row is not final.
    Overdue,
    /// Its deploy did not end well; why is being found out.
    Failing,
    /// Deployed; services are becoming healthy.
    Settling,
    /// Every service is met and must hold.
    Soaking,
    /// What this run started is being stopped.
    Stopping,
    /// Verified.
    Verified,
    /// Failed.
    Failed,
    /// A gate did not hold or was not approved: not begun, and not going to.
    Held,
}

impl Stage {
    /// The one word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Stage::Pending => "pending",
            Stage::Live => "live",
            Stage::Gated => "gated",
            Stage::Approval => "approval",
            Stage::Sending | Stage::Asked => "sending",
            Stage::Queued { .. } => "queued",
            Stage::Deploying => "deploying",
            Stage::Overdue => "overdue",
            Stage::Failing => "failing",
            Stage::Settling => "settling",
            Stage::Soaking => "soaking",
            Stage::Stopping => "stopping",
            Stage::Verified => "verified",
            Stage::Failed => "failed",
            Stage::Held => "held",
        }
    }

    /// Whether nothing more happens to it.
    pub fn is_final(&self) -> bool {
        matches!(self, Stage::Live | Stage::Verified | Stage::Failed | Stage::Held)
    }
}

/// A phase's or a rollback's way so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Where it is.
    pub stage: Stage,
    /// When it got there.
    pub since: Moment,
    /// When the stage's time is over, if it has a limit.
    pub until: Option<Moment>,
    /// When the step began.
    pub began: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// Samples taken when it was verified.
    pub samples: u64,
}

impl Step {
    /// Goes on to a stage. The first one begins the step, a final one ends it.
    pub(super) fn enter(&mut self, now: Moment, stage: Stage, until: Option<Moment>) {
        self.began.get_or_insert(now);
        if stage.is_final() {
            self.ended = Some(now);
        }
        // The queue's time runs from the call on, wherever in the queue the job stands.
        let same_clock = match (&self.stage, &stage) {
            (Stage::Asked | Stage::Queued { .. }, Stage::Queued { .. }) => true,
            (before, after) => before == after,
        };
        if !same_clock {
            self.since = now;
        }
        self.until = until;
        self.stage = stage;
    }

    /// How long the step has taken, or took.
    pub fn elapsed(&self, now: Moment) -> Duration {
        self.began.map_or(Duration::ZERO, |began| self.ended.unwrap_or(now) - began)
    }

    /// How long the stage may take, if it has a limit.
    pub fn allowed(&self) -> Option<Duration> {
        self.until.map(|until| until - self.since)
    }
}
