//! What Dokploy, the containers and the probes say of each phase and service, at one look, and where these differ. One look is no verdict:
//! nothing is called healthy here.

use crate::engine::{Container, ContainerState, Finding, Health, Observed, Position, Reading, Row, RowStatus, Survey};
use crate::model::Severity;
use crate::report::words::count;
use crate::schedule::{Schedule, Subject, body_of, services_in};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Everything that was looked at.
#[derive(Debug)]
pub struct Now {
    /// Phases in their order.
    pub phases: Vec<PhaseNow>,
    /// What lies outside the app, by name.
    pub externals: Vec<(String, Probed)>,
    /// Services that run or are in the live text, and in no phase of the plan.
    pub others: Vec<ServiceNow>,
    /// Why the services were not asked themselves; `None`: they were.
    pub not_probed: Option<String>,
    /// What Dokploy's page says of the app, in its own word.
    pub badge: Option<String>,
    /// How the newest deploy ended; `None` where there is none, or it runs.
    pub newest: Option<RowStatus>,
}

/// A phase.
#[derive(Debug)]
pub struct PhaseNow {
    /// Its name.
    pub name: String,
    /// The newest deploy of it that Dokploy still lists, if there is one.
    pub row: Option<Row>,
    /// Whether its text is the live one.
    pub is_live: bool,
    /// The services that it adds, by name.
    pub services: Vec<ServiceNow>,
}

/// A service.
#[derive(Debug)]
pub struct ServiceNow {
    /// Its name.
    pub name: String,
    /// Whether the live text has it.
    pub is_in_text: bool,
    /// Whether it is to do its work and end.
    pub is_job: bool,
    /// Its containers; `None` where Docker could not be asked.
    pub container: Option<Seen>,
    /// What it answered.
    pub probed: Probed,
}

/// The containers of a service, by the worst of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// There is none.
    Missing,
    /// This is the worst.
    There {
        /// Its state.
        state: ContainerState,
        /// Docker's count of its restarts since it was made.
        restarts: u64,
        /// Docker's healthcheck.
        health: Option<Health>,
        /// Whether the kernel killed it for memory.
        is_killed_for_memory: bool,
        /// How many there are.
        of: usize,
    },
}

/// What came of asking once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probed {
    /// It was not asked.
    Not,
    /// The plan asks nothing of it but its container.
    Nothing,
    /// It answered so; what was seen, where that is no pass.
    Answered(Reading, Option<String>),
}

impl Now {
    /// What a look gave. `findings`: of one round of asking, or why nothing was asked.
    pub fn of(schedule: &Schedule, survey: &Survey, position: &Position, findings: Result<&[Finding], String>) -> Self {
        let text = services_in(body_of(&survey.text));
        let mut seen: Option<BTreeMap<&str, Vec<&Container>>> = None;
        if let Observed::Known(containers) = &survey.containers {
            let by_service = seen.insert(BTreeMap::new());
            for one in containers {
                by_service.entry(&one.service).or_default().push(one);
            }
        }
        let found: BTreeMap<&Subject, &Finding> =
            findings.as_ref().map(|found| found.iter().map(|finding| (&finding.subject, finding)).collect()).unwrap_or_default();
        let service = |name: &str| ServiceNow {
            name: name.to_owned(),
            is_in_text: text.contains(name),
            is_job: schedule.services.get(name).is_some_and(|service| service.job.is_some()),
            container: seen.as_ref().map(|seen| worst(seen.get(name).map(Vec::as_slice).unwrap_or_default())),
            probed: found.get(&Subject::Service(name.to_owned())).map_or(Probed::Not, |finding| probed(finding)),
        };
        let live = match position {
            Position::Phase(phase, _) => Some(phase.0),
            _ => None,
        };
        let phases = schedule.phases.iter().enumerate().map(|(at, phase)| PhaseNow {
            name: phase.name.clone(),
            row: row_of(&survey.page.rows, &phase.name).cloned(),
            is_live: live == Some(at),
            services: phase.adds.iter().map(|name| service(name)).collect(),
        });
        let externals = schedule.externals.keys().map(|name| {
            let probed = found.get(&Subject::External(name.clone())).map_or(Probed::Not, |finding| probed(finding));
            (name.clone(), probed)
        });
        let running = seen.iter().flat_map(BTreeMap::keys).copied();
        let mut others: Vec<&str> = running.chain(text.iter().map(String::as_str)).collect();
        others.retain(|name| !schedule.services.contains_key(*name));
        others.sort_unstable();
        others.dedup();
        Self {
            phases: phases.collect(),
            externals: externals.collect(),
            others: others.into_iter().map(service).collect(),
            not_probed: findings.err(),
            badge: survey.page.badge.clone(),
            newest: survey.page.rows.first().and_then(|row| row.status),
        }
    }

