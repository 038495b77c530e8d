//! What is so in a world, whatever anybody is told of it: what a run says at its end is compared with this.

use super::container::State;
use super::state::World;
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

    /// A number for what is to come of this world: worlds with the same one differ in nothing but names, and when things happened that have
    /// no consequences any more. `matters`: whether a service may be there for longer than until the next deploy. Of others it only counts
    /// whether they run.
    pub fn signature(&mut self, now: Duration, matters: impl Fn(&str) -> bool) -> u64 {
        self.advance(now);
        let mut hasher = DefaultHasher::new();
        for container in &self.host.containers {
            if matters(container.service()) {
                container.sign(self.now, &mut hasher);
                let symptoms = self.faults.symptoms(container.service(), self.now);
                format!("{symptoms:?}").hash(&mut hasher);
            } else {
                (&container.name, &container.definition.hash, container.state_word()).hash(&mut hasher);
            }
        }
        self.host.images.hash(&mut hasher);
        self.faults.sign(self.now, &mut hasher, matters);
        self.sign_deploys(&mut hasher);
        self.store.composes.iter().for_each(|compose| compose.text("composeFile").hash(&mut hasher));
        hasher.finish()
    }
}
