//! A batch of calls, asked until each is settled: reads, and whatever certainly did not happen, are repeated with growing gaps; a write
//! whose answer was lost is handed back to be looked up.
//!
//! A no to a read, and an answer that has not the shape that Dokploy gives it, is believed when it was given several times in a row: what
//! stands between us and Dokploy says such things for a moment, and ending a run that nobody watches costs more than asking again.

use super::failure::refused;
use super::jitter::Jitter;
use super::shape::has_its_shape;
use super::unauthorized::{Cause, cause};
use super::{Body, Call, Refusal, Reply};
use crate::engine::{Failure, FailureKind, Moment};
use std::time::Duration;

/// Calls in flight at once. More than a few `docker.*` calls in parallel slow everything down (FACTS §13.4).
const AT_ONCE: usize = 3;

/// Before the first repetition; doubled for each further one.
const FIRST_GAP: Duration = Duration::from_millis(500);

/// Between two repetitions at most.
const LONGEST_GAP: Duration = Duration::from_secs(8);

/// While nothing has answered yet: a wrong address should be told soon, and yet a Dokploy that restarts is waited out (FACTS §2: 12 s).
const FIRST_CONTACT: Duration = Duration::from_secs(15);

/// What is asked over and over anyway is asked again so often, if it was answered in this time: an exchange takes a while too.
const REPEATED_BRIEFLY: u32 = 1;
const BRIEF: Duration = Duration::from_secs(3);

/// So often at least something is asked again, however long it takes to say nothing.
const REPEATED_AT_LEAST: u32 = 2;

/// A no, or an answer that makes no sense, that was given so often in a row is believed.
const BELIEVED_AFTER: u32 = 3;

/// How long troubles are borne.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Asked again once: an idle connection dies after 5 s (FACTS §1).
    Brief,
    /// A restart of Dokploy is waited out: it takes up to 12 s (FACTS §2), and a database one may take longer.
    Long,
    /// Not repeated at all.
    None,
}

impl Patience {
    fn allowance(self, trusted: bool) -> Duration {
        match self {
            Patience::None => Duration::ZERO,
            Patience::Brief => BRIEF,
            Patience::Long if trusted => Duration::from_secs(60),
            Patience::Long => FIRST_CONTACT,
        }
    }
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A 200.
    Body(Body),
    /// A no that asking again does not change.
    Refused(Refusal),
    /// A write that may have happened.
    Lost(String),
    /// Not answered, however often it was asked. It did not happen.
    Failed(Failure),
}

/// What to do next for a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Send these at once; their replies are due in the same order.
    Send(Vec<Call>),
    /// Come back then, without replies.
    Wait(Moment),
    /// Every call has its outcome, in the order asked.
    Settled(Vec<Outcome>),
}

/// Where a call of the batch is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// To be sent.
    Due,
    /// Sent.
    Sent,
    /// Refused with a 401 that may mean several things.
    Doubted,
    /// To be sent again. If it is not: the outcome.
    Troubled(Outcome),
    /// Done.
    Settled(Outcome),
}

/// A batch of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exchange {
    calls: Vec<Call>,
    places: Vec<Place>,
    /// How often in a row each was answered with what is not believed at once.
    doubts: Vec<u32>,
    patience: Patience,
    trusted: bool,
    since: Moment,
    rounds: u32,
    asking_health: bool,
    jitter: Jitter,
}

impl Exchange {
    /// A batch; `trusted` says whether the server has answered with this key before.
    pub(super) fn new(calls: Vec<Call>, patience: Patience, trusted: bool, now: Moment, jitter: Jitter) -> Self {
        let (places, doubts) = (vec![Place::Due; calls.len()], vec![0; calls.len()]);
        Self { calls, places, doubts, patience, trusted, since: now, rounds: 0, asking_health: false, jitter }
    }

    /// Whether the server has answered with this key.
    pub(super) fn trusted(&self) -> bool {
        self.trusted
    }

    /// Takes the replies to what was last sent.
    pub(super) fn next(&mut self, now: Moment, replies: Vec<Reply>) -> Next {
        let mut replies = replies.into_iter();
        if self.asking_health {
            self.asking_health = false;
            let reply = replies.next().unwrap_or_else(|| Reply::Lost("no answer".to_owned()));
            self.resolve_doubts(&cause(&reply));
        } else {
            for at in 0..self.places.len() {
                if self.places[at] == Place::Sent {
                    let reply = replies.next().unwrap_or_else(|| Reply::Lost("no answer".to_owned()));
                    self.places[at] = self.judge(at, reply);
                }
            }
        }
        self.plan(now)
    }

