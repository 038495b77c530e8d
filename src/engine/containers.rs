//! What a service's containers say: promise 3 in code. A service is well only while all its containers run, and "the same container" is
//! told by id, restart count and start time (FACTS §7: a crash loop looks like `running` in many samples).

use super::streak::Count;
use super::{Container, ContainerState, Health, Moment, Observed, Reading, ServiceState};
use crate::model::duration;
use crate::schedule::ServiceName;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The app's containers right before a deploy: what tells a replaced container from a kept one, and old restarts from new ones.
/// `None`: they could not be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Before(pub Option<Vec<Container>>);

impl Before {
    /// Whether the app still has exactly the containers it had.
    pub(super) fn is_same(&self, now: &[Container]) -> bool {
        let ids = |containers: &[Container]| containers.iter().map(|one| one.id.short().to_owned()).collect::<BTreeSet<_>>();
        self.0.as_ref().is_some_and(|before| ids(before) == ids(now))
    }

    /// Whether a container is known not to have been there.
    pub(super) fn is_new(&self, container: &Container) -> bool {
        self.0.as_ref().is_some_and(|before| before.iter().all(|one| one.id.short() != container.id.short()))
    }

    /// Restarts that a container had already: its own count when it was there, none when it is new, `None` when nobody knows.
    fn restarts_of(&self, container: &Container) -> Option<u64> {
        let before = self.0.as_ref()?;
        Some(before.iter().find(|one| one.id.short() == container.id.short()).map_or(0, |one| one.restarts))
    }

    /// Whether all containers of a service were there already, started when they are started now.
    pub(super) fn kept(&self, service: &str, now: &[Container]) -> bool {
        let Some(before) = &self.0 else { return false };
        let mut of_service = now.iter().filter(|one| one.service == service).peekable();
        of_service.peek().is_some()
            && of_service.all(|one| before.iter().any(|old| old.id.short() == one.id.short() && old.started_at == one.started_at))
    }
}

/// What tells a container from its successor: id, restarts, start time.
pub(super) type Identity = BTreeSet<(String, u64, String)>;

/// What is remembered of a service's containers from round to round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    identity: Option<Identity>,
    /// Restarts each container had when counting began.
    from: BTreeMap<String, u64>,
    /// Rounds in a row in which a container had ended with code 0.
    ended: u32,
    /// Of a job: since when it has been seen at work.
    at_work: Option<Moment>,
}

impl Memory {
    /// How often a container that was looked at restarted since counting began.
    pub(super) fn restarts_since(&self, container: &Container) -> u64 {
        container.restarts.saturating_sub(self.from.get(container.id.short()).copied().unwrap_or(container.restarts))
    }

    /// Nobody looked for a while.
    pub(super) fn begin_anew(&mut self) {
        self.at_work = None;
    }
}

/// One look at a service's containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub count: Count,
    pub state: ServiceState,
    pub health: Option<Health>,
    /// What was seen, when it is not a pass.
    pub actual: Option<String>,
    /// Whether it is known that the service does not run: a pass of an expectation then comes from something else.
    pub is_down: bool,
    /// Whether the containers could be told at all.
    pub is_known: bool,
    /// What no waiting will mend.
    pub terminal: Option<String>,
    /// How the containers differ from those of the round before.
    pub changed: Option<String>,
    /// Image ids, of the first container.
    pub image: Option<String>,
}

/// A container that ended with 0 may be about to be replaced by compose; one seen in this many rounds is over.
const ENDED_ROUNDS: u32 = 2;

/// Looks at the containers of `service`.
pub(super) fn look(observed: &Observed, service: &ServiceName, memory: &mut Memory, before: &Before, restarts_max: u32) -> Look {
    let containers: Vec<&Container> = match observed {
        Observed::Known(all) => all.iter().filter(|one| one.service == *service).collect(),
        Observed::Unknown(why) => return unknown(why),
    };
    if containers.is_empty() {
        memory.identity = None;
        return missing();
    }

    let identity: Identity = containers.iter().map(|one| (one.id.short().to_owned(), one.restarts, one.started_at.clone())).collect();
    let changed = memory.identity.as_ref().filter(|old| **old != identity).map(|old| difference(old, &identity));
    memory.identity = Some(identity);

    let mut restarts = 0;
    for one in &containers {
        let from = memory.from.entry(one.id.short().to_owned()).or_insert_with(|| before.restarts_of(one).unwrap_or(one.restarts));
        restarts = restarts.max(one.restarts.saturating_sub(*from));
    }
    memory.ended = if containers.iter().any(|one| one.state == ContainerState::Exited(0)) { memory.ended + 1 } else { 0 };

    let worst = containers.iter().max_by_key(|one| rank(one)).expect("the list is not empty");
    let (count, actual) = judge(worst);
    let is_down = containers.iter().any(|one| one.state != ContainerState::Running);
    let terminal = containers.iter().find_map(|one| terminal(one, memory.ended)).or_else(|| {
        (restarts > u64::from(restarts_max)).then(|| format!("restarted {restarts} times since the deploy, {restarts_max} are forgiven"))
    });
    Look {
        count,
        state: state(worst, restarts),
        health: worst.health,
        actual: terminal.clone().or(actual),
        is_down,
        is_known: true,
        terminal,
        changed,
        image: containers.first().map(|one| one.image_id.clone()),
    }
}

