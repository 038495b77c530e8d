//! All integration tests, in one binary so that they link once.

mod check;
mod compose_styles;
mod fixture;
mod recorded;
mod recordings;
mod shapes;
mod world;
