//! The text of a fault: `TARGET: KIND [DURATION] [in PHASE | in rollback | from PHASE] [after DURATION] [for DURATION] [every DURATION]`.

use super::fault::{DokployFault, ExternalFault, Fault, GateFault, ServiceFault, Target, When};
use crate::diagnostic::nearest;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A fault that cannot be read; the sentence says what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FaultError(String);

const DOKPLOY: &str = "dokploy";
const NETWORK: &str = "network";
const EXTERNAL: &str = "external";
const GATE: &str = "gate";
const SERVICE_KINDS: [&str; 11] = [
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
const DOKPLOY_KINDS: [&str; 11] = [
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
const NETWORK_KINDS: [&str; 1] = ["down"];
const EXTERNAL_KINDS: [&str; 2] = ["down", "hangs"];
const GATE_KINDS: [&str; 2] = ["refused", "silent"];
/// Words that begin what may follow a kind.
const CLAUSES: [&str; 5] = ["in", "from", "after", "for", "every"];

impl Fault {
    /// Reads `TARGET: KIND [DURATION] [in PHASE | in rollback | from PHASE] [after DURATION] [for DURATION] [every DURATION]`.
    ///
    /// # Errors
    /// When it cannot be read: the sentence lists what is valid there, or offers the nearest.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let shape = || FaultError(format!("`{text}` is not a fault: write `SERVICE: KIND`, such as `brain-api: crash-loop in core`"));
        let (target, rest) = text.split_once(':').ok_or_else(shape)?;
        let (target, mut words) = (target.trim(), rest.split_whitespace());
        let kind = words.next().ok_or_else(shape)?;
        if target.is_empty() {
            return Err(shape());
        }
        let mut words: Vec<&str> = words.collect();
        let clauses = words.split_off(words.iter().position(|word| CLAUSES.contains(word)).unwrap_or(words.len()));
        let timing = Timing::read(&clauses)?;
        let target = match target.split_once(char::is_whitespace) {
            Some((EXTERNAL, name)) => Target::External(name.trim().to_owned(), external_fault(kind)?),
            Some((GATE, name)) => Target::Gate(name.trim().to_owned(), gate_fault(kind)?),
            Some(_) => return Err(shape()),
            None if target == DOKPLOY => Target::Dokploy(dokploy_fault(kind, &mut words)?),
            None if target == NETWORK && kind == "down" => Target::Network(duration(&mut words)?),
            None if target == NETWORK => return Err(unknown(kind, "the network", &NETWORK_KINDS)),
            None => Target::Service(target.to_owned(), service_fault(kind, &mut words)?),
        };
        if let Some(left) = words.first() {
            let may = "only `in PHASE`, `in rollback`, `from PHASE`, `after 30s`, `for 30s` or `every 2m` may follow";
            return Err(FaultError(format!("`{left}` is not understood after `{kind}`: {may}")));
        }
        timing.of(target, kind)
    }

    /// Every kind of fault as it is written, for help texts.
    pub fn kinds() -> impl Iterator<Item = String> {
        let service = SERVICE_KINDS.iter().map(|kind| match *kind {
            "slow-start" => "SERVICE: slow-start 40s".to_owned(),
            "slow-answers" => "SERVICE: slow-answers 2s".to_owned(),
            kind => format!("SERVICE: {kind}"),
        });
        let dokploy = DOKPLOY_KINDS.iter().map(|kind| match *kind {
            "queue-busy" => "dokploy: queue-busy 2m".to_owned(),
            kind => format!("dokploy: {kind}"),
        });
        let network = NETWORK_KINDS.iter().map(|kind| format!("network: {kind}"));
        let external = EXTERNAL_KINDS.iter().map(|kind| format!("external NAME: {kind}"));
        let gate = GATE_KINDS.iter().map(|kind| format!("gate NAME: {kind}"));
        service.chain(dokploy).chain(network).chain(external).chain(gate)
    }
}

/// What may follow a kind.
#[derive(Default)]
struct Timing {
    when: Option<When>,
    after: Option<Duration>,
    lasts: Option<Duration>,
    every: Option<Duration>,
}

impl Timing {
    fn read(words: &[&str]) -> Result<Self, FaultError> {
        let mut timing = Self::default();
        let mut rest = words;
        while let [clause, after @ ..] = rest {
            // The first word belongs to the clause, whatever it is: a phase may be called `for`.
            let end = after.iter().skip(1).position(|word| CLAUSES.contains(word)).map_or(after.len(), |at| at + 1);
            let (words, others) = after.split_at(end);
            rest = others;
            let twice = match *clause {
                "in" | "from" => timing.when.replace(when(clause, words)?).is_some(),
                "after" => timing.after.replace(time(clause, words)?).is_some(),
                "for" => timing.lasts.replace(time(clause, words)?).is_some(),
                _ => timing.every.replace(time(clause, words)?).is_some(),
            };
            match *clause {
                _ if !twice => {}
                "in" | "from" => return Err(FaultError("only one `in` or `from` may stand in a fault".to_owned())),
                clause => return Err(FaultError(format!("`{clause}` stands twice"))),
            }
        }
        Ok(timing)
    }

    /// The fault, if this target can be timed so.
    fn of(self, target: Target, kind: &str) -> Result<Fault, FaultError> {
        let no = |clause: &str, why: &str| Err(FaultError(format!("`{kind}` takes no `{clause}`: {why}")));
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
            return Err(FaultError(format!("`{kind} {own}` and `{kind} for {own}` are the same: say only one of them")));
        }
        match (fault.every, fault.lasting()) {
            (Some(_), None) if !matches!(fault.target, Target::Service(_, ServiceFault::Crash)) => {
                Err(FaultError("`every` needs a `for`: how long it holds each time, such as `for 30s every 2m`".to_owned()))
            }
            (Some(every), Some(lasts)) if every <= lasts => Err(FaultError(format!(
                "`every {}` is not longer than the {} that it lasts: it would never be over",
                Written(every),
                Written(lasts)
            ))),
            _ => Ok(fault),
        }
    }
}

