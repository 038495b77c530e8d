//! What a rule is: signs, the likely cause, and what helps.

use super::super::{Container, ContainerState, Health};

/// A rule. The text that it gives stands beside what it was concluded from and never in its place.
#[derive(Debug)]
pub struct Rule {
    /// Its name, which stays the same.
    pub id: &'static str,
    /// One of them is enough.
    pub signs: &'static [Sign],
    /// The likely cause, one clause without a full stop.
    pub cause: &'static str,
    /// What helps.
    pub remedy: &'static str,
}

/// What a rule is concluded from. Parts of a line are in small letters, and must stand in it in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Parts of a line of a failed deploy's log.
    Deploy(&'static [&'static str]),
    /// Parts of a warning in the log of any deploy.
    Warning(&'static [&'static str]),
    /// Parts of a line that a container wrote.
    Log(&'static [&'static str]),
    /// The whole of a line that a container wrote, without its time.
    Message(&'static str),
    /// What a sample said: of an expectation that begins with the first word (`""`: of any), beginning with the first part.
    Sample(&'static str, &'static [&'static str]),
    /// What Docker says of a container.
    State(State),
}

/// What Docker says of a container that is not well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The kernel killed it for memory.
    OutOfMemory,
    /// It ended with this code, and not for memory.
    Exit(i64),
    /// It runs, and its healthcheck fails.
    Unhealthy,
    /// It runs, and its healthcheck has no verdict yet.
    NoVerdict,
    /// It was made and never started.
    NeverStarted,
    /// Docker's own word for its state.
    Word(&'static str),
}

impl Sign {
    /// What a text that has this sign has in it; `None` for what is no text.
    pub(super) fn beginning(&self) -> Option<&'static str> {
        match self {
            Self::Deploy(parts) | Self::Warning(parts) | Self::Log(parts) | Self::Sample(_, parts) => parts.first().copied(),
            Self::Message(message) => Some(message),
            Self::State(_) => None,
        }
    }

    /// Where in a text of this kind the sign stands, as (begin, end) in bytes. `text` is in small letters.
    pub(super) fn find(&self, text: Text, lower: &str) -> Option<(usize, usize)> {
        match (self, text) {
            (Self::Deploy(parts), Text::Deploy { is_failed: true })
            | (Self::Warning(parts), Text::Deploy { .. })
            | (Self::Log(parts), Text::Log) => in_order(parts, lower),
            (Self::Message(message), Text::Log) => {
                let begin = stamp(lower);
                (lower[begin..].trim() == *message).then_some((begin, lower.len()))
            }
            (Self::Sample(of, parts), Text::Sample { protocol }) if of.is_empty() || *of == protocol => {
                let found = in_order(parts, lower)?;
                (found.0 == 0).then_some(found)
            }
            _ => None,
        }
    }
}

/// What kind of text a line is of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Text<'a> {
    /// The log of a deploy.
    Deploy { is_failed: bool },
    /// A container's log.
    Log,
    /// What was seen when something was asked.
    Sample { protocol: &'a str },
}

/// Each part after the one before.
fn in_order(parts: &[&str], text: &str) -> Option<(usize, usize)> {
    let begin = text.find(parts.first()?)?;
    let mut end = begin;
    for part in parts {
        end += text[end..].find(part)? + part.len();
    }
    Some((begin, end))
}

/// Length of the time that Docker puts before a line of a container, with the blank after it.
pub(super) fn stamp(line: &str) -> usize {
    let Some((first, _)) = line.split_once(' ') else { return 0 };
    let bytes = first.as_bytes();
    let is_stamp = bytes.len() >= 20
        && bytes[0].is_ascii_digit()
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && bytes[10].eq_ignore_ascii_case(&b't')
        && bytes.last().is_some_and(|byte| byte.eq_ignore_ascii_case(&b'z'));
    if is_stamp { first.len() + 1 } else { 0 }
}

impl State {
    /// Whether a container is in it.
    pub(super) fn is_of(self, container: &Container) -> bool {
        match self {
            Self::OutOfMemory => container.oom_killed && container.state != ContainerState::Running,
            Self::Exit(code) => !container.oom_killed && container.state == ContainerState::Exited(code),
            Self::Unhealthy => container.state == ContainerState::Running && container.health == Some(Health::Unhealthy),
            Self::NoVerdict => container.state == ContainerState::Running && container.health == Some(Health::Starting),
            Self::NeverStarted => container.state == ContainerState::Created,
            Self::Word(word) => matches!(&container.state, ContainerState::Other(said) if said == word),
        }
    }

    /// It in words.
    pub fn in_words(self) -> String {
        match self {
            Self::OutOfMemory => "killed for memory".to_owned(),
            Self::Exit(code) => format!("exited with {code}"),
            Self::Unhealthy => "running, its healthcheck fails".to_owned(),
            Self::NoVerdict => "running, its healthcheck has no verdict yet".to_owned(),
            Self::NeverStarted => "made and never started".to_owned(),
            Self::Word(word) => word.to_owned(),
        }
    }
}
