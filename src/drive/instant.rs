//! One order within an instant of virtual time, over HTTP as in a rehearsal:
//!
//! 1. answers that are due: they were given before anything of this instant happens;
//! 2. the world changes: faults strike or end, processes start or end, addresses begin to listen or break off;
//! 3. whoever asks: calls and samples of this instant meet the world as it is from then on;
//! 4. deadlines.
//!
//! A paused clock wakes everybody of one instant together, and lets them run in an order that says nothing. So who is later in this list lets
//! the others go first, by turns of the runtime: time stands still for as long as anybody has something to do. On the machine's own time there
//! are no such instants, and nobody waits for anybody.

use tokio::task::yield_now;

/// From a timer until an answer is written, and read by whom it is for.
const ANSWERED_BY: usize = 2;

/// Until the world has changed, too, every connection that broke is seen to be broken, and every address listens or refuses.
const CHANGED_BY: usize = 16;

/// Until who asked then has an answer, if there is one at this instant: a local exchange takes about ten turns. More than needed costs
/// microseconds.
pub(super) const ASKED_BY: usize = 96;

/// Lets answers that are due now be given. For whoever changes the world.
pub(crate) async fn after_answers() {
    turns(ANSWERED_BY).await;
}

/// Lets the world change as it does now. For whoever asks it.
pub(super) async fn after_changes() {
    turns(CHANGED_BY).await;
}

async fn turns(count: usize) {
    for _ in 0..count {
        yield_now().await;
    }
}
