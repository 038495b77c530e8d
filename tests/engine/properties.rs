//! What holds of every run, whatever is answered and whenever.

use super::fake::{Run, drive_with, options};
use super::model;
use super::plan::{PHASES, SERVICES, schedule, with_approval};
use proptest::prelude::*;
use rollout_plan::engine::*;
use rollout_plan::schedule::render;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Choices, drawn in order; when they are used up they begin anew.
struct Choices {
    drawn: Vec<u16>,
    at: usize,
}

impl Choices {
    fn next(&mut self) -> u16 {
        self.at += 1;
        // The round trips differ, so that a short list does not repeat itself; the first is as drawn, so that it can be shrunk.
        let trip = u16::try_from(self.at / self.drawn.len()).unwrap_or(u16::MAX);
        let mixed = trip.wrapping_mul(40_503).rotate_left(5);
        self.drawn[self.at % self.drawn.len()].wrapping_add(mixed)
    }

    fn below(&mut self, bound: u16) -> u16 {
        self.next() % bound
    }

    /// True in `percent` of cases.
    fn chance(&mut self, percent: u16) -> bool {
        self.below(100) < percent
    }
}

/// A platform that answers each question in its form, and with anything in it.
struct Chaos {
    choices: Choices,
    /// How often, in percent, an answer is the good one.
    kindness: u16,
    text: String,
    containers: BTreeMap<String, (u64, u64)>,
    /// Whether the baseline was kept, and the changing intent in flight.
    is_kept: bool,
    in_flight: Option<(OpId, Moment)>,
}

impl Chaos {
    fn is_kind(&mut self) -> bool {
        let kindness = self.kindness;
        self.choices.chance(kindness)
    }

    fn failure(&mut self) -> Answer {
        let may_have_acted = self.choices.chance(50);
        let kinds = [FailureKind::Unreachable, FailureKind::KeyRefused, FailureKind::TooLarge, FailureKind::ServerError];
        let kind = kinds[usize::from(self.choices.below(4))];
        Answer::Failed(Failure { kind, message: "it did not work".to_owned(), may_have_acted, tried_for: Duration::ZERO })
    }

    fn observed(&mut self) -> Observed {
        if !self.is_kind() && self.choices.chance(50) {
            return Observed::Unknown("an empty list".to_owned());
        }
        let mut containers = Vec::new();
        for (service, (id, restarts)) in self.containers.clone() {
            let (mut restarts, mut state, mut health) = (restarts, ContainerState::Running, None);
            if !self.is_kind() {
                let states = [
                    ContainerState::Restarting,
                    ContainerState::Exited(0),
                    ContainerState::Exited(2),
                    ContainerState::Created,
                    ContainerState::Running,
                    ContainerState::Running,
                ];
                state = states[usize::from(self.choices.below(6))].clone();
                health = [None, Some(Health::Starting), Some(Health::Unhealthy)][usize::from(self.choices.below(3))];
                restarts += u64::from(self.choices.below(2));
                self.containers.insert(service.clone(), (id, restarts));
            }
            containers.push(Container {
                id: ContainerId(format!("{id:012x}")),
                name: format!("app-{service}-1"),
                service,
                state,
                restarts,
                started_at: restarts.to_string(),
                health,
                oom_killed: false,
                restarts_itself: self.choices.chance(50),
                image: "i".to_owned(),
                image_id: "sha256:i".to_owned(),
            });
        }
        Observed::Known(containers)
    }

    fn made(&mut self) {
        let count = usize::from(self.choices.below(5));
        for service in &SERVICES[..count] {
            let id = u64::from(self.choices.next());
            self.containers.entry((*service).to_owned()).or_insert((id, 0));
        }
    }

    fn deploy(&mut self) -> Vec<(u64, Answer)> {
        let deployment = DeploymentId("d".to_owned());
        if !self.is_kind() && self.choices.chance(30) {
            let failure = self.failure();
            return vec![(100, failure)];
        }
        let queued = (50, Answer::Progress(DeployProgress::Queued { ahead: 1, active: None, whose: None, since: None }));
        let started = (900, Answer::Progress(DeployProgress::Started { deployment: deployment.clone() }));
        let end = if self.is_kind() {
            for service in SERVICES {
                let id = u64::from(self.choices.next());
                self.containers.entry(service.to_owned()).or_insert((id, 0));
            }
            DeployEnd::Finished { deployment, status: RowStatus::Done, error: None }
        } else {
            self.made();
            match self.choices.below(8) {
                7 => DeployEnd::Overtaken { title: "theirs".to_owned() },
                0 => DeployEnd::NeverStarted { evidence: "gone".to_owned() },
                1 => DeployEnd::Orphaned { deployment, evidence: "gone".to_owned() },
                2 => DeployEnd::Busy { title: "theirs".to_owned() },
                3 => DeployEnd::Finished { deployment, status: RowStatus::Cancelled, error: None },
                4 => return vec![queued, started],
                5 => return vec![queued],
                _ => DeployEnd::Finished { deployment, status: RowStatus::Error, error: Some("e".to_owned()) },
            }
        };
        let last = u64::from(self.choices.below(60)) * 4000 + 1000;
        vec![queued, started, (last, Answer::Deployed(end))]
    }

