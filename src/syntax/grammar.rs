//! The generated parser. Only this folder sees pest.

/// `grammar/plan.pest`, compiled.
#[derive(pest_derive::Parser)]
#[grammar = "grammar/plan.pest"]
pub(super) struct Grammar;
