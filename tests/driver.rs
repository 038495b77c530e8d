//! The loop's own rules, with a scripted engine in the real one's place.

use rollout_plan::drive::{
    AlwaysFree, Approve as _, Automatic, Clock as _, Driven, Interrupts, Machine, Outside, PacedClock, Platform, Prober, Record, Report,
    Signal, Speed, run,
};
use rollout_plan::engine::{
    Answer, DeployProgress, Effect, Ending, Event, Evidence, Facts, Input, Intent, Moment, OpId, Reading, Reason, Sample, Step,
};
use rollout_plan::schedule::ExpectationId;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

/// What happened, in order: one line each.
type Trace = Rc<RefCell<Vec<String>>>;

/// What the scripted engine makes of an input.
type Rule = Box<dyn Fn(Moment, &Input) -> (Vec<Event>, Vec<Effect>)>;

/// An engine whose every decision is the test's. It ends by the event that ends a run, and wakes at the moments that it is given.
struct Scripted {
    trace: Trace,
    rule: Rule,
    wakes: VecDeque<Moment>,
    ending: Option<Ending>,
}

impl Machine for Scripted {
    fn decide(&self, now: Moment, input: Input) -> Step {
        self.trace.borrow_mut().push(format!("{} {}", now.0.as_millis(), short(&input)));
        let (events, effects) = (self.rule)(now, &input);
        Step { events, effects }
    }

    fn apply(&mut self, now: Moment, event: &Event) {
        if let Event::RunEnded { ending } = event {
            self.ending = Some(ending.clone());
        }
        while self.wakes.front().is_some_and(|wake| *wake <= now) {
            self.wakes.pop_front();
        }
    }

    fn next_wake(&self) -> Option<Moment> {
        self.wakes.front().copied()
    }

    fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }
}

