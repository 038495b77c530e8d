//! A network or volume that is there already (`external: true`) is the same one in every phase. One that a later file takes for its own is
//! another, under the app's prefix: containers no longer reach each other, and a volume is empty.

use super::context::{Context, is_started};
use crate::compose::ComposeFile;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Span, Spanned};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut told = BTreeSet::new();
    for (_, earlier, _, later) in context.pairs() {
        let (earlier, later) = (Index::of(earlier), Index::of(later));
        let names: BTreeSet<(Kind, &str)> = earlier.declared.keys().chain(later.declared.keys()).copied().collect();
        for (kind, name) in names {
            let sides = ((&earlier, earlier.declared.get(&(kind, name)).copied()), (&later, later.declared.get(&(kind, name)).copied()));
            // Which side has it external, and what the other one has.
            let is_external = |side: Option<(Span, bool)>| side.is_some_and(|(_, external)| external);
            let ((has, declared), (other, otherwise)) = match (is_external(sides.0.1), is_external(sides.1.1)) {
                (true, false) => sides,
                (false, true) => (sides.1, sides.0),
                _ => continue,
            };
            let Some((place, _)) = declared else { continue };
            let Some((odd, label)) = difference((kind, name), has, other, otherwise) else { continue };
            if told.insert((kind, name.to_owned())) {
                found.push(diagnostic(context, (kind, name), place, (other.file, odd), label));
            }
        }
    }
}

/// Where a file differs from one that has the thing external. A file without it differs only by a service that both have and that uses it in
/// one of them: what a service of one file alone uses, only that file needs.
fn difference(thing: (Kind, &str), has: &Index<'_>, other: &Index<'_>, otherwise: Option<(Span, bool)>) -> Option<(Span, &'static str)> {
    if let Some((place, _)) = otherwise {
        return Some((place, OWN));
    }
    let users = has.users.get(&thing)?;
    users.iter().find_map(|user| other.services.get(user)).map(|span| (*span, "without it here"))
}

/// The label where a thing is the app's own.
const OWN: &str = "the app's own here";

/// One file, looked up by names.
struct Index<'a> {
    file: &'a ComposeFile,
    /// Where each started service stands.
    services: BTreeMap<&'a str, Span>,
    /// Where each network and volume is declared, and whether it is external.
    declared: BTreeMap<(Kind, &'a str), (Span, bool)>,
    /// The started services that use each.
    users: BTreeMap<(Kind, &'a str), Vec<&'a str>>,
}

impl<'a> Index<'a> {
    fn of(file: &'a ComposeFile) -> Self {
        let of_kind = |kind: Kind, declared: &'a [(Spanned<String>, bool)]| {
            declared.iter().map(move |(name, external)| ((kind, name.value.as_str()), (name.span, *external)))
        };
        let declared = of_kind(Kind::Network, &file.networks).chain(of_kind(Kind::Volume, &file.volumes)).collect();
        let mut index = Self { file, services: BTreeMap::new(), declared, users: BTreeMap::new() };
        for service in file.services.iter().filter(|service| is_started(service)) {
            let name = service.name.value.as_str();
            index.services.insert(name, service.name.span);
            for network in &service.networks {
                index.users.entry((Kind::Network, &network.value)).or_default().push(name);
            }
            for volume in mounted(&service.definition) {
                index.users.entry((Kind::Volume, volume)).or_default().push(name);
            }
        }
        index
    }
}

fn diagnostic(
    context: &Context<'_>,
    (kind, name): (Kind, &str),
    place: Span,
    (other, odd): (&ComposeFile, Span),
    label: &'static str,
) -> Diagnostic {
    let there = context.file_name(other.file);
    let kind = kind.word();
    let (message, help) = if label == OWN {
        let message = format!("{kind} \"{name}\" is external in one phase's file and the app's own in another's");
        (message, format!("write `external: true` in \"{there}\" as well, or in neither"))
    } else {
        let message = format!("external {kind} \"{name}\" is in one phase's file and missing in another's");
        (message, format!("declare and use it in \"{there}\" as well"))
    };
    Diagnostic::new(Code::ExternalDiffers, message, odd, label).label(place, "external here").help(help)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Network,
    Volume,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Volume => "volume",
        }
    }
}

/// The sources that a definition mounts, itself or by what it extends.
fn mounted(definition: &serde_json::Value) -> Vec<&str> {
    let mut found = Vec::new();
    let mut next = Some(definition);
    while let Some(definition) = next {
        let volumes = definition.get("volumes").and_then(serde_json::Value::as_array);
        found.extend(volumes.into_iter().flatten().filter_map(source));
        next = definition.get("extends").filter(|base| base.is_object());
    }
    found
}

/// What one mount mounts, written short (`data:/path`) or long.
fn source(volume: &serde_json::Value) -> Option<&str> {
    match volume {
        serde_json::Value::String(short) => short.split(':').next(),
        long => long.get("source").and_then(serde_json::Value::as_str),
    }
}
