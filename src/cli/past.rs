//! `plan history`, and what it shares with `plan show` and `plan status`: the state folder, the plan at hand, and the run that is meant.

use super::args::{self, Display, History};
use super::check::{self, Found};
use super::look::complain;
use crate::diagnostic::nearest;
use crate::engine::{Event, VerifiedBefore, app_as_written};
use crate::report::past::{self, Listed};
use crate::report::{self, safe};
use crate::store::{Archive, Bundle, Condition, Holder, Key, LockFolder, Past, Place, bundle, times};
use std::path::{Path, PathBuf};

/// The exit code for records that cannot be read.
pub(super) const UNREADABLE: u8 = 1;

/// The word for the newest run.
const LATEST: &str = "latest";

/// Runs that are named when the one asked for is not there.
const NAMED: usize = 5;

/// Runs whose bundles are compared with what is live.
const REMEMBERED: usize = 100;

/// A command that ends here: what is to be said of it is said.
pub(super) struct Stopped(pub(super) u8);

/// `plan history`.
pub(super) fn history(args: &History) -> u8 {
    list(args).unwrap_or_else(|Stopped(code)| code)
}

fn list(args: &History) -> Result<u8, Stopped> {
    let archive = open(args.state.clone(), &args.display)?;
    let app = if args.all { None } else { plan_at_hand(args.file.as_deref(), &args.display)?.map(|plan| plan.app) };
    let places = places(&archive, &args.display)?;
    let (mut runs, mut others, mut unread) = (Vec::new(), 0_usize, places.len());
    for place in &places {
        if runs.len() == args.last {
            break;
        }
        unread -= 1;
        let run = place.read();
        // One that nobody can read is never hidden.
        let is_meant = run.app().is_none_or(|of| app.as_deref().is_none_or(|app| app == of));
        if is_meant && run.is_sandbox() == args.sandbox {
            runs.push(Listed::of(&run, at_work(&run)));
        } else {
            others += 1;
        }
    }
    if args.format == args::Format::Json {
        report::to_stdout(&past::history_json(&runs));
    } else {
        let look = look(args.format, &args.display);
        report::to_stdout(&past::history(&runs, app.is_none(), look));
    }
    let folder = archive.folder().display().to_string();
    let of = app.map_or(String::new(), |app| format!(" of {app}"));
    if runs.is_empty() {
        note(&format!("no run{of} is recorded in {folder}"));
    }
    if others > 0 {
        let what =
            if args.sandbox { "of other apps, or not in the sandbox" } else { "of other apps (--all), or in the sandbox (--sandbox)" };
        note(&format!("not listed: {others} {what}"));
    }
    if unread > 0 {
        note(&format!("{unread} older not looked at: --last {}", args.last.saturating_add(unread)));
    }
    Ok(0)
}

/// The state folder, for reading.
pub(super) fn open(state: Option<PathBuf>, display: &Display) -> Result<Archive, Stopped> {
    Archive::open(state).map_err(|error| {
        complain(display, &error.to_string(), "");
        Stopped(UNREADABLE)
    })
}

/// The runs in it, newest first.
pub(super) fn places(archive: &Archive, display: &Display) -> Result<Vec<Place>, Stopped> {
    archive.places().map_err(|error| {
        complain(display, &error.to_string(), "");
        Stopped(UNREADABLE)
    })
}

/// A plan and the app that its runs are recorded under.
pub(super) struct AtHand {
    pub(super) path: PathBuf,
    pub(super) app: String,
    pub(super) found: Found,
}

/// The plan that is meant: the given one, else `rollout.plan` if it is there. A plan with errors still names its app.
pub(super) fn plan_at_hand(file: Option<&Path>, display: &Display) -> Result<Option<AtHand>, Stopped> {
    let path = file.unwrap_or(Path::new("rollout.plan"));
    if file.is_none() && !path.exists() {
        return Ok(None);
    }
    let found = check::find(path);
    let app = found.lowered.as_ref().and_then(|lowered| lowered.plan.as_ref()).map(|plan| app_as_written(&plan.app));
    match app {
        Some(app) => Ok(Some(AtHand { path: path.to_owned(), app, found })),
        None if file.is_some() => {
            complain(display, &format!("{} names no app", path.display()), &format!("plan check {}", path.display()));
            Err(Stopped(2))
        }
        None => {
            note(&format!("{} names no app, so every app's runs are meant", path.display()));
            Ok(None)
        }
    }
}

