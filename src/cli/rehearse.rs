//! `plan rehearse`: the plan against every way it can go wrong, on virtual time.

use super::args::{Rehearse as Args, RehearseForm};
use super::check::find;
use super::look::{complain, show};
use super::make_believe;
use super::scenarios;
use super::variables;
use crate::diagnostic::Diagnostic;
use crate::engine::Options;
use crate::rehearse::{self, Budget, Explorer, Place};
use crate::report;
use crate::report::rehearsal::{Findings, human, json, markdown};
use crate::report::terminal;
use crate::schedule::Lines;
use crate::world::{Config, World};
use std::sync::Arc;
use std::thread::available_parallelism;

/// Columns when it is no terminal.
const WIDTH: usize = 110;

/// The exit code when a promise does not hold on some path: a bug of the tool.
const BROKEN: u8 = 1;

/// Rehearses, and gives the exit code.
pub(super) fn rehearse(args: &Args) -> u8 {
    if let Err((message, help)) = is_meant(args) {
        complain(&args.display, message, help);
        return 2;
    }
    let found = find(&args.file);
    show(&found.diagnostics, &found.sources, &args.display);
    let plan = found.lowered.as_ref().and_then(|lowered| lowered.plan.as_ref());
    let lines = plan.map(|plan| Lines::of(plan, &found.sources)).unwrap_or_default();
    let Some(schedule) = found.schedule.map(Arc::new) else { return 2 };
    let stand_ins = make_believe::variables(&schedule);
    let setting = rehearse::setting(&schedule, &stand_ins, Vec::new());
    let options = Options { run: "rehearsal".to_owned(), ..Options::default() };
    let place = match Place::prepare(&schedule, &stand_ins, Config::API_KEY, options) {
        Ok(place) => Arc::new(place.with_whole_gaps()),
        Err(errors) => {
            let unprepared: Vec<Diagnostic> = errors.iter().map(variables::unprepared).collect();
            show(&unprepared, &found.sources, &args.display);
            return 2;
        }
    };
    if !args.test.is_empty() {
        return scenarios::test(args, found.sources, &schedule, place, &stand_ins);
    }
    let explorer = Explorer {
        place,
        world: World::new(setting.config).in_brief(),
        symmetry: !args.every_service,
        merging: true,
        workers: available_parallelism().map_or(1, usize::from),
        budget: args.budget.map_or_else(|| Budget::of(schedule.services.len()), |paths| Budget { paths }),
    };
    let found = explorer.explore();
    let counterexamples = found.broken.iter().map(|(broken, first, second)| (broken, explorer.play(first, second.as_ref()))).collect();
    let unnoticed = found.unnoticed.iter().map(|(whom, case)| (whom, case, explorer.play(case, None))).collect();
    let plan = args.file.display().to_string();
    let findings = Findings { plan: &plan, schedule: &schedule, lines: &lines, explored: &found, counterexamples, unnoticed };
    let width = width();
    let (colour, _) = args.display.colour();
    let text = match args.format {
        RehearseForm::Human | RehearseForm::Junit => human(&findings, width, colour, args.all),
        RehearseForm::Json => json(&findings) + "\n",
        RehearseForm::Markdown => markdown(&findings),
    };
    report::to_stdout(&text);
    if found.broken.is_empty() { 0 } else { BROKEN }
}

/// Columns of a report.
pub(super) fn width() -> usize {
    terminal::columns_of_stdout().unwrap_or(WIDTH).clamp(60, 200)
}

/// Whether the forms asked for are there: scenarios and the exploration have not the same.
fn is_meant(args: &Args) -> Result<(), (&'static str, &'static str)> {
    match (args.format, args.test.is_empty()) {
        (RehearseForm::Junit, true) => Err(("--format junit is for scenarios", "name their folder: --test scenarios")),
        (RehearseForm::Markdown, false) => Err(("--format markdown is not for scenarios", "with --test it may be human, json or junit")),
        _ => Ok(()),
    }
}
