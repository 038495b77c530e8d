//! Effects under way, each a task of its own, and the answers that they bring.

use super::instant::ASKED_BY;
use crate::engine::{Input, OpId};
use std::collections::BTreeMap;
use std::future::Future;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinError, JoinSet};

/// How often everything that can be done is let go on before deadlines count, on the machine's own time: an instant is over by then, and each
/// turn is a question to the system.
const LIVE_TURNS: usize = 2;

/// Fewer handles than this are not looked through.
const SWEEP_AT: usize = 64;

/// Where a task puts its answers.
#[derive(Clone, Debug)]
pub(super) struct Answers(mpsc::UnboundedSender<(OpId, Input)>);

impl Answers {
    /// Tells the loop.
    pub(super) fn tell(&self, op: OpId, input: Input) {
        // Nobody listens any more once the run is over.
        let _ = self.0.send((op, input));
    }
}

/// Everything under way. Dropped, it ends all of it.
#[derive(Debug)]
pub(super) struct InFlight {
    tasks: JoinSet<()>,
    handles: BTreeMap<OpId, AbortHandle>,
    /// At how many handles those of ended tasks are thrown out: so seldom that it costs nothing, so often that they are few.
    sweep_at: usize,
    turns: usize,
    answers: Answers,
    inbox: mpsc::UnboundedReceiver<(OpId, Input)>,
    /// Answers that came and were not given out yet.
    ready: Vec<(OpId, Input)>,
}

impl InFlight {
    /// Nothing yet. `is_virtual`: time stands still while anything can be done.
    pub(super) fn new(is_virtual: bool) -> Self {
        let turns = if is_virtual { ASKED_BY } else { LIVE_TURNS };
        let (sender, inbox) = mpsc::unbounded_channel();
        Self {
            tasks: JoinSet::new(),
            handles: BTreeMap::new(),
            sweep_at: SWEEP_AT,
            turns,
            answers: Answers(sender),
            inbox,
            ready: Vec::new(),
        }
    }

    /// Where answers go.
    pub(super) fn answers(&self) -> Answers {
        self.answers.clone()
    }

    /// Starts a task. Must be called on a [`tokio::task::LocalSet`].
    pub(super) fn start(&mut self, op: OpId, task: impl Future<Output = ()> + 'static) {
        if self.handles.len() >= self.sweep_at {
            self.handles.retain(|_, handle| !handle.is_finished());
            self.sweep_at = SWEEP_AT.max(2 * self.handles.len());
        }
        self.handles.insert(op, self.tasks.spawn_local(task));
    }

    /// Ends a task; an answer of it that is on its way already is the engine's to ignore.
    pub(super) fn abandon(&mut self, op: OpId) {
        if let Some(handle) = self.handles.remove(&op) {
            handle.abort();
        }
    }

    /// Whether an answer can still come.
    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.inbox.is_empty() && self.ready.is_empty()
    }

    /// Waits for an answer, to be had by [`Self::drain`]. Waits for ever when nothing is under way.
    pub(super) async fn answered(&mut self) {
        loop {
            tokio::select! {
                biased;
                Some(answer) = self.inbox.recv() => return self.ready.push(answer),
                Some(ended) = self.tasks.join_next() => is_over(ended),
                else => std::future::pending().await,
            }
        }
    }

    /// Every answer that can be had without time passing, ordered by operation.
    pub(super) async fn drain(&mut self) -> Vec<Input> {
        for _ in 0..self.turns {
            while let Some(ended) = self.tasks.try_join_next() {
                is_over(ended);
            }
            if self.tasks.is_empty() {
                break;
            }
            tokio::task::yield_now().await;
        }
        while let Ok(answer) = self.inbox.try_recv() {
            self.ready.push(answer);
        }
        // Stable: progress stays before the end.
        self.ready.sort_by_key(|(op, _)| *op);
        self.ready.drain(..).map(|(_, input)| input).collect()
    }
}

/// A bug in a task is a bug of the run: without this its answer would be waited for in silence.
fn is_over(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}
