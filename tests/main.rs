//! All integration tests, in one binary so that they link once.

mod architecture;
mod driver;
mod git_sources;
mod probes;
mod support;
mod transport;
