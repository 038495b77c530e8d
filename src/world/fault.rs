//! Faults: what goes wrong in a world, and when.

use crate::diagnostic::nearest;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Something that goes wrong: `TARGET: KIND [in PHASE | in rollback]`.
///
/// Without `in`, a fault of a service strikes from the first deploy on, for good: whatever phase is in force, and whenever the service is
/// created anew. A fault of Dokploy or of an external strikes from the start. With `in`, either strikes only while a deploy of that phase (or
/// a rollback) is the last one that was started; which one that is stands in the deploy's title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What it strikes.
    pub target: Target,
    /// When it strikes.
    pub when: When,
}

/// What a fault strikes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A compose service.
    Service(String, ServiceFault),
    /// Dokploy itself.
    Dokploy(DokployFault),
    /// An external stand-in: it refuses connections.
    External(String),
}

impl Fault {
    /// Whether it strikes only apps that run on a server of their own.
    pub fn needs_a_server(&self) -> bool {
        use DokployFault::{ErrorRowGoesOn, NoisyShell, RowNeverEnds};
        matches!(self.target, Target::Dokploy(ErrorRowGoesOn | RowNeverEnds | NoisyShell(_)))
    }
}

/// When a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// While this phase is in force.
    Phase(String),
    /// While a rollback is in force.
    Rollback,
}

/// What goes wrong with a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceFault {
    /// Its build ends with an error; a service that is not built cannot be pulled.
    BuildFails,
    /// Its image cannot be pulled; a service that is built misses its base image.
    ImageMissing,
    /// It ends with 1 shortly after each start, and Docker starts it again.
    CrashLoop,
    /// It ends with 1 shortly after its start and nothing starts it again: its restart policy is taken away.
    Exits,
    /// It runs, accepts connections and never answers.
    NeverHealthy,
    /// It answers 500 to everything.
    Http500,
    /// It takes so long to its first answer.
    SlowStart(Duration),
    /// Its host port is taken when it is started.
    PortConflict,
    /// The kernel kills it for memory shortly after each start.
    Oom,
}

/// What goes wrong with Dokploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DokployFault {
    /// The next deploy is accepted, and its job vanishes from the queue without a row. Once.
    JobLost,
    /// Dokploy restarts in the middle of the next deploy. Once.
    Restarts,
    /// Docker's daemon cannot be reached: empty lists, and deploys fail.
    DockerDown(Option<Duration>),
    /// Somebody else's job that takes so long stands before the next deploy. Once.
    QueueBusy(Duration),
    /// Dokploy's database is down: every key is refused.
    DatabaseDown(Option<Duration>),
    /// The SSH session of the next deploy on another server is killed: its row says error, and its command goes on. Once.
    ErrorRowGoesOn,
    /// The connection to another server is lost in the middle of the next deploy there: its job is gone, its row says running for ever, and
    /// its command goes on. Once.
    RowNeverEnds,
    /// A login shell on another server prints something: empty lists of its containers.
    NoisyShell(Option<Duration>),
    /// The server's disk has nothing left, and says so. Nothing else comes of it.
    DiskFull(Option<Duration>),
}

/// A fault that cannot be read; the sentence says what would be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FaultError(String);

const DOKPLOY: &str = "dokploy";
const EXTERNAL: &str = "external";
const SERVICE_KINDS: [&str; 9] =
    ["build-fails", "image-missing", "crash-loop", "exits", "never-healthy", "http-500", "slow-start", "port-conflict", "oom"];
const DOKPLOY_KINDS: [&str; 9] = [
    "job-lost",
    "restarts",
    "docker-down",
    "queue-busy",
    "database-down",
    "error-row-goes-on",
    "row-never-ends",
    "noisy-shell",
    "disk-full",
];

