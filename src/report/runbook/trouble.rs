//! What to look at when a service is not well, service by service; then the signs that programs give, with their likely causes.

use super::Book;
use super::markdown::{cell, code, prose};
use crate::engine::troubleshoot::{Rule, Sign, TABLES};
use crate::report::words::list;
use crate::schedule::Subject;
use std::collections::{BTreeMap, BTreeSet};

/// What the compose files say of one service that may be why it is not well.
#[derive(Default)]
struct Ties<'a> {
    variables: BTreeSet<&'a str>,
    ports: Vec<String>,
    builds: Vec<String>,
}

impl<'a> Book<'a> {
    pub(super) fn troubleshooting(&mut self) {
        self.page.heading(2, "Troubleshooting");
        self.page.paragraph(
            "Look first at what the unwell lean on. In this order: does the container run, does it start again and again, what does its log \
             say last, what does its address answer. An answer while no container runs comes from something else.",
        );
        let ties = self.ties();
        for service in &self.facts.services {
            self.service(&service.name, ties.get(service.name.as_str()));
        }
        self.signs();
    }

    fn ties(&self) -> BTreeMap<&'a str, Ties<'a>> {
        let mut ties: BTreeMap<&str, Ties<'_>> = BTreeMap::new();
        for one in self.facts.redis.iter().chain(&self.facts.databases) {
            ties.entry(&one.service).or_default().variables.insert(&one.variable);
        }
        for port in self.facts.ports.iter().filter(|port| port.unknown.is_none()) {
            ties.entry(&port.service).or_default().ports.push(prose(&port.host));
        }
        for build in &self.facts.builds {
            let context = build.directory.as_deref().or(build.context.as_deref()).unwrap_or(".");
            let of = build.repository.as_deref().map_or(String::new(), |repository| format!(" of {}", code(repository)));
            let at = build.reference.as_deref().map_or(String::new(), |reference| format!(" at {}", code(reference)));
            ties.entry(&build.service).or_default().builds.push(format!("{}{of}{at}", code(context)));
        }
        ties
    }

    fn service(&mut self, name: &str, ties: Option<&Ties<'_>>) {
        let planned = self.schedule.services.get(name);
        self.page.heading(3, &prose(name));
        let mut items = Vec::new();
        if let Some(hint) = planned.and_then(|service| service.hint.as_deref()) {
            items.push(format!("**{}**", prose(hint)));
        }
        let subject = |subject: &Subject| match subject {
            Subject::External(name) => format!("external {}", code(name)),
            Subject::Service(name) | Subject::Gate(name) => code(name),
        };
        if let Some(service) = planned.filter(|service| !service.needs.is_empty()) {
            items.push(format!("down without {}: look there first", list(service.needs.iter().map(subject))));
        }
        if let Some(service) = planned.filter(|service| !service.uses.is_empty()) {
            items.push(format!("asks things of {}, and can do without", list(service.uses.iter().map(subject))));
        }
        if let Some(leaners) = self.leaners.get(&(false, name)) {
            let leaners: Vec<String> = leaners.iter().map(|name| code(name)).collect();
            items.push(format!("when it is down, look at what leans on it, too: {}", list(&leaners)));
        }
        if let Some(ties) = ties {
            if !ties.variables.is_empty() {
                let variables = list(ties.variables.iter().map(|name| code(name)));
                items.push(format!("its databases stand in {variables}: host, port, user and password, and that the database is there"));
            }
            if !ties.ports.is_empty() {
                items.push(format!("nothing else on the host may have its port: {}", list(&ties.ports)));
            }
            if !ties.builds.is_empty() {
                items.push(format!("built from {}: see that the Dockerfile is there, and read the deploy's log", list(&ties.builds)));
            }
        }
        if !items.is_empty() {
            self.page.bullets(&items);
        }
        let container = self.container(name);
        let label = format!("label=com.docker.compose.service={}", super::by_hand::word(name));
        let mut lines = vec![format!("docker ps -a --filter {label}")];
        lines.push(match container {
            Some(container) => format!("docker logs --tail 100 {}", super::by_hand::word(container)),
            None => format!("docker logs --tail 100 \"$(docker ps -aq --filter {label} | head -n 1)\""),
        });
        let asking = self.commands(self.asked_of(name), container);
        lines.extend(asking.into_iter().filter(|command| !command.starts_with("docker ")));
        lines.push(format!("plan health {} --only {}", self.plan, super::by_hand::word(name)));
        self.page.fence("sh", &lines.join("\n"));
    }

    /// The rules that `plan run` and `plan health` conclude from, for whoever reads a log without them.
    fn signs(&mut self) {
        self.page.heading(2, "Signs and likely causes");
        self.page
            .paragraph("What stands in a log, in Docker's state or in an answer, and what it mostly means. Signs are in small letters.");
        for (title, rules) in TABLES {
            self.page.heading(3, title);
            // What shows by nothing to read is for programs alone.
            let rows: Vec<Vec<String>> = rules
                .iter()
                .map(|rule| vec![signs(rule), markdown(rule.cause), markdown(rule.remedy)])
                .filter(|row| !row[0].is_empty())
                .collect();
            self.page.table(&["sign", "likely cause", "what helps"], &rows, "");
        }
    }
}

/// The first signs of a rule: enough to know the line when it is seen. Empty where there is nothing to read.
fn signs(rule: &Rule) -> String {
    const SHOWN: usize = 3;
    let parts = |of: &str, parts: &[&str]| {
        let parts: Vec<String> = parts.iter().map(|part| cell(part)).filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { String::new() } else { format!("{of}: {}", parts.join(" … ")) }
    };
    let mut shown: Vec<String> = Vec::new();
    for sign in rule.signs {
        let sign = match sign {
            Sign::Deploy(text) | Sign::Warning(text) => parts("deploy's log", text),
            Sign::Log(text) => parts("log", text),
            Sign::Message(text) => parts("log", &[text]),
            Sign::Sample(_, text) => parts("answer", text),
            Sign::State(state) => format!("container: {}", prose(&state.in_words())),
        };
        if !sign.is_empty() && !shown.contains(&sign) && shown.len() < SHOWN {
            shown.push(sign);
        }
    }
    shown.join("<br>")
}

/// A rule's own words, which are Markdown already but for a bar.
fn markdown(text: &str) -> String {
    text.replace('|', "\\|")
}
