//! The one way from text to tree.

use super::ast::Ast;
use super::build::{Body, Builder, too_deep};
use super::grammar::{Grammar, Rule};
use crate::diagnostic::{self, Code, Diagnostic};
use crate::source::{FileId, Span};
use pest::Parser as _;
use pest::iterators::Pair;

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
    let mut builder = Builder::new(file, text);
    let mut comments = Vec::new();
    let body = if text.len() > MAX_BYTES {
        let message = format!("a plan of {} MiB", text.len() / (1024 * 1024));
        let label = format!("plans end at {} MiB", MAX_BYTES / (1024 * 1024));
        builder.problems.push(Diagnostic::new(Code::TooLarge, message, Span::new(file, 0..0), label));
        Body { statements: Vec::new(), damaged: true }
    } else {
        match Grammar::parse(Rule::file, text) {
            Ok(pairs) => {
                let all = pairs.clone().flatten().filter(|pair| pair.as_rule() == Rule::comment);
                comments.extend(all.map(|pair| Span::new(file, pair.as_span().start()..pair.as_span().end())));
                let inner = pairs.into_iter().next().map(Pair::into_inner);
                inner.map_or(Body { statements: Vec::new(), damaged: true }, |inner| builder.file(inner))
            }
            // The rule takes every text, so what failed is a limit: pest gives up before the stack does.
            Err(_) => {
                builder.problems.push(too_deep(Span::new(file, 0..0)));
                Body { statements: Vec::new(), damaged: true }
            }
        }
    };
    let mut problems = builder.problems;
    diagnostic::sort(&mut problems);
    let end = Span::new(file, text.len()..text.len());
    Parsed { ast: Ast { file, statements: body.statements, comments, damaged: body.damaged, end }, problems }
}
