//! What a plan says.

use super::{Allow, Notify, Percentile, Probe, Severity, Text, Watch};
use crate::source::{Span, Spanned};
use std::time::Duration;

/// A whole plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `rollout NAME`.
    pub name: Spanned<String>,
    /// Where Dokploy is.
    pub dokploy: Dokploy,
    /// The compose service that is rolled out.
    pub app: App,
    /// How expectations are sampled.
    pub sampling: Sampling,
    /// Limits of the whole run.
    pub limits: Limits,
    /// Services, in the order written.
    pub services: Vec<Service>,
    /// Things outside the app that it needs.
    pub externals: Vec<External>,
    /// Gates, in the order written.
    pub gates: Vec<Gate>,
    /// Phases, in the order written; [`Plan::line`] has them in the order they run.
    pub phases: Vec<Phase>,
    /// How long everything is asked on after the last phase.
    pub watch: Option<Watch>,
    /// Who is told of what, in the order written.
    pub notify: Vec<Notify>,
}

impl Plan {
    /// Everything that is asked, of whomever, whether it decides or not.
    pub fn expectations(&self) -> impl Iterator<Item = &Expectation> {
        let services = self.services.iter().flat_map(|service| &service.expectations);
        let externals = self.externals.iter().flat_map(|external| &external.expectations);
        let of_gates = self.gates.iter().flat_map(|gate| &gate.expectations);
        services.chain(externals).chain(of_gates).chain(self.asides())
    }

    /// Everything that is asked and decides nothing, of whomever.
    fn asides(&self) -> impl Iterator<Item = &Expectation> {
        let services = self.services.iter().flat_map(|service| &service.asides);
        let externals = self.externals.iter().flat_map(|external| &external.asides);
        services.chain(externals).chain(self.gates.iter().flat_map(|gate| &gate.asides))
    }
}

/// `dokploy { url …  api-key …  ca … }`.
#[derive(Clone, Debug)]
pub struct Dokploy {
    /// The server's base address.
    pub url: Spanned<Text>,
    /// The key sent as `x-api-key`.
    pub api_key: Spanned<Text>,
    /// A file of certificates that are trusted beside the machine's own roots, relative to the plan.
    pub ca: Option<Spanned<String>>,
    /// The block's keyword.
    pub span: Span,
}

/// `app NAME { project …  environment …  compose … }`: one Dokploy compose service.
#[derive(Clone, Debug)]
pub struct App {
    /// Its name in the plan.
    pub name: Spanned<String>,
    /// Dokploy's project.
    pub project: Spanned<Text>,
    /// The project's environment.
    pub environment: Spanned<Text>,
    /// The compose service's name in it.
    pub compose: Spanned<Text>,
}

/// How an expectation is sampled. Written once for the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// From the start of one round to the start of the next. Default 5 s.
    pub every: Duration,
    /// The time limit of one sample; never more than `every`. Default 3 s.
    pub timeout: Duration,
    /// Passes in a row that make an expectation `met`. Default 2.
    pub healthy_after: u32,
    /// Failures in a row, once `met`, that make it `failed`. Default 3.
    pub unhealthy_after: u32,
    /// Where the block was written.
    pub span: Option<Span>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { every: Duration::from_secs(5), timeout: Duration::from_secs(3), healthy_after: 2, unhealthy_after: 3, span: None }
    }
}

/// Limits of the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a deploy may wait in Dokploy's queue (`queue within`). Default 15 min.
    pub queue: Duration,
    /// How long the run may take, approval waits not counted (`run within`). Default 2 h.
    pub run: Duration,
    /// Restarts since the deploy that are still forgiven while settling (`restarts max`). Default 3.
    pub restarts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { queue: Duration::from_secs(15 * 60), run: Duration::from_secs(2 * 60 * 60), restarts: 3 }
    }
}

