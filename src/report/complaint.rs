//! What is said outside a run: errors that have no place in a file, and finished texts.

use super::line::{Line, Style};
use super::safe;
use super::stream::Stream;

/// `error: …` and what to do about it.
pub fn complaint(message: &str, help: &str, colour: bool) -> String {
    let mut text = Line::new().styled(Style::Bad, "error").plain(": ").plain(message).render(colour);
    text.push('\n');
    for line in safe::lines(help) {
        text.push_str(&Line::text("  ").styled(Style::Dim, "help").plain(": ").plain(line).render(colour));
        text.push('\n');
    }
    text
}

/// Writes a finished text to stdout. A closed pipe is nobody's error.
pub fn to_stdout(text: &str) {
    Stream::new(Box::new(std::io::stdout())).write(text);
}

/// Writes a finished text to stderr.
pub fn to_stderr(text: &str) {
    Stream::new(Box::new(std::io::stderr())).write(text);
}
