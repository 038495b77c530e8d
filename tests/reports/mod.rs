//! What a run leaves for others: JSON lines by their schema, `JUnit`, GitHub's annotations and job summary, the Markdown report.

mod hostile;
pub(crate) mod junit;
mod recorded;
mod schema;
mod xsd;

use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares with a file, or writes it anew with `UPDATE_FIXTURES=1`.
fn compare(path: &str, actual: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    let difference = similar::TextDiff::from_lines(expected.as_str(), actual);
    assert!(expected == actual, "{path} differs (UPDATE_FIXTURES=1 rewrites it):\n{}", difference.unified_diff());
}
