//! What the rules look at: the plan, and its phases with the files that could be read.

use super::Step;
use super::allows::Allows;
use super::files::Loaded;
use crate::compose::{ComposeFile, Service, with_defaults};
use crate::diagnostic::Diagnostic;
use crate::model::{Gaps, Lowered, Phase, Plan};
use crate::source::{FileId, SourceMap};
use std::collections::{BTreeMap, BTreeSet};

/// What the rules look at.
pub(super) struct Context<'a> {
    pub(super) plan: &'a Plan,
    pub(super) sources: &'a SourceMap,
    /// In the order they run; as written, when that order is not known.
    pub(super) phases: Vec<Deployed<'a>>,
    /// What reading the plan has found already.
    pub(super) told: &'a [Diagnostic],
    /// What reading the plan did not understand.
    pub(super) gaps: &'a Gaps,
    /// Warnings that the plan says are meant.
    pub(super) allows: Allows<'a>,
    /// Whether the order is known.
    ordered: bool,
}

/// A phase and what it deploys.
#[derive(Clone, Copy)]
pub(super) struct Deployed<'a> {
    pub(super) index: usize,
    pub(super) phase: &'a Phase,
    loaded: Option<&'a Loaded>,
}

impl<'a> Deployed<'a> {
    /// The compose file, if it could be read.
    pub(super) fn compose(self) -> Option<&'a ComposeFile> {
        self.loaded.map(|loaded| &*loaded.compose)
    }
}

impl<'a> Context<'a> {
    /// `loaded` has an entry for each phase of the plan, as written.
    pub(super) fn new(lowered: &'a Lowered, plan: &'a Plan, sources: &'a SourceMap, loaded: &'a [Option<Loaded>]) -> Self {
        let line = plan.line().filter(|_| !lowered.gaps.phases);
        let ordered = line.is_some();
        let as_written = || (0..plan.phases.len()).collect();
        let deployed = |index: usize| Deployed { index, phase: &plan.phases[index], loaded: loaded[index].as_ref() };
        let phases = line.unwrap_or_else(as_written).into_iter().map(deployed).collect();
        Self { plan, sources, phases, told: &lowered.diagnostics, gaps: &lowered.gaps, allows: Allows::of(plan), ordered }
    }

    /// The readable compose files, each once, in the order of the phases.
    pub(super) fn files(&self) -> impl Iterator<Item = &'a ComposeFile> {
        let mut seen: BTreeSet<FileId> = BTreeSet::new();
        self.phases.iter().filter_map(|phase| phase.compose()).filter(move |file| seen.insert(file.file))
    }

    /// Whether every compose file is known and could be read.
    pub(super) fn complete(&self) -> bool {
        !self.gaps.phases && self.phases.iter().all(|phase| phase.loaded.is_some())
    }

    /// Whether the phases are in the order they run.
    pub(super) fn is_ordered(&self) -> bool {
        self.ordered
    }

    /// Phases next to each other whose files can both be read; none when the order is not known.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (Deployed<'a>, &'a ComposeFile, Deployed<'a>, &'a ComposeFile)> {
        let phases: &[Deployed<'a>] = if self.ordered { &self.phases } else { &[] };
        phases.windows(2).filter_map(|pair| Some((pair[0], pair[0].compose()?, pair[1], pair[1].compose()?)))
    }

    /// The file's name as it is shown.
    pub(super) fn file_name(&self, file: FileId) -> String {
        let path = self.sources.file(file).path();
        path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    }

    /// The phases with their files, when all are there.
    pub(super) fn steps(&self) -> Option<Vec<Step>> {
        let step = |phase: &Deployed<'a>| {
            let loaded = phase.loaded?;
            Some(Step { phase: phase.index, text: loaded.text.clone(), compose: loaded.compose.clone() })
        };
        self.ordered.then(|| self.phases.iter().map(step).collect())?
    }
}

/// Whether Dokploy starts it: a service in a profile stays out of `docker compose up`.
pub(super) fn is_started(service: &Service) -> bool {
    service.profiles.is_empty()
}

/// Whether it is started, and with at least one container as far as the file tells.
pub(super) fn runs(service: &Service) -> bool {
    let deployed = service.own_or_inherited("deploy").and_then(|deploy| deploy.get("replicas"));
    let counts = [service.own_or_inherited("scale"), deployed];
    let is_none = |count: &serde_json::Value| count.as_str().and_then(with_defaults).is_some_and(|count| count == "0");
    is_started(service) && !counts.into_iter().flatten().any(is_none)
}

/// The service of a file that Dokploy starts.
pub(super) fn service_of<'a>(file: &'a ComposeFile, name: &str) -> Option<&'a Service> {
    file.services.iter().find(|service| service.name.value == name && is_started(service))
}

/// The services of a file that Dokploy starts, by name.
pub(super) fn started(file: &ComposeFile) -> BTreeMap<&str, &Service> {
    file.services.iter().filter(|service| is_started(service)).map(|service| (service.name.value.as_str(), service)).collect()
}

/// Names in quotes, for a message: `"a"`, `"a" and "b"`, `"a", "b" and "c"`.
pub(super) fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [firsts @ .., last] => format!("{} and {last}", firsts.join(", ")),
    }
}
