//! `plan init`: a first plan from compose files. It is checked before it is written, and what has errors is not written at all.

use super::args::Init;
use super::files;
use super::look::{self, complain};
use crate::check::FileError;
use crate::compose::{self, ComposeFile};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::init::{self, Given, Names, phase_number};
use crate::report;
use crate::report::words::{count, list, short_list};
use crate::source::{SourceMap, Span};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The plan that commands take by themselves.
const PLAN: &str = "rollout.plan";
/// Compose files by name, in the order in which compose itself looks for them.
const COMPOSE: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// Files that are named one by one.
const NAMED: usize = 8;

/// Why no plan was made.
enum Stopped {
    /// Something that stands in no file, what to do about it, and the exit code.
    Complaint(String, String, u8),
    /// The compose files, or what would be the plan, are not in order.
    Refused(Vec<Diagnostic>, SourceMap),
}

/// `plan init`.
pub(super) fn init(args: &Init) -> u8 {
    match make(args) {
        Ok(()) => 0,
        Err(Stopped::Complaint(message, help, code)) => {
            complain(&args.display, &message, &help);
            code
        }
        Err(Stopped::Refused(diagnostics, sources)) => {
            look::show(&diagnostics, &sources, &args.display);
            report::to_stderr("no plan was written: mend this, then `plan init` again\n");
            2
        }
    }
}

fn make(args: &Init) -> Result<(), Stopped> {
    let plan = Plan::of(args)?;
    let (paths, left_out) = if args.files.is_empty() { found_here()? } else { (args.files.clone(), Vec::new()) };
    let mut given = plan.read(&paths)?;
    let order = init::order(&given).map_err(|error| complaint(error.message, error.help))?;
    if order.changed {
        given = order.places.iter().map(|at| given[*at].clone()).collect();
    }
    let said = [&args.name, &args.project, &args.environment, &args.compose].map(|name| name.as_deref());
    let draft = init::draft(&given, &Names::guessed(&plan.folder_name(), said), &plan.command());
    let found = super::check::find_text(&plan.path, draft.text.clone());
    if found.diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error) {
        return Err(Stopped::Refused(found.diagnostics, found.sources));
    }

    let names: Vec<String> = order.places.iter().map(|at| paths[*at].display().to_string()).collect();
    let why = if order.changed { ", in this order: each holds the services of those before it" } else { "" };
    say(&format!("took {}{why}", short_list(names, NAMED)));
    if !left_out.is_empty() {
        say(&format!("left out {}: `plan init {}` takes it instead", list(&left_out), left_out[0]));
    }
    plan.write(&draft.text, args.force)?;
    let services = found.lowered.as_ref().and_then(|lowered| lowered.plan.as_ref()).map_or(0, |plan| plan.services.len());
    let size = format!("{}, {}", count(given.len(), "phase"), count(services, "service"));
    say(&if plan.to_stdout { format!("this plan has {size}") } else { format!("wrote {}: {size}", plan.path.display()) });
    look::show(&found.diagnostics, &found.sources, &args.display);
    say(&format!("`plan check --offline` finds no errors and {}", many(found.diagnostics.len(), "warning")));
    next(&plan, draft.guesses);
    Ok(())
}

/// What to do now.
fn next(plan: &Plan, guesses: usize) {
    let file = if plan.path == Path::new(PLAN) { String::new() } else { format!(" {}", plan.path.display()) };
    let (check, run) = (format!("plan check{file}"), format!("plan run{file} --sandbox"));
    let width = run.len();
    say("next:");
    if guesses > 0 {
        let lines = if guesses == 1 { "the line that ends" } else { "the lines that end" };
        say(&format!("  look at {lines} with `# guess`: {guesses} in all"));
    }
    say(&format!("  {check:width$}   what would happen"));
    say(&format!("  {run}   the whole rollout against a make-believe Dokploy"));
}

fn many(number: usize, noun: &str) -> String {
    if number == 0 { format!("no {noun}s") } else { count(number, noun) }
}

/// Data alone goes to stdout, and that is the plan.
fn say(line: &str) {
    report::to_stderr(&format!("{line}\n"));
}

fn complaint(message: impl Into<String>, help: impl Into<String>) -> Stopped {
    Stopped::Complaint(message.into(), help.into(), 2)
}

/// Compose files of the working directory, and those that might have been meant instead.
fn found_here() -> Result<(Vec<PathBuf>, Vec<String>), Stopped> {
    let entries = fs::read_dir(".")
        .map_err(|error| complaint(format!("this folder cannot be listed: {error}"), "name the compose files: plan init FILE…"))?;
    let files = entries.flatten().filter(|entry| entry.path().is_file());
    let mut names: Vec<String> = files.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let mut phases: Vec<(u64, &String)> = names.iter().filter_map(|name| Some((phase_number(name)?, name))).collect();
    phases.sort();
    let compose: Vec<String> =
        COMPOSE.iter().filter(|name| names.iter().any(|there| there == *name)).map(|name| (*name).to_owned()).collect();
    if !phases.is_empty() {
        return Ok((phases.into_iter().map(|(_, name)| name.into()).collect(), compose));
    }
    if let Some((first, others)) = compose.split_first() {
        return Ok((vec![first.into()], others.to_vec()));
    }
    let is_yaml = |name: &&String| Path::new(name).extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
    let yaml: Vec<&String> = names.iter().filter(is_yaml).collect();
    let help = if yaml.is_empty() {
        "name the compose files: plan init FILE…".to_owned()
    } else {
        format!("name the compose files: plan init FILE…\nthere are {}", short_list(yaml, NAMED))
    };
    Err(complaint("no compose file in this folder: no compose.yml or docker-compose.yml, and no phase1.yml, phase2.yml …", help))
}

