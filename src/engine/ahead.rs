//! What each phase that a run would still send changes of what is there before it, by the texts alone: compose recreates what is defined
//! otherwise, and with it everything that depends on it (FACTS §13.3).

use super::kept::cause;
use super::{Position, Survey, first_phase};
use crate::compose::{Definition, definitions};
use crate::schedule::{PhaseId, Schedule, ServiceName, body_of, services_in};
use std::collections::{BTreeMap, BTreeSet};

/// What one phase changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// The phase.
    pub phase: PhaseId,
    /// Services that come.
    pub adds: BTreeSet<ServiceName>,
    /// Services that are defined otherwise, and so recreated.
    pub changes: BTreeSet<ServiceName>,
    /// Services that are as before and recreated all the same, with what they depend on that changes.
    pub recreates: BTreeMap<ServiceName, ServiceName>,
    /// Services that go.
    pub removes: BTreeSet<ServiceName>,
}

/// The phases that a run would begin with now, in order. A phase that is live and was never verified is not among them: whether it is sent
/// again is up to its services.
pub fn ahead(schedule: &Schedule, survey: &Survey, position: &Position) -> Vec<Ahead> {
    // A live text that is a phase's file differs from it by commits only, and the next phase has the same ones.
    let (first, live) = match position {
        Position::Phase(phase, _) => (phase.0 + 1, schedule.phase(*phase).text.as_str()),
        _ => (first_phase(schedule, survey).0, body_of(&survey.text)),
    };
    let texts = std::iter::once(live).chain(schedule.phases.iter().skip(first).map(|phase| phase.text.as_str()));
    let texts: Vec<(BTreeMap<String, Definition>, BTreeSet<ServiceName>)> =
        texts.map(|text| (definitions(text).unwrap_or_default(), services_in(text))).collect();
    texts.windows(2).enumerate().map(|(at, pair)| between(PhaseId(first + at), &pair[0], &pair[1])).collect()
}

type Text = (BTreeMap<String, Definition>, BTreeSet<ServiceName>);

fn between(phase: PhaseId, (before, were): &Text, (after, are): &Text) -> Ahead {
    let differs = |name: &str| before.get(name).map(|one| &one.value) != after.get(name).map(|one| &one.value);
    // What is new recreates nobody: nothing depended on it before that was not defined otherwise.
    let differs_and_was = |name: &str| were.contains(name) && differs(name);
    let stay = || are.intersection(were);
    let recreated = stay().filter(|name| !differs(name));
    Ahead {
        phase,
        adds: are.difference(were).cloned().collect(),
        changes: stay().filter(|name| differs(name)).cloned().collect(),
        recreates: recreated.filter_map(|name| Some((name.clone(), cause(after, name, &differs_and_was, &mut BTreeSet::new())?))).collect(),
        removes: were.difference(are).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        (definitions(text).unwrap(), services_in(text))
    }

    #[test]
    fn what_depends_on_a_changed_service_is_recreated_with_it() {
        let before = "services:\n  db: {image: db:1}\n  api: {image: api:1, depends_on: [db]}\n  web: {image: web:1, depends_on: [api]}\n  \
                      old: {image: old:1}\n  alone: {image: alone:1}\n";
        let after = before.replace("db:1", "db:2").replace("  old: {image: old:1}\n", "  new: {image: new:1}\n");
        let found = between(PhaseId(1), &text(before), &text(&after));
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let recreates = [("api", "db"), ("web", "db")].map(|(name, cause)| (name.to_owned(), cause.to_owned()));
        let (adds, changes, removes) = (names(&["new"]), names(&["db"]), names(&["old"]));
        assert_eq!(found, Ahead { phase: PhaseId(1), adds, changes, recreates: recreates.into(), removes });
    }

    #[test]
    fn the_same_text_changes_nothing_and_a_new_one_recreates_nobody() {
        let one = "services:\n  api: {image: api:1}\n";
        let found = between(PhaseId(0), &text(one), &text(one));
        assert!(found.adds.is_empty() && found.changes.is_empty() && found.recreates.is_empty() && found.removes.is_empty());
        let found = between(PhaseId(0), &Text::default(), &text("services:\n  db: {image: d}\n  api: {image: a, depends_on: [db]}\n"));
        assert_eq!((found.adds.len(), found.recreates.len()), (2, 0));
    }
}
