//! What is kept of one service or external: its rows, its counts and whether it is in trouble.

use super::trouble::Trouble;
use super::{Rules, Standing};
use crate::engine::{Moment, Reading};
use crate::schedule::Subject;

/// What is told of a service or external.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// It has become unhealthy.
    Unhealthy,
    /// It is unhealthy, and has been for long.
    StillUnhealthy,
    /// It could not be asked, too often.
    Unasked,
    /// It cannot be asked, and that has been so for long.
    StillUnasked,
    /// It is well again.
    Recovered,
    /// It was in trouble, and is not delivered any more.
    Gone,
}

/// Something that turned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turned {
    /// Which.
    pub subject: Subject,
    /// How.
    pub turn: Turn,
    /// The first sample of the row that its trouble began with.
    pub since: Moment,
    /// Samples since then that were no passes.
    pub bad: u64,
    /// Samples since then.
    pub samples: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Neither passed nor failed often enough in a row.
    #[default]
    Undecided,
    Well,
    Unhealthy(Trouble),
    Unasked(Trouble),
}

/// Where a row began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Row {
    length: u32,
    since: Moment,
    /// Samples, and those that were no passes, before it.
    before: (u64, u64),
}

/// One service or external.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    state: State,
    passes: u32,
    failures: Row,
    errors: Row,
    samples: u64,
    bad: u64,
    /// Samples that failed; the other bad ones are errors.
    failed: u64,
    /// How often it became unhealthy.
    times: u64,
    /// Where the row of its trouble began.
    from: (u64, u64),
    /// Since when its last trouble was.
    since: Moment,
}

impl Kept {
    pub(super) fn begin_anew(&mut self) {
        self.passes = 0;
        self.failures.length = 0;
        self.errors.length = 0;
    }

    /// Takes a sample of it. An error says nothing of it: it ends no row of failures and makes none longer; it ends a row of passes.
    pub(super) fn take(&mut self, now: Moment, reading: Option<Reading>, rules: Rules) -> Option<Turn> {
        let Some(reading) = reading else {
            self.passes = 0;
            return None;
        };
        let before = (self.samples, self.bad);
        self.samples += 1;
        match reading {
            Reading::Pass => {
                self.passes = self.passes.saturating_add(1);
                (self.failures.length, self.errors.length) = (0, 0);
                if self.passes < rules.up_after {
                    return None;
                }
                let was = std::mem::replace(&mut self.state, State::Well);
                matches!(was, State::Unhealthy(_) | State::Unasked(_)).then_some(Turn::Recovered)
            }
            Reading::Fail => {
                (self.bad, self.failed) = (self.bad + 1, self.failed + 1);
                (self.passes, self.errors.length) = (0, 0);
                self.failures.lengthen(now, before);
                if self.failures.length < rules.down_after || matches!(self.state, State::Unhealthy(_)) {
                    return None;
                }
                self.begin_trouble(self.failures);
                self.times += 1;
                self.state = State::Unhealthy(Trouble::told(self.since, now));
                Some(Turn::Unhealthy)
            }
            Reading::Error => {
                self.bad += 1;
                self.passes = 0;
                self.errors.lengthen(now, before);
                if self.errors.length < rules.down_after {
                    return None;
                }
                // So long without an answer: failures before and after it are in no row.
                self.failures.length = 0;
                if matches!(self.state, State::Unhealthy(_) | State::Unasked(_)) {
                    return None;
                }
                self.begin_trouble(self.errors);
                self.state = State::Unasked(Trouble::told(self.since, now));
                Some(Turn::Unasked)
            }
        }
    }

    /// Takes a sample of a service whose container nobody could look at: a failure is one all the same, a pass makes nothing well, and
    /// an error has its cause already.
    pub(super) fn take_by_address(&mut self, now: Moment, reading: Option<Reading>, rules: Rules) -> Option<Turn> {
        match reading {
            Some(Reading::Fail) => self.take(now, reading, rules),
            Some(Reading::Pass) => {
                self.begin_anew();
                None
            }
            Some(Reading::Error) | None => {
                self.passes = 0;
                None
            }
        }
    }

    fn begin_trouble(&mut self, row: Row) {
        (self.since, self.from) = (row.since, row.before);
    }

    /// Whether its trouble is to be told again.
    pub(super) fn remind(&mut self, now: Moment) -> Option<Turn> {
        match &mut self.state {
            State::Unhealthy(trouble) => trouble.remind(now).then_some(Turn::StillUnhealthy),
            State::Unasked(trouble) => trouble.remind(now).then_some(Turn::StillUnasked),
            State::Undecided | State::Well => None,
        }
    }

    pub(super) fn turned(&self, subject: Subject, turn: Turn) -> Turned {
        let (samples, bad) = self.from;
        Turned { subject, turn, since: self.since, bad: self.bad - bad, samples: self.samples - samples }
    }

    /// It is not watched any more; told when it was in trouble.
    pub(super) fn gone(self, subject: Subject) -> Option<Turned> {
        matches!(self.state, State::Unhealthy(_) | State::Unasked(_)).then(|| self.turned(subject, Turn::Gone))
    }

    pub(super) fn stand(&self, subject: &Subject, standing: &mut Standing) {
        let is_service = matches!(subject, Subject::Service(_));
        standing.services += usize::from(is_service);
        standing.healthy += usize::from(is_service && self.state == State::Well);
        match self.state {
            State::Well => standing.well += 1,
            State::Unhealthy(_) => standing.unwell.push(subject.clone()),
            State::Unasked(_) => standing.unasked.push(subject.clone()),
            State::Undecided if self.samples == 0 => standing.unseen.push(subject.clone()),
            State::Undecided => standing.undecided.push(subject.clone()),
        }
        if self.failed > 0 {
            standing.unsteady.push((subject.clone(), self.failed, self.samples, self.times));
        }
    }
}

impl Row {
    fn lengthen(&mut self, now: Moment, before: (u64, u64)) {
        if self.length == 0 {
            (self.since, self.before) = (now, before);
        }
        self.length = self.length.saturating_add(1);
    }
}
