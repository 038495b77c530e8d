//! Each code has a page, and each page is true: what it calls wrong gives this code and no other, what it calls right gives nothing.
//!
//! A page's blocks are files: ```` ```plan ```` is `rollout.plan`, ```` ```yaml NAME ```` and ```` ```text NAME ```` lie beside it. What a
//! plan needs and the block leaves out is added after it, unless it says `whole`.

use crate::program::binary::Home;
use crate::program::served::Served;
use rollout_plan::check::{FileError, Files};
use rollout_plan::diagnostic::{Code, Diagnostic, Severity};
use rollout_plan::model;
use rollout_plan::schedule;
use rollout_plan::source::SourceMap;
use rollout_plan::world::Config;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What a plan needs besides its services, each with the keyword that shows that it is there.
const SCAFFOLD: [(&str, &str); 4] = [
    ("rollout", "rollout shop\n"),
    ("dokploy", "dokploy {\n  url env(\"DOKPLOY_URL\")\n  api-key secret(\"DOKPLOY_API_KEY\")\n}\n"),
    ("app", "app backend {\n  project \"Backend\"\n  environment \"staging\"\n  compose \"backend\"\n}\n"),
    ("phase", "phase one {\n  deploy backend from \"phase1.yml\"\n}\n"),
];

/// The compose file of pages that are about something else.
const COMPOSE: &str = "services:\n  web:\n    image: registry.example/web:1.0\n";

/// A page as its readers see it.
struct Page {
    code: Code,
    text: String,
}

/// One of a page's examples: the files of its folder.
#[derive(Clone, Debug, Default)]
struct Example {
    files: BTreeMap<String, String>,
    /// Whether nothing is to be added to the plan.
    whole: bool,
}

impl Files for Example {
    fn read(&self, path: &str) -> Result<String, FileError> {
        self.files.get(path).cloned().ok_or(FileError::Missing)
    }

    fn beside(&self, _path: &str) -> Vec<String> {
        self.files.keys().cloned().collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<Page> {
    let path = |code: &Code| root().join(format!("docs/codes/{code}.md"));
    Code::ALL.iter().map(|code| Page { code: *code, text: fs::read_to_string(path(code)).unwrap() }).collect()
}

impl Page {
    /// What stands below a heading, up to the next.
    fn section(&self, heading: &str) -> &str {
        let (_, rest) = self.text.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("{}: no `## {heading}`", self.code));
        rest.split("\n## ").next().unwrap()
    }

    /// The examples below a heading: each block of a plan is one, with all other files of the section.
    fn examples(&self, heading: &str) -> Vec<Example> {
        let (mut plans, mut beside) = (Vec::new(), BTreeMap::new());
        let mut lines = self.section(heading).lines();
        while let Some(line) = lines.next() {
            let Some(kind) = line.strip_prefix("```") else { continue };
            let text: String = lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
            match kind.split_once(' ') {
                None if kind == "plan" => plans.push((text, false)),
                Some(("plan", "whole")) => plans.push((text, true)),
                Some(("yaml" | "text", name)) => drop(beside.insert(name.to_owned(), text)),
                _ => assert_eq!(kind, "text", "{}: no kind of block", self.code),
            }
        }
        if plans.is_empty() && !beside.is_empty() {
            plans.push((String::new(), false));
        }
        let example = |(plan, whole): (String, bool)| {
            let mut files = beside.clone();
            files.insert("rollout.plan".to_owned(), plan);
            Example { files, whole }.filled()
        };
        plans.into_iter().map(example).collect()
    }
}

impl Example {
    /// With what a plan needs and the page leaves out.
    fn filled(mut self) -> Self {
        if self.whole {
            return self;
        }
        let mut plan = self.files["rollout.plan"].clone();
        let given = |keyword: &str, text: &str| text.lines().any(|line| line.split([' ', '{', ':']).next() == Some(keyword));
        let has_services = given("service", &plan) || given("job", &plan);
        for (keyword, statement) in SCAFFOLD {
            if !given(keyword, &plan) {
                plan.push_str(statement);
            }
        }
        self.files.entry("phase1.yml".to_owned()).or_insert_with(|| COMPOSE.to_owned());
        if !has_services {
            for service in self.composed() {
                let _ = write!(plan, "service {service} {{\n  expect http \"http://{service}.example/\" {{ status == 200 }}\n}}\n");
            }
        }
        self.files.insert("rollout.plan".to_owned(), plan);
        self
    }

