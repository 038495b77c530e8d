//! What a value must be: literals, patterns and paths of the plan.

use super::Lowering;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Comparison, Condition, Decimal, JsonPath, Literal, Number, Pattern};
use crate::source::Spanned;
use crate::syntax::{self, ConditionKind, LiteralKind, TextExpr};

impl Lowering<'_> {
    /// A condition. `None` after an error.
    pub(super) fn condition(&mut self, given: &syntax::Condition) -> Option<Condition> {
        Some(match &given.kind {
            ConditionKind::Exists => Condition::Exists,
            ConditionKind::Contains(part) => {
                let text = self.plain(part)?;
                if text.is_empty() {
                    self.problems.push(
                        Diagnostic::new(Code::Vacuous, "every text contains the empty string", part.span, "no answer can fail it")
                            .help("write what it must contain, or leave the line out"),
                    );
                    return None;
                }
                Condition::Contains(text)
            }
            ConditionKind::Matches(pattern) => Condition::Matches(self.pattern(pattern)?),
            ConditionKind::Compare(sign, literal) => {
                let comparison = Comparison::of_sign(&sign.value)?;
                let value = self.literal(literal)?;
                if comparison.orders() && !matches!(value, Literal::Number(_)) {
                    let message = format!("`{}` compares numbers, and {} is none", sign.value, literal.written);
                    self.problems.push(
                        Diagnostic::new(Code::WrongKind, message, literal.span, "not a number")
                            .label(sign.span, "asks which is larger")
                            .help("write `==`, `!=`, `contains` or `matches`, or a number"),
                    );
                    return None;
                }
                Condition::Compare(comparison, value)
            }
        })
    }

    /// A condition on something that is always a text. `None` after an error.
    pub(super) fn text_condition(&mut self, given: &syntax::Condition, what: &str) -> Option<Condition> {
        if let ConditionKind::Compare(_, literal) = &given.kind
            && !matches!(literal.kind, LiteralKind::Text(_))
        {
            let message = format!("{what} is a text, and {} is none", literal.written);
            self.problems.push(
                Diagnostic::new(Code::WrongKind, message, literal.span, "could never be equal")
                    .help(format!("write `\"{}\"`", literal.written)),
            );
            return None;
        }
        self.condition(given)
    }

    /// A pattern that something can fail. `None` after an error.
    pub(super) fn pattern(&mut self, given: &Spanned<String>) -> Option<Pattern> {
        self.pattern_that(given, "no answer can fail it")
    }

    /// The same, where a pattern that is found in every text has this consequence.
    pub(super) fn pattern_that(&mut self, given: &Spanned<String>, consequence: &str) -> Option<Pattern> {
        match Pattern::new(&given.value) {
            Ok(pattern) if pattern.takes_everything() => {
                let message = format!("{pattern} is found in every text");
                self.problems.push(
                    Diagnostic::new(Code::Vacuous, message, given.span, consequence)
                        .help("leave out what makes it match nothing at all: `*`, `?`, an empty alternative"),
                );
                None
            }
            Ok(pattern) => Some(pattern),
            Err(why) => {
                let problem = Diagnostic::new(Code::BadPattern, "a pattern that cannot be read", given.span, why);
                self.problems.push(problem.help("write `\\` before a sign that stands for itself: `\\.`, `\\(`, `\\/`"));
                None
            }
        }
    }

    /// A path that names one value. `None` after an error.
    pub(super) fn json_path(&mut self, given: &TextExpr) -> Option<JsonPath> {
        let text = self.plain(given)?;
        JsonPath::new(&text)
            .map_err(|(why, instead)| {
                let problem = Diagnostic::new(Code::BadPattern, "a path that cannot be read", given.span, why);
                let help = match instead {
                    Some(instead) => format!("write `'{instead}'`"),
                    None => "a path looks like `'$.checks.db'`, `'$.items[0].name'` or `'$[\"a-b\"]'`".to_owned(),
                };
                self.problems.push(problem.help(help));
            })
            .ok()
    }

    fn literal(&mut self, given: &syntax::Literal) -> Option<Literal> {
        let number = |value: Option<Decimal>| Some(Literal::Number(Number { written: given.written.clone(), value: value? }));
        match &given.kind {
            LiteralKind::Null => Some(Literal::Null),
            LiteralKind::Truth(truth) => Some(Literal::Truth(*truth)),
            LiteralKind::Number => number(Decimal::read(&given.written)),
            LiteralKind::Size => number(bytes(&given.written)),
            LiteralKind::Text(text) => self.plain(text).map(Literal::Text),
            LiteralKind::Duration | LiteralKind::Percent => {
                let message = format!("`{}` has a unit that no answer has", given.written);
                let problem = Diagnostic::new(Code::WrongKind, message, given.span, "compared with a number, a text, true, false or null");
                let digits: String = given.written.chars().take_while(|next| next.is_ascii_digit() || *next == '.').collect();
                self.problems.push(problem.help(format!("write `{digits}` if the answer is a number in that unit")));
                None
            }
        }
    }
}

/// The bytes of `10GiB`.
fn bytes(size: &str) -> Option<Decimal> {
    let split = size.find(|next: char| !next.is_ascii_digit())?;
    let power = match &size[split..] {
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    Some(Decimal::Whole(size[..split].parse::<i128>().ok()?.checked_mul(1 << power)?))
}
