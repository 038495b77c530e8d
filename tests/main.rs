//! All integration tests, in one binary so that they link once.

mod shapes_of_world;
mod world;
