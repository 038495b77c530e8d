//! How the process's own streams look, and what is printed on them outside a run.

use super::args::{Check, CheckFormat, Color, Display};
use super::check::{self, Form, Options};
use super::live::{self, Asked};
use super::{expected, unset};
use crate::diagnostic::Diagnostic;
use crate::engine::app_as_written;
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
    let form = match args.format {
        CheckFormat::Human => Form::Human,
        CheckFormat::Plain => Form::Plain,
        CheckFormat::Json => Form::Json,
        CheckFormat::Github => Form::Github,
    };
    let (width, colour, deny_warnings) = (Display::width(), form == Form::Human, args.deny.is_some());
    let options = Options { width, colour_out: colour && colour_out, colour_err: colour && colour_err, form, all: args.all, deny_warnings };
    let found = check::find(&args.file);
    // Whoever is given findings alone is told no times.
    let foreseen = found.schedule.as_ref().filter(|_| args.tables || !form.is_for_programs());
    let took = foreseen.map(|schedule| expected::took(&app_as_written(&schedule.app))).unwrap_or_default();
    let outcome = if args.tables { check::tabulated(&found, &took, options) } else { check::outcome(&found, &took, options) };
    report::to_stderr(&outcome.stderr);
    report::to_stdout(&outcome.stdout);
    let plan = found.lowered.and_then(|lowered| lowered.plan);
    let (Some(schedule), Some(plan), 0, false) = (found.schedule, plan, outcome.code, args.offline || args.tables) else {
        return outcome.code;
    };
    // On stdout, findings for programs are alone.
    let (print, colour): (fn(&str), bool) =
        if form.is_for_programs() { (report::to_stderr, false) } else { (report::to_stdout, options.colour_out) };
    match live::ask(&args.file, &schedule, &plan.dokploy, (width, colour)) {
        Asked::Answered { text, code, unset } => {
            let told = unset::diagnostics(&unset, &args.file, &found.sources);
            let shown = check::shown(&told, &found.sources, options);
            report::to_stderr(&shown.stderr);
            report::to_stdout(&shown.stdout);
            print(&text);
            if code == 0 { shown.code } else { code }
        }
        Asked::Refused(why, code) => {
            complain(&args.display, &why, "`plan run` would end with this before it begins; `plan check --offline` does without Dokploy");
            code
        }
        Asked::Not(why) if args.live => {
            complain(&args.display, &format!("Dokploy was not asked: {why}"), "without --live, `plan check` does without");
            9
        }
        Asked::Not(why) => {
            report::to_stderr(&format!("note: Dokploy was not asked, only the plan and its files were checked: {why}\n"));
            0
        }
    }
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
