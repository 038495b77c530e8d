//! One run for an app on a machine: a lock that the kernel holds for the process, so that it is free the moment its holder is gone, however
//! that went. Nobody ever has to clear one by hand.
//!
//! Beside it lies a note of who holds it, for people to read. What the kernel says decides; the note only puts a name to it. The file of a
//! lock is never removed: a run that waits with the old file and one that makes a new one would both have it.

use super::holder::{Answered, Holder, Note, Question};
use super::{StoreError, files, run::default_folder};
use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// Hexadecimal digits of a key: enough that two apps never share one.
const KEY_DIGITS: usize = 32;
/// A lock that is held without a note may have been taken this instant, or be looked at by somebody: so often it is tried again, with this
/// gap, before that is told.
const TRIES: u32 = 20;
const GAP: Duration = Duration::from_millis(10);

/// The user's folder of locks. Never below `--state`: two runs of one app must meet whatever their state folders are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockFolder(PathBuf);

/// Which app: Dokploy's address and its id there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key of an app. `url` is Dokploy's base address; the ways to write one server are told apart as little as can be.
    pub fn new(url: &str, compose: &str) -> Self {
        let url = url.trim().trim_end_matches('/').to_lowercase();
        let url = ["://localhost", "://[::1]"].iter().fold(url, |url, name| match url.split_once(name) {
            Some((scheme, rest)) if rest.is_empty() || rest.starts_with([':', '/']) => format!("{scheme}://127.0.0.1{rest}"),
            _ => url,
        });
        let digest = Sha256::digest(format!("{url}\n{compose}"));
        let digits = digest.iter().fold(String::new(), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        });
        Self(digits[..KEY_DIGITS].to_owned())
    }
}

/// What became of taking a lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours until it is dropped.
    Taken(Lock),
    /// It is not.
    Held(Holder),
}

impl LockFolder {
    /// Opens the folder, making it if needed: below the user's own state directory, or a folder of this user's alone below the temporary one
    /// where there is no home.
    ///
    /// # Errors
    /// When it cannot be made, or is somebody else's; the sentence says what to do.
    pub fn open() -> Result<Self, StoreError> {
        Self::of(|name| std::env::var_os(name), &std::env::temp_dir())
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>, temporary: &Path) -> Result<Self, StoreError> {
        if let Some(state) = default_folder(variable) {
            let folder = state.join("locks");
            files::make_folder(&folder).map_err(StoreError::of_lock)?;
            return Ok(Self(folder));
        }
        let user = rustix::process::getuid().as_raw();
        let folder = temporary.join(format!("plan-locks-{user}"));
        files::make_new_folder(&folder).map_err(StoreError::of_lock)?;
        // Anybody may write below the temporary folder: it must be a folder, ours, and closed to others.
        let found = std::fs::symlink_metadata(&folder).map_err(|error| StoreError::io("read", &folder, error).of_lock())?;
        if !found.is_dir() || found.uid() != user || found.mode() & 0o077 != 0 {
            return Err(StoreError::unusable(&folder, "is not a folder of this user's alone").of_lock());
        }
        Ok(Self(folder))
    }

    /// This folder, which must be there.
    #[cfg(test)]
    pub(super) fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    pub(super) fn path(&self, key: &Key, kind: &str) -> PathBuf {
        self.0.join(format!("{}.{kind}", key.0))
    }

    fn file(&self, key: &Key) -> Result<(PathBuf, File), StoreError> {
        let path = self.path(key, "lock");
        let mut options = OpenOptions::new();
        // The standard library opens every file so that a child, such as git, does not inherit it.
        let file = options.read(true).write(true).create(true).truncate(false).mode(files::FILE_MODE).open(&path);
        match file {
            Ok(file) => Ok((path, file)),
            Err(error) => Err(StoreError::io("open", &path, error).of_lock()),
        }
    }

