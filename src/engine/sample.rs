//! Samples and verdicts.

use super::Moment;
use serde::{Deserialize, Serialize};

/// What one sample says. "The service said no" and "I could not ask" are different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// Asked, and the answer was as expected.
    Pass,
    /// Could not ask.
    Error,
    /// Asked, and the answer was not as expected; a refused or reset connection and a time-out are answers too.
    Fail,
}

/// One sample of one expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// What it says.
    pub reading: Reading,
    /// What was expected, in words.
    pub expected: String,
    /// What was seen, in words; secrets masked.
    pub actual: String,
    /// When the answer was there.
    pub at: Moment,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What an expectation's samples say together. The worst of several wins; the order is from best to worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Enough passes in a row.
    Met,
    /// Passing, not yet often enough; or `met` before and failing, not yet often enough.
    Holding,
    /// Nothing to go by yet.
    #[default]
    Unknown,
    /// Could not be asked, too often.
    Errored,
    /// Failed.
    Failed,
}
