//! `plan run --resume`: which run is meant, and its record, opened to go on with.

use super::past;
use crate::engine::{Event, Goal, Moment, app_as_written, baseline_kept};
use crate::schedule::Schedule;
use crate::store::{Archive, Condition, Past, Place, Run, Store, StoreError, times};
use std::time::Duration;

/// A run's record, opened to be gone on with.
pub(super) struct Taken {
    pub(super) id: String,
    pub(super) record: Run,
    /// Its durable events, with their moments.
    pub(super) past: Vec<(Moment, Event)>,
    /// What was live before its first change, if it came so far.
    pub(super) baseline: Option<String>,
    /// How long nobody was at work, by the wall clock.
    pub(super) gap: Duration,
}

impl Taken {
    /// The moment at which it goes on.
    pub(super) fn from(&self) -> Moment {
        self.past.last().map_or(Moment::START, |(at, _)| *at) + self.gap
    }

    /// Whether the user agreed to it before.
    pub(super) fn is_agreed(&self) -> bool {
        self.past.iter().any(|(_, event)| matches!(event, Event::Agreed))
    }
}

/// Why there is nothing to go on with: the exit code, what is wrong, and what to do about it.
pub(super) struct Not {
    pub(super) code: u8,
    pub(super) message: String,
    pub(super) help: String,
}

/// Opens a run's record: the one named so, else the newest one of the plan's app that can be gone on with.
pub(super) fn take(store: &Store, wanted: Option<&str>, schedule: &Schedule) -> Result<Taken, Not> {
    let places = places(store).map_err(|error| unreadable(&error))?;
    let place = match wanted {
        Some(name) => past::find(&places, name).map_err(|(message, help)| Not { code: 2, message, help })?,
        None => newest(&places, schedule, |_| true)?,
    };
    if store.is_at_work(&place.run) {
        let message = format!("run {} is at work in another process", place.run);
        return Err(Not { code: 7, message, help: "`plan status` says how far it is".to_owned() });
    }
    let (record, journal) = store.resume(&place.run).map_err(|error| damaged(&place, &error))?;
    let gap = journal.entries.last().and_then(|last| times::since(&last.time)).unwrap_or_default();
    let past: Vec<(Moment, Event)> = journal.entries.into_iter().map(|entry| (entry.at, entry.event)).collect();
    // One that cannot be read is missed by the engine, if it is needed.
    let baseline = baseline_kept(&past).and_then(|(path, _)| store.snapshot(&place.run, path).ok());
    Ok(Taken { id: place.run, record, past, baseline, gap })
}

/// The run of the plan's app that was cut off last and could be gone on with, if nothing was changed since. One that ended before it changed
/// anything left nothing behind.
pub(super) fn left_behind(store: &Store, schedule: &Schedule) -> Option<String> {
    let run = newest(&places(store).ok()?, schedule, |has_changed| has_changed).ok()?.run;
    (!store.is_at_work(&run)).then_some(run)
}

fn places(store: &Store) -> Result<Vec<Place>, StoreError> {
    Ok(Archive::open(Some(store.folder().to_owned()))?.places()?.into_iter().filter(|place| !place.in_sandbox).collect())
}

/// `is_meant`: whether one that can be gone on with is, by whether it may have changed anything.
fn newest(places: &[Place], schedule: &Schedule, is_meant: impl Fn(bool) -> bool) -> Result<Place, Not> {
    let app = app_as_written(&schedule.app);
    for place in places {
        let run = place.read();
        // A run that recorded nothing did nothing.
        if run.is_sandbox() || (run.entries.is_empty() && !matches!(run.condition, Condition::Damaged(_))) {
            continue;
        }
        if run.app().is_some_and(|of| of != app) {
            continue;
        }
        match standing(&run) {
            Standing::Resumable { has_changed } if is_meant(has_changed) => return Ok(place.clone()),
            Standing::Resumable { .. } | Standing::Over { has_changed: false, .. } => {}
            Standing::Over { how, .. } => {
                let message = format!("there is nothing to go on with: the newest run of {app}, {}, {how}", place.run);
                return Err(Not { code: 3, message, help: "`plan run` goes on from what is live".to_owned() });
            }
        }
    }
    let message = format!("there is nothing to go on with: no run of {app} was cut off");
    Err(Not { code: 3, message, help: "`plan run` goes on from what is live; --state DIR says where runs are recorded".to_owned() })
}

enum Standing {
    Resumable { has_changed: bool },
    Over { has_changed: bool, how: String },
}

fn standing(run: &Past) -> Standing {
    let by_hand =
        run.entries.iter().any(|entry| matches!(&entry.event, Event::RunStarted { options, .. } if options.goal != Goal::Rollout));
    match run.entries.last().map(|entry| &entry.event) {
        Some(Event::RunEnded { ending }) if by_hand || !ending.is_resumable() => {
            Standing::Over { has_changed: ending.facts.changed, how: format!("ended: {}", ending.verdict) }
        }
        _ if by_hand => Standing::Over { has_changed: true, how: "was going back by hand".to_owned() },
        Some(Event::RunEnded { ending }) => Standing::Resumable { has_changed: ending.facts.changed },
        // A damaged one is refused when it is opened, with the place of the damage.
        _ => Standing::Resumable { has_changed: true },
    }
}

fn unreadable(error: &StoreError) -> Not {
    Not { code: 9, message: error.to_string(), help: "nothing was changed".to_owned() }
}

/// Nobody can say what followed: the run cannot go on, and its texts are where they were kept.
fn damaged(place: &Place, error: &StoreError) -> Not {
    let texts = place.snapshots();
    let help = match texts.as_slice() {
        [] => "it kept no compose text; `plan run` goes on from what is live".to_owned(),
        texts => {
            let list: Vec<String> = texts.iter().map(|path| path.display().to_string()).collect();
            format!(
                "nothing was changed; `plan run` goes on from what is live, and the texts that the run kept are there:\n{}",
                list.join("\n")
            )
        }
    };
    Not { code: 9, message: error.to_string(), help }
}
