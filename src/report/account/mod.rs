//! The account of a run, made from its record when it has ended or was cut off: `JUnit` for test dashboards, annotations and job summary for
//! GitHub, Markdown for people. At the end of a run and long after it these are the same, since both are made here and from the journal.

mod cases;
mod fold;
mod github;
mod markdown;
mod places;

pub use cases::junit;
pub use fold::{Account, End};
pub use github::github;
pub use markdown::{markdown, shortened};
