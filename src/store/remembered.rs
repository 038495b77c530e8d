//! What a run's folder still knows of the states that the run verified and found: what a rollback by hand may go back to.
//!
//! The journal says what was verified, the bundle says it again, and the texts lie beside them. Where the journal is damaged, the bundle
//! stands in for it, and where that is gone too, the marker that each text carries. A text that nothing of these vouches for is left out.

use super::past::{Condition, Past, Place};
use super::{Bundle, files};
use crate::engine::{Event, Proof, Remembered, Target};
use crate::schedule::{Header, ServiceName, services_in};
use std::collections::BTreeSet;

/// The name of what was there before the first change.
const BASELINE: &str = "baseline";

impl Place {
    /// The states that the run's folder knows, oldest first. Empty where it keeps no text.
    pub fn remembered(&self) -> Vec<Remembered> {
        let texts = Texts::of(self);
        if texts.0.is_empty() {
            return Vec::new();
        }
        let (past, bundle) = (self.read(), self.bundle().ok().flatten());
        let mut states = States { run: self.run.clone(), compose_id: compose_id(&past, bundle.as_ref()), found: Vec::new() };
        states.baseline(&texts, &past);
        states.of_journal(&texts, &past);
        states.of_bundle(bundle.as_ref(), self);
        if matches!(past.condition, Condition::Damaged(_) | Condition::Missing) {
            states.of_markers(&texts);
        }
        states.found
    }
}

/// Dokploy's id of the app that the run was about.
fn compose_id(past: &Past, bundle: Option<&Bundle>) -> Option<String> {
    let surveyed = past.entries.iter().rev().find_map(|entry| match &entry.event {
        Event::Surveyed { survey, .. } => Some(survey.compose_id.clone()),
        _ => None,
    });
    surveyed.or_else(|| bundle.map(|bundle| bundle.app.compose_id.clone())).filter(|id| !id.is_empty())
}

/// The texts of a run's folder, by the names they were kept under, in order.
struct Texts(Vec<(String, String)>);

impl Texts {
    fn of(place: &Place) -> Self {
        let text = |path: std::path::PathBuf| {
            let name = path.file_stem()?.to_str()?.split_once('-')?.1.to_owned();
            Some((name, std::fs::read_to_string(&path).ok()?))
        };
        Self(place.snapshots().into_iter().filter_map(text).collect())
    }

    /// What was there before the first change: kept first. A phase may be called the same.
    fn baseline(&self) -> Option<&str> {
        self.0.first().filter(|(kept, _)| kept == BASELINE).map(|(_, text)| text.as_str())
    }

    /// The one kept last under this name.
    fn get(&self, name: &str) -> Option<&str> {
        let name = files::file_name(name);
        self.0.iter().rev().find(|(kept, _)| *kept == name).map(|(_, text)| text.as_str())
    }
}

struct States {
    run: String,
    compose_id: Option<String>,
    found: Vec<Remembered>,
}

impl States {
    fn push(&mut self, name: &str, text: &str, proof: impl FnOnce(&BTreeSet<ServiceName>) -> Proof) {
        let services = services_in(text);
        let proof = proof(&services);
        let (run, compose_id) = (self.run.clone(), self.compose_id.clone());
        self.found.push(Remembered { run, name: name.to_owned(), compose_id, text: text.to_owned(), services, proof });
    }

    fn verified(&mut self, name: &str, text: &str, services: &BTreeSet<ServiceName>) {
        self.push(name, text, |_| Proof::Verified(services.clone()));
    }

    fn knows(&self, name: &str) -> bool {
        self.found.iter().any(|state| state.name == name && matches!(state.proof, Proof::Verified(_)))
    }