    /// Takes the lock of an app, if nobody has it. `note` says who we are; when it is taken is filled in.
    ///
    /// # Errors
    /// When it cannot be told whether somebody has it, or the note cannot be written.
    pub fn take(&self, key: &Key, note: &Note) -> Result<Attempt, StoreError> {
        let mut tries = 0;
        loop {
            let (path, file) = self.file(key)?;
            if lock(&path, &file, FlockOperation::NonBlockingLockExclusive)? {
                // Somebody may have cleared the folder away since: then this is not the file that others will find.
                if !is_at(&path, &file) {
                    continue;
                }
                let mut lock = Lock { folder: self.clone(), key: key.clone(), note: Box::new(note.clone()), _file: file };
                lock.note.since = Timestamp::now().to_string();
                super::request::clear(self, key);
                super::answer::clear(self, key);
                lock.write_note()?;
                return Ok(Attempt::Taken(lock));
            }
            tries += 1;
            match self.who(key, &path, &file)? {
                Some(holder @ Holder::Run(_)) => return Ok(Attempt::Held(holder)),
                Some(holder) if tries >= TRIES => return Ok(Attempt::Held(holder)),
                _ => sleep(GAP),
            }
        }
    }

    /// Holds the lock together with others who only read; `None` when a run has it.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn share(&self, key: &Key) -> Result<Option<Shared>, StoreError> {
        let (path, file) = self.file(key)?;
        Ok(lock(&path, &file, FlockOperation::NonBlockingLockShared)?.then_some(Shared { _file: file }))
    }

    /// Who has the lock now; `None` when nobody has.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn holder(&self, key: &Key) -> Result<Option<Holder>, StoreError> {
        let (path, file) = self.file(key)?;
        for _ in 1..TRIES {
            if lock(&path, &file, FlockOperation::NonBlockingLockExclusive)? {
                return Ok(None);
            }
            match self.who(key, &path, &file)? {
                Some(Holder::Unnamed) => sleep(GAP),
                holder => return Ok(holder),
            }
        }
        Ok(Some(Holder::Unnamed))
    }

    /// The runs that are at work on this machine, each with the key of its app, by their ids.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn at_work(&self) -> Result<Vec<(Key, Note)>, StoreError> {
        let unreadable = |error| StoreError::io("read", &self.0, error).of_lock();
        let mut runs = Vec::new();
        for entry in std::fs::read_dir(&self.0).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            // Whoever holds a lock has a note beside it.
            let Some(key) = name.to_str().and_then(|name| name.strip_suffix(".json")) else { continue };
            let key = Key(key.to_owned());
            if let Some(Holder::Run(note)) = self.holder(&key)? {
                runs.push((key, *note));
            }
        }
        runs.sort_by(|(_, one), (_, other)| one.run.cmp(&other.run));
        Ok(runs)
    }

    /// Who has a lock that could not be taken; `None` when it has just become free.
    fn who(&self, key: &Key, path: &Path, file: &File) -> Result<Option<Holder>, StoreError> {
        if lock(path, file, FlockOperation::NonBlockingLockShared)? {
            lock(path, file, FlockOperation::Unlock)?;
            return Ok(Some(Holder::Readers));
        }
        let note = std::fs::read(self.path(key, "json")).ok().and_then(|bytes| serde_json::from_slice::<Note>(&bytes).ok());
        // What a holder before this one left says nothing of this one.
        Ok(Some(note.filter(|note| !note.is_stale()).map_or(Holder::Unnamed, |note| Holder::Run(Box::new(note)))))
    }
}

/// Whether a lock was got. Only "somebody else has it" is a no; anything else is trouble.
fn lock(path: &Path, file: &File, operation: FlockOperation) -> Result<bool, StoreError> {
    loop {
        match flock(file, operation) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(error) => return Err(StoreError::io("lock", path, error.into()).of_lock()),
        }
    }
}

fn is_at(path: &Path, file: &File) -> bool {
    let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
    let (named, open) = (std::fs::metadata(path).map(identity), file.metadata().map(identity));
    matches!((named, open), (Ok(named), Ok(open)) if named == open)
}

/// A lock that is held together with other readers, until it is dropped.
#[derive(Debug)]
pub struct Shared {
    _file: File,
}

/// A lock that is ours, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    pub(super) folder: LockFolder,
    pub(super) key: Key,
    note: Box<Note>,
    _file: File,
}

