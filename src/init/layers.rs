//! How one compose file could be split into phases: its services in layers, each depending on those before it.

use super::write::{self, Writer};
use super::{App, is_started};
use std::collections::{BTreeMap, BTreeSet};

/// Fewer services than this are as well brought up at once.
const WORTH_SPLITTING: usize = 4;
/// Columns that the names of a layer may take.
const ROOM: usize = 60;

/// Says how a single file could be split, where its services come in layers. A phase needs a file of its own, so it is not done here.
pub(super) fn suggest(app: &App<'_>, command: &str, out: &mut Writer) {
    let layers = layers(&wanted(app));
    if app.files.len() > 1 || app.services.len() < WORTH_SPLITTING || layers.len() < 2 {
        return;
    }
    out.comment(&format!(
        "All {} services come up in this one phase. By depends_on they come in {} layers: to have each verified before the next begins, \
         make a file for each phase, with all services of the one before,",
        app.services.len(),
        layers.len()
    ));
    for (at, layer) in layers.iter().enumerate() {
        let those = if at == 0 { "" } else { "those, and " };
        out.verbatim(&format!("  phase{}.yml   {those}{}", at + 1, write::listed(layer, fitting(layer))));
    }
    let output = if command.is_empty() { String::new() } else { format!(" --output{command}") };
    out.comment(&format!("and have the plan made anew: `plan init --force{output}`"));
}

/// How many of a layer's names are written out: as many as fit, and the first in any case.
fn fitting(names: &[&str]) -> usize {
    let mut columns = 0;
    let fits = |name: &&&str| {
        columns += name.chars().count() + 2;
        columns <= ROOM
    };
    names.iter().take_while(fits).count().max(1)
}

/// The services that each service depends on, as the first file has it that starts it.
pub(super) fn wanted<'a>(app: &App<'a>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut by = BTreeMap::new();
    for file in app.files {
        let started = || file.compose.services.iter().filter(|service| is_started(service));
        let here: BTreeSet<&str> = started().map(|service| service.name.value.as_str()).collect();
        for service in started() {
            let mut seen = BTreeSet::new();
            let names = service.depends_on.iter().map(|entry| entry.service.value.as_str());
            let needed = names.filter(|name| here.contains(name) && seen.insert(*name));
            by.entry(service.name.value.as_str()).or_insert_with(|| needed.collect());
        }
    }
    by
}

/// Services by how many others must be there before them, one behind the other. Services in a ring are left out.
pub(super) fn layers<'a>(wanted: &BTreeMap<&'a str, Vec<&'a str>>) -> Vec<Vec<&'a str>> {
    let mut waits: BTreeMap<&str, usize> = wanted.iter().map(|(name, needed)| (*name, needed.len())).collect();
    let mut needed_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, needed) in wanted {
        for one in needed {
            needed_by.entry(one).or_default().push(name);
        }
    }
    let mut layers = Vec::new();
    let mut free: Vec<&str> = waits.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    while !free.is_empty() {
        let mut next = Vec::new();
        for name in &free {
            for other in needed_by.get(name).into_iter().flatten() {
                let count = waits.get_mut(other).expect("who needs something is among those who wait");
                *count -= 1;
                if *count == 0 {
                    next.push(*other);
                }
            }
        }
        next.sort_unstable();
        layers.push(std::mem::replace(&mut free, next));
    }
    layers
}