    /// What was there before. Where the journal does not say any more which services were well, all of them are taken to have been.
    fn baseline(&mut self, texts: &Texts, past: &Past) {
        let Some(text) = texts.baseline() else { return };
        let taken = past.entries.iter().find_map(|entry| match &entry.event {
            Event::BaselineTaken { healthy, not_healthy } => Some((healthy.clone(), not_healthy.clone())),
            _ => None,
        });
        self.push(BASELINE, text, |services| match taken {
            Some((healthy, not_healthy)) => Proof::Found { healthy, not_healthy },
            None => Proof::Found { healthy: services.clone(), not_healthy: BTreeSet::new() },
        });
    }

    fn of_journal(&mut self, texts: &Texts, past: &Past) {
        let mut names: Vec<&str> = Vec::new();
        for entry in &past.entries {
            match &entry.event {
                Event::RunStarted { files, .. } => names = files.iter().map(|(name, _)| name.as_str()).collect(),
                Event::PhaseVerified { phase, services, asserted_only, .. } => {
                    let Some(name) = names.get(phase.0) else { continue };
                    // What was only asserted was live, if its marker says that it was this phase.
                    let text = if *asserted_only { live_before(texts, name) } else { texts.get(name) };
                    if let Some(text) = text {
                        self.verified(name, text, services);
                    }
                }
                Event::RollbackVerified { target, services, .. } => {
                    let name = match target {
                        Target::Phase(phase) => names.get(phase.0).copied(),
                        Target::Kept { name, .. } if name != BASELINE => Some(name.as_str()),
                        Target::Kept { .. } | Target::Baseline => None,
                    };
                    let text = name.and_then(|name| Some((name, texts.get(name).or_else(|| live_before(texts, name))?)));
                    if let Some((name, text)) = text {
                        self.verified(name, text, services);
                    }
                }
                _ => {}
            }
        }
    }

    fn of_bundle(&mut self, bundle: Option<&Bundle>, place: &Place) {
        for phase in bundle.iter().flat_map(|bundle| &bundle.phases) {
            if let (false, Ok(text)) = (self.knows(&phase.phase), phase.text.read(&place.folder)) {
                self.verified(&phase.phase, &text, &phase.services);
            }
        }
    }

    fn of_markers(&mut self, texts: &Texts) {
        for (_, text) in &texts.0 {
            let Some(header) = Header::parse(text).filter(|header| header.verified && header.is_intact(text)) else { continue };
            if !self.knows(&header.phase) {
                self.push(&header.phase, text, |services| Proof::Verified(services.clone()));
            }
        }
    }
}