    fn still_ours(&mut self) -> Answer {
        if self.is_kind() || self.choices.chance(80) {
            return Answer::StillOurs;
        }
        match self.choices.below(4) {
            0 => self.failure(),
            1 => Answer::TextChanged { live: "services: {x: {}}\n".to_owned() },
            2 => {
                Answer::TextChanged { live: "# plan run=r9 phase=core files=sha256:0 text=sha256:0 verified=no\nservices: {}\n".to_owned() }
            }
            _ => Answer::Deployed(DeployEnd::Busy { title: "plan run=r9 phase=core try=1".to_owned() }),
        }
    }

    fn survey(&mut self, plan: &rollout_plan::schedule::Schedule) -> Answer {
        if !self.is_kind() && self.choices.chance(20) {
            return self.failure();
        }
        let at = usize::from(self.choices.below(4));
        self.text = match self.choices.below(5) {
            0 | 1 => String::new(),
            2 => render(&plan.phases[at], "r0", &BTreeMap::new(), true),
            3 => render(&plan.phases[at], "r0", &BTreeMap::new(), false),
            _ => "services: {}\n".to_owned(),
        };
        self.made();
        let containers = self.observed();
        Answer::Surveyed(Box::new(Survey {
            version: "v0.30.2".to_owned(),
            compose_id: "c".to_owned(),
            app_name: "app".to_owned(),
            text: self.text.clone(),
            containers,
            host: Some(vec![]),
            ..Survey::default()
        }))
    }

    /// Answers, in milliseconds from now.
    fn perform(&mut self, plan: &rollout_plan::schedule::Schedule, now: Moment, effect: &Effect) -> Vec<(Duration, Input)> {
        let changing = matches!(
            effect,
            Effect::Platform { intent: Intent::Replace { .. } | Intent::Deploy { .. } | Intent::Stop | Intent::Withdraw { .. }, .. }
        );
        assert!(!changing || self.is_kept, "something is changed before the baseline is kept");
        let lost = self.kindness < 100 && self.choices.chance(3);
        let delay = |choices: &mut Choices| u64::from(choices.below(40)) * if choices.chance(10) { 400 } else { 5 };
        let after = delay(&mut self.choices);
        let answers = match effect {
            Effect::Sample { op, .. } => {
                let bad = [Reading::Fail, Reading::Error][usize::from(self.choices.below(2))];
                let reading = if self.is_kind() { Reading::Pass } else { bad };
                let sample = Sample { reading, expected: "e".into(), actual: "a".into(), at: now, took_ms: 1 };
                if lost { vec![] } else { vec![(after, Input::Sampled(*op, sample))] }
            }
            Effect::KeepSnapshot { op, name, .. } => {
                self.is_kept |= name == "baseline";
                vec![(after, Input::Kept(*op, name.clone()))]
            }
            Effect::KeepEvidence { op, .. } => vec![(after, Input::Kept(*op, "evidence".to_owned()))],
            Effect::Confirm { op, .. } | Effect::AskRollback { op, .. } => vec![(after, Input::Confirmed(*op, self.choices.chance(95)))],
            Effect::Approve { op, .. } if !lost => {
                vec![(after, Input::Approved(*op, Approver("ada".to_owned()), self.is_kind()))]
            }
            Effect::Approve { .. } | Effect::Abandon { .. } => vec![],
            Effect::AskHolder { op } => vec![(after, Input::HolderAsked(*op, Ok(HolderHeard::NobodyThere)))],
            Effect::Lock { op, .. } => vec![(after, Input::Locked(*op))],
            Effect::Platform { op, intent } => {
                let answers = match intent {
                    Intent::StillOurs { .. } => vec![(after, self.still_ours())],
                    Intent::Find => vec![(after, Answer::Found { compose: "c1".to_owned() })],
                    Intent::Survey => vec![(after, self.survey(plan))],
                    Intent::Resolve(_) => vec![(after, Answer::Resolved(BTreeMap::new()))],
                    Intent::Observe | Intent::DeployLog { .. } | Intent::ContainerLogs { .. } if lost => vec![],
                    Intent::Observe => vec![(after, Answer::Observed(self.observed()))],
                    Intent::ObserveNamed { .. } | Intent::ObserveServer => panic!("no plan of these tests asks for it"),
                    Intent::DeployLog { .. } | Intent::ContainerLogs { .. } => vec![(after, Answer::Logs(BTreeMap::new()))],
                    Intent::Replace { text, .. } if self.is_kind() || self.choices.chance(60) => {
                        self.text.clone_from(text);
                        vec![(after, Answer::Replaced)]
                    }
                    Intent::Replace { .. } if self.choices.chance(50) => {
                        vec![(after, Answer::TextChanged { live: "services: {x: {}}\n".to_owned() })]
                    }
                    Intent::Deploy { .. } => self.deploy(),
                    Intent::Stop if self.is_kind() => vec![(after, Answer::Stopped)],
                    Intent::Withdraw { .. } => vec![(after, Answer::Withdrawn(self.choices.chance(50)))],
                    Intent::Replace { .. } | Intent::Stop => vec![(after, self.failure())],
                };
                if changing && !matches!(intent, Intent::Withdraw { .. }) {
                    self.fly(*op, now, &answers);
                }
                answers.into_iter().map(|(after, answer)| (after, Input::Answered(*op, answer))).collect()
            }
        };
        answers.into_iter().map(|(after, input)| (Duration::from_millis(after), input)).collect()
    }

