//! Where a run was started from: for those who read of it later.

use crate::schedule::Lines;
use serde::{Deserialize, Serialize};

/// What is known of a run's surroundings when it starts. Nothing is decided by it, and nothing in it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// The plan's path as it was typed.
    pub plan: String,
    /// `sha256:` and the hex digest of the plan's text in canonical form ([`crate::schedule::digest`]).
    pub plan_digest: String,
    /// Dokploy's address, without credentials. Empty in the sandbox.
    pub dokploy: String,
    /// The sandbox's speed, a factor or `max`; `None` for a real Dokploy.
    pub sandbox: Option<String>,
    /// The host that the probes are sent from, if it is known.
    pub probed_from: Option<String>,
    /// The version of `plan`.
    pub version: String,
    /// Where in the plan things are declared.
    #[serde(skip_serializing_if = "Lines::is_empty")]
    pub lines: Lines,
}
