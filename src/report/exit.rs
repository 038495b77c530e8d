//! What exit codes mean, in the user's words. `docs/exit-codes.md` says the same at length; a test compares.

use crate::engine::ExitCode;

/// Every code that a run can end with, and what it means in a few words.
pub const MEANINGS: [(u8, &str); 11] = [
    (0, "as asked"),
    (1, "the tool itself failed"),
    (2, "the plan or the command line is invalid; nothing was touched"),
    (3, "refused, or a gate did not hold; this run changed nothing"),
    (4, "a phase failed and was rolled back; what is live is verified"),
    (5, "what is live is unhealthy or unverified"),
    (6, "stopped between phases"),
    (7, "somebody else is deploying this app"),
    (8, "something is unhealthy"),
    (9, "could not ask; nothing was changed"),
    (10, "outcome unknown"),
];

/// The meaning of a code.
pub fn meaning(code: ExitCode) -> &'static str {
    match code.0 {
        130 | 143 => "interrupted; start the same command again to go on",
        other => MEANINGS.iter().find(|(code, _)| *code == other).map_or("ended by a signal", |(_, meaning)| meaning),
    }
}
