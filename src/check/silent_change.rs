//! A later phase repeats the services of the earlier ones as they are. One that it changes is deployed anew, in a
//! phase that is about others.

use super::context::{Context, is_started, started};
use super::ports::Clashing;
use crate::compose::Service;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Allowed;
use crate::source::{Span, Spanned};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(context: &Context<'_>, clashing: &Clashing, found: &mut Vec<Diagnostic>) {
    for (before, earlier, after, later) in context.pairs() {
        let olds = started(earlier);
        for new in later.services.iter().filter(|service| is_started(service)) {
            let name = &new.name.value;
            let Some(old) = olds.get(name.as_str()).copied() else { continue };
            if old.definition == new.definition {
                continue;
            }
            let clashes = [earlier.file, later.file].iter().any(|file| clashing.contains(&(*file, name.clone())));
            let Some(changes) = Changes::between(old, new, clashes) else { continue };
            if context.allows.permit(name, Allowed::SilentChange) {
                continue;
            }
            let way = context.allows.way(name, Allowed::SilentChange);
            let message = format!("phase \"{}\" changes {} of service \"{name}\"", after.phase.name.value, changes.what());
            found.push(
                Diagnostic::new(Code::SilentChange, message, changes.new, "changed here")
                    .label(changes.old, format!("as phase \"{}\" has it", before.phase.name.value))
                    .help(format!("it is deployed anew with this phase: write both alike, or give the change its own phase; {way}")),
            );
        }
    }
}

/// What differs, and where the first difference stands.
struct Changes {
    parts: Vec<String>,
    old: Span,
    new: Span,
}

impl Changes {
    fn between(old: &Service, new: &Service, ports_are_told: bool) -> Option<Self> {
        let mut differences: Vec<(String, Span, Span)> = Vec::new();
        let mut differ = |what: String, one: Option<Span>, two: Option<Span>| {
            differences.push((what, one.unwrap_or(old.name.span), two.unwrap_or(new.name.span)));
        };
        let span = |value: &Option<Spanned<String>>| value.as_ref().map(|value| value.span);
        let text = |value: &Option<Spanned<String>>| value.as_ref().map(|value| value.value.clone());
        if text(&old.image) != text(&new.image) {
            differ("the image".to_owned(), span(&old.image), span(&new.image));
        }
        let context = |service: &Service| service.build.as_ref().map(|build| build.context.clone());
        if text(&context(old)) != text(&context(new)) {
            differ("the build".to_owned(), span(&context(old)), span(&context(new)));
        }
        if !ports_are_told && ports(old) != ports(new) {
            differ("the ports".to_owned(), odd_port(old, new), odd_port(new, old));
        }
        let (before, now) = (environment(old), environment(new));
        let names: BTreeSet<&str> = before.keys().chain(now.keys()).copied().collect();
        for name in names {
            let (one, two) = (before.get(name), now.get(name));
            if one.map(|(value, _)| value) != two.map(|(value, _)| value) {
                differ(format!("variable {name}"), one.map(|(_, span)| *span), two.map(|(_, span)| *span));
            }
        }
        let first = differences.first()?;
        Some(Self { old: first.1, new: first.2, parts: differences.iter().map(|(what, ..)| what.clone()).collect() })
    }

    fn what(&self) -> String {
        match self.parts.as_slice() {
            [one] => one.clone(),
            [one, two] => format!("{one} and {two}"),
            [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
            [] => String::new(),
        }
    }
}

/// Published ports as a set: their order means nothing.
fn ports(service: &Service) -> BTreeSet<String> {
    let known = service.ports.iter().map(|port| format!("{:?}", port.value));
    known.chain(service.unknown_ports.iter().map(|port| port.value.clone())).collect()
}

/// Where a service publishes a port that the other does not.
fn odd_port(service: &Service, other: &Service) -> Option<Span> {
    let others: BTreeSet<_> = other.ports.iter().map(|port| port.value).collect();
    service.ports.iter().find(|port| !others.contains(&port.value)).map(|port| port.span)
}

fn environment(service: &Service) -> BTreeMap<&str, (Option<&str>, Span)> {
    let entry = |entry: &'_ crate::compose::EnvEntry| entry.value.as_ref().map_or(entry.name.span, |value| value.span);
    service
        .environment
        .iter()
        .map(|variable| {
            let value = variable.value.as_ref().map(|value| value.value.as_str());
            (variable.name.value.as_str(), (value, entry(variable)))
        })
        .collect()
}
