//! Compose files in many people's styles: each reads without a fault, and as what it says. One snapshot holds them all.

use crate::fixture;
use rollout_plan::check::{FileError, Files};
use rollout_plan::compose::{self, ComposeFile, Condition, Healthcheck, Port, Service};
use rollout_plan::diagnostic::{Diagnostic, Severity};
use rollout_plan::report::diagnostics::{self, Look};
use rollout_plan::source::SourceMap;
use rollout_plan::{model, schedule};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compose")
}

/// The files of a folder, by name, with their texts.
pub(crate) fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    files.iter().map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), text(path))).collect()
}

/// One compose file, whatever name it is asked for by.
struct Only<'a>(&'a str);

impl Files for Only<'_> {
    fn read(&self, _: &str) -> Result<String, FileError> {
        Ok(self.0.to_owned())
    }

    fn beside(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

/// A plan of one phase that deploys the file, with a block for each service that is started: a job for what others wait
/// to end.
fn plan_for(name: &str, text: &str) -> String {
    let mut plan = "rollout shop\ndokploy {\n  url env(\"U\")\n  api-key secret(\"K\")\n}\napp shop {\n  project \"P\"\n  \
                    environment \"e\"\n  compose \"c\"\n}\n"
        .to_owned();
    let read = compose::read(SourceMap::default().add(name, text), text);
    let services = read.map(|file| file.services).unwrap_or_default();
    let awaited = |name: &str| {
        let mut entries = services.iter().flat_map(|service| &service.depends_on);
        entries.any(|entry| entry.service.value == name && entry.condition == Condition::Completed)
    };
    for service in services.iter().filter(|service| service.profiles.is_empty()) {
        let name = &service.name.value;
        let block = if awaited(name) { format!("job \"{name}\"\n") } else { format!("service \"{name}\" {{\n  expect tcp \"h:1\"\n}}\n") };
        plan.push_str(&block);
    }
    plan + &format!("phase one {{\n  deploy shop from \"{name}\"\n}}\n")
}

/// What checking such a plan gives, with the texts it points into.
pub(crate) fn checked(name: &str, text: &str) -> (Vec<Diagnostic>, SourceMap) {
    let mut sources = SourceMap::default();
    let plan = plan_for(name, text);
    let file = sources.add("rollout.plan", plan.as_str());
    let prepared = schedule::prepare(&model::load(file, &plan), &mut sources, &Only(text));
    (prepared.diagnostics, sources)
}

/// As it is shown in a terminal.
pub(crate) fn shown(found: &[Diagnostic], sources: &SourceMap) -> String {
    diagnostics::human(found, sources, Look { width: 100, colour: false, all: true })
}

/// Nothing in a file that compose takes is an error. `PLAN_COMPOSE_DIR=/some/folder` looks at the files of another folder.
#[test]
fn no_file_that_compose_takes_has_an_error() {
    let folder = std::env::var_os("PLAN_COMPOSE_DIR").map_or_else(|| corpus().join("styles"), PathBuf::from);
    let mut wrong = String::new();
    for (name, text) in texts(&folder) {
        let (mut found, sources) = checked(&name, &text);
        found.retain(|diagnostic| diagnostic.severity() == Severity::Error);
        if !found.is_empty() {
            writeln!(wrong, "==== {name}\n{}", shown(&found, &sources)).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Each broken file is told of with a place and a remedy.
#[test]
fn every_broken_file_is_told_of() {
    let folder = corpus();
    let files = texts(&folder.join("broken"));
    assert!(files.len() >= 25, "{} files", files.len());
    let mut told = String::new();
    for (name, text) in files {
        let (found, sources) = checked(&name, &text);
        assert!(found.iter().any(|diagnostic| diagnostic.severity() == Severity::Error), "{name} has no error");
        writeln!(told, "==== {name}\n{}", shown(&found, &sources)).unwrap();
    }
    fixture::compare(&folder.join("broken.expected"), &told);
}

/// `verdicts.tsv` holds what compose's own loader says of each file, every variable without a default set and no other file at hand.
/// It refuses some styles that are read here: those that need another file, and forms that older ones took.
#[test]
fn what_compose_refuses_is_known_of_every_file() {
    let verdicts = fs::read_to_string(corpus().join("verdicts.tsv")).unwrap();
    let rows: Vec<Vec<&str>> = verdicts.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    let named: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    for folder in ["broken", "styles"] {
        for (name, _) in texts(&corpus().join(folder)) {
            assert!(named.contains(&format!("{folder}/{name}").as_str()), "{folder}/{name} has no verdict");
        }
    }
    // What we refuse, compose refuses; but for files without a service, of which it would start nothing.
    let taken: Vec<&str> = rows.iter().filter(|row| row[0].starts_with("broken/") && row[1] == "taken").map(|row| row[0]).collect();
    assert_eq!(taken, ["broken/11-no-services.yml"]);
}

#[test]
fn every_style_reads_as_what_it_says() {
    let folder = corpus();
    let files = texts(&folder.join("styles"));
    assert!(files.len() >= 65, "{} files", files.len());
    let mut shown = String::new();
    for (name, text) in files {
        let read = compose::read(SourceMap::default().add(&name, text.as_str()), &text);
        let file = read.unwrap_or_else(|faults| panic!("{name}: {faults:#?}"));
        writeln!(shown, "{name}").unwrap();
        describe(&file, &text, &mut shown);
    }
    fixture::compare(&folder.join("styles.expected"), &shown);
}

fn describe(file: &ComposeFile, text: &str, out: &mut String) {
    for service in &file.services {
        assert_spans(service, text);
        write!(out, "  {}:", service.name.value).unwrap();
        if let Some(image) = &service.image {
            write!(out, " image {}", image.value).unwrap();
        }
        if let Some(build) = &service.build {
            write!(out, " build {}", build.context.value).unwrap();
            if let Some(git) = &build.git {
                let reference = git.reference.as_ref().map(|reference| reference.value.as_str());
                write!(out, " (git {} {:?} {:?})", git.repository, reference, git.directory).unwrap();
            }
        }
        writeln!(out).unwrap();
        let ports: Vec<String> = service.ports.iter().map(|port| port_text(port.value)).collect();
        let unknown: Vec<&str> = service.unknown_ports.iter().map(|port| port.value.as_str()).collect();
        let depends: Vec<String> = service
            .depends_on
            .iter()
            .map(|wanted| format!("{} {:?}{}", wanted.service.value, wanted.condition, if wanted.required { "" } else { " optional" }))
            .collect();
        let environment: Vec<String> = service
            .environment
            .iter()
            .map(|entry| match &entry.value {
                Some(value) => format!("{}={}", entry.name.value, value.value.escape_debug()),
                None => entry.name.value.clone(),
            })
            .collect();
        let names = |names: &[rollout_plan::source::Spanned<String>]| names.iter().map(|name| name.value.clone()).collect::<Vec<_>>();
        let rows = [
            ("ports", ports),
            ("unknown ports", unknown.into_iter().map(str::to_owned).collect()),
            ("depends on", depends),
            ("environment", environment),
            ("env files", names(&service.env_files)),
            ("profiles", names(&service.profiles)),
            ("networks", names(&service.networks)),
            ("container name", service.container_name.iter().map(|name| name.value.clone()).collect()),
            ("restart", service.restart.iter().map(|restart| restart.value.clone()).collect()),
            ("healthcheck", service.healthcheck.iter().map(times_of).collect()),
            ("sandbox", service.sandbox.iter().map(|answer| format!("{answer:?}")).collect()),
        ];
        for (label, values) in rows.iter().filter(|(_, values)| !values.is_empty()) {
            writeln!(out, "    {label}: {}", values.join(", ")).unwrap();
        }
    }
    for (kind, entries) in [("network", &file.networks), ("volume", &file.volumes)] {
        for (name, external) in entries {
            writeln!(out, "  {kind} {}{}", name.value, if *external { " external" } else { "" }).unwrap();
        }
    }
}

/// Whatever the style, a place is in the text and holds what it stands for, or the alias that it came by.
fn assert_spans(service: &Service, text: &str) {
    let name = &text[service.name.span.range()];
    assert!(name.contains(&service.name.value), "{name}");
    if let Some(image) = &service.image {
        let shown = &text[image.span.range()];
        assert!(shown.contains(&image.value) || shown.contains('*'), "{shown}");
    }
    for port in &service.ports {
        let shown = &text[port.span.range()];
        let number = port.value.host.unwrap_or(port.value.container).to_string();
        assert!(shown.contains(&number) || shown.contains(['-', '$', 'x']), "{shown} for {number}");
    }
}

fn port_text(port: Port) -> String {
    let host = port.host.map_or_else(|| "any".to_owned(), |host| host.to_string());
    let address = port.host_ip.map_or_else(|| "*".to_owned(), |address| address.to_string());
    format!("{address} {host}->{}/{:?}", port.container, port.protocol).to_lowercase()
}

/// When a healthcheck asks; where it stands is for messages.
fn times_of(check: &Healthcheck) -> String {
    if check.disabled {
        return "off".to_owned();
    }
    let unread = if check.timed { "" } else { ", not all of it read" };
    let Healthcheck { interval, timeout, retries, start_period, .. } = check;
    format!("every {interval:?}, {timeout:?} each, {retries} times, from {start_period:?} on{unread}")
}