/// The text that was live when the run began, if its marker says that it was this phase.
fn live_before<'t>(texts: &'t Texts, phase: &str) -> Option<&'t str> {
    texts.baseline().filter(|text| Header::parse(text).is_some_and(|header| header.phase == phase && header.verified))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Moment, Origin, Position, Undo};
    use crate::schedule::{PhaseId, digest};
    use crate::store::{Archive, Store};
    use std::path::Path;

    const ONE: &str = "services:\n  web: {image: web}\n";
    const TWO: &str = "services:\n  web: {image: web}\n  worker: {image: worker}\n  shell: {image: shell, profiles: [debug]}\n";

    fn marked(run: &str, phase: &str, body: &str, verified: bool) -> String {
        let header = Header { run: run.into(), phase: phase.into(), files: digest(body), text: digest(body), verified };
        format!("{header}\n{body}")
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn surveyed(id: &str) -> Event {
        let survey = serde_json::json!({
            "version": "v0.30.2", "compose_id": id, "app_name": "app", "server": null, "variables": [], "environment_bytes": 0,
            "containers": { "unknown": "" }, "host": null, "queue": [], "running_row": null, "unsupported": [], "missing_rights": [],
            "warnings": []
        });
        Event::Surveyed { survey: serde_json::from_value(survey).unwrap(), live: Position::Empty }
    }

    fn started() -> Event {
        let files = ["one", "two"].map(|name| (name.to_owned(), "sha256:0".to_owned())).to_vec();
        let (run, rollout, app) = ("r1".into(), "shop".into(), "a/b/c".into());
        Event::RunStarted { run, rollout, app, files, origin: Origin::default(), outline: None, options: Box::default() }
    }

    fn phase_verified(phase: usize, services: &[&str]) -> Event {
        let services = set(services);
        Event::PhaseVerified { phase: PhaseId(phase), services, samples: 9, images: [].into(), asserted_only: false }
    }

    /// A run that verified `one`, failed `two`, and went back.
    fn record(state: &Path) -> Place {
        let mut run = Store::open(Some(state.to_owned())).unwrap().begin("r1").unwrap();
        let mut say = |event| run.append(Moment::START, &[event]).unwrap();
        say(started());
        say(surveyed("c1"));
        say(Event::BaselineTaken { healthy: set(&[]), not_healthy: set(&["old"]) });
        say(phase_verified(0, &["web"]));
        say(Event::RollbackStarted { target: Target::Phase(PhaseId(0)), undo: Undo::Redeploy });
        say(Event::RollbackVerified { target: Target::Phase(PhaseId(0)), services: set(&["web"]), not_held_against: set(&[]) });
        run.keep_snapshot("baseline", "services:\n  old: {image: old}\n").unwrap();
        run.keep_snapshot("one", &marked("r1", "one", ONE, true)).unwrap();
        Archive::open(Some(state.to_owned())).unwrap().places().unwrap().remove(0)
    }

    fn said(states: &[Remembered]) -> Vec<(String, Option<String>, Proof)> {
        states.iter().map(|state| (state.name.clone(), state.compose_id.clone(), state.proof.clone())).collect()
    }

    #[test]
    fn a_whole_journal_says_what_was_found_and_verified_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let states = record(folder.path()).remembered();
        let id = || Some("c1".to_owned());
        let web = || Proof::Verified(set(&["web"]));
        let found = Proof::Found { healthy: set(&[]), not_healthy: set(&["old"]) };
        assert_eq!(said(&states), [("baseline".into(), id(), found), ("one".into(), id(), web()), ("one".into(), id(), web())]);
        assert_eq!((states[1].text.as_str(), &states[1].services), (marked("r1", "one", ONE, true).as_str(), &set(&["web"])));
    }

    #[test]
    fn a_snapshot_that_nothing_vouches_for_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut run = Store::open(Some(folder.path().to_owned())).unwrap().begin("r1").unwrap();
        run.append(Moment::START, &[started(), surveyed("c1")]).unwrap();
        // What a rollback that failed had wanted to go back to.
        run.keep_snapshot("two", &marked("r0", "two", TWO, true)).unwrap();
        let place = Archive::open(Some(folder.path().to_owned())).unwrap().places().unwrap().remove(0);
        assert_eq!(place.remembered(), []);
    }

    #[test]
    fn where_the_journal_is_damaged_the_texts_speak_for_themselves() {
        let folder = tempfile::tempdir().unwrap();
        let place = record(folder.path());
        let snapshots = place.folder.join("snapshots");
        std::fs::write(snapshots.join("03-two.yml"), marked("r1", "two", TWO, true)).unwrap();
        std::fs::write(snapshots.join("04-three.yml"), marked("r1", "three", TWO, false)).unwrap();
        std::fs::write(snapshots.join("05-four.yml"), marked("r1", "four", TWO, true) + "# edited\n").unwrap();
        std::fs::write(place.folder.join("journal.jsonl"), "not a journal\n").unwrap();
        let states = place.remembered();
        let names: Vec<_> = states.iter().map(|state| (state.name.as_str(), state.compose_id.as_deref(), state.proof.clone())).collect();
        let all = Proof::Found { healthy: set(&["old"]), not_healthy: set(&[]) };
        let (one, two) = (Proof::Verified(set(&["web"])), Proof::Verified(set(&["web", "worker"])));
        assert_eq!(names, [("baseline", None, all), ("one", None, one), ("two", None, two)], "profiles are started by nobody");
        std::fs::remove_file(place.folder.join("journal.jsonl")).unwrap();
        assert_eq!(place.remembered().len(), 3);
    }
}
