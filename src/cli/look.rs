//! How the process's own streams look, and what is printed on them outside a run.

use super::args::{self, Check, Color, Display};
use super::check::{self, Options};
use crate::diagnostic::Diagnostic;
use crate::report::diagnostics::{self, Look};
use crate::report::{self, ColourChoice};
use crate::source::SourceMap;

/// Columns when it is no terminal: wide enough for a log, narrow enough for a mail.
const WIDTH: usize = 100;

impl Display {
    /// The choice in the reporter's terms.
    pub(super) fn choice(&self) -> ColourChoice {
        match self.color {
            Color::Auto => ColourChoice::Auto,
            Color::Always => ColourChoice::Always,
            Color::Never => ColourChoice::Never,
        }
    }

    /// Whether stdout and stderr are coloured.
    pub(super) fn colour(&self) -> (bool, bool) {
        report::terminal::colours(self.choice(), |name| std::env::var(name).ok())
    }

    /// Columns of stderr.
    pub(super) fn width() -> usize {
        report::terminal::columns_of_stderr().unwrap_or(WIDTH).clamp(40, 200)
    }
}

/// `plan check`.
pub(super) fn check(args: &Check) -> u8 {
    let (colour_out, colour_err) = args.display.colour();
    let (width, json) = (Display::width(), args.format == args::Format::Json);
    let colour = args.format == args::Format::Human;
    let options = Options { width, colour_out: colour && colour_out, colour_err: colour && colour_err, json, all: args.all };
    let outcome = check::offline(&args.file, options);
    report::to_stderr(&outcome.stderr);
    report::to_stdout(&outcome.stdout);
    if outcome.code == 0 && !args.offline && !json {
        report::to_stderr(
            "note: Dokploy was not asked: comparing with what is live is not built yet; `plan run` does it before it asks to go on\n",
        );
    }
    outcome.code
}

/// Shows diagnostics on stderr.
pub(super) fn show(diagnostics: &[Diagnostic], sources: &SourceMap, display: &Display) {
    let look = Look { width: Display::width(), colour: display.colour().1, all: false };
    report::to_stderr(&diagnostics::human(diagnostics, sources, look));
}

/// One error that has no place in a file, with what to do about it.
pub(super) fn complain(display: &Display, message: &str, help: &str) {
    report::to_stderr(&report::complaint(message, help, display.colour().1));
}
