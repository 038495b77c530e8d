//! Deliberate mistakes. Each is one line of the engine done wrong, and breaks a promise that a rehearsal must notice: `tests/flaws.rs` holds
//! that it does. No command line, plan or record can ask for one.

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flaw {
    /// Services that earlier phases delivered are not asked again (promise 4).
    ForgetsEarlier,
    /// Passes are counted in all instead of in a row (promise 3).
    CountsInAll,
    /// A rollback goes back to before the run, although a phase is verified (promise 5).
    BackToTheStart,
    /// Docker's silence about the containers is taken for "as before" (promise 1).
    SilenceIsAsBefore,
    /// A deploy whose answer was lost is sent again without a look (promise 6).
    SendsAgain,
    /// Failing samples decide while services still settle.
    JudgesWhileSettling,
    /// What could not be asked counts as a pass (promise 2).
    ErrorsPass,
    /// A phase is verified as soon as it has settled (promise 3).
    SkipsSoak,
    /// A container that restarted is taken for the one before (promise 3).
    RestartIsTheSame,
    /// A rollback is called verified when its deploy has ended (promises 1 and 5).
    TrustsRollback,
    /// What fails during the soak is not looked at (promise 3).
    SoaksBlindly,
    /// An approver's silence is a yes.
    SilenceIsYes,
    /// A rollback begins before the evidence of the failure is kept (promise 7).
    ForgetsEvidence,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::ForgetsEarlier,
        Self::CountsInAll,
        Self::BackToTheStart,
        Self::SilenceIsAsBefore,
        Self::SendsAgain,
        Self::JudgesWhileSettling,
        Self::ErrorsPass,
        Self::SkipsSoak,
        Self::RestartIsTheSame,
        Self::TrustsRollback,
        Self::SoaksBlindly,
        Self::SilenceIsYes,
        Self::ForgetsEvidence,
    ];
}
