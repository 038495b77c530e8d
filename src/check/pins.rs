//! A build from git is pinned to the commit that its reference has at the start of a run, so that a phase is an
//! artefact and going back to it does not build today's code. What cannot be pinned is told.

use super::context::{Context, Deployed, is_started};
use crate::compose::{Build, GitContext};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Allowed;
use crate::source::{SourceMap, Span};
use std::collections::BTreeSet;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut told = BTreeSet::new();
    for (at, deployed) in context.phases.iter().enumerate() {
        let Some(file) = deployed.compose() else { continue };
        // What the last phase builds is gone back to by nothing in this plan.
        let next = context.phases.get(at + 1).filter(|_| context.is_ordered());
        for service in file.services.iter().filter(|service| is_started(service)) {
            let (name, Some(build)) = (&service.name.value, &service.build) else { continue };
            let Some((label, help)) = build.git.as_ref().and_then(|git| obstacle(context.sources, git)) else { continue };
            if told.insert((name, &build.context.value)) && !context.allows.permit(name, Allowed::Unpinned) {
                let help = format!("{help}; {}", context.allows.way(name, Allowed::Unpinned));
                found.push(diagnostic(name, build, label, (deployed, next)).help(help));
            }
        }
    }
}

/// `at`: the phase that builds it first, and the one after that.
fn diagnostic(service: &str, build: &Build, label: &str, at: (&Deployed<'_>, Option<&Deployed<'_>>)) -> Diagnostic {
    let message = format!("the build of service \"{service}\" cannot be fixed to a commit");
    let (here, Some(next)) = at else { return Diagnostic::new(Code::Unpinned, message, build.context.span, label) };
    let (here, next) = (&here.phase.name, &next.phase.name);
    let message = format!("{message}, and phase \"{}\" may have to be gone back to", here.value);
    Diagnostic::new(Code::UnpinnedTarget, message, build.context.span, label)
        .label(next.span, format!("when this fails, \"{}\" is built again, of what is there then", here.value))
}

/// Whether the reference is a commit already: nothing can move it.
pub fn is_commit(reference: &str) -> bool {
    reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Where the reference of a context stands that a commit takes the place of; `None` when there is none, or nothing to
/// be done.
pub fn place(sources: &SourceMap, git: &GitContext) -> Option<Span> {
    let reference = git.reference.as_ref()?;
    let asked = ["http://", "https://", "git://"].iter().any(|scheme| git.repository.starts_with(scheme));
    let literal = !git.repository.contains('$') && !reference.value.contains('$');
    let written = sources.slice(reference.span) == reference.value;
    (asked && literal && written && !is_commit(&reference.value)).then_some(reference.span)
}

/// Why a context cannot be pinned, and what to do about it.
fn obstacle(sources: &SourceMap, git: &GitContext) -> Option<(&'static str, String)> {
    let Some(reference) = &git.reference else {
        let directory = git.directory.as_ref().map(|directory| format!(":{directory}")).unwrap_or_default();
        return Some(("no branch, tag or commit is written", format!("write the branch: `{}#main{directory}`", git.repository)));
    };
    if is_commit(&reference.value) || place(sources, git).is_some() {
        return None;
    }
    if git.repository.contains('$') || reference.value.contains('$') {
        return Some(("a variable decides what is built", "write repository and reference as they are".to_owned()));
    }
    Some(("its reference cannot be asked for and replaced here", "use an `https://` address written on one line".to_owned()))
}
