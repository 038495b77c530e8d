//! The text of a deployment's log, as recorded (FACTS §6).

use super::definition::{Definition, Definitions};
use super::faults::Symptoms;
use super::stamp::Calendar;
use std::fmt::Write as _;
use std::time::Duration;

/// Columns between the box's borders and their blanks.
const BOX: usize = 76;

/// The end of a deploy whose command exited 0.
pub(super) const DEPLOYED: &str = "Docker Compose Deployed: ✅\n";
/// The end of one whose command did not.
pub(super) const FAILED: &str = "Error: ❌ Docker command failed\n\nError occurred ❌, check the logs for details.\n";
/// The end of one that did not get as far as the command.
pub(super) const GAVE_UP: &str = "\nError occurred ❌, check the logs for details.\n";
/// What the Docker CLI says without a daemon.
pub(super) const NO_DAEMON: &str = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n";

/// The first lines, before Dokploy reads the text.
pub(super) const BEGIN: &str = "Initializing deployment\nFile 'docker-compose.yml' created: ✅\n";

/// The command that Dokploy runs for an app.
pub(super) fn command(app: &str) -> String {
    format!("docker compose -p {app} -f docker-compose.yml up -d --build --remove-orphans")
}

/// The box with the app's name and the command.
pub(super) fn banner(app: &str) -> String {
    let edge = "═".repeat(BOX + 2);
    let mut text = format!("╔{edge}╗\n");
    let mut lines = vec![String::new(), format!("App Name: {app}"), "Build Compose 🐳".to_owned(), "Detected: 0 mounts 📂".to_owned()];
    lines.extend(wrapped(&format!("Command: {}", command(app))));
    lines.extend(["Source Type: docker raw ✅".to_owned(), "Compose Type: docker-compose ✅".to_owned(), String::new()]);
    for line in lines {
        let _ = writeln!(text, "║ {line}{} ║", " ".repeat(BOX.saturating_sub(columns(&line))));
    }
    let _ = writeln!(text, "╚{edge}╝");
    text
}

/// Columns on a terminal: the emoji in these lines take two.
fn columns(line: &str) -> usize {
    line.chars().map(|c| if matches!(c, '🐳' | '📂' | '✅') { 2 } else { 1 }).sum()
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.len() + 1 + word.len() > BOX {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// What Dokploy says of YAML that it cannot read.
pub(super) fn bad_yaml(message: &str, (line, column): (usize, usize), text: &str) -> String {
    let (before, at) = (text.lines().nth(line.saturating_sub(2)).unwrap_or(""), text.lines().nth(line - 1).unwrap_or(""));
    let mark = " ".repeat(column.saturating_sub(1));
    format!("❌ Has occurred an error: {message} at line {line}, column {column}:\n\n{before}\n{at}\n{mark}^\n\n{GAVE_UP}")
}

/// Compose's warnings before it does anything.
pub(super) fn unset_variables(definitions: &Definitions, calendar: Calendar, now: Duration) -> String {
    let stamp = calendar.iso(now);
    let second = stamp.split('.').next().unwrap_or(&stamp);
    definitions.unset.iter().fold(String::new(), |mut text, name| {
        let _ = writeln!(
            text,
            "time=\"{second}Z\" level=warning msg=\"The \\\"{name}\\\" variable is not set. Defaulting to a blank string.\""
        );
        text
    })
}

/// How an image comes to be there, or does not.
pub(super) struct Fetch<'a> {
    pub(super) definition: &'a Definition,
    pub(super) symptoms: Symptoms,
    /// It is there already: a build finds all its steps cached.
    pub(super) cached: bool,
}

impl Fetch<'_> {
    /// Whether it ends without an image. A fault strikes what is pulled as well as what is built.
    pub(super) fn fails(&self) -> bool {
        let pulled_and_there = self.definition.build.is_none() && self.cached;
        !pulled_and_there && (self.symptoms.build_fails || self.symptoms.image_missing)
    }
}

/// The step of a build that fails.
const STEP: &str = "pip install --no-cache-dir -r requirements.txt";

