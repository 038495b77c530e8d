//! `plan check`: what can be proved without looking at Dokploy, and the schedule.

use super::files::{self, Folder};
use crate::check::{FileError, Files};
use crate::diagnostic::{Code, Diagnostic, Severity, nearest};
use crate::model::{self, Lowered};
use crate::report::{allows, annotations, check, diagnostics, tables};
use crate::schedule::{self, Prepared, Schedule, Took, forecast};
use crate::source::{FileId, SourceMap, Span};
use std::collections::BTreeMap;
use std::path::Path;

/// A plan as it was found on disk: what it says, and what is wrong with it.
pub struct Found {
    /// The plan and the compose files it names.
    pub sources: SourceMap,
    /// What reading the plan gave; `None` when there is no such file.
    pub lowered: Option<Lowered>,
    /// What would run, when nothing is wrong.
    pub schedule: Option<Schedule>,
    /// Errors and warnings, sorted.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads and checks a plan and its compose files. `path` is also how the file is shown.
pub fn find(path: &Path) -> Found {
    find_with(path, &BTreeMap::new())
}

/// The same, with these values in place of the plan's `let`s.
pub(super) fn find_with(path: &Path, settings: &BTreeMap<String, String>) -> Found {
    found(path, files::read(path), &Folder::of(path), settings)
}

/// Reads and checks a plan that is not on disk yet, as if it were.
pub(super) fn find_text(path: &Path, text: String) -> Found {
    found(path, Ok(text), &Folder::of(path), &BTreeMap::new())
}

/// Reads and checks a plan that lies elsewhere than on disk.
pub(super) fn find_in(files: &dyn Files, path: &Path) -> Found {
    found(path, files.read(&path.to_string_lossy()), files, &BTreeMap::new())
}

fn found(path: &Path, text: Result<String, FileError>, files: &dyn Files, settings: &BTreeMap<String, String>) -> Found {
    let mut sources = SourceMap::default();
    let text = match text {
        Ok(text) => text,
        Err(error) => {
            let diagnostics = vec![not_read(path, &error, files, &mut sources)];
            return Found { sources, lowered: None, schedule: None, diagnostics };
        }
    };
    let file = sources.add(path, text);
    if let Some(diagnostic) = not_a_plan(path, file) {
        return Found { sources, lowered: None, schedule: None, diagnostics: vec![diagnostic] };
    }
    let text = sources.file(file).text().clone();
    let lowered = model::load_with(file, &text, settings);
    let Prepared { schedule, diagnostics } = schedule::prepare(&lowered, &mut sources, files);
    Found { sources, lowered: Some(lowered), schedule, diagnostics }
}

/// Somebody named the wrong file: one sentence, rather than one for each of its lines.
pub(super) fn not_a_plan(path: &Path, file: FileId) -> Option<Diagnostic> {
    let kind = match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "yml" | "yaml" => "a YAML file",
        "json" => "a JSON file",
        "toml" => "a TOML file",
        _ => return None,
    };
    let message = format!("\"{}\" is {kind}, not a plan", path.display());
    let help = "name the plan that deploys it, such as rollout.plan: a compose file is named by a phase of the plan";
    Some(Diagnostic::new(Code::Unreadable, message, Span::new(file, 0..0), "a plan has statements, one a line").help(help))
}

