//! Paints the live view on a terminal and leaves it as it was found.

use super::setting::ColourChoice;
use console::Term;
use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};

/// A terminal to paint on. The real one is stderr.
pub trait Screen {
    /// Columns and rows, as of now: windows are resized.
    fn size(&self) -> (usize, usize);
    /// Writes text as it is, line feeds included.
    fn write(&self, text: &str);
    /// Whether lines are broken anew when the window is resized, as most do. xterm cuts them instead.
    fn breaks_anew(&self) -> bool {
        true
    }
}

/// stderr.
struct Stderr {
    term: Term,
    breaks_anew: bool,
}

impl Screen for Stderr {
    fn size(&self) -> (usize, usize) {
        // A terminal that does not know its size is most likely an old one.
        let (rows, columns) = self.term.size_checked().filter(|(rows, columns)| *rows > 0 && *columns > 0).unwrap_or((24, 80));
        (usize::from(columns), usize::from(rows))
    }

    fn write(&self, text: &str) {
        // A terminal that is gone must not end a rollout.
        let _ = self.term.write_str(text).and_then(|()| self.term.flush());
    }

    fn breaks_anew(&self) -> bool {
        self.breaks_anew
    }
}

/// The terminal behind stderr, if it is one that can be painted on.
pub fn of_stderr(variable: impl Fn(&str) -> Option<String>) -> Option<Box<dyn Screen>> {
    let term = Term::buffered_stderr();
    let name = variable("TERM").unwrap_or_default();
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    // Inside tmux it is tmux that counts, whatever it runs in.
    let breaks_anew = is_set("TMUX") || !(is_set("XTERM_VERSION") || is_set("STY") || name == "linux");
    (term.is_term() && !name.is_empty() && name != "dumb").then(|| Box::new(Stderr { term, breaks_anew }) as Box<dyn Screen>)
}

/// Columns of the terminal behind stderr, if there is one.
pub fn columns_of_stderr() -> Option<usize> {
    let term = Term::stderr();
    if term.is_term() { term.size_checked().map(|(_, columns)| usize::from(columns)) } else { None }
}

/// Columns of the terminal behind stdout, if there is one.
pub fn columns_of_stdout() -> Option<usize> {
    let term = Term::stdout();
    if term.is_term() { term.size_checked().map(|(_, columns)| usize::from(columns)) } else { None }
}

/// Whether stdout and stderr are coloured.
pub fn colours(choice: ColourChoice, variable: impl Fn(&str) -> Option<String>) -> (bool, bool) {
    (choice.resolve(Term::stdout().is_term(), &variable), choice.resolve(Term::stderr().is_term(), &variable))
}

/// Whether somebody can be asked: they see stderr, and type into stdin.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && Term::stderr().is_term()
}

/// The live view's place at the bottom of a terminal.
///
/// Each change is one write, only lines that changed are written, each is overwritten before its rest is cleared, and no line is filled up
/// with blanks: so nothing flickers, and a window that is resized breaks what stands above at the ends of lines only.
///
/// What a terminal makes of its lines when it is resized, and when it says so, differs from one to the next: once the window is full, all of
/// it is written anew.
pub struct Painter {
    screen: Box<dyn Screen>,
    /// What stands there; the cursor stands at the end of the last line.
    painted: Vec<String>,
    /// Columns of the window when it was painted.
    columns: usize,
    /// Columns of the window at the last look: while it is being dragged nothing is painted.
    seen: usize,
    /// The last lines that were written above, for a window that is resized.
    said: VecDeque<String>,
}

/// From the cursor to the end of its line, and to the end of the screen; and all of it.
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";
const CLEAR_ALL: &str = "\x1b[H\x1b[J";

/// Lines that are kept: more than any window has.
const KEPT: usize = 300;

impl Painter {
    /// A painter that has painted nothing.
    pub fn new(screen: Box<dyn Screen>) -> Self {
        let columns = screen.size().0;
        Self { screen, painted: Vec::new(), columns, seen: columns, said: VecDeque::new() }
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        self.screen.size()
    }

