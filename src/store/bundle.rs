//! The bundle of a run: what each verified phase was made of, and what was there before. With the texts beside it, it is all that a
//! rollback needs, also when the journal is damaged.
//!
//! `bundle.json` is written anew, whole, whenever a phase is verified: a run that is killed leaves one, too. It holds names, digests,
//! commits and image ids; the texts themselves lie in the run's `snapshots` folder and nowhere else.

use super::{Entry, StoreError, files};
use crate::engine::{DeployPurpose, Event, Position};
use crate::schedule::{PhaseId, ServiceName, body_of, digest, without_user};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The form of the file. A change that an older reader would misread gets a new number.
const VERSION: u32 = 1;

/// The file's name in the run's folder.
pub const FILE: &str = "bundle.json";

/// What a run verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The form of the file.
    pub v: u32,
    /// The run.
    pub run: String,
    /// The rollout's name.
    pub rollout: String,
    /// The app.
    pub app: BundleApp,
    /// The version of `plan` that wrote it.
    pub plan: String,
    /// Digest of the plan's text.
    pub plan_digest: String,
    /// Dokploy's version.
    pub dokploy: String,
    /// The speed of the sandbox it was made in; `None` for a real Dokploy.
    pub sandbox: Option<String>,
    /// What was there before the first change.
    pub baseline: Option<KeptText>,
    /// Verified phases, in the order they were verified.
    pub phases: Vec<BundlePhase>,
}

/// The app that a bundle is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleApp {
    /// `project/environment/compose`, variables as `{NAME}`.
    pub name: String,
    /// Dokploy's address, without credentials.
    pub dokploy: String,
    /// Dokploy's id of the compose service.
    pub compose_id: String,
    /// The compose project's name.
    pub app_name: String,
}

/// A text in the run's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptText {
    /// Its path below the run's folder: `snapshots/01-baseline.yml`.
    pub file: String,
    /// [`digest`] of the whole text, marker line included.
    pub digest: String,
    /// [`digest`] of the text without its marker line: by it the text is known again, whoever put it there.
    pub body: String,
}

/// A verified phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundlePhase {
    /// Its name.
    pub phase: String,
    /// When it was verified (RFC 3339, UTC).
    pub at: String,
    /// The text that is live while it is: with its marker line and its commits.
    pub text: KeptText,
    /// Digest of the phase's file as it was on disk.
    pub files: String,
    /// The commits that its references were pinned to, as `repository#reference` → commit; repositories without credentials.
    pub commits: BTreeMap<String, String>,
    /// Image ids by service.
    pub images: BTreeMap<ServiceName, String>,
    /// The services that were verified.
    pub services: BTreeSet<ServiceName>,
    /// Whether it was live before the run and only asserted by it: its text is then the baseline's.
    #[serde(default)]
    pub asserted_only: bool,
}

/// A text of a bundle that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsound {
    /// It cannot be read; why.
    Unreadable(String),
    /// Its digest is another one.
    Changed {
        /// What the bundle says.
        expected: String,
        /// What it is.
        found: String,
    },
}

impl Bundle {
    /// The phase that was verified last.
    pub fn last(&self) -> Option<&BundlePhase> {
        self.phases.last()
    }

    /// The phase named so, as it was verified last.
    pub fn phase(&self, name: &str) -> Option<&BundlePhase> {
        self.phases.iter().rev().find(|phase| phase.phase == name)
    }
}

impl KeptText {
    /// The text, if it is still what it was.
    ///
    /// # Errors
    /// When it cannot be read, or was changed since.
    pub fn read(&self, run_folder: &Path) -> Result<String, Unsound> {
        let is_inside = Path::new(&self.file).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !is_inside {
            return Err(Unsound::Unreadable("its path leads out of the run's folder".to_owned()));
        }
        let text = std::fs::read_to_string(run_folder.join(&self.file)).map_err(|error| Unsound::Unreadable(error.to_string()))?;
        let found = digest(&text);
        if found == self.digest { Ok(text) } else { Err(Unsound::Changed { expected: self.digest.clone(), found }) }
    }
}

/// The bundle that a journal would have given: for runs from before there were bundles. `None` when nothing was verified, or a text is gone.
pub(super) fn of_journal(entries: &[Entry], run_folder: &Path) -> Option<Bundle> {
    let draft = Draft::of(entries);
    if draft.phases.is_empty() { None } else { draft.bundle(run_folder).ok() }
}

/// Reads the bundle of a run from the run's folder; `None` when there is none: it verified nothing, or is from before there were bundles.
///
/// # Errors
/// When it is there and cannot be read, or is of a newer form.
pub fn read(run_folder: &Path) -> Result<Option<Bundle>, StoreError> {
    let path = run_folder.join(FILE);
    let Some(bytes) = files::read_if_there(&path)? else { return Ok(None) };
    let damaged = |what: String| StoreError::damaged(&path, 0, what);
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| damaged(format!("not a bundle ({error})")))?;
    match value.get("v").and_then(serde_json::Value::as_u64) {
        Some(v) if v == u64::from(VERSION) => {
            serde_json::from_value(value).map(Some).map_err(|error| damaged(format!("not a bundle ({error})")))
        }
        Some(v) => Err(damaged(format!("written in form {v} of the bundle, and this version of plan reads form {VERSION}"))),
        None => Err(damaged("not a bundle (it has no form)".to_owned())),
    }
}

