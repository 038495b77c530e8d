//! `expect container`: the containers of a service, or another one by its name.

use super::Told;
use crate::engine::{Container, ContainerState, Health, Observed, Reading, Sample};
use crate::model::{Comparison, Condition, ContainerAssertion};
use serde_json::Value;

/// What is remembered of a container that is named, from round to round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Named {
    /// Its id, restarts and start of the round before.
    last: Option<(String, u64, String)>,
    /// Its restarts when it was first seen.
    from: Option<(String, u64)>,
    /// Whether it is another one than in the round before, or was started again since.
    pub is_changed: bool,
}

impl Named {
    /// One sample of it.
    pub(super) fn sample(&mut self, told: &Told, observed: &Observed, name: &str, assertions: &[ContainerAssertion]) -> Sample {
        let expected = || listed(assertions);
        let container = match observed {
            Observed::Unknown(why) => {
                self.is_changed = false;
                return told.sample(Reading::Error, expected(), format!("the container could not be looked at: {why}"));
            }
            Observed::Known(containers) => containers.iter().find(|one| one.name == name),
        };
        let Some(container) = container else {
            (self.last, self.is_changed) = (None, false);
            return told.sample(Reading::Fail, expected(), format!("there is no container `{name}` on the server"));
        };
        let now = (container.id.short().to_owned(), container.restarts, container.started_at.clone());
        self.is_changed = self.last.as_ref().is_some_and(|last| *last != now);
        self.last = Some(now);
        let from = match &self.from {
            Some((id, from)) if *id == container.id.short() => *from,
            _ => container.restarts,
        };
        self.from = Some((container.id.short().to_owned(), from));
        judge(told, &[(container, container.restarts.saturating_sub(from))], assertions)
    }
}

/// A sample of the containers of a service, each with its restarts since counting began. Whether they are known was looked at before.
pub(in crate::engine) fn of_service(told: &Told, containers: &[(&Container, u64)], assertions: &[ContainerAssertion]) -> Sample {
    if containers.is_empty() {
        return told.sample(Reading::Fail, listed(assertions), "it has no container".to_owned());
    }
    judge(told, containers, assertions)
}

fn judge(told: &Told, containers: &[(&Container, u64)], assertions: &[ContainerAssertion]) -> Sample {
    let mut seen = Vec::new();
    for assertion in assertions {
        for (container, restarts) in containers {
            // Neither well nor ill: it cannot be said yet.
            if matches!(assertion, ContainerAssertion::Healthy) && container.health == Some(Health::Starting) {
                return told.sample(Reading::Error, assertion.to_string(), "its healthcheck has no verdict yet".to_owned());
            }
            match holds(assertion, container, *restarts) {
                Ok(actual) => seen.push(actual),
                Err(actual) => return told.sample(Reading::Fail, assertion.to_string(), actual),
            }
        }
    }
    seen.dedup();
    told.sample(Reading::Pass, listed(assertions), seen.join(", "))
}

/// What it is, well or not.
fn holds(assertion: &ContainerAssertion, container: &Container, restarts: u64) -> Result<String, String> {
    let verdict = |holds: bool, actual: String| if holds { Ok(actual) } else { Err(actual) };
    match assertion {
        ContainerAssertion::Running => verdict(container.state == ContainerState::Running, state(container)),
        ContainerAssertion::Healthy => match (&container.state, container.health) {
            (ContainerState::Running, Some(Health::Healthy)) => Ok("healthy".to_owned()),
            (ContainerState::Running, Some(Health::Unhealthy)) => Err("its healthcheck fails".to_owned()),
            (ContainerState::Running, None) => Err("it has no healthcheck".to_owned()),
            _ => Err(state(container)),
        },
        ContainerAssertion::Restarts(comparison, wanted) => {
            let actual = match restarts {
                1 => "it restarted once".to_owned(),
                times => format!("it restarted {times} times"),
            };
            verdict(comparison.takes(Some(restarts.cmp(wanted))), actual)
        }
        ContainerAssertion::Image(condition) => {
            verdict(image_holds(condition, &container.image), format!("its image is {}", container.image))
        }
        ContainerAssertion::Exit(comparison, wanted) => match container.state {
            ContainerState::Exited(code) => verdict(comparison_takes(*comparison, code, *wanted), format!("it exited with {code}")),
            _ => Err(format!("it has not ended: {}", state(container))),
        },
    }
}

fn comparison_takes(comparison: Comparison, found: i64, wanted: i64) -> bool {
    comparison.takes(Some(found.cmp(&wanted)))
}