/// `service NAME { … }`: the compose service's own name and how one knows that it is well.
#[derive(Clone, Debug)]
pub struct Service {
    /// The compose service's name.
    pub name: Spanned<String>,
    /// What it is, for people.
    pub note: Option<String>,
    /// What to look at when it fails.
    pub hint: Option<String>,
    /// Services and externals without which it cannot be well (`needs`), by name.
    pub needs: Vec<Spanned<String>>,
    /// Those that it asks things of and can do without (`uses`), by name.
    pub uses: Vec<Spanned<String>>,
    /// Warnings about it that are meant (`allow WORD "reason"`), each word once.
    pub allows: Vec<Allow>,
    /// What must hold besides its container running.
    pub expectations: Vec<Expectation>,
    /// What is asked besides and decides nothing (`warn`, `observe`).
    pub asides: Vec<Expectation>,
    /// Written as `job NAME { … }`: it does its work and ends with 0.
    pub job: Option<Job>,
}

/// What makes a service a job.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// `within D`: how long it may take from the deploy's end on. Default: the phase's `settle`.
    pub within: Option<Spanned<Duration>>,
}

/// `external NAME { … }`: something that the app needs and this plan does not deploy.
#[derive(Clone, Debug)]
pub struct External {
    /// Its name in the plan.
    pub name: Spanned<String>,
    /// What must hold.
    pub expectations: Vec<Expectation>,
    /// What is asked besides and decides nothing (`warn`, `observe`).
    pub asides: Vec<Expectation>,
    /// What to look at when it fails.
    pub hint: Option<String>,
}

/// `gate NAME { … }`: must hold before a phase starts.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Its name.
    pub name: Spanned<String>,
    /// Direct expectations.
    pub expectations: Vec<Expectation>,
    /// What is asked besides and decides nothing (`warn`, `observe`).
    pub asides: Vec<Expectation>,
    /// Externals whose expectations must hold (`expect external a, b`), as indices into [`Plan::externals`].
    pub externals: Vec<Spanned<usize>>,
    /// A person's yes, if one is asked for.
    pub approval: Option<Approval>,
}

/// `approve "QUESTION" within 30m else stop`.
#[derive(Clone, Debug)]
pub struct Approval {
    /// What the person is asked.
    pub question: String,
    /// How long the answer may take. Default 30 min.
    pub within: Duration,
    /// What silence means.
    pub otherwise: OrElse,
    /// Where it was written.
    pub span: Span,
}

/// What an approval that nobody gives leads to. Only stopping is allowed: a timer is never a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrElse {
    /// Stop between phases.
    Stop,
}

/// `phase NAME after OTHER { … }`.
#[derive(Clone, Debug)]
pub struct Phase {
    /// Its name.
    pub name: Spanned<String>,
    /// What it is for.
    pub note: Option<String>,
    /// The phase before it, as an index into [`Plan::phases`]. `None` for the first.
    pub after: Option<Spanned<usize>>,
    /// Gates, as indices into [`Plan::gates`].
    pub require: Vec<Spanned<usize>>,
    /// The compose file as written, relative to the plan file.
    pub from: Spanned<String>,
    /// How long the deploy may run, from the first sight of its row (`deploy … within`). Default 10 min.
    pub within: Duration,
    /// How long services may take to become healthy, from the deploy's end (`settle within`). Default 2 min.
    pub settle: Duration,
    /// How long they must then hold (`soak`). Default: `every` × `healthy after` of the sampling, so that it is never nothing.
    pub soak: Duration,
    /// What a failure leads to. Default rollback.
    pub on_failure: OnFailure,
    /// Services that this phase drops on purpose (`removes NAME`).
    pub removes: Vec<Spanned<String>>,
    /// Where `settle` and `soak` were written, if they were.
    pub settle_span: Option<Span>,
    /// Where `soak` was written, if it was.
    pub soak_span: Option<Span>,
}

/// `on failure …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// Back to the last verified state.
    Rollback,
    /// Leave everything as it is.
    Stop,
    /// Ask; without a terminal: stop.
    Ask,
}

/// `expect …`, `warn …`, `observe …`: something that is sampled and judged.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// What becomes of an answer that is not as it should be.
    pub severity: Severity,
    /// What is asked, and what the answer must be.
    pub probe: Probe,
    /// What so many of its samples must be below.
    pub percentiles: Vec<Spanned<Percentile>>,
    /// The whole statement.
    pub span: Span,
}
