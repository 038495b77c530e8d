//! All integration tests, in one binary so that they link once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails by panicking")]

mod architecture;
mod check;
mod compose_styles;
mod crash;
mod deploying;
mod docker_expectations;
mod docker_faults;
mod docs;
mod driver;
mod engine;
mod faults;
mod fixture;
mod git_sources;
mod going_back;
mod in_memory;
mod language;
mod language_properties;
mod live_run;
mod mutated;
mod observing;
mod past;
mod play;
mod probes;
mod probing;
mod program;
mod recorded;
mod recordings;
mod remote;
mod replacing;
mod report;
mod sampling;
mod sandbox;
mod shapes;
mod shapes_of_world;
mod store;
mod support;
mod surveying;
mod transport;
mod traps;
mod troubleshooting;
mod two_machines;
mod unruly;
mod versions;
mod world;