impl Fault {
    /// Reads `TARGET: KIND [DURATION] [in PHASE | in rollback]`.
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
        let when = when(&mut words)?;
        let target = match target.split_once(char::is_whitespace) {
            Some((EXTERNAL, name)) if kind == "down" => Target::External(name.trim().to_owned()),
            Some((EXTERNAL, _)) => return Err(FaultError(format!("`{kind}` is not a fault of an external: there is `down`"))),
            Some(_) => return Err(shape()),
            None if target == DOKPLOY => Target::Dokploy(dokploy_fault(kind, &mut words)?),
            None => Target::Service(target.to_owned(), service_fault(kind, &mut words)?),
        };
        match words.first() {
            Some(left) => {
                Err(FaultError(format!("`{left}` is not understood after `{kind}`: only `in PHASE` or `in rollback` may follow")))
            }
            None => Ok(Self { target, when }),
        }
    }

    /// Every kind of fault as it is written, for help texts.
    pub fn kinds() -> impl Iterator<Item = String> {
        let service = SERVICE_KINDS.iter().map(|kind| match *kind {
            "slow-start" => "SERVICE: slow-start 40s".to_owned(),
            kind => format!("SERVICE: {kind}"),
        });
        let dokploy = DOKPLOY_KINDS.iter().map(|kind| match *kind {
            "queue-busy" => "dokploy: queue-busy 2m".to_owned(),
            kind => format!("dokploy: {kind}"),
        });
        service.chain(dokploy).chain(["external NAME: down".to_owned()])
    }
}

/// Takes `in PHASE` off the end.
fn when(words: &mut Vec<&str>) -> Result<When, FaultError> {
    let Some(at) = words.iter().position(|word| *word == "in") else { return Ok(When::Always) };
    let after = words.split_off(at);
    match after[1..] {
        ["rollback"] => Ok(When::Rollback),
        [phase] => Ok(When::Phase(phase.to_owned())),
        _ => Err(FaultError("after `in` comes the name of one phase, or `rollback`".to_owned())),
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
        _ => return Err(unknown(kind, "Dokploy", &DOKPLOY_KINDS)),
    })
}

fn unknown(kind: &str, of: &str, valid: &[&str]) -> FaultError {
    match nearest(kind, valid.iter().copied()) {
        Some(near) => FaultError(format!("`{kind}` is not a fault of {of}: did you mean `{near}`?")),
        None => FaultError(format!("`{kind}` is not a fault of {of}: there are {}", valid.join(", "))),
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
            Target::External(name) => write!(f, "{EXTERNAL} {name}: down")?,
        }
        match &self.when {
            When::Always => Ok(()),
            When::Phase(phase) => write!(f, " in {phase}"),
            When::Rollback => f.write_str(" in rollback"),
        }
    }
}

impl fmt::Display for ServiceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BuildFails => "build-fails",
            Self::ImageMissing => "image-missing",
            Self::CrashLoop => "crash-loop",
            Self::Exits => "exits",
            Self::NeverHealthy => "never-healthy",
            Self::Http500 => "http-500",
            Self::SlowStart(_) => "slow-start",
            Self::PortConflict => "port-conflict",
            Self::Oom => "oom",
        })?;
        if let Self::SlowStart(by) = self { write!(f, " {}", Written(*by)) } else { Ok(()) }
    }
}

impl fmt::Display for DokployFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, duration) = match self {
            Self::JobLost => ("job-lost", None),
            Self::Restarts => ("restarts", None),
            Self::DockerDown(duration) => ("docker-down", *duration),
            Self::QueueBusy(duration) => ("queue-busy", Some(*duration)),
            Self::DatabaseDown(duration) => ("database-down", *duration),
            Self::ErrorRowGoesOn => ("error-row-goes-on", None),
            Self::RowNeverEnds => ("row-never-ends", None),
            Self::NoisyShell(duration) => ("noisy-shell", *duration),
            Self::DiskFull(duration) => ("disk-full", *duration),
        };
        f.write_str(name)?;
        duration.map_or(Ok(()), |duration| write!(f, " {}", Written(duration)))
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
        assert!(says("external redis: oom").contains("there is `down`"));
    }
}
