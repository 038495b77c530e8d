//! Paints the live view on a terminal and leaves it as it was found.

use super::setting::ColourChoice;
use console::Term;
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
pub struct Painter {
    screen: Box<dyn Screen>,
    /// What stands there; the cursor stands at the end of the last line.
    painted: Vec<String>,
    /// Columns of the window when it was painted.
    columns: usize,
}

/// From the cursor to the end of its line, and to the end of the screen.
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

impl Painter {
    /// A painter that has painted nothing.
    pub fn new(screen: Box<dyn Screen>) -> Self {
        Self { screen, painted: Vec::new(), columns: 0 }
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        self.screen.size()
    }

    /// Shows these lines, made for so many columns, in place of the ones before. Nothing is written when nothing changed.
    pub fn paint(&mut self, lines: Vec<String>, columns: usize) {
        if lines == self.painted && columns == self.columns {
            return;
        }
        let top = self.to_top();
        let same = |at: usize, line: &String| columns == self.columns && self.painted.get(at) == Some(line);
        // Nothing stands to the right of a line that is as it was.
        let rows =
            lines.iter().enumerate().map(|(at, line)| if same(at, line) && at + 1 < lines.len() { String::new() } else { cleared(line) });
        let rows = rows.collect::<Vec<_>>().join("\n");
        self.screen.write(&format!("{top}{rows}{CLEAR_BELOW}"));
        (self.painted, self.columns) = (lines, columns);
    }

    /// Writes lines that stay, above the live view.
    pub fn above(&mut self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        let top = self.to_top();
        // What was made for a window of another size would be broken anew; what is for this one is painted next.
        if self.columns != self.screen.size().0 {
            self.painted.clear();
        }
        let all = |lines: &[String]| lines.iter().map(|line| cleared(line)).collect::<Vec<_>>().join("\n");
        self.screen.write(&format!("{top}{}\n{}{CLEAR_BELOW}", all(lines), all(&self.painted)));
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
        self.screen.write(question);
    }

    /// What moves the cursor to the first column of the first line. A window that became narrower has broken the lines since.
    fn to_top(&self) -> String {
        let columns = if self.screen.breaks_anew() { self.screen.size().0.max(1) } else { usize::MAX };
        let rows: usize = self.painted.iter().map(|line| console::measure_text_width(line).max(1).div_ceil(columns)).sum();
        match rows.saturating_sub(1) {
            0 if self.painted.is_empty() => String::new(),
            0 => "\r".to_owned(),
            up => format!("\r\x1b[{up}A"),
        }
    }
}

/// A line to be written over another one.
fn cleared(line: &str) -> String {
    format!("{line}{CLEAR_LINE}")
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
