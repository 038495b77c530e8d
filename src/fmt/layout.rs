//! Statements, blocks, comments and blank lines: what goes on which line.

use super::line_ends::LineEnds;
use super::{INDENTATION, WIDTH, head};
use crate::source::Span;
use crate::syntax::{Ast, Block, Statement};
use std::iter::Peekable;
use std::slice::Iter;

/// The text in the one style. The tree must be that of the text, and nothing of the text may be missing in it.
pub(super) fn lay_out(text: &str, ast: &Ast) -> String {
    let mut layout = Layout {
        text,
        line_ends: LineEnds::of(text),
        comments: ast.comments.iter().peekable(),
        written: 0,
        out: String::with_capacity(text.len() + text.len() / 8),
    };
    layout.body(&ast.statements, text.len(), 0);
    if !layout.out.is_empty() {
        layout.out.push('\n');
    }
    layout.out
}

struct Layout<'t> {
    text: &'t str,
    line_ends: LineEnds,
    /// Those not written yet.
    comments: Peekable<Iter<'t, Span>>,
    /// Where in the text the last thing ends that was written.
    written: usize,
    /// What was written; a line's end comes with the line after it.
    out: String,
}

impl Layout<'_> {
    /// The statements of a block or file and the comments among them, up to `end`.
    fn body(&mut self, statements: &[Statement], end: usize, level: usize) {
        let mut first = true;
        let mut previous_opened = false;
        self.trailing_comment(statements.first().map_or(end, |next| next.span.range().start), level);
        for (at, statement) in statements.iter().enumerate() {
            let start = self.out.len();
            let mut apart = self.own_lines(statement.span.range().start, level, &mut first);
            apart |= self.line(statement.span.range().start, level, &mut first);
            let opened = self.statement(statement, level);
            if level == 0 && opened && previous_opened && !apart {
                self.out.insert(start, '\n');
            }
            previous_opened = opened;
            self.trailing_comment(statements.get(at + 1).map_or(end, |next| next.span.range().start), level);
        }
        self.own_lines(end, level, &mut first);
    }

    /// Begins a line for what stands at `at` in the text, after a blank line if the author left some. Says whether there is one.
    fn line(&mut self, at: usize, level: usize, first: &mut bool) -> bool {
        let apart = !std::mem::replace(first, false) && self.line_ends.between(self.written, at) > 1;
        if apart {
            self.out.push('\n');
        }
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out.extend(std::iter::repeat_n(INDENTATION, level));
        apart
    }

    /// The comments before `end`, each on its line. Says whether a blank line is among them.
    fn own_lines(&mut self, end: usize, level: usize, first: &mut bool) -> bool {
        let mut apart = false;
        while let Some(comment) = self.comments.next_if(|comment| comment.range().start < end) {
            apart |= self.line(comment.range().start, level, first);
            self.comment(*comment);
        }
        apart
    }

    /// The comment that stands on the line of what was written last, before `end`.
    fn trailing_comment(&mut self, end: usize, level: usize) {
        // At the start of the file there is nothing that it could follow.
        if level == 0 && self.out.is_empty() {
            return;
        }
        let here = |comment: &&Span| comment.range().start < end && self.line_ends.between(self.written, comment.range().start) == 0;
        if let Some(comment) = self.comments.next_if(here) {
            self.out.push(' ');
            self.comment(*comment);
        }
    }

    fn comment(&mut self, comment: Span) {
        self.out.push_str(self.text[comment.range()].trim_end());
        self.written = comment.range().end;
    }

    /// A statement and its block. Says whether the block was opened: written over several lines.
    fn statement(&mut self, statement: &Statement, level: usize) -> bool {
        self.head(statement, level);
        let Some((block, close)) = statement.block.as_ref().and_then(|block| Some((block, block.close?))) else { return false };
        self.out.push(' ');
        if let Some(flat) = self.flat(block)
            && (block.statements.is_empty() || self.column() + flat.chars().count() <= WIDTH)
        {
            self.out.push_str(&flat);
            self.written = close.range().end;
            return false;
        }
        self.out.push('{');
        self.written = block.open.range().end;
        self.body(&block.statements, close.range().start, level + 1);
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(INDENTATION, level));
        self.out.push('}');
        self.written = close.range().end;
        true
    }

    fn head(&mut self, statement: &Statement, level: usize) {
        let span = statement.span.range();
        head::write(&self.text[span.clone()], level, &mut self.out);
        while self.comments.next_if(|comment| comment.range().start < span.end).is_some() {}
        self.written = span.end;
    }

    /// Characters on the line that is being written.
    fn column(&self) -> usize {
        let start = self.out.rfind('\n').map_or(0, |end| end + 1);
        self.out[start..].chars().count()
    }

    /// A block on one line, if the author wrote it so.
    fn flat(&self, block: &Block) -> Option<String> {
        let close = block.close?;
        if self.line_ends.between(block.open.range().start, close.range().end) > 0 {
            return None;
        }
        match block.statements.as_slice() {
            [] => Some("{}".to_owned()),
            [only] => {
                let mut flat = "{ ".to_owned();
                head::write(&self.text[only.span.range()], 0, &mut flat);
                if let Some(block) = &only.block {
                    flat.push(' ');
                    flat.push_str(&self.flat(block)?);
                }
                flat.push_str(" }");
                Some(flat)
            }
            _ => None,
        }
    }
}
