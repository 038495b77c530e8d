//! The plan's `service` blocks and the services of the compose files match both ways.

use super::context::{Context, is_started, quoted};
use crate::compose;
use crate::diagnostic::{Code, Diagnostic, Patience};
use crate::model::{Allowed, Service};
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut composed: BTreeMap<&str, &compose::Service> = BTreeMap::new();
    let mut in_profiles = BTreeSet::new();
    for service in context.files().flat_map(|file| &file.services) {
        if is_started(service) {
            composed.entry(&service.name.value).or_insert(service);
        } else {
            in_profiles.insert(service.name.value.as_str());
        }
    }
    let planned: BTreeSet<&str> = context.plan.services.iter().map(|service| service.name.value.as_str()).collect();
    let mut unclaimed: BTreeMap<&str, &compose::Service> =
        composed.iter().filter(|(name, _)| !planned.contains(*name)).map(|(name, service)| (*name, *service)).collect();
    let patience = Patience::default();
    for service in &context.plan.services {
        let name = service.name.value.as_str();
        if let Some(composed) = composed.get(name) {
            if service.expectations.is_empty() && service.job.is_none() && !context.gaps.services.contains(name) {
                found.extend(unasserted(context, service, composed));
            }
            continue;
        }
        let near = patience.nearest(name, unclaimed.keys().copied());
        // A file that could not be read may have it; but a name that is nearly there is misspelled.
        if near.is_none() && !context.complete() {
            continue;
        }
        let missing = Diagnostic::new(
            Code::ServiceNotInCompose,
            format!("service \"{name}\" is in none of the compose files"),
            service.name.span,
            "no phase deploys a service of this name",
        );
        found.push(match near {
            Some(near) => {
                let composed = unclaimed.remove(near);
                let missing = missing.help(format!("write `{near}`"));
                composed.iter().fold(missing, |missing, composed| missing.label(composed.name.span, format!("did you mean \"{near}\"?")))
            }
            None if in_profiles.contains(name) => missing.help("it stands in a profile, and Dokploy starts none"),
            None => missing.help(valid_names(&unclaimed)),
        });
    }
    // A block that was not understood may be theirs.
    if context.gaps.declarations {
        return;
    }
    found.extend(unclaimed.values().filter_map(|service| without_block(context, service)));
}

fn valid_names(unclaimed: &BTreeMap<&str, &compose::Service>) -> String {
    match unclaimed.len() {
        0 => "remove the block, or add the service to a compose file".to_owned(),
        1..=8 => format!("services without a block: {}", quoted(&unclaimed.keys().copied().collect::<Vec<_>>())),
        many => format!("{many} services of the compose files have no block"),
    }
}

/// Somebody is meant to reach it, and nothing would notice that nobody can.
fn without_block(context: &Context<'_>, service: &compose::Service) -> Option<Diagnostic> {
    let name = &service.name;
    let message = published(service)?.unasked(&name.value);
    let way = context.allows.way(&name.value, Allowed::Unasserted);
    let help = format!("add `service {} {{ expect … }}` to the plan; {way}", name.value);
    Some(Diagnostic::new(Code::Unasserted, message, name.span, "only its container would be watched").help(help))
}

fn unasserted(context: &Context<'_>, service: &Service, composed: &compose::Service) -> Option<Diagnostic> {
    let name = &service.name;
    let port = published(composed)?;
    if context.allows.permit(&name.value, Allowed::Unasserted) {
        return None;
    }
    let way = context.allows.way(&name.value, Allowed::Unasserted);
    Some(
        Diagnostic::new(Code::Unasserted, port.unasked(&name.value), name.span, "only its container would be watched")
            .label(port.place, "published here")
            .help(format!("add `expect http \"…\"` or `expect tcp \"…\"` to the block; {way}")),
    )
}

/// A published port as it is shown.
struct Published {
    port: String,
    place: Span,
}

impl Published {
    fn unasked(&self, service: &str) -> String {
        format!("service \"{service}\" publishes port {} and nothing is expected of it", self.port)
    }
}

/// The first port that a service publishes.
fn published(service: &compose::Service) -> Option<Published> {
    let known = service.ports.iter().find_map(|port| Some(Published { port: port.value.host?.to_string(), place: port.span }));
    known.or_else(|| service.unknown_ports.first().map(|port| Published { port: format!("\"{}\"", port.value), place: port.span }))
}
