//! The loop: asks the engine, records what is now so, starts what is to be done, waits for what comes of it.
//!
//! One rule: a step's durable events are on disk before its effects start. If they cannot be, nothing starts and the engine is told.

use super::in_flight::InFlight;
use super::interrupt::{Interrupts, Signal};
use super::machine::Machine;
use super::{Approve, Clock, Confirmation, Platform, Prober, Record, Report};
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
pub struct Outside<P, Q, C, A> {
    /// Dokploy.
    pub platform: Rc<P>,
    /// The services.
    pub prober: Rc<Q>,
    /// Time.
    pub clock: Rc<C>,
    /// People.
    pub people: Rc<A>,
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
pub async fn run<M, P, Q, C, A>(
    machine: M,
    outside: Outside<P, Q, C, A>,
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
{
    let mut driver = Driver {
        machine,
        outside,
        record,
        report,
        now: Moment::START,
        inputs: VecDeque::from([Input::Begin]),
        in_flight: InFlight::new(),
        signal: None,
        leave_by: None,
        idle_wakes: 0,
    };
    LocalSet::new().run_until(driver.drive(interrupts)).await
}

struct Driver<'a, M, P, Q, C, A> {
    machine: M,
    outside: Outside<P, Q, C, A>,
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
}

/// What ended a wait.
enum Came {
    Signal(Signal),
    Answer,
    Time,
    TimeToLeave,
}

impl<M, P, Q, C, A> Driver<'_, M, P, Q, C, A>
where
    M: Machine,
    P: Platform + 'static,
    Q: Prober + 'static,
    C: Clock + 'static,
    A: Approve + 'static,
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
                Came::Time => {}
            }
        }
    }

    async fn wait(&mut self, wake: Option<Moment>, interrupts: &mut impl Interrupts) -> Came {
        assert!(
            wake.is_some() || !self.in_flight.is_idle() || self.signal.is_some(),
            "the engine waits for nothing; this is a bug in plan"
        );
        let clock = Rc::clone(&self.outside.clock);
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
        let durable: Vec<Event> = events.iter().filter(|event| event.is_durable()).cloned().collect();
        let recorded = if durable.is_empty() { Ok(()) } else { self.record.append(now, &durable) };
        match recorded {
            Ok(()) => {
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
            Effect::Approve { op, gate, .. } => self.in_flight.start(op, async move {
                let (who, yes) = people.approve(gate).await;
                answers.tell(op, Input::Approved(op, who, yes));
            }),
            Effect::Abandon { op } => self.in_flight.abandon(op),
        }
    }
}
