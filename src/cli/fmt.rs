//! `plan fmt`: plans in the one style, in place.

use super::args::{Display, Fmt};
use super::check::{not_a_plan, not_read};
use super::files::{self, Folder};
use super::look::{complain, show};
use super::rewrite::rewrite;
use crate::check::FileError;
use crate::diagnostic::Diagnostic;
use crate::fmt::{self, Refusal};
use crate::report;
use crate::source::SourceMap;
use std::path::{Path, PathBuf};

/// Not formatted, or not a plan; and the tool failed.
const INVALID: u8 = 2;
const FAILED: u8 = 1;

/// Formats each file; the gravest outcome is the exit code.
pub(super) fn format(args: &Fmt) -> u8 {
    let codes: Vec<u8> = args.files.iter().map(|path| one(path, args)).collect();
    if codes.contains(&FAILED) { FAILED } else { codes.into_iter().max().unwrap_or(0) }
}

fn one(path: &Path, args: &Fmt) -> u8 {
    let display = &args.display;
    let stdin = path == Path::new("-");
    let (path, text) = if stdin { (PathBuf::from("<stdin>"), files::read_stdin()) } else { (path.to_owned(), files::read(path)) };
    let name = path.display().to_string();
    let text = match text {
        Ok(text) => text,
        Err(error) => return unreadable(&path, &error, display),
    };
    let mut sources = SourceMap::default();
    let file = sources.add(&path, text.as_str());
    let formatted =
        match not_a_plan(&path, file).map_or_else(|| fmt::format_file(file, &text), |found| Err(Refusal::Unreadable(vec![found]))) {
            Ok(formatted) => formatted,
            Err(Refusal::Unreadable(problems)) => return refused(&problems, &sources, display),
            Err(Refusal::Altered) => {
                complain(
                    display,
                    &format!("formatting would change what \"{name}\" says, so nothing was written"),
                    "this is a bug in plan: report it with the file",
                );
                return FAILED;
            }
        };
    let changes = formatted != text;
    match (args.check, stdin) {
        (true, _) if changes => {
            report::to_stdout(&report::unified(&name, &text, &formatted, display.colour().0));
            let help = if stdin { "plan fmt -".to_owned() } else { format!("plan fmt {name}") };
            complain(display, &format!("\"{name}\" is not formatted"), &help);
            INVALID
        }
        (false, true) => {
            report::to_stdout(&formatted);
            0
        }
        (false, false) if changes => match rewrite(&path, &formatted) {
            Ok(()) => {
                report::to_stderr(&format!("formatted {}\n", report::safe::line(&name)));
                0
            }
            Err(error) => {
                complain(
                    display,
                    &format!("\"{name}\" cannot be written: {}", why(&error)),
                    &format!("the file is as it was; `plan fmt - < {name}` prints it formatted"),
                );
                FAILED
            }
        },
        _ => 0,
    }
}

fn unreadable(path: &Path, error: &FileError, display: &Display) -> u8 {
    let mut sources = SourceMap::default();
    let problem = not_read(path, error, &Folder::of(path), &mut sources);
    refused(&[problem], &sources, display)
}

fn refused(problems: &[Diagnostic], sources: &SourceMap, display: &Display) -> u8 {
    show(problems, sources, display);
    INVALID
}

/// Without the system's own words for it, which say a number too.
fn why(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied if error.raw_os_error().is_some() => "permission denied".to_owned(),
        std::io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        std::io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        _ => error.to_string(),
    }
}
