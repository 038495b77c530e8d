//! What a run shows, kept: a stream, and windows of terminals in memory.

use rollout_plan::report::terminal::Screen;
use std::cell::RefCell;
use std::io::{self, Write};
use std::num::NonZeroU16;
use std::rc::Rc;

/// What was written. Copies share it.
#[derive(Clone, Default)]
pub struct Captured(Rc<RefCell<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Captured {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("output is UTF-8")
    }
}

/// The window of a terminal. Copies share it.
#[derive(Clone)]
pub struct Window(Rc<RefCell<Inner>>);

struct Inner {
    terminal: Terminal,
    columns: usize,
    rows: usize,
    /// Everything that was written.
    written: String,
}

enum Terminal {
    /// Breaks lines anew when its window is resized, as most do.
    BreaksAnew(Box<avt::Terminal>),
    /// Cuts them, as xterm.
    Cuts(Box<vt100::Parser>),
}

impl Window {
    /// One of a usual terminal.
    pub fn new(columns: usize, rows: usize) -> Self {
        let terminal = avt::Terminal::with_scrollback(columns, rows, None).expect("a window has rows and columns");
        Self::of(Terminal::BreaksAnew(Box::new(terminal)), columns, rows)
    }

    /// One of a terminal that cuts lines when it becomes narrower.
    pub fn like_xterm(columns: usize, rows: usize) -> Self {
        Self::of(Terminal::Cuts(Box::new(vt100::Parser::new(cells(rows), cells(columns), 1000))), columns, rows)
    }

    fn of(terminal: Terminal, columns: usize, rows: usize) -> Self {
        Self(Rc::new(RefCell::new(Inner { terminal, columns, rows, written: String::new() })))
    }

    /// Gives it another size.
    pub fn resize(&self, columns: usize, rows: usize) {
        let mut inner = self.0.borrow_mut();
        (inner.columns, inner.rows) = (columns, rows);
        match &mut inner.terminal {
            Terminal::BreaksAnew(terminal) => terminal.resize(columns, rows),
            Terminal::Cuts(parser) => parser.set_size(cells(rows), cells(columns)),
        }
    }

    /// What is to be seen: a line each, blanks at its end left out.
    pub fn seen(&self) -> Vec<String> {
        let inner = self.0.borrow();
        let lines: Vec<String> = match &inner.terminal {
            Terminal::BreaksAnew(terminal) => terminal.screen().visible_lines().map(avt::Line::text).collect(),
            Terminal::Cuts(parser) => parser.screen().rows(0, parser.screen().size().1.get()).collect(),
        };
        trimmed(lines)
    }

    /// What is to be seen, and what has scrolled away.
    pub fn all(&self) -> Vec<String> {
        match &self.0.borrow().terminal {
            Terminal::BreaksAnew(terminal) => trimmed(terminal.screen().all_lines().map(avt::Line::text).collect()),
            Terminal::Cuts(_) => panic!("nobody asked for this yet"),
        }
    }

    /// The same as one text.
    pub fn contents(&self) -> String {
        self.all().join("\n")
    }

    /// What is to be seen, with its colours as escape sequences.
    pub fn formatted(&self) -> String {
        match &self.0.borrow().terminal {
            Terminal::BreaksAnew(_) => panic!("nobody asked for this yet"),
            Terminal::Cuts(parser) => {
                let rows = parser.screen().rows_formatted(0, parser.screen().size().1.get());
                rows.collect::<Vec<String>>().join("\n")
            }
        }
    }

    /// Everything that was written, escape sequences included.
    pub fn written(&self) -> String {
        self.0.borrow().written.clone()
    }
}

fn cells(number: usize) -> NonZeroU16 {
    NonZeroU16::new(u16::try_from(number).expect("a window is small")).expect("a window has rows and columns")
}

fn trimmed(lines: Vec<String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.into_iter().map(|line| line.trim_end().to_owned()).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

impl Screen for Window {
    fn size(&self) -> (usize, usize) {
        let inner = self.0.borrow();
        (inner.columns, inner.rows)
    }

    fn write(&self, text: &str) {
        let mut inner = self.0.borrow_mut();
        inner.written.push_str(text);
        // As the system does on the way to a terminal.
        let text = text.replace('\n', "\r\n");
        match &mut inner.terminal {
            Terminal::BreaksAnew(terminal) => terminal.feed(text.as_str()),
            Terminal::Cuts(parser) => parser.process(text.as_bytes()),
        }
    }

    fn breaks_anew(&self) -> bool {
        matches!(self.0.borrow().terminal, Terminal::BreaksAnew(_))
    }
}
