//! Reads logs, containers and samples with the rules, within bounds: so many lines of a log, so much of a line, so many conclusions.

use super::advice::{Advice, Source};
use super::rule::{Rule, Sign, Text, stamp};
use super::rules;
use crate::engine::{Cause, Container, ContainerState, Evidence, FailedService, Health};
use crate::schedule::ExpectationId;
use aho_corasick::AhoCorasick;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Lines that are read of a log, the last ones.
const LINES: usize = 400;
/// Bytes that are read of a line.
const LINE: usize = 2_000;
/// Conclusions from one container's log, the latest of it: what a program wrote last is nearest to its end.
const OF_A_LOG: usize = 2;
/// Conclusions in all.
const MOST: usize = 5;
/// Characters of a line that are shown.
const SHOWN: usize = 200;

/// Dokploy's closing words, without any of the command's own before them.
const CLOSING: &str = "Error occurred ❌";

/// Rules that say little: nothing where the deploy's log says what is wrong, and last where anything else does.
const LAST_RESORTS: [&str; 2] = ["never-started", "variable-blank"];

/// The one rule whose sign is that there is none.
pub(super) const SILENT: &str = "deploy-log-silent";

/// What signs begin with, looked for in one pass: most lines have none of it, and need no look at each rule.
static BEGINNINGS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let signs = rules().flat_map(|rule| rule.signs).filter_map(Sign::beginning);
    AhoCorasick::new(signs.collect::<BTreeSet<_>>()).expect("the signs are few and short")
});

/// Concludes from what it is given to read.
#[derive(Clone, Debug, Default)]
pub struct Troubleshooter {
    without: Option<&'static str>,
    found: Vec<Advice>,
}

impl Troubleshooter {
    /// One that has read nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same without one of the rules: what shows that the rule counts.
    #[must_use]
    pub fn without(rule: &'static str) -> Self {
        Self { without: Some(rule), found: Vec::new() }
    }

    /// What was concluded: what Docker knows first, then by what was read when, what says little last. At most five.
    pub fn advice(mut self) -> Vec<Advice> {
        let says_little = |advice: &Advice| LAST_RESORTS.contains(&advice.rule);
        if self.found.iter().any(|advice| advice.source == Source::DeployLog && !says_little(advice)) {
            self.found.retain(|advice| !says_little(advice));
        }
        self.found.sort_by_key(|advice| (says_little(advice), advice.source != Source::State));
        self.found.truncate(MOST);
        self.found
    }

    /// Reads a deploy's log. Of a deploy that went through only the warnings.
    pub fn read_deploy_log(&mut self, lines: &[String], is_failed: bool) {
        for line in &lines[lines.len().saturating_sub(LINES)..] {
            if line.starts_with(['║', '╔', '╚']) {
                continue;
            }
            if let Some((rule, seen)) = self.first(Text::Deploy { is_failed }, line) {
                self.add(rule, None, Source::DeployLog, seen);
            }
        }
        let has = |words: &str| lines.iter().any(|line| line.contains(words));
        // The command was never begun: nothing but Dokploy's own lines.
        if is_failed && self.found.is_empty() && has(CLOSING) && !has("Command: ") {
            let rule = self.rules().find(|rule| rule.id == SILENT);
            if let Some(rule) = rule.filter(|_| lines.iter().all(|line| is_dokploys(line))) {
                self.add(rule, None, Source::DeployLog, "nothing between its first and its last line".to_owned());
            }
        }
    }

    /// Reads the end of a container's log.
    pub fn read_container_log(&mut self, of: &str, lines: &[String]) {
        let mut here: Vec<&str> = Vec::new();
        for line in lines[lines.len().saturating_sub(LINES)..].iter().rev() {
            let Some((rule, seen)) = self.first(Text::Log, line) else { continue };
            if !here.contains(&rule.id) {
                here.push(rule.id);
                self.add(rule, Some(of), Source::ContainerLog, seen);
            }
            if here.len() == OF_A_LOG {
                return;
            }
        }
    }

