//! From a record to what there is to show of it.

use crate::engine::{Event, GateOutline, Outline, PhaseOutline, Reach};
use crate::model::OnFailure;
use crate::report::progress::View;
use crate::schedule::{Bounds, Subject};
use crate::store::Past;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What the events of a run come to, as far as they can be read; `None` when not even its beginning can.
pub fn recall(past: &Past) -> Option<View> {
    let mut view = View::new(outline(past)?);
    for entry in &past.entries {
        view.apply(entry.at, &entry.event);
    }
    Some(view)
}

/// The outline that a record holds. One from before outlines were kept is made up of what its events name.
pub(in crate::report) fn outline(past: &Past) -> Option<Outline> {
    past.entries.iter().find_map(|entry| match &entry.event {
        Event::RunStarted { outline: Some(outline), .. } => Some((**outline).clone()),
        Event::RunStarted { rollout, app, files, .. } => {
            let reach = past.entries.iter().map(|entry| Reach::of(&entry.event)).fold(Reach::default(), Reach::and);
            Some(poor(rollout, app, files, reach))
        }
        _ => None,
    })
}

fn poor(rollout: &str, app: &str, files: &[(String, String)], reach: Reach) -> Outline {
    let phase = |(name, _): &(String, String)| PhaseOutline {
        name: name.clone(),
        note: None,
        path: "its compose file".to_owned(),
        services: BTreeSet::new(),
        adds: BTreeSet::new(),
        removes: BTreeSet::new(),
        gates: Vec::new(),
        within: Duration::ZERO,
        settle: Duration::ZERO,
        soak: Duration::ZERO,
        on_failure: OnFailure::Rollback,
        bounds: Bounds::default(),
    };
    let gate = |number: usize| GateOutline { name: format!("gate {}", number + 1), asks: Vec::new(), approval: None };
    let expectation = |number: usize| (Subject::Gate(format!("expectation {}", number + 1)), "not recorded".to_owned());
    Outline {
        rollout: rollout.to_owned(),
        app: app.to_owned(),
        phases: files.iter().map(phase).collect(),
        gates: (0..reach.gates).map(gate).collect(),
        expectations: (0..reach.expectations).map(expectation).collect(),
        hints: BTreeMap::new(),
        every: Duration::ZERO,
        timeout: Duration::ZERO,
        healthy_after: 0,
        unhealthy_after: 0,
        restarts: 0,
        queue: Duration::ZERO,
        run: Duration::MAX,
    }
}
