//! `plan`: a declarative rollout language and its interpreter.
//!
//! Layers, from left to right; a layer never names one to its right (`tests/architecture.rs`):
//! `source` → `secrets` → `diagnostic` → `syntax` → `model` → `fmt` → `compose` → `check` → `schedule` → `engine` → `dokploy` → `wire` →
//! `probe` → `store` → `drive` → `notify` → `world` → `sandbox` → `report` → `cli`. Everything up to `wire`, and `world`, is pure.
//! On `world` stand `rehearse`, and on that `scenario`, pure as well; `report` shows them.
//! Beside them, for `cli` alone, `init`: compose files to a first plan, pure as well.

pub mod check;
pub mod cli;
pub mod compose;
pub mod diagnostic;
pub mod dokploy;
pub mod drive;
pub mod engine;
pub mod fmt;
pub mod init;
pub mod model;
pub mod notify;
pub mod probe;
pub mod rehearse;
pub mod report;
pub mod sandbox;
pub mod scenario;
pub mod schedule;
pub mod secrets;
pub mod source;
pub mod store;
pub mod syntax;
pub mod wire;
pub mod world;
