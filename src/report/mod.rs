//! Everything that is shown: the only layer that prints.

pub mod line;
pub mod outline;
pub mod progress;
pub mod safe;
pub mod words;
pub mod cause;
pub mod live;
pub mod masked;
pub mod setting;
pub mod story;
pub mod close;
pub mod exit;
pub mod failure;
pub mod header;
