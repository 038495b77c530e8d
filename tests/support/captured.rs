//! What a run shows, kept: a stream, and a terminal in memory.

use indicatif::{InMemoryTerm, TermLike as _};
use rollout_plan::report::terminal::Screen;
use std::cell::RefCell;
use std::io::{self, Write};
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

/// A terminal in memory, tall enough that nothing scrolls away.
#[derive(Clone)]
pub struct Memory(pub InMemoryTerm);

impl Screen for Memory {
    fn size(&self) -> (usize, usize) {
        (usize::from(self.0.width()), 24)
    }

    fn write(&self, text: &str) {
        self.0.write_str(&text.replace('\n', "\r\n")).expect("memory does not fail");
    }
}
