//! The rules of troubleshooting: each has a log that it reads, as it is really written, and one that it must not fall for; and it counts.
//! `UPDATE_FIXTURES=1` writes `tests/troubleshooting/*/expected.txt` and docs/troubleshooting.md anew.

use rollout_plan::engine::troubleshoot::{Advice, Sign, State, TABLES, Troubleshooter, rules};
use rollout_plan::engine::{Container, ContainerId, ContainerState, Health};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/troubleshooting")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn compare(path: &Path, actual: &str) {
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::write(path, actual).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap_or_default(), actual, "{}: UPDATE_FIXTURES=1 writes it anew", path.display());
}

fn container(words: &str) -> Container {
    let (state, health) = match words {
        "running" => (ContainerState::Running, None),
        "running healthy" => (ContainerState::Running, Some(Health::Healthy)),
        "running unhealthy" => (ContainerState::Running, Some(Health::Unhealthy)),
        "running starting" => (ContainerState::Running, Some(Health::Starting)),
        "restarting" | "restarting oom-killed" => (ContainerState::Restarting, None),
        "created" => (ContainerState::Created, None),
        words => match words.strip_prefix("exited ") {
            Some(code) => (ContainerState::Exited(code.split(' ').next().unwrap().parse().unwrap()), None),
            None => (ContainerState::Other(words.to_owned()), None),
        },
    };
    Container {
        id: ContainerId("0123456789ab".to_owned()),
        name: "app-web-1".to_owned(),
        service: "web".to_owned(),
        state,
        restarts: 0,
        started_at: String::new(),
        health,
        oom_killed: words.ends_with("oom-killed"),
        restarts_itself: false,
        image: "web:1".to_owned(),
        image_id: String::new(),
    }
}

/// Sections of a fixture: `=== deploy log`, `=== deploy that went through`, `=== container log`, `=== state`, `=== sample http`.
fn sections(text: &str) -> Vec<(String, Vec<String>)> {
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("=== ") {
            Some(kind) => sections.push((kind.to_owned(), Vec::new())),
            None => sections.last_mut().expect("a fixture begins with a section").1.push(line.to_owned()),
        }
    }
    sections
}

fn advice_on(text: &str, mut reader: Troubleshooter) -> Vec<Advice> {
    for (kind, lines) in sections(text) {
        match kind.as_str() {
            "deploy log" => reader.read_deploy_log(&lines, true),
            "deploy that went through" => reader.read_deploy_log(&lines, false),
            "container log" => reader.read_container_log("web", &lines),
            "state" => lines.iter().for_each(|words| reader.look_at(&container(words))),
            kind => {
                let protocol = kind.strip_prefix("sample ").unwrap_or_else(|| panic!("{kind}"));
                let expectation = format!("{protocol} {{host}}:8000");
                for said in &lines {
                    reader.read_sample("web", &expectation, said);
                }
            }
        }
    }
    reader.advice()
}

fn shown(advice: &[Advice]) -> String {
    advice.iter().flat_map(Advice::in_words).fold(String::new(), |text, line| text + &line + "\n")
}

#[test]
fn what_says_little_gives_way() {
    let rules = |text: &str| advice_on(text, Troubleshooter::new()).iter().map(|advice| advice.rule).collect::<Vec<_>>();
    let blank = "level=warning msg=\"The \\\"DB_HOST\\\" variable is not set. Defaulting to a blank string.\"";
    let taken = "Bind for 0.0.0.0:8000 failed: port is already allocated";
    assert_eq!(rules(&format!("=== state\ncreated\n=== deploy log\n{blank}\n{taken}\n")), ["port-taken"]);
    let refused =
        "=== container log\n2026-11-24T09:14:43.772852754Z redis.exceptions.AuthenticationError: NOAUTH Authentication required.\n";
    let both = rules(&format!("=== deploy that went through\n{blank}\n{refused}"));
    assert!(both.len() == 2 && both[1] == "variable-blank", "{both:?}");
}

#[test]
fn each_rule_reads_what_is_really_written_and_does_not_fall_for_what_is_near_it() {
    for rule in rules() {
        let folder = root().join(rule.id);
        let fires = read(&folder.join("fires.txt"));
        let found = advice_on(&fires, Troubleshooter::new());
        assert_eq!(found.iter().map(|one| one.rule).collect::<Vec<_>>(), [rule.id], "fires.txt of {}", rule.id);
        compare(&folder.join("expected.txt"), &shown(&found));
        assert!(found[0].seen.is_empty() || found[0].seen.chars().count() < 203, "{}", rule.id);

        let without = advice_on(&fires, Troubleshooter::without(rule.id));
        assert!(without.iter().all(|one| one.rule != rule.id), "{}", rule.id);
        assert_ne!(shown(&without), shown(&found), "without {} all is as with it", rule.id);

        let near = read(&folder.join("near-miss.txt"));
        assert!(near.lines().any(|line| !line.starts_with("=== ")), "near-miss.txt of {} is empty", rule.id);
        let found = advice_on(&near, Troubleshooter::new());
        assert!(found.iter().all(|one| one.rule != rule.id), "near-miss.txt of {}: {found:#?}", rule.id);
    }
}

