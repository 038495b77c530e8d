//! `removes NAME` names a service that is there before the phase and not after it.

use super::context::{Context, is_started, service_of};
use crate::compose::ComposeFile;
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::source::Spanned;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for phase in &context.phases {
        let Some(file) = phase.compose() else { continue };
        for name in &phase.phase.removes {
            if let Some(service) = service_of(file, &name.value) {
                let message = format!("phase \"{}\" removes service \"{}\" and deploys it", phase.phase.name.value, name.value);
                found.push(
                    Diagnostic::new(Code::RemovesNothing, message, name.span, "still in the phase's compose file")
                        .label(service.name.span, "deployed here")
                        .help(format!("take it out of \"{}\", or remove this statement", phase.phase.from.value)),
                );
            }
        }
    }
    for (before, earlier, after, later) in context.pairs() {
        for name in after.phase.removes.iter().filter(|name| service_of(later, &name.value).is_none()) {
            if service_of(earlier, &name.value).is_none() {
                let message = format!("phase \"{}\" removes \"{}\", which is not there before it", after.phase.name.value, name.value);
                let label = format!("not a service of phase \"{}\"", before.phase.name.value);
                let unknown = |label: String| Diagnostic::new(Code::RemovesNothing, &*message, name.span, label);
                found.push(match nearest(&name.value, gone(earlier, later)) {
                    Some(near) => unknown(format!("did you mean \"{near}\"?")).help(format!("write `{near}`")),
                    None => unknown(label).help("remove this statement"),
                });
            }
        }
    }
}

/// Whether a phase says of a service that it removes it, a near miss included: that is told here.
pub(super) fn says(removes: &[Spanned<String>], service: &str, earlier: &ComposeFile, later: &ComposeFile) -> bool {
    let meant = |written: &str| {
        let known = service_of(earlier, written).is_some() || service_of(later, written).is_some();
        if known { written == service } else { nearest(written, gone(earlier, later)) == Some(service) }
    };
    removes.iter().any(|name| meant(&name.value))
}

/// The services that are there before and not after.
fn gone<'a>(earlier: &'a ComposeFile, later: &'a ComposeFile) -> impl Iterator<Item = &'a str> {
    let started = earlier.services.iter().filter(|service| is_started(service));
    started.map(|service| service.name.value.as_str()).filter(|name| service_of(later, name).is_none())
}
