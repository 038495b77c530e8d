//! The driver: runs the engine's effects on tokio and tells it what came of them. Everything outside is behind a port.

mod ports;

pub use ports::{Approve, Clock, Confirmation, Limits, Prober, Record, Transport, TransportError};
