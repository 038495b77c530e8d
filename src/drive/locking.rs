//! The lock of the store as the driver's: waits for it, says how far the run is and what it asks, and hears what comes to its holder.

use super::{AtWork, Locks};
use crate::engine::{Approver, Event, HolderHeard, Moment, Target};
use crate::schedule::{GateId, Schedule};
use crate::store::{Answered, Attempt, Heard, Holder, Key, Lock, LockFolder, Note};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

/// Between two tries to take a lock that somebody else has.
const TRY_EVERY: Duration = Duration::from_millis(250);
/// How long a holder may take to hear that it is asked: it looks once a second, unless its machine is very busy.
const HEARD_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks for somebody who asks something of this run.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two looks for an answer, while a question is asked: somebody sits at the other terminal and waits for it to be taken.
const ANSWER_EVERY: Duration = Duration::from_millis(250);

/// One run's lock.
#[derive(Debug)]
pub struct FileLocks {
    folder: LockFolder,
    url: String,
    note: Note,
    phases: Vec<String>,
    gates: Vec<String>,
    lock: RefCell<Option<Lock>>,
    look_at: Cell<Instant>,
    /// The app that is waited for.
    awaited: RefCell<Option<Key>>,
}

impl FileLocks {
    /// A lock that is not taken yet, on an app of the Dokploy at this address. `note` says who we are.
    pub fn new(folder: LockFolder, url: String, note: Note, schedule: &Schedule) -> Self {
        let phases = schedule.phases.iter().map(|phase| phase.name.clone()).collect();
        let gates = schedule.gates.iter().map(|gate| gate.name.clone()).collect();
        let (lock, look_at, awaited) = (RefCell::new(None), Cell::new(Instant::now()), RefCell::new(None));
        Self { folder, url, note, phases, gates, lock, look_at, awaited }
    }

    fn gate(&self, gate: GateId) -> &str {
        self.gates.get(gate.0).map_or("", String::as_str)
    }

    fn phase_in_words(&self, event: &Event) -> Option<String> {
        let name = |index: usize| self.phases.get(index).map_or("", String::as_str);
        match event {
            Event::PhaseStarted { phase } => Some(format!("phase `{}`", name(phase.0))),
            Event::RollbackStarted { target: Target::Phase(phase), .. } => Some(format!("going back to phase `{}`", name(phase.0))),
            Event::RollbackStarted { target: Target::Baseline, .. } => Some("going back to what ran before".to_owned()),
            Event::RollbackStarted { target: Target::Kept { run, name }, .. } => Some(format!("going back to `{name}` of run {run}")),
            _ => None,
        }
    }
}

/// Somebody who takes no lock, and does nothing while a run has it.
#[derive(Clone, Debug)]
pub struct Bystander {
    folder: LockFolder,
    key: Key,
}

impl Bystander {
    /// One beside the runs of an app of the Dokploy at this address.
    pub fn new(folder: LockFolder, url: &str, compose: &str) -> Self {
        Self { folder, key: Key::new(url, compose) }
    }
}

impl AtWork for Bystander {
    fn who(&self) -> Option<String> {
        // Held for no longer than it takes to see that it could be: no run is kept waiting. Where that cannot be told nobody can hold it.
        match self.folder.share(&self.key) {
            Ok(Some(_)) | Err(_) => None,
            Ok(None) => {
                let holder = self.folder.holder(&self.key).ok().flatten();
                Some(holder.map_or_else(|| "a run of this app is at work on this machine".to_owned(), |holder| holder.in_words()))
            }
        }
    }
}

impl Locks for FileLocks {
    async fn acquire(&self, compose: &str, told: &mut dyn FnMut(String)) -> Result<(), String> {
        let key = Key::new(&self.url, compose);
        *self.awaited.borrow_mut() = Some(key.clone());
        let mut last: Option<Holder> = None;
        loop {
            match self.folder.take(&key, &self.note).map_err(|error| error.to_string())? {
                Attempt::Taken(lock) => {
                    *self.lock.borrow_mut() = Some(lock);
                    return Ok(());
                }
                Attempt::Held(holder) => {
                    if !last.as_ref().is_some_and(|last| last.is(&holder)) {
                        told(holder.in_words());
                    }
                    last = Some(holder);
                }
            }
            sleep(TRY_EVERY).await;
        }
    }

    async fn asked(&self) -> String {
        if self.lock.borrow().is_none() {
            return pending().await;
        }
        loop {
            // Kept outside of this future, which is dropped and made anew whenever anything else happens.
            sleep_until(self.look_at.get()).await;
            self.look_at.set(Instant::now() + LOOK_EVERY);
            if let Some(by) = self.lock.borrow().as_ref().and_then(Lock::asked) {
                return by;
            }
        }
    }

    async fn ask_holder(&self) -> Result<HolderHeard, String> {
        let Some(key) = self.awaited.borrow().clone() else { return Ok(HolderHeard::NobodyThere) };
        let folder = self.folder.clone();
        let heard = spawn_blocking(move || folder.ask_to_fail(&key, HEARD_WITHIN)).await.map_err(|error| error.to_string())?;
        Ok(match heard.map_err(|error| error.to_string())? {
            Heard::Taken => HolderHeard::Taken,
            Heard::NobodyThere => HolderHeard::NobodyThere,
            Heard::NotTaken => HolderHeard::NotTaken,
        })
    }

    async fn answered(&self, gate: GateId) -> (Approver, bool) {
        if self.lock.borrow().is_none() {
            return pending().await;
        }
        loop {
            if let Some(answer) = self.lock.borrow().as_ref().and_then(|lock| lock.answer(self.gate(gate))) {
                return (Approver(answer.who), answer.yes);
            }
            sleep(ANSWER_EVERY).await;
        }
    }

    fn follow(&self, now: Moment, event: &Event) {
        let mut lock = self.lock.borrow_mut();
        let Some(lock) = lock.as_mut() else { return };
        let answered = |gate: &GateId, by: Option<&Approver>, yes: bool| {
            let (gate, by) = (self.gate(*gate).to_owned(), by.map(|by| by.0.clone()));
            Some(Answered { gate, by, yes })
        };
        // Only people read it, and the run need not stop for them.
        let _ = match event {
            Event::ApprovalAsked { gate, question, until } => lock.asks(self.gate(*gate), question, *until - now),
            Event::ApprovalGiven { gate, by } => lock.is_answered(answered(gate, Some(by), true)),
            Event::ApprovalNotGiven { gate, by } => lock.is_answered(answered(gate, by.as_ref(), false)),
            _ => match self.phase_in_words(event) {
                Some(phase) => lock.set_phase(&phase),
                None => Ok(()),
            },
        };
    }
}
