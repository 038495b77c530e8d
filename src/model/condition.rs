//! What a value must be, and whether one is. Nothing is converted: a text is never a number, and what cannot be compared is no answer.

use super::Pattern;
use serde_json::Value;
use std::cmp::Ordering;
use std::fmt;

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// It is there, whatever it is.
    Exists,
    /// A text that has this in it.
    Contains(String),
    /// A text in which this is found.
    Matches(Pattern),
    /// It compares so.
    Compare(Comparison, Literal),
}

/// A sign between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// A value that the plan writes out.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Truth(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
}

/// A number and how it is written: `5`, `-1.5`, `10GiB`.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// As it is written.
    pub written: String,
    /// The number; sizes in bytes.
    pub value: Decimal,
}

/// A number: whole ones are kept whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decimal {
    /// A whole number.
    Whole(i128),
    /// One with a fraction, or too large for a whole one.
    Fraction(f64),
}

/// Whether a value is what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It cannot be said, and why: it is missing, or of another kind.
    Unclear(String),
}

impl Condition {
    /// Whether a value is so; `None` where there is none.
    pub fn holds(&self, value: Option<&Value>) -> Holds {
        let Some(value) = value else {
            return if *self == Self::Exists { Holds::No } else { Holds::Unclear("it is not there".to_owned()) };
        };
        let text = |expected: &dyn Fn(&str) -> bool| match value {
            Value::String(text) => Holds::of(expected(text)),
            other => Holds::Unclear(format!("it is {}, not a text", kind(other))),
        };
        match self {
            Self::Exists => Holds::Yes,
            Self::Contains(part) => text(&|text| text.contains(part)),
            Self::Matches(pattern) => text(&|text| pattern.is_match(text.as_bytes())),
            Self::Compare(comparison, literal) => comparison.holds(literal, value),
        }
    }
}

impl Holds {
    fn of(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl Comparison {
    /// The comparison that a sign stands for.
    pub fn of_sign(sign: &str) -> Option<Self> {
        Some(match sign {
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::AtMost,
            ">" => Self::Greater,
            ">=" => Self::AtLeast,
            _ => return None,
        })
    }

    /// Whether it asks which is larger.
    pub fn orders(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }

    /// Whether it holds for values that compare so; `None` for ones that are different and not ordered.
    pub fn takes(self, ordering: Option<Ordering>) -> bool {
        match self {
            Self::Equal => ordering == Some(Ordering::Equal),
            Self::NotEqual => ordering != Some(Ordering::Equal),
            Self::Less => ordering == Some(Ordering::Less),
            Self::AtMost => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
            Self::Greater => ordering == Some(Ordering::Greater),
            Self::AtLeast => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
        }
    }

    fn holds(self, literal: &Literal, value: &Value) -> Holds {
        let same = |same: bool| Holds::of(self.takes(same.then_some(Ordering::Equal)));
        let another = |wanted: &str| Holds::Unclear(format!("it is {}, not {wanted}", kind(value)));
        match (literal, value) {
            // Asking for null is asking whether there is something.
            (Literal::Null, value) => same(value.is_null()),
            (Literal::Truth(wanted), Value::Bool(found)) => same(wanted == found),
            (Literal::Truth(_), _) => another("true or false"),
            (Literal::Text(wanted), Value::String(found)) => same(wanted == found),
            (Literal::Text(_), _) => another("a text"),
            (Literal::Number(wanted), Value::Number(found)) => match Decimal::read(&found.to_string()) {
                Some(found) => Holds::of(self.takes(found.compare(wanted.value))),
                None => another("a number that can be compared"),
            },
            (Literal::Number(_), _) => another("a number"),
        }
    }
}

impl Decimal {
    /// Reads a number as JSON has it.
    pub fn read(text: &str) -> Option<Self> {
        text.parse().map(Self::Whole).ok().or_else(|| text.parse().ok().filter(|read: &f64| read.is_finite()).map(Self::Fraction))
    }

    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Some(one.cmp(&other)),
            (one, other) => one.fraction().partial_cmp(&other.fraction()),
        }
    }

    fn fraction(self) -> f64 {
        match self {
            #[allow(clippy::cast_precision_loss, reason = "a fraction is no more exact than this")]
            Self::Whole(whole) => whole as f64,
            Self::Fraction(fraction) => fraction,
        }
    }
}

/// What a value is, for people.
fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {text:?}"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// As the plan writes it.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("exists"),
            Self::Contains(part) => write!(f, "contains {part:?}"),
            Self::Matches(pattern) => write!(f, "matches {pattern}"),
            Self::Compare(comparison, literal) => write!(f, "{comparison} {literal}"),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        })
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Truth(truth) => write!(f, "{truth}"),
            Self::Number(number) => f.write_str(&number.written),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn number(written: &str) -> Literal {
        Literal::Number(Number { written: written.to_owned(), value: Decimal::read(written).expect(written) })
    }

    #[test]
    fn numbers_compare_exactly_and_with_their_sign() {
        use Comparison::{AtLeast, AtMost, Equal, Greater, Less, NotEqual};
        for (comparison, value, literal, holds) in [
            (Equal, json!(5), "5", true),
            (Equal, json!(5), "5.0", true),
            (Less, json!(0.4), "0.5", true),
            (Less, json!(0.5), "0.5", false),
            (AtMost, json!(0.5), "0.5", true),
            (Greater, json!(-1), "-2", true),
            (AtLeast, json!(9_007_199_254_740_993_u64), "9007199254740994", false),
            (NotEqual, json!(u64::MAX), "18446744073709551614", true),
            (Equal, json!(0.1), "0.1", true),
        ] {
            let condition = Condition::Compare(comparison, number(literal));
            let expected = if holds { Holds::Yes } else { Holds::No };
            assert_eq!(condition.holds(Some(&value)), expected, "{value} {condition}");
        }
    }

    #[test]
    fn another_kind_is_unclear_and_never_converted() {
        let equal = |literal: Literal| Condition::Compare(Comparison::Equal, literal);
        let text = || Literal::Text("5".to_owned());
        for (condition, value) in [
            (equal(number("5")), json!("5")),
            (equal(number("5")), json!(null)),
            (equal(text()), json!(5)),
            (equal(Literal::Truth(true)), json!("true")),
            (equal(Literal::Truth(true)), json!(1)),
            (Condition::Compare(Comparison::NotEqual, number("5")), json!("6")),
            (Condition::Contains("5".to_owned()), json!(5)),
            (Condition::Matches(Pattern::new("5").expect("a pattern")), json!([5])),
            (equal(text()), json!({})),
        ] {
            assert!(matches!(condition.holds(Some(&value)), Holds::Unclear(_)), "{value} {condition}");
        }
        assert_eq!(equal(text()).holds(Some(&json!("5"))), Holds::Yes);
        assert_eq!(equal(text()).holds(Some(&json!("6"))), Holds::No);
    }

    #[test]
    fn what_is_missing_is_unclear_unless_that_is_the_question() {
        let null = Condition::Compare(Comparison::Equal, Literal::Null);
        assert_eq!(Condition::Exists.holds(None), Holds::No);
        assert_eq!(Condition::Exists.holds(Some(&json!(null))), Holds::Yes);
        assert!(matches!(null.holds(None), Holds::Unclear(_)));
        assert_eq!(null.holds(Some(&json!(null))), Holds::Yes);
        assert_eq!(Condition::Compare(Comparison::NotEqual, Literal::Null).holds(Some(&json!(0))), Holds::Yes);
    }
}
