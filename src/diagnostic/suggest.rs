//! "Did you mean": the one place that compares names.

use std::cell::Cell;

/// The valid name nearest to `wrong`, if one is near enough to be worth offering: at most a third of its letters apart, or equal
/// but for case, `-` and `_`.
pub fn nearest<'a>(wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (folded, mut other) = (folded(wrong).collect::<Vec<char>>(), Vec::new());
    let limit = (wrong.chars().count() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for name in valid {
        other.clear();
        other.extend(self::folded(name));
        if let Some(distance) = within(&folded, &other, limit)
            && best.is_none_or(|(least, _)| distance < least)
        {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

/// So many names are compared for the unknown names of one kind, enough for some hundred of each.
const COMPARED: usize = 100_000;

/// [`nearest`] for a text with many unknown names: each is compared with every valid one, so after [`COMPARED`] names nothing is offered
/// any more, and the work stays in proportion to the text.
#[derive(Clone, Debug, Default)]
pub struct Patience(Cell<usize>);

impl Patience {
    /// The nearest valid name; `None` too where this was asked too often.
    pub fn nearest<'a>(&self, wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        if self.0.get() >= COMPARED {
            return None;
        }
        nearest(wrong, valid.into_iter().inspect(|_| self.0.set(self.0.get() + 1)))
    }
}

fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars().flat_map(char::to_lowercase).map(|character| if character == '_' { '-' } else { character })
}

/// How far two names are apart, if no further than `limit`. Every unknown name is compared with every valid one, so most pairs are told
/// apart by their ends alone: what both begin or end with does not count, and one edit cannot mend two ends that are further apart.
fn within(one: &[char], other: &[char], limit: usize) -> Option<usize> {
    let prefix = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let (one, other) = (&one[prefix..], &other[prefix..]);
    let suffix = one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count();
    let (one, other) = (&one[..one.len() - suffix], &other[..other.len() - suffix]);
    let (least, most) = (one.len().min(other.len()), one.len().max(other.len()));
    if most - least > limit || (limit == 1 && most > 2) {
        return None;
    }
    let distance = if least == 0 { most } else { strsim::osa_distance(&String::from_iter(one), &String::from_iter(other)) };
    (distance <= limit).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::{COMPARED, Patience, nearest, within};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_short_way_gives_the_same_distance(one in "[abc]{0,7}", other in "[abc]{0,7}", limit in 1usize..4) {
            let distance = strsim::osa_distance(&one, &other);
            let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
            prop_assert_eq!(within(&one, &other, limit), (distance <= limit).then_some(distance));
        }
    }

    #[test]
    fn patience_ends() {
        let valid: Vec<String> = (0..COMPARED / 10).map(|n| format!("name-{n}")).collect();
        let patience = Patience::default();
        let offered = (0..20).filter(|_| patience.nearest("nam-1", valid.iter().map(String::as_str)).is_some()).count();
        assert_eq!(offered, 10);
    }

    #[test]
    fn offers_only_what_is_near() {
        let valid = ["brain-api", "auth-service"];
        assert_eq!(nearest("brian-api", valid), Some("brain-api"));
        assert_eq!(nearest("Brain_API", valid), Some("brain-api"));
        assert_eq!(nearest("zzz", valid), None);
    }
}
