//! What scenarios came to, for people, machines and CI.

mod human;
mod json;
mod junit;
mod path;
mod wording;

pub use human::{human, said};
pub use json::json;
pub use junit::junit;

use super::close::quoted;
use crate::scenario::{Judged, Scenario, Signs};
use crate::schedule::Schedule;
use crate::source::{SourceMap, Span};

/// Everything that a report is made of.
pub struct Tested<'a> {
    /// The plan's file as it was named.
    pub plan: &'a str,
    /// The plan.
    pub schedule: &'a Schedule,
    /// The files of scenarios, among others.
    pub sources: &'a SourceMap,
    /// The scenarios in the order of their files.
    pub played: Vec<Played<'a>>,
}

/// One scenario that was played.
pub struct Played<'a> {
    /// What it says.
    pub scenario: &'a Scenario,
    /// What came of it.
    pub judged: Judged,
    /// What the run told.
    pub signs: Signs,
}

impl Tested<'_> {
    /// How many hold.
    fn holding(&self) -> usize {
        self.played.iter().filter(|played| played.judged.holds()).count()
    }
}

/// `scenarios/business.scenario`
fn file(span: Span, sources: &SourceMap) -> String {
    sources.file(span.file).path().display().to_string()
}

/// The line of a span, from 1.
fn line(span: Span, sources: &SourceMap) -> usize {
    sources.file(span.file).line_column(span.start as usize).0
}

/// The command that plays a scenario over real HTTP.
fn command(plan: &str, scenario: &Scenario, sources: &SourceMap) -> String {
    let path = file(scenario.name.span, sources);
    format!("plan run {} --sandbox --yes --scenario {}", quoted(plan), quoted(&format!("{path}:{}", scenario.name.value)))
}
