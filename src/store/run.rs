//! The state folder and one run's place in it.

use super::StoreError;
use super::bundle::Draft;
use super::evidence;
use super::files;
use super::journal::{Journal, Writer};
use crate::engine::{Event, Evidence, Moment};
use crate::schedule::{body_of, canonical};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};

/// Letters of a run id's random part: no vowels (no words), nothing that looks like something else.
const ID_LETTERS: &[u8; 24] = b"bcdfghjkmnpqrtvwxz346789";

/// The state folder.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// Opens the state folder, making it if needed.
    ///
    /// # Errors
    /// When there is no folder to use, or it cannot be made; the sentence says what to do.
    pub fn open(folder: Option<PathBuf>) -> Result<Self, StoreError> {
        let folder = match folder {
            Some(folder) => folder,
            None => default_folder(|name| std::env::var_os(name))
                .ok_or_else(|| StoreError::unusable(Path::new("~/.local/state/plan"), "cannot be found, since HOME is not set"))?,
        };
        files::make_folder(&folder.join("runs"))?;
        Ok(Self { folder })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of a run, whether it is there or not.
    pub fn run_folder(&self, id: &str) -> PathBuf {
        self.folder.join("runs").join(files::file_name(id))
    }

    /// The journal of a run, for [`super::read`].
    pub fn journal(&self, id: &str) -> PathBuf {
        self.run_folder(id).join("journal.jsonl")
    }

    /// Begins a run's record.
    ///
    /// # Errors
    /// When its folder cannot be made, or a run of this id is there already.
    pub fn begin(&self, id: &str) -> Result<Run, StoreError> {
        let folder = self.run_folder(id);
        if !files::make_new_folder(&folder)? {
            return Err(StoreError::unusable(&folder, "belongs to an earlier run"));
        }
        files::make_folder(&folder.join("snapshots"))?;
        files::make_folder(&folder.join("evidence"))?;
        let journal = Writer::create(folder.join("journal.jsonl"))?;
        Ok(Run { folder, journal, snapshots: 0, evidence: 0, bundle: Draft::default() })
    }

    /// Goes on with a run's record, and gives its journal: a last line that was never finished is cut off, and what is kept from now on is
    /// numbered on.
    ///
    /// # Errors
    /// When it is not there, is damaged (with the offset; nothing is written then), is being written by a run that is at work, or cannot be
    /// written.
    pub fn resume(&self, id: &str) -> Result<(Run, Journal), StoreError> {
        let folder = self.run_folder(id);
        let (journal, read) = Writer::reopen(folder.join("journal.jsonl"))?;
        let (snapshots, evidence) = (folder.join("snapshots"), folder.join("evidence"));
        files::make_folder(&snapshots)?;
        files::make_folder(&evidence)?;
        let (snapshots, evidence) = (files::last_number(&snapshots)?, files::last_number(&evidence)?);
        Ok((Run { folder, journal, snapshots, evidence, bundle: Draft::of(&read.entries) }, read))
    }

    /// Whether some process writes a run's record now.
    pub fn is_at_work(&self, id: &str) -> bool {
        files::is_held(&self.journal(id))
    }

    /// The text of a snapshot of a run, by the path that it had when it was kept: the state folder may have been moved since.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn snapshot(&self, id: &str, kept_as: &str) -> Result<String, StoreError> {
        let name = Path::new(kept_as).file_name().unwrap_or_default();
        let path = self.run_folder(id).join("snapshots").join(name);
        std::fs::read_to_string(&path).map_err(|error| StoreError::io("read", &path, error))
    }
}

/// `$XDG_STATE_HOME/plan`, else `~/.local/state/plan`. A relative `XDG_STATE_HOME` does not count, as its specification has it.
pub fn default_folder(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state"))).map(|state| state.join("plan"))
}

