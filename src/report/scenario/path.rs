//! The path of a run: a line for each strike and for each event that matters. What came before the first strike is told in short.

use super::Played;
use crate::engine::{Event, Moment, Outline};
use crate::report::line::{Line, Style, hanging};
use crate::report::progress::View;
use crate::report::story::beat;
use crate::report::words::clock;
use crate::schedule::Schedule;
use std::time::Duration;

/// Steps that say nothing to whoever asks why something failed.
const OF_COURSE: [&str; 5] = ["sent", "queued", "kept", "pinned", "evidence"];

/// A line of a path, without styles.
pub(super) struct Mark {
    at: Moment,
    style: Style,
    words: String,
}

/// The path of a scenario that was played.
pub(super) fn marks(played: &Played<'_>, schedule: &Schedule) -> Vec<Mark> {
    let mut view = View::new(Outline::new(schedule));
    let first = played.judged.struck.iter().filter_map(|(_, struck)| *struck).min().map_or(Moment(Duration::MAX), Moment);
    let mut marks = Vec::new();
    for (at, event) in &played.signs.told {
        view.apply(*at, event);
        if let Event::RunEnded { ending } = &**event {
            marks.push(Mark { at: *at, style: Style::Bold, words: format!("the end: {}", ending.verdict) });
        } else if let Some(beat) = beat(&view, *at, event).filter(|beat| (beat.stays || *at >= first) && !OF_COURSE.contains(&beat.word)) {
            let words = [beat.subject.as_str(), beat.word, beat.detail.as_str()];
            let words = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
            marks.push(Mark { at: *at, style: beat.style, words });
        }
    }
    for (fault, struck) in &played.judged.struck {
        if let Some(at) = struck {
            marks.push(Mark { at: Moment(*at), style: Style::Warn, words: format!("STRIKE {}", fault.value) });
        }
    }
    marks.sort_by_key(|mark| mark.at);
    marks
}

/// The path for people.
pub(super) fn lines(played: &Played<'_>, schedule: &Schedule, indent: usize, width: usize) -> Vec<Line> {
    let first = |at| Line::text(" ".repeat(indent)).styled(Style::Dim, clock(at)).plain("  ");
    marks(played, schedule).iter().flat_map(|mark| hanging(&first(mark.at), mark.style, &mark.words, width)).collect()
}

/// The same as text.
pub(super) fn text(played: &Played<'_>, schedule: &Schedule) -> String {
    marks(played, schedule).iter().fold(String::new(), |text, mark| text + &clock(mark.at) + "  " + &mark.words + "\n")
}
