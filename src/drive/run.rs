//! The loop: asks the engine, records what is now so, starts what is to be done, waits for what comes of it.
//!
//! One rule: a step's durable events are on disk before its effects start. If they cannot be, nothing starts and the engine is told.

use super::in_flight::InFlight;
use super::interrupt::{Interrupts, Signal};
use super::machine::Machine;
use super::{Approve, Clock, Confirmation, Locks, Platform, Prober, Record, Report};
use crate::engine::{Answer, Effect, Ending, Event, Input, Moment, Step};
use std::collections::VecDeque;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::LocalSet;

/// Wakes in a row, at one moment, that change nothing: more than this is a bug in the engine, and would spin for ever.
const IDLE_WAKES: u32 = 1000;

/// How long a call in flight is waited for once somebody wants to leave. CI kills what is still there 7.5 s after its first signal, and the
/// journal must be written before that.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// Everything outside that effects need.
#[derive(Debug)]
pub struct Outside<P, Q, C, A, L> {
    /// Dokploy.
    pub platform: Rc<P>,
    /// The services.
    pub prober: Rc<Q>,
    /// Time.
    pub clock: Rc<C>,
    /// People.
    pub people: Rc<A>,
    /// Other runs of this user on this machine.
    pub locks: Rc<L>,
}

/// How driving a run came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driven {
    /// The engine ended it; with the signal that asked for that, if one did.
    Ended(Ending, Option<Signal>),
    /// A second signal: the process is to leave at once. The journal says how far it came.
    Left(Signal),
}

/// Drives a run to its end.
///
/// # Panics
/// When the engine waits for nothing, or is never content with being woken: both are bugs of `plan`.
pub async fn run<M, P, Q, C, A, L>(
    machine: M,
    outside: Outside<P, Q, C, A, L>,
    record: &mut dyn Record,
    report: &mut dyn Report,
    interrupts: &mut impl Interrupts,
) -> Driven
where
    M: Machine,
    P: Platform + 'static,
    Q: Prober + 'static,
    C: Clock + 'static,
    A: Approve + 'static,
    L: Locks + 'static,
{
    let in_flight = InFlight::new(outside.clock.is_virtual());
    let mut driver = Driver {
        machine,
        outside,
        record,
        report,
        now: Moment::START,
        inputs: VecDeque::from([Input::Begin]),
        in_flight,
        signal: None,
        leave_by: None,
        idle_wakes: 0,
        round: None,
    };
    LocalSet::new().run_until(driver.drive(interrupts)).await
}

struct Driver<'a, M, P, Q, C, A, L> {
    machine: M,
    outside: Outside<P, Q, C, A, L>,
    record: &'a mut dyn Record,
    report: &'a mut dyn Report,
    /// Never goes back.
    now: Moment,
    inputs: VecDeque<Input>,
    in_flight: InFlight,
    signal: Option<Signal>,
    /// When a call in flight is no longer waited for.
    leave_by: Option<Moment>,
    idle_wakes: u32,
    /// The last round, if nothing was recorded since.
    round: Option<Event>,
}

/// What ended a wait.
enum Came {
    Signal(Signal),
    Answer,
    Asked(String),
    Time,
    TimeToLeave,
}