fn when(clause: &str, words: &[&str]) -> Result<When, FaultError> {
    match (clause, words) {
        ("in", ["rollback"]) => Ok(When::Rollback),
        ("in", [phase]) => Ok(When::Phase((*phase).to_owned())),
        ("in", _) => Err(FaultError("after `in` comes the name of one phase, or `rollback`".to_owned())),
        (_, ["rollback"]) => Err(FaultError("`from` takes a phase; a rollback is the last that comes: write `in rollback`".to_owned())),
        (_, [phase]) => Ok(When::From((*phase).to_owned())),
        _ => Err(FaultError("after `from` comes the name of one phase".to_owned())),
    }
}

fn time(clause: &str, words: &[&str]) -> Result<Duration, FaultError> {
    let mut left = words.to_vec();
    match (duration(&mut left)?, left.as_slice()) {
        (Some(time), []) => Ok(time),
        _ => Err(FaultError(format!("after `{clause}` comes one duration, such as `{clause} 30s`"))),
    }
}

fn service_fault(kind: &str, words: &mut Vec<&str>) -> Result<ServiceFault, FaultError> {
    Ok(match kind {
        "build-fails" => ServiceFault::BuildFails,
        "image-missing" => ServiceFault::ImageMissing,
        "crash-loop" => ServiceFault::CrashLoop,
        "exits" => ServiceFault::Exits,
        "never-healthy" => ServiceFault::NeverHealthy,
        "http-500" => ServiceFault::Http500,
        "slow-start" => ServiceFault::SlowStart(
            duration(words)?.ok_or_else(|| FaultError("`slow-start` needs a duration: `slow-start 40s`".to_owned()))?,
        ),
        "port-conflict" => ServiceFault::PortConflict,
        "oom" => ServiceFault::Oom,
        "crash" => ServiceFault::Crash,
        "slow-answers" => ServiceFault::SlowAnswers(
            duration(words)?.ok_or_else(|| FaultError("`slow-answers` needs a duration: `slow-answers 2s`".to_owned()))?,
        ),
        _ => return Err(unknown(kind, "a service", &SERVICE_KINDS)),
    })
}

