//! Runs that were: shown again as they were shown, listed whatever became of them, and the bundle they leave. `tests/past/state` is a state
//! folder as recorded, with a run of each kind; `UPDATE_FIXTURES=1` rewrites what is expected of it, and never the folder.

mod damage;
mod replayed;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The recorded state folder, seen from the repository.
const STATE: &str = "tests/past/state";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn compare(name: &str, actual: &str) {
    let path: PathBuf = root().join("tests/past").join(name);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let difference = similar::TextDiff::from_lines(expected.as_str(), actual);
    assert!(expected == actual, "{name} differs (UPDATE_FIXTURES=1 rewrites it):\n{}", difference.unified_diff());
}

/// The built program on the recorded state folder, in a home of its own and in UTC.
fn plan(arguments: &[&str]) -> (i32, String, String) {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_plan"));
    command.args(arguments).args(["--state", STATE]).env_clear().env("HOME", home.path()).env("TZ", "UTC0").current_dir(root());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What a command says, with its exit code.
fn page(arguments: &[&str]) -> String {
    let (code, out, err) = plan(arguments);
    format!("$ plan {}\n{out}── stderr ──\n{err}── exit {code} ──\n\n", arguments.join(" "))
}

#[test]
fn the_list_shows_every_kind_of_run() {
    let pages = [
        page(&["history"]),
        page(&["history", "--sandbox"]),
        page(&["history", "--last", "2"]),
        page(&["history", "examples/bizosaas/rollout.plan", "--last", "1"]),
        page(&["history", "--last", "3", "--format", "json"]),
    ];
    compare("history.txt", &pages.concat());
}

#[test]
fn status_begins_with_a_line_for_a_chat() {
    compare("status.txt", &[page(&["status"]), page(&["status", "--sandbox"]), page(&["status", "--format", "json"])].concat());
}

#[test]
fn runs_are_shown_whatever_became_of_them() {
    let shown = ["2026112", "h7jm", "wq7r", "zz9k", "k3f9", "mn4p", "20261122-081500-pcn4", "xx7d", "sbx4", "4b8c", "latest"];
    let pages: String = shown.iter().map(|run| page(&["show", run])).collect();
    compare("show.txt", &pages);
}

#[test]
fn a_failure_is_shown_with_its_evidence() {
    let pages = [page(&["show", "4b9c"]), page(&["show", "4b9c", "--format", "json"])];
    compare("show-failure.txt", &pages.concat());
}
