//! The phases are one line: one first, one after each, no circle.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Phase, Plan};
use std::collections::{BTreeMap, BTreeSet};

impl Plan {
    /// The phases in the order they run, as indices into [`Plan::phases`]. `None` if `after` does not make one line of them.
    pub fn line(&self) -> Option<Vec<usize>> {
        line(&self.phases)
    }
}

fn line(phases: &[Phase]) -> Option<Vec<usize>> {
    let mut next = BTreeMap::new();
    let mut first = None;
    for (index, phase) in phases.iter().enumerate() {
        let taken = match &phase.after {
            Some(after) => next.insert(after.value, index).is_some(),
            None => first.replace(index).is_some(),
        };
        if taken {
            return None;
        }
    }
    let line: Vec<usize> = std::iter::successors(first, |at| next.get(at).copied()).take(phases.len()).collect();
    (line.len() == phases.len()).then_some(line)
}

/// Tells of every reason why the phases are not one line.
pub(super) fn check(phases: &[Phase], problems: &mut Vec<Diagnostic>) {
    let before = problems.len();
    let circles = circles(phases);
    let circling: BTreeSet<usize> = circles.iter().flatten().copied().collect();
    for circle in &circles {
        problems.push(circle_problem(phases, circle));
    }
    let mut first: Option<usize> = None;
    let mut more_firsts = Vec::new();
    let mut followers: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, phase) in phases.iter().enumerate() {
        match &phase.after {
            None => match first {
                None => first = Some(index),
                Some(_) => more_firsts.push(index),
            },
            // What comes after itself comes after nothing else, and takes nobody's place.
            Some(after) if after.value == index => {}
            Some(after) if circling.contains(&index) => {
                followers.entry(after.value).or_insert(index);
            }
            Some(after) => match followers.get(&after.value) {
                None => {
                    followers.insert(after.value, index);
                }
                Some(other) => problems.push(branch(phases, after.value, *other, index)),
            },
        }
    }
    let mut last = first.unwrap_or(0);
    while let Some(next) = followers.remove(&last) {
        last = next;
    }
    for index in more_firsts {
        problems.push(second_first(phases, first.unwrap_or(0), index, last));
        last = index;
    }
    debug_assert_eq!(problems.len() == before, phases.is_empty() || line(phases).is_some());
}

/// Every circle once, beginning with the phase written first.
fn circles(phases: &[Phase]) -> Vec<Vec<usize>> {
    let mut circles = Vec::new();
    // 0: not seen; otherwise the walk that saw it.
    let mut seen = vec![0usize; phases.len()];
    for start in 0..phases.len() {
        let mut path = Vec::new();
        let mut at = Some(start);
        while let Some(index) = at.filter(|index| seen[*index] == 0) {
            seen[index] = start + 1;
            path.push(index);
            at = phases[index].after.as_ref().map(|after| after.value);
        }
        if let Some(met) = at.filter(|index| seen[*index] == start + 1) {
            let begin = path.iter().position(|index| *index == met).unwrap_or(0);
            let mut circle = path.split_off(begin);
            let smallest = (0..circle.len()).min_by_key(|position| circle[*position]).unwrap_or(0);
            circle.rotate_left(smallest);
            circles.push(circle);
        }
    }
    circles
}

fn circle_problem(phases: &[Phase], circle: &[usize]) -> Diagnostic {
    let name = |index: usize| phases[index].name.value.as_str();
    let first = circle[0];
    let place = |index: usize| phases[index].after.as_ref().map_or(phases[index].name.span, |after| after.span);
    if circle.len() == 1 {
        return Diagnostic::new(Code::PhaseOrder, format!("phase \"{}\" comes after itself", name(first)), place(first), "this is itself")
            .help("name the phase before it, or leave `after …` out if it is the first");
    }
    let path: Vec<&str> = circle.iter().chain([&first]).map(|index| name(*index)).collect();
    let message = format!("phases wait for each other in a circle: {}", path.join(" → "));
    let label = |index: usize| {
        phases[index].after.as_ref().map_or(String::new(), |after| format!("\"{}\" waits for \"{}\"", name(index), name(after.value)))
    };
    let mut problem = Diagnostic::new(Code::PhaseOrder, message, place(first), label(first));
    for index in &circle[1..] {
        problem = problem.label(place(*index), label(*index));
    }
    problem.help("leave `after …` out at the phase that is first")
}

fn second_first(phases: &[Phase], first: usize, second: usize, last: usize) -> Diagnostic {
    let (first, second) = (&phases[first].name, &phases[second].name);
    let message = format!("phase \"{}\" does not say what it comes after", second.value);
    Diagnostic::new(Code::PhaseOrder, message, second.span, "a second first phase")
        .label(first.span, "the first phase")
        .help(format!("write `phase {} after {}`", second.value, phases[last].name.value))
}

fn branch(phases: &[Phase], after: usize, other: usize, index: usize) -> Diagnostic {
    let (this, other) = (&phases[index], &phases[other]);
    let after = &phases[after].name.value;
    let span = |phase: &Phase| phase.after.as_ref().map_or(phase.name.span, |after| after.span);
    let message = format!("two phases come after \"{after}\": \"{}\" and \"{}\"", other.name.value, this.name.value);
    Diagnostic::new(Code::PhaseOrder, message, span(this), "phases run one after the other")
        .label(span(other), format!("\"{}\" comes after it already", other.name.value))
        .help(format!("write `phase {} after {}`", this.name.value, other.name.value))
}