    /// Every service that was looked at.
    pub fn services(&self) -> impl Iterator<Item = &ServiceNow> {
        self.phases.iter().flat_map(|phase| &phase.services).chain(&self.others)
    }

    /// `asked now: 3/4 pass, brain-api does not`; nothing where no service was asked.
    pub fn in_a_word(&self) -> Option<String> {
        let asked: Vec<&ServiceNow> = self.services().filter(|service| !matches!(service.probed, Probed::Not)).collect();
        let bad: Vec<&str> = asked.iter().filter(|service| !service.is_as_it_should_be()).map(|service| service.name.as_str()).collect();
        let but = match bad.len() {
            0 => String::new(),
            1 => format!(", {} does not", bad[0]),
            _ => format!(", {} do not", crate::report::words::short_list(&bad, 4)),
        };
        (!asked.is_empty()).then(|| format!("asked now: {}/{} pass{but}", asked.len() - bad.len(), asked.len()))
    }

    /// A sentence for each service, and for the app, of which the three say different things.
    pub fn differences(&self) -> Vec<String> {
        let mut told: Vec<String> = self.services().filter_map(|service| service.difference(self.newest)).collect();
        let delivered: Vec<&ServiceNow> = self.services().filter(|service| service.is_in_text).collect();
        let all_pass = !delivered.is_empty() && delivered.iter().all(|service| service.is_as_it_should_be());
        if let Some(bad @ (RowStatus::Error | RowStatus::Cancelled)) = self.newest
            && all_pass
            && self.not_probed.is_none()
        {
            let services = if delivered.len() == 1 {
                "its service passes".to_owned()
            } else {
                format!("all {} pass", count(delivered.len(), "service"))
            };
            told.push(format!("Dokploy says that the last deploy ended as {}; {services} all the same", row_word(bad)));
        }
        if let (Some(badge), Some(newest)) = (&self.badge, self.newest)
            && badge != row_word(newest)
        {
            told.push(format!("Dokploy's page shows the app as {badge}; its newest deploy ended as {}", row_word(newest)));
        }
        told
    }
}

impl ServiceNow {
    /// Whether it has a container, in whatever state.
    pub fn is_there(&self) -> bool {
        self.container.as_ref().is_some_and(|seen| *seen != Seen::Missing)
    }

    /// Whether container and answer, as far as they are known, are as they should be.
    pub fn is_as_it_should_be(&self) -> bool {
        let answers = match &self.probed {
            Probed::Answered(reading, _) => *reading == Reading::Pass,
            Probed::Not | Probed::Nothing => true,
        };
        self.is_container_right() && answers
    }

    /// Whether its containers, as far as they are known, run; or have ended well, where that is their work.
    pub fn is_container_right(&self) -> bool {
        self.container.as_ref().is_none_or(|seen| seen.is_up() || self.is_job && seen.has_ended_well())
    }

    /// Where Dokploy, the containers and the answers differ.
    pub fn difference(&self, newest: Option<RowStatus>) -> Option<String> {
        let name = &self.name;
        let seen = self.container.as_ref();
        let is_there = seen.is_some_and(|seen| *seen != Seen::Missing);
        if !self.is_in_text {
            return (is_there && seen.is_some_and(Seen::is_up))
                .then(|| format!("{name}: its container runs, and the live text does not have it"));
        }
        if self.is_as_it_should_be() {
            let is_unwell = matches!(seen, Some(Seen::There { health: Some(Health::Unhealthy), .. }));
            return is_unwell.then(|| match &self.probed {
                Probed::Answered(..) => format!("{name}: Docker's healthcheck says unhealthy, and its probe passes"),
                Probed::Not | Probed::Nothing => format!("{name}: its container runs, and Docker's healthcheck says unhealthy"),
            });
        }
        let dokploy = match newest {
            Some(RowStatus::Done) => "Dokploy says done",
            Some(RowStatus::Error) => "Dokploy says error and has it in the live text",
            Some(RowStatus::Cancelled) => "Dokploy says cancelled and has it in the live text",
            None => "the live text has it",
        };
        let container =
            seen.map(|seen| if seen.is_up() { "its container runs".to_owned() } else { format!("its container {}", seen.sentence()) });
        let is_up = seen.is_none_or(Seen::is_up);
        let probe = match &self.probed {
            Probed::Answered(Reading::Pass, _) => Some("its probe passes".to_owned()),
            // What a container that does not run answers is said already.
            Probed::Answered(Reading::Fail, why) => Some(because("its probe fails", why.as_deref())),
            Probed::Answered(Reading::Error, why) if is_up => Some(because("it could not be asked", why.as_deref())),
            Probed::Answered(Reading::Error, _) | Probed::Not | Probed::Nothing => None,
        };
        let parts: Vec<String> = [Some(dokploy.to_owned()), container, probe].into_iter().flatten().collect();
        Some(format!("{name}: {}", parts.join("; ")))
    }
}

