//! Services do not wait for each other in a ring: compose refuses the file otherwise.

use super::context::{Context, started};
use crate::compose::{ComposeFile, DependsOn};
use crate::diagnostic::{Code, Diagnostic};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut told = BTreeSet::new();
    for file in context.files() {
        for ring in rings(file) {
            let mut names: Vec<&str> = ring.iter().map(|edge| edge.service.value.as_str()).collect();
            // From the first by name, so that a ring is one ring wherever it was entered.
            let first = names.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(at, _)| at);
            names.rotate_left(first);
            if told.insert(names.join(" ")) {
                found.push(diagnostic(&names, &ring, first));
            }
        }
    }
}

fn diagnostic(names: &[&str], ring: &[&DependsOn], first: usize) -> Diagnostic {
    let path = format!("{} → {}", names.join(" → "), names[0]);
    let message = match names {
        [one] => format!("service \"{one}\" depends on itself"),
        _ => format!("services depend on each other: {path}"),
    };
    let closing = ring[first].service.span;
    let edges = ring.iter().cycle().skip(first + 1).take(ring.len() - 1);
    let diagnostic = Diagnostic::new(Code::DependencyCycle, message, closing, "closes the ring");
    edges
        .fold(diagnostic, |diagnostic, edge| diagnostic.label(edge.service.span, "waits for this"))
        .help("compose starts none of them: remove one `depends_on`")
}

/// The rings of a file's `depends_on`, each as the edges that make it: an edge leads to the service that the next one
/// starts from. At most one for each service that closes one.
fn rings(file: &ComposeFile) -> Vec<Vec<&DependsOn>> {
    let mut rings = Vec::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let services = started(file);
    // One that waits for nothing is in no ring.
    for start in file.services.iter().filter(|service| !service.depends_on.is_empty()) {
        // Depth first without recursion: the path, and for each step how many of its edges were followed.
        let mut path: Vec<(&str, Option<&DependsOn>, usize)> = vec![(&start.name.value, None, 0)];
        let mut on_path: BTreeMap<&str, usize> = BTreeMap::from([(start.name.value.as_str(), 0)]);
        while let Some((name, _, followed)) = path.last_mut() {
            let name = *name;
            let edge = services.get(name).filter(|_| !done.contains(name)).and_then(|service| service.depends_on.get(*followed));
            *followed += 1;
            match edge {
                None => {
                    done.insert(name);
                    on_path.remove(name);
                    path.pop();
                }
                Some(edge) => {
                    let next = edge.service.value.as_str();
                    if let Some(at) = on_path.get(next) {
                        let mut ring: Vec<&DependsOn> = path[at + 1..].iter().filter_map(|(_, edge, _)| *edge).collect();
                        ring.push(edge);
                        rings.push(ring);
                    } else if !done.contains(next) {
                        on_path.insert(next, path.len());
                        path.push((next, Some(edge), 0));
                    }
                }
            }
        }
    }
    rings
}
