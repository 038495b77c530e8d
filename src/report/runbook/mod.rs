//! `plan docs`: the plan and its compose files as a runbook that a person can follow without `plan`, in Markdown. It holds no date, no
//! machine and no secret, so that the same files always make the same page.

mod back;
mod by_hand;
mod markdown;
mod phases;
mod services;
mod tables;
mod trouble;

use super::facts::Facts;
use super::words::{self, count};
use crate::model::{Dokploy, Text, TextPart, duration};
use crate::schedule::{ExpectationId, Schedule, without_user};
use markdown::{Page, cell, code, prose};
use std::collections::{BTreeMap, BTreeSet};

/// The runbook. `plan` is the plan's path, as commands name it.
pub fn runbook(schedule: &Schedule, dokploy: &Dokploy, plan: &str) -> String {
    let facts = Facts::of(schedule);
    let mut leaners: BTreeMap<(bool, &str), Vec<&str>> = BTreeMap::new();
    for lean in &facts.leans {
        leaners.entry((lean.is_external, lean.on.as_str())).or_default().push(&lean.service);
    }
    let mut book = Book { schedule, dokploy, facts: &facts, leaners, plan: by_hand::word(plan), page: Page::default() };
    book.beginning();
    book.phases();
    book.gates();
    book.services();
    book.tables();
    book.dependencies();
    book.way_back();
    book.troubleshooting();
    book.page.into_text()
}

struct Book<'a> {
    schedule: &'a Schedule,
    dokploy: &'a Dokploy,
    facts: &'a Facts,
    /// Who leans on what, by whether that is an external, and its name.
    leaners: BTreeMap<(bool, &'a str), Vec<&'a str>>,
    /// The plan's path as a word of a shell.
    plan: String,
    page: Page,
}

impl<'a> Book<'a> {
    fn beginning(&mut self) {
        let schedule = self.schedule;
        self.page.heading(1, &format!("{}: runbook", prose(&schedule.rollout)));
        self.page.paragraph(&format!(
            "Made of {} and its compose files by `plan docs`: change those and make it again, rather than this page.",
            code(&self.plan)
        ));
        let phases = schedule.phases.len();
        let each = if phases == 1 {
            "It is one compose text in Dokploy, and done when all its services have held for a while.".to_owned()
        } else {
            "Each phase is one compose text in Dokploy, which takes the place of the one before; the next begins when all services so far \
             have held for a while, and what fails goes back to the last text that held."
                .to_owned()
        };
        let (services, phases) = (count(schedule.services.len(), "service"), count(phases, "phase"));
        self.page.paragraph(&format!("{services} in {phases}. {each}"));
        let (sampling, total) = (schedule.sampling, schedule.bounds_after(None));
        let streaks = format!("well after {} passes in a row, unwell after {} failures", sampling.healthy_after, sampling.unhealthy_after);
        let [project, environment, compose] =
            [&schedule.app.project, &schedule.app.environment, &schedule.app.compose].map(|part| cell(&shell(&part.value)));
        let mut rows = vec![
            ["in Dokploy".to_owned(), format!("project {project}, environment {environment}, compose service {compose}")],
            ["Dokploy".to_owned(), format!("{}, API key in {}", cell(&without_user(&shell(&self.dokploy.url.value))), self.key())],
            ["asked".to_owned(), format!("every {}, each for {} at most; {streaks}", duration(sampling.every), duration(sampling.timeout))],
            [
                "takes".to_owned(),
                format!(
                    "{} at best, builds and pulls not counted; {} at worst, every limit counted in full; neither with approvals",
                    words::duration(total.best),
                    words::duration(total.worst.min(schedule.limits.run))
                ),
            ],
        ];
        if let Some(watch) = schedule.watch {
            let text = format!("for {} after the last phase, every {}", duration(watch.length), duration(watch.every));
            rows.push(["watched".to_owned(), text]);
        }
        for told in &schedule.told {
            let about: Vec<&str> = told.notify.about.iter().map(|event| event.as_str()).collect();
            rows.push(["told".to_owned(), format!("{} about {}", cell(&told.text), about.join(", "))]);
        }
        self.page.table(&["", ""], &rows.map_rows(), "");
        self.first_words();
    }