/// Where the plan goes.
struct Plan {
    /// Its path, as it is shown. For stdout: where it would lie if it were written here.
    path: PathBuf,
    to_stdout: bool,
    /// Its folder, without links on the way.
    folder: PathBuf,
}

impl Plan {
    fn of(args: &Init) -> Result<Self, Stopped> {
        let to_stdout = args.output == Path::new("-");
        let path = if to_stdout { PathBuf::from(PLAN) } else { args.output.clone() };
        let shown = path.display();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize().map_err(|error| {
            complaint(
                format!("the plan cannot go to {shown}: {}: {error}", folder.display()),
                "make the folder first, or name another with `--output FILE`",
            )
        })?;
        if !to_stdout && path.is_dir() {
            return Err(complaint(format!("{shown} is a folder"), format!("name the plan in it: --output {}", path.join(PLAN).display())));
        }
        if ["yml", "yaml", "json", "toml"]
            .into_iter()
            .any(|ending| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending)))
        {
            return Err(complaint(
                format!("{shown} is no name for a plan"),
                format!("write it to {}", path.with_extension("plan").display()),
            ));
        }
        if !to_stdout && !args.force && path.symlink_metadata().is_ok() {
            return Err(complaint(
                format!("{shown} is there already, and was left as it is"),
                "`plan init --force` overwrites it; `plan init --output FILE` writes another; `plan init --output -` only shows it",
            ));
        }
        Ok(Self { path, to_stdout, folder })
    }

    /// The name of its folder; empty at the root.
    fn folder_name(&self) -> String {
        self.folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// What its header calls it by, for somebody in its folder.
    fn command(&self) -> String {
        let name = self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        if name == PLAN { String::new() } else { format!(" {name}") }
    }

    /// The compose files, each as the plan is to name it.
    fn read(&self, paths: &[PathBuf]) -> Result<Vec<Given>, Stopped> {
        let mut sources = SourceMap::default();
        let (mut given, mut wrong): (Vec<Given>, Vec<Diagnostic>) = (Vec::new(), Vec::new());
        for path in paths {
            let shown = path.display();
            if path.extension().is_some_and(|extension| extension == "plan") {
                return Err(complaint(format!("{shown} is a plan already"), format!("plan check {shown}")));
            }
            let text = files::read(path).map_err(|error| match error {
                FileError::Missing => {
                    complaint(format!("there is no compose file {shown}"), "name the files that are there: plan init FILE…")
                }
                FileError::Unreadable(why) => {
                    complaint(format!("compose file {shown} cannot be read: {why}"), "name a compose file: plan init FILE…")
                }
            })?;
            let named = self.relative(path)?;
            if given.iter().any(|other| other.path == named) {
                return Err(complaint(format!("{shown} is named twice"), "each phase has a file of its own"));
            }
            match read(path, &text, &mut sources) {
                Ok(compose) => given.push(Given { path: named, compose }),
                Err(found) => wrong.extend(found),
            }
        }
        if wrong.is_empty() { Ok(given) } else { Err(Stopped::Refused(wrong, sources)) }
    }

    /// A file's path from the plan's folder.
    fn relative(&self, file: &Path) -> Result<String, Stopped> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let unusable = || complaint(format!("{} cannot be named in a plan", file.display()), "its path must be readable as text");
        let folder = folder.canonicalize().map_err(|_| unusable())?;
        let shared = self.folder.components().zip(folder.components()).take_while(|(one, other)| one == other).count();
        let up = self.folder.components().skip(shared).map(|_| "..");
        let down = folder.components().skip(shared).map(|part| part.as_os_str().to_str());
        let parts: Option<Vec<&str>> = up.map(Some).chain(down).chain([file.file_name().and_then(|name| name.to_str())]).collect();
        parts.map(|parts| parts.join("/")).ok_or_else(unusable)
    }

    fn write(&self, text: &str, force: bool) -> Result<(), Stopped> {
        if self.to_stdout {
            report::to_stdout(text);
            return Ok(());
        }
        let written = if force { replaced(&self.path, text) } else { created(&self.path, text) };
        written.map_err(|error| {
            Stopped::Complaint(
                format!("{} cannot be written: {error}", self.path.display()),
                "name another place: `--output FILE`".to_owned(),
                1,
            )
        })
    }
}

/// A compose file, or what is wrong with it.
fn read(path: &Path, text: &str, sources: &mut SourceMap) -> Result<ComposeFile, Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file = sources.add(path, text);
    compose::read(file, text).map_err(|faults| {
        let message = format!("\"{}\" is not a compose file that can be deployed", path.display());
        let told = |fault: compose::Fault| {
            Diagnostic::new(Code::ComposeInvalid, &*message, Span::new(file, fault.at.unwrap_or(0..0)), fault.message)
        };
        faults.into_iter().map(told).collect()
    })
}

/// A new file. One that appeared in the meantime stays.
fn created(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::create_new(path)?;
    file.write_all(text.as_bytes()).inspect_err(|_| {
        // Half a plan is worse than none.
        let _ = fs::remove_file(path);
    })
}

/// A file in the place of another, which stays if this cannot be written.
fn replaced(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    fs::write(&beside, text).and_then(|()| fs::rename(&beside, path)).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}
