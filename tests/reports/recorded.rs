//! Three runs as recorded in the sandbox on virtual time, and what each format says of them, side by side in `tests/reports`.
//! `UPDATE_FIXTURES=1` rewrites what is said; `RECORD_RUNS=1` makes the runs themselves anew.

use super::junit::structure;
use super::schema::Checked;
use super::{compare, root};
use crate::support::live::{rollout_asking, sandbox, seed};
use rollout_plan::drive::{Approve, Confirmation, Report};
use rollout_plan::engine::{Approver, Event, Moment, Options, Origin};
use rollout_plan::model;
use rollout_plan::report::account::{Account, github, junit, markdown, shortened};
use rollout_plan::report::past::replayed;
use rollout_plan::report::{Format, Setting};
use rollout_plan::schedule::{GateId, Lines, PhaseId, digest};
use rollout_plan::source::SourceMap;
use rollout_plan::store::{self, Archive, Past};
use std::future::pending;
use std::path::Path;
use std::time::Duration;

/// The state folder that holds them, seen from the repository.
pub const STATE: &str = "tests/reports/state";

/// Name, id, faults, and whether somebody approves.
const RUNS: [(&str, &str, &[&str], bool); 3] = [
    ("success", "20261128-090000-good", &[], true),
    ("failure", "20261128-100000-back", &["ai-agents: crash-loop"], true),
    ("approval", "20261128-110000-none", &[], false),
];

/// Maria, who says yes or is not there.
struct Maria(bool);

impl Approve for Maria {
    async fn confirm(&self, _: Option<PhaseId>) -> Confirmation {
        Confirmation::Yes
    }

    async fn rollback(&self, _: PhaseId) -> Confirmation {
        Confirmation::No
    }

    async fn approve(&self, _: GateId) -> (Approver, bool) {
        if self.0 { (Approver("maria".to_owned()), true) } else { pending().await }
    }
}

struct Nobody;

impl Report for Nobody {
    fn event(&mut self, _: Moment, _: &Event) {}
}

/// Where the runs were made, as their records say.
fn origin() -> Origin {
    let text = std::fs::read_to_string(root().join("examples/bizosaas/rollout.plan")).unwrap();
    let mut sources = SourceMap::default();
    let file = sources.add("rollout.plan", text.as_str());
    let lines = Lines::of(&model::load(file, &text).plan.unwrap(), &sources);
    let setting = Setting { sandbox: None, plan: "rollout.plan".to_owned(), back: None, probed_from: Some("build-7".to_owned()) };
    Origin { plan_digest: digest(&text), dokploy: "http://127.0.0.1:3000".to_owned(), lines, ..setting.origin() }
}

/// Makes a run and keeps its journal and evidence, at times and places of its own.
async fn record(id: &str, faults: &[&str], approves: bool) {
    let state = tempfile::tempdir().unwrap();
    let options = Options { origin: origin(), ..Options::default() };
    rollout_asking(seed(), id, &sandbox(faults).await, state.path(), options, &mut Nobody, Maria(approves)).await;
    let (from, to) = (state.path().join("runs").join(id), root().join(STATE).join("runs").join(id));
    std::fs::remove_dir_all(&to).ok();
    copy(&from, &to);
    let began: jiff::Timestamp =
        format!("{}-{}-{}T{}:{}:{}Z", &id[..4], &id[4..6], &id[6..8], &id[9..11], &id[11..13], &id[13..15]).parse().unwrap();
    let mut journal = String::new();
    for entry in store::read(&from.join("journal.jsonl")).unwrap().entries {
        let time = (began + Duration::from_nanos(u64::try_from(entry.at.0.as_nanos()).unwrap())).to_string();
        journal.push_str(&String::from_utf8(store::encode(entry.at, &time, &[entry.event]).unwrap()).unwrap());
    }
    let here = state.path().to_str().unwrap();
    std::fs::write(to.join("journal.jsonl"), journal.replace(here, "/home/ops/.local/state/plan")).unwrap();
}

/// Journal and evidence without the compose texts: what a report is made from.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap();
        if entry.is_dir() && name != "snapshots" {
            copy(&entry, &to.join(name));
        } else if entry.is_file() && !["compose.yml", "bundle.json", "samples.jsonl"].contains(&name.to_str().unwrap()) {
            std::fs::copy(&entry, to.join(name)).unwrap();
        }
    }
}

/// A recorded run.
pub fn past(id: &str) -> Past {
    let places = Archive::open(Some(root().join(STATE))).unwrap().places().unwrap();
    places.iter().find(|place| place.run == id).unwrap().read()
}

/// The recorded runs, by name.
pub fn runs() -> impl Iterator<Item = (&'static str, Past)> {
    RUNS.iter().map(|(name, id, ..)| (*name, past(id)))
}

#[tokio::test(start_paused = true)]
async fn the_runs_are_recorded_anew_when_that_is_asked_for() {
    if std::env::var_os("RECORD_RUNS").is_some() {
        for (_, id, faults, approves) in RUNS {
            record(id, faults, approves).await;
        }
    }
    assert!(runs().all(|(_, past)| past.entries.len() > 30));
}

#[test]
fn every_format_tells_of_every_run() {
    for (name, past) in runs() {
        let account = Account::of(&past, None, None).unwrap();
        let said = [
            ("human.txt", replayed(&past, None, Format::Human).unwrap()),
            ("plain.txt", replayed(&past, None, Format::Plain).unwrap()),
            ("jsonl", replayed(&past, None, Format::Json).unwrap()),
            ("junit.xml", junit(&account)),
            ("github.txt", github(&account)),
            ("md", markdown(&account)),
        ];
        for (ending, text) in said {
            // The reader's own time zone stands in the first line of what is shown to people.
            let text = if ending.ends_with("n.txt") { text.split_once('\n').unwrap().1.to_owned() } else { text };
            compare(&format!("tests/reports/{name}.{ending}"), &text);
        }
    }
}

#[test]
fn every_recorded_line_keeps_to_the_schema() {
    let schema = Checked::published();
    for (name, past) in runs() {
        for line in replayed(&past, None, Format::Json).unwrap().lines() {
            assert_eq!(schema.wrong(&serde_json::from_str(line).unwrap()), None, "{name}");
        }
    }
}

/// `JUnit`'s word and the exit code are one.
#[test]
fn junit_is_red_exactly_when_the_run_did_not_end_as_asked() {
    for (name, past) in runs() {
        let totals = structure(&junit(&Account::of(&past, None, None).unwrap())).unwrap();
        assert_eq!(totals.failures + totals.errors == 0, name == "success", "{name}: {totals:?}");
        assert!(totals.tests > 30, "{name}: {totals:?}");
    }
}

/// A summary that GitHub would refuse as a whole loses its last parts, and says so.
#[test]
fn a_report_that_is_too_long_is_cut_between_its_parts() {
    let page = markdown(&Account::of(&past("20261128-100000-back"), None, None).unwrap());
    assert_eq!(shortened(&page, page.len()), page);
    for most in [page.len() - 1, page.len() / 2, 1200] {
        let cut = shortened(&page, most);
        assert!(cut.len() <= most, "{} of {most}", cut.len());
        let (kept, said) = cut.split_once("\n## Left out\n").unwrap();
        assert!(page.starts_with(kept) && page[kept.len()..].starts_with("\n## "), "{kept}");
        assert!(said.contains("`plan show RUN --format markdown`"));
    }
}