impl<M, P, Q, C, A, L> Driver<'_, M, P, Q, C, A, L>
where
    M: Machine,
    P: Platform + 'static,
    Q: Prober + 'static,
    C: Clock + 'static,
    A: Approve + 'static,
    L: Locks + 'static,
{
    async fn drive(&mut self, interrupts: &mut impl Interrupts) -> Driven {
        loop {
            while let Some(input) = self.inputs.pop_front() {
                self.step(input);
                if let Some(ending) = self.machine.ending() {
                    return Driven::Ended(ending.clone(), self.signal);
                }
            }
            let wake = self.machine.next_wake();
            if wake.is_some_and(|wake| wake <= self.tick()) {
                self.wake().await;
                continue;
            }
            match self.wait(wake, interrupts).await {
                Came::Signal(signal) if self.signal.is_some() => return Driven::Left(signal),
                Came::Signal(signal) => {
                    self.signal = Some(signal);
                    self.leave_by = Some(self.tick() + LEAVE_WITHIN);
                    self.inputs.push_back(Input::Interrupted);
                }
                Came::TimeToLeave => {
                    self.leave_by = None;
                    self.inputs.push_back(Input::Interrupted);
                }
                Came::Answer => self.inputs.extend(self.in_flight.drain().await),
                Came::Asked(by) => self.inputs.push_back(Input::FailureAsked(by)),
                Came::Time => {}
            }
        }
    }

    async fn wait(&mut self, wake: Option<Moment>, interrupts: &mut impl Interrupts) -> Came {
        assert!(
            wake.is_some() || !self.in_flight.is_idle() || self.signal.is_some(),
            "the engine waits for nothing; this is a bug in plan"
        );
        let (clock, locks) = (Rc::clone(&self.outside.clock), Rc::clone(&self.outside.locks));
        let time = async {
            match wake {
                Some(wake) => clock.sleep_until(wake).await,
                None => pending().await,
            }
        };
        let leave_by = self.leave_by;
        let time_to_leave = async {
            match leave_by {
                Some(moment) => clock.sleep_until(moment).await,
                None => pending().await,
            }
        };
        self.idle_wakes = 0;
        tokio::select! {
            biased;
            signal = interrupts.next() => Came::Signal(signal),
            () = self.in_flight.answered() => Came::Answer,
            by = locks.asked() => Came::Asked(by),
            () = time => Came::Time,
            () = time_to_leave => Came::TimeToLeave,
        }
    }

    /// A deadline has come. Answers that are there at the same time come before it.
    async fn wake(&mut self) {
        let answers = self.in_flight.drain().await;
        if answers.is_empty() {
            self.idle_wakes += 1;
            assert!(self.idle_wakes <= IDLE_WAKES, "the engine wants to be woken at {:?} over and over; this is a bug in plan", self.now);
            self.inputs.push_back(Input::Woke);
        } else {
            self.inputs.extend(answers);
        }
    }

    fn tick(&mut self) -> Moment {
        self.now = self.now.max(self.outside.clock.now());
        self.now
    }

    fn step(&mut self, input: Input) {
        let now = self.tick();
        let Step { events, effects } = self.machine.decide(now, input);
        let (durable, round) = to_record(&events, self.round.as_ref());
        let recorded = if durable.is_empty() { Ok(()) } else { self.record.append(now, &durable) };
        match recorded {
            Ok(()) => {
                self.round = round;
                self.take(now, &events);
                for effect in effects {
                    self.start(effect);
                }
            }
            Err(why) => {
                // The step did not happen. What the engine makes of that is shown, and nothing more is started.
                let Step { events, .. } = self.machine.decide(now, Input::CannotRecord(why));
                self.take(now, &events);
            }
        }
    }

    fn take(&mut self, now: Moment, events: &[Event]) {
        for event in events {
            self.machine.apply(now, event);
            self.outside.locks.follow(now, event);
            if event.is_shown() {
                self.report.event(now, event);
            }
        }
    }

    fn start(&mut self, effect: Effect) {
        let answers = self.in_flight.answers();
        let (clock, people) = (Rc::clone(&self.outside.clock), Rc::clone(&self.outside.people));
        match effect {
            Effect::Platform { op, intent } => {
                let platform = Rc::clone(&self.outside.platform);
                self.in_flight.start(op, async move {
                    let mut progress = |answer: Answer| answers.tell(op, Input::Answered(op, answer));
                    let answer = platform.carry_out(intent, &mut progress).await;
                    answers.tell(op, Input::Answered(op, answer));
                });
            }
            Effect::Sample { op, expectation } => {
                let prober = Rc::clone(&self.outside.prober);
                self.in_flight.start(op, async move {
                    let sample = prober.sample(expectation, clock.now()).await;
                    answers.tell(op, Input::Sampled(op, sample));
                });
            }
            Effect::Lock { op, compose } => {
                let locks = Rc::clone(&self.outside.locks);
                self.in_flight.start(op, async move {
                    let mut told = |holder: String| answers.tell(op, Input::LockHeld(op, holder));
                    let taken = locks.acquire(&compose, &mut told).await;
                    answers.tell(op, taken.map_or_else(|why| Input::CannotLock(op, why), |()| Input::Locked(op)));
                });
            }
            Effect::AskHolder { op } => {
                let locks = Rc::clone(&self.outside.locks);
                self.in_flight.start(op, async move {
                    let heard = locks.ask_holder().await;
                    answers.tell(op, Input::HolderAsked(op, heard));
                });
            }
            Effect::KeepSnapshot { op, name, text } => {
                let kept = self.record.keep_snapshot(&name, &text);
                self.inputs.push_back(kept.map_or_else(Input::CannotRecord, |place| Input::Kept(op, place)));
            }
            Effect::KeepEvidence { op, evidence } => {
                let kept = self.record.keep_evidence(&evidence);
                self.inputs.push_back(kept.map_or_else(Input::CannotRecord, |place| Input::Kept(op, place)));
            }
            Effect::Confirm { op, after } => self.in_flight.start(op, async move {
                let yes = people.confirm(after).await == Confirmation::Yes;
                answers.tell(op, Input::Confirmed(op, yes));
            }),
            Effect::AskRollback { op, phase } => self.in_flight.start(op, async move {
                let yes = people.rollback(phase).await == Confirmation::Yes;
                answers.tell(op, Input::Confirmed(op, yes));
            }),
            Effect::Approve { op, gate, .. } => {
                let locks = Rc::clone(&self.outside.locks);
                self.in_flight.start(op, async move {
                    let (who, yes) = tokio::select! {
                        biased;
                        here = people.approve(gate) => here,
                        elsewhere = locks.answered(gate) => {
                            people.answered_elsewhere();
                            elsewhere
                        }
                    };
                    answers.tell(op, Input::Approved(op, who, yes));
                });
            }
            Effect::Abandon { op } => self.in_flight.abandon(op),
        }
    }
}