fn because(what: &str, why: Option<&str>) -> String {
    why.map_or_else(|| what.to_owned(), |why| format!("{what}: {why}"))
}

impl Seen {
    fn is_up(&self) -> bool {
        matches!(self, Seen::There { state: ContainerState::Running, .. })
    }

    fn has_ended_well(&self) -> bool {
        matches!(self, Seen::There { state: ContainerState::Exited(0), .. })
    }

    /// For a column: `running`, `restarting, 4 restarts`, `not there`.
    pub fn in_words(&self) -> String {
        let Seen::There { state, restarts, health, of, .. } = self else { return "not there".to_owned() };
        let mut words = match state {
            ContainerState::Running => "running".to_owned(),
            ContainerState::Restarting => "restarting".to_owned(),
            ContainerState::Exited(code) => format!("ended with {code}"),
            ContainerState::Created => "never started".to_owned(),
            ContainerState::Other(word) => word.clone(),
        };
        if *restarts > 0 {
            let _ = write!(words, ", {}", count(*restarts, "restart"));
        }
        match health {
            Some(Health::Unhealthy) => words.push_str(", unhealthy"),
            Some(Health::Starting) => words.push_str(", starting"),
            Some(Health::Healthy) | None => {}
        }
        if *of > 1 {
            let _ = write!(words, ", 1 of {of}");
        }
        words
    }

    /// The same after `its container`, of one that does not run.
    fn sentence(&self) -> String {
        let Seen::There { state, restarts, is_killed_for_memory, .. } = self else { return "is not there".to_owned() };
        let restarts = if *restarts > 0 { format!(", after {}", count(*restarts, "restart")) } else { String::new() };
        let memory = if *is_killed_for_memory { ", killed for memory" } else { "" };
        match state {
            ContainerState::Running => "runs".to_owned(),
            ContainerState::Restarting => format!("starts again and again{memory}{restarts}"),
            ContainerState::Exited(code) => format!("has ended with code {code}{memory}{restarts}"),
            ContainerState::Created => "was made and never started".to_owned(),
            ContainerState::Other(word) => format!("is {word}"),
        }
    }
}

/// The newest row that names a phase, as one that put it there or went back to it.
fn row_of<'a>(rows: &'a [Row], phase: &str) -> Option<&'a Row> {
    let names = |title: &str| {
        let Some(marker) = title.strip_prefix("plan run=") else { return false };
        marker.split(' ').any(|field| field.strip_prefix("phase=").or_else(|| field.strip_prefix("rollback-to=")) == Some(phase))
    };
    rows.iter().find(|row| names(&row.title))
}

/// The one of a service's containers that looks worst.
fn worst(containers: &[&Container]) -> Seen {
    let rank = |one: &&&Container| match one.state {
        ContainerState::Running => 0,
        ContainerState::Exited(0) => 1,
        _ => 2,
    };
    let Some(worst) = containers.iter().max_by_key(rank) else { return Seen::Missing };
    Seen::There {
        state: worst.state.clone(),
        restarts: worst.restarts,
        health: worst.health,
        is_killed_for_memory: worst.oom_killed,
        of: containers.len(),
    }
}

/// What its own expectations came to, the worst of those that decide; its container stands in a column of its own.
fn probed(finding: &Finding) -> Probed {
    let mut deciding = finding.asked.iter().filter(|asked| asked.severity == Severity::Decides).peekable();
    if deciding.peek().is_none() {
        return Probed::Nothing;
    }
    let Some(worst) = deciding.filter_map(|asked| asked.last.as_ref()).max_by_key(|sample| sample.reading) else {
        return Probed::Answered(Reading::Error, finding.actual.clone());
    };
    Probed::Answered(worst.reading, (worst.reading != Reading::Pass).then(|| worst.actual.clone()))
}

