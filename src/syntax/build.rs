//! From the parser's pairs to the tree: places, blocks and braces are checked here, lines that cannot be read go to [`repair`].

use super::ast::{Block, Head, Probe, Statement};
use super::form::{BlockUse, Form, Place};
use super::grammar::Rule;
use super::repair;
use super::value::{Origin, Values};
use super::yaml;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};
use pest::iterators::{Pair, Pairs};
use std::collections::BTreeSet;

/// Deeper blocks are not read. The language itself never needs more than three.
const MAX_DEPTH: usize = 64;

/// More statements on one line are not taken apart: the work on a line stays within bounds.
const MAX_STATEMENTS_A_LINE: usize = 8;

/// Builds the tree of one file.
pub(super) struct Builder<'t> {
    pub(super) file: FileId,
    pub(super) text: &'t str,
    /// Where each line begins; a carriage return alone ends one, too.
    lines: Vec<u32>,
    pub(super) problems: Vec<Diagnostic>,
    too_deep: bool,
    /// Declarations found inside blocks.
    hoisted: Vec<Statement>,
    /// Opening braces of blocks that end at the brace of the block around them.
    shifted: BTreeSet<u32>,
    /// Statements that stand in a shifted block and belong after it.
    moved: Body,
}

/// What surrounds a statement.
#[derive(Clone, Copy)]
pub(super) struct Surroundings {
    /// What belongs here; `None` inside something that is not understood, where everything is let be.
    pub(super) place: Option<Place>,
    /// The head of the statement whose block it is.
    opener: Option<Span>,
    depth: usize,
    /// In a shifted block: what surrounds it.
    outer: Option<Outer>,
}

/// What surrounds a block whose own brace is missing: its indentation tells which statements are no longer in it.
#[derive(Clone, Copy)]
struct Outer {
    indentation: usize,
    place: Option<Place>,
    opener: Option<Span>,
}

/// The statements of a block or file.
#[derive(Default)]
pub(super) struct Body {
    pub(super) statements: Vec<Statement>,
    pub(super) damaged: bool,
}

/// A block whose `{` was forgotten: what is indented under its statement.
struct Headless {
    /// The statement, by its place in the body around.
    at: usize,
    /// What belongs into it; `None` where its statement is not understood.
    place: Option<Place>,
    opener: Span,
    indentation: usize,
    body: Body,
}

impl Headless {
    fn holds(&self, pair: &Pair<'_, Rule>, indentation: usize) -> bool {
        !matches!(pair.as_rule(), Rule::statement | Rule::strike | Rule::stray_close | Rule::junk | Rule::stray_block)
            || indentation > self.indentation
    }

    fn close(self, body: &mut Body, close: Option<Span>) {
        let open = Span { start: self.opener.end, ..self.opener };
        body.statements[self.at].block = Some(Block { open, close, statements: self.body.statements, damaged: true });
    }
}

