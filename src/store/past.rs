//! The state folder as a reader finds it: nothing is made, changed or cleaned up, and nothing that lies there can make reading fail as a
//! whole.

use super::journal::{self, Entry};
use super::phases_took::phases_took;
use super::run::default_folder;
use super::{Bundle, StoreError, bundle};
use crate::engine::{Event, Origin};
use std::path::{Path, PathBuf};

/// Where sandbox runs lie below the state folder, unless `--state` says otherwise.
pub const SANDBOX: &str = "sandbox";

/// A state folder, for reading.
#[derive(Clone, Debug)]
pub struct Archive {
    folder: PathBuf,
}

/// Where a run's record lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The run's id: the folder's name.
    pub run: String,
    /// The folder.
    pub folder: PathBuf,
    /// Whether it lies among the sandbox's runs.
    pub in_sandbox: bool,
}

/// A run as its journal has it, as far as it can be read.
#[derive(Debug)]
pub struct Past {
    /// Where it lies.
    pub place: Place,
    /// Its events, oldest first; up to the damage, if there is any.
    pub entries: Vec<Entry>,
    /// What the journal is like.
    pub condition: Condition,
}

/// What a journal is like.
#[derive(Debug)]
pub enum Condition {
    /// Every line is whole.
    Whole,
    /// The last line was never finished, from this byte on: nothing followed from it.
    Torn(u64),
    /// It cannot be read on, or not at all.
    Damaged(StoreError),
    /// There is none.
    Missing,
}

impl Archive {
    /// The state folder: the given one, or the user's own.
    ///
    /// # Errors
    /// When none is given and the user has none.
    pub fn open(folder: Option<PathBuf>) -> Result<Self, StoreError> {
        let folder = folder.or_else(|| default_folder(|name| std::env::var_os(name)));
        let nowhere = || StoreError::unusable(Path::new("~/.local/state/plan"), "cannot be found, since HOME is not set");
        folder.map(|folder| Self { folder }).ok_or_else(nowhere)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every run's place, newest first, those of the sandbox among them. What is no folder is no run.
    ///
    /// # Errors
    /// When a folder of runs is there and cannot be listed.
    pub fn places(&self) -> Result<Vec<Place>, StoreError> {
        let mut places = listed(&self.folder.join("runs"), false)?;
        places.extend(listed(&self.folder.join(SANDBOX).join("runs"), true)?);
        // Ids begin with the time (UTC).
        places.sort_by(|a, b| b.run.cmp(&a.run).then_with(|| a.folder.cmp(&b.folder)));
        Ok(places)
    }
}

fn listed(runs: &Path, in_sandbox: bool) -> Result<Vec<Place>, StoreError> {
    let unlisted = |error| StoreError::io("list", runs, error);
    let entries = match std::fs::read_dir(runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unlisted(error)),
    };
    let mut places = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unlisted)?;
        let (run, folder) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        if folder.is_dir() && !run.starts_with('.') {
            places.push(Place { run, folder, in_sandbox });
        }
    }
    Ok(places)
}

impl Place {
    /// Reads the run's journal, as far as that goes.
    pub fn read(&self) -> Past {
        let past = |entries, condition| Past { place: self.clone(), entries, condition };
        let path = self.folder.join("journal.jsonl");
        if !path.exists() {
            return past(Vec::new(), Condition::Missing);
        }
        match journal::read_as_far(&path) {
            Err(error) => past(Vec::new(), Condition::Damaged(error)),
            Ok((journal, Some(damage))) => past(journal.entries, Condition::Damaged(damage)),
            Ok((journal, None)) => past(journal.entries, journal.torn_at.map_or(Condition::Whole, Condition::Torn)),
        }
    }

    /// The run's bundle, made from its journal where it left none; `None` when it verified nothing.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn bundle(&self) -> Result<Option<Bundle>, StoreError> {
        Ok(bundle::read(&self.folder)?.or_else(|| bundle::of_journal(&self.read().entries, &self.folder)))
    }

    /// The texts that the run kept, in the order they were kept.
    pub fn snapshots(&self) -> Vec<PathBuf> {
        sorted(&self.folder.join("snapshots"))
    }

    /// The folders of evidence that the run kept, in order.
    pub fn evidence(&self) -> Vec<PathBuf> {
        sorted(&self.folder.join("evidence"))
    }
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> =
        entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

impl Past {
    /// The app as `project/environment/compose`, as the plan had it.
    pub fn app(&self) -> Option<&str> {
        self.entries.iter().find_map(|entry| match &entry.event {
            Event::RunStarted { app, .. } => Some(app.as_str()),
            _ => None,
        })
    }

    /// Where the run was started from.
    pub fn origin(&self) -> Option<&Origin> {
        self.entries.iter().find_map(|entry| match &entry.event {
            Event::RunStarted { origin, .. } => Some(origin),
            _ => None,
        })
    }

    /// Whether it ran in the sandbox.
    pub fn is_sandbox(&self) -> bool {
        self.place.in_sandbox || self.origin().is_some_and(|origin| origin.sandbox.is_some())
    }

    /// What the app is known by wherever it is met: Dokploy's address and its id there.
    pub fn app_key(&self) -> Option<(&str, &str)> {
        let dokploy = self.origin()?.dokploy.as_str();
        let compose = self.entries.iter().rev().find_map(|entry| match &entry.event {
            Event::Surveyed { survey, .. } => Some(survey.compose_id.as_str()),
            _ => None,
        });
        compose.filter(|_| !dokploy.is_empty()).map(|compose| (dokploy, compose))
    }

    /// When it began, on the wall clock (RFC 3339, UTC).
    pub fn began(&self) -> Option<&str> {
        self.entries.first().map(|entry| entry.time.as_str())
    }

    /// When something was recorded last, on the wall clock.
    pub fn last_seen(&self) -> Option<&str> {
        self.entries.last().map(|entry| entry.time.as_str())
    }

    /// Each phase that it brought up and verified, by its name, with how long that took in run time: from the end of what came before to
    /// `verified`, without waiting for people. What was cut off, slept through or could not be asked for a while is left out.
    pub fn phases_took(&self) -> Vec<(String, std::time::Duration)> {
        phases_took(&self.entries)
    }

    /// How long it took in run time, as far as it is recorded: in the sandbox the plan's own seconds.
    pub fn took(&self) -> Option<std::time::Duration> {
        self.entries.iter().map(|entry| entry.at.0).max()
    }
}
