//! Compose files: reading with spans, interpolation, ports, comparison. The only place that knows YAML.

mod file;

pub use file::{
    Build, ComposeFile, Condition, DependsOn, EnvEntry, Fault, GitContext, Healthcheck, Port, Protocol, SandboxAnswer, Service,
};