impl<'t> Builder<'t> {
    pub(super) fn new(file: FileId, text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| matches!(byte, b'\n' | b'\r'));
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX))).collect();
        Self {
            file,
            text,
            lines,
            problems: Vec::new(),
            too_deep: false,
            hoisted: Vec::new(),
            shifted: BTreeSet::new(),
            moved: Body::default(),
        }
    }

    /// The statements of the whole file.
    pub(super) fn file(&mut self, pairs: Pairs<'_, Rule>) -> Body {
        let mut body = self.body(pairs, Surroundings { place: Some(Place::File), opener: None, depth: 0, outer: None });
        if !self.hoisted.is_empty() {
            body.statements.append(&mut self.hoisted);
            body.statements.sort_by_key(|statement| statement.span);
        }
        body
    }

    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let span = pair.as_span();
        Span::new(self.file, span.start()..span.end())
    }

    fn body(&mut self, pairs: Pairs<'_, Rule>, around: Surroundings) -> Body {
        let (mut body, mut moved) = (Body::default(), Body::default());
        // Where the last thing that was not a comment ended.
        let mut previous: Option<usize> = None;
        let mut headless: Option<Headless> = None;
        // Where YAML ends that was told of.
        let mut pasted = 0;
        for pair in pairs {
            let span = self.span(&pair);
            if let (Some(place), Rule::statement | Rule::strike | Rule::junk) = (around.place, pair.as_rule()) {
                let start = span.start as usize;
                // A fault with a colon, as on the command line, is no YAML.
                let found = if start >= pasted && place != Place::When && is_broken(&pair) {
                    yaml::pasted(self.file, self.text, start, place)
                } else {
                    None
                };
                if let Some(found) = found {
                    self.problems.push(found.problem);
                    pasted = found.end;
                }
                if start < pasted {
                    body.damaged = true;
                    previous = Some(span.end as usize);
                    continue;
                }
            }
            if let Some(open) = headless.take_if(|open| !open.holds(&pair, self.indentation(span.start))) {
                let ends = pair.as_rule() == Rule::stray_close && self.indentation(span.start) == open.indentation;
                open.close(&mut body, ends.then_some(span));
                if ends {
                    previous = Some(span.end as usize);
                    continue;
                }
            }
            if headless.is_none() && pair.as_rule() == Rule::statement && around.place == Some(Place::File) {
                headless = self.headless(&body, span);
            }
            if let (Some(open), Rule::statement) = (&mut headless, pair.as_rule()) {
                let inside = Surroundings { place: open.place, opener: Some(open.opener), depth: around.depth + 1, outer: None };
                self.statement(pair, &mut open.body, inside);
                previous = Some(span.end as usize);
                continue;
            }
            let same_line = previous.is_some_and(|end| !self.text[end..span.start as usize].contains(['\n', '\r']));
            match pair.as_rule() {
                Rule::statement | Rule::strike => {
                    if same_line && around.place.is_some() {
                        let word = Span { end: span.start + length(leading_word(&self.text[span.range()])), ..span };
                        self.problems.push(Diagnostic::new(Code::Syntax, "two statements on one line", word, "begin a new line here"));
                    }
                    match around.outer.filter(|outer| self.indentation(span.start) <= outer.indentation) {
                        None => self.statement(pair, &mut body, around),
                        Some(Outer { place, opener, .. }) => {
                            self.statement(pair, &mut moved, Surroundings { place, opener, outer: None, ..around });
                        }
                    }
                }
                Rule::stray_block => self.stray_block(pair, &mut body, around),
                Rule::stray_close => {
                    body.damaged = true;
                    self.problems.push(
                        Diagnostic::new(Code::StrayBrace, "a `}` that closes no block", span, "no block is open here")
                            .help("remove it, or look above for a `}` too many"),
                    );
                }
                Rule::junk => {
                    body.damaged = true;
                    if around.place.is_some() {
                        self.problems.push(repair::junk(self.file, pair.as_str().trim_end(), span.start as usize));
                    }
                }
                _ => continue,
            }
            previous = Some(span.end as usize);
        }
        if let Some(open) = headless {
            open.close(&mut body, None);
        }
        self.moved = moved;
        body
    }

    /// Whether the statement at `span`, indented under one that has no block and belonging into it, begins a block whose `{` was
    /// forgotten. Tells so, once for the whole block.
    fn headless(&mut self, body: &Body, span: Span) -> Option<Headless> {
        let form = Form::of(leading_word(&self.text[span.range()])).filter(|form| !form.places.contains(&Place::File))?;
        let last = body.statements.last().filter(|last| last.block.is_none() && last.form.block != BlockUse::Never)?;
        let place = last.form.opens().filter(|place| form.places.contains(place))?;
        let indentation = self.indentation(last.span.start);
        if self.indentation(span.start) <= indentation || self.brace_follows(last.span) {
            return None;
        }
        let place = Some(place).filter(|_| !matches!(last.head, Head::Broken { .. }));
        // Where a block must be, that it is not there has been told.
        if place.is_some() && last.form.block == BlockUse::May && !self.opens_otherwise(last.span) {
            let rest =
                self.text[last.span.range()].trim_end().strip_prefix(leading_word(&self.text[last.span.range()])).unwrap_or_default();
            let message = format!("the block of `{}` is never opened", last.form.keyword);
            self.problems.push(
                Diagnostic::new(Code::Syntax, message, last.span, "no `{` after this")
                    .help(format!("write `{}{rest} {{`", last.form.keyword)),
            );
        }
        Some(Headless { at: body.statements.len() - 1, place, opener: last.span, indentation, body: Body::default() })
    }

    fn statement(&mut self, pair: Pair<'_, Rule>, body: &mut Body, around: Surroundings) {
        let mut parts = pair.into_inner();
        let Some(first) = parts.next() else { return };
        let mut block = parts.next();
        let mut span = self.span(&first);
        if first.as_rule() != Rule::broken {
            let mut values = Values { file: self.file, origin: Origin::File, problems: &mut self.problems };
            let read = Form::of_rule(first.as_rule()).zip(values.head(&first));
            return self.finish(read, span, block, body, around);
        }
        // Inside something that is not understood every line may be broken, and it has been told of already.
        let Some(place) = around.place else { return self.finish(None, span, block, body, around) };
        span.end = span.start + length(first.as_str().trim_end());
        for tries in 1.. {
            let repaired = repair::statement(self.file, &self.text[span.range()], span.start as usize, place, &mut self.problems);
            let Some(next) = repaired.next.filter(|next| next.start > span.start && tries < MAX_STATEMENTS_A_LINE) else {
                return self.finish(repaired.statement, span, block.take(), body, around);
            };
            // A statement that was told to have a line of its own; the block belongs to the last one.
            let this = Span { end: next.start, ..span };
            let this = Span { end: this.start + length(self.text[this.range()].trim_end_matches([' ', '\t', ',', ';'])), ..this };
            self.finish(repaired.statement, this, None, body, around);
            span = Span { end: span.end, ..next };
        }
    }

    fn finish(
        &mut self,
        read: Option<(&'static Form, Head)>,
        span: Span,
        block: Option<Pair<'_, Rule>>,
        body: &mut Body,
        around: Surroundings,
    ) {
        let Some((form, head)) = read else {
            body.damaged = true;
            return self.skip(block, span, around);
        };
        let keyword = Span { end: span.start + length(leading_word(&self.text[span.range()])), ..span };
        let misplaced = around.place.is_some_and(|place| !form.places.contains(&place));
        if misplaced {
            self.misplaced(form, keyword, around);
        }
        let block = self.block_of(form, &head, block, span, around);
        let mut moved = std::mem::take(&mut self.moved);
        let statement = Statement { form, head, keyword, span, block };
        if !misplaced {
            body.statements.push(statement);
        } else if form.places == [Place::File] {
            // A declaration is one wherever it stands: what names it should not be told that it is unknown.
            self.hoisted.push(statement);
        } else {
            body.damaged = true;
        }
        body.statements.append(&mut moved.statements);
        body.damaged |= moved.damaged;
    }

    fn block_of(
        &mut self,
        form: &'static Form,
        head: &Head,
        block: Option<Pair<'_, Rule>>,
        span: Span,
        around: Surroundings,
    ) -> Option<Block> {
        let (block_use, place) = match head {
            Head::Expect(_, Probe::Http(_)) => (BlockUse::May, Some(Place::Http)),
            Head::Expect(_, Probe::Tcp(_)) => (BlockUse::May, Some(Place::Tcp)),
            Head::Expect(_, Probe::Postgres(_)) => (BlockUse::May, Some(Place::Postgres)),
            Head::Expect(_, Probe::Redis(_)) => (BlockUse::May, Some(Place::Redis)),
            Head::Expect(_, Probe::Exec(_)) => (BlockUse::May, Some(Place::Exec)),
            Head::Expect(_, Probe::Container(_)) => (BlockUse::May, Some(Place::Container)),
            Head::Expect(_, Probe::Logs) => (BlockUse::May, Some(Place::Logs)),
            Head::Expect(_, Probe::Server) => (BlockUse::May, Some(Place::Server)),
            Head::Expect(_, Probe::External(_) | Probe::BuildContexts) => (BlockUse::Never, None),
            _ => (form.block, form.opens()),
        };
        let broken = matches!(head, Head::Broken { .. });
        match (block, block_use) {
            (Some(block), BlockUse::May | BlockUse::Must) => {
                let place = if around.place.is_some() { place } else { None };
                let shifted = self.shifted.contains(&length(&self.text[..block.as_span().start()]));
                let Surroundings { place: outside, opener, depth, .. } = around;
                let outer = shifted.then(|| Outer { indentation: self.indentation(span.start), place: outside, opener });
                let inside = Surroundings { place, opener: Some(span), depth: depth + 1, outer };
                Some(self.block(block, inside))
            }
            (Some(block), BlockUse::Never) => {
                if !broken && around.place.is_some() {
                    let open = Span::new(self.file, block.as_span().start()..block.as_span().start() + 1);
                    self.problems.push(
                        Diagnostic::new(Code::Syntax, format!("`{}` takes no block", form.keyword), open, "a block begins here")
                            .help(format!("it is written `{}`", form.shape)),
                    );
                }
                self.skip(Some(block), span, around);
                None
            }
            (None, BlockUse::Must) => {
                // An opening brace on a line of its own is found later, by `stray_block`.
                if !broken && around.place.is_some() && !self.brace_follows(span) && !self.opens_otherwise(span) {
                    self.problems.push(
                        Diagnostic::new(Code::Syntax, format!("`{}` needs a block", form.keyword), span, "no `{` after this")
                            .help(format!("it is written `{}`", form.shape)),
                    );
                }
                None
            }
            (None, BlockUse::May | BlockUse::Never) => None,
        }
    }

    /// Whether another sign stands where `{` belongs: told already.
    fn opens_otherwise(&self, span: Span) -> bool {
        self.text[span.range()].trim_end().ends_with([':', '(', '['])
    }

    fn brace_follows(&self, span: Span) -> bool {
        self.text[span.end as usize..].trim_start().starts_with('{')
    }

    /// Reads a block whose statement is not understood, only to find its braces.
    fn skip(&mut self, block: Option<Pair<'_, Rule>>, opener: Span, around: Surroundings) {
        if let Some(block) = block {
            self.block(block, Surroundings { place: None, opener: Some(opener), depth: around.depth + 1, outer: None });
        }
    }

    fn block(&mut self, pair: Pair<'_, Rule>, around: Surroundings) -> Block {
        let span = self.span(&pair);
        let open = Span::new(self.file, span.start as usize..span.start as usize + 1);
        let inner = pair.into_inner();
        let last = inner.clone().next_back();
        let close = last.filter(|last| last.as_rule() == Rule::close).map(|close| self.span(&close));
        if around.depth > MAX_DEPTH {
            if !std::mem::replace(&mut self.too_deep, true) {
                self.problems.push(too_deep(open));
            }
            return Block { open, close, statements: Vec::new(), damaged: true };
        }
        if close.is_none() {
            let shifted = around.opener.is_some_and(|head| self.shifted(head, inner.clone()));
            if !shifted {
                self.unclosed(around, open, span);
            }
        }
        let body = self.body(inner, around);
        Block { open, close, statements: body.statements, damaged: body.damaged || close.is_none() }
    }

    fn indentation(&self, offset: u32) -> usize {
        let line = self.lines[self.lines.partition_point(|start| *start <= offset) - 1];
        let line = &self.text[line as usize..];
        line.len() - line.trim_start_matches([' ', '\t']).len()
    }

    /// Where an unclosed block ends in a block whose brace stands at the indentation of the outer one, the inner one is what is not
    /// closed, and every brace after it closes one block less than was meant. Tells so, and remembers the blocks between.
    fn shifted(&mut self, head: Span, inner: Pairs<'_, Rule>) -> bool {
        let mut found: Option<(Span, Span, Span)> = None;
        let (mut outer, mut inner) = (head, inner);
        loop {
            let last = inner.filter(|pair| matches!(pair.as_rule(), Rule::statement | Rule::strike)).last().map(Pair::into_inner);
            let Some((this, block)) = last.and_then(|mut parts| parts.next().zip(parts.next())) else { break };
            let (this, open) = (self.span(&this), self.span(&block).start);
            let Some(close) = block.clone().into_inner().next_back().filter(|close| close.as_rule() == Rule::close) else { break };
            let close = self.span(&close);
            let own_line = self.text[..close.start as usize].trim_end_matches([' ', '\t']).ends_with(['\n', '\r']);
            let outside = self.indentation(outer.start);
            if !own_line || self.indentation(close.start) != outside || self.indentation(this.start) <= outside {
                break;
            }
            self.shifted.insert(open);
            found = Some((this, Span { end: open + 1, start: open, ..this }, close));
            (outer, inner) = (this, block.into_inner());
        }
        let Some((this, open, close)) = found else { return false };
        let message = format!("the block of `{}` is never closed", leading_word(&self.text[this.range()]));
        self.problems.push(
            Diagnostic::new(Code::UnclosedBlock, message, open, "opened here")
                .label(close, "this `}` is indented as that of the block around it")
                .help("add a `}` on a line of its own where the block ends"),
        );
        true
    }

    fn unclosed(&mut self, around: Surroundings, open: Span, block: Span) {
        let head = around.opener.unwrap_or(open);
        let keyword = leading_word(&self.text[head.range()]);
        let what = if keyword.is_empty() { "this block".to_owned() } else { format!("the block of `{keyword}`") };
        // Comments on lines of their own are about what follows: no block ends after them.
        let mut inside = self.text[..block.end as usize].trim_end();
        while let Some((before, _)) = inside.rsplit_once('\n').filter(|(_, line)| line.trim_start().starts_with('#')) {
            inside = before.trim_end();
        }
        let end = inside.len();
        let last = self.text[..end].char_indices().next_back().map_or(end, |(at, _)| at);
        let mut problem = Diagnostic::new(Code::UnclosedBlock, format!("{what} is never closed"), open, "opened here");
        if last > open.start as usize {
            problem = problem.label(Span::new(self.file, last..end), "a `}` is missing after this");
        }
        self.problems.push(problem.help("add a `}` on a line of its own"));
    }

    /// A block without a head: that of the statement on the line before, or nobody's.
    fn stray_block(&mut self, pair: Pair<'_, Rule>, body: &mut Body, around: Surroundings) {
        let open = Span::new(self.file, pair.as_span().start()..pair.as_span().start() + 1);
        let Some(block) = pair.into_inner().next() else { return };
        let owner = body.statements.last_mut().filter(|last| {
            last.block.is_none()
                && last.form.block != BlockUse::Never
                && self.text[last.span.end as usize..open.start as usize].chars().all(char::is_whitespace)
        });
        if around.place.is_some() {
            let message = if owner.is_some() { "`{` stands on the line of its statement" } else { "a `{` without a statement before it" };
            let label = if owner.is_some() { "move it to the end of the line above" } else { "which block is this?" };
            let mut problem = Diagnostic::new(Code::StrayBrace, message, open, label);
            if owner.is_none() {
                problem = problem.help("write before it what the block is of, such as `service NAME`, or remove it with its `}`");
            }
            self.problems.push(problem);
        }
        if let Some(owner) = owner {
            let (form, head, span) = (owner.form, owner.head.clone(), owner.span);
            owner.block = self.block_of(form, &head, Some(block), span, around);
        } else {
            body.damaged = true;
            self.skip(Some(block), open, around);
        }
    }

    fn misplaced(&mut self, form: &Form, keyword: Span, around: Surroundings) {
        let Some(place) = around.place else { return };
        let belongs: Vec<String> = form.places.iter().map(ToString::to_string).collect();
        // A word that says something else here is told apart by the next one.
        let word = if place.forms().any(|here| here.keyword == form.keyword) {
            let next = self.text[keyword.end as usize..].trim_start_matches([' ', '\t']);
            format!("{} {}", form.keyword, leading_word(next))
        } else {
            form.keyword.to_owned()
        };
        let mut problem = Diagnostic::new(Code::Misplaced, format!("`{word}` does not belong {place}"), keyword, "not here");
        if let Some(opener) = around.opener {
            problem = problem.label(opener, "in the block of this");
        }
        self.problems.push(problem.help(format!("it belongs {}", list(&belongs, "or"))));
    }
}

/// Whether no rule takes the line.
fn is_broken(pair: &Pair<'_, Rule>) -> bool {
    pair.as_rule() == Rule::junk || pair.clone().into_inner().next().is_none_or(|first| first.as_rule() == Rule::broken)
}

fn length(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}

/// The diagnostic for a text that nests deeper than can be read.
pub(super) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::new(Code::TooLarge, "blocks are nested too deeply", span, format!("deeper than {MAX_DEPTH} blocks"))
}

/// The word that a text begins with; empty if it begins with none.
pub(super) fn leading_word(text: &str) -> &str {
    let end = text.find(|character: char| !(character.is_ascii_alphanumeric() || matches!(character, '_' | '-')));
    &text[..end.unwrap_or(text.len())]
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn list(items: &[String], conjunction: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} {conjunction} {last}", most.join(", ")),
    }
}
