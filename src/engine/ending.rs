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
    /// By hand: what was to be gone back to did not come up, or nobody could tell.
    RollbackFailed {
        /// Its name.
        to: String,
    },
    /// By hand: a run that is at work took the request to fail its phase; this one did nothing.
    HolderAsked {
        /// Who holds the app, in words.
        who: String,
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

/// A process exit code (`docs/exit-codes.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExitCode(pub u8);

impl ExitCode {
    /// The code of an ending: the only place where one is decided.
    ///
    /// The reason asks the question, the facts answer it: a phase that failed is 4 when what is live now is verified, 5 when it is not, 10
    /// when nobody knows; a gate that did not hold is 3 when this run changed nothing, and 6 when it stopped between phases.
    pub fn of(reason: &Reason, facts: Facts) -> Self {
        let Facts { changed, verified, known } = facts;
        Self(match reason {
            Reason::Interrupted => 130,
            Reason::HolderAsked { .. } => 0,
            Reason::Busy { .. } => 7,
            Reason::Refused { .. } | Reason::GateNotHeld { .. } if !changed => 3,
            Reason::CouldNotAsk { .. } if !changed => 9,
            _ if !known => 10,
            Reason::Completed | Reason::NothingToDo if verified => 0,
            Reason::PhaseFailed { .. } if verified => 4,
            Reason::GateNotHeld { .. } | Reason::CouldNotAsk { .. } | Reason::Refused { .. } if verified => 6,
            Reason::Completed
            | Reason::NothingToDo
            | Reason::PhaseFailed { .. }
            | Reason::RollbackFailed { .. }
            | Reason::GateNotHeld { .. }
            | Reason::CouldNotAsk { .. }
            | Reason::Refused { .. } => 5,
        })
    }
}

impl Ending {
    /// The exit code that says the same.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::of(&self.reason, self.facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts as (changed, verified, known), in the columns' order.
    const FACTS: [(bool, bool, bool); 8] = [
        (false, false, false),
        (false, false, true),
        (false, true, false),
        (false, true, true),
        (true, false, false),
        (true, false, true),
        (true, true, false),
        (true, true, true),
    ];

    #[test]
    fn every_ending_has_its_exit_code() {
        let text = String::new;
        let table: [(Reason, [u8; 8]); 10] = [
            (Reason::Completed, [10, 5, 10, 0, 10, 5, 10, 0]),
            (Reason::NothingToDo, [10, 5, 10, 0, 10, 5, 10, 0]),
            (Reason::Refused { why: vec![] }, [3, 3, 3, 3, 10, 5, 10, 6]),
            (Reason::GateNotHeld { what: text() }, [3, 3, 3, 3, 10, 5, 10, 6]),
            (Reason::PhaseFailed { phase: text() }, [10, 5, 10, 4, 10, 5, 10, 4]),
            (Reason::RollbackFailed { to: text() }, [10, 5, 10, 5, 10, 5, 10, 5]),
            (Reason::HolderAsked { who: text() }, [0, 0, 0, 0, 0, 0, 0, 0]),
            (Reason::Busy { who: text() }, [7, 7, 7, 7, 7, 7, 7, 7]),
            (Reason::CouldNotAsk { why: text() }, [9, 9, 9, 9, 10, 5, 10, 6]),
            (Reason::Interrupted, [130, 130, 130, 130, 130, 130, 130, 130]),
        ];
        for (reason, codes) in table {
            for ((changed, verified, known), code) in FACTS.into_iter().zip(codes) {
                let facts = Facts { changed, verified, known };
                assert_eq!(ExitCode::of(&reason, facts), ExitCode(code), "{reason:?} with {facts:?}");
            }
        }
    }
}
