//! What Dokploy, the containers and the probes say of each phase and service, at one look, and where these differ. One look is no verdict:
//! nothing is called healthy here.

use crate::engine::{Container, ContainerState, Finding, Health, Observed, Position, Reading, Row, RowStatus, Survey};
use crate::model::Severity;
use crate::report::words::count;
use crate::schedule::{Schedule, Subject, body_of, services_in};
use std::collections::BTreeMap;

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
    /// The newest deploy of it that Dokploy still lists; the inner `None`: it runs.
    pub row: Option<Option<RowStatus>>,
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
            containers.iter().for_each(|one| by_service.entry(&one.service).or_default().push(one));
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
            row: row_of(&survey.rows, &phase.name),
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
            badge: survey.badge.clone(),
            newest: survey.rows.first().and_then(|row| row.status),
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
            Probed::Not | Probed::Nothing => None,
            Probed::Answered(Reading::Pass, _) => Some("its probe passes".to_owned()),
            // What a container that does not run answers is said already.
            Probed::Answered(Reading::Fail, why) => Some(because("its probe fails", why.as_deref())),
            Probed::Answered(Reading::Error, why) if is_up => Some(because("it could not be asked", why.as_deref())),
            Probed::Answered(Reading::Error, _) => None,
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
            words.push_str(&format!(", {}", count(*restarts, "restart")));
        }
        match health {
            Some(Health::Unhealthy) => words.push_str(", unhealthy"),
            Some(Health::Starting) => words.push_str(", starting"),
            Some(Health::Healthy) | None => {}
        }
        if *of > 1 {
            words.push_str(&format!(", 1 of {of}"));
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
fn row_of(rows: &[Row], phase: &str) -> Option<Option<RowStatus>> {
    let names = |title: &str| {
        let Some(marker) = title.strip_prefix("plan run=") else { return false };
        marker.split(' ').any(|field| field.strip_prefix("phase=").or_else(|| field.strip_prefix("rollback-to=")) == Some(phase))
    };
    rows.iter().find(|row| names(&row.title)).map(|row| row.status)
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