    fn plan(&mut self, now: Moment) -> Next {
        let due: Vec<usize> = (0..self.places.len()).filter(|&at| self.places[at] == Place::Due).take(AT_ONCE).collect();
        if !due.is_empty() {
            for &at in &due {
                self.places[at] = Place::Sent;
            }
            return Next::Send(due.iter().map(|&at| self.calls[at].clone()).collect());
        }
        if self.places.contains(&Place::Doubted) {
            self.asking_health = true;
            return Next::Send(vec![Call::Health]);
        }
        let gap = LONGEST_GAP.min(FIRST_GAP * 2u32.saturating_pow(self.rounds.min(8)));
        let again = now + self.jitter.shorten(gap, self.since, self.rounds);
        let is_in_time = again - self.since <= self.patience.allowance(self.trusted);
        let allowed = match self.patience {
            Patience::None => false,
            Patience::Brief => is_in_time && self.rounds < REPEATED_BRIEFLY,
            Patience::Long => is_in_time || self.rounds < REPEATED_AT_LEAST,
        };
        let mut waits = false;
        for place in &mut self.places {
            if let Place::Troubled(outcome) = place {
                if allowed {
                    waits = true;
                } else {
                    *place = Place::Settled(match outcome.clone() {
                        Outcome::Failed(failure) => Outcome::Failed(Failure { tried_for: now - self.since, ..failure }),
                        outcome => outcome,
                    });
                }
            }
        }
        if waits {
            self.rounds += 1;
            for place in &mut self.places {
                if matches!(place, Place::Troubled(_)) {
                    *place = Place::Due;
                }
            }
            return Next::Wait(again);
        }
        Next::Settled(
            std::mem::take(&mut self.places)
                .into_iter()
                .map(|place| match place {
                    Place::Settled(outcome) => outcome,
                    _ => Outcome::Lost("no answer".to_owned()),
                })
                .collect(),
        )
    }

    fn judge(&mut self, at: usize, reply: Reply) -> Place {
        let call = &self.calls[at];
        match reply {
            Reply::Answered(body) => {
                self.trusted |= *call != Call::Health;
                let makes_sense = !call.is_read() || has_its_shape(call, &body);
                let outcome = Outcome::Body(body);
                if makes_sense { Place::Settled(outcome) } else { self.doubt(at, outcome) }
            }
            Reply::NotSent(why) => Place::Troubled(Outcome::Failed(unreachable(&why))),
            Reply::Lost(why) if call.is_read() => Place::Troubled(Outcome::Failed(unreachable(&why))),
            Reply::Lost(why) => Place::Settled(Outcome::Lost(why)),
            Reply::Refused(Refusal::Unauthorized) => Place::Doubted,
            Reply::Refused(refusal) => {
                let failed = || Outcome::Failed(refused(call, &refusal));
                match refusal {
                    Refusal::TooMany => Place::Troubled(failed()),
                    // What ran too long or read too much does so again, and whatever the text is converted to is nobody's concern.
                    Refusal::Server(_, said) if is_too_much_output(&said) || matches!(call, Call::ConvertedCompose { .. }) => {
                        Place::Settled(Outcome::Refused(Refusal::Server(500, said)))
                    }
                    // A write may have been done before the error.
                    Refusal::Server(..) if call.is_read() => Place::Troubled(failed()),
                    // A proxy says such things while Dokploy restarts. A write is not repeated: it may have gone through.
                    Refusal::NotDokploy(..) if !call.is_read() => Place::Settled(failed()),
                    Refusal::NotDokploy(..) if self.trusted => Place::Troubled(failed()),
                    Refusal::NotDokploy(..) => {
                        let outcome = failed();
                        self.doubt(at, outcome)
                    }
                    refusal if call.is_read() && !matches!(refusal, Refusal::BadInput(_)) => self.doubt(at, Outcome::Refused(refusal)),
                    refusal => Place::Settled(Outcome::Refused(refusal)),
                }
            }
        }
    }

    /// An answer that is believed when it is given again and again. What is asked over and over anyway is not asked twice for it.
    fn doubt(&mut self, at: usize, outcome: Outcome) -> Place {
        self.doubts[at] += 1;
        if self.patience == Patience::Long && self.doubts[at] < BELIEVED_AFTER { Place::Troubled(outcome) } else { Place::Settled(outcome) }
    }

    fn resolve_doubts(&mut self, cause: &Cause) {
        let is_believed = self.rounds + 1 >= BELIEVED_AFTER;
        for place in &mut self.places {
            if *place == Place::Doubted {
                // Nothing was done: the key is verified before anything else (FACTS §2), so that writes may be repeated too.
                *place = match cause.failure(self.trusted) {
                    failure if failure.kind == FailureKind::KeyRefused && !self.trusted && is_believed => {
                        Place::Settled(Outcome::Failed(failure))
                    }
                    failure => Place::Troubled(Outcome::Failed(failure)),
                };
            }
        }
    }
}

/// Node's own limit of what a command may print (FACTS §6): a smaller `tail` is the cure.
pub(super) fn is_too_much_output(message: &str) -> bool {
    message.contains("maxBuffer")
}

fn unreachable(why: &str) -> Failure {
    super::failure::failure(FailureKind::Unreachable, format!("Dokploy cannot be reached: {why}"))
}
