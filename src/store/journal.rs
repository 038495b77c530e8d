//! The journal: one line of JSON for each durable event, appended and synced before anything follows from it.
//!
//! `{"v":1,"at":MILLISECONDS,"time":"RFC 3339","event":{…}}`. A line that its newline never followed was never synced, so nothing
//! followed from it: reading goes on without it. Any other line that cannot be read is damage.

use super::{StoreError, files};
use crate::engine::{Event, Moment, Reach};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The form of a line. A change that an older reader would misread gets a new number.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    at: u64,
    time: &'a str,
    event: &'a Event,
}

/// What any version's line has.
#[derive(Deserialize)]
struct Versioned {
    v: u32,
}

#[derive(Deserialize)]
struct ReadLine {
    at: u64,
    time: String,
    event: Event,
}

/// One event of a journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When, in run time.
    pub at: Moment,
    /// When, on the wall clock (RFC 3339).
    pub time: String,
    /// What.
    pub event: Event,
    /// The byte of the journal that its line begins at.
    pub offset: u64,
}

/// A journal as read back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Journal {
    /// Its events, oldest first.
    pub entries: Vec<Entry>,
    /// Where a last line begins that was never finished. What is appended later goes there.
    pub torn_at: Option<u64>,
}

/// Reads a journal.
///
/// # Errors
/// When it cannot be opened, when a line before the last is damaged (with its offset), or when a newer version wrote it.
pub fn read(path: &Path) -> Result<Journal, StoreError> {
    match read_as_far(path)? {
        (journal, None) => Ok(journal),
        (_, Some(damage)) => Err(damage),
    }
}

/// Reads a journal as far as that goes: up to the first line that is damaged, which is told.
///
/// # Errors
/// When it cannot be opened.
pub(super) fn read_as_far(path: &Path) -> Result<(Journal, Option<StoreError>), StoreError> {
    let missing = || StoreError::io("read", path, ErrorKind::NotFound.into());
    let bytes = files::read_if_there(path)?.ok_or_else(missing)?;
    let (journal, damage) = decode(&bytes);
    Ok((journal, damage.map(|(offset, what)| StoreError::damaged(path, offset, what))))
}

/// Reads a journal's bytes as far as that goes: up to the first line that is damaged, whose offset is told with what is wrong with it.
pub fn decode(bytes: &[u8]) -> (Journal, Option<(u64, String)>) {
    let mut journal = Journal::default();
    let mut bounds = None;
    let mut offset = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let at = offset as u64;
        offset += line.len();
        let Some(line) = line.strip_suffix(b"\n") else {
            journal.torn_at = Some(at);
            break;
        };
        match entry(line, at).and_then(|entry| fitting(entry, &mut bounds)) {
            Ok(entry) => journal.entries.push(entry),
            Err(what) => return (journal, Some((at, what))),
        }
    }
    (journal, None)
}

