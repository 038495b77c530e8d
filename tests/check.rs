//! Plans with their compose files and the exact output of checking them: one folder of `tests/check` for each.

use crate::fixture;
use rollout_plan::check::{FileError, Files};
use rollout_plan::diagnostic::{Code, Diagnostic};
use rollout_plan::model;
use rollout_plan::report::diagnostics::{self, Look};
use rollout_plan::report::{check, diagnostics::json};
use rollout_plan::schedule::{self, Prepared};
use rollout_plan::source::SourceMap;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder in memory: names and texts.
#[derive(Clone, Debug, Default)]
struct Memory(BTreeMap<String, String>);

impl Memory {
    fn of(folder: &Path) -> Self {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let texts = entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()));
        Self(texts.filter(|(name, _)| name != "expected").collect())
    }

    /// With one place of one file changed.
    fn with(mut self, file: &str, from: &str, to: &str) -> Self {
        let text = self.0.get_mut(file).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {file}");
        *text = text.replace(from, to);
        self
    }
}

impl Files for Memory {
    fn read(&self, path: &str) -> Result<String, FileError> {
        self.0.get(path).cloned().ok_or(FileError::Missing)
    }

    fn beside(&self, path: &str) -> Vec<String> {
        if path.contains('/') { Vec::new() } else { self.0.keys().cloned().collect() }
    }
}

fn prepare(files: &Memory) -> (Prepared, SourceMap) {
    let mut sources = SourceMap::default();
    let text = files.0["rollout.plan"].as_str();
    let file = sources.add("rollout.plan", text);
    let prepared = schedule::prepare(&model::load(file, text), &mut sources, files);
    (prepared, sources)
}

/// Diagnostics, then the schedule if there is one.
fn shown(files: &Memory) -> String {
    let (prepared, sources) = prepare(files);
    let look = Look { width: 100, colour: false, all: false };
    let mut shown = diagnostics::human(&prepared.diagnostics, &sources, look);
    if let Some(schedule) = &prepared.schedule {
        if !shown.is_empty() {
            shown.push('\n');
        }
        shown.push_str(&check::schedule(schedule, 80, false));
    }
    shown
}