    /// The services of all compose files.
    fn composed(&self) -> BTreeSet<String> {
        let files = self.files.iter().filter(|(name, _)| name.ends_with("yml"));
        let lines = files.flat_map(|(_, text)| text.lines().skip_while(|line| *line != "services:").skip(1));
        let name = |line: &str| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?.strip_suffix(':').map(str::to_owned);
        lines.filter_map(name).collect()
    }

    /// What is wrong with it, as `plan check` tells it.
    fn check(&self) -> Vec<Diagnostic> {
        let mut sources = SourceMap::default();
        let text = self.files["rollout.plan"].as_str();
        let file = sources.add("rollout.plan", text);
        schedule::prepare(&model::load(file, text), &mut sources, self).diagnostics
    }
}

fn codes(found: &[Diagnostic]) -> BTreeSet<Code> {
    found.iter().map(|found| found.code).collect()
}

/// What a page cannot hold, made for real: too long, or told by a command that needs more than files.
fn provoked(code: Code) -> Option<BTreeSet<Code>> {
    match code {
        Code::TooLarge => {
            let (mut deep, mut long) = (Example::default(), Example::default());
            deep.files.insert("rollout.plan".to_owned(), "service web { ".repeat(65) + &"}".repeat(65));
            long.files
                .insert("rollout.plan".to_owned(), "# a line of sixty-four bytes with its end, over and over again\n".repeat(140_000));
            assert!(codes(&deep.check()).contains(&code), "sixty-five blocks");
            Some(codes(&long.check()))
        }
        Code::ComposeTooLarge => {
            let mut large = Example::default();
            large.files.insert("phase1.yml".to_owned(), format!("{COMPOSE}    # {}\n", "x".repeat(100_000)));
            large.files.insert("rollout.plan".to_owned(), String::new());
            Some(codes(&large.filled().check()))
        }
        _ => None,
    }
}

#[test]
fn every_page_has_its_code_in_its_title_and_says_something() {
    for page in pages() {
        let code = page.code;
        let (title, rest) = page.text.split_once('\n').unwrap();
        let short = title.strip_prefix(&format!("# {code}: ")).unwrap_or_else(|| panic!("{code}: {title}"));
        assert!(!short.is_empty() && short.len() <= 70 && !short.ends_with('.'), "{code}: {short}");
        assert_eq!(code.title(), short);
        let text = rest.split("\n## ").next().unwrap();
        let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).count();
        assert!((1..=4).contains(&paragraphs) && text.len() > 150, "{code}: {paragraphs} paragraphs");
        let headings: Vec<&str> = page.text.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(headings, ["## Wrong", "## Right"], "{code}");
        assert_eq!(page.text.matches("```").count() % 2, 0, "{code}: a fence is never closed");
        assert_eq!(code.page(), page.text, "{code}: not what is built in");
    }
}

#[test]
fn there_is_no_page_without_a_code() {
    let known: BTreeSet<PathBuf> = Code::ALL.iter().map(|code| format!("{code}.md").into()).collect();
    let there: BTreeSet<PathBuf> =
        fs::read_dir(root().join("docs/codes")).unwrap().map(|entry| entry.unwrap().file_name().into()).collect();
    assert_eq!(there, known);
}

