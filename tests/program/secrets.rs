//! No secret shows up anywhere but in snapshots and the compose text that is evidence.

use super::binary::Home;
use super::served::{Exports, Served};
use super::small;
use rollout_plan::world::{Compose, Config, Environment, Fault, Key, Project};
use std::fs;
use std::path::{Path, PathBuf};

const KEY: &str = "canary-key-b7d1f0c3";
const VALUE: &str = "canary-value-93ae55";
const EDIT: &str = "canary-edit-18c7aa";

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Every file of the state folder and every stream, without a canary.
#[track_caller]
fn nothing_leaks(home: &Home, streams: &[&str], canaries: &[&str]) {
    for canary in canaries {
        for stream in streams {
            assert!(!stream.contains(canary), "{canary} in\n{stream}");
        }
        let written = files(&home.path().join("state"));
        assert!(!written.is_empty());
        for path in written.iter().filter(|path| !path.parent().unwrap().ends_with("snapshots")) {
            let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
            assert!(!text.contains(canary), "{canary} in {}:\n{text}", path.display());
        }
    }
}

fn config(compose: Compose, faults: &[&str]) -> Config {
    let environments = vec![Environment { name: "staging".to_owned(), composes: vec![compose] }];
    Config {
        keys: vec![Key::owner(KEY)],
        projects: vec![Project { name: "Backend".to_owned(), environments }],
        faults: faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect(),
        ..Config::default()
    }
}

fn home(served: &Served) -> Home {
    let exports = Exports { key: KEY.to_owned(), ..served.exports.clone() };
    let home = exports.home();
    small::put(&home);
    // The one service takes the secret from the app's environment, and shows it in its image reference, which ends up in errors.
    let one = small::ONE.replace("    ports:", "    environment: { DB_PASSWORD: \"${DB_PASSWORD}\" }\n    ports:");
    home.file("one.yml", &one);
    home.file("two.yml", &one);
    let plan = small::PLAN.replace("settle within 30s", "settle within 3s");
    let (before, after) = plan.split_once("service worker").unwrap();
    home.file("rollout.plan", &format!("{before}{}", after[after.find("phase one").unwrap()..].split("phase two").next().unwrap()));
    home
}

fn with_environment() -> Compose {
    Compose { env: Some(format!("DB_PASSWORD={VALUE}\nLOG_LEVEL=info\n")), ..Compose::named("backend") }
}

#[test]
fn a_failing_run_shows_no_secret_in_any_format() {
    for format in ["plain", "json", "human"] {
        let served = Served::start(config(with_environment(), &["web: crash-loop"]), &small::ADDRESSES);
        let home = home(&served);
        let ran = home.plan(["run", "--yes", "--format", format]);
        ran.ends(4);
        assert!(home.run().join("evidence/01-one/containers.json").is_file());
        nothing_leaks(&home, &[&ran.stdout, &ran.stderr], &[KEY, VALUE]);
    }
}

#[test]
fn the_difference_that_a_run_is_refused_with_is_masked_on_every_stream_and_on_disk() {
    let text = format!(
        "services:\n  web:\n    image: web:0.9\n    environment:\n      DB_PASSWORD: {EDIT}\n      U: postgres://app:{EDIT}@db/x\n"
    );
    let compose = Compose { text, ..with_environment() };
    for format in ["plain", "json"] {
        let served = Served::start(config(compose.clone(), &[]), &small::ADDRESSES);
        let home = home(&served);
        let ran = home.plan(["run", "--yes", "--format", format]);
        ran.ends(3);
        nothing_leaks(&home, &[&ran.stdout, &ran.stderr], &[KEY, VALUE, EDIT]);
    }
}
