//! What a deploy of one text over another does to containers, by the texts alone: compose recreates what is defined otherwise, and with it
//! everything that depends on it, whatever the condition (FACTS §13.3); what is in no text any more it removes.

use super::{ComposeFile, Definition, read};
use crate::source::SourceMap;
use std::collections::{BTreeMap, BTreeSet};

/// The services of a compose text, for comparing it with another. Empty where it cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Composed {
    /// By name, those in profiles among them.
    pub services: BTreeMap<String, Definition>,
    /// Those that are started: in no profile.
    pub started: BTreeSet<String>,
}

impl Composed {
    /// What a text says.
    pub fn of(text: &str) -> Self {
        let file = SourceMap::default().add("compose.yml", text);
        read(file, text).map(|file| Self::of_file(&file)).unwrap_or_default()
    }

    /// What a file says that was read.
    pub fn of_file(file: &ComposeFile) -> Self {
        let mut composed = Self::default();
        for service in &file.services {
            let name = &service.name.value;
            if service.profiles.is_empty() {
                composed.started.insert(name.clone());
            }
            let depends_on = service.depends_on.iter().map(|dependency| dependency.service.value.clone()).collect();
            composed.services.insert(name.clone(), Definition { value: service.definition.clone(), depends_on });
        }
        composed
    }
}

/// What a deploy changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Services that come.
    pub adds: BTreeSet<String>,
    /// Services that are defined otherwise, and so recreated.
    pub changes: BTreeSet<String>,
    /// Services that are as before and recreated all the same, with what they depend on that changes.
    pub recreates: BTreeMap<String, String>,
    /// Services that go.
    pub removes: BTreeSet<String>,
}

impl Change {
    /// Those that run before and after, in another container: each is interrupted.
    pub fn interrupted(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().chain(self.recreates.keys()).map(String::as_str)
    }

    /// Whether a service has another container afterwards.
    pub fn is_interrupted(&self, service: &str) -> bool {
        self.changes.contains(service) || self.recreates.contains_key(service)
    }
}

/// What a deploy of `after` over `before` changes.
pub fn changed(before: &Composed, after: &Composed) -> Change {
    let differs = |name: &str| before.services.get(name).map(|one| &one.value) != after.services.get(name).map(|one| &one.value);
    // What is new recreates nobody: nothing depended on it before that was not defined otherwise.
    let differs_and_was = |name: &str| before.started.contains(name) && differs(name);
    let causes = causes(&after.services, differs_and_was);
    let stay = || after.started.intersection(&before.started);
    let recreated = stay().filter(|name| !differs(name));
    Change {
        adds: after.started.difference(&before.started).cloned().collect(),
        changes: stay().filter(|name| differs(name)).cloned().collect(),
        recreates: recreated.filter_map(|name| Some((name.clone(), (*causes.get(name.as_str())?).to_owned()))).collect(),
        removes: before.started.difference(&after.started).cloned().collect(),
    }
}

/// Of each service that depends on one that `differs`, directly or not, the nearest such one. In linear time: from what differs to what
/// depends on it.
pub fn causes(services: &BTreeMap<String, Definition>, differs: impl Fn(&str) -> bool) -> BTreeMap<&str, &str> {
    let mut dependents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, service) in services {
        for dependency in &service.depends_on {
            dependents.entry(dependency).or_default().push(name);
        }
    }
    let mut causes: BTreeMap<&str, &str> = BTreeMap::new();
    let mut reached: Vec<(&str, &str)> = dependents.keys().filter(|name| differs(name)).map(|name| (*name, *name)).collect();
    while !reached.is_empty() {
        let mut next = Vec::new();
        for (name, cause) in reached {
            for dependent in dependents.get(name).into_iter().flatten() {
                if !causes.contains_key(dependent) {
                    causes.insert(dependent, cause);
                    next.push((*dependent, cause));
                }
            }
        }
        reached = next;
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: &str, after: &str) -> Change {
        changed(&Composed::of(before), &Composed::of(after))
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_depends_on_a_changed_service_is_recreated_with_it() {
        let before = "services:\n  db: {image: db:1}\n  api: {image: api:1, depends_on: [db]}\n  web: {image: web:1, depends_on: [api]}\n  \
                      old: {image: old:1}\n  alone: {image: alone:1}\n";
        let after = before.replace("db:1", "db:2").replace("  old: {image: old:1}\n", "  new: {image: new:1}\n");
        let found = change(before, &after);
        let recreates = [("api", "db"), ("web", "db")].map(|(name, cause)| (name.to_owned(), cause.to_owned()));
        let (adds, changes, removes) = (names(&["new"]), names(&["db"]), names(&["old"]));
        assert_eq!(found, Change { adds, changes, recreates: recreates.into(), removes });
        assert_eq!(found.interrupted().collect::<Vec<_>>(), ["db", "api", "web"]);
    }

    #[test]
    fn the_nearest_cause_is_named_and_rings_end() {
        let text = |a: u8, b: u8| {
            format!(
                "services:\n  a: {{image: 'a:{a}'}}\n  b: {{image: 'b:{b}', depends_on: [a]}}\n  c: {{image: c, depends_on: [b, d]}}\n  d: {{image: d, \
                 depends_on: [c]}}\n"
            )
        };
        let both = change(&text(1, 1), &text(2, 2));
        assert_eq!(both.recreates, [("c", "b"), ("d", "b")].map(|(name, cause)| (name.to_owned(), cause.to_owned())).into());
        assert_eq!(change(&text(1, 1), &text(2, 1)).recreates.len(), 3);
    }

    #[test]
    fn the_same_text_changes_nothing_and_a_new_one_recreates_nobody() {
        let one = "services:\n  api: {image: api:1}\n";
        assert_eq!(change(one, one), Change::default());
        let found = change("", "services:\n  db: {image: d}\n  api: {image: a, depends_on: [db]}\n");
        assert_eq!((found.adds.len(), found.recreates.len()), (2, 0));
    }

    #[test]
    fn what_stands_in_a_profile_is_not_there() {
        let found =
            change("services:\n  a: {image: a}\n", "services:\n  a: {image: a, profiles: [by-hand]}\n  b: {image: b, profiles: [x]}\n");
        assert_eq!((found.adds, found.removes), (BTreeSet::new(), names(&["a"])));
    }
}
