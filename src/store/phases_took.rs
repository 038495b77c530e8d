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
