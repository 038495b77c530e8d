//! What stays known from one intent to the next.

use super::features::Features;
use super::jitter::Jitter;
use super::survey::Found;
use super::{Masks, Procedure};
use crate::engine::{Flaw, Intent};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The compose service of the plan, by Dokploy's names for it, variables resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The project's name.
    pub project: String,
    /// The environment's name.
    pub environment: String,
    /// The compose service's name.
    pub compose: String,
}

/// The compose service, by Dokploy's ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its id.
    pub compose: String,
    /// The compose project's name.
    pub app_name: String,
    /// The server it runs on; `None` for Dokploy's own host.
    pub server: Option<String>,
    /// What the Dokploy that it is on can do.
    pub(super) features: Features,
    /// Rows that say running and that nobody will ever end: no deploy of anybody.
    pub(super) dead_rows: BTreeSet<String>,
    /// Rows that were there when the text was last compared to be replaced; `None` before that.
    pub(super) compared_rows: Option<BTreeSet<String>>,
    /// Places of compose services by id, `project/environment/name`, as far as the key sees them.
    pub(super) places: Arc<BTreeMap<String, String>>,
}

#[cfg(test)]
impl App {
    /// One on Dokploy's own host, of which nothing else is known.
    pub(super) fn named(compose: &str, app_name: &str) -> Self {
        let (compose, app_name) = (compose.to_owned(), app_name.to_owned());
        Self {
            compose,
            app_name,
            server: None,
            features: Features::default(),
            dead_rows: BTreeSet::new(),
            compared_rows: None,
            places: Arc::default(),
        }
    }
}

/// A conversation with one Dokploy about one app. Plain data: the driver keeps it, rehearsal forks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub(super) target: Target,
    pub(super) found: Option<Found>,
    pub(super) app: Option<App>,
    pub(super) masks: Masks,
    pub(super) jitter: Jitter,
    pub(super) flaw: Option<Flaw>,
}

impl Session {
    /// A conversation that knows names only. `masks` hides what the plan takes with `secret()`, the key included.
    pub fn new(target: Target, masks: Masks) -> Self {
        Self { target, found: None, app: None, masks, jitter: Jitter::default(), flaw: None }
    }

    /// Jitters the gaps between repetitions, the same way for the same seed: the run's id. Without a seed gaps are whole.
    #[must_use]
    pub fn jittered_by(self, seed: &str) -> Self {
        Self { jitter: Jitter::of(seed), ..self }
    }

    /// A deliberate mistake, for tests of what notices it.
    #[doc(hidden)]
    #[must_use]
    pub fn flawed_by(self, flaw: Option<Flaw>) -> Self {
        Self { flaw, ..self }
    }

    /// The procedure that carries an intent out; `None` for `Resolve`, which is git's.
    ///
    /// # Panics
    /// When an intent other than `Find` and `Survey` comes before a survey was learnt: the engine surveys first.
    pub fn begin(&self, intent: &Intent) -> Option<Procedure> {
        Procedure::new(intent, self)
    }

    /// Keeps what a finished procedure came to know: the app's ids, and values that must be hidden.
    pub fn learn(&mut self, procedure: &Procedure) {
        if let Some(found) = procedure.finding() {
            self.found = Some(found.clone());
        }
        if let Some(app) = procedure.app() {
            self.app = Some(app.clone());
        }
        if let (Some(app), Some(row)) = (&mut self.app, procedure.dead_row()) {
            app.dead_rows.insert(row.to_owned());
        }
        if let (Some(app), Some(rows)) = (&mut self.app, procedure.compared_rows()) {
            app.compared_rows = Some(rows.clone());
        }
        self.masks.merge(procedure.masks());
    }

    /// What must not be shown: the plan's secrets and, after a survey, the values of the app's environment.
    pub fn masks(&self) -> &Masks {
        &self.masks
    }

    /// The app, once surveyed.
    pub fn app(&self) -> Option<&App> {
        self.app.as_ref()
    }

    /// Whether the app runs on a server of its own: its calls take longer (FACTS §13.1).
    pub fn is_remote(&self) -> bool {
        self.app.as_ref().is_some_and(|app| app.server.is_some())
    }
}
