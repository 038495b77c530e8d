//! A secret that stands in a compose file as it is: whoever can read the file, its history or Dokploy's pages has it.

use super::context::{Context, is_started};
use crate::compose::plain_secrets;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Allowed;
use std::collections::BTreeSet;

/// Past this many a list of places helps nobody.
const MAX_LABELS: usize = 5;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    // One finding for each service, at the first file that has one of its secrets.
    let mut told = BTreeSet::new();
    for file in context.files() {
        for service in file.services.iter().filter(|service| is_started(service)) {
            let name = &service.name.value;
            let secrets = plain_secrets(service);
            let Some(first) = secrets.first() else { continue };
            if !told.insert(name) || context.allows.permit(name, Allowed::PlainSecret) {
                continue;
            }
            let label = |secret: &crate::compose::PlainSecret| {
                let whose = secret.variable.as_ref().map_or_else(|| "of the repository".to_owned(), |variable| format!("of {variable}"));
                let what = if secret.in_address { "the password" } else { "the value" };
                if secret.as_default { format!("the default {whose}") } else { format!("{what} {whose}") }
            };
            let message = match secrets.len() {
                1 => format!("a secret of service \"{name}\" stands in the compose file"),
                many => format!("{many} secrets of service \"{name}\" stand in the compose file"),
            };
            let instead = match &first.variable {
                Some(variable) if first.in_address => {
                    format!("write `${{{variable}}}` for the whole address, or a variable for its password")
                }
                Some(variable) => format!("write `${{{variable}}}`"),
                None => "write the address without it, give Dokploy's host access to the repository".to_owned(),
            };
            let set = if first.variable.is_some() { ", set it in the app's environment in Dokploy," } else { "," };
            let way = context.allows.way(name, Allowed::PlainSecret);
            let help = format!("{instead}{set} and make a new one: this one is known; {way}");
            let diagnostic = Diagnostic::new(Code::PlainSecret, message, first.span, label(first));
            let others = secrets.iter().skip(1).take(MAX_LABELS);
            found.push(others.fold(diagnostic, |diagnostic, secret| diagnostic.label(secret.span, label(secret))).help(help));
        }
    }
}
