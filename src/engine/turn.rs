//! One turn of the engine: a copy of the state that takes each event as it is decided, and the effects that follow.

use super::note::{Entry, Note};
use super::stage::Stage;
use super::verdict;
use super::watch::Watch;
use super::{Effect, Ending, Engine, Event, Facts, Flaw, Intent, Moment, OpId, Options, Reason, Step};
use crate::schedule::Schedule;
use std::sync::Arc;
use std::time::Duration;

/// A turn in the making.
pub(super) struct Turn {
    engine: Engine,
    pub now: Moment,
    next_op: u64,
    events: Vec<Event>,
    effects: Vec<Effect>,
}

impl Turn {
    pub(super) fn new(engine: &Engine, now: Moment) -> Self {
        Self { engine: engine.clone(), now, next_op: engine.state.next_op, events: Vec::new(), effects: Vec::new() }
    }

    pub(super) fn finish(self) -> Step {
        Step { events: self.events, effects: self.effects }
    }

    pub(super) fn schedule(&self) -> Arc<Schedule> {
        Arc::clone(&self.engine.schedule)
    }

    pub(super) fn options(&self) -> Arc<Options> {
        Arc::clone(&self.engine.options)
    }

    /// Whether it is made to err so.
    pub(super) fn has(&self, flaw: Flaw) -> bool {
        self.engine.options.flaw == Some(flaw)
    }

    pub(super) fn ledger(&self) -> &super::ledger::Ledger {
        &self.engine.state.ledger
    }

    pub(super) fn stage(&self) -> &Stage {
        &self.engine.state.stage
    }

    pub(super) fn has_ended(&self) -> bool {
        self.engine.ending().is_some()
    }

    /// Whether the user wants to leave: nothing new is started.
    pub(super) fn is_leaving(&self) -> bool {
        self.engine.state.leaving
    }

    pub(super) fn next_wake(&self) -> Option<Moment> {
        self.engine.next_wake()
    }

    /// Says what is now so.
    pub(super) fn emit(&mut self, event: Event) {
        self.engine.apply(self.now, &event);
        self.events.push(event);
    }

    pub(super) fn note(&mut self, entry: Entry) {
        self.emit(Event::Noted { note: Note::new(entry) });
    }

    /// Moves on to another stage.
    pub(super) fn enter(&mut self, stage: Stage) {
        self.note(Entry::Stage(Arc::new(stage), self.next_op));
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.emit(Event::Warned { text: text.into() });
    }

    pub(super) fn op(&mut self) -> OpId {
        let op = OpId(self.next_op);
        self.next_op += 1;
        op
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Asks Dokploy for something that needs no record before it.
    pub(super) fn ask(&mut self, intent: Intent) -> OpId {
        let op = self.op();
        self.effect(Effect::Platform { op, intent });
        op
    }

    pub(super) fn keep_snapshot(&mut self, name: &str, text: String) -> OpId {
        let op = self.op();
        self.effect(Effect::KeepSnapshot { op, name: name.to_owned(), text });
        op
    }

    pub(super) fn abandon(&mut self, op: OpId) {
        self.effect(Effect::Abandon { op });
    }

    /// Begins a round of this watch.
    pub(super) fn begin_round(&mut self, watch: &mut Watch) {
        watch.flawed_by(self.engine.options.flaw);
        let schedule = self.schedule();
        let mut next = self.next_op;
        let effects = watch.begin(&schedule, self.now, || {
            next += 1;
            OpId(next - 1)
        });
        self.next_op = next;
        self.effects.extend(effects);
    }

    /// Asks what follows from what a round was told; whether there was anything.
    pub(super) fn ask_on(&mut self, watch: &mut Watch) -> bool {
        let schedule = self.schedule();
        let mut next = self.next_op;
        let effects = watch.ask_on(&schedule, self.now, || {
            next += 1;
            OpId(next - 1)
        });
        self.next_op = next;
        let any = !effects.is_empty();
        self.effects.extend(effects);
        any
    }

    /// So long from now, and no longer than the run's own time.
    pub(super) fn within(&self, limit: Duration) -> Moment {
        (self.now + limit).min(self.ledger().deadline(&self.engine.schedule))
    }

    /// That moment, or the end of the run's own time when it is before.
    pub(super) fn no_longer_than_the_run(&self, until: Moment) -> Moment {
        until.min(self.ledger().deadline(&self.engine.schedule))
    }

    /// Whether the run's own time is over.
    pub(super) fn is_out_of_time(&self) -> bool {
        self.now >= self.ledger().deadline(&self.engine.schedule)
    }

    /// Ends the run.
    pub(super) fn end(&mut self, reason: Reason, known: Known) {
        let ledger = self.ledger();
        let (live, is_verified) = verdict::live(ledger, &self.engine.schedule);
        let facts = Facts { changed: ledger.changed, verified: is_verified && known == Known::Holds, known: known != Known::Nothing };
        let healthy = ledger.healthy;
        let verdict = verdict::sentence(ledger, &self.engine.schedule, &self.engine.options, &reason, facts);
        self.enter(Stage::Ended);
        self.emit(Event::RunEnded { ending: Ending { reason, facts, live, healthy, verdict } });
    }
}

/// What is known at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// What runs is as it was last verified.
    Holds,
    /// What runs is known, and does not hold.
    DoesNotHold,
    /// It is not known what runs.
    Nothing,
}
