//! No two services of one compose file have the same `container_name`: Docker would refuse the second.

use super::context::{Context, runs};
use crate::compose::with_defaults;
use crate::diagnostic::{Code, Diagnostic};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut told = BTreeSet::new();
    for file in context.files() {
        let mut names = BTreeMap::new();
        for service in file.services.iter().filter(|service| runs(service)) {
            let Some(written) = &service.container_name else { continue };
            let Some(name) = with_defaults(&written.value) else { continue };
            let Some((first, place)) = names.insert(name.clone(), (&service.name.value, written.span)) else { continue };
            let second = &service.name.value;
            if told.insert((first.clone(), second.clone())) {
                let message = format!("services \"{first}\" and \"{second}\" have the same container name");
                found.push(
                    Diagnostic::new(Code::ContainerNameClash, message, written.span, format!("\"{name}\" again, for \"{second}\""))
                        .label(place, format!("taken by \"{first}\""))
                        .help("leave `container_name` out, or give each its own"),
                );
            }
        }
    }
}
