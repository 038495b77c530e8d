//! A run that nobody was at work on for a while: the laptop slept, the process was stopped. What was seen before says little of now, so rows
//! of samples and soaks begin anew, and a sample that was in flight meanwhile counts for nothing.
//!
//! Deploys, approvals and the run's own time go on outside, so their limits count the gap; but what Dokploy did meanwhile is looked at
//! before a deploy's time is called over. What was verified is asserted again before the next change, as always.

use super::Event;
use super::turn::Turn;
use std::time::Duration;

/// So late a wake may be before nobody was at work: a busy machine, a slow disk or a name server that hangs make it seconds late, never
/// half a minute.
const GRACE: Duration = Duration::from_secs(30);

/// Notices that `now` is long past what was due, and begins anew what time has spoilt.
pub(super) fn notice(turn: &mut Turn) {
    let Some(due) = turn.next_wake() else { return };
    let gap = turn.now - due;
    if gap <= GRACE.max(turn.schedule().sampling.every * 2) {
        return;
    }
    turn.emit(Event::Overslept { gap });
    let mut stage = turn.stage().clone();
    if let Some(watch) = stage.watch_mut() {
        for op in watch.begin_anew(turn.now) {
            turn.abandon(op);
        }
    }
    stage.put_off(turn, gap, GRACE);
    turn.enter(stage);
}
