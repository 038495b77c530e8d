//! What is so in a world, whatever anybody is told of it: what a run says at its end is compared with this.

use super::container::State;
use super::state::World;
use super::store::Compose;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// What is so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// The app's services that have a container: whether each does what it is there for. A job that ended with 0 did.
    pub services: BTreeMap<String, bool>,
    /// Those of them whose container neither runs nor has done its job.
    pub down: BTreeSet<String>,
    /// Titles of the app's deploys that were begun, oldest first, as far as Dokploy keeps them.
    pub begun: Vec<String>,
}

impl World {
    /// What is so now with the first app there is.
    pub fn truth(&mut self, now: Duration) -> Truth {
        self.advance(now);
        let Some(app) = self.store.composes.first() else { return Truth::default() };
        let name = app.app_name.clone();
        let begun = app.deployments.iter().map(|row| row.title.clone()).collect();
        let (mut services, mut down) = (BTreeMap::new(), BTreeSet::new());
        for container in self.host.containers.iter().filter(|container| container.project == name) {
            let symptoms = self.faults.symptoms(container.service(), self.now);
            let is_done = container.definition.one_shot && container.state == State::Exited && container.exit_code == 0;
            let answers = container.is_running() && container.booted && !symptoms.hangs && !symptoms.answers_500 && symptoms.ends.is_none();
            let is_at_work = container.definition.one_shot && container.is_running();
            if !is_done && !container.is_running() {
                down.insert(container.service().to_owned());
            }
            services.insert(container.service().to_owned(), is_done || answers || is_at_work);
        }
        Truth { services, down, begun }
    }

    /// When the last deploy was begun, if one was: from then on faults of its scope count.
    pub fn last_begun(&self) -> Option<(String, Duration)> {
        let app = self.store.composes.first()?;
        app.deployments.last().map(|row| (row.title.clone(), row.created_at))
    }

    /// A number for what there is: containers and their states, what services suffer from, whether a deploy is under way.
    pub fn sketch(&mut self, now: Duration) -> u64 {
        self.advance(now);
        let mut hasher = DefaultHasher::new();
        for container in &self.host.containers {
            let symptoms = self.faults.symptoms(container.service(), self.now);
            (&container.name, &container.definition.hash, container.state_word(), container.booted, format!("{symptoms:?}"))
                .hash(&mut hasher);
        }
        (self.is_deploying(), self.dokploy_is_up(), self.network_is_up(), self.externals_up()).hash(&mut hasher);
        hasher.finish()
    }

    /// A number for what is to come of this world: worlds with the same one differ in nothing but names, and when things happened that have
    /// no consequences any more. `is_last`: no other text will be sent, so that what becomes of services that are not there is of no
    /// consequence either.
    pub fn signature(&mut self, now: Duration, is_last: bool) -> u64 {
        self.advance(now);
        let mut hasher = DefaultHasher::new();
        for container in &self.host.containers {
            container.sign(self.now, &mut hasher);
            let symptoms = self.faults.symptoms(container.service(), self.now);
            format!("{symptoms:?}").hash(&mut hasher);
        }
        self.host.images.hash(&mut hasher);
        let has = |name: &str| {
            let is_named = |compose: &Compose| compose.text("composeFile").contains(name);
            self.host.containers.iter().any(|container| container.service() == name) || self.store.composes.iter().any(is_named)
        };
        self.faults.sign(self.now, &mut hasher, |service| !is_last || has(service));
        self.sign_deploys(&mut hasher);
        self.store.composes.iter().for_each(|compose| compose.text("composeFile").hash(&mut hasher));
        hasher.finish()
    }
}
