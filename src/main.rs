//! The `plan` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    rollout_plan::drive::install_tls();
    ExitCode::from(rollout_plan::cli::main())
}
