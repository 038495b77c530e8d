//! `after` makes one line of the phases: one is first, and each is followed by at most one.

use super::context::quoted;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Plan;

/// The phases in the order they run; `None` when they are not one line. `whole` is false when reading the plan found errors: an `after` that
/// could not be resolved leaves two first phases, and has been told.
pub(super) fn order(plan: &Plan, whole: bool, found: &mut Vec<Diagnostic>) -> Option<Vec<usize>> {
    let phases = &plan.phases;
    let mut next: Vec<Option<usize>> = vec![None; phases.len()];
    let mut first = None;
    let mut one_line = true;
    for (at, phase) in phases.iter().enumerate() {
        let taken = match &phase.after {
            Some(after) => next[after.value].replace(at),
            None => first.replace(at),
        };
        let Some(taken) = taken else { continue };
        one_line = false;
        let name = &phase.name;
        match &phase.after {
            Some(after) => {
                // The one that was there first stays.
                next[after.value] = Some(taken);
                let message = format!(
                    "phases \"{}\" and \"{}\" both follow \"{}\"",
                    phases[taken].name.value, name.value, phases[after.value].name.value
                );
                let mut both = Diagnostic::new(Code::PhaseOrder, message, after.span, "phases run one after the other")
                    .help(format!("write `phase {} after {}`", name.value, phases[taken].name.value));
                if let Some(other) = &phases[taken].after {
                    both = both.label(other.span, "followed already");
                }
                found.push(both);
            }
            None => {
                first = Some(taken);
                if whole {
                    let message = format!("phase \"{}\" does not say what it comes after", name.value);
                    found.push(
                        Diagnostic::new(Code::PhaseOrder, message, name.span, "a second first phase")
                            .label(phases[taken].name.span, "the first phase")
                            .help(format!("write `phase {} after {}`", name.value, phases[at.saturating_sub(1)].name.value)),
                    );
                }
            }
        }
    }
    let line: Vec<usize> = std::iter::successors(first, |at| next[*at]).take(phases.len()).collect();
    if !one_line {
        return None;
    }
    if line.len() < phases.len() {
        found.push(cycle(plan, &line));
        return None;
    }
    Some(line)
}

/// With at most one phase before and after each, what the line does not reach is a ring.
fn cycle(plan: &Plan, line: &[usize]) -> Diagnostic {
    let start = (0..plan.phases.len()).find(|at| !line.contains(at)).unwrap_or_default();
    let before = |at: &usize| plan.phases[*at].after.map(|after| after.value);
    let mut ring = vec![start];
    while let Some(at) = before(&ring[ring.len() - 1]).filter(|at| !ring.contains(at)) {
        ring.push(at);
    }
    let names: Vec<&str> = ring.iter().map(|at| plan.phases[*at].name.value.as_str()).collect();
    let phase = &plan.phases[start];
    let place = phase.after.map_or(phase.name.span, |after| after.span);
    let message = match names.as_slice() {
        [one] => format!("phase \"{one}\" comes after itself"),
        names => format!("phases {} come after each other", quoted(names)),
    };
    Diagnostic::new(Code::PhaseOrder, message, place, format!("{} after {}", names.join(" after "), names[0]))
        .help("the first phase has no `after`")
}
