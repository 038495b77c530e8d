//! What a deploy did to containers that it was not about: compose recreates what depends on a changed service (FACTS §13.3), and leaves a
//! container alone whose tag moved in the registry, since it pulls no tag that is there (FACTS §6).

use super::Container;
use super::containers::Before;
use super::judgement::listed;
use crate::compose::{causes, definitions};
use crate::schedule::{Phase, ServiceName};
use std::collections::{BTreeMap, BTreeSet};

/// Services whose containers a deploy replaced although their definitions are as before, with what they depend on that did change.
pub(super) fn recreated_with(
    before_text: &str,
    after_text: &str,
    before: &Before,
    now: &[Container],
) -> BTreeMap<ServiceName, ServiceName> {
    let (Some(old), Some(new)) = (definitions(before_text), definitions(after_text)) else { return BTreeMap::new() };
    let Some(known) = &before.0 else { return BTreeMap::new() };
    let was_there: BTreeSet<&str> = known.iter().map(|one| one.service.as_str()).collect();
    let replaced = |name: &str| was_there.contains(name) && now.iter().any(|one| one.service == name) && !before.kept(name, now);
    let differs = |name: &str| old.get(name).map(|one| &one.value) != new.get(name).map(|one| &one.value);
    let causes = causes(&new, differs);
    let unchanged = new.keys().filter(|name| replaced(name) && !differs(name));
    unchanged.filter_map(|name| Some((name.clone(), (*causes.get(name.as_str())?).to_owned()))).collect()
}

/// What is said of each.
pub(super) fn recreated_in_words(recreated: &BTreeMap<ServiceName, ServiceName>) -> Vec<String> {
    let words = |(service, cause): (&ServiceName, &ServiceName)| {
        format!(
            "`{service}` is unchanged and was recreated because `{cause}`, which it depends on, changed: compose does that; it settles anew"
        )
    };
    recreated.iter().map(words).collect()
}

/// What is said of a deploy that repeated the live text and left containers alone whose tag may have moved; `None` when there are none.
pub(super) fn tag_may_have_moved(phase: &Phase, before: &Before, now: &[Container]) -> Option<String> {
    let movable = |image: &&String| !image.contains('@');
    let kept: Vec<String> = phase
        .images
        .iter()
        .filter(|(service, image)| movable(image) && before.kept(service, now))
        .map(|(service, image)| format!("`{service}` ({image})"))
        .collect();
    if kept.is_empty() {
        return None;
    }
    let verb = if kept.len() == 1 { "runs the container" } else { "run the containers" };
    Some(format!(
        "{} {verb} from before the deploy: Dokploy does not pull a tag that is on the host, so one that moved in the registry was not deployed; \
         give it a new tag or a digest, or `pull_policy: always`",
        listed(kept)
    ))
}

#[cfg(test)]
mod tests {
    use super::{Before, recreated_with};
    use crate::engine::{Container, ContainerId, ContainerState};
    use std::collections::BTreeMap;

    fn container(service: &str, id: &str) -> Container {
        Container {
            id: ContainerId(format!("{id:0>12}")),
            name: service.to_owned(),
            service: service.to_owned(),
            state: ContainerState::Running,
            restarts: 0,
            started_at: id.to_owned(),
            health: None,
            oom_killed: false,
            restarts_itself: true,
            image: String::new(),
            image_id: String::new(),
        }
    }

    #[test]
    fn dependents_are_named_with_what_changed_and_nothing_else_is() {
        let text = |version: &str| {
            format!(
                "services:\n  db: {{image: 'db:{version}'}}\n  api: {{image: api, depends_on: [db]}}\n  web: {{image: web, depends_on: [api]}}\n  cron: \
                 {{image: cron}}\n"
            )
        };
        let all =
            |ids: [&str; 4]| ["db", "api", "web", "cron"].into_iter().zip(ids).map(|(name, id)| container(name, id)).collect::<Vec<_>>();
        let before = Before(Some(all(["1", "2", "3", "4"])));
        let found = recreated_with(&text("1"), &text("2"), &before, &all(["5", "6", "7", "4"]));
        let expected = [("api", "db"), ("web", "db")].map(|(service, cause)| (service.to_owned(), cause.to_owned()));
        assert_eq!(found, BTreeMap::from(expected));
        // Replaced for no reason that is known: not excused.
        assert!(recreated_with(&text("1"), &text("1"), &before, &all(["1", "2", "3", "9"])).is_empty());
    }
}
