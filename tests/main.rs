//! All integration tests, in one binary so that they link once.

mod compose_styles;
mod fixture;
