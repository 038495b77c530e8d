//! The journal cut at every byte, and damaged at every byte.

use super::disk::{Process, RUN, begin, process};
use super::scene::Scene;
use crate::support::in_memory::on_virtual_time;
use rollout_plan::engine::{Engine, Event, Moment, NotResumable, Options, baseline_kept};
use rollout_plan::store::{Store, decode};
use std::time::Duration;

/// A whole run's journal, and its snapshots.
fn journal(scene: Scene) -> (Vec<u8>, std::collections::BTreeMap<String, String>) {
    on_virtual_time(async {
        let (dokploy, disk) = begin(scene);
        let (Process::Ended(_), _) = process(&dokploy, &disk, &scene.schedule(), None).await else { panic!("it does not end") };
        let disk = disk.borrow().clone();
        (disk.journal, disk.snapshots)
    })
}

#[test]
fn a_journal_that_is_cut_at_any_byte_goes_on_or_says_why_not() {
    let scene = Scene::Stopped;
    let schedule = scene.schedule();
    let (bytes, snapshots) = journal(scene);
    let mut resumed = 0;
    let mut last = None;
    for length in 0..=bytes.len() {
        let (found, damage) = decode(&bytes[..length]);
        assert_eq!(damage, None, "{length}");
        let line = bytes[..length].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        assert_eq!(found.torn_at, (line < length).then_some(line as u64), "{length}");
        // What is read changes with each whole line only.
        if last.replace(found.entries.len()) == Some(found.entries.len()) {
            continue;
        }
        let past: Vec<(Moment, Event)> = found.entries.into_iter().map(|entry| (entry.at, entry.event)).collect();
        let baseline = baseline_kept(&past).and_then(|(path, _)| snapshots.get(path).cloned());
        let options = Options { run: RUN.to_owned(), ..Options::default() };
        match Engine::resume(&schedule, options, &past, baseline, Duration::ZERO) {
            Ok(engine) => {
                resumed += 1;
                assert!(engine.ending().is_none());
            }
            Err(NotResumable::Empty) => assert!(past.is_empty()),
            Err(NotResumable::Ended { code, .. }) => assert_eq!((code.0, length), (4, bytes.len())),
            Err(other) => panic!("{length}: {other}"),
        }
    }
    assert!(resumed > 20, "{resumed}");
}

#[test]
fn a_journal_that_is_damaged_before_its_end_is_refused_with_the_offset() {
    let (bytes, _) = journal(Scene::Stopped);
    let lines = bytes.split(|byte| *byte == b'\n').count() - 1;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Some(folder.path().to_owned())).unwrap();
    drop(store.begin(RUN).unwrap());
    let mut offset = 0;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let mut damaged = bytes.clone();
        damaged[offset] = b'#';
        let (found, damage) = decode(&damaged);
        assert_eq!((found.entries.len(), damage.map(|(at, _)| at)), (number, Some(offset as u64)), "of {lines} lines");
        std::fs::write(store.journal(RUN), &damaged).unwrap();
        assert_eq!(store.resume(RUN).unwrap_err().damaged_at(), Some(offset as u64));
        assert_eq!(std::fs::read(store.journal(RUN)).unwrap(), damaged, "it is kept as it was");
        // Half a line in the middle is damage as well.
        let mut torn = bytes[..offset + line.len() / 2].to_vec();
        torn.extend(b"\n");
        assert_eq!(decode(&torn).1.map(|(at, _)| at), Some(offset as u64));
        offset += line.len();
    }
}

#[test]
fn a_record_that_is_reopened_goes_on_where_its_last_whole_line_ended() {
    let (bytes, _) = journal(Scene::Stopped);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Some(folder.path().to_owned())).unwrap();
    let mut run = store.begin(RUN).unwrap();
    run.keep_snapshot("baseline", "services: {}\n").unwrap();
    drop(run);
    let torn = &bytes[..bytes.len() - 5];
    let last_line = torn.iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    assert!(!store.is_at_work(RUN));
    std::fs::write(store.journal(RUN), torn).unwrap();
    let (mut run, read) = store.resume(RUN).unwrap();
    assert_eq!(read.torn_at, Some(last_line as u64));
    assert!(store.is_at_work(RUN) && store.resume(RUN).is_err(), "two processes write one record");
    run.append(Moment::millis(1), &[Event::Agreed]).unwrap();
    let snapshot = run.keep_snapshot("core", "x").unwrap();
    assert!(snapshot.ends_with("snapshots/02-core.yml"), "{snapshot:?}");
    assert_eq!(store.snapshot(RUN, "/moved/since/01-baseline.yml").unwrap(), "services: {}\n");
    let again = rollout_plan::store::read(&store.journal(RUN)).unwrap();
    assert_eq!(again.torn_at, None);
    assert_eq!(again.entries[..read.entries.len()], read.entries[..]);
    assert_eq!(again.entries.last().unwrap().event, Event::Agreed);
}
