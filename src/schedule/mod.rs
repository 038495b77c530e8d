//! The schedule: a checked plan with its compose files, made ready for the engine. Indices instead of names, texts
//! instead of paths, nothing left that could be invalid. Made by [`crate::check`]'s success only.

mod artefact;
mod build;
mod contexts;
mod forecast;
mod lasting;
mod lines;
mod time;
mod unnoticed;
mod wording;

pub use artefact::{Commits, Header, Pin, body_of, canonical, commits_in, digest, is_phase, render, without_user};
pub use build::{Prepared, build, prepare, services_in};
pub use forecast::{Back, Forecast, Foreseen, MayChange, forecast};
pub use lasting::Lasting;
pub use lines::Lines;
pub use time::{Bounds, CALLS, Expected, SOAK_TRIES, Times, Took};
pub use unnoticed::{During, Unnoticed};

use crate::model::{Allowed, App, Approval, Limits, Notify, OnFailure, Percentile, Probe, Sampling, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A service's name in the compose files.
pub type ServiceName = String;

/// Index into [`Schedule::phases`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct PhaseId(pub usize);

/// Index into [`Schedule::gates`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct GateId(pub usize);

/// Index into [`Schedule::expectations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct ExpectationId(pub usize);

/// A plan ready to run.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The rollout's name.
    pub rollout: String,
    /// The app.
    pub app: App,
    /// How everything is sampled.
    pub sampling: Sampling,
    /// Limits of the run.
    pub limits: Limits,
    /// Every service of every phase, by name.
    pub services: BTreeMap<ServiceName, Service>,
    /// Every expectation, of services, externals and gates.
    pub expectations: Vec<Expectation>,
    /// Every external of the plan, by name.
    pub externals: BTreeMap<String, External>,
    /// Gates in the order written.
    pub gates: Vec<Gate>,
    /// Phases in the order they run.
    pub phases: Vec<Phase>,
    /// How long everything is asked on after the last phase.
    pub watch: Option<Watch>,
    /// Who is told of what happens.
    pub told: Vec<Told>,
}

/// A watch after the last phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// How long.
    pub length: Duration,
    /// From the start of one round to the start of the next.
    pub every: Duration,
}

/// Somebody who is told what happens.
#[derive(Clone, Debug)]
pub struct Told {
    /// Who, how and of what.
    pub notify: Notify,
    /// For people, without its address: `slack secret("SLACK_WEBHOOK")`, `webhook in line 12`.
    pub text: String,
}

/// A service as the engine sees it.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its expectations besides "the container runs".
    pub expectations: Vec<ExpectationId>,
    /// What is asked besides and decides nothing.
    pub asides: Vec<ExpectationId>,
    /// What it is, for people.
    pub note: Option<String>,
    /// What to look at when it fails.
    pub hint: Option<String>,
    /// What it cannot be well without.
    pub needs: BTreeSet<Subject>,
    /// What it asks things of and can do without.
    pub uses: BTreeSet<Subject>,
    /// The phase that adds it.
    pub added_in: PhaseId,
    /// It does its work and ends with 0, at each deploy anew.
    pub job: Option<Job>,
    /// Warnings about it that are meant: the word and the reason.
    pub allows: Vec<(Allowed, String)>,
}

/// What makes a service a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// How long it may take from the deploy's end on. Default: as long as the phase settles.
    pub within: Option<Duration>,
}

impl Service {
    /// One of which the plan says nothing: its container is all that is looked at.
    pub fn unasked(added_in: PhaseId) -> Self {
        Self {
            expectations: Vec::new(),
            asides: Vec::new(),
            note: None,
            hint: None,
            needs: BTreeSet::new(),
            uses: BTreeSet::new(),
            added_in,
            job: None,
            allows: Vec::new(),
        }
    }
}

/// Something outside the app.
#[derive(Clone, Debug, Default)]
pub struct External {
    /// Its expectations.
    pub expectations: Vec<ExpectationId>,
    /// What is asked besides and decides nothing.
    pub asides: Vec<ExpectationId>,
    /// What to look at when it fails.
    pub hint: Option<String>,
}

/// An expectation and whom it speaks of.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// What becomes of an answer that is not as it should be.
    pub severity: Severity,
    /// What is asked.
    pub probe: Probe,
    /// What so many of its samples must be below.
    pub percentiles: Vec<Percentile>,
    /// Whom it speaks of.
    pub subject: Subject,
    /// One line for people: `http http://{host}:8000/health/ status in [200, 302]`, variables as written.
    pub text: String,
}

/// Whom an expectation speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A service of the app.
    Service(ServiceName),
    /// An external, by its name in the plan.
    External(String),
    /// A gate's own expectation, by the gate's name.
    Gate(String),
}

impl Subject {
    /// Its name in the plan.
    pub fn name(&self) -> &str {
        let (Self::Service(name) | Self::External(name) | Self::Gate(name)) = self;
        name
    }
}

/// A gate.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Its name.
    pub name: String,
    /// Everything that must be met, externals included.
    pub expectations: Vec<ExpectationId>,
    /// What is asked along and decides nothing, of the externals too.
    pub asides: Vec<ExpectationId>,
    /// The person's yes, if one is asked for. Asked after the expectations hold.
    pub approval: Option<Approval>,
}

impl Gate {
    /// Everything that it asks, whether it decides or not.
    pub fn asked(&self) -> impl Iterator<Item = ExpectationId> {
        self.expectations.iter().chain(&self.asides).copied()
    }
}

/// A phase.
#[derive(Clone, Debug)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub note: Option<String>,
    /// Its gates.
    pub gates: Vec<GateId>,
    /// The compose file's path as written in the plan.
    pub path: String,
    /// The compose file's text as it is on disk.
    pub text: String,
    /// `sha256:` and the hex digest of [`Phase::text`] in canonical form (CRLF as LF, no blanks at line ends, one
    /// final newline).
    pub digest: String,
    /// The git references in `text` that are replaced by commits before it is sent.
    pub pins: Vec<Pin>,
    /// Every service of the file, profiles excluded.
    pub services: BTreeSet<ServiceName>,
    /// Those that no earlier phase has.
    pub adds: BTreeSet<ServiceName>,
    /// Those of the phase before that it drops on purpose.
    pub removes: BTreeSet<ServiceName>,
    /// Host ports that it publishes, by service, as far as they can be read statically.
    pub ports: BTreeMap<ServiceName, BTreeSet<crate::compose::Port>>,
    /// Images as written, by service, of those that name one: a log that names only an image is led back to its service.
    pub images: BTreeMap<ServiceName, String>,
    /// Fixed container names, by service.
    pub container_names: BTreeMap<ServiceName, String>,
    /// Time limit of the deploy, from the first sight of its row.
    pub within: Duration,
    /// Time limit of settling, from the deploy's end.
    pub settle: Duration,
    /// How long everything must hold after that.
    pub soak: Duration,
    /// What a failure leads to.
    pub on_failure: OnFailure,
}

impl Schedule {
    /// A phase.
    pub fn phase(&self, id: PhaseId) -> &Phase {
        &self.phases[id.0]
    }

    /// The phase named so.
    pub fn phase_named(&self, name: &str) -> Option<PhaseId> {
        self.phases.iter().position(|phase| phase.name == name).map(PhaseId)
    }
}