    /// Promise 6: one write at a time. A deploy without an end blocks for good.
    fn fly(&mut self, op: OpId, now: Moment, answers: &[(u64, Answer)]) {
        if let Some((other, until)) = self.in_flight {
            assert!(now >= until, "{op:?} is sent while {other:?} is in flight");
        }
        let ends = answers.last().is_some_and(|(_, answer)| !matches!(answer, Answer::Progress(_)));
        // A job that waits for ever may be withdrawn; nothing else ends it.
        let is_waiting = matches!(answers.last(), Some((_, Answer::Progress(DeployProgress::Queued { .. }))));
        let last = answers.last().map_or(0, |(after, _)| *after);
        let end = if ends || is_waiting { now + Duration::from_millis(last) } else { Moment(Duration::MAX) };
        self.in_flight = Some((op, end));
    }
}

fn chaotic(drawn: &[u16], kindness: u16, options: &Options, interrupt_at: Option<Moment>) -> Run {
    let plan = Arc::new(with_approval(schedule()));
    let choices = Choices { drawn: drawn.to_vec(), at: 0 };
    let mut chaos = Chaos { choices, kindness, text: String::new(), containers: BTreeMap::new(), is_kept: false, in_flight: None };
    drive_with(&plan, options.clone(), interrupt_at, |now, effect| chaos.perform(&plan, now, effect))
}

fn is_rollback(event: &Event) -> bool {
    let purposes = match event {
        Event::Replacing { purpose, .. } | Event::Deploying { purpose, .. } => Some(purpose),
        _ => None,
    };
    matches!(event, Event::Stopping { .. }) || matches!(purposes, Some(DeployPurpose::Rollback(_)))
}

fn is_change(event: &Event) -> bool {
    matches!(event, Event::Replacing { .. } | Event::Deploying { .. } | Event::Stopping { .. })
}

/// Promises 1 and 3: what is called verified passed in the last rounds, each of which could tell the containers.
fn verified_only_by_samples(events: &[(Moment, Event)]) {
    for (at, (_, event)) in events.iter().enumerate() {
        let (Event::PhaseVerified { services, .. } | Event::RollbackVerified { services, .. }) = event else { continue };
        if services.is_empty() {
            continue;
        }
        let rounds = events[..at].iter().rev().filter_map(|(_, event)| match event {
            Event::Round { services, .. } if !services.is_empty() => Some(services),
            _ => None,
        });
        let rounds: Vec<_> = rounds.take(2).collect();
        assert_eq!(rounds.len(), 2, "verified without rounds");
        for service in services {
            for round in &rounds {
                assert_eq!(round[service].reading, Reading::Pass, "{service} is verified without a pass: {event:?}");
                assert!(matches!(round[service].state, ServiceState::Running { .. }), "{service} is verified and does not run");
            }
            assert_eq!(rounds[0][service].verdict, Verdict::Met);
        }
    }
}

