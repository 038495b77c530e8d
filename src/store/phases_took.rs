//! How long phases took in a run, by its journal.

use super::journal::Entry;
use crate::engine::{DeployPurpose, Event, Moment};
use crate::schedule::PhaseId;
use std::time::Duration;

/// Each phase that the run brought up and verified, by its name, with how long that took in run time: from the end of what came before to
/// `verified`, without waiting for people. What was cut off or slept through says nothing of the next run, and neither does a phase that was
/// live already.
pub(super) fn phases_took(entries: &[Entry]) -> Vec<(String, Duration)> {
    let mut took = Vec::new();
    let mut names: &[(String, String)] = &[];
    let (mut began, mut asked) = (None, None);
    let mut deploys = false;
    for Entry { at, event, .. } in entries {
        match event {
            Event::RunStarted { files, .. } => names = files,
            Event::BaselineTaken { .. } => began = Some(*at),
            // Marked, or not: then the next begins.
            Event::Replaced { purpose: DeployPurpose::Mark(_) } | Event::NotDone { .. } => (began, deploys) = (Some(*at), false),
            Event::Resumed { .. } | Event::Overslept { .. } | Event::Holding { .. } => began = None,
            Event::ApprovalAsked { .. } => asked = Some(*at),
            Event::ApprovalGiven { .. } => {
                let waited = asked.take().map_or(Duration::ZERO, |asked| *at - asked);
                began = began.map(|began: Moment| began + waited);
            }
            Event::DeployStarted { .. } => deploys = true,
            Event::PhaseVerified { phase: PhaseId(phase), .. } if deploys => {
                if let (Some(began), Some((name, _))) = (began.take(), names.get(*phase)) {
                    took.push((name.clone(), *at - began));
                }
            }
            _ => {}
        }
    }
    took
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Approver, DeploymentId};
    use crate::schedule::GateId;
    use std::collections::{BTreeMap, BTreeSet};

    fn entries(events: Vec<(u64, Event)>) -> Vec<Entry> {
        events.into_iter().map(|(at, event)| Entry { at: Moment::millis(at), time: String::new(), event, offset: 0 }).collect()
    }

    fn started() -> Event {
        let files = ["one", "two"].map(|name| (name.to_owned(), String::new())).to_vec();
        let [run, rollout, app] = [(); 3].map(|()| String::new());
        Event::RunStarted { run, rollout, app, files, origin: crate::engine::Origin::default(), outline: None, options: Box::default() }
    }

    fn baseline() -> Event {
        Event::BaselineTaken { healthy: BTreeSet::new(), not_healthy: BTreeSet::new() }
    }

    fn deployed(phase: usize) -> Event {
        let (purpose, deployment) = (DeployPurpose::Phase(PhaseId(phase)), DeploymentId(String::new()));
        Event::DeployStarted { purpose, deployment, until: Moment::START }
    }

    fn verified(phase: usize) -> Event {
        Event::PhaseVerified { phase: PhaseId(phase), services: BTreeSet::new(), samples: 2, images: BTreeMap::new(), asserted_only: false }
    }

    fn marked(phase: usize) -> Event {
        Event::Replaced { purpose: DeployPurpose::Mark(PhaseId(phase)) }
    }

    fn took(events: Vec<(u64, Event)>) -> Vec<(String, u128)> {
        phases_took(&entries(events)).into_iter().map(|(name, took)| (name, took.as_millis())).collect()
    }

    #[test]
    fn a_phase_takes_from_the_end_of_the_one_before_without_waiting_for_people() {
        let (asked, given) = (
            Event::ApprovalAsked { gate: GateId(0), question: String::new(), until: Moment::START },
            Event::ApprovalGiven { gate: GateId(0), by: Approver("me".to_owned()) },
        );
        let events = vec![
            (0, started()),
            (1_000, baseline()),
            (2_000, deployed(0)),
            (31_000, verified(0)),
            (32_000, marked(0)),
            (33_000, asked),
            (933_000, given),
            (934_000, deployed(1)),
            (992_000, verified(1)),
        ];
        assert_eq!(took(events), [("one".to_owned(), 30_000), ("two".to_owned(), 60_000)]);
    }

    #[test]
    fn what_was_cut_off_or_not_deployed_says_nothing() {
        let resumed = Event::Resumed { gap: Duration::from_secs(60), changed: Vec::new(), outline: None };
        let events = vec![
            (0, started()),
            (1, baseline()),
            (2, deployed(0)),
            (3, resumed),
            (4, verified(0)),
            (5, marked(0)),
            (6, deployed(1)),
            (9, verified(1)),
        ];
        assert_eq!(took(events), [("two".to_owned(), 4)]);
        assert_eq!(took(vec![(0, started()), (1, baseline()), (4, verified(0))]), []);
    }
}
