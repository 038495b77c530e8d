//! The `plan` command.

use std::process::ExitCode;

/// Each sample takes and gives back a few buffers of some kilobytes, for which glibc's allocator searches each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rollout_plan::drive::install_tls();
    ExitCode::from(rollout_plan::cli::main())
}
