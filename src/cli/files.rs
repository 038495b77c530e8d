//! The plan's files on disk.

use crate::check::{FileError, Files};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Larger files are not read at all: no plan and no compose file comes near.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The folder that a plan's paths are relative to.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder that the plan lies in.
    pub fn of(plan: &Path) -> Self {
        let path = plan.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self { path: path.to_owned() }
    }
}

impl Files for Folder {
    fn read(&self, path: &str) -> Result<String, FileError> {
        read(&self.path.join(path))
    }

    fn beside(&self, path: &str) -> Vec<String> {
        let whole = self.path.join(path);
        let entries = whole.parent().and_then(|folder| fs::read_dir(folder).ok());
        let files = entries.into_iter().flatten().flatten().filter(|entry| entry.path().is_file());
        let mut names: Vec<String> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }
}

/// A text file, whole.
///
/// # Errors
/// It is not there, is no file, is too large, is not UTF-8, or the system refuses.
pub fn read(path: &Path) -> Result<String, FileError> {
    let unreadable = |why: &str| FileError::Unreadable(why.to_owned());
    let failed = |error: &std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => FileError::Missing,
        ErrorKind::PermissionDenied => unreadable("permission denied"),
        ErrorKind::IsADirectory => unreadable("it is a folder"),
        _ => unreadable(&error.to_string()),
    };
    // Asked before it is opened: opening a pipe would wait for its other end.
    let metadata = fs::metadata(path).map_err(|error| failed(&error))?;
    if metadata.is_dir() {
        return Err(unreadable("it is a folder"));
    }
    if !metadata.is_file() {
        return Err(unreadable("it is not a plain file"));
    }
    whole(File::open(path).map_err(|error| failed(&error))?)
}

fn whole(text: impl Read) -> Result<String, FileError> {
    let unreadable = |why: &str| FileError::Unreadable(why.to_owned());
    let mut bytes = Vec::new();
    text.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unreadable("it is larger than 4 MiB"));
    }
    String::from_utf8(bytes).map_err(|error| unreadable(&format!("it is not UTF-8: byte {}", error.utf8_error().valid_up_to() + 1)))
}

/// What stands on stdin, whole.
///
/// # Errors
/// It is too large, is not UTF-8, or the system refuses.
pub(super) fn read_stdin() -> Result<String, FileError> {
    whole(std::io::stdin().lock())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_relative_to_the_plan() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub/b.yml"), "b").unwrap();
        fs::write(folder.path().join("sub/a.yml"), "a").unwrap();
        let files = Folder::of(&folder.path().join("rollout.plan"));
        assert_eq!(files.read("sub/a.yml"), Ok("a".to_owned()));
        assert_eq!(files.beside("sub/x.yml"), ["a.yml", "b.yml"]);
        assert_eq!(files.beside("gone/x.yml"), [""; 0]);
        assert_eq!(files.beside("x.yml"), [""; 0], "folders are not offered");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let files = Folder::of(&folder.path().join("rollout.plan"));
        fs::write(folder.path().join("latin.yml"), b"caf\xe9").unwrap();
        fs::write(folder.path().join("large.yml"), vec![b'x'; 5 * 1024 * 1024]).unwrap();
        assert_eq!(files.read("gone.yml"), Err(FileError::Missing));
        assert_eq!(files.read("latin.yml/deeper.yml"), Err(FileError::Missing));
        assert_eq!(files.read("."), Err(FileError::Unreadable("it is a folder".to_owned())));
        assert_eq!(files.read("latin.yml"), Err(FileError::Unreadable("it is not UTF-8: byte 4".to_owned())));
        assert_eq!(files.read("large.yml"), Err(FileError::Unreadable("it is larger than 4 MiB".to_owned())));
        #[cfg(unix)]
        assert_eq!(read(Path::new("/dev/zero")), Err(FileError::Unreadable("it is not a plain file".to_owned())));
    }
}
