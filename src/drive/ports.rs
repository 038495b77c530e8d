//! The ports: what the driver needs of the outside, so that tests and the sandbox can stand in for it.

use crate::engine::{Answer, Approver, Event, Evidence, Failure, HolderHeard, Intent, Moment, Sample};
use crate::schedule::{ExpectationId, GateId, PhaseId};
use crate::wire::{HttpRequest, HttpResponse};
use std::time::Duration;

/// Time limits of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the connection.
    pub connect: Duration,
    /// For the whole answer.
    pub answer: Duration,
}

/// Sends one request and gives one answer: no retry, sleep, loop or decision.
#[expect(async_fn_in_trait, reason = "one current-thread runtime; nothing here needs Send")]
pub trait Transport {
    /// Sends.
    ///
    /// # Errors
    /// When no whole answer came back, saying whether bytes may have left.
    async fn send(&self, request: HttpRequest, limits: Limits) -> Result<HttpResponse, TransportError>;
}

/// Why no whole answer came back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// Whether the request may have reached the server.
    pub may_have_left: bool,
    /// What happened, without address or key.
    pub message: String,
}

/// Takes one sample of an expectation. Never takes longer than the plan's sample time limit.
#[expect(async_fn_in_trait, reason = "one current-thread runtime; nothing here needs Send")]
pub trait Prober {
    /// Samples.
    async fn sample(&self, expectation: ExpectationId, now: Moment) -> Sample;
    /// How many answers were had so far, good or bad; `None` where they are not counted. Who only refuses, or says nothing in time, did not
    /// answer.
    fn heard(&self) -> Option<Heard> {
        None
    }
}

/// Answers, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// From loopback addresses of this machine.
    pub near: u64,
    /// From anywhere else.
    pub far: u64,
}

/// Tells whether a run is at work on the app.
pub trait AtWork {
    /// Who is, in words; `None`: nobody on this machine.
    fn who(&self) -> Option<String>;
}

/// Run time, real or virtual.
#[expect(async_fn_in_trait, reason = "one current-thread runtime; nothing here needs Send")]
pub trait Clock {
    /// Since the run's start.
    fn now(&self) -> Moment;
    /// Sleeps until then; at once when it is past.
    async fn sleep_until(&self, moment: Moment);
    /// Whether time stands still while anything can be done.
    fn is_virtual(&self) -> bool {
        false
    }
}

/// Asks the user and approvers.
#[expect(async_fn_in_trait, reason = "one current-thread runtime; nothing here needs Send")]
pub trait Approve {
    /// Shows what would change and asks whether to go on.
    async fn confirm(&self, after: Option<PhaseId>) -> Confirmation;
    /// A phase failed and its policy is to ask: whether to roll back. Where nobody can be asked: no.
    async fn rollback(&self, failed: PhaseId) -> Confirmation;
    /// Asks the gate's question. Never returns when nobody answers; the engine has its own deadline.
    async fn approve(&self, gate: GateId) -> (Approver, bool);
    /// The question that [`Approve::approve`] asks was answered from elsewhere meanwhile, and is not to stand there any longer.
    fn answered_elsewhere(&self) {}
}

/// The answer to "go on?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// Go on.
    Yes,
    /// Do not.
    No,
}

/// Finds the commits of git references. The sandbox answers from its world.
#[expect(async_fn_in_trait, reason = "one current-thread runtime; nothing here needs Send")]
pub trait Sources {
    /// The commit that a branch, tag or commit of a repository is at now.
    ///
    /// # Errors
    /// When it cannot be told, or is not there.
    async fn commit(&self, repository: &str, reference: &str) -> Result<String, Failure>;
}

/// Carries out what the engine asks of the platform.
#[expect(async_fn_in_trait, reason = "one current-thread runtime; nothing here needs Send")]
pub trait Platform {
    /// Carries an intent out to its end; `progress` takes the steps on the way.
    async fn carry_out(&self, intent: Intent, progress: &mut dyn FnMut(Answer)) -> Answer;
}

/// Takes every event as it becomes so, for people and machines to see.
pub trait Report {
    /// Shows it.
    fn event(&mut self, now: Moment, event: &Event);
}

/// The lock that keeps two runs of one user on one machine from one app, and what comes to its holder through it.
#[expect(async_fn_in_trait, reason = "one current-thread runtime; nothing here needs Send")]
pub trait Locks {
    /// Takes the app for this run; returns when it is ours, for as long as `self` lives. `told` hears in words who holds it, once for each
    /// holder.
    ///
    /// # Errors
    /// When the lock cannot be taken, whoever may hold it; the sentence says why.
    async fn acquire(&self, compose: &str, told: &mut dyn FnMut(String)) -> Result<(), String>;
    /// The next time somebody asks, from another terminal, that the phase in flight be failed: who, in words. Can be dropped and called
    /// again without losing one. Never returns while nobody does.
    async fn asked(&self) -> String;
    /// Asks the run that holds the app that [`Locks::acquire`] waits for to fail its phase, and waits until that is heard.
    ///
    /// # Errors
    /// When it cannot be asked; the sentence says why.
    async fn ask_holder(&self) -> Result<HolderHeard, String>;
    /// What somebody answers, from another terminal, to the question of a gate: who, and whether it is a yes. Can be dropped and called
    /// again without losing an answer. Never returns while nobody does.
    async fn answered(&self, gate: GateId) -> (Approver, bool);
    /// Hears every event, to tell others how far the run is and what it asks.
    fn follow(&self, now: Moment, event: &Event);
}

/// A lock that is always free: for a Dokploy that only this process knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlwaysFree;

impl Locks for AlwaysFree {
    async fn acquire(&self, _compose: &str, _told: &mut dyn FnMut(String)) -> Result<(), String> {
        Ok(())
    }

    async fn asked(&self) -> String {
        std::future::pending().await
    }

    async fn ask_holder(&self) -> Result<HolderHeard, String> {
        Ok(HolderHeard::NobodyThere)
    }

    async fn answered(&self, _gate: GateId) -> (Approver, bool) {
        std::future::pending().await
    }

    fn follow(&self, _now: Moment, _event: &Event) {}
}

impl AtWork for AlwaysFree {
    fn who(&self) -> Option<String> {
        None
    }
}

/// Journal, snapshots and evidence. Everything is synced before it returns.
pub trait Record {
    /// Appends events.
    ///
    /// # Errors
    /// When they are not on disk afterwards; the sentence says why.
    fn append(&mut self, now: Moment, events: &[Event]) -> Result<(), String>;
    /// Keeps a text and gives its place.
    ///
    /// # Errors
    /// When it is not on disk afterwards.
    fn keep_snapshot(&mut self, name: &str, text: &str) -> Result<String, String>;
    /// Keeps evidence and gives its folder.
    ///
    /// # Errors
    /// When it is not on disk afterwards.
    fn keep_evidence(&mut self, evidence: &Evidence) -> Result<String, String>;
    /// The place of the snapshot that holds this text, if one does.
    fn snapshot_of(&self, _text: &str) -> Option<String> {
        None
    }
}
