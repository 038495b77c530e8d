//! Command lines that cannot be read: clap says what is wrong, save where we know better what was meant.

use super::args::{Color, Display};
use super::look::complain;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::path::Path;

/// Commands that are designed and not built, each with what does part of it today.
const NOT_BUILT: [(&str, &str); 1] = [("resume", "`plan run --resume` goes on with a run that was cut off")];

/// Says what is wrong, or prints what `--help` and `--version` ask for; gives the exit code.
pub(super) fn refuse(error: &clap::Error) -> u8 {
    let display = Display { color: Color::Auto };
    let told = match error.kind() {
        ErrorKind::InvalidSubcommand => error.get(ContextKind::InvalidSubcommand),
        _ => None,
    };
    let Some(ContextValue::String(word)) = told else {
        // A closed pipe is nobody's error.
        let _ = error.print();
        return u8::try_from(error.exit_code()).unwrap_or(2);
    };
    if let Some((_, instead)) = NOT_BUILT.iter().find(|(command, _)| command == word) {
        complain(&display, &format!("`plan {word}` is not built yet"), instead);
        return 2;
    }
    let path = Path::new(word);
    if path.extension().is_some() || path.exists() {
        complain(&display, &format!("`{word}` is no command"), &format!("plan check {word}\nplan run {word}"));
        return 2;
    }
    let _ = error.print();
    2
}

#[cfg(test)]
mod tests {
    use super::super::args::Cli;
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn what_is_not_built_is_no_command() {
        let cli = Cli::command();
        let built: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(
            built,
            [
                "check", "run", "rehearse", "health", "watch", "rollback", "approve", "deny", "status", "history", "show", "schema", "fmt",
                "explain", "docs", "graph", "init", "sandbox"
            ]
        );
        assert!(NOT_BUILT.iter().all(|(command, _)| !built.contains(command)));
        assert!(NOT_BUILT.is_sorted(), "a list that people add to");
    }
}
