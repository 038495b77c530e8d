//! Compose files: reading with spans, interpolation, ports, comparison. The only place that knows YAML.

mod cause;
mod definitions;
mod duration;
mod file;
mod git;
mod interpolate;
mod masked;
mod mistaken;
mod mounts;
mod node;
mod plain_secret;
mod plain_yaml;
mod ports;
mod read;
mod recreated;
mod required;
mod service;
mod wording;

pub use definitions::{Definition, definitions};
pub use file::{
    Build, ComposeFile, Condition, DependsOn, EnvEntry, Fault, GitContext, Healthcheck, Port, Protocol, SandboxAnswer, Service, Variable,
};
pub use git::{Repository, repository};
pub use interpolate::{InterpolationError, interpolate, with_defaults};
pub use masked::{masked_line, masks_of};
pub use mounts::Mount;
pub use plain_secret::{PlainSecret, blotted, plain_secrets};
pub use read::read;
pub use recreated::{Change, Composed, causes, changed};
pub use required::asked;
