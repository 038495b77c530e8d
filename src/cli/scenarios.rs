//! Files of scenarios: `plan rehearse --test` plays all of them in memory, `plan run --sandbox --scenario` one over real HTTP.

use super::args::{Display, Rehearse as Args, RehearseForm};
use super::files;
use super::look::{complain, show};
use super::rehearse;
use super::variables::SandboxVariables;
use crate::check::FileError;
use crate::diagnostic::nearest;
use crate::engine::Options;
use crate::rehearse::Place;
use crate::report;
use crate::report::scenario::{Played, Tested, human, json, junit, said};
use crate::scenario::{self, Ended, Scenario, Signs, Stage, Witness, judge};
use crate::schedule::Schedule;
use crate::source::SourceMap;
use crate::world::Config;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a file's name ends.
const EXTENSION: &str = "scenario";
/// Exit codes: a file cannot be played, and not everything is as expected.
const INVALID: u8 = 2;
const NOT_AS_EXPECTED: u8 = 1;

/// What is wrong, and what to do about it.
type Wrong = (String, String);

/// `plan rehearse --test`: plays every scenario, and gives the exit code.
pub(super) fn test(args: &Args, mut sources: SourceMap, schedule: &Schedule, place: Arc<Place>, variables: &SandboxVariables) -> u8 {
    let paths = match all_files(&args.test) {
        Ok(paths) => paths,
        Err((message, help)) => {
            complain(&args.display, &message, &help);
            return INVALID;
        }
    };
    let Some(scenarios) = load(&paths, schedule, &mut sources, &args.display) else { return INVALID };
    let stage = Stage::new(place, variables);
    let played = scenarios.iter().map(|scenario| {
        let witness = stage.play(scenario);
        let judged = judge(scenario, schedule, &witness, stage.meant());
        Played { scenario, judged, signs: witness.signs }
    });
    let plan = args.file.display().to_string();
    let tested = Tested { plan: &plan, schedule, sources: &sources, played: played.collect() };
    let width = rehearse::width();
    let text = match args.format {
        RehearseForm::Json => json(&tested) + "\n",
        RehearseForm::Junit => junit(&tested),
        RehearseForm::Human | RehearseForm::Markdown => human(&tested, width, args.display.colour().0, args.all),
    };
    report::to_stdout(&text);
    if tested.played.iter().all(|played| played.judged.holds()) { 0 } else { NOT_AS_EXPECTED }
}

/// The files that are meant, each once; of a folder those that are called so, by name.
fn all_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Wrong> {
    let mut all: Vec<PathBuf> = Vec::new();
    for path in paths {
        let files = if path.is_dir() { beside(path)? } else { vec![path.clone()] };
        for file in files {
            if !all.contains(&file) {
                all.push(file);
            }
        }
    }
    Ok(all)
}

fn beside(folder: &Path) -> Result<Vec<PathBuf>, Wrong> {
    let shown = folder.display();
    let entries = fs::read_dir(folder).map_err(|error| (format!("the folder \"{shown}\" cannot be read: {error}"), String::new()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == EXTENSION));
    files.sort();
    if files.is_empty() {
        let help = format!("the names of files of scenarios end with .{EXTENSION}");
        return Err((format!("there is no file of scenarios in \"{shown}\""), help));
    }
    Ok(files)
}

/// Reads files, and shows everything that is wrong with them; `None`: they cannot be played.
fn load(paths: &[PathBuf], schedule: &Schedule, sources: &mut SourceMap, display: &Display) -> Option<Vec<Scenario>> {
    let (mut scenarios, mut diagnostics, mut unread) = (Vec::new(), Vec::new(), false);
    for path in paths {
        match files::read(path) {
            Ok(text) => {
                let file = sources.add(path, text.as_str());
                let staged = scenario::load(file, &text, schedule);
                scenarios.extend(staged.scenarios);
                diagnostics.extend(staged.diagnostics);
            }
            Err(error) => {
                let (message, help) = not_read(path, &error);
                complain(display, &message, &help);
                unread = true;
            }
        }
    }
    show(&diagnostics, sources, display);
    (diagnostics.is_empty() && !unread).then_some(scenarios)
}

fn not_read(path: &Path, error: &FileError) -> Wrong {
    let shown = path.display();
    match error {
        FileError::Missing => (format!("there is no file of scenarios \"{shown}\""), "name a file, or a folder of them".to_owned()),
        FileError::Unreadable(why) => (format!("the file of scenarios \"{shown}\" cannot be read: {why}"), String::new()),
    }
}

/// `--scenario FILE[:NAME]`: the scenario that is meant, or `None` when what is wrong has been shown.
pub(super) fn one(text: &str, schedule: &Schedule, sources: &mut SourceMap, display: &Display) -> Option<Scenario> {
    let (path, name) = file_and_name(text);
    let scenarios = load(std::slice::from_ref(&path), schedule, sources, display)?;
    let names: Vec<&str> = scenarios.iter().map(|scenario| scenario.name.value.as_str()).collect();
    let meant = name.map_or((names.len() == 1).then_some(0), |name| names.iter().position(|given| *given == name));
    if meant.is_none() {
        let (file, listed) = (path.display(), names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "));
        let near = name.and_then(|name| nearest(name, names.iter().copied()));
        let (message, help) = match (name, near) {
            (None, _) => (
                format!("\"{file}\" has {} scenarios, and a run plays one", names.len()),
                format!("add its name: --scenario {file}:NAME with one of {listed}"),
            ),
            (Some(name), Some(near)) => (format!("\"{file}\" has no scenario \"{name}\""), format!("did you mean \"{near}\"?")),
            (Some(name), None) => (format!("\"{file}\" has no scenario \"{name}\""), format!("there are {listed}")),
        };
        complain(display, &message, &help);
    }
    scenarios.into_iter().nth(meant?)
}

/// The file is the longest beginning that is one; what follows its colon is a name.
fn file_and_name(text: &str) -> (PathBuf, Option<&str>) {
    if Path::new(text).is_file() {
        return (PathBuf::from(text), None);
    }
    let colons = text.match_indices(':').map(|(at, _)| at);
    let split = colons.rev().find(|at| Path::new(&text[..*at]).is_file());
    split.map_or_else(|| (PathBuf::from(text), None), |at| (PathBuf::from(&text[..at]), Some(&text[at + 1..])))
}

/// What is said after a run that played a scenario.
pub(super) fn after(
    scenario: &Scenario,
    (schedule, sources): (&Arc<Schedule>, &SourceMap),
    variables: &SandboxVariables,
    (signs, ended): (Signs, Ended),
) -> Vec<String> {
    // What happens when nothing goes wrong is known without HTTP.
    let options = Options { run: "scenario".to_owned(), ..Options::default() };
    let place = Place::prepare(schedule, variables, Config::API_KEY, options).ok().filter(|_| signs.ending().is_some());
    let Some(place) = place else {
        return vec![format!("scenario \"{}\" was not played to its end", scenario.name.value)];
    };
    let stage = Stage::new(Arc::new(place.with_whole_gaps()), variables);
    let witness = Witness { signs, ended };
    let judged = judge(scenario, schedule, &witness, stage.meant());
    said(&Played { scenario, judged, signs: witness.signs }, sources)
}