    /// Shows these lines, made for a window of this size, in place of the ones before. Nothing is written when nothing changed.
    pub fn paint(&mut self, lines: Vec<String>, (columns, rows): (usize, usize)) {
        let is_resized = columns != self.columns;
        if columns != std::mem::replace(&mut self.seen, columns) || (lines == self.painted && !is_resized) {
            return;
        }
        if is_resized && self.fills(lines.len(), (columns, rows)) {
            self.anew(&lines, (columns, rows));
        } else {
            let same = |at: usize, line: &String| !is_resized && self.painted.get(at) == Some(line) && at + 1 < lines.len();
            // Nothing stands to the right of a line that is as it was.
            let rows = lines.iter().enumerate().map(|(at, line)| if same(at, line) { String::new() } else { cleared(line) });
            let rows = rows.collect::<Vec<_>>().join("\n");
            self.screen.write(&format!("{}{rows}{CLEAR_BELOW}", self.to_top()));
        }
        (self.painted, self.columns) = (lines, columns);
    }

    /// Writes lines that stay, above the live view.
    pub fn above(&mut self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.keep(lines);
        let size = self.screen.size();
        if size.0 == self.columns {
            return self.screen.write(&format!("{}{}\n{}{CLEAR_BELOW}", self.to_top(), all(lines), all(&self.painted)));
        }
        // What was painted for a window of another size would be broken anew; what is for this one is painted next.
        if self.fills(0, size) {
            self.anew(&[], size);
        } else {
            self.screen.write(&format!("{}{}\n{CLEAR_BELOW}", self.to_top(), all(lines)));
        }
        self.painted.clear();
        (self.columns, self.seen) = (size.0, size.0);
    }

    /// Whether what was said fills a window of this size, beside so many other lines.
    fn fills(&self, others: usize, (columns, rows): (usize, usize)) -> bool {
        self.said.iter().map(|line| height(line, columns)).sum::<usize>() + others > rows
    }

    /// Writes the whole window: what was said last, as much as there is room for, and these lines.
    fn anew(&self, lines: &[String], (columns, rows): (usize, usize)) {
        // After what was said there is an empty row where nothing follows.
        let mut room = rows.saturating_sub(lines.len().max(1));
        let fitting = self.said.iter().rev().take_while(|line| {
            let fits = height(line, columns) <= room;
            room = room.saturating_sub(height(line, columns));
            fits
        });
        let first = self.said.len() - fitting.count();
        let rows: Vec<&str> = self.said.range(first..).chain(lines).map(String::as_str).collect();
        let end = if lines.is_empty() { "\n" } else { "" };
        self.screen.write(&format!("{CLEAR_ALL}{}{end}{CLEAR_BELOW}", rows.join("\n")));
    }

    fn keep(&mut self, lines: &[String]) {
        self.said.extend(lines.iter().cloned());
        self.said.drain(..self.said.len().saturating_sub(KEPT));
    }

    /// Takes the live view away; what stays above it stays.
    pub fn clear(&mut self) {
        if !self.painted.is_empty() {
            self.screen.write(&format!("{}{CLEAR_BELOW}", self.to_top()));
            self.painted.clear();
        }
    }

    /// Takes the live view away and leaves the cursor after a question.
    pub fn ask(&mut self, question: &str) {
        self.clear();
        self.keep(&question.lines().map(str::to_owned).collect::<Vec<_>>());
        self.screen.write(question);
    }

    /// What moves the cursor to the first column of the first line. A window that became narrower has broken the lines since.
    fn to_top(&self) -> String {
        let columns = if self.screen.breaks_anew() { self.screen.size().0.max(1) } else { usize::MAX };
        let rows: usize = self.painted.iter().map(|line| height(line, columns)).sum();
        match rows.saturating_sub(1) {
            0 if self.painted.is_empty() => String::new(),
            0 => "\r".to_owned(),
            up => format!("\r\x1b[{up}A"),
        }
    }
}

/// Rows that a line takes.
fn height(line: &str, columns: usize) -> usize {
    console::measure_text_width(line).max(1).div_ceil(columns.max(1))
}

/// A line to be written over another one.
fn cleared(line: &str) -> String {
    format!("{line}{CLEAR_LINE}")
}

/// Lines to be written one below the other, over others.
fn all(lines: &[String]) -> String {
    lines.iter().map(|line| cleared(line)).collect::<Vec<_>>().join("\n")
}

impl Drop for Painter {
    fn drop(&mut self) {
        self.clear();
    }
}

impl std::fmt::Debug for Painter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Painter").field("painted", &self.painted).finish_non_exhaustive()
    }
}
