//! The text of a fault: `TARGET: KIND [DURATION] [in PHASE | in rollback | from PHASE] [after DURATION] [for DURATION] [every DURATION]`.

use super::fault::{DokployFault, ExternalFault, Fault, GateFault, ServiceFault, Target, When};
use super::fault_words::{
    DOKPLOY, DOKPLOY_KINDS, EXTERNAL, EXTERNAL_KINDS, FaultError, GATE, GATE_KINDS, NETWORK, NETWORK_KINDS, Part, SERVICE_KINDS, Timing,
    Whom, target_of,
};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Words that begin what may follow a kind.
const CLAUSES: [&str; 5] = ["in", "from", "after", "for", "every"];

impl Fault {
    /// Reads `TARGET: KIND [DURATION] [in PHASE | in rollback | from PHASE] [after DURATION] [for DURATION] [every DURATION]`.
    ///
    /// # Errors
    /// When it cannot be read: the sentence lists what is valid there, or offers the nearest.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let shape = || {
            FaultError::of(Part::Whole, format!("`{text}` is not a fault: write `SERVICE: KIND`, such as `brain-api: crash-loop in core`"))
        };
        let (target, rest) = text.split_once(':').ok_or_else(shape)?;
        let (target, mut words) = (target.trim(), rest.split_whitespace());
        let kind = words.next().ok_or_else(shape)?;
        if target.is_empty() {
            return Err(shape());
        }
        let mut words: Vec<&str> = words.collect();
        let clauses = words.split_off(words.iter().position(|word| CLAUSES.contains(word)).unwrap_or(words.len()));
        let timing = Timing::read(&clauses)?;
        let whom = match target.split_once(char::is_whitespace) {
            Some((EXTERNAL, name)) => Whom::External(name.trim()),
            Some((GATE, name)) => Whom::Gate(name.trim()),
            Some(_) => return Err(shape()),
            None => Whom::Named(target),
        };
        let target = target_of(whom, kind, &mut || duration(&mut words))?;
        if let Some(left) = words.first() {
            let may = "only `in PHASE`, `in rollback`, `from PHASE`, `after 30s`, `for 30s` or `every 2m` may follow";
            return Err(FaultError::of(Part::Length, format!("`{left}` is not understood after `{kind}`: {may}")));
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
                "in" | "from" => return Err(FaultError::of(Part::Whole, "only one `in` or `from` may stand in a fault".to_owned())),
                clause => return Err(FaultError::of(Part::Whole, format!("`{clause}` stands twice"))),
            }
        }
        Ok(timing)
    }
}

fn when(clause: &str, words: &[&str]) -> Result<When, FaultError> {
    match (clause, words) {
        ("in", ["rollback"]) => Ok(When::Rollback),
        ("in", [phase]) => Ok(When::Phase((*phase).to_owned())),
        ("in", _) => Err(FaultError::of(Part::Whole, "after `in` comes the name of one phase, or `rollback`".to_owned())),
        (_, ["rollback"]) => {
            Err(FaultError::of(Part::Whole, "`from` takes a phase; a rollback is the last that comes: write `in rollback`".to_owned()))
        }
        (_, [phase]) => Ok(When::From((*phase).to_owned())),
        _ => Err(FaultError::of(Part::Whole, "after `from` comes the name of one phase".to_owned())),
    }
}

fn time(clause: &str, words: &[&str]) -> Result<Duration, FaultError> {
    let mut left = words.to_vec();
    match (duration(&mut left)?, left.as_slice()) {
        (Some(time), []) => Ok(time),
        _ => Err(FaultError::of(Part::Whole, format!("after `{clause}` comes one duration, such as `{clause} 30s`"))),
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
        _ => Err(FaultError::of(Part::Whole, format!("`{word}` is not a duration: write `500ms`, `40s`, `2m` or `1h`"))),
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
pub(super) struct Written(pub(super) Duration);

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
