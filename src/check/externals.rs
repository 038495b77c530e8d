//! A network or volume that is there already (`external: true`) is the same one in every phase. One that a later file takes for its own is
//! another, under the app's prefix: containers no longer reach each other, and a volume is empty.

use super::context::{Context, is_started, service_of};
use crate::compose::{ComposeFile, Service};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Span, Spanned};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut told = BTreeSet::new();
    for (_, earlier, _, later) in context.pairs() {
        for kind in [Kind::Network, Kind::Volume] {
            let (before, after) = (kind.declared(earlier), kind.declared(later));
            let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
            for name in names {
                let sides = ((earlier, before.get(name).copied()), (later, after.get(name).copied()));
                // Which side has it external, and what the other one has.
                let (has, place, (other, otherwise)) = match sides {
                    ((has, Some((place, true))), other @ (_, None | Some((_, false)))) => (has, place, other),
                    (other @ (_, None | Some((_, false))), (has, Some((place, true)))) => (has, place, other),
                    _ => continue,
                };
                let Some((odd, label)) = difference(kind, name, has, other, otherwise) else { continue };
                if told.insert((kind, name.to_owned())) {
                    found.push(diagnostic(context, kind, name, place, other, odd, label));
                }
            }
        }
    }
}

/// Where a file differs from one that has the thing external. A file without it differs only by a service that both have and that uses it in
/// one of them: what a service of one file alone uses, only that file needs.
fn difference(
    kind: Kind,
    name: &str,
    has: &ComposeFile,
    other: &ComposeFile,
    otherwise: Option<(Span, bool)>,
) -> Option<(Span, &'static str)> {
    if let Some((place, _)) = otherwise {
        return Some((place, "the app's own here"));
    }
    let users = has.services.iter().filter(|service| is_started(service) && kind.is_used(service, name));
    users.filter_map(|user| service_of(other, &user.name.value)).map(|user| (user.name.span, "without it here")).next()
}

fn diagnostic(
    context: &Context<'_>,
    kind: Kind,
    name: &str,
    place: Span,
    other: &ComposeFile,
    odd: Span,
    label: &'static str,
) -> Diagnostic {
    let there = context.file_name(other.file);
    let (message, help) = match label {
        "the app's own here" => (
            format!("{} \"{name}\" is external in one phase's file and the app's own in another's", kind.word()),
            format!("write `external: true` in \"{there}\" as well, or in neither"),
        ),
        _ => (
            format!("external {} \"{name}\" is in one phase's file and missing in another's", kind.word()),
            format!("declare and use it in \"{there}\" as well"),
        ),
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

    /// What a file declares of this kind: where, and whether it is external.
    fn declared(self, file: &ComposeFile) -> BTreeMap<&str, (Span, bool)> {
        let declared: &[(Spanned<String>, bool)] = match self {
            Self::Network => &file.networks,
            Self::Volume => &file.volumes,
        };
        declared.iter().map(|(name, external)| (name.value.as_str(), (name.span, *external))).collect()
    }

    fn is_used(self, service: &Service, name: &str) -> bool {
        match self {
            Self::Network => service.networks.iter().any(|network| network.value == name),
            Self::Volume => mounts(&service.definition, name),
        }
    }
}

/// Whether a definition mounts a volume, itself or by what it extends.
fn mounts(definition: &serde_json::Value, name: &str) -> bool {
    let source = |volume: &serde_json::Value| {
        let short = volume.as_str().and_then(|text| text.split(':').next());
        short.or_else(|| volume.get("source")?.as_str()) == Some(name)
    };
    let own = definition.get("volumes").and_then(serde_json::Value::as_array).is_some_and(|volumes| volumes.iter().any(source));
    own || definition.get("extends").is_some_and(|base| mounts(base, name))
}
