//! A run shown again, by the reporter that showed it.

use super::recall::outline;
use super::summary::{End, Summary};
use crate::engine::{Ending, Event, Undo};
use crate::report::progress::View;
use crate::report::words::duration;
use crate::report::{Format, PLAIN_WIDTH, Reporter, Setting, Streams};
use crate::schedule::{Header, body_of, digest};
use crate::store::{Condition, Past, evidence, times};
use std::cell::RefCell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Shows a run: the lines of its events, what is said at the end, and the verdict. One that has no end is said to have none; `at_work` is
/// who is at work on it now, if somebody is. Nothing is shown, and `false` given, where not even the run's beginning can be read.
pub fn replay(past: &Past, at_work: Option<&str>, format: Format, streams: Streams) -> bool {
    let (Some(outline), Some(origin)) = (outline(past), past.origin()) else { return false };
    let is_json = format == Format::Json;
    let summary = Summary::of(past);
    let mut setting = Setting::of(origin);
    if past.place.in_sandbox && setting.sandbox.is_none() {
        setting.sandbox = Some(crate::report::Speed::Max);
    }
    let mut reporter = Reporter::of_the_past(format, setting, outline, streams);
    if !is_json {
        reporter.note(&heading(past, &summary));
    }
    let is_poor = past.entries.iter().any(|entry| matches!(&entry.event, Event::RunStarted { outline: None, .. }));
    if is_poor && !is_json {
        reporter.note(
            "an earlier version recorded it: services of phases, limits and names of gates were not kept, and show as 0 or as numbers",
        );
    }
    let mut ending: Option<Ending> = None;
    for entry in &past.entries {
        match &entry.event {
            Event::RunEnded { ending: end } => ending = Some(end.clone()),
            // What ended by an interrupt went on.
            Event::Resumed { .. } => ending = None,
            _ => {}
        }
        let event = complete(past, reporter.view(), &entry.event);
        reporter.event(entry.at, event.as_ref().unwrap_or(&entry.event));
    }
    if let (Condition::Torn(at), false) = (&past.condition, is_json) {
        reporter.note(&format!("the journal's last line, at byte {at}, was never finished: nothing followed from it"));
    }
    match (ending, summary.end) {
        (Some(ending), _) => reporter.finish(&ending, ending.exit_code()),
        (None, End::CutOff { so_far }) => {
            let torn = match past.condition {
                Condition::Torn(at) => Some(at),
                _ => None,
            };
            reporter.end_unfinished(&so_far, at_work, torn);
        }
        (None, _) => {}
    }
    true
}

/// The same as a text, everything in order, without colour and as wide as in a log; `None` where not even the beginning can be read.
pub fn replayed(past: &Past, at_work: Option<&str>, format: Format) -> Option<String> {
    let kept = Kept::default();
    let streams = Streams { out: Box::new(kept.clone()), err: Box::new(kept.clone()), screen: None, width: PLAIN_WIDTH, colour: false };
    replay(past, at_work, format, streams).then(|| String::from_utf8_lossy(&kept.0.borrow()).into_owned())
}

/// What is written, kept.
#[derive(Clone, Default)]
struct Kept(Rc<RefCell<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `run 20261123-164501-k3f9 of rollout.plan, from 2026-11-23 16:45:01 +00:00, 12m 4s`.
fn heading(past: &Past, summary: &Summary) -> String {
    let plan = past.origin().filter(|origin| !origin.plan.is_empty()).map_or(String::new(), |origin| format!(" of {}", origin.plan));
    let began = past.began().map_or(String::new(), |began| format!(", from {}", times::local(began)));
    let took = summary.took.map_or(String::new(), |took| format!(", {}", duration(took)));
    format!("run {}{plan}{began}{took}", past.place.run)
}

/// An event with what the journal leaves out and other files of the run hold.
pub(in crate::report) fn complete(past: &Past, view: &View, event: &Event) -> Option<Event> {
    match event {
        Event::EvidenceKept { path, .. } => {
            // By its name below the run's own folder: the state folder may have been moved, and a journal decides nothing about paths.
            let folder = past.place.folder.join("evidence").join(Path::new(path).file_name()?);
            folder.is_dir().then(|| Event::EvidenceKept { path: path.clone(), evidence: Some(Box::new(evidence::read(&folder))) })
        }
        Event::RollbackFailed { target, cause, .. } => {
            let text = gone_back_to(past, view, view.outline.target(target))?;
            Some(Event::RollbackFailed { target: target.clone(), cause: cause.clone(), text })
        }
        _ => None,
    }
}

/// The text that a rollback put back, with the marker it had.
fn gone_back_to(past: &Past, view: &View, name: &str) -> Option<String> {
    let path = PathBuf::from(view.snapshots.get(name)?);
    let text = std::fs::read_to_string(past.place.folder.join("snapshots").join(path.file_name()?)).ok()?;
    let is_deployed = view.rollback.as_ref().is_some_and(|rollback| rollback.undo == Undo::Redeploy);
    // What has yet to be deployed does not say that it is verified.
    match Header::parse(&text) {
        Some(header) if is_deployed && name == header.phase => {
            let body = body_of(&text);
            let header = Header { run: past.place.run.clone(), text: digest(body), verified: false, ..header };
            Some(format!("{header}\n{body}"))
        }
        _ => Some(text),
    }
}