fn holds(run: &Run) {
    let events = &run.events;
    verified_only_by_samples(events);

    let ends = events.iter().filter(|(_, event)| matches!(event, Event::RunEnded { .. })).count();
    assert!(ends == 1 && matches!(events.last(), Some((_, Event::RunEnded { .. }))));
    assert!(events.windows(2).all(|pair| pair[0].0 <= pair[1].0));

    // Promise 7: evidence before anything of a rollback.
    if let Some(back) = run.at(is_rollback) {
        let failed = run.at(|event| matches!(event, Event::PhaseFailed { .. })).expect("a rollback follows a failure");
        let kept = run.at(|event| matches!(event, Event::EvidenceKept { .. })).expect("and its evidence");
        assert!(failed < kept && kept < back);
    }
    // Promise 5: never a rollback of a rollback.
    let failures = events.iter().filter(|(_, event)| matches!(event, Event::RollbackFailed { .. })).count();
    assert!(failures <= 1);
    if let Some(at) = run.at(|event| matches!(event, Event::RollbackFailed { .. })) {
        assert!(!events[at..].iter().any(|(_, event)| is_change(event)), "something is changed after a rollback failed");
    }
    assert!(events.iter().filter(|(_, event)| matches!(event, Event::PhaseFailed { .. })).count() <= 1);

    // Every write is recorded before it is sent, and only such writes are.
    let changes = run.changes().iter().filter(|change| *change != "withdraw").count();
    assert_eq!(changes, events.iter().filter(|(_, event)| is_change(event)).count());
    let code = run.code();
    if changes == 0 {
        assert!(!run.ending.facts.changed);
        assert!([0, 3, 5, 7, 9, 10, 130].contains(&code), "{code}");
    }
    let failed = events.iter().find_map(|(_, event)| if let Event::PhaseFailed { phase, .. } = event { Some(phase.0) } else { None });
    if let (Some(failed), 4) = (failed, code) {
        assert!(run.ending.verdict.contains(&format!("phase `{}` failed", PHASES[failed])), "{}", run.ending.verdict);
    }
    if [0, 4].contains(&code) {
        assert!(run.ending.facts.verified && run.ending.facts.known && run.ending.live.is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_run_ends_and_keeps_the_promises(
        drawn in proptest::collection::vec(any::<u16>(), 16..80),
        kindness in prop_oneof![Just(55u16), Just(85), Just(96), Just(99)],
        interrupt in proptest::option::weighted(0.2, 0u64..400_000),
        adopt in any::<bool>(),
        redeploy in proptest::bool::weighted(0.2),
    ) {
        let options = Options { adopt, redeploy, ..options() };
        let run = chaotic(&drawn, kindness, &options, interrupt.map(Moment::millis));
        holds(&run);
        model::holds(&run, &with_approval(schedule()));
        let again = chaotic(&drawn, kindness, &options, interrupt.map(Moment::millis));
        prop_assert_eq!(run.events, again.events, "two equal runs differ");
    }
}

/// The choices reach every kind of ending: a property that never sees a rollback proves nothing of one.
#[test]
fn the_choices_reach_every_kind_of_ending() {
    let mut codes: BTreeMap<u8, usize> = BTreeMap::new();
    let mut undone: BTreeSet<String> = BTreeSet::new();
    for seed in 0..600u16 {
        let drawn: Vec<u16> =
            (0..40u16).map(|at| (seed + 1).wrapping_mul(40_503).wrapping_mul(at + 1).rotate_left(7) ^ (seed << 3)).collect();
        let kindness = [85, 96, 99][usize::from(seed % 3)];
        let run = chaotic(&drawn, kindness, &Options { adopt: true, ..options() }, None);
        holds(&run);
        model::holds(&run, &with_approval(schedule()));
        *codes.entry(run.code()).or_default() += 1;
        undone.extend(run.events.iter().filter_map(|(_, event)| match event {
            Event::RollbackStarted { undo, .. } => Some(format!("{undo:?}")),
            _ => None,
        }));
    }
    for code in [0, 3, 4, 5, 6, 7, 9, 10] {
        assert!(codes.contains_key(&code), "no run ended with {code}: {codes:?}");
    }
    assert_eq!(undone.len(), 3, "{undone:?}");
}
