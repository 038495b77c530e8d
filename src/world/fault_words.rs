//! The words of a fault: whom it strikes, its kind, and which times go with that. Whoever reads them, a text of `--fault` or a scenario,
//! they mean the same.

use super::fault::{DokployFault, ExternalFault, Fault, GateFault, ServiceFault, Target, When};
use super::fault_text::Written;
use crate::diagnostic::nearest;
use std::time::Duration;

/// A fault that cannot be read; the sentence says what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct FaultError {
    part: Part,
    why: String,
}

impl FaultError {
    pub(super) fn of(part: Part, why: String) -> Self {
        Self { part, why }
    }

    /// Which of its words is wrong.
    pub fn part(&self) -> Part {
        self.part
    }
}

/// A part of a fault's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// What goes wrong.
    Kind,
    /// The duration of the kind.
    Length,
    /// What begins with this word.
    Clause(&'static str),
}

/// Whom the words of a fault name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom<'a> {
    /// `dokploy`, `network`, or a service.
    Named(&'a str),
    /// `external NAME`
    External(&'a str),
    /// `gate NAME`
    Gate(&'a str),
}

/// The words of a fault, apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultWords<'a> {
    /// Whom it strikes.
    pub whom: Whom<'a>,
    /// What goes wrong.
    pub kind: &'a str,
    /// The duration that follows the kind.
    pub length: Option<Duration>,
    /// When its time begins to count.
    pub when: When,
    /// `after`
    pub after: Option<Duration>,
    /// `for`
    pub lasts: Option<Duration>,
    /// `every`
    pub every: Option<Duration>,
}

pub(super) const DOKPLOY: &str = "dokploy";
pub(super) const NETWORK: &str = "network";
pub(super) const EXTERNAL: &str = "external";
pub(super) const GATE: &str = "gate";
pub(super) const SERVICE_KINDS: [&str; 11] = [
    "build-fails",
    "image-missing",
    "crash-loop",
    "crash",
    "exits",
    "never-healthy",
    "http-500",
    "slow-start",
    "slow-answers",
    "port-conflict",
    "oom",
];
pub(super) const DOKPLOY_KINDS: [&str; 11] = [
    "job-lost",
    "restarts",
    "docker-down",
    "queue-busy",
    "database-down",
    "error-row-goes-on",
    "row-never-ends",
    "noisy-shell",
    "disk-full",
    "answer-lost",
    "down",
];
pub(super) const NETWORK_KINDS: [&str; 1] = ["down"];
pub(super) const EXTERNAL_KINDS: [&str; 2] = ["down", "hangs"];
pub(super) const GATE_KINDS: [&str; 2] = ["refused", "silent"];
impl Fault {
    /// The fault that somebody else has read the words of.
    ///
    /// # Errors
    /// When there is none such: the sentence lists what is valid there, or offers the nearest.
    pub fn of(words: FaultWords<'_>) -> Result<Self, FaultError> {
        let FaultWords { whom, kind, mut length, when, after, lasts, every } = words;
        let target = target_of(whom, kind, &mut || Ok(length.take()))?;
        if let Some(length) = length {
            let length = Written(length);
            let cure = format!("`{kind} for {length}` says how long it holds");
            return Err(FaultError::of(Part::Length, format!("`{kind}` has no duration of its own: {cure}")));
        }
        Timing { when: Some(when), after, lasts, every }.of(target, kind)
    }
}

/// What may follow a kind.
#[derive(Default)]
pub(super) struct Timing {
    pub(super) when: Option<When>,
    pub(super) after: Option<Duration>,
    pub(super) lasts: Option<Duration>,
    pub(super) every: Option<Duration>,
}

impl Timing {
    /// The fault, if this target can be timed so.
    pub(super) fn of(self, target: Target, kind: &str) -> Result<Fault, FaultError> {
        let no = |clause, why: &str| Err(FaultError::of(Part::Clause(clause), format!("`{kind}` takes no `{clause}`: {why}")));
        let given = [("after", self.after), ("for", self.lasts), ("every", self.every)];
        let given = |clauses: &[&str]| given.iter().find(|(name, given)| given.is_some() && clauses.contains(name)).map(|(name, _)| *name);
        match &target {
            Target::Dokploy(fault) if fault.strikes_a_deploy() => {
                if let Some(clause) = given(&["after", "for", "every"]) {
                    return no(clause, "it strikes the next deploy, once; `in PHASE` or `from PHASE` says which");
                }
            }
            Target::Dokploy(DokployFault::Restarts) => {
                if let Some(clause) = given(&["for", "every"]) {
                    return no(clause, "Dokploy restarts once and is away for 5 s; `dokploy: down` says how long and how often");
                }
            }
            Target::Dokploy(DokployFault::AnswerLost) => {
                if let Some(clause) = given(&["for", "every"]) {
                    return no(clause, "one answer is lost, once");
                }
            }
            _ => {}
        }
        let fault = Fault {
            target,
            when: self.when.unwrap_or(When::Always),
            after: self.after.unwrap_or_default(),
            lasts: self.lasts,
            every: self.every,
        };
        let own = Fault { lasts: None, ..fault.clone() }.lasting();
        if let (Some(own), Some(_)) = (own, fault.lasts) {
            let own = Written(own);
            return Err(FaultError::of(
                Part::Clause("for"),
                format!("`{kind} {own}` and `{kind} for {own}` are the same: say only one of them"),
            ));
        }
        match (fault.every, fault.lasting()) {
            (Some(_), None) if !matches!(fault.target, Target::Service(_, ServiceFault::Crash)) => {
                let why = "`every` needs a `for`: how long it holds each time, such as `for 30s every 2m`";
                Err(FaultError::of(Part::Clause("every"), why.to_owned()))
            }
            (Some(every), Some(lasts)) if every <= lasts => {
                let (every, lasts) = (Written(every), Written(lasts));
                let why = format!("`every {every}` is not longer than the {lasts} that it lasts: it would never be over");
                Err(FaultError::of(Part::Clause("every"), why))
            }
            _ => Ok(fault),
        }
    }
}

/// Reads the duration that follows a kind, if there is one.
type Length<'a> = &'a mut dyn FnMut() -> Result<Option<Duration>, FaultError>;

/// What goes wrong with whom.
pub(super) fn target_of(whom: Whom<'_>, kind: &str, length: Length<'_>) -> Result<Target, FaultError> {
    Ok(match whom {
        Whom::External(name) => Target::External(name.to_owned(), external_fault(kind)?),
        Whom::Gate(name) => Target::Gate(name.to_owned(), gate_fault(kind)?),
        Whom::Named(DOKPLOY) => Target::Dokploy(dokploy_fault(kind, length)?),
        Whom::Named(NETWORK) if kind == "down" => Target::Network(length()?),
        Whom::Named(NETWORK) => return Err(unknown(kind, "the network", &NETWORK_KINDS)),
        Whom::Named(service) => Target::Service(service.to_owned(), service_fault(kind, length)?),
    })
}

/// The duration that a kind must have.
fn needed(kind: &str, such_as: &str, length: Length<'_>) -> Result<Duration, FaultError> {
    length()?.ok_or_else(|| FaultError::of(Part::Length, format!("`{kind}` needs a duration: `{kind} {such_as}`")))
}

fn service_fault(kind: &str, length: Length<'_>) -> Result<ServiceFault, FaultError> {
    Ok(match kind {
        "build-fails" => ServiceFault::BuildFails,
        "image-missing" => ServiceFault::ImageMissing,
        "crash-loop" => ServiceFault::CrashLoop,
        "exits" => ServiceFault::Exits,
        "never-healthy" => ServiceFault::NeverHealthy,
        "http-500" => ServiceFault::Http500,
        "slow-start" => ServiceFault::SlowStart(needed(kind, "40s", length)?),
        "port-conflict" => ServiceFault::PortConflict,
        "oom" => ServiceFault::Oom,
        "crash" => ServiceFault::Crash,
        "slow-answers" => ServiceFault::SlowAnswers(needed(kind, "2s", length)?),
        _ => return Err(unknown(kind, "a service", &SERVICE_KINDS)),
    })
}

fn dokploy_fault(kind: &str, length: Length<'_>) -> Result<DokployFault, FaultError> {
    Ok(match kind {
        "job-lost" => DokployFault::JobLost,
        "restarts" => DokployFault::Restarts,
        "docker-down" => DokployFault::DockerDown(length()?),
        "queue-busy" => DokployFault::QueueBusy(needed(kind, "2m", length)?),
        "database-down" => DokployFault::DatabaseDown(length()?),
        "error-row-goes-on" => DokployFault::ErrorRowGoesOn,
        "row-never-ends" => DokployFault::RowNeverEnds,
        "noisy-shell" => DokployFault::NoisyShell(length()?),
        "disk-full" => DokployFault::DiskFull(length()?),
        "answer-lost" => DokployFault::AnswerLost,
        "down" => DokployFault::Down(length()?),
        _ => return Err(unknown(kind, "Dokploy", &DOKPLOY_KINDS)),
    })
}

fn external_fault(kind: &str) -> Result<ExternalFault, FaultError> {
    match kind {
        "down" => Ok(ExternalFault::Down),
        "hangs" => Ok(ExternalFault::Hangs),
        _ => Err(unknown(kind, "an external", &EXTERNAL_KINDS)),
    }
}

fn gate_fault(kind: &str) -> Result<GateFault, FaultError> {
    match kind {
        "refused" => Ok(GateFault::Refused),
        "silent" => Ok(GateFault::Silent),
        _ => Err(unknown(kind, "a gate", &GATE_KINDS)),
    }
}

fn unknown(kind: &str, of: &str, valid: &[&str]) -> FaultError {
    match nearest(kind, valid.iter().copied()) {
        Some(near) => FaultError::of(Part::Kind, format!("`{kind}` is not a fault of {of}: did you mean `{near}`?")),
        None => FaultError::of(
            Part::Kind,
            match valid {
                [only] => format!("`{kind}` is not a fault of {of}: there is {only}"),
                several => format!("`{kind}` is not a fault of {of}: there are {}", several.join(", ")),
            },
        ),
    }
}
