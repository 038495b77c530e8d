//! All integration tests, in one binary so that they link once.

mod sandbox;
mod shapes_of_world;
mod world;
