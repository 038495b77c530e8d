//! All integration tests, in one binary so that they link once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

mod architecture;
mod check;
mod compose_styles;
mod driver;
mod fixture;
mod git_sources;
mod live_run;
mod probes;
mod recorded;
mod recordings;
mod report;
mod shapes;
mod store;
mod support;
mod transport;
mod world;
