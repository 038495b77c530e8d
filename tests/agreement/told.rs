//! What is told of a run, to be compared.

use rollout_plan::engine::{Ending, Event, Moment};
use rollout_plan::rehearse::Rehearsal;
use rollout_plan::store::Entry;

/// Every event of a run with its time, and its end.
pub struct Told {
    ending: Ending,
    events: Vec<String>,
}

impl Told {
    /// Of a run that the driver drove.
    pub fn driven(ending: Ending, journal: &[Entry]) -> Self {
        Self { ending, events: journal.iter().map(|entry| telling(entry.at, &entry.event)).collect() }
    }

    /// Of one that was rehearsed, to its end.
    pub fn rehearsed(run: &Rehearsal) -> Self {
        let ending = run.ending().expect("a run ends").clone();
        Self { ending, events: run.told().iter().map(|(at, event)| telling(*at, event)).collect() }
    }

    /// The first thing that differs.
    pub fn difference(&self, rehearsed: &Self) -> Option<String> {
        let (there, here) = (&self.events, &rehearsed.events);
        if there != here {
            let at = there.iter().zip(here).position(|(one, other)| one != other).unwrap_or(there.len().min(here.len()));
            return Some(format!("  over HTTP: {:?}\n  rehearsed: {:?}", there.get(at), here.get(at)));
        }
        let end = |told: &Self| format!("{:?} {:?} {:?}", told.ending.reason, told.ending.facts, told.ending.live);
        (end(self) != end(rehearsed)).then(|| format!("  over HTTP it ends: {}\n  rehearsed it ends: {}", end(self), end(rehearsed)))
    }
}

/// What of an event must be the same: everything in it but places on the disk.
fn telling(at: Moment, event: &Event) -> String {
    let mut value = serde_json::to_value(event).unwrap();
    strip(&mut value);
    format!("{} {value}", at.0.as_millis())
}

fn strip(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            for name in ["path", "options"] {
                fields.remove(name);
            }
            fields.values_mut().for_each(strip);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}
