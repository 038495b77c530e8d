//! A writer that a closed pipe cannot hurt: a rollout goes on when nobody listens any more.

use super::workflow;
use std::io::Write;

/// One of the process's streams.
pub struct Stream {
    writer: Box<dyn Write>,
    broken: bool,
    /// No line of it is a command to GitHub.
    defused: bool,
}

impl Stream {
    /// A stream over a writer.
    pub fn new(writer: Box<dyn Write>) -> Self {
        Self { writer, broken: false, defused: false }
    }

    /// The stream for a step's log of GitHub: no line of it is a command there, whatever others said.
    pub fn defused(self) -> Self {
        Self { defused: true, ..self }
    }

    /// Writes and flushes. After the first error nothing is written any more.
    pub fn write(&mut self, text: &str) {
        if !self.broken {
            self.broken = self.writer.write_all(text.as_bytes()).and_then(|()| self.writer.flush()).is_err();
        }
    }

    /// Writes a line.
    pub fn line(&mut self, text: &str) {
        if self.defused {
            self.write(&format!("{}\n", workflow::defused(text)));
        } else {
            self.write(&format!("{text}\n"));
        }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("broken", &self.broken).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::io;
    use std::rc::Rc;

    struct Closed(Rc<Cell<u32>>);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.0.set(self.0.get() + 1);
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_line_of_a_defused_stream_is_a_command() {
        #[derive(Clone, Default)]
        struct Kept(Rc<std::cell::RefCell<Vec<u8>>>);
        impl Write for Kept {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.borrow_mut().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let kept = Kept::default();
        let mut stream = Stream::new(Box::new(kept.clone())).defused();
        stream.line("    ::set-output name=x::y");
        stream.line("as it is");
        assert_eq!(kept.0.borrow().as_slice(), b"    : :set-output name=x::y\nas it is\n");
    }

    #[test]
    fn a_closed_pipe_is_left_alone() {
        let tries = Rc::new(Cell::new(0));
        let mut stream = Stream::new(Box::new(Closed(tries.clone())));
        stream.line("one");
        stream.line("two");
        assert_eq!(tries.get(), 1);
    }
}
