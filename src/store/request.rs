//! Asking a live run, from another terminal, to fail the phase in flight. The holder looks for requests about once a second.

use super::lock::{Key, Lock, LockFolder};
use super::mailbox::{Mailbox, Sent};
use super::{Holder, StoreError, this_user};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ask {
    who: String,
    host: String,
    pid: u32,
    /// When (RFC 3339).
    when: String,
}

impl Ask {
    fn in_words(&self) -> String {
        format!("{} on {} (pid {})", self.who, self.host, self.pid)
    }
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The run took it.
    Taken,
    /// Nobody holds the app, or not any more: there is no run to ask.
    NobodyThere,
    /// The run did not take it in time. It is withdrawn.
    NotTaken,
}

impl LockFolder {
    /// Asks whoever runs on this app to fail its phase, and waits until that was heard, for so long. Blocks the thread.
    ///
    /// # Errors
    /// When it cannot be asked; the sentence says why.
    pub fn ask_to_fail(&self, key: &Key, wait: Duration) -> Result<Heard, StoreError> {
        let (who, host) = this_user();
        let ask = Ask { who, host, pid: std::process::id(), when: Timestamp::now().to_string() };
        let is_held = || Ok(matches!(self.holder(key)?, Some(Holder::Run(_) | Holder::Unnamed)));
        Ok(match Mailbox::new(self, key, KIND).send(&ask, wait, is_held)? {
            Sent::Heard => Heard::Taken,
            Sent::Closed => Heard::NobodyThere,
            Sent::Unheard => Heard::NotTaken,
        })
    }
}

impl Lock {
    /// Takes a request, if there is one: who asks, in words.
    pub fn asked(&self) -> Option<String> {
        Mailbox::new(&self.folder, &self.key, KIND).take(|_: &Ask| true).map(|ask| ask.in_words())
    }
}

/// The name of its mailbox.
const KIND: &str = "ask";

/// Removes what was left for an earlier holder.
pub(super) fn clear(folder: &LockFolder, key: &Key) {
    Mailbox::new(folder, key, KIND).clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Attempt, Note};
    use std::thread::sleep;

    fn key() -> Key {
        Key::new("http://127.0.0.1:3000", "c1")
    }

    fn taken(folder: &LockFolder) -> Lock {
        match folder.take(&key(), &Note::of_this_process("r1", "plan run")).unwrap() {
            Attempt::Taken(lock) => lock,
            Attempt::Held(holder) => panic!("{holder:?}"),
        }
    }

    #[test]
    fn a_live_run_hears_once_who_asks_and_the_asker_learns_of_it() {
        let parent = tempfile::tempdir().unwrap();
        let folder = LockFolder::at(parent.path());
        let lock = taken(&folder);
        assert_eq!(lock.asked(), None);
        let asking = {
            let folder = folder.clone();
            std::thread::spawn(move || folder.ask_to_fail(&key(), Duration::from_secs(20)).unwrap())
        };
        let heard = loop {
            match lock.asked() {
                Some(heard) => break heard,
                None => sleep(Duration::from_millis(5)),
            }
        };
        assert!(heard.contains(" on ") && heard.ends_with(&format!("(pid {})", std::process::id())), "{heard}");
        assert_eq!(asking.join().unwrap(), Heard::Taken);
        assert_eq!(lock.asked(), None);
    }

    #[test]
    fn nobody_is_asked_where_nobody_runs_and_what_was_left_is_not_heard_by_the_next() {
        let parent = tempfile::tempdir().unwrap();
        let folder = LockFolder::at(parent.path());
        assert_eq!(folder.ask_to_fail(&key(), Duration::from_secs(20)).unwrap(), Heard::NobodyThere);
        let lock = taken(&folder);
        assert_eq!(folder.ask_to_fail(&key(), Duration::ZERO).unwrap(), Heard::NotTaken);
        assert_eq!(lock.asked(), None, "what was not taken is withdrawn");
        drop(lock);
        let left = Ask { who: "ada".into(), host: "h".into(), pid: 1, when: String::new() };
        let posted = Mailbox::new(&folder, &key(), KIND).posted().to_owned();
        std::fs::write(&posted, serde_json::to_vec(&left).unwrap()).unwrap();
        let next = taken(&folder);
        assert_eq!(next.asked(), None);
        // What is no request does no harm and is not looked at twice.
        std::fs::write(&posted, b"{").unwrap();
        assert_eq!((next.asked(), posted.exists()), (None, false));
    }
}
