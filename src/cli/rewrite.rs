//! A file's text replaced in one step: whoever reads it finds the old text or the new one, whole.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Puts `text` in the place of what the file holds. A link stays a link: the file that it leads to is replaced. Permissions are kept, and so
/// is the owner where the system lets us.
///
/// # Errors
/// The file may not be written, its folder takes no new file, or the disk is full; then the file is as it was.
pub(super) fn rewrite(path: &Path, text: &str) -> io::Result<()> {
    let target = fs::canonicalize(path)?;
    let metadata = fs::metadata(&target)?;
    // A new file could take the place of one that may not be written; that is not what its owner meant.
    if metadata.permissions().readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    OpenOptions::new().write(true).open(&target)?;
    let folder = target.parent().unwrap_or(Path::new("/"));
    let mut beside = tempfile::Builder::new().prefix(".plan-fmt-").tempfile_in(folder)?;
    beside.write_all(text.as_bytes())?;
    keep_owner(beside.as_file(), &metadata);
    // After the owner, whose change takes some permissions away.
    beside.as_file().set_permissions(metadata.permissions())?;
    beside.as_file().sync_all()?;
    beside.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(unix)]
fn keep_owner(file: &File, was: &Metadata) {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    // Only the superuser may give files away; for everybody else the file is theirs already, or becomes so.
    let _ = fchown(file, Some(was.uid()), Some(was.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) {}
