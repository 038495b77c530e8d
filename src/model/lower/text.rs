//! Strings: every `let` put in its place, variables kept for later.

use super::Lowering;
use super::names::Names;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Text, TextPart};
use crate::source::{Span, Spanned};
use crate::syntax::{Name, Piece, TextExpr, TextKind};
use std::collections::BTreeMap;

/// The `let`s of a plan. Each is worked out when it is first used.
pub(super) struct Lets<'a> {
    names: Names,
    values: BTreeMap<String, Let<'a>>,
}

enum Let<'a> {
    /// Not looked at yet.
    Written(&'a TextExpr),
    /// Being worked out: meeting it again is a circle.
    Busy,
    /// Worked out; `None` if it was not understood, which has been told.
    Known(Option<Text>),
}

impl Default for Lets<'_> {
    fn default() -> Self {
        Self { names: Names::new("let"), values: BTreeMap::new() }
    }
}

impl<'a> Lets<'a> {
    /// Declares a `let`; one without a value was not understood.
    pub(super) fn declare(&mut self, name: &Name, value: Option<&'a TextExpr>, problems: &mut Vec<Diagnostic>) {
        match value {
            Some(_) => self.names.declare(name, problems),
            None => self.names.declare_unusable(name),
        }
        self.values.entry(name.value.clone()).or_insert_with(|| value.map_or(Let::Known(None), Let::Written));
    }

    /// Puts another value in place of a declared one.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        if let Some(slot) = self.values.get_mut(name) {
            *slot = Let::Known(Some(Text::literal(value)));
        }
    }

    /// The names that are declared.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter()
    }
}

impl<'a> Lowering<'a> {
    /// Works out every `let`, so that one nobody uses is checked too.
    pub(super) fn lets_are_sound(&mut self) {
        let names: Vec<String> = self.lets.values.keys().cloned().collect();
        for name in names {
            let span = self.lets.names.span(&name).unwrap_or(self.ast.end);
            self.value_of(&name, span);
        }
    }

    /// The value of a declared `let`.
    fn value_of(&mut self, name: &str, used: Span) -> Option<Text> {
        let slot = self.lets.values.get_mut(name)?;
        match slot {
            Let::Known(text) => text.clone(),
            Let::Busy => {
                let message = format!("`let {name}` needs its own value");
                let mut problem = Diagnostic::new(Code::Interpolation, message, used, "this leads back to itself");
                if let Some(span) = self.lets.names.span(name) {
                    problem = problem.label(span, "declared here");
                }
                self.problems.push(problem.help("write the value out, or take it from `env(…)`"));
                None
            }
            Let::Written(expression) => {
                let expression: &'a TextExpr = expression;
                *slot = Let::Busy;
                let text = self.text(expression);
                self.lets.values.insert(name.to_owned(), Let::Known(text.clone()));
                text
            }
        }
    }

    /// The text of an expression. `None` if it was not understood, which has been told.
    pub(super) fn text(&mut self, expression: &TextExpr) -> Option<Text> {
        let mut text = Text::default();
        match &expression.kind {
            TextKind::Pieces(pieces) => {
                // A string has pieces, if only an empty one, unless it was not understood.
                let mut whole = !pieces.is_empty();
                for piece in pieces {
                    match piece {
                        Piece::Characters(characters) => push(&mut text, TextPart::Literal(characters.clone())),
                        Piece::Name(name) => match self.interpolated(name, "a string") {
                            Some(value) => value.parts.into_iter().for_each(|part| push(&mut text, part)),
                            None => whole = false,
                        },
                    }
                }
                return whole.then_some(text);
            }
            TextKind::Env { name, default } => {
                self.variable(name)?;
                let default = default.as_ref().map(|default| default.value.clone());
                text.parts.push(TextPart::Env { name: name.value.clone(), default });
            }
            TextKind::Secret(name) => {
                self.variable(name)?;
                text.parts.push(TextPart::Secret { name: name.value.clone() });
            }
            TextKind::Name(name) => return self.interpolated(&Spanned::new(name.clone(), expression.span), "bare"),
        }
        Some(text)
    }

    /// The text with its place; empty if it was not understood.
    pub(super) fn spanned_text(&mut self, expression: &TextExpr) -> Spanned<Text> {
        Spanned::new(self.text(expression).unwrap_or_default(), expression.span)
    }

    /// A string that must be known when the plan is read.
    pub(super) fn plain(&mut self, expression: &TextExpr) -> Option<String> {
        let mut value = String::new();
        for part in self.text(expression)?.parts {
            match part {
                TextPart::Literal(text) => value.push_str(&text),
                TextPart::Env { name, .. } | TextPart::Secret { name } => {
                    let message = format!("this string depends on the variable `{name}`");
                    self.problems.push(
                        Diagnostic::new(Code::Interpolation, message, expression.span, "must be known when the plan is read")
                            .help("write the text itself; a `let` with a plain string may be put in"),
                    );
                    return None;
                }
            }
        }
        Some(value)
    }

    fn interpolated(&mut self, name: &Name, how: &str) -> Option<Text> {
        if self.lets.names.has(&name.value) {
            return self.value_of(&name.value, name.span);
        }
        let mut found = Vec::new();
        self.lets.names.resolve(name, &[], &mut found);
        for mut problem in found {
            problem.message = format!("no `let` is called \"{}\"", name.value);
            if let Some(near) = problem.help.as_deref().and_then(|help| help.strip_prefix("write `")) {
                if how != "bare" {
                    problem.help = Some(format!("write `{{{}}}`", near.trim_end_matches('`')));
                }
            } else {
                problem.help = Some(if how == "bare" {
                    format!("for the text itself write `\"{0}\"`; for a value write `let {0} = env(\"VARIABLE\")` above", name.value)
                } else {
                    format!("add `let {0} = env(\"VARIABLE\")`; for the characters `{{{0}}}`, use a raw string: '…'", name.value)
                });
            }
            self.problems.push(problem);
        }
        None
    }

    pub(super) fn variable(&mut self, name: &Name) -> Option<()> {
        if name.value.is_empty() && name.span.end - name.span.start > 2 {
            // A string that was not understood, which has been told.
            return None;
        }
        let mut characters = name.value.chars();
        let begins = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
        if begins && characters.all(|next| next.is_ascii_alphanumeric() || next == '_') {
            return Some(());
        }
        let bare = name.value.trim_start_matches(['$', '{']).trim_end_matches('}');
        let message = format!("`{}` is not the name of an environment variable", name.value);
        let problem = Diagnostic::new(Code::WrongKind, message, name.span, "letters, digits and `_`, without `$`");
        self.problems.push(if bare.is_empty() || bare == name.value { problem } else { problem.help(format!("write `\"{bare}\"`")) });
        None
    }
}

fn push(text: &mut Text, part: TextPart) {
    match (text.parts.last_mut(), part) {
        (Some(TextPart::Literal(last)), TextPart::Literal(more)) => last.push_str(&more),
        (_, TextPart::Literal(nothing)) if nothing.is_empty() => {}
        (_, part) => text.parts.push(part),
    }
}
