//! Images that are other ones although nothing in the text says so: a tag that moved, or somebody who built or pulled by hand.

use super::ledger::known_containers;
use super::{ContainerState, Survey};
use crate::schedule::{ServiceName, body_of, digest};
use std::collections::BTreeMap;

/// Hexadecimal digits of an image id that people are shown, as Docker does.
const SHORT: usize = 12;

/// A phase as an earlier run verified it, and the images that its services ran then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifiedBefore {
    /// Dokploy's id of the compose service.
    pub compose_id: String,
    /// The run.
    pub run: String,
    /// The phase's name.
    pub phase: String,
    /// [`digest`] of its text without the marker line.
    pub body: String,
    /// Image ids by service.
    pub images: BTreeMap<ServiceName, String>,
}

/// What is to be told of images that are not those of the time when the live text was verified last; `before` begins with the newest.
pub(super) fn moved(survey: &Survey, before: &[VerifiedBefore]) -> Option<String> {
    let live = digest(body_of(&survey.text));
    let then = before.iter().find(|then| then.compose_id == survey.compose_id && then.body == live)?;
    let running = known_containers(survey)?.iter().filter(|one| one.state == ContainerState::Running && !one.image_id.is_empty());
    let now: BTreeMap<&ServiceName, &str> = running.map(|one| (&one.service, one.image_id.as_str())).collect();
    let moved: Vec<String> = now
        .into_iter()
        .filter_map(|(service, now)| {
            let then = then.images.get(service).filter(|then| !then.is_empty() && *then != now)?;
            Some(format!("{service} runs image {} and ran {}", short(now), short(then)))
        })
        .collect();
    let list = super::judgement::listed(moved.iter().map(String::as_str));
    let (run, phase) = (&then.run, &then.phase);
    (!moved.is_empty())
        .then(|| format!("{list} when run {run} verified phase {phase}, by the same text: a tag moved, or somebody built or pulled"))
}

fn short(id: &str) -> &str {
    let hex = id.strip_prefix("sha256:").unwrap_or(id);
    hex.get(..SHORT).unwrap_or(hex)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Container, ContainerId, Observed};

    const TEXT: &str = "services:\n  web:\n    image: web:1\n";

    fn container(service: &str, image: &str, state: ContainerState) -> Container {
        Container {
            id: ContainerId("0123456789ab".to_owned()),
            name: service.to_owned(),
            service: service.to_owned(),
            state,
            restarts: 0,
            started_at: String::new(),
            health: None,
            oom_killed: false,
            restarts_itself: true,
            image: "web:1".to_owned(),
            image_id: image.to_owned(),
        }
    }

    fn survey(text: &str, containers: Vec<Container>) -> Survey {
        Survey {
            version: "v0.30.2".to_owned(),
            compose_id: "c1".to_owned(),
            app_name: "app-1".to_owned(),
            text: text.to_owned(),
            containers: Observed::Known(containers),
            ..Survey::default()
        }
    }

    fn before() -> Vec<VerifiedBefore> {
        let of = |compose: &str, run: &str, web: &str| VerifiedBefore {
            compose_id: compose.to_owned(),
            run: run.to_owned(),
            phase: "core".to_owned(),
            body: digest(TEXT),
            images: BTreeMap::from([("web".to_owned(), web.to_owned()), ("job".to_owned(), "sha256:00".to_owned())]),
        };
        vec![of("other", "r3", "sha256:ff"), of("c1", "r2", "sha256:aaaaaaaaaaaaaaaaaaaa"), of("c1", "r1", "sha256:bb")]
    }

    #[test]
    fn an_image_that_moved_under_the_same_text_is_told() {
        let marked = format!("# plan run=r2 phase=core files=f text={} verified=yes\n{TEXT}", digest(TEXT));
        let containers = vec![
            container("web", "sha256:cccccccccccccccccccc", ContainerState::Running),
            container("job", "sha256:11", ContainerState::Exited(0)),
            container("new", "sha256:dd", ContainerState::Running),
        ];
        let told = moved(&survey(&marked, containers), &before()).unwrap();
        assert!(told.starts_with("web runs image cccccccccccc and ran aaaaaaaaaaaa when run r2 verified phase core"), "{told}");
        assert!(!told.contains("job") && !told.contains("new"), "{told}");
    }

    #[test]
    fn the_same_image_another_text_and_another_app_are_nothing_to_tell() {
        let containers = |image: &str| vec![container("web", image, ContainerState::Running)];
        assert_eq!(moved(&survey(TEXT, containers("sha256:aaaaaaaaaaaaaaaaaaaa")), &before()), None);
        assert_eq!(moved(&survey("services: {}\n", containers("sha256:cc")), &before()), None);
        assert_eq!(moved(&survey(TEXT, containers("sha256:cc")), &before()[..1]), None);
        assert_eq!(moved(&survey(TEXT, containers("")), &before()), None, "an id that is not known");
        let unknown = Survey { containers: Observed::Unknown("no answer".to_owned()), ..survey(TEXT, Vec::new()) };
        assert_eq!(moved(&unknown, &before()), None);
    }
}
