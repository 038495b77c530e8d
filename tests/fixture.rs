//! Expected outputs beside what they come from. `UPDATE_FIXTURES=1` writes them anew; read the difference as a user would.

use similar::TextDiff;
use std::fs;
use std::path::Path;

/// Compares with the file's text, line ends aside.
pub(crate) fn compare(expected: &Path, actual: &str) {
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(expected, actual).unwrap();
        return;
    }
    let wanted = fs::read_to_string(expected).unwrap_or_default().replace("\r\n", "\n");
    if wanted != actual {
        let diff = TextDiff::from_lines(wanted.as_str(), actual);
        let shown = diff.unified_diff().header("expected", "actual").to_string();
        panic!("{} differs (UPDATE_FIXTURES=1 rewrites it):\n{shown}\nwhole:\n{actual}", expected.display());
    }
}
