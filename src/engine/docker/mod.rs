//! Expectations that Dokploy answers: what is asked besides the app's containers, and what the answers say. Docker's facts come in, samples
//! come out; nothing here waits or counts.

mod container;
mod lines;
mod logs;
mod server;

pub(super) use container::{Named, of_service};
pub(super) use logs::{Findings, From, LogReader, Noise};

use super::{Answer, ContainerId, Intent, Moment, Observed, Reading, Sample};
use crate::model::Docker;
use crate::schedule::ServiceName;
use std::collections::BTreeMap;

/// Lines of a log that one look reads at most: some hundred KB, below Dokploy's limit of 1 MiB (FACTS §6).
const LINES: u32 = 4000;

/// One question of a round to Dokploy. Expectations that need the same ask it once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) enum Ask {
    /// A container of the host, by its name.
    Named(String),
    /// The server's disk and memory.
    Server,
    /// The log of a container.
    Log {
        /// The service.
        service: ServiceName,
        /// Its container.
        container: ContainerId,
        /// How far back, in seconds; `None`: all of it that is read in one look.
        seconds: Option<u32>,
    },
}

impl Ask {
    /// What an expectation needs asked by itself. Logs follow from the containers of the round.
    pub(in crate::engine) fn of(docker: &Docker) -> Option<Self> {
        match docker {
            Docker::Container { name: Some(name), .. } => Some(Self::Named(name.clone())),
            Docker::Server(_) => Some(Self::Server),
            Docker::Container { name: None, .. } | Docker::Logs(_) => None,
        }
    }

    pub(in crate::engine) fn intent(&self) -> Intent {
        match self {
            Self::Named(name) => Intent::ObserveNamed { name: name.clone() },
            Self::Server => Intent::ObserveServer,
            Self::Log { service, container, seconds } => {
                Intent::ContainerLogs { containers: vec![(service.clone(), container.clone())], lines: LINES, seconds: *seconds }
            }
        }
    }
}

/// What a round was told besides the app's containers, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Told {
    /// When the round is judged.
    pub now: Moment,
    /// When it began.
    pub started: Moment,
    /// The answers.
    pub answers: BTreeMap<Ask, Answer>,
}

impl Told {
    /// A sample of now.
    pub(in crate::engine) fn sample(&self, reading: Reading, expected: String, actual: String) -> Sample {
        let took_ms = u64::try_from((self.now - self.started).as_millis()).unwrap_or(u64::MAX);
        Sample { reading, expected, actual, at: self.now, took_ms }
    }

    /// What a container of that name is, or why that is not known.
    fn named(&self, name: &str) -> Observed {
        match self.answers.get(&Ask::Named(name.to_owned())) {
            Some(Answer::Observed(observed)) => observed.clone(),
            other => Observed::Unknown(why_not(other)),
        }
    }
}

/// Why an answer is none.
fn why_not(answer: Option<&Answer>) -> String {
    match answer {
        Some(Answer::Failed(failure)) => failure.message.clone(),
        Some(_) => "Dokploy answered with something else".to_owned(),
        None => "Dokploy was not asked".to_owned(),
    }
}

/// What an expectation of an external or a gate came to; `memory` is what is remembered of the container it names.
pub(in crate::engine) fn of_other(docker: &Docker, told: &Told, memory: &mut Named) -> Sample {
    match docker {
        Docker::Container { name: Some(name), assertions } => memory.sample(told, &told.named(name), name, assertions),
        Docker::Server(assertions) => server::sample(told, assertions),
        Docker::Container { name: None, .. } | Docker::Logs(_) => {
            let why = "only Dokploy can tell, and it is not asked".to_owned();
            told.sample(Reading::Error, docker.to_string(), why)
        }
    }
}
