//! The engine: what a rollout does next, as a pure function. No clock, no I/O, no async, ordered collections only.
//!
//! [`Engine::decide`] takes what was just learnt and gives events (what is now so) and effects (what to do). The state changes only by
//! [`Engine::apply`] of an event, so that journal, reporters, resume and rehearsal all live on the one stream of events.
//! [`Engine::next_wake`] says when it wants to be asked again.
//!
//! Intents are imperatives, events past tense, verdicts adjectives.
//!
//! # The contract with the driver
//!
//! Append and sync a step's durable events, apply all its events, then start its effects. If the events cannot be recorded, nothing is
//! applied or started and the engine is told [`Input::CannotRecord`]. `now` never goes back. Answers to ids that are not awaited are
//! ignored. Deadlines before `now` come before the input, deadlines at `now` after it: at equal times answers come first. Once
//! [`Event::RunEnded`] was applied, steps are empty.
//!
//! # State
//!
//! The *ledger* is a fold of durable events, and therefore what a journal knows. The *stage* is where the work stands in this moment; it
//! travels in events that are neither durable nor shown ([`Event::Noted`]) and is found again by reading reality. Rounds are judged as a
//! whole, and a sample that is not a round's last changes one map entry and copies nothing.
//!
//! # Where the design is silent
//!
//! - What was deployed is asked to be still this run's right before it is called verified or failed, and before containers are stopped: a newer
//!   deploy of somebody else, or another run's text, is [`Reason::Busy`]. A person's edit that nobody deployed changes nothing that runs.
//! - Nothing that a run decides on was read before the lock was taken. Waiting for the lock is not the run's own time.
//! - A gate's expectations and the services delivered earlier may take as long to come to something as the phase's `settle`; errors that
//!   last until then are "could not ask", anything else that is not met then does not hold.
//! - The expectations of all of a phase's gates come before its approvals. After each approval, or else right before the deploy, the
//!   services delivered earlier are asserted. Services that the run has not seen verified (`--redeploy`, or a phase that is sent again)
//!   are not "earlier": they settle with the phase.
//! - A reading of one kind ends the rows of the others: two failures, an error and a failure are no three failures in a row. While the
//!   containers cannot be told, every reading of a service is an error.
//! - A healthcheck that has no verdict yet neither passes nor fails; it ends a row of passes.
//! - A line of a log was written, whatever is read later: it fails its expectation for as long as that deploy is watched. What was written
//!   between two looks and not read is an error.
//! - A job that runs is pending, and is no other container than before.
//! - Dokploy's empty list of containers is "unknown". It is taken for none when Docker answered for the rest of the host at the start, or the
//!   live text is blank; and after Dokploy stopped the app.
//! - A soak that is broken begins anew at once, and fails when it cannot be over in time any more.
//! - A live phase that was never verified and holds is not deployed again, if the last deploy that went through was of that text: it settles
//!   and soaks, and is marked then. If it does not hold, or was never deployed, it is sent again.
//! - A rollback's text that has yet to be deployed says that it is not verified, and is marked once the rollback is.
//! - Somebody's change of the live text refuses the run while nothing was changed, and is [`Reason::Busy`] after that. Found during a
//!   rollback, it makes the rollback fail.
//! - A row that nobody will end (`Orphaned`), a job that could not be withdrawn, a deploy that cannot be followed: neither update nor
//!   rollback may follow, the outcome is unknown.
//! - A rollback by hand goes to a state that an event, a journal, a bundle or a marker says was verified; a run's baseline only when that run
//!   is named. Commits that nobody knows any more refuse it. It is no failure of a phase: what it meets before its first change refuses it.
//! - A failure that is asked for waits for the deploy's row, leads to a rollback whatever the plan's policy is, and to none of a rollback.
//! - What `--waive` names decides nothing, and is in no set of verified services. A deploy that Dokploy calls failed has failed all the same.
//! - From broken, what holds is delivered earlier and what does not is not; as nothing is verified, a failure goes back to the baseline.
//! - An unverified text of a run that this machine does not know may be another machine's work in progress. A text found changed that carries
//!   another run's marker ends the run as busy, wherever it is found, and nothing is claimed of what is live.
//! - A rollback that fails ends with 5 whatever is known of its deploy: that it is not verified is known.
//! - A rollback whose text is the one that failed is not begun.
//! - The run's own time counts from the user's yes, without approvals; it bounds waiting of the rollout and never that of a rollback.
//! - An interrupt waits for the write in flight; a deploy that is queued or running is left to itself and named.
//! - A wake more than half a minute late means that nobody was at work: [`Event::Overslept`] comes first.
//! - A second interrupt does not wait for the write in flight any longer: whether it was done is not known then.
//! - `Withdraw` is sent while the deploy that it withdraws is still followed: it is about the same job.
//!
//! # A run that was cut off
//!
//! [`Engine::resume`] folds what was recorded into the ledger, and [`Input::Begin`] finds the stage anew (`resume.rs`). So whatever must
//! survive a kill is in a durable event: a stage that goes on by something else would begin anew with less. Any prefix of a step's durable
//! events may be what is left of it, with none of its effects started.

