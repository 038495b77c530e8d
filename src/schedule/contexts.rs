//! The build contexts that a gate guards: those of the first phase that requires it and of every phase after that one, since none of them
//! starts unless it held. References are resolved to commits once, at a run's start, so a later phase's context must be there as early as
//! the first one's.

use crate::check::Step;
use crate::compose::{self, Build, with_defaults};
use crate::model::{BuildContext, ContextPlace, Dockerfile, Expectation, Plan, Probe};
use std::collections::BTreeSet;

/// The steps that a gate guards; all of them for one that no phase requires.
pub(super) fn guarded(plan: &Plan, gate: usize, steps: &[Step]) -> Vec<BuildContext> {
    let requires = |step: &Step| plan.phases[step.phase].require.iter().any(|required| required.value == gate);
    let first = steps.iter().position(requires).unwrap_or(0);
    let mut known = BTreeSet::new();
    let mut contexts = Vec::new();
    for step in &steps[first..] {
        for service in step.compose.services.iter().filter(|service| service.profiles.is_empty()) {
            let Some(build) = &service.build else { continue };
            let (name, place, dockerfile) = (&service.name.value, place(build), dockerfile(build));
            // Told once, by the first file that has it.
            if known.insert((name, place.clone(), dockerfile.clone())) {
                contexts.push(BuildContext { service: name.clone(), file: plan.phases[step.phase].from.value.clone(), place, dockerfile });
            }
        }
    }
    contexts
}

/// A gate's expectations, with the contexts where they are asked for.
pub(super) fn filled_in(expectations: &[Expectation], contexts: impl Fn() -> Vec<BuildContext>) -> Vec<Expectation> {
    let filled_in = |expectation: &Expectation| match expectation.probe {
        Probe::BuildContexts(_) => Expectation { probe: Probe::BuildContexts(contexts()), ..expectation.clone() },
        _ => expectation.clone(),
    };
    expectations.iter().map(filled_in).collect()
}

/// Where the context is, as far as the file alone tells it: variables take its defaults.
fn place(build: &Build) -> ContextPlace {
    let written = &build.context.value;
    let Some(context) = with_defaults(written) else { return ContextPlace::Variable(written.clone()) };
    match compose::repository(&context) {
        Some((repository, reference, directory)) => ContextPlace::Git { repository, reference, directory: directory.unwrap_or_default() },
        None if context.contains("://") => ContextPlace::Other(context),
        None => ContextPlace::Local(context),
    }
}

fn dockerfile(build: &Build) -> Dockerfile {
    match &build.dockerfile {
        _ if build.inline => Dockerfile::Inline,
        None => Dockerfile::Default,
        Some(written) => match with_defaults(&written.value) {
            None => Dockerfile::Variable(written.value.clone()),
            Some(name) if name.is_empty() || name == "Dockerfile" => Dockerfile::Default,
            Some(name) => Dockerfile::Named(name),
        },
    }
}
