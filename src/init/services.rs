//! A block for each service: what it needs, and how one knows that it is well.

use super::healthcheck::{self, Asks};
use super::write::{self, Writer};
use super::{App, layers, ports};
use crate::compose::{Protocol, Service};
use std::collections::{BTreeMap, BTreeSet};

/// What a line says that repeats what compose asks.
const FROM_HEALTHCHECK: Option<&str> = Some("from its healthcheck");

/// All services, and what is said of those left out.
pub(super) fn write(app: &App<'_>, out: &mut Writer) {
    let needs = needed(app);
    for service in &app.services {
        out.blank();
        let name = &service.name.value;
        out.open(&format!("{} {}", if app.is_job(service) { "job" } else { "service" }, write::name(name)));
        built_beside(service, out);
        let needed = needs.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
        if !needed.is_empty() {
            out.line(&format!("needs {}", needed.iter().map(|name| write::name(name)).collect::<Vec<_>>().join(", ")));
        }
        if app.is_job(service) {
            if !app.awaited.contains(name.as_str()) {
                out.comment("Docker does not start it again when it ends: if it is to keep running, write `service`.");
            }
            out.marked("within 2m", true);
        } else {
            expectations(service, out);
        }
        out.close();
    }
    if !app.in_profiles.is_empty() {
        let named: Vec<String> = app.in_profiles.iter().map(|(name, profiles)| format!("{name} ({})", profiles.join(", "))).collect();
        out.blank();
        let named = write::listed(&named.iter().map(String::as_str).collect::<Vec<_>>(), 8);
        out.comment(&format!("Left out, since Dokploy starts no service that stands in a profile: {named}."));
    }
}

/// What each service needs, without what goes round in a ring: compose refuses that, and it is told once.
fn needed<'a>(app: &App<'a>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut needed = layers::wanted(app);
    let placed: BTreeSet<&str> = layers::layers(&needed).into_iter().flatten().collect();
    for (_, others) in needed.iter_mut().filter(|(name, _)| !placed.contains(*name)) {
        others.retain(|other| placed.contains(other));
    }
    needed
}

/// Dokploy gets the compose file's text and nothing beside it.
fn built_beside(service: &Service, out: &mut Writer) {
    let Some(build) = service.build.as_ref().filter(|build| build.git.is_none() && !build.inline) else { return };
    let context = write::one_line(&build.context.value);
    if !context.contains("://") && !context.starts_with('$') {
        out.comment(&format!("Built from {context:?}, which Dokploy does not have: write a git address as its context, or name an image."));
    }
}

fn expectations(service: &Service, out: &mut Writer) {
    if let Some(asks) = healthcheck::asks(service) {
        return by_healthcheck(service, &asks, out);
    }
    let (asked, more) = ports::worth_asking(service);
    for port in &asked {
        let host = port.host.unwrap_or_default();
        if let Some(address) = port.host_ip {
            out.comment(&format!("Published on {address} only: it must be asked from the server itself."));
        }
        if ports::speaks_http(port.container) {
            out.expect(&format!("http \"http://{{host}}:{host}/\""), Some("status in [200..399]"), None);
        } else {
            out.expect(&format!("tcp \"{{host}}:{host}\""), None, None);
        }
    }
    if more > 0 {
        out.comment(&format!("And {more} more published {}.", if more == 1 { "port" } else { "ports" }));
    }
    let unknown: Vec<&str> = service.unknown_ports.iter().map(|port| port.value.as_str()).collect();
    if !unknown.is_empty() {
        let then = if asked.is_empty() { "only its container is looked at" } else { "nothing is expected there" };
        out.comment(&format!("Publishes {}: which port that is cannot be told from the file, so {then}.", write::listed(&unknown, 3)));
    }
    if !asked.is_empty() || !unknown.is_empty() {
        return;
    }
    let any = |wanted: fn(&crate::compose::Port) -> bool| service.ports.iter().any(|port| wanted(&port.value));
    let why = match () {
        () if any(|port| port.protocol == Protocol::Udp) => "It publishes UDP alone, which cannot be asked, and has no healthcheck",
        () if any(|port| port.host.is_none()) => "Docker chooses its ports, and it has no healthcheck",
        () => "No published port and no healthcheck",
    };
    out.comment(&format!("{why}: only its container is looked at."));
}

fn by_healthcheck(service: &Service, asks: &Asks, out: &mut Writer) {
    let port = match asks {
        Asks::Http { port, .. } | Asks::Postgres { port } | Asks::Redis { port } => ports::published(service, *port),
        Asks::Other => None,
    };
    match (asks, port) {
        (Asks::Http { path, .. }, Some(port)) => {
            // A service's front page is often a redirect, which curl takes for an answer.
            let demand = if path == "/" { "status in [200..399]" } else { "status == 200" };
            out.expect(&format!("http {}", address("http://", port, path)), Some(demand), FROM_HEALTHCHECK);
        }
        (Asks::Postgres { .. }, Some(port)) => out.expect(&format!("tcp {}", address("", port, "")), None, FROM_HEALTHCHECK),
        (Asks::Redis { .. }, Some(port)) => out.expect(&format!("redis {}", address("redis://", port, "")), Some("ping"), FROM_HEALTHCHECK),
        (_, None) | (Asks::Other, _) => out.expect("container", Some("healthy"), FROM_HEALTHCHECK),
    }
}

/// An address at the plan's host; the path is one that needs no escapes.
fn address(scheme: &str, port: u16, path: &str) -> String {
    format!("\"{scheme}{{host}}:{port}{path}\"")
}