mod ahead;
mod asides;
mod asked;
mod back;
mod blame;
mod changed;
mod checkup;
mod containers;
mod deploy;
mod destination;
mod dispatch;
mod docker;
mod effect;
mod ending;
mod event;
mod failure;
mod flaw;
mod from;
mod goal;
mod images;
mod input;
mod judgement;
mod kept;
mod ledger;
mod lock;
mod moment;
mod note;
mod origin;
mod ours;
mod outline;
mod pace;
mod phase;
mod platform;
mod position;
mod preflight;
mod reach;
mod replace;
mod resume;
mod rollback;
mod sample;
mod settle;
mod slept;
mod stage;
mod start;
mod streak;
mod tracker;
pub mod troubleshoot;
mod turn;
mod underway;
mod unfinished;
mod unset;
mod verdict;
mod verified;
pub mod vigil;
mod watch;
mod window;

pub use ahead::{Ahead, ahead};
pub use checkup::{Asked, Checkup, CommonCause, Finding, Scope, common_causes, health_code};
pub use effect::{Effect, Evidence, Intent, OpId};
pub use ending::{Ending, ExitCode, Facts, Reason};
pub use event::{Cause, DeployPurpose, Event, FailedService, Position, RoundService, ServiceState, Target, Undo};
#[doc(hidden)]
pub use flaw::Flaw;
pub use goal::{Back, Goal, Proof, Remembered, To};
pub use images::VerifiedBefore;
pub use input::{Approver, HolderHeard, Input, Options};
pub use moment::Moment;
pub use note::Note;
pub use origin::Origin;
pub use outline::{GateOutline, Outline, PhaseOutline, app_as_written};
pub use pace::Pace;
pub use platform::{
    Answer, Container, ContainerId, ContainerState, DeployEnd, DeployProgress, DeploymentId, Failure, FailureKind, Health, HostContainer,
    Lacks, Log, Observed, Page, QueuedJob, Right, Room, Row, RowStatus, Survey, Untested,
};
pub use position::delivered;
pub(crate) use preflight::too_large;
pub use preflight::{LARGEST_TEXT_AND_ENVIRONMENT, outlook};
pub use reach::Reach;
pub use resume::{NotResumable, baseline_kept};
pub use sample::{Reading, Sample, Verdict};
pub use start::first_phase;
pub use unset::{Unset, unset};

use crate::schedule::Schedule;
use std::sync::Arc;

/// What one input leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What is now so, in order. To be recorded, as far as durable, and applied.
    pub events: Vec<Event>,
    /// What to do then.
    pub effects: Vec<Effect>,
}

/// A rollout under way.
#[derive(Clone, Debug)]
pub struct Engine {
    schedule: Arc<Schedule>,
    options: Arc<Options>,
    state: State,
}

/// A copy shares both parts until one of them changes.
#[derive(Clone, Debug, Default)]
struct State {
    ledger: Arc<ledger::Ledger>,
    stage: Arc<stage::Stage>,
    next_op: u64,
    leaving: bool,
}

impl Engine {
    /// A run that has not begun.
    pub fn new(schedule: Arc<Schedule>, options: Options) -> Self {
        Self { schedule, options: Arc::new(options), state: State::default() }
    }

    /// What follows from an input. Changes nothing: the events do, once they are recorded and applied.
    pub fn decide(&self, now: Moment, input: Input) -> Step {
        if self.ending().is_some() {
            return Step::default();
        }
        match self.take_one_of_many(now, input) {
            Ok(step) => step,
            Err(input) => dispatch::decide(self, now, input),
        }
    }

    /// A sample that is not the last of its round: one note, nothing copied.
    fn take_one_of_many(&self, now: Moment, input: Input) -> Result<Step, Input> {
        let is_due = self.next_wake().is_some_and(|wake| wake <= now);
        match (self.state.stage.watch(), input) {
            (Some(watch), Input::Sampled(op, sample)) if !is_due && watch.awaited() > 1 && watch.awaits(op) => {
                let note = Note::new(note::Entry::Sampled(op, sample));
                Ok(Step { events: vec![Event::Noted { note }], effects: Vec::new() })
            }
            (_, input) => Err(input),
        }
    }

    /// Changes the state by an event. The only way it changes.
    pub fn apply(&mut self, now: Moment, event: &Event) {
        if let Event::Noted { note } = event {
            return self.take_note(note);
        }
        Arc::make_mut(&mut self.state.ledger).apply(now, event, &self.schedule, &self.options);
        match event {
            Event::Replacing { op, .. } | Event::Deploying { op, .. } | Event::Stopping { op } => {
                self.state.next_op = self.state.next_op.max(op.0 + 1);
            }
            _ => {}
        }
    }

    fn take_note(&mut self, note: &Note) {
        match note.0.as_deref() {
            Some(note::Entry::Stage(stage, next_op)) => {
                self.state.stage = Arc::clone(stage);
                self.state.next_op = *next_op;
            }
            Some(note::Entry::Sampled(op, sample)) => {
                if let Some(watch) = Arc::make_mut(&mut self.state.stage).watch_mut() {
                    watch.take_sample(*op, sample.clone());
                }
            }
            Some(note::Entry::Answered(op, answer)) => {
                if let Some(watch) = Arc::make_mut(&mut self.state.stage).watch_mut() {
                    watch.take_answer(*op, answer.clone());
                }
            }
            Some(note::Entry::Leaving) => self.state.leaving = true,
            None => {}
        }
    }

    /// When to give [`Input::Woke`], if nothing is heard before. Always later than the last `now`, or as late.
    pub fn next_wake(&self) -> Option<Moment> {
        // An interrupted run waits for one answer and for nothing else.
        if self.state.leaving { None } else { self.state.stage.next_wake() }
    }

    /// How the run ended, once it has.
    pub fn ending(&self) -> Option<&Ending> {
        self.state.ledger.ending.as_ref()
    }
}