/// A row's end in Dokploy's own word.
pub fn row_word(status: RowStatus) -> &'static str {
    match status {
        RowStatus::Done => "done",
        RowStatus::Error => "error",
        RowStatus::Cancelled => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Seen {
        Seen::There { state: ContainerState::Running, restarts: 0, health: None, is_killed_for_memory: false, of: 1 }
    }

    fn with(state: ContainerState, restarts: u64, is_killed_for_memory: bool) -> Seen {
        Seen::There { state, restarts, health: None, is_killed_for_memory, of: 1 }
    }

    fn service(container: Option<Seen>, probed: Probed) -> ServiceNow {
        ServiceNow { name: "web".to_owned(), is_in_text: true, is_job: false, container, probed }
    }

    fn pass() -> Probed {
        Probed::Answered(Reading::Pass, None)
    }

    fn fail(why: &str) -> Probed {
        Probed::Answered(Reading::Fail, Some(why.to_owned()))
    }

    fn now(services: Vec<ServiceNow>, newest: Option<RowStatus>, badge: Option<&str>) -> Now {
        let phase = PhaseNow { name: "one".to_owned(), row: None, is_live: true, services };
        let badge = badge.map(str::to_owned);
        Now { phases: vec![phase], externals: Vec::new(), others: Vec::new(), not_probed: None, badge, newest }
    }

    #[test]
    fn a_sentence_says_what_does_not_go_together_and_none_what_does() {
        let told = |seen, probed| service(seen, probed).difference(Some(RowStatus::Done));
        assert_eq!(told(Some(running()), pass()), None);
        assert_eq!(told(None, pass()), None, "what nobody knows contradicts nothing");
        assert_eq!(told(Some(running()), Probed::Not), None);
        let sentences = [
            (running(), fail("HTTP 500"), "web: Dokploy says done; its container runs; its probe fails: HTTP 500"),
            (
                with(ContainerState::Restarting, 1, true),
                fail("connection refused"),
                "web: Dokploy says done; its container starts again and again, killed for memory, after 1 restart; its probe fails: connection \
                 refused",
            ),
            (Seen::Missing, pass(), "web: Dokploy says done; its container is not there; its probe passes"),
            (with(ContainerState::Exited(3), 0, false), Probed::Nothing, "web: Dokploy says done; its container has ended with code 3"),
            (
                running(),
                Probed::Answered(Reading::Error, Some("no route".to_owned())),
                "web: Dokploy says done; its container runs; it could not be asked: no route",
            ),
        ];
        for (seen, probed, sentence) in sentences {
            assert_eq!(told(Some(seen), probed).as_deref(), Some(sentence));
        }
        let unwell = Seen::There {
            state: ContainerState::Running,
            restarts: 0,
            health: Some(Health::Unhealthy),
            is_killed_for_memory: false,
            of: 1,
        };
        assert_eq!(told(Some(unwell), pass()).as_deref(), Some("web: Docker's healthcheck says unhealthy, and its probe passes"));
    }

    #[test]
    fn a_job_may_end_and_only_well() {
        let job = |code| ServiceNow { is_job: true, ..service(Some(with(ContainerState::Exited(code), 0, false)), Probed::Nothing) };
        assert!(job(0).is_as_it_should_be() && !job(1).is_as_it_should_be());
        assert!(!service(Some(with(ContainerState::Exited(0), 0, false)), Probed::Nothing).is_as_it_should_be());
    }

    #[test]
    fn what_dokploy_says_of_the_app_is_held_against_its_services() {
        let well = || vec![service(Some(running()), pass())];
        assert_eq!(now(well(), Some(RowStatus::Done), Some("done")).differences(), Vec::<String>::new());
        let told = now(well(), Some(RowStatus::Error), Some("error")).differences();
        assert_eq!(told, ["Dokploy says that the last deploy ended as error; its service passes all the same"]);
        let told = now(well(), Some(RowStatus::Done), Some("error")).differences();
        assert_eq!(told, ["Dokploy's page shows the app as error; its newest deploy ended as done"]);
        let unwell = now(vec![service(Some(Seen::Missing), fail("x"))], Some(RowStatus::Error), Some("error"));
        assert_eq!(unwell.differences().len(), 1, "an error whose service fails is no contradiction of its own");
        assert_eq!(unwell.in_a_word().as_deref(), Some("asked now: 0/1 pass, web does not"));
        assert_eq!(now(vec![service(None, Probed::Not)], None, None).in_a_word(), None);
    }

    #[test]
    fn the_newest_row_that_names_a_phase_counts() {
        let row = |title: &str, status| Row { title: title.to_owned(), status };
        let rows = [
            row("Manual deployment", Some(RowStatus::Done)),
            row("plan run=b rollback-to=core try=1", None),
            row("plan run=a phase=core-two try=1", Some(RowStatus::Error)),
            row("plan run=a phase=core try=1", Some(RowStatus::Error)),
        ];
        assert_eq!(row_of(&rows, "core"), Some(&rows[1]));
        assert_eq!(row_of(&rows, "core-two"), Some(&rows[2]));
        assert_eq!(row_of(&rows, "cor"), None);
    }
}