/// What of a step's events is recorded: the durable ones, and before the first of them the last round in short. A round by itself is not
/// durable; what followed from it, and what was seen last before a run was cut off, could not be told without it. Also gives the round
/// that is still unrecorded then.
fn to_record(events: &[Event], round: Option<&Event>) -> (Vec<Event>, Option<Event>) {
    let (mut recorded, mut round) = (Vec::new(), round.cloned());
    for event in events {
        if event.is_durable() {
            recorded.extend(round.take());
            recorded.push(event.clone());
        } else {
            round = event.round_in_short().or(round);
        }
    }
    (recorded, round)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Note;
    use std::collections::BTreeMap;

    #[test]
    fn the_last_round_is_recorded_with_what_follows_from_it_and_once() {
        let round = |service: &str| {
            let round = crate::engine::RoundService {
                state: crate::engine::ServiceState::Missing,
                health: None,
                verdict: crate::engine::Verdict::Failed,
                reading: crate::engine::Reading::Fail,
                passes: 0,
                actual: None,
                samples: BTreeMap::new(),
            };
            Event::Round { services: BTreeMap::from([(service.to_owned(), round)]), others: BTreeMap::new(), asides: BTreeMap::new() }
        };
        let note = || Event::Noted { note: Note::default() };
        assert_eq!(to_record(&[round("a"), note()], None), (vec![], Some(round("a"))));
        assert_eq!(to_record(&[round("b")], Some(&round("a"))), (vec![], Some(round("b"))));
        assert_eq!(
            to_record(&[note(), Event::Agreed, Event::Stopped], Some(&round("b"))),
            (vec![round("b"), Event::Agreed, Event::Stopped], None)
        );
        assert_eq!(to_record(&[Event::Agreed, round("c")], None), (vec![Event::Agreed], Some(round("c"))));
    }
}
