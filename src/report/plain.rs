//! Plain output: one line per event that matters, with run-time stamps, and a heartbeat while nothing happens. For CI, files and dumb
//! terminals.

use super::line::{Line, Style, hanging};
use super::live::name_width;
use super::narrator::Told;
use super::progress::View;
use super::story::{Beat, heartbeat};
use super::words::clock;
use crate::engine::Moment;
use std::time::Duration;

/// At least so often a line says what is waited for, in run time.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// When something was said last.
#[derive(Debug, Default)]
pub struct Plain {
    said: Moment,
    /// Nothing is waited for: what is told is over.
    past: bool,
}

impl Plain {
    /// Lines of a run that is over.
    pub fn of_the_past() -> Self {
        Self { past: true, ..Self::default() }
    }

    /// The lines for what is told at an event.
    pub fn tell(&mut self, view: &View, told: &[Told], width: usize) -> Vec<Line> {
        let mut lines = Vec::new();
        for told in told {
            match told {
                Told::Beat(beat) => {
                    self.said = view.now;
                    lines.extend(stamped(view, beat, width));
                }
                Told::Block(block) => lines.extend(block.iter().cloned()),
            }
        }
        // An event that says nothing may be followed by one that does, at the same moment: only a late heartbeat comes from here.
        if lines.is_empty() && view.now > self.said + HEARTBEAT {
            lines.extend(self.tick(view, width));
        }
        lines
    }

    /// The heartbeat, when it is due.
    pub fn tick(&mut self, view: &View, width: usize) -> Vec<Line> {
        if self.past || view.run.is_empty() || view.ending.is_some() || view.now < self.said + HEARTBEAT {
            return Vec::new();
        }
        self.said = view.now;
        stamped(view, &heartbeat(view), width)
    }
}

/// `00:01:23 core        verified    4/4 healthy, 96 samples`. Long details hang below themselves.
fn stamped(view: &View, beat: &Beat, width: usize) -> Vec<Line> {
    let first = Line::new().styled(Style::Dim, clock(view.now)).plain(" ");
    let first = first.cell(Style::Plain, &beat.subject, name_width(view)).plain("  ");
    let first = if beat.word.is_empty() { first } else { first.cell(beat.style, beat.word, 10).plain("  ") };
    hanging(&first, Style::Plain, &beat.detail, width)
}