fn dokploy_fault(kind: &str, words: &mut Vec<&str>) -> Result<DokployFault, FaultError> {
    Ok(match kind {
        "job-lost" => DokployFault::JobLost,
        "restarts" => DokployFault::Restarts,
        "docker-down" => DokployFault::DockerDown(duration(words)?),
        "queue-busy" => DokployFault::QueueBusy(
            duration(words)?.ok_or_else(|| FaultError("`queue-busy` needs a duration: `queue-busy 2m`".to_owned()))?,
        ),
        "database-down" => DokployFault::DatabaseDown(duration(words)?),
        "error-row-goes-on" => DokployFault::ErrorRowGoesOn,
        "row-never-ends" => DokployFault::RowNeverEnds,
        "noisy-shell" => DokployFault::NoisyShell(duration(words)?),
        "disk-full" => DokployFault::DiskFull(duration(words)?),
        "answer-lost" => DokployFault::AnswerLost,
        "down" => DokployFault::Down(duration(words)?),
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
        Some(near) => FaultError(format!("`{kind}` is not a fault of {of}: did you mean `{near}`?")),
        None => FaultError(match valid {
            [only] => format!("`{kind}` is not a fault of {of}: there is {only}"),
            several => format!("`{kind}` is not a fault of {of}: there are {}", several.join(", ")),
        }),
    }
}

/// Takes a duration off the front, if there is one.
fn duration(words: &mut Vec<&str>) -> Result<Option<Duration>, FaultError> {
    if words.is_empty() {
        return Ok(None);
    }
    let word = words.remove(0);
    let split = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let millis = match &word[split..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    match word[..split].parse::<u64>().ok().and_then(|count| count.checked_mul(millis)) {
        Some(total) if total > 0 => Ok(Some(Duration::from_millis(total))),
        _ => Err(FaultError(format!("`{word}` is not a duration: write `500ms`, `40s`, `2m` or `1h`"))),
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        Self::parse(text)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Service(name, kind) => write!(f, "{name}: {kind}")?,
            Target::Dokploy(kind) => write!(f, "{DOKPLOY}: {kind}")?,
            Target::External(name, kind) => write!(f, "{EXTERNAL} {name}: {kind}")?,
            Target::Network(own) => {
                write!(f, "{NETWORK}: down")?;
                own.map_or(Ok(()), |own| write!(f, " {}", Written(own)))?;
            }
            Target::Gate(name, kind) => write!(f, "{GATE} {name}: {kind}")?,
        }
        match &self.when {
            When::Always => {}
            When::Phase(phase) => write!(f, " in {phase}")?,
            When::Rollback => f.write_str(" in rollback")?,
            When::From(phase) => write!(f, " from {phase}")?,
        }
        let after = Some(self.after).filter(|after| !after.is_zero());
        for (clause, time) in [("after", after), ("for", self.lasts), ("every", self.every)] {
            if let Some(time) = time {
                write!(f, " {clause} {}", Written(time))?;
            }
        }
        Ok(())
    }
}

impl ServiceFault {
    /// Its kind, without a duration.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::BuildFails => "build-fails",
            Self::ImageMissing => "image-missing",
            Self::CrashLoop => "crash-loop",
            Self::Exits => "exits",
            Self::NeverHealthy => "never-healthy",
            Self::Http500 => "http-500",
            Self::SlowStart(_) => "slow-start",
            Self::PortConflict => "port-conflict",
            Self::Oom => "oom",
            Self::Crash => "crash",
            Self::SlowAnswers(_) => "slow-answers",
        }
    }
}

impl fmt::Display for ServiceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        if let Self::SlowStart(by) | Self::SlowAnswers(by) = self { write!(f, " {}", Written(*by)) } else { Ok(()) }
    }
}

impl DokployFault {
    /// Its kind, without a duration.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::JobLost => "job-lost",
            Self::Restarts => "restarts",
            Self::DockerDown(_) => "docker-down",
            Self::QueueBusy(_) => "queue-busy",
            Self::DatabaseDown(_) => "database-down",
            Self::ErrorRowGoesOn => "error-row-goes-on",
            Self::RowNeverEnds => "row-never-ends",
            Self::NoisyShell(_) => "noisy-shell",
            Self::DiskFull(_) => "disk-full",
            Self::AnswerLost => "answer-lost",
            Self::Down(_) => "down",
        }
    }
}

impl fmt::Display for DokployFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        let duration = match self {
            Self::QueueBusy(duration) => Some(*duration),
            Self::DockerDown(duration)
            | Self::DatabaseDown(duration)
            | Self::NoisyShell(duration)
            | Self::DiskFull(duration)
            | Self::Down(duration) => *duration,
            Self::JobLost | Self::Restarts | Self::ErrorRowGoesOn | Self::RowNeverEnds | Self::AnswerLost => None,
        };
        duration.map_or(Ok(()), |duration| write!(f, " {}", Written(duration)))
    }
}

impl ExternalFault {
    /// Its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Hangs => "hangs",
        }
    }
}

impl fmt::Display for ExternalFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl GateFault {
    /// Its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Silent => "silent",
        }
    }
}

impl fmt::Display for GateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

