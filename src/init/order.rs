//! The order of several files: each must hold the services of those before it.

use super::{Given, is_started, phase_number, write};
use std::collections::BTreeSet;

/// An order in which the files grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The files' places in what was given.
    pub places: Vec<usize>,
    /// It is another order than was given.
    pub changed: bool,
}

/// There is none: what is in the way, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotGrowing {
    /// What is wrong, in one line.
    pub message: String,
    /// The remedies, a line each.
    pub help: String,
}

/// Files by what they start.
type Started<'a> = Vec<BTreeSet<&'a str>>;

/// An order in which the files grow: the one given, or else that of their numbers, where all have one, or that of how much they start.
///
/// # Errors
/// In no such order does each hold what those before it start.
pub fn order(files: &[Given]) -> Result<Order, NotGrowing> {
    let started: Started<'_> = files
        .iter()
        .map(|file| file.compose.services.iter().filter(|one| is_started(one)).map(|one| one.name.value.as_str()).collect())
        .collect();
    let given: Vec<usize> = (0..files.len()).collect();
    if breaks(&given, &started).is_none() {
        return Ok(Order { places: given, changed: false });
    }
    let numbers: Option<Vec<u64>> = files.iter().map(|file| phase_number(&file.path)).collect();
    let mut places = given.clone();
    match &numbers {
        // Who numbers files means that order, whatever they hold.
        Some(numbers) => places.sort_by_key(|at| numbers[*at]),
        None => places.sort_by_key(|at| started[*at].len()),
    }
    match breaks(&places, &started) {
        None => Ok(Order { changed: places != given, places }),
        Some((before, after)) => Err(not_growing((before, after), files, &started)),
    }
}

/// The first two files next to each other of which the later one lacks something that the earlier one starts.
fn breaks(places: &[usize], started: &Started<'_>) -> Option<(usize, usize)> {
    places.windows(2).map(|pair| (pair[0], pair[1])).find(|(before, after)| !started[*before].is_subset(&started[*after]))
}

fn not_growing((before, after): (usize, usize), files: &[Given], started: &Started<'_>) -> NotGrowing {
    let only = |one: usize, other: usize| started[one].difference(&started[other]).copied().collect::<Vec<_>>();
    let (dropped, added) = (only(before, after), only(after, before));
    let (earlier, later) = (&files[before].path, &files[after].path);
    let quoted = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        write::joined(&names.iter().map(String::as_str).collect::<Vec<_>>(), 6)
    };
    let what = quoted(&dropped);
    let and_more = if added.is_empty() { String::new() } else { format!(", while {later} adds {}", quoted(&added)) };
    let removes: Vec<String> = dropped.iter().map(|name| write::name(name)).collect();
    NotGrowing {
        message: format!("{later} does not have {what} of {earlier}{and_more}: each phase's file holds the services of those before it"),
        help: format!(
            "add {what} to {later}\nif {later} drops {} on purpose, leave it out here, add its phase to the plan and write `removes {}` in it",
            if dropped.len() == 1 { "it" } else { "them" },
            removes.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose;
    use crate::source::SourceMap;

    fn given(files: &[(&str, &str)]) -> Vec<Given> {
        let file = |(path, names): &(&str, &str)| {
            let text = names.split(' ').fold("services:\n".to_owned(), |text, name| text + "  " + name + ": {image: a}\n");
            let file = SourceMap::default().add(*path, text.as_str());
            Given { path: (*path).to_owned(), compose: compose::read(file, &text).unwrap() }
        };
        files.iter().map(file).collect()
    }

    fn placed(files: &[(&str, &str)]) -> (Vec<usize>, bool) {
        let order = order(&given(files)).unwrap();
        (order.places, order.changed)
    }

    #[test]
    fn what_grows_stays_as_given_and_what_would_grow_is_sorted() {
        assert_eq!(placed(&[("a.yml", "x"), ("b.yml", "x y"), ("c.yml", "x y")]), (vec![0, 1, 2], false));
        assert_eq!(placed(&[("c.yml", "x y z"), ("a.yml", "x"), ("b.yml", "x y")]), (vec![1, 2, 0], true));
        assert_eq!(placed(&[("phase10.yml", "x y"), ("phase2.yml", "x")]), (vec![1, 0], true));
        assert_eq!(placed(&[("a.yml", "x")]), (vec![0], false));
    }

    #[test]
    fn what_does_not_grow_says_what_is_in_the_way() {
        let error = order(&given(&[("api.yml", "db api"), ("web.yml", "db web proxy")])).unwrap_err();
        assert_eq!(
            error.message,
            "web.yml does not have \"api\" of api.yml, while web.yml adds \"proxy\" and \"web\": each phase's file holds the services of \
             those before it"
        );
        assert!(error.help.contains("add \"api\" to web.yml\n") && error.help.ends_with("`removes api` in it"), "{}", error.help);
    }

    #[test]
    fn numbers_are_an_order_that_nobody_turns_round() {
        let error = order(&given(&[("phase1.yml", "old web"), ("phase2.yml", "web")])).unwrap_err();
        assert!(error.message.starts_with("phase2.yml does not have \"old\" of phase1.yml: "), "{}", error.message);
    }
}