/// A new run's id: sorts by time (UTC), can be read out, e.g. `20261123-164501-k3f9`.
///
/// # Errors
/// When the system has no randomness to give.
pub fn new_run_id() -> Result<String, String> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    let letters: String = random.iter().map(|byte| char::from(ID_LETTERS[usize::from(*byte) % ID_LETTERS.len()])).collect();
    Ok(format!("{}-{letters}", Timestamp::now().to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S")))
}

/// One run's record, open for writing.
#[derive(Debug)]
pub struct Run {
    folder: PathBuf,
    journal: Writer,
    snapshots: usize,
    evidence: usize,
    bundle: Draft,
}

impl Run {
    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Appends events to the journal, with one write, and syncs it. With a phase whose text is on disk the bundle is written anew.
    ///
    /// # Errors
    /// When they are not on disk.
    pub fn append(&mut self, now: Moment, events: &[Event]) -> Result<(), StoreError> {
        let time = super::times::now();
        let mut bundle = self.bundle.clone();
        let mut is_new = false;
        for event in events {
            is_new |= bundle.take(&time, event);
        }
        // Before the journal: it says nothing that is not journalled already, and if it cannot be kept, the step did not happen.
        if is_new {
            bundle.write(&self.folder)?;
        }
        self.journal.append(now, &time, events)?;
        self.bundle = bundle;
        Ok(())
    }

    /// Keeps a text as `snapshots/NN-NAME.yml` and gives its path.
    ///
    /// # Errors
    /// When it is not on disk.
    pub fn keep_snapshot(&mut self, name: &str, text: &str) -> Result<PathBuf, StoreError> {
        let folder = self.folder.join("snapshots");
        let path = folder.join(format!("{:02}-{}.yml", self.snapshots + 1, files::file_name(name)));
        let unfinished = folder.join(".unfinished");
        files::write(&unfinished, text.as_bytes())?;
        files::move_into_place(&unfinished, &path)?;
        self.snapshots += 1;
        Ok(path)
    }

    /// The snapshot whose text is this one, whatever their marker lines say.
    pub fn snapshot_of(&self, text: &str) -> Option<PathBuf> {
        let body = canonical(body_of(text));
        let entries = std::fs::read_dir(self.folder.join("snapshots")).ok()?;
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        paths.into_iter().rev().find(|path| std::fs::read_to_string(path).is_ok_and(|kept| canonical(body_of(&kept)) == body))
    }

    /// Keeps evidence as the folder `evidence/NN-PHASE` and gives its path.
    ///
    /// # Errors
    /// When it is not on disk, whole.
    pub fn keep_evidence(&mut self, evidence: &Evidence) -> Result<PathBuf, StoreError> {
        let path = self.folder.join("evidence").join(format!("{:02}-{}", self.evidence + 1, files::file_name(&evidence.phase)));
        evidence::keep(evidence, &path)?;
        self.evidence += 1;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn ids_sort_by_time_and_differ() {
        let (a, b) = (new_run_id().unwrap(), new_run_id().unwrap());
        assert_ne!(a, b);
        assert!(a[..15] <= b[..15], "{a} {b}");
        assert_eq!(a.len(), "20261123-164501-k3f9".len());
        assert_eq!(files::file_name(&a), a);
    }

    #[test]
    fn the_folder_follows_the_environment() {
        let folder = |xdg: Option<&str>, home: Option<&str>| {
            default_folder(|name| if name == "HOME" { home.map(Into::into) } else { xdg.map(Into::into) })
        };
        assert_eq!(folder(Some("/s"), Some("/h")), Some("/s/plan".into()));
        assert_eq!(folder(Some("relative"), Some("/h")), Some("/h/.local/state/plan".into()));
        assert_eq!(folder(None, Some("/h")), Some("/h/.local/state/plan".into()));
        assert_eq!(folder(None, Some("")), None);
    }

    #[test]
    fn snapshots_are_whole_numbered_and_their_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Some(folder.path().join("state/plan"))).unwrap();
        let mut run = store.begin("20261123-164501-k3f9").unwrap();
        let first = run.keep_snapshot("baseline", "services: {}\n").unwrap();
        let second = run.keep_snapshot("../core", "x").unwrap();
        assert!(first.ends_with("runs/20261123-164501-k3f9/snapshots/01-baseline.yml"), "{first:?}");
        assert!(second.ends_with("snapshots/02-_._core.yml"), "{second:?}");
        assert_eq!(std::fs::read_to_string(&first).unwrap(), "services: {}\n");
        assert_eq!(std::fs::read_dir(first.parent().unwrap()).unwrap().count(), 2);
        assert_eq!((mode(store.folder()), mode(run.folder()), mode(&first)), (0o700, 0o700, 0o600));
        assert_eq!(mode(&store.journal("20261123-164501-k3f9")), 0o600);
    }

    #[test]
    fn a_run_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Some(folder.path().to_owned())).unwrap();
        store.begin("one").unwrap();
        assert!(store.begin("one").unwrap_err().to_string().contains("earlier run"));
    }

    #[test]
    fn a_file_in_the_way_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state");
        std::fs::write(&file, "").unwrap();
        let error = Store::open(Some(file)).unwrap_err().to_string();
        assert!(error.contains("a file is where a folder belongs") && error.contains("--state DIR"), "{error}");
    }
}
