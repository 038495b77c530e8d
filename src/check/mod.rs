//! Static checks, one rule a file: what can be proved about a plan and its compose files without touching anything.
//!
//! Each mistake is told once. A rule is silent about what follows from a mistake that another one tells: when a
//! compose file cannot be read, for instance, the rules that need all of them wait for it.

mod allows;
mod authority;
mod build_contexts;
mod container_names;
mod context;
mod cycles;
mod depends_on;
mod externals;
mod files;
mod growth;
mod jobs;
mod loopback;
mod mutable_tags;
mod needs;
mod percentiles;
mod pins;
mod plain_secrets;
mod ports;
mod redis;
mod removes;
mod services;
mod short_soaks;
mod silent_change;
mod slow_healthchecks;
mod time;
mod watch;

pub use files::{FileError, Files, MAX_COMPOSE_BYTES};
pub use pins::place as pin_place;

use crate::compose::ComposeFile;
use crate::diagnostic::{Diagnostic, Severity, sort};
use crate::model::Lowered;
use crate::source::SourceMap;
use context::Context;
use std::sync::Arc;

/// What the checks found.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The phases with their files, when there is no error.
    pub proven: Option<Proven>,
    /// Errors and warnings, sorted.
    pub diagnostics: Vec<Diagnostic>,
}

/// A plan's phases in the order they run, with their compose files. Made only when nothing is wrong.
#[derive(Clone, Debug)]
pub struct Proven {
    steps: Vec<Step>,
}

impl Proven {
    /// The phases in the order they run.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// A phase and its compose file.
#[derive(Clone, Debug)]
pub struct Step {
    /// The phase, as an index into [`crate::model::Plan::phases`].
    pub phase: usize,
    /// The file's text as it is on disk.
    pub text: Arc<str>,
    /// What was read of it. Shared by the phases that deploy the same file.
    pub compose: Arc<ComposeFile>,
}

/// Checks what reading a plan gave. The compose files that it names are read through `files` and added to `sources`.
/// What reading has found is among the diagnostics, and nothing that follows from it is told again.
pub fn check(lowered: &Lowered, sources: &mut SourceMap, files: &dyn Files) -> Checked {
    let mut found = lowered.diagnostics.clone();
    let Some(plan) = &lowered.plan else { return Checked { proven: None, diagnostics: found } };
    authority::check(plan, files, &mut found);
    let loaded = files::load(plan, sources, files, &mut found);
    let context = Context::new(lowered, plan, sources, &loaded);
    services::check(&context, &mut found);
    let clashing = ports::check(&context, &mut found);
    container_names::check(&context, &mut found);
    depends_on::check(&context, &mut found);
    cycles::check(&context, &mut found);
    needs::check(&context, &mut found);
    redis::check(&context, &mut found);
    pins::check(&context, &mut found);
    jobs::check(&context, &mut found);
    percentiles::check(&context, &mut found);
    build_contexts::check(&context, &mut found);
    growth::check(&context, &mut found);
    removes::check(&context, &mut found);
    silent_change::check(&context, &clashing, &mut found);
    loopback::check(&context, &mut found);
    time::check(&context, &mut found);
    short_soaks::check(&context, &mut found);
    watch::check(&context, &mut found);
    externals::check(&context, &mut found);
    mutable_tags::check(&context, &mut found);
    plain_secrets::check(&context, &mut found);
    slow_healthchecks::check(&context, &mut found);
    allows::check(&context, &mut found);
    sort(&mut found);
    let valid = found.iter().all(|diagnostic| diagnostic.severity() != Severity::Error);
    let steps = context.steps().filter(|_| valid);
    Checked { proven: steps.map(|steps| Proven { steps }), diagnostics: found }
}
