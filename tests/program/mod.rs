//! Whole programs: the real binary with a cleared environment, against the sandbox inside it, a `plan sandbox` beside it, or a world that
//! the test made; and the library's run on virtual time where a world must be looked into.

mod answers;
mod bad_input;
mod between;
pub mod binary;
mod bombs;
mod by_library;
mod canary;
mod check;
mod databases;
mod disk;
mod dokploy_faults;
mod failures;
mod fmt;
mod health;
mod init;
mod interrupt;
mod killed;
mod live_check;
mod main_job;
mod notices;
mod past;
mod requests;
mod resume;
mod same_path;
mod second_run;
mod secrets;
pub mod served;
mod small;
mod terminal;
mod two_machines;
mod two_runs;
mod unreachable;
mod way;
mod way_back;
