//! What a run writes down beside its snapshots, without secrets.

use super::Record;
use crate::engine::{Event, Evidence, Log, Moment};
use crate::secrets::Masks;
use std::cell::RefCell;
use std::rc::Rc;

/// What must not be shown, as far as it is known by now: the plan's secrets, and more with every reading of the app.
pub type SharedMasks = Rc<RefCell<Masks>>;

/// A record whose evidence holds no secret. Snapshots stay as they are: they are what is gone back to.
pub struct Masking<'a> {
    record: &'a mut dyn Record,
    masks: SharedMasks,
}

impl<'a> Masking<'a> {
    /// Masks on the way to a record.
    pub fn new(record: &'a mut dyn Record, masks: SharedMasks) -> Self {
        Self { record, masks }
    }
}

impl Record for Masking<'_> {
    fn append(&mut self, now: Moment, events: &[Event]) -> Result<(), String> {
        self.record.append(now, events)
    }

    fn keep_snapshot(&mut self, name: &str, text: &str) -> Result<String, String> {
        self.record.keep_snapshot(name, text)
    }

    fn keep_evidence(&mut self, evidence: &Evidence) -> Result<String, String> {
        let hides = self.masks.borrow().apply(&evidence.text) != evidence.text;
        let original = match self.record.snapshot_of(&evidence.text) {
            // The text of a phase that failed is kept nowhere else.
            None if hides => Some(self.record.keep_snapshot(&format!("{}-failed", evidence.phase), &evidence.text)?),
            original => original,
        };
        let masked = masked(evidence, &self.masks.borrow(), original.as_deref());
        self.record.keep_evidence(&masked)
    }

    fn snapshot_of(&self, text: &str) -> Option<String> {
        self.record.snapshot_of(text)
    }
}

fn masked(evidence: &Evidence, masks: &Masks, original: Option<&str>) -> Evidence {
    let mut evidence = evidence.clone();
    let hide = |text: &mut String| *text = masks.apply(text);
    let hide_log = |log: &mut Log| {
        log.lines.iter_mut().for_each(hide);
        log.missing.iter_mut().for_each(hide);
    };
    evidence.cause.iter_mut().for_each(hide);
    hide_log(&mut evidence.deploy_log);
    evidence.logs.values_mut().for_each(hide_log);
    evidence.samples.values_mut().flatten().for_each(|sample| hide(&mut sample.actual));
    let text = masks.apply(&evidence.text);
    if text != evidence.text {
        let place = original.unwrap_or("in the folder `snapshots` of this run, if it was kept");
        let (first, rest) = if text.starts_with("# plan ") { text.split_once('\n').unwrap_or((&text, "")) } else { ("", &*text) };
        let first = if first.is_empty() { String::new() } else { format!("{first}\n") };
        evidence.text = format!("{first}# values that may be secret are masked here; the text as it was: {place}\n{rest}");
    }
    evidence
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn evidence_holds_no_secret_and_names_the_snapshot() {
        let mut masks = Masks::default();
        masks.add_secret("hunter2");
        let log = |line: &str| Log { lines: vec![line.into()], missing: None, is_cut: false };
        let evidence = Evidence {
            phase: "core".into(),
            cause: vec!["it says hunter2".into()],
            text: "services: { a: { image: hunter2 } }\n".into(),
            containers: Vec::new(),
            deploy_log: log("hunter2"),
            logs: BTreeMap::from([("a".into(), log("hunter2"))]),
            samples: BTreeMap::new(),
        };
        let hidden = masked(&evidence, &masks, Some("/state/snapshots/02-core.yml"));
        let all = format!("{hidden:?}");
        assert!(!all.contains("hunter2") && hidden.text.lines().next().unwrap().ends_with("/state/snapshots/02-core.yml"), "{all}");
        let plain = Evidence { text: "services: {}\n".into(), ..evidence };
        assert_eq!(masked(&plain, &masks, None).text, "services: {}\n", "nothing is added where nothing is hidden");
    }
}