/// What a run's events make of its bundle so far: a fold of durable events.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    run: String,
    rollout: String,
    app: BundleApp,
    plan: String,
    plan_digest: String,
    dokploy: String,
    sandbox: Option<String>,
    /// Names and digests of the phases' files, in order.
    files: Vec<(String, String)>,
    live: Option<PhaseId>,
    commits: BTreeMap<String, String>,
    baseline: Option<String>,
    /// Phases whose text is on disk: file, and the rest.
    phases: Vec<Half>,
    /// A phase that is verified and whose text is not on disk yet.
    waiting: Option<(PhaseId, Half)>,
}

/// A phase without the digest of its text.
#[derive(Clone, Debug, Default)]
struct Half {
    phase: String,
    at: String,
    file: String,
    files: String,
    images: BTreeMap<ServiceName, String>,
    services: BTreeSet<ServiceName>,
    asserted_only: bool,
}

impl Draft {
    /// The bundle of a journal: for a run that is taken up again.
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut draft = Self::default();
        for entry in entries {
            draft.take(&entry.time, &entry.event);
        }
        draft
    }

    /// Takes an event; whether the bundle is another one now.
    pub(super) fn take(&mut self, time: &str, event: &Event) -> bool {
        match event {
            Event::RunStarted { run, rollout, app, files, origin, .. } => {
                self.run.clone_from(run);
                self.rollout.clone_from(rollout);
                self.app.name.clone_from(app);
                self.app.dokploy.clone_from(&origin.dokploy);
                self.plan.clone_from(&origin.version);
                self.plan_digest.clone_from(&origin.plan_digest);
                self.sandbox.clone_from(&origin.sandbox);
                self.files.clone_from(files);
            }
            Event::Surveyed { survey, live } => {
                self.dokploy.clone_from(&survey.version);
                self.app.compose_id.clone_from(&survey.compose_id);
                self.app.app_name.clone_from(&survey.app_name);
                self.live = match live {
                    Position::Phase(phase, _) => Some(*phase),
                    _ => None,
                };
            }
            Event::Pinned { commits } => {
                self.commits = commits.iter().map(|(key, commit)| (without_user(key), commit.clone())).collect();
            }
            Event::PhaseVerified { phase, services, images, asserted_only, .. } => {
                let Some((name, files)) = self.files.get(phase.0).cloned() else { return false };
                // A phase that was asserted and whose text is not the live one has no text here.
                if !asserted_only || self.live == Some(*phase) {
                    let (services, images) = (services.clone(), images.clone());
                    let half = Half {
                        phase: name,
                        at: time.to_owned(),
                        file: String::new(),
                        files,
                        images,
                        services,
                        asserted_only: *asserted_only,
                    };
                    self.waiting = Some((*phase, half));
                }
            }
            // A phase may be called baseline, too.
            Event::SnapshotKept { name, path, .. } => return self.kept(name, path),
            Event::Replacing { purpose: DeployPurpose::Phase(_), .. } => self.waiting = None,
            _ => {}
        }
        false
    }

    fn kept(&mut self, name: &str, path: &str) -> bool {
        let Some(file) = Path::new(path).file_name() else { return false };
        let file = format!("snapshots/{}", file.to_string_lossy());
        let is_baseline = self.baseline.is_none() && name == "baseline";
        if is_baseline {
            self.baseline = Some(file.clone());
        }
        match self.waiting.take() {
            Some((_, half)) if half.asserted_only == is_baseline && (is_baseline || half.phase == name) => {
                self.phases.push(Half { file, ..half });
                true
            }
            waiting => {
                self.waiting = waiting;
                false
            }
        }
    }

    /// The bundle so far, with what the run's folder holds of texts.
    fn bundle(&self, run_folder: &Path) -> Result<Bundle, StoreError> {
        let kept = |file: &String| -> Result<KeptText, StoreError> {
            let path: PathBuf = run_folder.join(file);
            let text = std::fs::read_to_string(&path).map_err(|error| StoreError::io("read", &path, error))?;
            Ok(KeptText { file: file.clone(), digest: digest(&text), body: digest(body_of(&text)) })
        };
        let phases = self.phases.iter().map(|half| {
            let Half { phase, at, file, files, images, services, asserted_only } = half.clone();
            // An asserted phase was pinned by the run that brought it: its commits are in its text.
            let commits = if asserted_only { BTreeMap::new() } else { self.commits.clone() };
            Ok(BundlePhase { phase, at, text: kept(&file)?, files, commits, images, services, asserted_only })
        });
        Ok(Bundle {
            v: VERSION,
            run: self.run.clone(),
            rollout: self.rollout.clone(),
            app: self.app.clone(),
            plan: self.plan.clone(),
            plan_digest: self.plan_digest.clone(),
            dokploy: self.dokploy.clone(),
            sandbox: self.sandbox.clone(),
            baseline: self.baseline.as_ref().map(kept).transpose()?,
            phases: phases.collect::<Result<_, StoreError>>()?,
        })
    }

    /// Writes the bundle into the run's folder: it is there whole or as it was.
    pub(super) fn write(&self, run_folder: &Path) -> Result<(), StoreError> {
        let path = run_folder.join(FILE);
        let bundle = self.bundle(run_folder)?;
        let mut bytes = serde_json::to_vec_pretty(&bundle).map_err(|error| StoreError::io("write", &path, error.into()))?;
        bytes.push(b'\n');
        let unfinished = run_folder.join(".bundle-unfinished");
        files::write(&unfinished, &bytes)?;
        files::move_into_place(&unfinished, &path)
    }
}