/// Looks at the containers of a job: well once all have ended with 0. A job that runs is at work, and neither well nor ill until it took longer
/// than it may. That it is another container than before is as it should be.
pub(super) fn job_look(
    observed: &Observed,
    job: &ServiceName,
    memory: &mut Memory,
    before: &Before,
    restarts_max: u32,
    within: Option<Duration>,
    now: Moment,
) -> Look {
    let mut look = look(observed, job, memory, before, restarts_max);
    if !look.is_known || look.state == ServiceState::Missing {
        return look;
    }
    (look.changed, look.is_down) = (None, false);
    let of_job = |one: &&Container| one.service == *job;
    let containers: Vec<&Container> = match observed {
        Observed::Known(all) => all.iter().filter(of_job).collect(),
        Observed::Unknown(_) => Vec::new(),
    };
    let is_over = |one: &Container| one.state == ContainerState::Exited(0);
    // The worst of those that are not over; one that failed and is not started again is terminal already.
    let Some(worst) = containers.iter().filter(|one| !is_over(one)).max_by_key(|one| rank(one)) else {
        memory.at_work = None;
        let over = Count::Reading(Reading::Pass);
        return Look { count: over, state: ServiceState::Exited(0), health: None, actual: None, terminal: None, ..look };
    };
    let has_failed = matches!(worst.state, ContainerState::Exited(_) | ContainerState::Other(_));
    look.state = state(worst, memory.restarts_since(worst));
    if has_failed || look.terminal.as_ref().is_some_and(|_| worst.state != ContainerState::Running) {
        (look.count, look.actual) = (Count::Reading(Reading::Fail), look.actual.or_else(|| judge(worst).1));
        return look;
    }
    let since = *memory.at_work.get_or_insert(now);
    let at_work = match worst.state {
        ContainerState::Restarting => format!("it failed and is tried again, {} times so far", worst.restarts),
        _ => "it is still at work".to_owned(),
    };
    let terminal = within.filter(|within| now - since >= *within).map(|within| format!("{at_work}, longer than {}", duration(within)));
    let count = if worst.state == ContainerState::Restarting { Count::Reading(Reading::Fail) } else { Count::Pending };
    Look { count, actual: terminal.clone().or(Some(at_work)), terminal: terminal.or(look.terminal), ..look }
}

fn unknown(why: &str) -> Look {
    Look {
        count: Count::Reading(Reading::Error),
        state: ServiceState::Unknown,
        health: None,
        actual: Some(format!("its container could not be looked at: {why}")),
        is_down: false,
        is_known: false,
        terminal: None,
        changed: None,
        image: None,
    }
}

fn missing() -> Look {
    Look {
        count: Count::Reading(Reading::Fail),
        state: ServiceState::Missing,
        health: None,
        actual: Some("it has no container".to_owned()),
        is_down: true,
        is_known: true,
        terminal: None,
        changed: None,
        image: None,
    }
}

fn rank(container: &Container) -> u8 {
    match (&container.state, container.health) {
        (ContainerState::Running, None | Some(Health::Healthy)) => 0,
        (ContainerState::Running, Some(Health::Starting)) => 1,
        (ContainerState::Running, Some(Health::Unhealthy)) => 2,
        (ContainerState::Restarting, _) => 3,
        (ContainerState::Other(_), _) => 4,
        (ContainerState::Created, _) => 5,
        (ContainerState::Exited(_), _) => 6,
    }
}

fn judge(container: &Container) -> (Count, Option<String>) {
    let fail = |what: String| (Count::Reading(Reading::Fail), Some(what));
    match (&container.state, container.health) {
        (ContainerState::Running, None | Some(Health::Healthy)) => (Count::Reading(Reading::Pass), None),
        (ContainerState::Running, Some(Health::Starting)) => {
            (Count::Pending, Some("its container runs, its healthcheck has no verdict yet".to_owned()))
        }
        (ContainerState::Running, Some(Health::Unhealthy)) => fail("its container runs and its healthcheck fails".to_owned()),
        (ContainerState::Restarting, _) => fail(format!("its container restarts, {} times so far", container.restarts)),
        (ContainerState::Exited(code), _) => fail(exited(*code, container.oom_killed)),
        (ContainerState::Created, _) => fail("its container was made and never started".to_owned()),
        (ContainerState::Other(word), _) => fail(format!("its container is {word}")),
    }
}

fn exited(code: i64, oom_killed: bool) -> String {
    let memory = if oom_killed { ", killed for memory" } else { "" };
    format!("its container exited with {code}{memory}")
}

fn state(container: &Container, restarts: u64) -> ServiceState {
    match &container.state {
        ContainerState::Running => ServiceState::Running { restarts },
        ContainerState::Restarting => ServiceState::Restarting { restarts },
        ContainerState::Exited(code) => ServiceState::Exited(*code),
        ContainerState::Created => ServiceState::Created,
        ContainerState::Other(_) => ServiceState::Unknown,
    }
}

