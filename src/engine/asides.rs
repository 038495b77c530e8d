//! What is asked besides and decides nothing (`warn`, `observe`). A warning is told once when it begins and once when it is over, over all
//! watches of a run; what is only observed stays in the rounds.

use super::turn::Turn;
use super::watch::Watch;
use super::{Event, Reading, Sample, Verdict};
use crate::model::Severity;
use crate::schedule::ExpectationId;

/// Tells what this round began or ended: a row of failures or errors as long as would decide for an `expect`, or a row of passes.
pub(super) fn tell(turn: &mut Turn, watch: &Watch) {
    for (expectation, verdict, sample) in warnings(turn, watch) {
        let is_told = turn.ledger().warned.contains(&expectation);
        match verdict {
            Verdict::Failed | Verdict::Errored if !is_told => turn.emit(Event::WarningBegan { expectation, sample }),
            Verdict::Met if is_told => turn.emit(Event::WarningOver { expectation, sample }),
            _ => {}
        }
    }
}

/// The watch is over: tells what did not pass in its last round, since no more of it will be seen.
pub(super) fn tell_open(turn: &mut Turn, watch: &Watch) {
    for (expectation, _, sample) in warnings(turn, watch) {
        if sample.reading != Reading::Pass && !turn.ledger().warned.contains(&expectation) {
            turn.emit(Event::WarningBegan { expectation, sample });
        }
    }
}

fn warnings(turn: &Turn, watch: &Watch) -> Vec<(ExpectationId, Verdict, Sample)> {
    let schedule = turn.schedule();
    let mut beside = watch.beside(&schedule.sampling);
    beside.retain(|(id, ..)| schedule.expectations[id.0].severity == Severity::Warns);
    beside
}
