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
}

#[derive(Debug)]
enum Why {
    Io(io::Error),
    Damaged { offset: u64, what: String },
    Unusable(&'static str),
}

impl StoreError {
    pub(super) fn io(doing: &'static str, path: &Path, error: io::Error) -> Self {
        Self { doing, path: path.to_owned(), why: Why::Io(error) }
    }

    pub(super) fn damaged(path: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self { doing: "read", path: path.to_owned(), why: Why::Damaged { offset, what: what.into() } }
    }

    pub(super) fn unusable(path: &Path, why: &'static str) -> Self {
        Self { doing: "use", path: path.to_owned(), why: Why::Unusable(why) }
    }

    /// The byte at which a damaged file stops making sense.
    pub fn damaged_at(&self) -> Option<u64> {
        match self.why {
            Why::Damaged { offset, .. } => Some(offset),
            Why::Io(_) | Why::Unusable(_) => None,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.why {
            Why::Io(error) => {
                let (why, remedy) = explain(error);
                write!(f, "cannot {} {path}: {why}; {remedy}", self.doing)
            }
            Why::Damaged { offset, what } => write!(f, "{path} is damaged at byte {offset}: {what}; keep the file and look at it there"),
            Why::Unusable(why) => write!(f, "{path} {why}; choose another folder with --state DIR"),
        }
    }
}

impl std::error::Error for StoreError {}

fn explain(error: &io::Error) -> (String, &'static str) {
    const ELSEWHERE: &str = "choose another folder with --state DIR";
    match error.kind() {
        io::ErrorKind::StorageFull => ("the disk is full".into(), "free some space, or choose another folder with --state DIR"),
        io::ErrorKind::QuotaExceeded => ("the disk quota is used up".into(), "free some space, or choose another folder with --state DIR"),
        io::ErrorKind::FileTooLarge => (
            "the file may not grow, by a limit of this system or user".into(),
            "raise it (`ulimit -f`), or choose another folder with --state DIR",
        ),
        io::ErrorKind::ReadOnlyFilesystem => ("the file system is read-only".into(), ELSEWHERE),
        io::ErrorKind::PermissionDenied => {
            ("permission denied".into(), "change its owner or mode, or choose another folder with --state DIR")
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => ("a file is where a folder belongs".into(), ELSEWHERE),
        io::ErrorKind::NotFound => ("it is not there".into(), "check the name"),
        _ => (error.to_string(), "the disk or its file system may be at fault"),
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