    /// Looks at what Docker says of a container.
    pub fn look_at(&mut self, container: &Container) {
        for rule in self.rules() {
            let state = rule.signs.iter().find_map(|sign| match sign {
                Sign::State(state) if state.is_of(container) => Some(*state),
                _ => None,
            });
            if let Some(state) = state {
                self.add(rule, Some(&container.service), Source::State, state.in_words());
            }
        }
    }

    /// Reads what a sample said; `expectation` is its text in the plan, which begins with what is spoken.
    pub fn read_sample(&mut self, of: &str, expectation: &str, said: &str) {
        let protocol = expectation.split(' ').next().unwrap_or_default();
        if let Some((rule, seen)) = self.first(Text::Sample { protocol }, said) {
            self.add(rule, Some(of), Source::Sample, seen);
        }
    }

    fn rules(&self) -> impl Iterator<Item = &'static Rule> + use<> {
        let without = self.without;
        rules().filter(move |rule| Some(rule.id) != without)
    }

    /// The first rule that fits a line, and of the line what is shown.
    fn first(&self, text: Text<'_>, line: &str) -> Option<(&'static Rule, String)> {
        let read = &line[..floor(line, LINE)];
        let lower = read.to_ascii_lowercase();
        if !BEGINNINGS.is_match(&lower) {
            return None;
        }
        let found = self.rules().find_map(|rule| {
            let place = rule.signs.iter().find_map(|sign| sign.find(text, &lower))?;
            Some((rule, place))
        });
        found.map(|(rule, place)| (rule, shown(line, read.len(), place)))
    }

    fn add(&mut self, rule: &'static Rule, of: Option<&str>, source: Source, seen: String) {
        match self.found.iter_mut().find(|known| known.rule == rule.id) {
            Some(known) => {
                if let Some(of) = of.filter(|of| !known.of.iter().any(|name| name == of)) {
                    known.of.push(of.to_owned());
                }
            }
            None => self.found.push(Advice::new(rule, of, source, seen)),
        }
    }
}

/// The largest place in a text that is no later than `most` bytes and between two characters.
fn floor(text: &str, most: usize) -> usize {
    (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// What is shown of a line: without Docker's time, and where it is long, from shortly before the sign.
fn shown(line: &str, read: usize, (begin, end): (usize, usize)) -> String {
    const BEFORE: usize = 40;
    let line = &line[..read];
    let from = stamp(line);
    let from = if end > from + SHOWN { floor(line, begin.saturating_sub(BEFORE)).max(from) } else { from };
    let mut text: String = line[from..].trim().chars().take(SHOWN).collect();
    if from > stamp(line) {
        text.insert(0, '…');
    }
    if line[from..].trim().chars().nth(SHOWN).is_some() {
        text.push('…');
    }
    text
}

/// Whether a line of a deploy's log is Dokploy's own, before and after the command.
fn is_dokploys(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with("Initializing deployment") || line.starts_with("File '") || line.contains(CLOSING)
}

/// What a failure's cause and its evidence lead to. `of` gives the name and the text of an expectation.
pub fn of_cause<'a>(cause: &Cause, evidence: Option<&Evidence>, of: impl Fn(ExpectationId) -> (&'a str, &'a str)) -> Vec<Advice> {
    let mut reader = Troubleshooter::new();
    match cause {
        Cause::Deploy { services, candidates, lines, .. } => {
            reader.read_deploy_log(evidence.map_or(lines, |evidence| &evidence.deploy_log.lines), true);
            // A candidate may well be well, and so may be what a failed build left running.
            if let (Some(evidence), false) = (evidence, candidates) {
                let ill: BTreeSet<&str> = evidence.containers.iter().filter(|one| is_ill(one)).map(|one| one.service.as_str()).collect();
                read_evidence(&mut reader, evidence, services.iter().map(String::as_str).filter(|name| ill.contains(name)));
            }
        }
        Cause::Services { services, .. } => {
            if let Some(evidence) = evidence {
                read_evidence(&mut reader, evidence, services.iter().map(|failed| failed.service.as_str()));
                reader.read_deploy_log(&evidence.deploy_log.lines, false);
            }
            let down = |name: &str| evidence.is_some_and(|evidence| is_down(&evidence.containers, name));
            read_services(&mut reader, services.iter().filter(|failed| !down(&failed.service)));
        }
        Cause::Expectations { samples } => {
            for (id, sample) in samples {
                let (name, text) = of(*id);
                reader.read_sample(name, text, &sample.actual);
            }
        }
        Cause::NeverStarted { .. }
        | Cause::QueueTimeout { .. }
        | Cause::DeployTimeout
        | Cause::RunTimeout
        | Cause::CouldNotAsk { .. }
        | Cause::Asked { .. }
        | Cause::TextChanged { .. } => {}
    }
    reader.advice()
}

/// What services that do not hold lead to by themselves.
pub fn of_services(services: &[FailedService]) -> Vec<Advice> {
    let mut reader = Troubleshooter::new();
    read_services(&mut reader, services.iter());
    reader.advice()
}

fn read_services<'a>(reader: &mut Troubleshooter, services: impl Iterator<Item = &'a FailedService>) {
    for failed in services {
        reader.read_sample(&failed.service, &failed.what, &failed.actual);
    }
}

