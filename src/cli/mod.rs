//! The command line: wires everything; nothing imports it.

pub mod check;
pub mod files;
