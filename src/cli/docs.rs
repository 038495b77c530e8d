//! `plan docs` and `plan graph`: the plan as a page and as a drawing. They read its files, and ask nobody.

use super::args::{Docs, Drawing, Graph};
use super::check::{self, Found};
use super::look::{complain, show};
use super::rewrite::rewrite;
use crate::model::Plan;
use crate::report::{self, graph, runbook};
use crate::schedule::Schedule;
use std::fs;
use std::io;
use std::path::Path;

/// What a page that `plan docs` made says of itself: only such a file is overwritten without being told to.
const MADE: &str = "by `plan docs`: change those";

/// `plan docs`. 0: made, or with `--check` up to date. 1: it cannot be written. 2: the plan is invalid, or the page is not up to date.
pub(super) fn docs(args: &Docs) -> u8 {
    let Found { sources, lowered, schedule, diagnostics } = check::find(&args.file);
    show(&diagnostics, &sources, &args.display);
    let plan = lowered.and_then(|lowered| lowered.plan);
    let (Some(schedule), Some(plan)) = (schedule, plan) else { return 2 };
    let text = page(&schedule, &plan, &args.file);
    let Some(path) = &args.output else {
        report::to_stdout(&text);
        return 0;
    };
    let there = match fs::read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            complain(&args.display, &format!("\"{}\" cannot be read: {error}", path.display()), "");
            return 1;
        }
    };
    let again = format!("plan docs {} --output {}", args.file.display(), path.display());
    match there {
        Some(there) if there == text.as_bytes() => return 0,
        there if args.check => {
            let what = if there.is_some() { "is not what the plan says now" } else { "is not there" };
            complain(&args.display, &format!("\"{}\" {what}", path.display()), &again);
            return 2;
        }
        Some(there) if !args.force && !String::from_utf8_lossy(&there).contains(MADE) => {
            let message = format!("\"{}\" was not made by `plan docs`, and is left as it is", path.display());
            complain(&args.display, &message, &format!("{again} --force"));
            return 2;
        }
        _ => {}
    }
    let written = if path.exists() { rewrite(path, &text) } else { fs::write(path, &text) };
    if let Err(error) = written {
        complain(&args.display, &format!("\"{}\" cannot be written: {error}", path.display()), "");
        return 1;
    }
    report::to_stderr(&format!("wrote {}\n", path.display()));
    0
}

/// The plan is named as it would be from its own folder, so that the page is the same wherever it was made.
fn page(schedule: &Schedule, plan: &Plan, path: &Path) -> String {
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    runbook::runbook(schedule, &plan.dokploy, &name)
}

/// `plan graph`. 0: drawn. 2: the plan is invalid.
pub(super) fn graph(args: &Graph) -> u8 {
    let Found { sources, schedule, diagnostics, .. } = check::find(&args.file);
    show(&diagnostics, &sources, &args.display);
    let Some(schedule) = schedule else { return 2 };
    let graph = graph::Graph::of(&schedule);
    report::to_stdout(&match args.format {
        Drawing::Mermaid => graph.mermaid(),
        Drawing::Dot => graph.dot(),
    });
    0
}