fn short(input: &Input) -> String {
    match input {
        Input::Answered(op, Answer::Progress(_)) => format!("progress {}", op.0),
        Input::Answered(op, _) => format!("answered {}", op.0),
        Input::Sampled(op, _) => format!("sampled {}", op.0),
        Input::Kept(op, place) => format!("kept {} {place}", op.0),
        Input::Confirmed(op, yes) => format!("confirmed {} {yes}", op.0),
        Input::Approved(op, who, yes) => format!("approved {} {} {yes}", op.0, who.0),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// Answers each intent after so long; the first answer of a deploy is progress.
struct Slow {
    trace: Trace,
    takes: Duration,
}

impl Platform for Slow {
    async fn carry_out(&self, intent: Intent, progress: &mut dyn FnMut(Answer)) -> Answer {
        self.trace.borrow_mut().push(format!("start {intent:?}"));
        if matches!(intent, Intent::Stop) {
            progress(Answer::Progress(DeployProgress::Unreachable { why: "x".into() }));
        }
        tokio::time::sleep(self.takes).await;
        Answer::Stopped
    }
}

impl Prober for Slow {
    async fn sample(&self, expectation: ExpectationId, now: Moment) -> Sample {
        assert!(expectation.0 != 99, "a bug in a prober");
        tokio::time::sleep(self.takes).await;
        Sample { reading: Reading::Pass, expected: String::new(), actual: String::new(), at: now + self.takes, took_ms: 0 }
    }
}

/// A record that fails from its `full`th append on.
struct Book {
    trace: Trace,
    full: usize,
}

impl Record for Book {
    fn append(&mut self, _: Moment, events: &[Event]) -> Result<(), String> {
        if self.full == 0 {
            self.trace.borrow_mut().push("append fails".into());
            return Err("disk full".into());
        }
        self.full -= 1;
        self.trace.borrow_mut().push(format!("append {}", events.len()));
        Ok(())
    }

    fn keep_snapshot(&mut self, name: &str, _: &str) -> Result<String, String> {
        Ok(format!("/{name}"))
    }

    fn keep_evidence(&mut self, _: &Evidence) -> Result<String, String> {
        Err("disk full".into())
    }
}

struct Shown(Trace);

impl Report for Shown {
    fn event(&mut self, _: Moment, event: &Event) {
        let shown = match event {
            Event::RunEnded { .. } => "ended".into(),
            Event::Warned { text } => text.clone(),
            other => format!("{other:?}"),
        };
        self.0.borrow_mut().push(format!("show {shown}"));
    }
}

/// Signals at these moments of virtual time.
struct At(VecDeque<(tokio::time::Instant, Signal)>);

impl Interrupts for At {
    async fn next(&mut self) -> Signal {
        let Some((at, signal)) = self.0.front().copied() else { pending().await };
        tokio::time::sleep_until(at).await;
        self.0.pop_front();
        signal
    }
}

fn note(text: &str) -> Event {
    Event::Warned { text: text.into() }
}

fn end() -> Event {
    let facts = Facts { changed: false, verified: true, known: true };
    let ending = Ending { reason: Reason::Completed, facts, live: None, healthy: (0, 0), verdict: String::new() };
    Event::RunEnded { ending }
}

fn round() -> Event {
    Event::Round { services: BTreeMap::new(), others: BTreeMap::new(), asides: BTreeMap::new() }
}

fn platform(op: u64, intent: Intent) -> Effect {
    Effect::Platform { op: OpId(op), intent }
}

fn sample(op: u64) -> Effect {
    Effect::Sample { op: OpId(op), expectation: ExpectationId(0) }
}

/// Drives a scripted engine on virtual time and gives the end and the trace. Effects take `takes` seconds.
async fn driven(wakes: &[u64], takes: u64, full: usize, signals: &[(u64, Signal)], rule: Rule) -> (Driven, Vec<String>) {
    let trace = Trace::default();
    let clock = Rc::new(PacedClock::start(Speed::Max));
    assert_eq!(clock.now(), Moment::START);
    let machine = Scripted {
        trace: Rc::clone(&trace),
        rule,
        wakes: wakes.iter().map(|seconds| Moment::millis(seconds * 1000)).collect(),
        ending: None,
    };
    let slow = Rc::new(Slow { trace: Rc::clone(&trace), takes: Duration::from_secs(takes) });
    let outside = Outside { platform: Rc::clone(&slow), prober: slow, clock, people: Rc::new(Automatic), locks: Rc::new(AlwaysFree) };
    let mut book = Book { trace: Rc::clone(&trace), full };
    let mut shown = Shown(Rc::clone(&trace));
    let now = tokio::time::Instant::now();
    let mut signals = At(signals.iter().map(|(at, signal)| (now + Duration::from_secs(*at), *signal)).collect());
    let driven = run(machine, outside, &mut book, &mut shown, &mut signals).await;
    let trace = trace.borrow().clone();
    (driven, trace)
}

const NEVER_FULL: usize = usize::MAX;

#[tokio::test(start_paused = true)]
async fn events_are_recorded_before_they_are_shown_and_before_effects_start() {
    let rule: Rule = Box::new(|_, input| match input {
        Input::Begin => (vec![note("a"), round(), note("b")], vec![platform(1, Intent::Observe)]),
        _ => (vec![end()], vec![]),
    });
    let (driven, trace) = driven(&[], 2, NEVER_FULL, &[], rule).await;
    assert!(matches!(driven, Driven::Ended(_, None)));
    let expected = [
        "0 begin",
        "append 2",
        "show a",
        "show Round { services: {}, others: {}, asides: {} }",
        "show b",
        "start Observe",
        "2000 answered 1",
        "append 1",
        "show ended",
    ];
    assert_eq!(trace, expected);
}

#[tokio::test(start_paused = true)]
async fn when_a_step_cannot_be_recorded_nothing_of_it_starts() {
    let rule: Rule = Box::new(|_, input| match input {
        Input::Begin => (vec![note("a")], vec![platform(1, Intent::Observe)]),
        Input::CannotRecord(_) => (vec![end()], vec![platform(2, Intent::Stop)]),
        _ => (vec![note("b")], vec![platform(3, Intent::Stop)]),
    });
    let (driven, trace) = driven(&[], 1, 1, &[], rule).await;
    assert!(matches!(driven, Driven::Ended(..)));
    let expected = [
        "0 begin",
        "append 1",
        "show a",
        "start Observe",
        "1000 answered 1",
        "append fails",
        "1000 cannotrecord(\"disk full\")",
        "show ended",
    ];
    assert_eq!(trace, expected);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_is_told_too() {
    let evidence = Evidence {
        phase: String::new(),
        cause: Vec::new(),
        text: String::new(),
        containers: Vec::new(),
        deploy_log: rollout_plan::engine::Log::default(),
        logs: BTreeMap::new(),
        samples: BTreeMap::new(),
    };
    let rule: Rule = Box::new(move |_, input| match input {
        Input::Begin => (vec![], vec![Effect::KeepSnapshot { op: OpId(1), name: "baseline".into(), text: String::new() }]),
        Input::Kept(..) => (vec![], vec![Effect::KeepEvidence { op: OpId(2), evidence: Box::new(evidence.clone()) }]),
        _ => (vec![end()], vec![]),
    });
    let (_, trace) = driven(&[], 1, NEVER_FULL, &[], rule).await;
    assert_eq!(trace, ["0 begin", "0 kept 1 /baseline", "0 cannotrecord(\"disk full\")", "append 1", "show ended"]);
}

#[tokio::test(start_paused = true)]
async fn answers_come_before_a_deadline_at_the_same_time_and_by_id() {
    let rule: Rule = Box::new(|_, input| match input {
        Input::Begin => (vec![], vec![sample(7), sample(3), platform(5, Intent::Observe)]),
        Input::Woke => (vec![end()], vec![]),
        _ => (vec![], vec![]),
    });
    let (_, trace) = driven(&[5], 5, NEVER_FULL, &[], rule).await;
    assert_eq!(
        trace,
        ["0 begin", "start Observe", "5000 sampled 3", "5000 answered 5", "5000 sampled 7", "5000 woke", "append 1", "show ended"]
    );
}

#[tokio::test(start_paused = true)]
async fn progress_comes_before_the_end_and_an_abandoned_effect_never_answers() {
    let rule: Rule = Box::new(|_, input| match input {
        Input::Begin => (vec![], vec![platform(1, Intent::Stop), sample(2), Effect::Abandon { op: OpId(2) }]),
        Input::Woke => (vec![end()], vec![]),
        _ => (vec![], vec![]),
    });
    let (_, trace) = driven(&[9], 3, NEVER_FULL, &[], rule).await;
    assert_eq!(trace, ["0 begin", "start Stop", "0 progress 1", "3000 answered 1", "9000 woke", "append 1", "show ended"]);
}

#[tokio::test(start_paused = true)]
async fn people_answer_through_their_port() {
    let rule: Rule = Box::new(|_, input| match input {
        Input::Begin => (vec![], vec![Effect::Confirm { op: OpId(1), after: None }]),
        Input::Confirmed(..) => {
            let gate = rollout_plan::schedule::GateId(0);
            (vec![], vec![Effect::Approve { op: OpId(2), gate, until: Moment::START }])
        }
        _ => (vec![end()], vec![]),
    });
    let (_, trace) = driven(&[], 1, NEVER_FULL, &[], rule).await;
    assert_eq!(trace, ["0 begin", "0 confirmed 1 true", "0 approved 2 sandbox true", "append 1", "show ended"]);
    let (who, _) = Automatic.approve(rollout_plan::schedule::GateId(0)).await;
    assert_eq!(who.0, "sandbox");
}

#[tokio::test(start_paused = true)]
async fn the_first_signal_is_told_to_the_engine_and_the_second_leaves_at_once() {
    // The engine waits for the call in flight, then ends.
    let patient = || -> Rule {
        Box::new(|_, input| match input {
            Input::Begin => (vec![], vec![platform(1, Intent::Observe)]),
            Input::Answered(..) => (vec![end()], vec![]),
            _ => (vec![], vec![]),
        })
    };
    let (ended, trace) = driven(&[], 10, NEVER_FULL, &[(2, Signal::Interrupt)], patient()).await;
    assert!(matches!(ended, Driven::Ended(_, Some(Signal::Interrupt))), "{ended:?}");
    assert_eq!(trace, ["0 begin", "start Observe", "2000 interrupted", "7000 interrupted", "10000 answered 1", "append 1", "show ended"]);

    let signals = [(2, Signal::Interrupt), (3, Signal::Terminate)];
    let (left, trace) = driven(&[], 10, NEVER_FULL, &signals, patient()).await;
    assert_eq!(left, Driven::Left(Signal::Terminate));
    assert_eq!(trace, ["0 begin", "start Observe", "2000 interrupted"]);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "the engine waits for nothing")]
async fn an_engine_that_waits_for_nothing_is_a_bug_and_not_a_hang() {
    driven(&[], 1, NEVER_FULL, &[], Box::new(|_, _| (vec![], vec![]))).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "over and over")]
async fn an_engine_that_is_never_content_is_a_bug_and_not_a_spin() {
    driven(&[0], 1, NEVER_FULL, &[], Box::new(|_, _| (vec![], vec![]))).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "a bug in a prober")]
async fn a_panic_in_an_effect_is_not_swallowed() {
    let rule: Rule = Box::new(|_, _| (vec![], vec![Effect::Sample { op: OpId(1), expectation: ExpectationId(99) }]));
    driven(&[3600], 1, NEVER_FULL, &[], rule).await;
}