/// What no waiting will mend. Asked after the deploy ended, when compose starts nothing more.
fn terminal(container: &Container, ended: u32) -> Option<String> {
    match container.state {
        ContainerState::Exited(0) if !container.restarts_itself && ended >= ENDED_ROUNDS => {
            Some("its container exited with 0 and is not started again".to_owned())
        }
        ContainerState::Exited(code) if code != 0 && !container.restarts_itself => {
            Some(format!("{} and is not started again", exited(code, container.oom_killed)))
        }
        ContainerState::Created => Some("its container was made and not started, though the deploy has ended".to_owned()),
        _ => None,
    }
}

fn difference(old: &Identity, new: &Identity) -> String {
    let ids = |identity: &Identity| identity.iter().map(|(id, _, _)| id.clone()).collect::<BTreeSet<_>>();
    let restarts = |identity: &Identity| identity.iter().map(|(_, restarts, _)| restarts).sum::<u64>();
    if ids(old) != ids(new) {
        "its container was replaced".to_owned()
    } else if restarts(old) != restarts(new) {
        "its container restarted".to_owned()
    } else {
        "its container was started anew".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::ContainerId;
    use super::*;

    fn container(id: &str, state: ContainerState, restarts: u64) -> Container {
        Container {
            id: ContainerId(id.to_owned()),
            name: format!("app-web-{id}"),
            service: "web".to_owned(),
            state,
            restarts,
            started_at: "t0".to_owned(),
            health: None,
            oom_killed: false,
            restarts_itself: true,
            image: "app:v1".to_owned(),
            image_id: "sha256:1".to_owned(),
        }
    }

    fn look_at(containers: Vec<Container>, memory: &mut Memory, before: &Before) -> Look {
        look(&Observed::Known(containers), &"web".to_owned(), memory, before, 3)
    }

    #[test]
    fn all_replicas_must_run() {
        let (up, down) = (container("a", ContainerState::Running, 0), container("b", ContainerState::Restarting, 1));
        let look = look_at(vec![up, down], &mut Memory::default(), &Before::default());
        assert_eq!(look.count, Count::Reading(Reading::Fail));
        assert!(look.is_down);
    }

    #[test]
    fn restarts_of_a_kept_container_are_counted_from_what_it_had() {
        let before = Before(Some(vec![container("a", ContainerState::Running, 40)]));
        let kept = look_at(vec![container("a", ContainerState::Running, 43)], &mut Memory::default(), &before);
        assert_eq!((kept.state, kept.terminal), (ServiceState::Running { restarts: 3 }, None));
        let replaced = look_at(vec![container("b", ContainerState::Running, 4)], &mut Memory::default(), &before);
        assert!(replaced.terminal.is_some(), "four restarts of a new container are one too many");
    }

    #[test]
    fn restarts_are_counted_from_first_sight_when_nobody_knows_what_was_before() {
        let mut memory = Memory::default();
        assert!(look_at(vec![container("a", ContainerState::Running, 40)], &mut memory, &Before(None)).terminal.is_none());
        assert!(look_at(vec![container("a", ContainerState::Running, 44)], &mut memory, &Before(None)).terminal.is_some());
    }

    #[test]
    fn a_restart_between_two_rounds_is_another_container_although_both_samples_run() {
        let mut memory = Memory::default();
        look_at(vec![container("a", ContainerState::Running, 0)], &mut memory, &Before::default());
        let look = look_at(vec![container("a", ContainerState::Running, 1)], &mut memory, &Before::default());
        assert_eq!(look.changed.as_deref(), Some("its container restarted"));
    }

    #[test]
    fn an_exit_with_zero_is_over_in_the_second_round_and_one_with_another_code_at_once() {
        let exited = |code| Container { restarts_itself: false, ..container("a", ContainerState::Exited(code), 0) };
        let mut memory = Memory::default();
        assert_eq!(look_at(vec![exited(0)], &mut memory, &Before::default()).terminal, None);
        assert!(look_at(vec![exited(0)], &mut memory, &Before::default()).terminal.is_some());
        assert!(look_at(vec![exited(3)], &mut Memory::default(), &Before::default()).terminal.is_some());
    }

    #[test]
    fn a_container_that_docker_starts_again_is_not_over() {
        assert_eq!(look_at(vec![container("a", ContainerState::Exited(1), 1)], &mut Memory::default(), &Before::default()).terminal, None);
    }

    #[test]
    fn unknown_is_an_error_and_no_container_is_a_failure() {
        let unknown = look(&Observed::Unknown("docker gave nothing".into()), &"web".into(), &mut Memory::default(), &Before::default(), 3);
        assert_eq!((unknown.count, unknown.is_known), (Count::Reading(Reading::Error), false));
        assert_eq!(look_at(vec![], &mut Memory::default(), &Before::default()).count, Count::Reading(Reading::Fail));
    }
}
