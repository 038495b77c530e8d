//! What a run leaves on disk: whole, private and free of secrets.

use crate::support::answers;
use rollout_plan::drive::Record;
use rollout_plan::engine::{Cause, Event, Evidence, FailedService, Log, Moment, Sample};
use rollout_plan::model::{HttpAssertion, Probe, Text, TextPart, Variables};
use rollout_plan::probe::{Asking, ask, judge, prepare};
use rollout_plan::schedule::PhaseId;
use rollout_plan::source::{SourceMap, Span, Spanned};
use rollout_plan::store::{self, Store, new_run_id};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

const CANARY: &str = "canary-7f3a";

struct Canary;

impl Variables for Canary {
    fn get(&self, _name: &str) -> Option<String> {
        Some(CANARY.into())
    }
}

/// A sample of a service that says back the secret it was asked with.
async fn telling_sample() -> Sample {
    let address = answers(format!("HTTP/1.1 500 Oops\r\n\r\nwrong key {CANARY}, try again"));
    let span = Span::new(SourceMap::default().add("rollout.plan", ""), 0..0);
    let parts = vec![TextPart::Literal(format!("http://{address}/?key=")), TextPart::Secret { name: "KEY".into() }];
    let assertions = vec![Spanned::new(HttpAssertion::Status(vec![(200, 200)]), span)];
    let probe = Probe::Http { url: Spanned::new(Text { parts }, span), options: Box::default(), assertions };
    let request = prepare(&probe, &Canary).unwrap().unwrap();
    let outcome = ask(&request, &Asking::default(), Duration::from_secs(10)).await;
    judge(&request, &outcome, Moment::millis(1), Duration::ZERO)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[tokio::test]
async fn a_secret_that_a_service_says_back_reaches_neither_journal_nor_evidence() {
    let sample = telling_sample().await;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Some(folder.path().join("state"))).unwrap();
    let id = new_run_id().unwrap();
    let mut run = store.begin(&id).unwrap();

    let failed = FailedService {
        service: "web".into(),
        what: sample.expected.clone(),
        expected: sample.expected.clone(),
        actual: sample.actual.clone(),
        counts: (0, 1, 0),
        hint: None,
    };
    let event = Event::PhaseFailed { phase: PhaseId(0), cause: Cause::Services { services: vec![failed], regression: false }, open: false };
    Record::append(&mut run, Moment::millis(2), std::slice::from_ref(&event)).unwrap();
    let evidence = Evidence {
        phase: "core".into(),
        cause: vec![format!("web: {}", sample.actual)],
        text: "services: {}\n".into(),
        containers: Vec::new(),
        deploy_log: Log::default(),
        logs: BTreeMap::new(),
        samples: BTreeMap::from([("http …".into(), vec![sample])]),
    };
    let place = Record::keep_evidence(&mut run, &evidence).unwrap();
    assert!(Path::new(&place).join("samples.jsonl").is_file(), "{place}");

    let journal = store::read(&store.journal(&id)).unwrap();
    assert_eq!(journal.entries.iter().map(|entry| &entry.event).collect::<Vec<_>>(), [&event]);

    let mut found = Vec::new();
    files(folder.path(), &mut found);
    assert!(found.len() >= 6, "{found:?}");
    let mut masked = 0;
    for file in found {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains(CANARY), "{}", file.display());
        masked += usize::from(text.contains("wrong key [secret], try again"));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    assert_eq!(masked, 3, "the journal, the cause and the samples tell what was said, masked");
}
