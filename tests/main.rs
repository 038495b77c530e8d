//! All integration tests, in one binary so that they link once.

mod recorded;
mod recordings;
mod shapes;