/// A sign that no fixture shows may as well be misspelt.
#[test]
fn each_sign_is_shown_by_a_fixture() {
    for rule in rules() {
        let fires = sections(&read(&root().join(rule.id).join("fires.txt")));
        for sign in rule.signs {
            let has = |kind: &str, parts: &[&str]| {
                let holds = |line: &String| {
                    let line = line.to_ascii_lowercase();
                    parts.iter().try_fold(0, |from, part| line[from..].find(part).map(|at| from + at + part.len())).is_some()
                };
                fires.iter().any(|(section, lines)| section.starts_with(kind) && lines.iter().any(holds))
            };
            let is_shown = match sign {
                Sign::Deploy(parts) => has("deploy log", parts),
                Sign::Warning(parts) => has("deploy", parts),
                Sign::Log(parts) => has("container log", parts),
                Sign::Message(message) => has("container log", &[message]),
                Sign::Sample(of, parts) => has(&format!("sample {of}"), parts),
                Sign::State(_) => fires.iter().any(|(section, _)| section == "state"),
            };
            assert!(is_shown, "{}: {sign:?}", rule.id);
            let parts: &[&str] = match sign {
                Sign::Deploy(parts) | Sign::Warning(parts) | Sign::Log(parts) | Sign::Sample(_, parts) => parts,
                Sign::Message(_) | Sign::State(_) => &[],
            };
            assert!(parts.iter().all(|part| part.to_ascii_lowercase() == *part), "{}: in small letters: {sign:?}", rule.id);
        }
    }
}

#[test]
fn every_folder_is_of_a_rule_and_ids_are_unique() {
    let ids: BTreeSet<String> = rules().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(ids.len(), rules().count());
    let folders = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap());
    let folders = folders.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap());
    assert_eq!(folders.collect::<BTreeSet<_>>(), ids);
}

#[test]
fn logs_of_what_is_well_lead_to_nothing() {
    let found = advice_on(&read(&root().join("quiet.txt")), Troubleshooter::new());
    assert!(found.is_empty(), "{found:#?}");
}

fn in_words(sign: &Sign) -> String {
    let code = |parts: &[&str]| parts.iter().map(|part| format!("`` {part} ``").replace('|', "\\|")).collect::<Vec<_>>().join(" … ");
    match sign {
        Sign::Deploy(parts) => format!("deploy log: {}", code(parts)),
        Sign::Warning(parts) => format!("deploy log, warning: {}", code(parts)),
        Sign::Log(parts) => format!("container log: {}", code(parts)),
        Sign::Message(message) => format!("container log, the whole line: {}", code(&[message])),
        Sign::Sample("", parts) => format!("sample: {}", code(parts)),
        Sign::Sample(of, parts) => format!("sample of {of}: {}", code(parts)),
        Sign::State(state) => format!("container: {}", State::in_words(*state)),
    }
}

#[test]
fn the_document_lists_the_rules() {
    let mut tables = String::new();
    for (title, rules) in TABLES {
        write!(tables, "\n## {title}\n\n| rule | signs | likely cause | what helps |\n| --- | --- | --- | --- |\n").unwrap();
        for rule in rules {
            let signs: Vec<String> = rule.signs.iter().map(in_words).collect();
            let signs = if signs.is_empty() { "deploy log: nothing but Dokploy's own lines".to_owned() } else { signs.join("<br>") };
            let cell = |text: &str| text.replace('|', "\\|");
            writeln!(tables, "| {} | {signs} | {} | {} |", rule.id, cell(rule.cause), cell(rule.remedy)).unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/troubleshooting.md");
    let text = read(&path);
    let (head, _) = text.split_once("<!-- generated by tests/troubleshooting.rs -->\n").expect("the document has a place for the tables");
    compare(&path, &format!("{head}<!-- generated by tests/troubleshooting.rs -->\n{tables}"));
}

/// Which rules read the logs that a real Dokploy gave: a deploy that went through is in no need of one.
#[test]
fn recorded_logs_are_read_as_the_list_says() {
    let mut list = String::new();
    for (file, is_deploy) in [("deployment.readLogs.jsonl", true), ("compose.readLogs.jsonl", false)] {
        for line in read(&root().with_file_name("recordings").join(file)).lines() {
            let recorded: serde_json::Value = serde_json::from_str(line).unwrap();
            let Some(body) = recorded["body"].as_str() else { continue };
            let lines: Vec<String> = body.lines().map(str::to_owned).collect();
            let mut reader = Troubleshooter::new();
            if is_deploy {
                reader.read_deploy_log(&lines, body.contains("Error occurred ❌"));
            } else {
                reader.read_container_log("web", &lines);
            }
            let rules: Vec<&str> = reader.advice().iter().map(|advice| advice.rule).collect();
            writeln!(list, "{}: {}", recorded["name"].as_str().unwrap(), rules.join(", ")).unwrap();
        }
    }
    compare(&root().join("recorded.txt"), &list.replace(": \n", ": nothing\n"));
}