/// Everything from the start of the builds to their end, or to the first that fails.
pub(super) fn builds(fetches: &[&Fetch<'_>]) -> String {
    let mut text = "#0 building with \"default\" instance using docker driver\n\n".to_owned();
    let mut step = 0;
    let failing = fetches.iter().find(|fetch| fetch.fails());
    for fetch in fetches {
        let name = &fetch.definition.name;
        let context = fetch.definition.build.as_deref().unwrap_or(".");
        let cancelled = failing.is_some() && !fetch.fails();
        let mut line = |title: &str, outcome: &str| {
            step += 1;
            let _ = write!(text, "#{step} [{name} {title}\n#{step} {outcome}\n\n");
        };
        line(&format!("internal] load git source {context}"), if fetch.cached { "CACHED" } else { "DONE 1.4s" });
        line("internal] load metadata for docker.io/library/python:3.11-slim", "DONE 0.6s");
        if fetch.fails() && fetch.symptoms.image_missing {
            continue;
        }
        let done = if fetch.cached { "CACHED" } else { "DONE 0.2s" };
        line("1/4] FROM docker.io/library/python:3.11-slim", done);
        line("2/4] WORKDIR /app", done);
        line("3/4] COPY . .", done);
        for said in &fetch.definition.answer.build_log {
            line("build", said);
        }
        if !fetch.fails() {
            let outcome = if cancelled {
                "CANCELED"
            } else if fetch.cached {
                "CACHED"
            } else {
                "DONE 5.1s"
            };
            line(&format!("4/4] RUN {STEP}"), outcome);
            if !cancelled {
                line("exporting to image", "DONE 0.1s");
            }
        }
    }
    let Some(failing) = failing else { return text };
    let name = &failing.definition.name;
    step += 1;
    if failing.symptoms.image_missing && !failing.symptoms.build_fails {
        let image = "docker.io/library/python:3.11-slim";
        let _ = write!(
            text,
            "#{step} ERROR: {image}: not found\n------\n > [{name} internal] load metadata for {image}:\n------\n\
             failed to solve: {image}: not found\n"
        );
        return text;
    }
    let reason = [
        "ERROR: Could not find a version that satisfies the requirement fastapi==0.999.0 (from versions: 0.1.0, 0.115.0)",
        "ERROR: No matching distribution found for fastapi==0.999.0",
    ];
    let _ = writeln!(text, "#{step} [{name} 4/4] RUN {STEP}");
    let _ = writeln!(text, "#{step} 1.204 Collecting fastapi==0.999.0");
    for line in reason {
        let _ = writeln!(text, "#{step} 2.871 {line}");
    }
    let failed = format!("executor failed running [/bin/sh -c {STEP}]: exit code: 1");
    let _ = writeln!(text, "#{step} ERROR: {failed}");
    let _ = writeln!(text, "------\n > [{name} 4/4] RUN {STEP}:");
    for line in reason {
        let _ = writeln!(text, "2.871 {line}");
    }
    let _ = writeln!(text, "------\nfailed to solve: {failed}");
    text
}

/// The end of the pulls; the daemon's own line after the first that fails.
pub(super) fn pulls(fetches: &[&Fetch<'_>]) -> String {
    let mut text = String::new();
    for fetch in fetches {
        let (name, image) = (&fetch.definition.name, fetch.definition.image.as_deref().unwrap_or(""));
        fetch.definition.answer.build_log.iter().for_each(|said| {
            let _ = writeln!(text, " {name} {said}");
        });
        let _ = if fetch.fails() {
            writeln!(text, " {name} Error manifest for {image} not found: manifest unknown: manifest unknown")
        } else {
            writeln!(text, " {name} Pulled ")
        };
    }
    if let Some(failing) = fetches.iter().find(|fetch| fetch.fails()) {
        let image = failing.definition.image.as_deref().unwrap_or("");
        let _ = writeln!(text, "Error response from daemon: manifest for {image} not found: manifest unknown: manifest unknown");
    }
    text
}

/// ` Container NAME  WORD`.
pub(super) fn container(name: &str, word: &str) -> String {
    format!(" Container {name}  {word}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_is_the_recorded_one() {
        let recorded = "\
╔══════════════════════════════════════════════════════════════════════════════╗
║                                                                              ║
║ App Name: bench-badschema-m55woi                                             ║
║ Build Compose 🐳                                                             ║
║ Detected: 0 mounts 📂                                                        ║
║ Command: docker compose -p bench-badschema-m55woi -f docker-compose.yml up   ║
║ -d --build --remove-orphans                                                  ║
║ Source Type: docker raw ✅                                                   ║
║ Compose Type: docker-compose ✅                                              ║
║                                                                              ║
╚══════════════════════════════════════════════════════════════════════════════╝
";
        assert_eq!(banner("bench-badschema-m55woi"), recorded);
    }

    #[test]
    fn bad_yaml_is_told_with_its_place() {
        let text = bad_yaml("oops", (2, 3), "a:\n  b c\n");
        assert!(text.starts_with("❌ Has occurred an error: oops at line 2, column 3:\n\na:\n  b c\n  ^\n"));
        assert!(text.ends_with(GAVE_UP));
    }
}
