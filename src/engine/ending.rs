//! How a run ends, and the exit code that says so.

use serde::{Deserialize, Serialize};

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Why it ended.
    pub reason: Reason,
    /// The three facts.
    pub facts: Facts,
    /// The phase that is live and verified, by name; `baseline` for what was there before; `None` when nothing is.
    pub live: Option<String>,
    /// Healthy services and all services of what is live.
    pub healthy: (usize, usize),
    /// One sentence: what is running now.
    pub verdict: String,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum Reason {
    /// Every phase that was asked for is verified.
    Completed,
    /// Everything was live and holds; nothing was changed.
    NothingToDo,
    /// Refused before the first change.
    Refused {
        /// Why, one sentence each.
        why: Vec<String>,
    },
    /// A gate did not hold, an approval was not given, or what is live did not hold before the next phase.
    GateNotHeld {
        /// Which, in words.
        what: String,
    },
    /// A phase failed.
    PhaseFailed {
        /// Its name.
        phase: String,
    },
    /// Somebody else deploys this app, or changed it under our hands.
    Busy {
        /// Who or what.
        who: String,
    },
    /// It could not be asked, or not be recorded.
    CouldNotAsk {
        /// Why.
        why: String,
    },
    /// The user left.
    Interrupted,
}

/// The three facts that, with the reason, decide the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Whether this run changed anything.
    pub changed: bool,
    /// Whether what is live now is verified.
    pub verified: bool,
    /// Whether it is known what is live now.
    pub known: bool,
}

/// A process exit code (DESIGN §5 of the project; `docs/exit-codes.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExitCode(pub u8);
