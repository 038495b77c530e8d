//! The last lines of the live view: run time, what is waited for, and until when.

use super::super::line::{Line, Style, paragraph};
use super::super::progress::View;
use super::super::words;

/// `  00:01:43  waiting: brain-api (connection refused), until 00:04:33`, in at most so many lines.
pub(super) fn foot(view: &View, width: usize, most: usize) -> Vec<Line> {
    let wait = view.wait();
    let first = Line::text("  ").styled(Style::Dim, words::clock(view.now)).plain("  waiting: ");
    // How much time is left stands at the step's head, unless the wait has a clock of its own.
    let is_at_head = view.holding.is_none() && view.current_step().is_some();
    let until = match wait.until {
        None => String::new(),
        Some(until) if until <= view.now => ", due now".to_owned(),
        Some(until) if is_at_head => format!(", until {}", words::clock(until)),
        Some(until) => format!(", until {} ({})", words::clock(until), wait.left(view.now)),
    };
    paragraph(&first, Style::Plain, &format!("{}{until}", wait.what), width, most)
}
