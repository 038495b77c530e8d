//! Whether the app is still this run's. Another machine's run, or a person at Dokploy's page, may have deployed it since: what is seen then is
//! not of this run's making. So it is asked right before a run says that something is verified or failed, and before it stops containers.

use super::deploy::{self, Delivery};
use super::failure::{self, Draft};
use super::rollback::{self, Way};
use super::stage::{Job, Stage};
use super::turn::{Known, Turn};
use super::{Answer, Cause, DeployEnd, DeploymentId, Intent, Reason, position, settle, unfinished};

/// What follows if it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// What was delivered is verified.
    Verified(Delivery),
    /// What was delivered failed.
    Failed(Delivery, Draft, Option<DeploymentId>),
    /// What this run started is stopped.
    Stop(Way),
}

impl Next {
    /// Whether it is about a rollback.
    pub(super) fn is_of_rollback(&self) -> bool {
        match self {
            Next::Verified(delivery) | Next::Failed(delivery, ..) => matches!(delivery.job, Job::Rollback(_)),
            Next::Stop(_) => true,
        }
    }

    fn job(self) -> Job {
        match self {
            Next::Verified(delivery) | Next::Failed(delivery, ..) => delivery.job,
            Next::Stop(way) => Job::Rollback(way),
        }
    }
}

/// Asks whether it is.
pub(super) fn ask(turn: &mut Turn, next: Next) {
    let deployment = match &next {
        Next::Verified(delivery) => delivery.deployment(),
        Next::Failed(delivery, _, deployment) => deployment.clone().or_else(|| delivery.deployment()),
        Next::Stop(_) => None,
    };
    let expected = turn.ledger().live.clone();
    let op = turn.ask(Intent::StillOurs { expected, deployment });
    turn.enter(Stage::Ours { op, next: Box::new(next) });
}

/// The answer.
pub(super) fn answered(turn: &mut Turn, next: Next, answer: Answer) {
    match answer {
        Answer::StillOurs => go_on(turn, next),
        Answer::Deployed(DeployEnd::Busy { title }) => deploy::busy(turn, next.job(), &title),
        Answer::TextChanged { live } => match (unfinished::other_run(turn, &live), next) {
            (Some(who), _) => turn.end(Reason::Busy { who }, Known::Nothing),
            // A person edited the text, and nobody deployed it: what runs is ours. It is found again before anything is sent or undone.
            (None, next @ (Next::Verified(_) | Next::Failed(..))) => go_on(turn, next),
            (None, Next::Stop(way)) => {
                let diff = position::changed(&turn.ledger().live, &live);
                failure::begin(turn, Job::Rollback(way), Draft::Cause(Cause::TextChanged { diff }), None);
            }
        },
        answer => {
            let what = if let Answer::Failed(failure) = answer { failure.message } else { "answered with something else".to_owned() };
            let why = format!("whether somebody else deployed the app meanwhile could not be asked: {what}");
            match next {
                Next::Verified(delivery) => failure::begin_after(turn, delivery, Draft::Open(Cause::CouldNotAsk { why }), None),
                Next::Stop(way) => failure::begin(turn, Job::Rollback(way), Draft::Cause(Cause::CouldNotAsk { why }), None),
                // Nothing of it is undone unless the text is ours.
                next @ Next::Failed(..) => go_on(turn, next),
            }
        }
    }
}

fn go_on(turn: &mut Turn, next: Next) {
    match next {
        Next::Verified(delivery) => settle::verified(turn, delivery),
        Next::Failed(delivery, draft, deployment) => failure::inquire_after(turn, delivery, draft, deployment),
        Next::Stop(way) => rollback::send_stop(turn, way),
    }
}

/// Whether a run of plan asked for the deploy of this title.
pub(super) fn is_title_of_a_run(title: &str) -> bool {
    title.starts_with("plan run=")
}

/// Our deploy waits behind somebody else's: it is taken out of the queue where that takes nobody else's with it, and the run ends.
pub(super) fn yield_to(turn: &mut Turn, marker: String, who: String) {
    let op = turn.ask(Intent::Withdraw { marker });
    turn.enter(Stage::Yielding { op, who });
}

/// Whether it could be or not, the run ends.
pub(super) fn yielded(turn: &mut Turn, who: String) {
    turn.end(Reason::Busy { who }, Known::Nothing);
}
