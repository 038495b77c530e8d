//! Tells a run's events: decides what is said at an event, for plain output and above the live view alike.

use super::line::Line;
use super::progress::View;
use super::story::{Beat, beat};
use super::{cause, difference, failure, header, way_back};
use crate::engine::{Event, Moment, troubleshoot};

/// Something to be said.
#[derive(Clone, Debug)]
pub enum Told {
    /// One line of the story.
    Beat(Beat),
    /// A block of lines that belongs to what was said before.
    Block(Vec<Line>),
}

/// What has been said.
#[derive(Debug, Default)]
pub struct Narrator {
    last: Option<Beat>,
    /// The failure whose report is still to come: it waits for the evidence.
    owed: bool,
}

impl Narrator {
    /// What to say at an event; `view` has it applied already.
    pub fn tell(&mut self, view: &View, now: Moment, event: &Event, width: usize) -> Vec<Told> {
        let mut told = Vec::new();
        // Evidence that never came must not cost the report.
        if matches!(event, Event::RollbackStarted { .. } | Event::RunEnded { .. }) {
            self.pay(view, width, &mut told);
        }
        // The report ends with the place of the evidence.
        let is_told = self.owed && matches!(event, Event::EvidenceKept { .. });
        if let Some(beat) = beat(view, now, event).filter(|beat| !is_told && self.last.as_ref() != Some(beat)) {
            self.last = Some(beat.clone());
            told.push(Told::Beat(beat));
        }
        match event {
            Event::StartFound { .. } => told.push(Told::Block(header::summary(view, width))),
            Event::TargetFound { .. } => told.push(Told::Block(way_back::summary(view, width))),
            Event::PhaseFailed { .. } | Event::RollbackFailed { .. } => self.owed = true,
            Event::NotHeld { services, .. } => {
                let mut lines = cause::services(services, width);
                lines.extend(cause::advice(&troubleshoot::of_services(services), width));
                told.push(Told::Block(apart(lines)));
            }
            Event::EvidenceKept { .. } => self.pay(view, width, &mut told),
            Event::GateNotHeld { .. } => {
                self.owed = true;
                self.pay(view, width, &mut told);
            }
            Event::Warned { text } => {
                let (_, difference) = difference::sentence_and_diff(text);
                if !difference.is_empty() {
                    told.push(Told::Block(cause::diff(difference, width)));
                }
            }
            _ => {}
        }
        told
    }

    fn pay(&mut self, view: &View, width: usize, told: &mut Vec<Told>) {
        let of_rollback = view.rollback.as_ref().and_then(|rollback| rollback.failure.as_ref());
        if let (true, Some(failure)) = (std::mem::take(&mut self.owed), of_rollback.or(view.failure.as_ref())) {
            told.push(Told::Block(apart(failure::report(view, failure, width))));
        }
    }
}

/// A block between empty lines.
fn apart(mut lines: Vec<Line>) -> Vec<Line> {
    if !lines.is_empty() {
        lines.insert(0, Line::new());
        lines.push(Line::new());
    }
    lines
}
