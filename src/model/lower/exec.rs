//! `expect exec`: a command, its environment, and how it must end.

use super::Lowering;
use super::once::{Once, given_twice};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Comparison, Exec, ExecAssertion, Probe, Text, TextPart};
use crate::source::{Span, Spanned};
use crate::syntax::{Head, Statement, TextExpr};

/// The highest exit code that a process has.
const HIGHEST: u64 = 255;

impl Lowering<'_> {
    /// A command. `None` if a word of it was not understood.
    pub(super) fn exec(&mut self, words: &[TextExpr], statement: &Statement) -> Option<Probe> {
        let instead =
            |name: &str| format!("write `set {name} = secret(\"{name}\")` in the block, and let the command take it from its environment");
        let command = self.command(words, "expect", instead);
        let environment = self.environment(statement);
        let assertions = self.exec_assertions(statement);
        Some(Probe::Exec(Box::new(Exec { command: command?, environment, assertions, span: statement.span })))
    }

    /// The words of a command that a `keyword` names. `instead` says where a secret, by its variable, belongs. `None` if a word was not
    /// understood.
    pub(super) fn command(&mut self, words: &[TextExpr], keyword: &str, instead: impl Fn(&str) -> String) -> Option<Vec<Spanned<Text>>> {
        let mut command = Vec::new();
        for word in words {
            let text = self.text(word).map(|text| Spanned::new(text, word.span));
            if let Some(text) = &text {
                self.not_in_arguments(text, &instead);
            }
            command.push(text);
        }
        let command: Vec<Spanned<Text>> = command.into_iter().collect::<Option<_>>()?;
        let program = command.first()?;
        if program.value.parts.is_empty() {
            let problem = Diagnostic::new(Code::Vacuous, "a command without a name", program.span, "nothing can be run");
            self.problems.push(problem.help(format!("write the program first: `{keyword} exec [\"PROGRAM\", \"ARGUMENT\"]`")));
            return None;
        }
        if let (Some(TextPart::Literal(name)), [_]) = (program.value.parts.first(), command.as_slice())
            && program.value.parts.len() == 1
            && name.trim().contains(' ')
        {
            let words: Vec<String> = name.split_whitespace().map(|word| format!("\"{word}\"")).collect();
            self.problems.push(
                Diagnostic::new(Code::WrongKind, "a command line in one word", program.span, "no shell takes it apart")
                    .help(format!("write `{keyword} exec [{}]`", words.join(", "))),
            );
        }
        Some(command)
    }

    /// Tells of a secret among the arguments.
    fn not_in_arguments(&mut self, word: &Spanned<Text>, instead: &impl Fn(&str) -> String) {
        let secret = word.value.parts.iter().find_map(|part| match part {
            TextPart::Secret { name } => Some(name),
            TextPart::Literal(_) | TextPart::Env { .. } => None,
        });
        if let Some(name) = secret {
            self.problems.push(
                Diagnostic::new(
                    Code::SecretExposed,
                    "a secret among the arguments of a command",
                    word.span,
                    "everybody on this machine can read it",
                )
                .help(instead(name)),
            );
        }
    }

    fn environment(&mut self, statement: &Statement) -> Vec<(Spanned<String>, Spanned<Text>)> {
        let mut environment: Vec<(Spanned<String>, Spanned<Text>)> = Vec::new();
        for inner in statement.body() {
            let Head::Set(name, value) = &inner.head else { continue };
            if let Some((first, _)) = environment.iter().find(|(own, _)| own.value == name.value) {
                self.problems.push(
                    Diagnostic::new(Code::GivenTwice, format!("`{}` is set twice", name.value), name.span, "set again here")
                        .label(first.span, "first set here")
                        .help("remove one of them"),
                );
            }
            let valid = self.variable(name);
            let value = self.spanned_text(value);
            environment.extend(valid.map(|()| (name.clone(), value)));
        }
        environment
    }

    fn exec_assertions(&mut self, statement: &Statement) -> Vec<Spanned<ExecAssertion>> {
        let mut assertions = Vec::new();
        let mut exit: Option<Span> = None;
        let mut time = Once::default();
        for inner in statement.body() {
            let assertion = match &inner.head {
                Head::Exit(sign, code) => {
                    if let Some(first) = exit.replace(inner.span) {
                        self.problems.push(given_twice("exit", inner.span, first));
                    }
                    self.exit_code(sign, *code).map(|(comparison, code)| ExecAssertion::Exit(comparison, code))
                }
                Head::Stdout(condition) => self.condition(condition).map(ExecAssertion::Stdout),
                Head::Stderr(condition) => self.condition(condition).map(ExecAssertion::Stderr),
                Head::TimeBelow(limit) => {
                    let limit = self.time(*limit);
                    self.once(&mut time, (), inner);
                    Some(ExecAssertion::TimeBelow(limit))
                }
                Head::Broken { .. } if inner.form.keyword == "exit" => {
                    exit = Some(inner.span);
                    None
                }
                _ => None,
            };
            assertions.extend(assertion.map(|assertion| Spanned::new(assertion, inner.span)));
        }
        if exit.is_none() {
            // Otherwise a command that fails after it has said the right thing would pass.
            assertions.insert(0, Spanned::new(ExecAssertion::Exit(Comparison::Equal, 0), statement.span));
        }
        assertions
    }

    /// What an exit code must be. `None` after an error.
    pub(super) fn exit_code(&mut self, sign: &Spanned<String>, code: Spanned<u64>) -> Option<(Comparison, i64)> {
        let comparison = Comparison::of_sign(&sign.value)?;
        let given = i64::try_from(code.value).ok().filter(|_| code.value <= HIGHEST);
        let Some(given) = given else {
            let problem = Diagnostic::new(Code::OutOfRange, "not an exit code", code.span, format!("from 0 to {HIGHEST}"));
            self.problems.push(problem.help("write `exit == 0`, or the code that you mean"));
            return None;
        };
        let highest = i64::try_from(HIGHEST).unwrap_or(i64::MAX);
        if (0..=highest).all(|code| comparison.takes(Some(code.cmp(&given)))) {
            let span = Span { start: sign.span.start, ..code.span };
            let problem = Diagnostic::new(Code::Vacuous, "this accepts every exit code", span, "no command can fail it");
            self.problems.push(problem.help("write `exit == 0`"));
            return None;
        }
        Some((comparison, given))
    }
}
