//! Why something could not be kept, as a sentence with its remedy.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Something that could not be kept or read.
#[derive(Debug)]
pub struct StoreError {
    doing: &'static str,
    path: PathBuf,
    why: Why,
    elsewhere: &'static str,
}

/// How to keep things in another place.
const OTHER_STATE: &str = "choose another folder with --state DIR";
/// How to keep locks in another place. Every run of the app on this machine needs the same.
const OTHER_HOME: &str = "choose another folder by setting XDG_STATE_HOME, alike for every run of this user";

#[derive(Debug)]
enum Why {
    Io(io::Error),
    Damaged { offset: u64, what: String },
    Unusable(&'static str),
    NotFree,
}

impl StoreError {
    pub(super) fn io(doing: &'static str, path: &Path, error: io::Error) -> Self {
        Self { doing, path: path.to_owned(), why: Why::Io(error), elsewhere: OTHER_STATE }
    }

    pub(super) fn damaged(path: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self { doing: "read", path: path.to_owned(), why: Why::Damaged { offset, what: what.into() }, elsewhere: OTHER_STATE }
    }

    pub(super) fn unusable(path: &Path, why: &'static str) -> Self {
        Self { doing: "use", path: path.to_owned(), why: Why::Unusable(why), elsewhere: OTHER_STATE }
    }

    /// The same of a lock: those are not under the state folder, so another state folder does not help.
    pub(super) fn of_lock(self) -> Self {
        Self { elsewhere: OTHER_HOME, ..self }
    }

    pub(super) fn not_free(path: &Path) -> Self {
        Self { doing: "use", path: path.to_owned(), why: Why::NotFree, elsewhere: OTHER_STATE }
    }

    /// Whether it is a folder to write to that is in use already: the command line's fault.
    pub fn is_not_free(&self) -> bool {
        matches!(self.why, Why::NotFree)
    }

    /// What a damaged file's place says there, without the file's path.
    pub fn damage(&self) -> Option<&str> {
        match &self.why {
            Why::Damaged { what, .. } => Some(what),
            _ => None,
        }
    }

    /// The byte at which a damaged file stops making sense.
    pub fn damaged_at(&self) -> Option<u64> {
        match self.why {
            Why::Damaged { offset, .. } => Some(offset),
            Why::Io(_) | Why::Unusable(_) | Why::NotFree => None,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.why {
            Why::Io(error) => {
                let (why, remedy) = explain(error, self.elsewhere);
                write!(f, "cannot {} {path}: {why}; {remedy}", self.doing)
            }
            Why::Damaged { offset, what } => write!(f, "{path} is damaged at byte {offset}: {what}; keep the file and look at it there"),
            Why::NotFree => write!(f, "{path} must be new or empty, and it is not"),
            Why::Unusable(why) => write!(f, "{path} {why}; {}", self.elsewhere),
        }
    }
}

impl std::error::Error for StoreError {}

fn explain(error: &io::Error, elsewhere: &str) -> (String, String) {
    match error.kind() {
        io::ErrorKind::StorageFull => ("the disk is full".into(), format!("free some space, or {elsewhere}")),
        io::ErrorKind::QuotaExceeded => ("the disk quota is used up".into(), format!("free some space, or {elsewhere}")),
        io::ErrorKind::FileTooLarge => {
            ("the file may not grow, by a limit of this system or user".into(), format!("raise it (`ulimit -f`), or {elsewhere}"))
        }
        io::ErrorKind::ReadOnlyFilesystem => ("the file system is read-only".into(), elsewhere.into()),
        io::ErrorKind::PermissionDenied => ("permission denied".into(), format!("change its owner or mode, or {elsewhere}")),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => ("a file is where a folder belongs".into(), elsewhere.into()),
        io::ErrorKind::NotFound => ("it is not there".into(), "check the name".into()),
        _ => (error.to_string(), "the disk or its file system may be at fault".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sentence_names_the_path_the_reason_and_a_remedy() {
        for (kind, reason, remedy) in [
            (io::ErrorKind::StorageFull, "the disk is full", "free some space"),
            (io::ErrorKind::ReadOnlyFilesystem, "read-only", "--state DIR"),
            (io::ErrorKind::PermissionDenied, "permission denied", "change its owner"),
            (io::ErrorKind::NotADirectory, "a file is where a folder belongs", "--state DIR"),
        ] {
            let sentence = StoreError::io("write", Path::new("/state/journal.jsonl"), kind.into()).to_string();
            assert!(sentence.starts_with("cannot write /state/journal.jsonl: "), "{sentence}");
            assert!(sentence.contains(reason) && sentence.contains(remedy), "{sentence}");
        }
        let damaged = StoreError::damaged(Path::new("/state/journal.jsonl"), 42, "not a line");
        assert_eq!(damaged.damaged_at(), Some(42));
        assert!(damaged.to_string().contains("byte 42"), "{damaged}");
    }
}
