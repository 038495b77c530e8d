//! Paints the live view on a terminal and leaves it as it was found.

use super::setting::ColourChoice;
use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal as _};

/// A terminal to paint on. The real one is stderr.
pub trait Screen {
    /// Columns and rows, as of now: windows are resized.
    fn size(&self) -> (usize, usize);
    /// Where indicatif draws.
    fn target(&self) -> ProgressDrawTarget;
    /// Writes text as it is, line feeds included.
    fn write(&self, text: &str);
}

impl Screen for Term {
    fn size(&self) -> (usize, usize) {
        // A terminal that does not know its size is most likely an old one.
        let (rows, columns) = self.size_checked().unwrap_or((24, 80));
        (usize::from(columns), usize::from(rows))
    }

    fn target(&self) -> ProgressDrawTarget {
        ProgressDrawTarget::term(self.clone(), 20)
    }

    fn write(&self, text: &str) {
        // A terminal that is gone must not end a rollout.
        let _ = self.write_str(text).and_then(|()| self.flush());
    }
}

/// The terminal behind stderr, if it is one that can be painted on.
pub fn of_stderr(variable: impl Fn(&str) -> Option<String>) -> Option<Box<dyn Screen>> {
    let term = Term::buffered_stderr();
    let dumb = variable("TERM").is_some_and(|term| term.is_empty() || term == "dumb");
    (term.is_term() && !dumb).then(|| Box::new(term) as Box<dyn Screen>)
}

/// Columns of the terminal behind stderr, if there is one.
pub fn columns_of_stderr() -> Option<usize> {
    let term = Term::stderr();
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

/// The live view's place at the bottom of a terminal: a single bar of many lines, drawn in one write.
pub struct Painter {
    screen: Box<dyn Screen>,
    bar: Option<ProgressBar>,
    painted: Vec<String>,
}

impl Painter {
    /// A painter that has painted nothing.
    pub fn new(screen: Box<dyn Screen>) -> Self {
        Self { screen, bar: None, painted: Vec::new() }
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        self.screen.size()
    }

    /// Shows these lines in place of the ones before. Nothing is written when nothing changed.
    pub fn paint(&mut self, lines: Vec<String>) {
        if lines.is_empty() {
            return self.clear();
        }
        if lines == self.painted && self.bar.is_some() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            ProgressBar::with_draw_target(None, self.screen.target()).with_style(style)
        });
        bar.set_message(lines.join("\n"));
        self.painted = lines;
    }

    /// Writes lines that stay, above the live view.
    pub fn above(&mut self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        let text = format!("{}\n", lines.join("\n"));
        match &self.bar {
            Some(bar) => bar.println(text),
            None => self.screen.write(&text),
        }
    }

    /// Takes the live view away; what stays above it stays.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.painted.clear();
    }

    /// Takes the live view away and leaves the cursor after a question.
    pub fn ask(&mut self, question: &str) {
        self.clear();
        self.screen.write(question);
    }
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
