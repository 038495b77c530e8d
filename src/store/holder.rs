//! Who holds a lock: the note that the holder leaves beside it, for people and other terminals to read.

use super::times;
use jiff::Timestamp;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

/// Who holds a lock, as the holder says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The user.
    pub who: String,
    /// The machine.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// The run's id.
    pub run: String,
    /// When it was taken (RFC 3339).
    pub since: String,
    /// How far it is: a phase's name, or what is done instead.
    pub phase: Option<String>,
    /// The command, without anything secret.
    pub command: String,
    /// The question that it asks now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<Question>,
    /// The questions that were answered since it was taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<Answered>,
}

/// A question that a run asks people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The gate whose question it is.
    pub gate: String,
    /// In words.
    pub question: String,
    /// When silence becomes an answer (RFC 3339).
    pub until: String,
}

/// A question that was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The gate whose question it was.
    pub gate: String,
    /// Who answered; nobody: its time was over.
    pub by: Option<String>,
    /// What.
    pub yes: bool,
}

impl Note {
    /// A note of this process.
    pub fn of_this_process(run: &str, command: &str) -> Self {
        let (who, host) = this_user();
        let since = Timestamp::now().to_string();
        Self {
            who,
            host,
            pid: std::process::id(),
            run: run.to_owned(),
            since,
            phase: None,
            command: command.to_owned(),
            asks: None,
            answered: Vec::new(),
        }
    }

    /// Whether its process is known to be gone. Of another machine's, or another container's, nothing is known.
    pub(super) fn is_stale(&self) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        self.host == this_user().1 && pid.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
    }
}

/// The user and the machine that this process is of, by name.
pub fn this_user() -> (String, String) {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let who = set("USER").or_else(|| set("LOGNAME")).unwrap_or_else(|| {
        let number = rustix::process::getuid().as_raw();
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        name_among(&users, number).map_or_else(|| format!("user {number}"), str::to_owned)
    });
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
    (who, host.filter(|name| !name.is_empty()).or_else(|| set("HOSTNAME")).unwrap_or_else(|| "this machine".to_owned()))
}

/// The name of the user with this number, in a list of users as `/etc/passwd` is one.
fn name_among(users: &str, number: u32) -> Option<&str> {
    let number = number.to_string();
    users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find_map(|fields| match fields[..] {
        [name, _, of, ..] if of == number && !name.is_empty() => Some(name),
        _ => None,
    })
}

/// Who holds a lock, by what the kernel and the note say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A run, by its note.
    Run(Box<Note>),
    /// Somebody who left no note that can be read.
    Unnamed,
    /// Only such as read, and want nothing to change meanwhile.
    Readers,
}

impl Holder {
    /// One clause for people.
    pub fn in_words(&self) -> String {
        match self {
            Holder::Run(note) => {
                let Note { who, host, pid, run, since, phase, .. } = &**note;
                let phase = phase.as_ref().map_or(String::new(), |phase| format!(", {phase}"));
                let since = times::utc(since);
                format!("another run holds this app on this machine: {who} on {host}, pid {pid}, run {run}{phase}, since {since}")
            }
            Holder::Unnamed => "another run holds this app on this machine, and left no note of who it is".to_owned(),
            Holder::Readers => "somebody is asserting this app on this machine, so it must not change now".to_owned(),
        }
    }

    /// Whether it is the same holder, however far that one is.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Holder::Run(one), Holder::Run(other)) => (&one.run, one.pid, &one.host) == (&other.run, other.pid, &other.host),
            (one, other) => one == other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_known_by_name_without_variables_that_say_it() {
        let users = "root:x:0:0:root:/root:/bin/sh\n# none:x\nada:x:1000:1000:Ada:/home/ada:/bin/sh\n:x:7:7::/:\n";
        assert_eq!([0, 1000].map(|number| name_among(users, number)), [Some("root"), Some("ada")]);
        assert_eq!([1, 7, 100].map(|number| name_among(users, number)), [None; 3]);
    }
}
