//! The command line: wires everything; nothing imports it.

mod answer;
mod answering;
mod args;
mod asking;
mod build_log;
pub mod check;
mod docs;
mod example;
mod expected;
mod explain;
pub mod files;
mod fmt;
mod health;
mod init;
mod live;
mod look;
mod make_believe;
mod named;
mod notices;
mod one_look;
mod past;
mod rehearse;
mod reports;
mod resume;
mod rewrite;
mod run;
mod sandbox;
mod scenarios;
mod show;
mod status;
mod unknown;
mod unset;
mod variables;
mod watch;
mod way_back;

use args::{Cli, Command};
use clap::Parser as _;

/// Why a command line cannot be read, if it cannot. Its first word is the program's name. For the documents, whose commands are held to it.
pub fn misread(words: impl IntoIterator<Item = String>) -> Option<String> {
    Cli::try_parse_from(words).err().filter(clap::Error::use_stderr).map(|error| error.to_string())
}

/// Does what the process's arguments ask for and gives the exit code. What clap refuses or prints itself exits here: 2 for a wrong
/// command line, 0 for `--help` and `--version`.
pub fn main() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return unknown::refuse(&error),
    };
    match cli.command {
        Command::Check(check) => look::check(&check),
        Command::Run(run) => run::run(&run.untangled()),
        Command::Rehearse(args) => rehearse::rehearse(&args),
        Command::Health(health) => health::health(&health),
        Command::Watch(args) => watch::watch(&args),
        Command::Rollback(rollback) => way_back::rollback(*rollback),
        Command::Approve(args) => answer::answer(&args, true),
        Command::Deny(args) => answer::answer(&args, false),
        Command::Status(args) => status::status(&args),
        Command::History(args) => past::history(&args),
        Command::Show(args) => show::show(&args),
        Command::Schema => reports::schema(),
        Command::Fmt(args) => fmt::format(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Docs(args) => docs::docs(&args),
        Command::Graph(args) => docs::graph(&args),
        Command::Init(args) => init::init(&args),
        Command::Sandbox(sandbox) => sandbox::serve(&sandbox),
    }
}
