//! Plans with their compose files and the exact output of checking them: one folder of `tests/check` for each.

use crate::fixture;
use rollout_plan::check::{FileError, Files, MAX_COMPOSE_BYTES};
use rollout_plan::diagnostic::{Code, Diagnostic};
use rollout_plan::model;
use rollout_plan::report::diagnostics::{self, Look};
use rollout_plan::report::{check, diagnostics::json, tables};
use rollout_plan::schedule::{self, Forecast, Prepared, Schedule, Took, forecast};
use rollout_plan::source::SourceMap;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder in memory: names and texts.
#[derive(Clone, Debug, Default)]
struct Memory(BTreeMap<String, String>);

impl Memory {
    fn of(folder: &Path) -> Self {
        let entries = fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file());
        let texts = entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()));
        Self(texts.filter(|(name, _)| name != "expected" && name != "tables").collect())
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
        shown.push_str(&check::schedule(schedule, &foreseen(schedule), 80, false));
    }
    shown
}

/// What is foreseen where nothing is recorded.
fn foreseen(schedule: &Schedule) -> Forecast {
    forecast(schedule, &Took::new())
}

fn tabulated(schedule: &Schedule, width: usize) -> String {
    tables::human(schedule, &foreseen(schedule), width, false)
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
        let files = Memory::of(&folder);
        fixture::compare(&folder.join("expected"), &shown(&files));
        // A folder that has a file for them is about the tables as well.
        if folder.join("tables").is_file() {
            fixture::compare(&folder.join("tables"), &tabulated(&prepare(&files).0.schedule.unwrap(), 100));
        }
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

#[test]
fn the_seeds_tables_are_found() {
    let schedule = prepare(&seed()).0.schedule.unwrap();
    let narrow = tabulated(&schedule, 80);
    assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
    fixture::compare(&root().join("tests/check/seed.tables.expected"), &narrow);
    assert!(tabulated(&schedule, 120).lines().all(|line| line.chars().count() <= 120));

    let object: serde_json::Value = serde_json::from_str(&tables::json(&schedule, &foreseen(&schedule))).unwrap();
    let rows = |table: &str| object[table].as_array().unwrap().clone();
    let of = |table: &str, service: &str| {
        let rows: Vec<_> = rows(table).into_iter().filter(|row| row["service"] == service).collect();
        assert_eq!(rows.len(), 1, "{table} of {service}: {rows:?}");
        rows[0].clone()
    };
    // Port, database and Redis number, as the report has them.
    for (service, port, database, redis, phase) in SEED_SERVICES {
        assert_eq!(of("ports", service)["port"], port, "{service}");
        assert_eq!(of("databases", service)["name"], database, "{service}");
        assert_eq!(of("redis", service)["number"], redis, "{service}");
        assert_eq!(of("services", service)["phase"], phase, "{service}");
    }
    for table in ["ports", "databases", "redis", "services"] {
        assert_eq!(rows(table).len(), 10, "{table}");
        assert!(rows(table).iter().all(|row| row["unknown"].is_null()), "{table}");
    }
    assert_eq!(of("services", "saleor-api")["image"], "ghcr.io/saleor/saleor:3.20");
    let mut contexts: Vec<String> = rows("builds").iter().map(|build| build["directory"].as_str().unwrap().to_owned()).collect();
    contexts.sort();
    assert_eq!(contexts, SEED_CONTEXTS);
    assert!(rows("builds").iter().all(|build| build["reference"] == "main" && build["repository"].is_string()));
    let leans: Vec<(String, String)> = rows("dependencies")
        .iter()
        .map(|row| (row["service"].as_str().unwrap().to_owned(), row["on"].as_str().unwrap().to_owned()))
        .collect();
    let leans_on = |service: &str, on: &str| leans.contains(&(service.to_owned(), on.to_owned()));
    assert!(leans_on("coreldove-backend", "saleor-api") && leans_on("amazon-sourcing", "saleor-api"));
    assert!(leans_on("ai-agents", "brain-api") && leans_on("temporal-integration", "temporal"));
    // Saleor alone has its own accounts.
    for (service, ..) in SEED_SERVICES.iter().filter(|(service, ..)| !["saleor-api", "auth-service"].contains(service)) {
        assert!(leans_on(service, "auth-service"), "{service}");
    }
}

/// Service, port, database, Redis number and phase, as the seed's report has them.
const SEED_SERVICES: [(&str, u16, &str, u32, &str); 10] = [
    ("saleor-api", 8000, "saleor_staging", 1, "foundation"),
    ("brain-api", 8001, "bizosaas_staging", 0, "core"),
    ("wagtail-cms", 8002, "bizosaas_staging", 3, "core"),
    ("django-crm", 8003, "bizosaas_staging", 4, "business"),
    ("business-directory", 8004, "bizosaas_staging", 5, "business"),
    ("coreldove-backend", 8005, "bizosaas_staging", 6, "complete"),
    ("auth-service", 8006, "bizosaas_staging", 10, "core"),
    ("temporal-integration", 8007, "bizosaas_staging", 7, "business"),
    ("ai-agents", 8008, "bizosaas_staging", 8, "complete"),
    ("amazon-sourcing", 8009, "bizosaas_staging", 9, "complete"),
];

/// The build contexts of the report, below the repository.
const SEED_CONTEXTS: [&str; 9] = [
    "ai/services/bizosaas-brain",
    "backend/services/ai-agents",
    "backend/services/amazon-sourcing",
    "backend/services/auth",
    "backend/services/cms",
    "backend/services/crm/business-directory",
    "backend/services/crm/django-crm",
    "backend/services/temporal",
    "bizosaas/ecommerce/services/coreldove-backend",
];

#[test]
fn no_secret_of_a_compose_file_is_shown() {
    let folder = root().join("tests/check/secrets-in-clear");
    let (prepared, sources) = prepare(&Memory::of(&folder));
    let look = Look { width: 100, colour: false, all: true };
    let shown = diagnostics::human(&prepared.diagnostics, &sources, look) + &json(&prepared.diagnostics, &sources);
    for secret in ["abc", "hunter2", "changeme", "not-so-secret", "g1tpass"] {
        assert!(!shown.contains(secret), "{secret} in\n{shown}");
    }
    let folder = root().join("tests/check/tables-of-what-is-not-known");
    let schedule = prepare(&Memory::of(&folder)).0.schedule.unwrap();
    let shown = tabulated(&schedule, 100) + &tables::json(&schedule, &foreseen(&schedule));
    assert!(!shown.contains("hunter22"), "{shown}");
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
    let exactly = |bytes: usize| {
        let more = bytes - seed().0["phase4.yml"].len() - "# \n".len();
        prepare(&seed().with("phase4.yml", "services:", &format!("# {}\nservices:", "x".repeat(more)))).0.diagnostics
    };
    assert_eq!(exactly(MAX_COMPOSE_BYTES), []);
    assert_eq!(codes(&exactly(MAX_COMPOSE_BYTES + 1)), [Code::ComposeTooLarge]);
}

/// A folder in which some files are there and cannot be read.
struct Unreadable(Memory, &'static [&'static str]);

