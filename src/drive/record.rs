//! The store as the driver's record.

use super::Record;
use crate::engine::{Event, Evidence, Moment};
use crate::store::Run;

impl Record for Run {
    fn append(&mut self, now: Moment, events: &[Event]) -> Result<(), String> {
        Run::append(self, now, events).map_err(|error| error.to_string())
    }

    fn keep_snapshot(&mut self, name: &str, text: &str) -> Result<String, String> {
        Run::keep_snapshot(self, name, text).map(|path| path.display().to_string()).map_err(|error| error.to_string())
    }

    fn snapshot_of(&self, text: &str) -> Option<String> {
        Run::snapshot_of(self, text).map(|path| path.display().to_string())
    }

    fn keep_evidence(&mut self, evidence: &Evidence) -> Result<String, String> {
        Run::keep_evidence(self, evidence).map(|path| path.display().to_string()).map_err(|error| error.to_string())
    }
}