impl Lock {
    /// Says how far the run is.
    ///
    /// # Errors
    /// When the note cannot be written. The lock is held all the same.
    pub fn set_phase(&mut self, phase: &str) -> Result<(), StoreError> {
        self.note.phase = Some(phase.to_owned());
        self.write_note()
    }

    /// Says that the run asks a gate's question, which others may answer for so long.
    ///
    /// # Errors
    /// When the note cannot be written.
    pub fn asks(&mut self, gate: &str, question: &str, within: Duration) -> Result<(), StoreError> {
        let until = Timestamp::now().checked_add(within).unwrap_or(Timestamp::MAX).to_string();
        self.note.asks = Some(Question { gate: gate.to_owned(), question: question.to_owned(), until });
        self.write_note()
    }

    /// Says that what the run asks is answered, or of no use any more.
    ///
    /// # Errors
    /// When the note cannot be written.
    pub fn is_answered(&mut self, answered: Option<Answered>) -> Result<(), StoreError> {
        self.note.asks = None;
        self.note.answered.extend(answered);
        self.write_note()
    }

    /// What others are told of the run.
    pub(super) fn note(&self) -> &Note {
        &self.note
    }

    fn write_note(&self) -> Result<(), StoreError> {
        let unfinished = self.folder.path(&self.key, "json.new");
        let mut bytes = serde_json::to_vec(&self.note).map_err(|error| StoreError::io("write", &unfinished, error.into()).of_lock())?;
        bytes.push(b'\n');
        let written =
            files::write(&unfinished, &bytes).and_then(|()| files::move_into_place(&unfinished, &self.folder.path(&self.key, "json")));
        written.map_err(StoreError::of_lock)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Before the lock is free: the note that is there afterwards is the next holder's.
        let _ = std::fs::remove_file(self.folder.path(&self.key, "json"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::process::{Command, Stdio};

    fn folder() -> (tempfile::TempDir, LockFolder) {
        let parent = tempfile::tempdir().unwrap();
        let at = parent.path().as_os_str().to_owned();
        let folder = LockFolder::of(|name| (name == "XDG_STATE_HOME").then(|| at.clone()), Path::new("/nowhere")).unwrap();
        (parent, folder)
    }

    fn key() -> Key {
        Key::new("http://127.0.0.1:3000", "c1")
    }

    fn note(run: &str) -> Note {
        Note::of_this_process(run, "plan run rollout.plan")
    }

    fn taken(folder: &LockFolder, run: &str) -> Lock {
        match folder.take(&key(), &note(run)).unwrap() {
            Attempt::Taken(lock) => lock,
            Attempt::Held(holder) => panic!("{holder:?}"),
        }
    }

    fn holder(folder: &LockFolder) -> Holder {
        match folder.take(&key(), &note("other")).unwrap() {
            Attempt::Taken(_) => panic!("it was free"),
            Attempt::Held(holder) => holder,
        }
    }

    #[test]
    fn one_server_has_one_key_however_it_is_written() {
        let keys = ["http://localhost:3000", "http://127.0.0.1:3000/", " HTTP://LOCALHOST:3000", "http://[::1]:3000"];
        let keys: Vec<Key> = keys.iter().map(|url| Key::new(url, "c1")).collect();
        assert!(keys.windows(2).all(|two| two[0] == two[1]), "{keys:?}");
        assert_ne!(key(), Key::new("http://127.0.0.1:3000", "c2"));
        assert_ne!(key(), Key::new("http://127.0.0.1:3001", "c1"));
        assert_ne!(Key::new("http://localhost.example", "c1"), Key::new("http://127.0.0.1.example", "c1"));
    }

    #[test]
    fn one_has_it_the_other_is_told_who_and_it_is_free_once_dropped() {
        let (parent, folder) = folder();
        let mut first = taken(&folder, "r1");
        first.set_phase("phase `core`").unwrap();
        let Holder::Run(found) = holder(&folder) else { panic!("no note") };
        assert_eq!((found.run.as_str(), found.pid, found.phase.as_deref()), ("r1", std::process::id(), Some("phase `core`")));
        let words = Holder::Run(found).in_words();
        for part in ["run r1", &format!("pid {}", std::process::id()), "phase `core`", "since 2"] {
            assert!(words.contains(part), "{part}: {words}");
        }
        assert!(folder.holder(&key()).unwrap().unwrap().is(&Holder::Run(Box::new(note("r1")))));
        // Another app is nobody's.
        assert_eq!(folder.holder(&Key::new("http://127.0.0.1:3000", "c2")).unwrap(), None);
        drop(first);
        assert_eq!(folder.holder(&key()).unwrap(), None);
        drop(taken(&folder, "r2"));
        let mode = |name: &str| std::fs::metadata(parent.path().join("plan").join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("locks"), mode(&format!("locks/{}.lock", key().0))), (0o700, 0o600));
    }

    #[test]
    fn a_note_of_a_dead_process_names_nobody_and_takes_nothing() {
        let (_parent, folder) = folder();
        let mut dead = Command::new("true").stdout(Stdio::null()).spawn().unwrap();
        dead.wait().unwrap();
        let stale = Note { pid: dead.id(), ..note("killed") };
        std::fs::write(folder.path(&key(), "json"), serde_json::to_vec(&stale).unwrap()).unwrap();
        assert_eq!(folder.holder(&key()).unwrap(), None, "the kernel says that nobody has it");
        let first = taken(&folder, "r1");
        std::fs::write(folder.path(&key(), "json"), serde_json::to_vec(&stale).unwrap()).unwrap();
        assert_eq!(holder(&folder), Holder::Unnamed);
        std::fs::write(folder.path(&key(), "json"), b"{").unwrap();
        assert_eq!(folder.holder(&key()).unwrap(), Some(Holder::Unnamed));
        drop(first);
    }

    #[test]
    fn readers_share_it_and_keep_a_run_out() {
        let (_parent, folder) = folder();
        let (one, two) = (folder.share(&key()).unwrap(), folder.share(&key()).unwrap());
        assert!(one.is_some() && two.is_some());
        assert_eq!(holder(&folder), Holder::Readers);
        drop((one, two));
        let _run = taken(&folder, "r1");
        assert!(folder.share(&key()).unwrap().is_none());
    }

    #[test]
    fn a_child_does_not_inherit_it() {
        let (_parent, folder) = folder();
        let lock = taken(&folder, "r1");
        let mut child = Command::new("sleep").arg("30").spawn().unwrap();
        drop(lock);
        let next = folder.holder(&key()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(next, None);
    }

    #[test]
    fn a_folder_that_was_cleared_away_does_not_make_two_holders_unseen() {
        let (_parent, folder) = folder();
        drop(taken(&folder, "r1"));
        std::fs::remove_file(folder.path(&key(), "lock")).unwrap();
        let _second = taken(&folder, "r2");
        assert!(matches!(holder(&folder), Holder::Run(note) if note.run == "r2"));
    }

    #[test]
    fn without_a_home_a_folder_of_this_user_alone_serves() {
        let temporary = tempfile::tempdir().unwrap();
        let open = || LockFolder::of(|_| None, temporary.path());
        let folder = open().unwrap();
        assert_eq!(open().unwrap(), folder);
        assert_eq!(std::fs::metadata(&folder.0).unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(open().unwrap_err().to_string().contains("this user's alone"));
        std::fs::remove_dir(&folder.0).unwrap();
        symlink(temporary.path(), &folder.0).unwrap();
        assert!(open().unwrap_err().to_string().contains("XDG_STATE_HOME"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_explained_with_a_remedy_that_helps() {
        let parent = tempfile::tempdir().unwrap();
        std::fs::write(parent.path().join("plan"), "").unwrap();
        let at = parent.path().as_os_str().to_owned();
        let error = LockFolder::of(|name| (name == "XDG_STATE_HOME").then(|| at.clone()), Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("a file is where a folder belongs") && error.contains("XDG_STATE_HOME"), "{error}");
        assert!(!error.contains("--state"), "{error}");
    }
}
