//! Every trap has a test, and some that no other place holds.

use crate::support::live::{Left, names, rollout, rollout_of, sandbox, sandbox_of, seed};
use rollout_plan::engine::{Event, Options, Reason};
use rollout_plan::world::Config;
use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_trap_is_held_by_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests"), &mut files);
    let code: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let page = fs::read_to_string(root.join("docs/traps.md")).unwrap();
    let mut rows = 0;
    for row in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| trap") && !line.starts_with("| ---")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 3, "{row}");
        let test = cells[2].trim_matches(['`', ' ']);
        let stands = |how: &str| code.contains(&format!("{how}\n    fn {test}(")) || code.contains(&format!("{how}\nfn {test}("));
        let is_async = code.contains(&format!("start_paused = true)]\nasync fn {test}("));
        assert!(stands("#[test]") || stands("#[expect(clippy::too_many_lines)]") || is_async, "no test `{test}`: {row}");
        rows += 1;
    }
    assert!(rows > 30, "{rows}");
}

fn warnings(left: &Left) -> Vec<String> {
    left.journal.iter().filter_map(|entry| if let Event::Warned { text } = &entry.event { Some(text.clone()) } else { None }).collect()
}

#[tokio::test(start_paused = true)]
async fn a_repeated_deploy_that_leaves_a_container_alone_is_told() {
    let state = tempfile::tempdir().unwrap();
    let sandbox = sandbox(&[]).await;
    let first = rollout("first", &sandbox, state.path()).await;
    let is_told = |left: &Left| {
        warnings(left).iter().any(|text| text.contains("does not pull a tag") && text.contains("`saleor-api` (ghcr.io/saleor"))
    };
    assert!(!is_told(&first), "{:?}", warnings(&first));
    let again = rollout_of(seed(), "again", &sandbox, state.path(), Options { redeploy: true, ..Options::default() }).await;
    assert_eq!(again.ending.reason, Reason::Completed, "{}", again.ending.verdict);
    assert!(is_told(&again), "{:?}", warnings(&again));
}

#[tokio::test(start_paused = true)]
async fn no_decision_depends_on_dokploy_s_clock() {
    let state = tempfile::tempdir().unwrap();
    let start = Config::default().start;
    let day = 24 * 60 * 60;
    let mut runs = Vec::new();
    for shift in [0, day, -day, 365 * day, -365 * day] {
        let faults = ["dokploy: queue-busy 20s in core", "business-directory: crash-loop"];
        let sandbox = sandbox_of(Config { start: start + shift, ..Config::default() }, &faults).await;
        // One id each, so that markers are equally long.
        let left = rollout(&format!("run{}", runs.len()), &sandbox, state.path()).await;
        let calls: Vec<String> = left.calls.iter().map(|call| format!("{} {} {}", call.at_ms, call.procedure, call.status)).collect();
        runs.push((left.ending.exit_code(), left.ending.verdict.clone(), names(&left.journal), left.times, calls));
    }
    for run in &runs[1..] {
        assert_eq!(run, &runs[0]);
    }
}