fn codes(diagnostics: &[Diagnostic]) -> Vec<Code> {
    diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn seed() -> Memory {
    Memory::of(&root().join("examples/bizosaas"))
}

#[test]
fn every_folder_gives_what_it_expects() {
    let mut folders: Vec<_> = fs::read_dir(root().join("tests/check")).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.retain(|folder| folder.join("rollout.plan").is_file());
    assert!(folders.len() >= 25, "{} folders", folders.len());
    for folder in folders {
        fixture::compare(&folder.join("expected"), &shown(&Memory::of(&folder)));
    }
}

#[test]
fn the_seed_has_no_diagnostics_and_a_schedule() {
    let (prepared, _) = prepare(&seed());
    assert_eq!(prepared.diagnostics, []);
    let schedule = prepared.schedule.unwrap();
    let phases: Vec<_> = schedule.phases.iter().map(|phase| (phase.name.as_str(), phase.services.len(), phase.adds.len())).collect();
    assert_eq!(phases, [("foundation", 1, 1), ("core", 4, 3), ("business", 7, 3), ("complete", 10, 3)]);
    assert_eq!(schedule.phases.iter().map(|phase| phase.pins.len()).collect::<Vec<_>>(), [0, 3, 6, 9]);
    for phase in &schedule.phases {
        for pin in &phase.pins {
            assert_eq!((&phase.text[pin.start..pin.end], pin.reference.as_str()), ("main", "main"));
            assert_eq!(pin.repository, "https://git.example/bizosaas/bizosaas-platform.git");
        }
    }
    fixture::compare(&root().join("tests/check/seed.expected"), &shown(&seed()));
}

/// What the plan's author may get wrong, one at a time: each is told once, and nothing else is.
type Mistake = (&'static str, fn(Memory) -> Memory, Code);

const MISTAKES: [Mistake; 5] = [
    ("misspelled-service", |files| files.with("rollout.plan", "service brain-api {", "service brian-api {"), Code::ServiceNotInCompose),
    ("unknown-phase", |files| files.with("rollout.plan", "phase business after core {", "phase business after cor {"), Code::UnknownName),
    ("bare-duration", |files| files.with("rollout.plan", "  soak 1m\n", "  soak 60\n"), Code::UnitMissing),
    ("port-twice", |files| files.with("phase3.yml", "\"8004:8004\"", "\"8003:8004\""), Code::PortClash),
    ("missing-file", |files| files.with("rollout.plan", "\"phase4.yml\"", "\"phase5.yml\""), Code::ComposeMissing),
];

#[test]
fn five_mistakes_in_the_seed_are_told_one_by_one() {
    for (name, mistake, code) in MISTAKES {
        let broken = mistake(seed());
        assert_eq!(codes(&prepare(&broken).0.diagnostics), [code], "{name}");
        assert!(prepare(&broken).0.schedule.is_none(), "{name}");
        fixture::compare(&root().join(format!("tests/check/seed-{name}.expected")), &shown(&broken));
    }
}

#[test]
fn five_mistakes_at_once_are_all_told_and_nothing_else() {
    let broken = MISTAKES.iter().fold(seed(), |files, (_, mistake, _)| mistake(files));
    let mut found = codes(&prepare(&broken).0.diagnostics);
    found.sort();
    let mut expected: Vec<Code> = MISTAKES.iter().map(|(.., code)| *code).collect();
    expected.sort();
    assert_eq!(found, expected);
    fixture::compare(&root().join("tests/check/seed-all-five.expected"), &shown(&broken));
}

#[test]
fn the_same_mistakes_in_other_places_are_told_once_too() {
    let port = |file: &'static str| move |files: Memory| files.with(file, "\"8001:8001\"", "\"8000:8001\"");
    let cases: [(&str, Memory, Code); 8] = [
        ("a port twice in the second file", port("phase2.yml")(seed()), Code::PortClash),
        ("a port twice in the last file", port("phase4.yml")(seed()), Code::PortClash),
        ("a port twice in all files", port("phase4.yml")(port("phase3.yml")(port("phase2.yml")(seed()))), Code::PortClash),
        (
            "a service publishes a second port that is taken",
            seed().with("phase4.yml", "      - \"8009:8009\"\n", "      - \"8009:8009\"\n      - \"8000:80\"\n"),
            Code::PortClash,
        ),
        ("the first file missing", seed().with("rollout.plan", "\"phase1.yml\"", "\"fase1.yml\""), Code::ComposeMissing),
        ("a file in the middle missing", seed().with("rollout.plan", "\"phase2.yml\"", "\"two.yml\""), Code::ComposeMissing),
        (
            "a misspelled service of the last phase",
            seed().with("rollout.plan", "service amazon-sourcing {", "service amazon-sourcin {"),
            Code::ServiceNotInCompose,
        ),
        (
            "a service misspelled beyond guessing",
            seed().with("rollout.plan", "service ai-agents {", "service robots {"),
            Code::ServiceNotInCompose,
        ),
    ];
    for (name, files, code) in cases {
        let found = prepare(&files).0.diagnostics;
        let errors: Vec<Code> = codes(&found).into_iter().filter(|code| code.as_str().starts_with('E')).collect();
        assert_eq!(errors, [code], "{name}: {found:#?}");
    }
}

#[test]
fn a_file_over_dokploys_limit_is_refused() {
    let padding = format!("# {}\nservices:", "x".repeat(90_000));
    let large = seed().with("phase4.yml", "services:", &padding);
    let found = prepare(&large).0.diagnostics;
    assert_eq!(codes(&found), [Code::ComposeTooLarge]);
    let fits = seed().with("phase4.yml", "services:", &padding.replace(&"x".repeat(10_000), ""));
    assert_eq!(prepare(&fits).0.diagnostics, []);
}

#[test]
fn every_line_for_programs_is_json_with_places() {
    let broken = MISTAKES.iter().fold(seed(), |files, (_, mistake, _)| mistake(files));
    let (prepared, sources) = prepare(&broken);
    for line in json(&prepared.diagnostics, &sources).lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(value["line"].as_u64().unwrap() > 1 && value["file"].is_string(), "{line}");
    }
}