fn image_holds(condition: &Condition, image: &str) -> bool {
    condition.holds(Some(&Value::String(image.to_owned()))) == crate::model::Holds::Yes
}

fn state(container: &Container) -> String {
    match &container.state {
        ContainerState::Running => "running".to_owned(),
        ContainerState::Restarting => format!("it restarts, {} times so far", container.restarts),
        ContainerState::Exited(code) => format!("it exited with {code}{}", if container.oom_killed { ", killed for memory" } else { "" }),
        ContainerState::Created => "it was made and never started".to_owned(),
        ContainerState::Other(word) => format!("it is {word}"),
    }
}

fn listed(assertions: &[ContainerAssertion]) -> String {
    assertions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ContainerId, Moment};
    use std::collections::BTreeMap;

    fn told() -> Told {
        Told { now: Moment::START, started: Moment::START, answers: BTreeMap::new() }
    }

    fn container(state: ContainerState, restarts: u64, health: Option<Health>) -> Container {
        Container {
            id: ContainerId("0123456789ab".to_owned()),
            name: "temporal".to_owned(),
            service: String::new(),
            state,
            restarts,
            started_at: "t0".to_owned(),
            health,
            oom_killed: false,
            restarts_itself: true,
            image: "temporal:1.24".to_owned(),
            image_id: "sha256:1".to_owned(),
        }
    }

    fn reading(container: &Container, restarts: u64, assertion: ContainerAssertion) -> Reading {
        of_service(&told(), &[(container, restarts)], &[assertion]).reading
    }

    #[test]
    fn each_assertion_passes_for_what_it_says_and_for_nothing_else() {
        use ContainerAssertion::{Exit, Healthy, Image, Restarts, Running};
        let up = container(ContainerState::Running, 0, Some(Health::Healthy));
        let image = |text: &str| Image(Condition::Contains(text.to_owned()));
        for (assertion, restarts, passes) in [
            (Running, 0, true),
            (Healthy, 0, true),
            (Restarts(Comparison::Equal, 0), 0, true),
            (Restarts(Comparison::Equal, 0), 1, false),
            (Restarts(Comparison::Less, 3), 2, true),
            (image(":1.24"), 0, true),
            (image(":1.25"), 0, false),
            (Exit(Comparison::Equal, 0), 0, false),
        ] {
            assert_eq!(reading(&up, restarts, assertion.clone()) == Reading::Pass, passes, "{assertion}");
        }
        let ended = container(ContainerState::Exited(0), 0, None);
        assert_eq!(reading(&ended, 0, Exit(Comparison::Equal, 0)), Reading::Pass);
        assert_eq!(reading(&container(ContainerState::Running, 0, Some(Health::Starting)), 0, Healthy), Reading::Error);
        for health in [None, Some(Health::Unhealthy)] {
            assert_eq!(reading(&container(ContainerState::Running, 0, health), 0, Healthy), Reading::Fail, "{health:?}");
        }
        for state in
            [ContainerState::Restarting, ContainerState::Exited(0), ContainerState::Created, ContainerState::Other("paused".into())]
        {
            assert_eq!(reading(&container(state, 0, None), 0, Running), Reading::Fail);
        }
    }

    #[test]
    fn a_list_that_is_not_known_is_an_error_and_a_missing_container_a_failure() {
        let (mut memory, assertions) = (Named::default(), [ContainerAssertion::Running]);
        let mut sample = |observed: Observed| memory.sample(&told(), &observed, "temporal", &assertions).reading;
        assert_eq!(sample(Observed::Unknown("Docker is silent".to_owned())), Reading::Error);
        assert_eq!(sample(Observed::Known(Vec::new())), Reading::Fail);
        assert_eq!(sample(Observed::Known(vec![container(ContainerState::Running, 0, None)])), Reading::Pass);
    }

    #[test]
    fn restarts_of_a_named_container_count_from_its_first_sight() {
        let (mut memory, assertions) = (Named::default(), [ContainerAssertion::Restarts(Comparison::Equal, 0)]);
        let mut sample = |restarts| {
            let observed = Observed::Known(vec![container(ContainerState::Running, restarts, None)]);
            let reading = memory.sample(&told(), &observed, "temporal", &assertions).reading;
            (reading, memory.is_changed)
        };
        assert_eq!(sample(40), (Reading::Pass, false));
        assert_eq!(sample(41), (Reading::Fail, true));
        assert_eq!(sample(41), (Reading::Fail, false));
    }
}
