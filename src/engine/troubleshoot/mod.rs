//! Troubleshooting: likely causes of a failure, and what helps. Docker, package managers and databases say what is wrong, seldom what to do
//! about it; these rules read what they say. Precision before recall: a sign is what a program really writes, and no rule guesses.
//!
//! What is concluded is never recorded: it follows from the cause and the evidence, which are. One file for each table of rules.

mod advice;
mod build;
mod database;
mod health;
mod read;
mod rule;
mod start;

pub use advice::{Advice, Source};
pub use read::{Troubleshooter, of_cause, of_services};
pub use rule::{Rule, Sign, State};

/// A table: its title, and its rules. Of several rules that fit a line the first counts.
pub type Table = (&'static str, &'static [Rule]);

/// All tables, in the order in which they are tried.
pub const TABLES: [Table; 4] = [
    ("Images that cannot be built or pulled", &build::RULES),
    ("Containers that do not start, or do not stay", &start::RULES),
    ("Databases", &database::RULES),
    ("Answers that are not as expected", &health::RULES),
];

/// All rules, in the order in which they are tried.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    TABLES.iter().flat_map(|(_, rules)| rules.iter())
}