/// A duration as it is written in a fault.
struct Written(Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_millis() {
            millis if millis % 60_000 == 0 => write!(f, "{}m", millis / 60_000),
            millis if millis % 1_000 == 0 => write!(f, "{}s", millis / 1_000),
            millis => write!(f, "{millis}ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_and_written_alike() {
        for text in [
            "a: build-fails",
            "a: image-missing in core",
            "a: crash-loop in rollback",
            "a: exits",
            "a: never-healthy",
            "a: http-500",
            "a: slow-start 40s in core",
            "a: port-conflict",
            "a: oom",
            "dokploy: job-lost in core",
            "dokploy: restarts",
            "dokploy: docker-down",
            "dokploy: docker-down 90s in core",
            "dokploy: queue-busy 2m",
            "dokploy: database-down 500ms",
            "external redis: down in rollback",
            "external redis: hangs from core after 30s",
            "a: crash from core after 30s every 1m",
            "a: slow-answers 2s in core after 500ms for 10s every 1m",
            "dokploy: answer-lost in core after 3s",
            "dokploy: down 10s",
            "dokploy: down for 10s every 1m",
            "dokploy: docker-down 10s every 1m",
            "dokploy: restarts in core after 3s",
            "dokploy: job-lost from core",
            "network: down 30s from core after 1m every 2m",
            "network: down",
            "gate ai: refused",
            "gate ai: silent after 1m for 10m",
            "a: oom in for for 1s",
        ] {
            assert_eq!(Fault::parse(text).expect("a fault").to_string(), text);
        }
        for kind in Fault::kinds() {
            Fault::parse(&kind).expect("what the help shows can be read");
        }
    }

    #[test]
    fn what_cannot_be_read_is_explained() {
        let says = |text: &str| Fault::parse(text).expect_err("no fault").to_string();
        assert!(says("crash-loop").contains("write `SERVICE: KIND`"));
        assert!(says("a:").contains("write `SERVICE: KIND`"));
        assert!(says(": oom").contains("write `SERVICE: KIND`"));
        assert_eq!(says("a: crashloop"), "`crashloop` is not a fault of a service: did you mean `crash-loop`?");
        assert!(says("a: sulks").contains("there are build-fails, image-missing, crash-loop"));
        assert_eq!(says("dokploy: restart"), "`restart` is not a fault of Dokploy: did you mean `restarts`?");
        assert!(says("a: slow-start").contains("`slow-start 40s`"));
        assert!(says("a: slow-start 40").contains("not a duration"));
        assert!(says("a: slow-start 99999999999999999999h").contains("not a duration"));
        assert!(says("a: oom soon").contains("`soon` is not understood"));
        assert!(says("a: oom in").contains("after `in`"));
        assert!(says("a: oom in a b").contains("after `in`"));
        assert_eq!(says("external redis: oom"), "`oom` is not a fault of an external: there are down, hangs");
        assert_eq!(says("gate ai: refuse"), "`refuse` is not a fault of a gate: did you mean `refused`?");
        assert_eq!(says("network: off"), "`off` is not a fault of the network: there is down");
    }

    #[test]
    fn timing_that_cannot_be_is_explained() {
        let says = |text: &str| Fault::parse(text).expect_err("no fault").to_string();
        assert!(says("a: oom from").contains("after `from` comes the name of one phase"));
        assert!(says("a: oom from rollback").contains("write `in rollback`"));
        assert!(says("a: oom in core from core").contains("only one `in` or `from`"));
        assert_eq!(says("a: oom after 3s after 4s"), "`after` stands twice");
        assert_eq!(says("a: oom after"), "after `after` comes one duration, such as `after 30s`");
        assert_eq!(says("a: oom for 3s 4s"), "after `for` comes one duration, such as `for 30s`");
        assert!(says("a: oom after soon").contains("`soon` is not a duration"));
        assert!(says("a: oom every 3s").contains("`every` needs a `for`"));
        assert_eq!(says("a: oom for 3s every 3s"), "`every 3s` is not longer than the 3s that it lasts: it would never be over");
        assert_eq!(says("dokploy: down 3s for 3s"), "`down 3s` and `down for 3s` are the same: say only one of them");
        assert!(says("dokploy: job-lost in core after 3s").contains("`job-lost` takes no `after`: it strikes the next deploy, once"));
        assert!(says("dokploy: queue-busy 3s for 3s").contains("takes no `for`"));
        assert!(says("dokploy: restarts for 3s").contains("`dokploy: down` says how long"));
        assert!(says("dokploy: answer-lost every 3s").contains("one answer is lost, once"));
    }
}