/// There is no text to point at, so the path stands in for it.
pub(super) fn not_read(path: &Path, error: &FileError, files: &dyn Files, sources: &mut SourceMap) -> Diagnostic {
    let file = sources.add(path, "");
    let span = Span::new(file, 0..0);
    let (message, label) = match error {
        FileError::Missing => (format!("there is no plan \"{}\"", path.display()), ""),
        FileError::Unreadable(why) => (format!("the plan \"{}\" cannot be read", path.display()), why.as_str()),
    };
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut plans = files.beside(&name);
    plans.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "plan"));
    let help = match error {
        FileError::Missing => match nearest(&name, plans.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{}`?", path.with_file_name(near).display()),
            None => "name the plan after the command; without a name it is `rollout.plan` in this folder".to_owned(),
        },
        FileError::Unreadable(_) if path.is_dir() => format!("name the plan in it: {}", path.join("rollout.plan").display()),
        FileError::Unreadable(_) => "a plan is a text file in UTF-8".to_owned(),
    };
    Diagnostic::new(Code::Unreadable, message, span, label).help(help)
}

/// How the outcome is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Columns.
    pub width: usize,
    /// Escape sequences on stdout.
    pub colour_out: bool,
    /// Escape sequences on stderr.
    pub colour_err: bool,
    /// How the findings are written.
    pub form: Form,
    /// Every finding rather than the first fifty, for people; the other forms have all anyway.
    pub all: bool,
    /// Whether a warning makes the exit code 2, as an error does.
    pub deny_warnings: bool,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// With the lines they are about, on stderr; the schedule on stdout.
    Human,
    /// A line each on stderr; the schedule on stdout.
    Plain,
    /// JSON lines on stdout, and nothing else there.
    Json,
    /// GitHub's workflow commands on stdout, and nothing else there.
    Github,
}

impl Form {
    /// Whether stdout is for the findings alone.
    pub fn is_for_programs(self) -> bool {
        matches!(self, Form::Json | Form::Github)
    }
}

/// What is to be printed, and the exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// For stdout.
    pub stdout: String,
    /// For stderr.
    pub stderr: String,
    /// 0 when the plan is valid, warnings or not; 2 when it is not, or warnings are denied and there are some.
    pub code: u8,
}

/// Checks a plan without looking anywhere but at its files.
pub fn offline(path: &Path, options: Options) -> Outcome {
    outcome(&find(path), &Took::new(), options)
}

/// What is printed of a plan that was checked. `took`: what its phases took in runs that are recorded here.
pub(super) fn outcome(found: &Found, took: &Took, options: Options) -> Outcome {
    let mut outcome = shown(&found.diagnostics, &found.sources, options);
    if let Some(plan) = found.lowered.as_ref().and_then(|lowered| lowered.plan.as_ref()).filter(|_| options.form == Form::Json) {
        outcome.stdout.push_str(&allows::json(plan, &found.sources));
    }
    if let Some(schedule) = found.schedule.as_ref().filter(|_| outcome.code == 0 && !options.form.is_for_programs()) {
        outcome.stdout = check::schedule(schedule, &forecast(schedule, took), options.width, options.colour_out);
    }
    outcome
}

/// Diagnostics alone: for programs on stdout, for people on stderr.
pub(super) fn shown(told: &[Diagnostic], sources: &SourceMap, options: Options) -> Outcome {
    let is_error = |diagnostic: &&Diagnostic| diagnostic.severity() == Severity::Error;
    let first_error = told.iter().find(is_error);
    let denied = options.deny_warnings && !told.iter().all(|diagnostic| is_error(&diagnostic));
    let code = if first_error.is_some() || denied { 2 } else { 0 };
    let summary = if told.is_empty() { String::new() } else { format!("{}\n", diagnostics::summary(told)) };
    let look = diagnostics::Look { width: options.width, colour: options.colour_err, all: options.all };
    let (stdout, mut stderr) = match options.form {
        Form::Human => (String::new(), diagnostics::human(told, sources, look)),
        Form::Plain => (String::new(), annotations::plain(told, sources) + &summary),
        Form::Json => (diagnostics::json(told, sources), String::new()),
        Form::Github => (annotations::github(told, sources), summary),
    };
    if denied {
        stderr.push_str("warnings count as errors: `--deny warnings`\n");
    }
    if let Some(first) = first_error.or(told.first()).filter(|_| options.form == Form::Human) {
        stderr.extend(["`plan explain ", first.code.as_str(), "` says more\n"]);
    }
    Outcome { stdout, stderr, code }
}

/// `--tables`: of a valid plan the tables instead of the schedule. In JSON they are one object, alone on stdout: warnings go to stderr.
pub(super) fn tabulated(found: &Found, took: &Took, options: Options) -> Outcome {
    let outcome = outcome(found, took, options);
    let Some(schedule) = found.schedule.as_ref().filter(|_| outcome.code == 0) else { return outcome };
    let as_json = options.form == Form::Json;
    let forecast = forecast(schedule, took);
    let stdout =
        if as_json { tables::json(schedule, &forecast) } else { tables::human(schedule, &forecast, options.width, options.colour_out) };
    let form = if as_json { Form::Human } else { options.form };
    Outcome { stdout, ..shown(&found.diagnostics, &found.sources, Options { form, ..options }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options =
        Options { width: 80, colour_out: false, colour_err: false, form: Form::Human, all: false, deny_warnings: false };

    fn example() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bizosaas/rollout.plan")
    }

    #[test]
    fn a_valid_plan_prints_its_schedule_and_nothing_else() {
        let outcome = offline(&example(), OPTIONS);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
        assert!(outcome.stdout.starts_with("rollout bizosaas-backend-staging: 4 phases, 10 services\n"), "{}", outcome.stdout);
        assert!(outcome.stdout.lines().all(|line| line.chars().count() <= 80));
        let json = offline(&example(), Options { form: Form::Json, ..OPTIONS });
        assert_eq!((json.code, json.stdout.as_str(), json.stderr.as_str()), (0, "", ""));
    }

    #[test]
    fn an_invalid_plan_prints_what_is_wrong_and_no_schedule() {
        let folder = tempfile::tempdir().unwrap();
        let plan = folder.path().join("rollout.plan");
        std::fs::write(&plan, std::fs::read_to_string(example()).unwrap()).unwrap();
        let outcome = offline(&plan, OPTIONS);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""));
        assert_eq!(outcome.stderr.matches("E0501\n\n").count(), 4, "{}", outcome.stderr);
        assert!(outcome.stderr.ends_with("\n4 errors\n`plan explain E0501` says more\n"));
        let json = offline(&plan, Options { form: Form::Json, ..OPTIONS });
        assert_eq!((json.code, json.stdout.lines().count(), json.stderr.as_str()), (2, 4, ""));
    }

    #[test]
    fn a_plan_that_is_not_there_is_one_error() {
        let folder = tempfile::tempdir().unwrap();
        let outcome = offline(&folder.path().join("gone.plan"), OPTIONS);
        assert_eq!(outcome.code, 2);
        assert!(
            outcome.stderr.contains("there is no plan") && outcome.stderr.ends_with("\n1 error\n`plan explain E0107` says more\n"),
            "{}",
            outcome.stderr
        );
        assert_eq!(offline(folder.path(), OPTIONS).code, 2, "a folder is no plan");
    }
}
