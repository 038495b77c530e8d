//! The one runtime: a single thread, so that nothing needs locks and the sandbox is the same run after run.

use std::io;
use tokio::runtime::{Builder, Runtime};

/// A current-thread runtime. `paused`: its clock moves only when nothing can be done, for the sandbox.
///
/// # Errors
/// When the system has no event queue to give.
pub fn runtime(paused: bool) -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().start_paused(paused).build()
}

/// Makes ring the process's TLS provider. To be called once, by main, before the first transport is made; later calls change nothing.
pub fn install_tls() {
    // An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
