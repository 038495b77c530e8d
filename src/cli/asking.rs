//! What asking a plan's addresses needs, as the command line gives it.

use crate::probe::{Asking, ConnectTo};
use std::path::Path;

/// Where `--connect-to` leads the plan's addresses; or what is wrong with it, and what would be right.
pub(super) fn routes(given: Option<&str>) -> Result<ConnectTo, (String, &'static str)> {
    given.unwrap_or("").parse().map_err(|error| (format!("--connect-to: {error}"), "such as 127.0.0.1:8000=127.0.0.1:41000"))
}

/// Asks from here, commands in the plan's folder.
pub(super) fn from_here(plan: &Path, connect_to: ConnectTo) -> Asking {
    // A path without a folder has the empty one, which is no place to run anything.
    let folder = plan.parent().filter(|folder| !folder.as_os_str().is_empty()).map(Path::to_path_buf);
    Asking { connect_to, folder, ..Asking::default() }
}