/// Who is at work on a run now, in words: by the lock that it would hold. Of a run with an end nothing is asked.
pub(super) fn at_work(run: &Past) -> Option<String> {
    let is_over = run.entries.last().is_some_and(|entry| matches!(entry.event, Event::RunEnded { .. }));
    let (dokploy, compose) = run.app_key().filter(|_| !is_over)?;
    match LockFolder::open().ok()?.holder(&Key::new(dokploy, compose)).ok()?? {
        Holder::Run(note) if note.run == run.place.run => {
            Some(format!("{} on {}, pid {}, since {}", note.who, note.host, note.pid, times::utc(&note.since)))
        }
        _ => None,
    }
}

/// The run that is meant by an id, the beginning or the end of one, or `latest`.
///
/// # Errors
/// What is wrong, and what to do about it.
pub(super) fn find(places: &[Place], name: &str) -> Result<Place, (String, String)> {
    if name == LATEST {
        // The newest real one; a sandbox's where there is none. What has no journal was no run yet.
        let begun = || places.iter().map(Place::read).filter(|run| !matches!(run.condition, Condition::Missing));
        let real = begun().find(|run| !run.is_sandbox()).or_else(|| begun().next());
        return real.map(|run| run.place).ok_or_else(|| ("no run is recorded".to_owned(), where_to_look()));
    }
    if let Some(place) = places.iter().find(|place| place.run == name) {
        return Ok(place.clone());
    }
    let fits = |place: &&Place| !name.is_empty() && (place.run.starts_with(name) || place.run.ends_with(name));
    let fitting: Vec<&Place> = places.iter().filter(fits).collect();
    match fitting.as_slice() {
        [only] => Ok((*only).clone()),
        [] => {
            let ids = || places.iter().map(|place| place.run.as_str());
            let near = nearest(name, ids());
            let help = match (near, places) {
                (Some(near), _) => format!("did you mean {near}?"),
                (None, []) => where_to_look(),
                (None, _) => format!("the most recent are {}", report::words::short_list(ids().take(NAMED), NAMED)),
            };
            Err((format!("no run `{}` is recorded", safe::line(name)), help))
        }
        several => {
            let ids = several.iter().map(|place| place.run.as_str());
            Err((format!("`{}` could be any of {} runs", safe::line(name), several.len()), report::words::short_list(ids, NAMED)))
        }
    }
}

fn where_to_look() -> String {
    "--state DIR says where runs are recorded, when it is not the user's state directory".to_owned()
}

/// What runs recorded in a state folder verified on a Dokploy, the newest first. Nothing that lies there can keep a run from beginning.
pub(super) fn verified_before(state: &Path, dokploy: &str) -> Vec<VerifiedBefore> {
    let places = Archive::open(Some(state.to_owned())).and_then(|archive| archive.places()).unwrap_or_default();
    let bundles =
        places.iter().filter(|place| !place.in_sandbox).take(REMEMBERED).filter_map(|place| bundle::read(&place.folder).ok().flatten());
    let of = |bundle: Bundle| {
        let Bundle { run, app, phases, .. } = bundle;
        phases.into_iter().rev().map(move |phase| VerifiedBefore {
            compose_id: app.compose_id.clone(),
            run: run.clone(),
            phase: phase.phase,
            body: phase.text.body,
            images: phase.images,
        })
    };
    bundles.filter(|bundle| bundle.app.dokploy == dokploy && bundle.sandbox.is_none()).flat_map(of).collect()
}

/// Columns and colour of stdout.
pub(super) fn look(format: args::Format, display: &Display) -> (usize, bool) {
    let width = report::terminal::columns_of_stdout().unwrap_or(report::PLAIN_WIDTH).clamp(40, 200);
    (width, format == args::Format::Human && display.colour().0)
}

/// Says something beside the data.
pub(super) fn note(text: &str) {
    report::to_stderr(&format!("note: {}\n", safe::line(text)));
}
