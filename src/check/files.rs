//! The compose files that a plan names: each must be there, be small enough for Dokploy, and be readable as one.

use crate::compose::{self, ComposeFile};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::model::{Phase, Plan};
use crate::source::{SourceMap, Span};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The largest compose file that is taken. Dokploy passes text and environment in one argument of a shell command,
/// and a deploy over about 98,000 bytes ends in an error that names no reason (FACTS §5); the rest is room for the
/// marker line and the commits.
pub const MAX_COMPOSE_BYTES: usize = 90_000;

/// For so many files that are missing the folder is looked through for the one that was meant.
const MAX_OFFERED: usize = 50;

/// Where a plan's files come from.
pub trait Files {
    /// The text of a file, by its path relative to the plan's folder.
    ///
    /// # Errors
    /// The file is not there or cannot be read.
    fn read(&self, path: &str) -> Result<String, FileError>;

    /// The names of the files in the folder of `path`; empty when they cannot be listed.
    fn beside(&self, path: &str) -> Vec<String>;
}

/// Why a file has no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// It is not there.
    Missing,
    /// It is there and cannot be read: why.
    Unreadable(String),
}

/// A compose file that could be read.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) text: Arc<str>,
    pub(super) compose: Arc<ComposeFile>,
}

/// The file of each phase, as written. A file that several phases name is read once.
pub(super) fn load(plan: &Plan, sources: &mut SourceMap, files: &dyn Files, found: &mut Vec<Diagnostic>) -> Vec<Option<Loaded>> {
    let folder = sources.file(plan.name.span.file).path().parent().map(Path::to_owned).unwrap_or_default();
    let mut read: BTreeMap<&str, Option<Loaded>> = BTreeMap::new();
    let mut unread = 0;
    let mut load = |phase: &'_ Phase| {
        let loaded = load_one(plan, phase, &folder, sources, files, found, unread < MAX_OFFERED);
        unread += usize::from(loaded.is_none());
        loaded
    };
    plan.phases.iter().map(|phase| read.entry(&phase.from.value).or_insert_with(|| load(phase)).clone()).collect()
}

fn load_one(
    plan: &Plan,
    phase: &Phase,
    folder: &Path,
    sources: &mut SourceMap,
    files: &dyn Files,
    found: &mut Vec<Diagnostic>,
    offer: bool,
) -> Option<Loaded> {
    let path = &phase.from.value;
    if path.is_empty() {
        return None; // A deploy that was not understood, and has been told of.
    }
    let text = match files.read(path) {
        Ok(text) => text,
        Err(error) => {
            found.push(not_there(plan, phase, &error, files, offer));
            return None;
        }
    };
    if text.len() > MAX_COMPOSE_BYTES {
        let message = format!("compose file \"{path}\" has {} bytes, more than Dokploy can deploy", text.len());
        let limit = format!("at most {MAX_COMPOSE_BYTES} bytes");
        let help = "move what is large out of the file, such as inline configs, into images or mounted files";
        found.push(Diagnostic::new(Code::ComposeTooLarge, message, phase.from.span, limit).help(help));
        return None;
    }
    // The marker line goes in front of the text, where a byte order mark would no longer be one.
    let file = sources.add(folder.join(path), text.strip_prefix('\u{feff}').unwrap_or(&text));
    let text = sources.file(file).text().clone();
    match compose::read(file, &text) {
        Ok(compose) => Some(Loaded { text, compose: Arc::new(compose) }),
        Err(faults) => {
            found.extend(faults.into_iter().map(|fault| {
                let message = format!("\"{path}\" is not a compose file that can be deployed");
                let help = fault.help;
                let told = match fault.at.filter(|at| !at.is_empty()) {
                    Some(at) => Diagnostic::new(Code::ComposeInvalid, message, Span::new(file, at), fault.message)
                        .label(phase.from.span, format!("phase \"{}\" deploys it", phase.name.value)),
                    None => Diagnostic::new(Code::ComposeInvalid, message, phase.from.span, fault.message),
                };
                help.into_iter().fold(told, Diagnostic::help)
            }));
            None
        }
    }
}

fn not_there(plan: &Plan, phase: &Phase, error: &FileError, files: &dyn Files, offer: bool) -> Diagnostic {
    let path = &phase.from.value;
    match error {
        FileError::Missing => {
            let message = format!("compose file \"{path}\" is not there");
            let missing = |label: String| Diagnostic::new(Code::ComposeMissing, &*message, phase.from.span, label);
            let names = if offer { files.beside(path) } else { Vec::new() };
            let (folder, name) = path.rsplit_once('/').map_or(("", path.as_str()), |(folder, name)| (folder, name));
            let whole = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            // The file that is meant is most likely one that no other phase deploys.
            let taken = |name: &&str| plan.phases.iter().any(|phase| phase.from.value == whole(name));
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let near = nearest(name, names.iter().copied().filter(|name| !taken(name))).or_else(|| nearest(name, names));
            match near {
                Some(near) => missing(format!("did you mean \"{}\"?", whole(near))).help(format!("write \"{}\"", whole(near))),
                None => missing("no such file".to_owned()).help("paths are relative to the plan file"),
            }
        }
        FileError::Unreadable(why) => {
            let message = format!("compose file \"{path}\" cannot be read");
            Diagnostic::new(Code::Unreadable, message, phase.from.span, why)
        }
    }
}
