//! What a rehearsal found, for people, machines and pull requests.

mod holes;
mod human;
mod json;
mod markdown;
mod wording;

pub use human::human;
pub use json::json;
pub use markdown::markdown;
pub use wording::broken as broken_in_words;

use crate::rehearse::{Broken, Case, Explored, Played};
use crate::schedule::{Lines, PhaseId, Schedule};

/// Everything that a report is made of.
#[derive(Debug)]
pub struct Findings<'a> {
    /// The plan's file as it was named.
    pub plan: &'a str,
    /// The plan.
    pub schedule: &'a Schedule,
    /// Its lines.
    pub lines: &'a Lines,
    /// What was explored.
    pub explored: &'a Explored,
    /// Paths to be read: a counterexample of each property that does not hold.
    pub counterexamples: Vec<(&'a Broken, Played)>,
    /// A path for each failure that nobody would notice.
    pub unnoticed: Vec<(&'a Whom, &'a Case, Played)>,
}

/// Services that are alike, and while which phase they were struck; `None`: before the first.
pub type Whom = (Option<PhaseId>, String);
