//! The typed plan: names resolved, defaults filled in, spans kept. Made by [`lower`] from the syntax tree.

mod duration;
mod lower;
mod plan;
mod text;

pub use duration::duration;
pub use lower::{Gaps, Lowered, load, lower};
pub use plan::{
    App, Approval, Dokploy, Expectation, External, Gate, HttpAssertion, Limits, OnFailure, OrElse, Phase, Plan, Probe, Sampling, Service,
};
pub use text::{Resolved, Text, TextPart, Unset, Variables};
