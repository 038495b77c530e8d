//! The driver: runs the engine's effects on tokio and tells it what came of them. Everything outside is behind a port.

mod approve;
mod checkup;
mod clock;
mod in_flight;
pub(crate) mod instant;
mod interrupt;
mod locking;
mod machine;
mod masking;
mod pace;
mod platform;
mod ports;
mod probes;
mod record;
mod resolve;
mod run;
mod runtime;
mod transport;
mod turns;
mod vigil;

pub use approve::{AsTold, Automatic, People, Prompt, Terminal, Told};
pub use checkup::check_up;
pub use clock::{LiveClock, PacedClock, Speed, StandStill};
pub use interrupt::{Interrupts, NoInterrupts, Signal, Signals};
pub use locking::{Bystander, FileLocks};
pub use machine::Machine;
pub use masking::{Masking, SharedMasks};
pub use platform::Dokploy;
pub use ports::{
    AlwaysFree, Approve, AtWork, Clock, Confirmation, Heard, Limits, Locks, Platform, Prober, Record, Report, Sources, Transport,
    TransportError,
};
pub use probes::Probes;
pub use resolve::{GitSources, resolve};
pub use run::{Driven, Outside, run};
pub use runtime::{install_tls, runtime};
pub use transport::{BaseUrl, HttpTransport};
pub use vigil::{Hear, Lookout, Watched, keep_vigil};
