//! What the engine wants done.

use super::{Container, ContainerId, DeploymentId, Log, Moment, Sample};
use crate::schedule::{ExpectationId, GateId, PhaseId, ServiceName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ties an answer to its effect. Answers to ids that are not awaited are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OpId(pub u64);

/// Something to be done outside, to be answered by an [`super::Input`] with the same id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask Dokploy for something.
    Platform {
        /// Its id.
        op: OpId,
        /// What.
        intent: Intent,
    },
    /// Take one sample of an expectation, within the plan's sample time limit.
    Sample {
        /// Its id.
        op: OpId,
        /// Which.
        expectation: ExpectationId,
    },
    /// Take the app for this run, on this machine. Answered by [`super::Input::LockHeld`] for each other holder, then by
    /// [`super::Input::Locked`] once it is free, or by [`super::Input::CannotLock`].
    Lock {
        /// Its id.
        op: OpId,
        /// Dokploy's id of the compose service.
        compose: String,
    },
    /// Put a text into the snapshot store and sync it.
    KeepSnapshot {
        /// Its id.
        op: OpId,
        /// What it is: `baseline`, or a phase's name.
        name: String,
        /// The text.
        text: String,
    },
    /// Write evidence of a failure and sync it, before anything destroys it.
    KeepEvidence {
        /// Its id.
        op: OpId,
        /// What to write.
        evidence: Box<Evidence>,
    },
    /// Show what would change and ask whether to go on.
    Confirm {
        /// Its id.
        op: OpId,
        /// The phase whose file is live already, if any.
        after: Option<PhaseId>,
    },
    /// A phase failed and its policy is `ask`: ask whether to roll back. Answered by `Confirmed`; without a terminal the answer is no.
    AskRollback {
        /// Its id.
        op: OpId,
        /// The phase that failed.
        phase: PhaseId,
    },
    /// Ask a person.
    Approve {
        /// Its id.
        op: OpId,
        /// Whose question.
        gate: GateId,
        /// When silence becomes an answer.
        until: Moment,
    },
    /// Ask the run that holds the app to fail its phase.
    AskHolder {
        /// Its id.
        op: OpId,
    },
    /// Forget an effect: its answer is no longer wanted.
    Abandon {
        /// Which.
        op: OpId,
    },
}

/// What is asked of Dokploy. `crate::dokploy` turns each into calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intent {
    /// Find the app: who answers, and which compose service the plan's names mean. Changes nothing.
    Find,
    /// Read everything that pre-flight judges, going on from what `Find` found. Changes nothing.
    Survey,
    /// Find the commit of each git reference: `(repository, reference)`. Changes nothing.
    Resolve(Vec<(String, String)>),
    /// Make `text` the live text if the live one is still `expected` (in canonical form), and prove that it took.
    Replace {
        /// What is believed to be live.
        #[serde(skip)]
        expected: String,
        /// What shall be.
        #[serde(skip)]
        text: String,
    },
    /// Deploy once, under a marker that nothing else has, if the live text is still `expected`; follow it to its end.
    Deploy {
        /// What is believed to be live.
        #[serde(skip)]
        expected: String,
        /// The marker, sent as title and description.
        marker: String,
    },
    /// See whether the app is still as this run left it: nobody put another text there, and nobody deployed it. Changes nothing.
    StillOurs {
        /// What is believed to be live.
        #[serde(skip)]
        expected: String,
        /// Our own last deploy: any newer one is somebody else's.
        deployment: Option<DeploymentId>,
    },
    /// Inspect the app's containers. Changes nothing.
    Observe,
    /// The end of a deployment's log. Changes nothing.
    DeployLog {
        /// Which.
        deployment: DeploymentId,
        /// At most so many lines.
        lines: u32,
    },
    /// The ends of containers' logs. Changes nothing.
    ContainerLogs {
        /// Which.
        containers: Vec<(ServiceName, ContainerId)>,
        /// At most so many lines of each.
        lines: u32,
        /// How far back, in seconds by the server's own clock; `None`: from the container's first line on.
        #[serde(default)]
        seconds: Option<u32>,
    },
    /// Inspect a container of the app's host by its name, whosever it is. Changes nothing.
    ObserveNamed {
        /// Its name.
        name: String,
    },
    /// See how much disk and memory the app's host has left. Changes nothing.
    ObserveServer,
    /// Stop the app's containers.
    Stop,
    /// Take our waiting job out of the queue, if every waiting job of the app is ours: Dokploy cleans them all or none.
    Withdraw {
        /// Our marker.
        marker: String,
    },
}

/// What is known of a failure, to be written before a rollback destroys it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The phase that failed.
    pub phase: String,
    /// The cause in words, one line each.
    pub cause: Vec<String>,
    /// The compose text that was live.
    pub text: String,
    /// The app's containers as inspected.
    pub containers: Vec<Container>,
    /// The deploy's log.
    pub deploy_log: Log,
    /// Containers' logs by service.
    pub logs: BTreeMap<ServiceName, Log>,
    /// The last samples of each expectation, by its text.
    pub samples: BTreeMap<String, Vec<Sample>>,
}