impl Files for Unreadable {
    fn read(&self, path: &str) -> Result<String, FileError> {
        if self.1.contains(&path) { Err(FileError::Unreadable("it is not UTF-8: byte 4".to_owned())) } else { self.0.read(path) }
    }

    fn beside(&self, path: &str) -> Vec<String> {
        self.0.beside(path)
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_the_reason() {
    let files = seed().with("rollout.plan", "api-key secret(\"DOKPLOY_API_KEY\")", "api-key secret(\"KEY\")\n  ca \"ca.der\"");
    let text = files.0["rollout.plan"].clone();
    let mut sources = SourceMap::default();
    let lowered = model::load(sources.add("rollout.plan", text.as_str()), &text);
    let found = schedule::prepare(&lowered, &mut sources, &Unreadable(files, &["ca.der", "phase4.yml"])).diagnostics;
    assert_eq!(codes(&found), [Code::Unreadable, Code::Unreadable]);
    for (one, file) in found.iter().zip(["certificate file \"ca.der\"", "compose file \"phase4.yml\""]) {
        assert!(one.message.contains(&format!("{file} cannot be read")), "{}", one.message);
        assert_eq!(one.primary.text, "it is not UTF-8: byte 4");
    }
    assert!(found[0].help.as_deref().unwrap().contains("openssl x509"), "{found:#?}");
}

#[test]
fn the_file_that_was_meant_is_looked_for_fifty_times() {
    let missing = |phases: usize| {
        let mut plan = seed().0["rollout.plan"].split("\nphase ").next().unwrap().to_owned();
        for at in 0..phases {
            let after = at.checked_sub(1).map(|before| format!(" after p{before}")).unwrap_or_default();
            let _ = write!(plan, "\nphase p{at}{after} {{\n  deploy backend from \"{at}/phase1.yaml\"\n}}\n");
        }
        let mut sources = SourceMap::default();
        let lowered = model::load(sources.add("rollout.plan", plan.as_str()), &plan);
        let found = schedule::prepare(&lowered, &mut sources, &Everywhere).diagnostics;
        let found: Vec<_> = found.into_iter().filter(|one| one.code == Code::ComposeMissing).collect();
        (found.len(), found.iter().filter(|one| one.primary.text.contains("did you mean")).count())
    };
    assert_eq!(missing(50), (50, 50));
    assert_eq!(missing(52), (52, 50));
}

/// A `phase1.yml` beside each file that is asked for, and nothing of that.
struct Everywhere;

impl Files for Everywhere {
    fn read(&self, _: &str) -> Result<String, FileError> {
        Err(FileError::Missing)
    }

    fn beside(&self, _: &str) -> Vec<String> {
        vec!["phase1.yml".to_owned()]
    }
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