    /// What to type first, and what the commands of the page take from the shell.
    fn first_words(&mut self) {
        self.page.heading(2, "First");
        let commands = [
            (format!("plan status {}", self.plan), "what is live, and where Dokploy, containers and services say different things"),
            (format!("plan health {}", self.plan), "how every delivered service is, likely causes, and where to look first"),
            (format!("plan rollback {}", self.plan), "back to the last verified state before what is live"),
            (format!("plan run {}", self.plan), "goes on after what is live and verified"),
        ];
        let longest = commands.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
        let lines: Vec<String> = commands.iter().map(|(command, why)| format!("{command:longest$}  # {why}")).collect();
        self.page.fence("sh", &lines.join("\n"));
        let variables = by_hand::variables(&self.schedule.expectations);
        let rows: Vec<Vec<String>> = variables
            .iter()
            .map(|(name, variable)| {
                let default = match variable {
                    by_hand::Variable { is_secret: true, .. } => "a secret, never written down here".to_owned(),
                    by_hand::Variable { default: Some(default), .. } => format!("{} where it is not set", cell(default)),
                    by_hand::Variable { default: None, .. } => "must be set".to_owned(),
                };
                vec![cell(name), default]
            })
            .collect();
        self.page.paragraph("What follows is how to do the same by hand.");
        if !rows.is_empty() {
            self.page.paragraph("Commands take these variables from the shell:");
            self.page.table(&["variable", "is"], &rows, "");
        }
    }

    /// The variable that holds the API key; a key that is written out is not shown.
    fn key(&self) -> String {
        match self.dokploy.api_key.value.parts.as_slice() {
            [TextPart::Env { name, .. } | TextPart::Secret { name }] => cell(&format!("${name}")),
            _ => "the plan".to_owned(),
        }
    }

    /// The expectations of a list, in the words of the plan.
    fn texts(&self, ids: impl IntoIterator<Item = ExpectationId>) -> Vec<String> {
        ids.into_iter().map(|id| asked(&self.schedule.expectations[id.0].text)).collect()
    }

    /// Commands that ask the same, each once.
    fn commands(&self, ids: impl IntoIterator<Item = ExpectationId>, container: Option<&str>) -> Vec<String> {
        let (mut commands, mut known) = (Vec::new(), BTreeSet::new());
        for id in ids {
            let command = by_hand::command(&self.schedule.expectations[id.0], self.schedule.sampling.timeout, container);
            commands.extend(command.filter(|command| known.insert(command.clone())));
        }
        commands
    }

    /// Everything that is asked of a service, what decides first.
    fn asked_of(&self, service: &str) -> impl Iterator<Item = ExpectationId> + use<'a> {
        let service = self.schedule.services.get(service);
        service.into_iter().flat_map(|service| service.expectations.iter().chain(&service.asides).copied())
    }

    /// The fixed name of a service's container, as the last phase that has it says.
    fn container(&self, service: &str) -> Option<&'a str> {
        let named = self.schedule.phases.iter().rev().find_map(|phase| phase.container_names.get(service));
        named.map(String::as_str).filter(|name| !name.contains('$'))
    }
}

/// An expectation without a password that stands in its address.
fn asked(text: &str) -> String {
    text.split(' ').map(without_user).collect::<Vec<_>>().join(" ")
}

/// A text with its variables as a shell writes them.
fn shell(text: &Text) -> String {
    let part = |part: &TextPart| match part {
        TextPart::Literal(literal) => literal.clone(),
        TextPart::Env { name, .. } | TextPart::Secret { name } => format!("${name}"),
    };
    text.parts.iter().map(part).collect()
}

/// Rows of a table from arrays.
trait Rows {
    fn map_rows(self) -> Vec<Vec<String>>;
}

impl<const N: usize> Rows for Vec<[String; N]> {
    fn map_rows(self) -> Vec<Vec<String>> {
        self.into_iter().map(Vec::from).collect()
    }
}
