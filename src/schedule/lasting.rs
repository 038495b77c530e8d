//! What a rollback of a phase cannot undo, as far as the plan and its compose files tell. Going back puts containers back: what they wrote
//! stays, named volumes too (FACTS §13.3), and what is built or pulled again is what is there then.

use super::{PhaseId, Schedule, ServiceName, Subject};
use crate::check::pin_place;
use crate::compose::{self, Build, Change, ComposeFile, Composed, with_defaults};
use crate::source::SourceMap;
use std::collections::{BTreeMap, BTreeSet};

/// What stays of a phase when it is gone back from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lasting {
    /// Named volumes that no phase before has: they stay behind, with what is in them.
    pub new_volumes: BTreeSet<String>,
    /// Volumes and folders of the host that were there before, with the services that the phase starts anew and that can write to them.
    pub written: BTreeMap<String, BTreeSet<ServiceName>>,
    /// Jobs that ran: at each deploy anew.
    pub jobs: BTreeSet<ServiceName>,
    /// Externals, with the services that the phase starts anew and that need or use them: what they wrote there.
    pub externals: BTreeMap<String, BTreeSet<ServiceName>>,
    /// Services of what is gone back to that are built again, of what is there then: their builds cannot be fixed to a commit.
    pub rebuilt: BTreeSet<ServiceName>,
    /// Services of what is gone back to whose tags are pulled again, whatever they mean then.
    pub pulled: BTreeSet<ServiceName>,
}

impl Lasting {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A phase's file, as far as this looks at it.
pub(super) struct Text {
    sources: SourceMap,
    file: Option<ComposeFile>,
}

impl Text {
    pub(super) fn of(text: &str) -> Self {
        let mut sources = SourceMap::default();
        let file = sources.add("compose.yml", text);
        let file = compose::read(file, text).ok();
        Self { sources, file }
    }

    /// Its services, for comparing them with another file's.
    pub(super) fn composed(&self) -> Composed {
        self.file.as_ref().map(Composed::of_file).unwrap_or_default()
    }

    /// The services that Dokploy starts.
    fn services(&self) -> impl Iterator<Item = &compose::Service> {
        self.file.iter().flat_map(|file| &file.services).filter(|service| service.profiles.is_empty())
    }

    /// Services that are built at each deploy of what is there then.
    pub(super) fn unpinned(&self) -> BTreeSet<ServiceName> {
        let is_unpinned = |build: &Build| {
            let Some(git) = &build.git else { return true };
            let is_commit = |reference: &str| reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
            !git.reference.as_ref().is_some_and(|reference| is_commit(&reference.value)) && pin_place(&self.sources, git).is_none()
        };
        let built = self.services().filter(|service| service.build.as_ref().is_some_and(is_unpinned));
        built.map(|service| service.name.value.clone()).collect()
    }

    /// Services whose images are pulled at each deploy, by a name that can come to mean another one. A tag that is on the host is pulled
    /// only where `pull_policy` says so (FACTS §6).
    pub(super) fn pulled(&self) -> BTreeSet<ServiceName> {
        let is_pulled = |service: &&compose::Service| {
            let policy = service.own_or_inherited("pull_policy").and_then(|policy| policy.as_str()).and_then(with_defaults);
            let pulls =
                policy.is_some_and(|policy| matches!(policy.as_str(), "always" | "daily" | "weekly") || policy.starts_with("every_"));
            pulls && service.build.is_none() && service.image.as_ref().is_some_and(|image| !image.value.contains('@'))
        };
        self.services().filter(is_pulled).map(|service| service.name.value.clone()).collect()
    }

    /// What its services have mounted: volume or folder, and whether it is a volume.
    fn mounted(&self) -> BTreeSet<(String, bool)> {
        self.services().flat_map(compose::Service::mounts).map(|mount| (mount.source, mount.is_volume)).collect()
    }
}

/// What stays of a phase. `before`: the file of the phase before, `change`: what the phase changes of it, `back`: what going back changes.
pub(super) fn lasting(schedule: &Schedule, at: PhaseId, before: &Text, after: &Text, change: &Change, back: &Change) -> Lasting {
    let phase = schedule.phase(at);
    let is_job = |name: &str| schedule.services.get(name).is_some_and(|service| service.job.is_some());
    let starts = |name: &str| change.adds.contains(name) || change.is_interrupted(name) || is_job(name);
    let there = before.mounted();
    let mut lasting = Lasting::default();
    for service in after.services() {
        let name = &service.name.value;
        for mount in service.mounts() {
            let is_new = mount.is_volume && !there.contains(&(mount.source.clone(), true));
            if is_new {
                lasting.new_volumes.insert(mount.source);
            } else if starts(name) && !mount.is_read_only {
                lasting.written.entry(mount.source).or_default().insert(name.clone());
            }
        }
        if let Some(service) = schedule.services.get(name).filter(|_| starts(name)) {
            for on in service.needs.iter().chain(&service.uses) {
                if let Subject::External(external) = on {
                    lasting.externals.entry(external.clone()).or_default().insert(name.clone());
                }
            }
        }
    }
    lasting.jobs = phase.services.iter().filter(|name| is_job(name)).cloned().collect();
    let comes_back = |name: &ServiceName| back.adds.contains(name) || back.is_interrupted(name);
    lasting.rebuilt = before.unpinned().into_iter().filter(comes_back).collect();
    lasting.pulled = before.pulled().into_iter().filter(comes_back).collect();
    lasting
}
