//! `plan show`: a run again, from its journal.

use super::args::{Show, ShowFormat};
use super::look::complain;
use super::past::{self, Stopped, UNREADABLE};
use super::reports;
use crate::report::account::{self, Account};
use crate::report::{self, Streams};
use crate::store::{Condition, Past, evidence};
use std::path::Path;

/// `plan show`. 0 when it was shown, 1 when its record cannot be read, 2 when there is no such run.
pub(super) fn show(args: &Show) -> u8 {
    shown(args).unwrap_or_else(|Stopped(code)| code)
}

fn shown(args: &Show) -> Result<u8, Stopped> {
    let archive = past::open(args.state.clone(), &args.display)?;
    let places = past::places(&archive, &args.display)?;
    let place = past::find(&places, &args.run).map_err(|(message, help)| {
        complain(&args.display, &message, &help);
        Stopped(2)
    })?;
    let run = place.read();
    if let Some(why) = unreadable(&run) {
        complain(&args.display, &why, &what_remains(&run));
        return Ok(UNREADABLE);
    }
    // Before anything is shown: a folder that is in use is the command line's fault.
    let copied = args.evidence.as_deref().map(|to| copy(&run, to, args)).transpose()?;
    let at_work = past::at_work(&run);
    let again = |format| {
        let streams = Streams::of_stdout(args.display.choice(), |name| std::env::var(name).ok());
        report::past::replay(&run, at_work.as_deref(), format, streams)
    };
    let account = || Account::of(&run, at_work.as_deref(), None);
    let is_shown = match args.format {
        None | Some(ShowFormat::Human) if report::terminal::columns_of_stdout().is_some() => again(report::Format::Human),
        None | Some(ShowFormat::Human | ShowFormat::Plain) => again(report::Format::Plain),
        Some(ShowFormat::Json) => again(report::Format::Json),
        Some(ShowFormat::Junit) => account().map(|account| report::to_stdout(&account::junit(&account))).is_some(),
        Some(ShowFormat::Markdown) => account().map(|account| report::to_stdout(&account::markdown(&account))).is_some(),
        Some(ShowFormat::Github) => account().map(|account| reports::to_github(&account, &past::note)).is_some(),
    };
    if !is_shown {
        complain(&args.display, &format!("run {} was cut off before it began", run.place.run), &what_remains(&run));
        return Ok(UNREADABLE);
    }
    if let Some(copied) = copied {
        past::note(&copied);
    }
    Ok(0)
}

/// Why a run cannot be shown, if it cannot.
fn unreadable(run: &Past) -> Option<String> {
    match &run.condition {
        Condition::Damaged(error) => Some(error.to_string()),
        Condition::Missing => Some(format!("run {} has no journal", run.place.run)),
        Condition::Whole | Condition::Torn(_) => None,
    }
}

/// What can still be used of a run whose journal cannot.
fn what_remains(run: &Past) -> String {
    let texts = run.place.snapshots();
    let mut help: Vec<String> = texts.iter().map(|text| text.display().to_string()).collect();
    if help.is_empty() {
        return "it kept no texts".to_owned();
    }
    help.insert(0, "the texts it kept are whole files, to be pasted into Dokploy where need be:".to_owned());
    if let Ok(Some(bundle)) = run.place.bundle() {
        let phases: Vec<&str> = bundle.phases.iter().map(|phase| phase.phase.as_str()).collect();
        help.push(format!("its bundle says that it verified {}", report::words::list(phases)));
    }
    help.join("\n")
}

/// Copies the evidence of a run, and says what was copied.
fn copy(run: &Past, to: &Path, args: &Show) -> Result<String, Stopped> {
    let folders = run.place.evidence();
    if folders.is_empty() {
        return Ok(format!("run {} kept no evidence: nothing of it failed; {} was not made", run.place.run, to.display()));
    }
    let copied = evidence::copy(&folders, to).map_err(|error| {
        let code = if error.is_not_free() { 2 } else { UNREADABLE };
        complain(&args.display, &error.to_string(), "");
        Stopped(code)
    })?;
    let from = run.place.folder.display();
    let files = report::words::count(copied, "file");
    Ok(format!("{files} of evidence in {}; compose texts may hold secrets, so they stay in {from}", to.display()))
}
