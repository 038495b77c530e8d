//! The typed plan: names resolved, defaults filled in, spans kept. Made by [`lower`] from the syntax tree.

mod allow;
mod build_context;
mod condition;
mod docker;
mod duration;
mod json_path;
mod lower;
mod notice;
mod pattern;
mod percentile;
mod plan;
mod probe;
mod text;

pub use crate::syntax::Severity;
pub use allow::{Allow, Allowed};
pub use build_context::{BuildContext, ContextPlace, Dockerfile};
pub use condition::{Comparison, Condition, Decimal, Holds, Literal, Number};
pub use docker::{Amount, ContainerAssertion, Docker, Free, Logs, ServerAssertion};
pub use duration::duration;
pub use json_path::JsonPath;
pub use lower::{Gaps, Lowered, load, load_with, lower};
pub use notice::{Channel, NoticeEvent, Notify, Watch};
pub use pattern::Pattern;
pub use percentile::Percentile;
pub use plan::{App, Approval, Dokploy, Expectation, External, Gate, Job, Limits, OnFailure, OrElse, Phase, Plan, Sampling, Service};
pub use probe::{Exec, ExecAssertion, HttpAssertion, HttpAuth, HttpOptions, Named, Probe};
pub use text::{Resolved, Text, TextPart, Unset, Variables};
