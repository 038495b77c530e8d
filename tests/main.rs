//! All integration tests, in one binary so that they link once.

mod deploying;
mod observing;
mod play;
mod recorded;
mod recordings;
mod replacing;
mod shapes;
mod surveying;
mod unruly;
