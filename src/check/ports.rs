//! No two services of one compose file publish the same host port. The same service in several phases does not clash
//! with itself.

use super::context::{Context, runs};
use crate::compose::{ComposeFile, Port, Service};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};
use std::collections::{BTreeMap, BTreeSet};

/// The services whose ports are told to clash: comparing those ports with another phase's would tell the same mistake
/// again.
pub(super) type Clashing = BTreeSet<(FileId, String)>;

/// A published port and whose it is.
type Entry<'a> = (Port, Span, &'a Service);

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) -> Clashing {
    let mut clashing = Clashing::new();
    // Phases repeat what earlier ones have: a clash is told where it first stands.
    let mut told = BTreeSet::new();
    for file in context.files() {
        for (one, two) in clashes(file) {
            clashing.extend([one.2, two.2].map(|service| (file.file, service.name.value.clone())));
            if told.insert((one.2.name.value.clone(), two.2.name.value.clone(), two.0.host)) {
                found.push(diagnostic(&one, &two));
            }
        }
    }
    clashing
}

/// Each place that publishes what an earlier place of the file does, with that place. A range is one place.
fn clashes(file: &ComposeFile) -> Vec<(Entry<'_>, Entry<'_>)> {
    let mut published: BTreeMap<_, Vec<Entry<'_>>> = BTreeMap::new();
    let mut clashes = Vec::new();
    let mut places = BTreeSet::new();
    for service in file.services.iter().filter(|service| runs(service) && !is_on_the_host(service)) {
        for port in &service.ports {
            let Some(host) = port.value.host else { continue };
            let entry = (port.value, port.span, service);
            let same = published.entry((host, port.value.protocol)).or_default();
            // Written twice alike is once to compose.
            if same.iter().any(|(earlier, _, other)| *earlier == port.value && other.name.span == service.name.span) {
                continue;
            }
            if let Some(earlier) = same.iter().find(|(earlier, ..)| earlier.clashes_with(port.value))
                && places.insert((earlier.1, service.name.span, port.span))
            {
                clashes.push((*earlier, entry));
            }
            same.push(entry);
        }
    }
    clashes
}

/// Whether it is on the host's own network, where Docker publishes nothing.
fn is_on_the_host(service: &Service) -> bool {
    service.own_or_inherited("network_mode").is_some_and(|mode| mode == "host")
}

fn diagnostic(one: &Entry<'_>, two: &Entry<'_>) -> Diagnostic {
    let (first, second) = (&one.2.name.value, &two.2.name.value);
    let host = two.0.host.unwrap_or_default();
    let message = if first == second {
        format!("service \"{first}\" publishes host port {host} twice")
    } else {
        format!("services \"{first}\" and \"{second}\" both publish host port {host}")
    };
    Diagnostic::new(Code::PortClash, message, two.1, format!("{host} again, by \"{second}\""))
        .label(one.1, format!("{host} published by \"{first}\""))
        .help("the number before the last colon is the host's: give one of them another")
}
