//! A mailbox beside a run's lock, for letters from other terminals: one at a time, as a file. The holder takes it by renaming it, which
//! tells the sender that it was heard.

use super::lock::{Key, LockFolder};
use super::{StoreError, files};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Between two looks at what became of a letter.
const GAP: Duration = Duration::from_millis(100);

/// One kind of letters to the holder of one lock.
pub(super) struct Mailbox {
    /// Where a letter waits.
    posted: PathBuf,
    /// Where it is looked at.
    taken: PathBuf,
    /// Where it lies once it was heard.
    heard: PathBuf,
}

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The holder heard it.
    Heard,
    /// There is nobody any more who would hear it. It is withdrawn.
    Closed,
    /// Nobody heard it in time. It is withdrawn.
    Unheard,
}

impl Mailbox {
    /// The mailbox for letters of a kind.
    pub(super) fn new(folder: &LockFolder, key: &Key, kind: &str) -> Self {
        let path = |state: &str| folder.path(key, &format!("{kind}{state}"));
        Self { posted: path(""), taken: path(".taken"), heard: path(".heard") }
    }

    /// Posts a letter and waits until it was heard, for so long, and while `is_open` says that there is somebody to hear it. Blocks the
    /// thread. No two letters may be alike.
    pub(super) fn send<T: Serialize + DeserializeOwned + PartialEq>(
        &self,
        letter: &T,
        wait: Duration,
        mut is_open: impl FnMut() -> Result<bool, StoreError>,
    ) -> Result<Sent, StoreError> {
        let began = Instant::now();
        loop {
            if read(&self.heard).as_ref() == Some(letter) {
                return Ok(Sent::Heard);
            }
            if !is_open()? {
                self.withdraw(letter);
                // It may have been heard as the last thing of all.
                return Ok(if read(&self.heard).as_ref() == Some(letter) { Sent::Heard } else { Sent::Closed });
            }
            if began.elapsed() >= wait {
                self.withdraw(letter);
                return Ok(if read(&self.heard).as_ref() == Some(letter) { Sent::Heard } else { Sent::Unheard });
            }
            // Somebody else may send one at the same time, or the holder may have been another one when this was posted.
            if read::<T>(&self.posted).is_none() {
                self.post(letter)?;
            }
            sleep(GAP);
        }
    }

    /// Takes the letter, if there is one and it is for whoever holds the lock now. What is for nobody is thrown away, so that it is not
    /// looked at for ever.
    pub(super) fn take<T: DeserializeOwned>(&self, is_for_us: impl FnOnce(&T) -> bool) -> Option<T> {
        std::fs::rename(&self.posted, &self.taken).ok()?;
        let letter = read(&self.taken).filter(is_for_us);
        match letter {
            Some(_) => std::fs::rename(&self.taken, &self.heard).ok()?,
            None => std::fs::remove_file(&self.taken).ok()?,
        }
        letter
    }

    /// Removes what was left for an earlier holder.
    pub(super) fn clear(&self) {
        for path in [&self.posted, &self.taken, &self.heard] {
            let _ = std::fs::remove_file(path);
        }
    }

    fn post<T: Serialize>(&self, letter: &T) -> Result<(), StoreError> {
        let unfinished = self.posted.with_extension(format!("{}.new", std::process::id()));
        let bytes = serde_json::to_vec(letter).map_err(|error| StoreError::io("write", &self.posted, error.into()).of_lock())?;
        files::write(&unfinished, &bytes).and_then(|()| files::move_into_place(&unfinished, &self.posted)).map_err(StoreError::of_lock)
    }

    fn withdraw<T: DeserializeOwned + PartialEq>(&self, letter: &T) {
        if read(&self.posted).as_ref() == Some(letter) {
            let _ = std::fs::remove_file(&self.posted);
        }
    }

    /// Where a letter waits.
    #[cfg(test)]
    pub(super) fn posted(&self) -> &Path {
        &self.posted
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
