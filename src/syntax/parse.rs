//! The one way from text to tree.

use super::ast::Ast;
use super::build::{Body, Builder, too_deep};
use super::grammar::{Grammar, Rule};
use super::said::Said;
use crate::diagnostic::{self, Code, Diagnostic};
use crate::source::{FileId, Span};
use pest::Parser as _;
use pest::iterators::Pairs;

/// Larger plans are refused. A plan of a thousand services is a hundredth of it.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// A text that was read as far as it can be.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// What was understood.
    pub ast: Ast,
    /// What was not, in the order of the text.
    pub problems: Vec<Diagnostic>,
}

/// Reads a plan. Every text gives a tree; what cannot be read is told in `problems` and left out.
pub fn parse(file: FileId, text: &str) -> Parsed {
    read(file, text, |_| ()).0
}

/// Reads a plan, and gives what it says to compare with what another text says. That of a text that is too large or too deeply nested to
/// be read is empty; `problems` tells of it.
pub fn parse_with_said(file: FileId, text: &str) -> (Parsed, Said<'_>) {
    read(file, text, |pairs| Said::of(text, pairs.clone()))
}

/// Reads a plan, and whatever `also` takes from the parser's pairs.
fn read<T: Default>(file: FileId, text: &str, also: impl FnOnce(&Pairs<'_, Rule>) -> T) -> (Parsed, T) {
    let mut more = T::default();
    let mut builder = Builder::new(file, text);
    let mut comments = Vec::new();
    let body = if text.len() > MAX_BYTES {
        let message = format!("a plan of {} MiB", text.len() / (1024 * 1024));
        let label = format!("plans end at {} MiB", MAX_BYTES / (1024 * 1024));
        builder.problems.push(Diagnostic::new(Code::TooLarge, message, Span::new(file, 0..0), label));
        None
    } else if let Ok(mut pairs) = Grammar::parse(Rule::file, text) {
        more = also(&pairs);
        let all = pairs.clone().flatten().filter(|pair| pair.as_rule() == Rule::comment);
        comments.extend(all.map(|pair| Span::new(file, pair.as_span().start()..pair.as_span().end())));
        pairs.next().map(|file| builder.file(file.into_inner()))
    } else {
        // The rule takes every text, so what failed is a limit: pest gives up before the stack does.
        builder.problems.push(too_deep(Span::new(file, 0..0)));
        None
    };
    let body = body.unwrap_or(Body { statements: Vec::new(), damaged: true });
    let mut problems = builder.problems;
    diagnostic::sort(&mut problems);
    let end = Span::new(file, text.len()..text.len());
    (Parsed { ast: Ast { file, statements: body.statements, comments, damaged: body.damaged, end }, problems }, more)
}