#[test]
fn what_a_page_calls_wrong_gives_its_code_and_no_other() {
    let mut wrong = String::new();
    for page in pages() {
        let examples = page.examples("Wrong");
        if let Some(found) = provoked(page.code) {
            assert_eq!(found, BTreeSet::from([page.code]));
            continue;
        }
        assert!(!examples.is_empty(), "{}: no example", page.code);
        // Only a command that needs the value tells it.
        if page.code == Code::VariableNotSet {
            assert_eq!(health(&examples[0]), BTreeSet::from([page.code]));
            continue;
        }
        // Only a look at Dokploy tells it.
        if page.code == Code::VariableUnset {
            assert_eq!(live(&examples[0]), BTreeSet::from([page.code]));
            continue;
        }
        for example in examples {
            let found = example.check();
            if codes(&found) != BTreeSet::from([page.code]) {
                let _ = writeln!(wrong, "{}: {found:#?}", page.code);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_a_page_calls_right_gives_nothing() {
    for page in pages() {
        let examples = page.examples("Right");
        assert!(!examples.is_empty(), "{}: no example", page.code);
        for example in &examples {
            assert_eq!(example.check(), [], "{}", page.code);
        }
        if page.code == Code::VariableNotSet {
            assert_eq!(health(&examples[0]), BTreeSet::new());
        }
        if page.code == Code::VariableUnset {
            assert_eq!(live(&examples[0]), BTreeSet::new());
        }
    }
}

/// The codes that `plan health` tells of an example, asked once and without a variable set.
fn health(example: &Example) -> BTreeSet<Code> {
    let home = Home::new();
    for (name, text) in &example.files {
        fs::write(home.path().join(name), text).unwrap();
    }
    let plan = home.path().join("rollout.plan");
    let ran = home.plan(["health", "--offline", "--try", plan.to_str().unwrap()]);
    let told = |code: &Code| ran.stderr.lines().any(|line| line == code.as_str());
    Code::ALL.iter().copied().filter(told).collect()
}

/// The codes that `plan check` tells of an example beside a Dokploy whose app has no environment.
fn live(example: &Example) -> BTreeSet<Code> {
    let served = Served::start(Config::default(), &[]);
    let home = served.exports.home();
    for (name, text) in &example.files {
        fs::write(home.path().join(name), text).unwrap();
    }
    let ran = home.plan(["check", "--live", "--format", "json"]);
    let told = |code: &Code| ran.stdout.lines().any(|line| line.contains(&format!("\"code\":\"{code}\"")));
    Code::ALL.iter().copied().filter(told).collect()
}

/// Codes whose firing cannot stand in a folder of files, and the test that fires them.
const ELSEWHERE: [(Code, &str, &str); 4] = [
    (Code::TooLarge, "tests/codes.rs", "what_a_page_calls_wrong_gives_its_code_and_no_other"),
    (Code::VariableNotSet, "tests/codes.rs", "what_a_page_calls_wrong_gives_its_code_and_no_other"),
    (Code::VariableUnset, "tests/program/live_check.rs", "variables_that_nothing_gives_a_value_are_told_before_the_first_phase"),
    (Code::ComposeTooLarge, "tests/check.rs", "a_file_over_dokploys_limit_is_refused"),
];

/// A page shows a code once; the fixtures show all its faces.
#[test]
fn every_code_has_a_fixture_that_fires_it() {
    let mut fired = BTreeSet::new();
    for folder in [root().join("tests/language"), root().join("tests/check")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(if path.is_dir() { path.join("expected") } else { path }).unwrap_or_default();
            // A code stands alone on its line, or first with the place behind it.
            fired.extend(text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned));
        }
    }
    for (code, file, test) in ELSEWHERE {
        assert!(fs::read_to_string(root().join(file)).unwrap().contains(&format!("#[test]\nfn {test}()")), "{code}: {file} has no {test}");
        fired.insert(code.to_string());
    }
    let missing: Vec<&Code> = Code::ALL.iter().filter(|code| !fired.contains(code.as_str())).collect();
    assert!(missing.is_empty(), "no fixture fires {missing:?}");
}

#[test]
fn plan_explain_prints_every_page_and_the_list() {
    let home = Home::new();
    let list = home.plan(["explain", "--list"]);
    let lines: Vec<&str> = list.ends(0).stdout.lines().collect();
    assert_eq!(lines.len(), Code::ALL.len());
    for (line, code) in lines.iter().zip(Code::ALL) {
        let severity = if code.severity() == Severity::Error { "error  " } else { "warning" };
        assert_eq!(*line, format!("{code}  {severity}  {}", code.title()));
    }
    let page = home.plan(["explain", "e0505", "--color", "never"]);
    page.ends(0);
    assert!(page.stdout.starts_with("E0505: two services that publish the same host port\n\nA port of the host"), "{}", page.stdout);
    assert!(page.stdout.contains("\nWrong\n\n  phase1.yml\n    services:\n      web:\n"), "{}", page.stdout);
    assert!(!page.stdout.contains("```") && !page.stdout.contains('#') && !page.stdout.contains('\u{1b}'));
    let coloured = home.plan(["explain", "E0505", "--color", "always"]);
    assert!(coloured.ends(0).stdout.starts_with("\u{1b}[1mE0505: "), "{}", coloured.stdout);
}

#[test]
fn plan_explain_offers_the_code_that_was_meant() {
    let home = Home::new();
    for (written, help) in [("E203", "  help: did you mean E0203? plan explain E0203\n"), ("ports", "  help: plan explain --list\n")] {
        let ran = home.plan(["explain", written, "--color", "never"]);
        ran.ends(2);
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.starts_with(&format!("error: no finding has the code `{written}`\n{help}")), "{}", ran.stderr);
    }
    home.plan(["explain"]).ends(2);
    home.plan(["explain", "E0505", "--list"]).ends(2);
}
