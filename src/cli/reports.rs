//! The reports that a run leaves, made from its journal: `--report FORMAT=FILE`, what GitHub is told, and `plan schema`.

use super::args::ReportFormat;
use crate::engine::{Ending, ExitCode};
use crate::report::account::{self, Account};
use crate::report::{self, Format, json, past};
use crate::store::Place;
use clap::ValueEnum as _;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The variable that names the file of a step's summary, in a workflow of GitHub.
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Bytes of a step's summary that GitHub takes: one that is larger it refuses as a whole. 1 MiB, less some for what stands there already.
const SUMMARY_MAX: usize = 1_000_000;

/// `plan schema`.
pub(super) fn schema() -> u8 {
    report::to_stdout(&json::schema());
    0
}

/// Reads `junit=report.xml`.
pub(super) fn parse(text: &str) -> Result<(ReportFormat, PathBuf), String> {
    let wanted = || "write it as FORMAT=FILE, such as junit=report.xml; formats are plain, json, junit and markdown".to_owned();
    let (format, file) = text.split_once('=').filter(|(_, file)| !file.is_empty()).ok_or_else(wanted)?;
    Ok((ReportFormat::from_str(format, false).map_err(|_| wanted())?, PathBuf::from(file)))
}

/// Whether there is a place for each report: told before anything is done, and not when it is over.
///
/// # Errors
/// What is wrong, and what to do about it.
pub(super) fn placeable(wanted: &[(ReportFormat, PathBuf)]) -> Result<(), (String, String)> {
    let mut places = BTreeSet::new();
    for (_, file) in wanted {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            let help = format!("mkdir -p {}", folder.display());
            return Err((format!("there is no folder for the report {}", file.display()), help));
        }
        if file.is_dir() {
            return Err((format!("the report {} would have to be a file, and is a folder", file.display()), String::new()));
        }
        if !places.insert(file) {
            return Err((format!("two reports would go to {}", file.display()), "give each a file of its own".to_owned()));
        }
    }
    Ok(())
}

/// Leaves the reports of a run, by its journal; with `is_github` GitHub is told, too. `ended` is how it ended, as far as that is known: where
/// the journal could not be written, it does not say. What cannot be written is told by `note`.
pub(super) fn leave(
    wanted: &[(ReportFormat, PathBuf)],
    is_github: bool,
    place: &Place,
    ended: Option<(&Ending, ExitCode)>,
    note: &dyn Fn(&str),
) {
    if wanted.is_empty() && !is_github {
        return;
    }
    let run = place.read();
    let account = Account::of(&run, None, ended);
    if let (true, Some(account)) = (is_github, &account) {
        to_github(account, note);
    }
    for (format, file) in wanted {
        let text = match format {
            ReportFormat::Plain => past::replayed(&run, None, Format::Plain),
            ReportFormat::Json => past::replayed(&run, None, Format::Json),
            ReportFormat::Junit => account.as_ref().map(account::junit),
            ReportFormat::Markdown => account.as_ref().map(account::markdown),
        };
        let name = format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        let file_name = file.display();
        match text.map(|text| std::fs::write(file, text)) {
            None => note(&format!("the report {file_name} was not written: nothing of the run is recorded")),
            Some(Ok(())) => note(&format!("report: {file_name}")),
            Some(Err(error)) => {
                let again = format!("plan show {} --format {name} gives it", place.run);
                note(&format!("the report {file_name} could not be written: {error}; {again}"));
            }
        }
    }
}

/// Tells GitHub of a run: annotations on stdout, and the report added to the step's summary where there is one.
pub(super) fn to_github(account: &Account, note: &dyn Fn(&str)) {
    report::to_stdout(&account::github(account));
    let Some(file) = std::env::var_os(SUMMARY).filter(|file| !file.is_empty()) else {
        return note(&format!("{SUMMARY} is not set, so there is no job summary"));
    };
    let text = account::shortened(&account::markdown(account), SUMMARY_MAX);
    let written = std::fs::OpenOptions::new().create(true).append(true).open(&file).and_then(|mut file| file.write_all(text.as_bytes()));
    if let Err(error) = written {
        note(&format!("the job summary {} could not be written: {error}", Path::new(&file).display()));
    }
}
