//! What a run is to reach: the plan's phases, or a state that was.

use crate::schedule::{PhaseId, ServiceName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a run is to reach.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// The plan's phases, one after the other.
    #[default]
    Rollout,
    /// `plan rollback`: a state that was verified, or that a run found.
    Back(Back),
}

/// Going back by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// Where to.
    pub to: To,
    /// What this machine keeps of earlier runs, of any app, oldest first. Holds compose texts, so it is never written anywhere.
    #[serde(skip)]
    pub states: Vec<Remembered>,
}

/// Where to go back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum To {
    /// The last verified state before what is live.
    Last,
    /// `--to PHASE`: the phase with its text of the plan.
    Phase(PhaseId),
    /// `--to RUN`: what this run left verified, or what it found when it verified nothing.
    Run(String),
}

/// A state of an app that this machine keeps the text of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The run that keeps it.
    pub run: String,
    /// A phase's name, or `baseline`.
    pub name: String,
    /// Dokploy's id of the compose service; `None` when the run's journal does not say any more.
    pub compose_id: Option<String>,
    /// The text, with its marker if it has one.
    pub text: String,
    /// The services that the text starts.
    pub services: BTreeSet<ServiceName>,
    /// What is known of how it was.
    pub proof: Proof,
}

/// What is known of how a state was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Verified: every required sample of these services passed, says the run's journal, its bundle, or the text's own marker.
    Verified(BTreeSet<ServiceName>),
    /// What a run found before its first change, sampled once.
    Found {
        /// Services that were healthy.
        healthy: BTreeSet<ServiceName>,
        /// The others.
        not_healthy: BTreeSet<ServiceName>,
    },
}