/// The lines of events that became so together, at a moment of the run and a time of the wall clock (RFC 3339).
///
/// # Errors
/// When an event has no JSON form, which none of `plan`'s lacks.
pub fn encode(now: Moment, time: &str, events: &[Event]) -> Result<Vec<u8>, serde_json::Error> {
    let at = u64::try_from(now.0.as_millis()).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    for event in events {
        serde_json::to_writer(&mut bytes, &Line { v: VERSION, at, time, event })?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// An event that speaks of what the run's plan does not have was never written by us: whoever read it would look into nothing.
fn fitting(entry: Entry, bounds: &mut Option<Reach>) -> Result<Entry, String> {
    // A run that goes on may do so with other gates and expectations.
    if matches!(entry.event, Event::RunStarted { .. } | Event::Resumed { outline: Some(_), .. }) {
        *bounds = Some(entry.event.bounds().ok_or("the outline of its plan contradicts itself")?);
    }
    match bounds {
        Some(bounds) if !Reach::of(&entry.event).is_within(*bounds) => {
            Err("speaks of a phase, gate or expectation that its plan does not have".to_owned())
        }
        _ => Ok(entry),
    }
}

fn entry(line: &[u8], offset: u64) -> Result<Entry, String> {
    let versioned: Versioned = serde_json::from_slice(line).map_err(|error| format!("not a line of a journal ({error})"))?;
    if versioned.v != VERSION {
        return Err(format!("written in form {} of the journal, and this version of plan reads form {VERSION}", versioned.v));
    }
    let line: ReadLine = serde_json::from_slice(line).map_err(|error| format!("not an event ({error})"))?;
    Ok(Entry { at: Moment(Duration::from_millis(line.at)), time: line.time, event: line.event, offset })
}

/// A journal being written.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    file: File,
    /// Bytes known to be on disk.
    length: u64,
    /// Set when what is on disk is not known any more: nothing can be appended then.
    broken: bool,
}

impl Writer {
    pub(super) fn create(path: PathBuf) -> Result<Self, StoreError> {
        let file = files::new_file(&path)?;
        files::hold(&path, &file)?;
        Ok(Self { path, file, length: 0, broken: false })
    }

    /// Opens a journal to be appended to, and reads it. A last line that was never finished is cut off. One that is damaged stays as it is.
    pub(super) fn reopen(path: PathBuf) -> Result<(Self, Journal), StoreError> {
        let file = files::appended_file(&path)?;
        // First, so that nothing is read that is being written.
        files::hold(&path, &file)?;
        let journal = read(&path)?;
        let length = files::cut(&path, &file, journal.torn_at)?;
        Ok((Self { path, file, length, broken: false }, journal))
    }

    /// Appends with one write and syncs. After an error nothing of it is there, or nothing more is taken.
    pub(super) fn append(&mut self, now: Moment, time: &str, events: &[Event]) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::unusable(&self.path, "could not be written before, so what it holds is not known"));
        }
        let bytes = encode(now, time, events).map_err(|error| StoreError::io("write", &self.path, error.into()))?;
        if bytes.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a line in the middle of a journal would be damage: take it back, or take nothing more.
            self.broken = self.file.set_len(self.length).and_then(|()| self.file.sync_data()).is_err();
            // A sync that failed once may succeed the next time without having written anything.
            self.broken |= error.kind() != ErrorKind::StorageFull;
            return Err(StoreError::io("write", &self.path, error));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::times;
    use super::*;
    use jiff::Timestamp;

    fn warned(text: &str) -> Event {
        Event::Warned { text: text.into() }
    }

    fn written(events: &[Event]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let mut writer = Writer::create(path.clone()).unwrap();
        for (at, event) in events.iter().enumerate() {
            writer.append(Moment::millis(at as u64 * 5), &times::now(), std::slice::from_ref(event)).unwrap();
        }
        (folder, path)
    }

    #[test]
    fn what_was_appended_is_read_back() {
        let (_folder, path) = written(&[warned("one\ntwo"), Event::Agreed]);
        let journal = read(&path).unwrap();
        assert_eq!(journal.torn_at, None);
        let found: Vec<_> = journal.entries.iter().map(|entry| (entry.at, entry.event.clone())).collect();
        assert_eq!(found, [(Moment::millis(0), warned("one\ntwo")), (Moment::millis(5), Event::Agreed)]);
        assert!(journal.entries[0].time.parse::<Timestamp>().is_ok());
    }

    #[test]
    fn a_torn_last_line_is_told_wherever_it_is_torn() {
        let (_folder, path) = written(&[Event::Agreed, warned("x")]);
        let whole = std::fs::read(&path).unwrap();
        let last = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for length in last + 1..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let journal = read(&path).unwrap();
            assert_eq!((journal.entries.len(), journal.torn_at), (1, Some(last as u64)), "{length}");
        }
    }

    #[test]
    fn damage_before_the_end_is_an_error_with_its_offset() {
        let (_folder, path) = written(&[Event::Agreed, warned("x"), Event::Agreed]);
        let mut bytes = std::fs::read(&path).unwrap();
        let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        bytes[second + 3] = b'#';
        std::fs::write(&path, &bytes).unwrap();
        let error = read(&path).unwrap_err();
        assert_eq!(error.damaged_at(), Some(second as u64), "{error}");
    }

    #[test]
    fn a_newer_form_is_named_and_not_misread() {
        let (_folder, path) = written(&[]);
        std::fs::write(&path, "{\"v\":2,\"what\":\"else\"}\n").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("form 2"));
    }
}
