//! Probes: asking is I/O, judging is pure.

mod connect_to;

pub use connect_to::ConnectTo;
