//! All integration tests, in one binary so that they link once.

mod check;
mod compose_styles;
mod fixture;
mod recorded;
mod recordings;
mod shapes;
mod world;
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

mod architecture;
mod driver;
mod git_sources;
mod probes;
mod store;
mod support;
mod transport;
