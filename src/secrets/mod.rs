//! Secrets out of whatever is shown, written down or handed to another process: values are told from plain words, found again in every form
//! that a log may show them in, and replaced by the name of what holds them. Pure, and left of everything that meets foreign text.

pub(crate) mod dotenv;
mod masks;
mod percent;
mod plain;
mod random;

pub(crate) use masks::base64;
pub use masks::{Masks, SHORTEST_ENVIRONMENT_VALUE};
pub(crate) use percent::{percent_decoded, percent_encoded};
pub(crate) use plain::names_a_secret;
