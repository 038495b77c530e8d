//! `depends_on` reaches services that stand in the same file: compose refuses the file otherwise.

use super::context::{Context, quoted, service_of};
use crate::compose::{ComposeFile, DependsOn, Service};
use crate::diagnostic::{Code, Diagnostic, nearest};
use std::collections::BTreeSet;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut told = BTreeSet::new();
    for file in context.files() {
        for service in &file.services {
            for wanted in service.depends_on.iter().filter(|wanted| wanted.required) {
                let is_here = file.services.iter().any(|other| other.name.value == wanted.service.value);
                let reaches = service_of(file, &wanted.service.value).is_some()
                    || !service.profiles.is_empty()
                    // It may stand in a file that this one includes.
                    || (file.includes && !is_here);
                if !reaches && told.insert((&service.name.value, &wanted.service.value)) {
                    found.push(diagnostic(context, file, service, wanted));
                }
            }
        }
    }
}

fn diagnostic(context: &Context<'_>, file: &ComposeFile, service: &Service, wanted: &DependsOn) -> Diagnostic {
    let (name, wanted) = (&service.name.value, &wanted.service);
    let here = context.file_name(file.file);
    let message = format!("service \"{name}\" depends on \"{}\", which is not in \"{here}\"", wanted.value);
    let later = context.phases.iter().find_map(|phase| {
        let found = service_of(phase.compose()?, &wanted.value)?;
        Some((phase.phase.name.value.as_str(), found.name.span))
    });
    let unmet = |label: &str| Diagnostic::new(Code::DependencyLater, &*message, wanted.span, label);
    if file.services.iter().any(|service| service.name.value == wanted.value) {
        let message = format!("service \"{name}\" depends on \"{}\", which is not started", wanted.value);
        return Diagnostic::new(Code::DependencyLater, message, wanted.span, "in a profile, and Dokploy starts none")
            .help("remove the profile, or write `required: false`");
    }
    if let Some((phase, place)) = later {
        let help = format!("add \"{}\" to \"{here}\", or bring \"{name}\" up in phase \"{phase}\"", wanted.value);
        return unmet("not in this file").label(place, format!("phase \"{phase}\" has it")).help(help);
    }
    let names: Vec<&str> = file.services.iter().map(|service| service.name.value.as_str()).filter(|other| other != name).collect();
    match nearest(&wanted.value, names.iter().copied()) {
        Some(near) => unmet(&format!("did you mean \"{near}\"?")).help(format!("write `{near}`")),
        None if names.is_empty() => unmet("no such service").help("remove it"),
        None if names.len() <= 8 => unmet("no such service").help(format!("the file has {}", quoted(&names))),
        None => unmet("no such service"),
    }
}
