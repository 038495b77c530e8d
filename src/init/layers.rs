//! How one compose file could be split into phases: its services in layers, each depending on those before it.

use super::App;
use super::services::wanted;
use super::write::{self, Writer};
use std::collections::BTreeMap;

/// Fewer services than this are as well brought up at once.
const WORTH_SPLITTING: usize = 4;
/// Names of a layer that are written out.
const NAMES: usize = 8;

/// Says how a single file could be split, where its services come in layers. A phase needs a file of its own, so it is not done here.
pub(super) fn suggest(app: &App<'_>, command: &str, out: &mut Writer) {
    let layers = layers(app);
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
        let and = if at == 0 { "    " } else { "and " };
        out.verbatim(&format!("  phase{}.yml   {and}{}", at + 1, write::listed(layer, NAMES)));
    }
    let output = if command.is_empty() { String::new() } else { format!(" --output{command}") };
    out.comment(&format!("and have the plan made anew: `plan init --force{output}`"));
}

/// Services by how many others must be there before them, one behind the other. Services in a ring are left out.
fn layers<'a>(app: &App<'a>) -> Vec<Vec<&'a str>> {
    let wanted = wanted(app);
    let mut waits: BTreeMap<&str, usize> = wanted.iter().map(|(name, needed)| (*name, needed.len())).collect();
    let mut needed_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, needed) in &wanted {
        needed.iter().for_each(|one| needed_by.entry(one).or_default().push(name));
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
