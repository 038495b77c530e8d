//! What is expected of Docker, which Dokploy is asked about: containers, their logs, the server they run on.

use super::{Comparison, Condition, Pattern};
use std::fmt;

/// An expectation that Dokploy answers, and not the service.
#[derive(Clone, Debug, PartialEq)]
pub enum Docker {
    /// `container { … }`, `container "NAME" { … }`
    Container {
        /// Another one of the same host, by its name. `None`: those of the service itself, all of them.
        name: Option<String>,
        /// How it must be; all of them. Without any in the plan `running`, filled in by lowering.
        assertions: Vec<ContainerAssertion>,
    },
    /// `logs { … }`: what the service writes.
    Logs(Logs),
    /// `server { … }`: the host that the app runs on; all of them.
    Server(Vec<ServerAssertion>),
}

/// How a container must be.
#[derive(Clone, Debug, PartialEq)]
pub enum ContainerAssertion {
    /// `running`
    Running,
    /// `healthy`: Docker's own healthcheck says so, and not from before its start.
    Healthy,
    /// `restarts == 0`: since the deploy, or since it is looked at where nothing was deployed.
    Restarts(Comparison, u64),
    /// `image == "…"`, as compose names it.
    Image(Condition),
    /// `exit == 0`: it has ended so.
    Exit(Comparison, i64),
}

/// What a service may write, and must.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logs {
    /// No line matches any of these.
    pub none: Vec<Pattern>,
    /// Some line matches each of these.
    pub some: Vec<Pattern>,
    /// Lines that match one of these are known noise, whatever else they match.
    pub ignore: Vec<Pattern>,
}

/// How a server must be.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerAssertion {
    /// `disk free > 10GiB`: where Dokploy's host keeps its files.
    DiskFree(Free),
    /// `memory free > 10%`
    MemoryFree(Free),
}

/// How much must be left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Free {
    /// `>` or `>=`.
    pub comparison: Comparison,
    /// As the plan writes it.
    pub written: String,
    /// How much.
    pub amount: Amount,
}

/// How much of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many bytes.
    Bytes(u64),
    /// So many hundredths of a percent of all there is.
    Share(u32),
}

impl Free {
    /// Whether `free` of `total` bytes is as much as is wanted.
    pub fn holds(&self, free: u64, total: u64) -> bool {
        let (has, wants) = match self.amount {
            Amount::Bytes(bytes) => (u128::from(free), u128::from(bytes)),
            Amount::Share(share) => (u128::from(free) * 10_000, u128::from(total) * u128::from(share)),
        };
        self.comparison.takes(Some(has.cmp(&wants)))
    }
}

impl Logs {
    /// What a line is held against for; `None` for known noise and for what nobody minds.
    pub fn minds(&self, line: &str) -> Option<&Pattern> {
        let found = |pattern: &&Pattern| pattern.is_match(line.as_bytes());
        self.none.iter().find(found).filter(|_| !self.ignore.iter().any(|pattern| pattern.is_match(line.as_bytes())))
    }
}

impl fmt::Display for ContainerAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Healthy => f.write_str("healthy"),
            Self::Restarts(comparison, count) => write!(f, "restarts {comparison} {count}"),
            Self::Image(condition) => write!(f, "image {condition}"),
            Self::Exit(comparison, code) => write!(f, "exit {comparison} {code}"),
        }
    }
}

impl fmt::Display for ServerAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, free) = match self {
            Self::DiskFree(free) => ("disk", free),
            Self::MemoryFree(free) => ("memory", free),
        };
        write!(f, "{what} free {} {}", free.comparison, free.written)
    }
}

/// As the plan writes it, on one line.
impl fmt::Display for Docker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wants: Vec<String> = match self {
            Self::Container { name, assertions } => {
                f.write_str("container")?;
                name.iter().try_for_each(|name| write!(f, " {name}"))?;
                assertions.iter().map(ToString::to_string).collect()
            }
            Self::Logs(logs) => {
                f.write_str("logs")?;
                let none = logs.none.iter().map(|pattern| format!("none matches {pattern}"));
                none.chain(logs.some.iter().map(|pattern| format!("some matches {pattern}"))).collect()
            }
            Self::Server(assertions) => {
                f.write_str("server")?;
                assertions.iter().map(ToString::to_string).collect()
            }
        };
        write!(f, " {}", wants.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(comparison: Comparison, amount: Amount) -> Free {
        Free { comparison, written: String::new(), amount }
    }

    #[test]
    fn what_is_left_is_compared_exactly() {
        let more = |amount| free(Comparison::Greater, amount);
        assert!(more(Amount::Bytes(9)).holds(10, 100) && !more(Amount::Bytes(10)).holds(10, 100));
        assert!(free(Comparison::AtLeast, Amount::Bytes(10)).holds(10, 100));
        assert!(more(Amount::Share(999)).holds(10, 100) && !more(Amount::Share(1000)).holds(10, 100));
        assert!(!more(Amount::Share(1)).holds(0, 0), "a disk of nothing has nothing left");
        assert!(more(Amount::Share(5_000)).holds(u64::MAX, u64::MAX));
    }

    #[test]
    fn known_noise_is_minded_by_nobody() {
        let pattern = |source| Pattern::new(source).expect("a pattern");
        let logs = Logs { none: vec![pattern("ERROR")], some: Vec::new(), ignore: vec![pattern("cache miss")] };
        assert!(logs.minds("ERROR: no disk").is_some());
        assert!(logs.minds("ERROR: cache miss").is_none() && logs.minds("INFO").is_none());
    }
}
