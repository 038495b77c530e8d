//! Files and folders that are on disk when the call returns, and that only their owner can read.

use super::StoreError;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Folders: their owner's alone, since snapshots and logs may hold what should not be read by others.
const FOLDER_MODE: u32 = 0o700;
/// Files, likewise.
pub(super) const FILE_MODE: u32 = 0o600;

/// Makes a folder and what is missing above it. One that is there already stays as it is.
pub(super) fn make_folder(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path).map_err(|error| StoreError::io("make the folder", path, error))?;
    sync_parent(path)
}

/// Makes a folder that must not be there yet.
pub(super) fn make_new_folder(path: &Path) -> Result<bool, StoreError> {
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Ok(()) => sync_parent(path).map(|()| true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(StoreError::io("make the folder", path, error)),
    }
}

/// A new file, open for appending; its folder knows it.
pub(super) fn new_file(path: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new().append(true).create_new(true).mode(FILE_MODE).open(path);
    let file = file.map_err(|error| StoreError::io("create", path, error))?;
    sync_parent(path)?;
    Ok(file)
}

/// A file that is there, open for appending.
pub(super) fn appended_file(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new().read(true).append(true).open(path).map_err(|error| StoreError::io("write", path, error))
}

/// Holds a file for as long as it is open: only one process writes it. The kernel frees it however the process ends.
pub(super) fn hold(path: &Path, file: &File) -> Result<(), StoreError> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Err(StoreError::unusable(path, "is being written by a run that is at work")),
        // A file system without locks: the lock of the app keeps two runs apart.
        Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS | Errno::INVAL | Errno::NOLCK) => Ok(()),
        Err(error) => Err(StoreError::io("lock", path, error.into())),
    }
}

/// Whether some process holds a file.
pub(super) fn is_held(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

/// Cuts off what lies beyond `end`, if something does, and gives the length.
pub(super) fn cut(path: &Path, file: &File, end: Option<u64>) -> Result<u64, StoreError> {
    let failed = |error| StoreError::io("write", path, error);
    if let Some(end) = end {
        file.set_len(end).and_then(|()| file.sync_all()).map_err(failed)?;
    }
    Ok(file.metadata().map_err(failed)?.len())
}

/// The highest number that a name in a folder begins with (`03-core.yml`); 0 when there is none.
pub(super) fn last_number(folder: &Path) -> Result<usize, StoreError> {
    let failed = |error| StoreError::io("read", folder, error);
    let mut last = 0;
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let number = name.to_str().and_then(|name| name.split_once('-')).and_then(|(number, _)| number.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}

/// A whole file, synced. Its folder is not: the caller moves it, or the folder, into place.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(FILE_MODE);
    options
        .open(path)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .map_err(|error| StoreError::io("write", path, error))
}

/// A plain file's bytes; `None` when nothing is there. A pipe or a device in its place is an error: reading one might never end.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => std::fs::read(path).map(Some).map_err(|error| StoreError::io("read", path, error)),
        Ok(_) => Err(StoreError::unusable(path, "is no plain file")),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(StoreError::io("read", path, error)),
    }
}

/// Moves a finished file or folder to its name: it is there whole, or not at all.
pub(super) fn move_into_place(from: &Path, to: &Path) -> Result<(), StoreError> {
    std::fs::rename(from, to).map_err(|error| StoreError::io("write", to, error))?;
    sync_parent(to)
}

/// Makes a folder's own entries last.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| StoreError::io("sync", path, error))
}

fn sync_parent(path: &Path) -> Result<(), StoreError> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => Ok(()),
    }
}

/// A name made fit for a file: letters, digits, `-`, `_` and `.`, never hidden, at most 60 of them.
pub(super) fn file_name(name: &str) -> String {
    let fit = |character: char| if character.is_ascii_alphanumeric() || "-_.".contains(character) { character } else { '_' };
    let name: String = name.chars().take(60).map(fit).collect();
    match name.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None if name.is_empty() => "_".into(),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_folder() {
        assert_eq!(file_name("saleor-api"), "saleor-api");
        assert_eq!(file_name("../../etc/passwd"), "_._.._etc_passwd");
        assert_eq!(file_name(""), "_");
        assert_eq!(file_name("."), "_");
    }
}
