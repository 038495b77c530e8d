//! Asking a live run, from another terminal, to fail the phase in flight. The request is a file beside the run's lock: the holder takes it
//! about once a second, by renaming it, which tells the asker that it was heard.

use super::lock::{Holder, Key, Lock, LockFolder, this_user};
use super::{StoreError, files};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Between two looks at what became of a request.
const GAP: Duration = Duration::from_millis(100);

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
        let (posted, heard) = (self.ask_path(key), self.heard_path(key));
        let began = Instant::now();
        loop {
            if read(&heard).as_ref() == Some(&ask) {
                return Ok(Heard::Taken);
            }
            if !matches!(self.holder(key)?, Some(Holder::Run(_) | Holder::Unnamed)) {
                // It may have heard this as the last thing it did.
                let taken = read(&heard).as_ref() == Some(&ask);
                withdraw(&posted, &ask);
                return Ok(if taken { Heard::Taken } else { Heard::NobodyThere });
            }
            if began.elapsed() >= wait {
                withdraw(&posted, &ask);
                return Ok(Heard::NotTaken);
            }
            // Somebody else may ask at the same time, or the run may have been another one when this was posted.
            if read(&posted).is_none() {
                post(&posted, &ask)?;
            }
            sleep(GAP);
        }
    }
}

impl Lock {
    /// Takes a request, if there is one: who asks, in words.
    pub fn asked(&self) -> Option<String> {
        let posted = self.folder.ask_path(&self.key);
        let ask = read(&posted);
        if ask.is_none() && !posted.exists() {
            return None;
        }
        // Also what cannot be read, so that it is not looked at for ever.
        std::fs::rename(&posted, self.folder.heard_path(&self.key)).ok()?;
        ask.map(|ask| ask.in_words())
    }
}

/// Removes what was left for an earlier holder.
pub(super) fn clear(folder: &LockFolder, key: &Key) {
    for path in [folder.ask_path(key), folder.heard_path(key)] {
        let _ = std::fs::remove_file(path);
    }
}

fn post(path: &Path, ask: &Ask) -> Result<(), StoreError> {
    let unfinished = path.with_extension(format!("ask.{}", ask.pid));
    let bytes = serde_json::to_vec(ask).map_err(|error| StoreError::io("write", path, error.into()).of_lock())?;
    files::write(&unfinished, &bytes).and_then(|()| files::move_into_place(&unfinished, path)).map_err(StoreError::of_lock)
}

fn withdraw(path: &Path, ask: &Ask) {
    if read(path).as_ref() == Some(ask) {
        let _ = std::fs::remove_file(path);
    }
}

fn read(path: &Path) -> Option<Ask> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Attempt, Note};

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
        post(&folder.ask_path(&key()), &left).unwrap();
        let next = taken(&folder);
        assert_eq!(next.asked(), None);
        // What is no request does no harm and is not looked at twice.
        std::fs::write(folder.ask_path(&key()), b"{").unwrap();
        assert_eq!((next.asked(), folder.ask_path(&key()).exists()), (None, false));
    }
}