fn read_evidence<'a>(reader: &mut Troubleshooter, evidence: &Evidence, services: impl Iterator<Item = &'a str>) {
    for name in services {
        evidence.containers.iter().filter(|one| one.service == name).for_each(|one| reader.look_at(one));
        if let Some(log) = evidence.logs.get(name) {
            reader.read_container_log(name, &log.lines);
        }
    }
}

fn is_ill(container: &Container) -> bool {
    container.state != ContainerState::Running || container.health == Some(Health::Unhealthy)
}

/// Whether it is known that a service does not run: what its address says then is no news.
fn is_down(containers: &[Container], service: &str) -> bool {
    containers.iter().any(|one| one.service == service && one.state != ContainerState::Running)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: &[String]) -> Vec<Advice> {
        let mut reader = Troubleshooter::new();
        reader.read_container_log("web", lines);
        reader.advice()
    }

    #[test]
    fn a_long_line_is_shown_from_its_sign_and_read_to_a_bound() {
        let sign = "exec /app: exec format error";
        let found = log(&[format!("2026-11-23T14:22:43.772852754Z {}{sign}", "é".repeat(400))]);
        assert!(found[0].seen.starts_with("…é") && found[0].seen.ends_with(sign), "{found:?}");
        assert!(found[0].seen.chars().count() <= SHOWN + 2);
        assert!(log(&[format!("{}{sign}", "é".repeat(LINE))]).is_empty(), "beyond the bound");
        let found = log(&[format!("2026-11-23T14:22:43.772852754Z {sign}")]);
        assert_eq!(found[0].seen, sign, "without Docker's time");
    }

    #[test]
    fn the_last_of_a_log_come_first_and_services_of_one_cause_stand_together() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        let early = lines(&["ModuleNotFoundError: No module named 'x'", "FATAL:  sorry, too many clients already", "Killed"]);
        assert_eq!(log(&early).iter().map(|one| one.rule).collect::<Vec<_>>(), ["child-killed", "database-too-many-connections"]);
        let mut reader = Troubleshooter::new();
        for name in ["web", "worker", "web"] {
            reader.read_container_log(name, &lines(&["exec /app: exec format error"]));
        }
        let found = reader.advice();
        assert_eq!((found.len(), found[0].of.clone()), (1, lines(&["web", "worker"])));
        let old = lines(&["exec /app: exec format error"]).into_iter().chain(vec!["fine".to_owned(); LINES]);
        assert!(log(&old.collect::<Vec<_>>()).is_empty(), "further back than is read");
    }

    #[test]
    fn a_deploy_log_without_a_reason_points_at_the_size() {
        let found = |lines: &[&str]| {
            let mut reader = Troubleshooter::new();
            reader.read_deploy_log(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>(), true);
            reader.advice().iter().map(|one| one.rule).collect::<Vec<_>>()
        };
        assert_eq!(found(&["Initializing deployment", "", "Error occurred ❌, check the logs for details."]), [SILENT]);
        let begun = ["║ Command: docker compose up ║", "Error occurred ❌, check the logs for details."];
        assert!(found(&begun).is_empty());
    }
}
