//! What samples in a row come to, held against a model of three lines; and that a slow start is waited for while a crash loop is not.

use crate::support::in_memory::{InMemory, InMind, on_virtual_time, schedule_of};
use proptest::prelude::*;
use rollout_plan::drive::Driven;
use rollout_plan::engine::{
    Answer, Checkup, Container, ContainerId, ContainerState, Effect, Input, Moment, Observed, OpId, Options, Reading, Sample, Scope,
    Verdict,
};
use rollout_plan::schedule::Schedule;
use rollout_plan::world::{Config, Fault, World};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const HEAD: &str = r#"rollout sampling

dokploy {
  url env("DOKPLOY_URL")
  api-key secret("DOKPLOY_API_KEY")
}

app backend {
  project "Backend"
  environment "staging"
  compose "backend"
}

service web {
  expect http "http://127.0.0.1:8080/health" { status == 200 }
}
"#;

fn schedule(healthy: u32, unhealthy: u32, boot: u64) -> Arc<Schedule> {
    let plan = format!(
        "{HEAD}
restarts max {restarts}

sampling {{
  every 5s
  timeout 3s
  healthy after {healthy} passes
  unhealthy after {unhealthy} failures
}}

phase one {{
  deploy backend from \"one.yml\" within 1m
  settle within 2m
  soak 30s
}}
",
        // In the properties restarts only break rows; what they lead to by their number is another rule.
        restarts = if boot == 0 { 1000 } else { 3 },
    );
    let one = format!(
        "services:\n  web:\n    image: registry.example/web:1.0\n    restart: unless-stopped\n    ports: [\"8080:80\"]\n    x-sandbox: {{ build: 1s, boot: {boot}s }}\n"
    );
    schedule_of(&[("rollout.plan", &plan), ("one.yml", &one)])
}

/// What happens in one round.
#[derive(Clone, Copy, Debug)]
struct Round {
    reading: Reading,
    restarted: bool,
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let reading = prop_oneof![4 => Just(Reading::Pass), 2 => Just(Reading::Fail), 1 => Just(Reading::Error)];
    let round = (reading, prop::bool::weighted(0.15)).prop_map(|(reading, restarted)| Round { reading, restarted });
    prop::collection::vec(round, 1..40)
}

fn sample(reading: Reading, at: Moment) -> Sample {
    Sample { reading, expected: "status == 200".to_owned(), actual: "something".to_owned(), at, took_ms: 1 }
}

fn container(restarts: u64) -> Container {
    Container {
        id: ContainerId("0123456789ab".to_owned()),
        name: "backend-web-1".to_owned(),
        service: "web".to_owned(),
        state: ContainerState::Running,
        restarts,
        started_at: restarts.to_string(),
        health: None,
        oom_killed: false,
        restarts_itself: true,
        image: "registry.example/web:1.0".to_owned(),
        image_id: "sha256:0".to_owned(),
    }
}

/// The verdict after each round, and passes, failures and errors of the expectation in all.
fn verdicts(healthy: u32, unhealthy: u32, containers: bool, rounds: &[Round]) -> (Vec<Verdict>, (u64, u64, u64)) {
    let scope = Scope { services: BTreeSet::from(["web".to_owned()]), containers, ..Scope::default() };
    let mut checkup = Checkup::new(schedule(healthy, unhealthy, 0), scope);
    let (mut now, mut restarts, mut seen) = (Moment::START, 0, Vec::new());
    for round in rounds {
        restarts += u64::from(round.restarted);
        let effects = checkup.begin_round(now);
        assert_eq!(effects.len(), 1 + usize::from(containers));
        for effect in effects {
            let input = match effect {
                Effect::Sample { op, .. } => Input::Sampled(op, sample(round.reading, now)),
                Effect::Platform { op, .. } => Input::Answered(op, Answer::Observed(Observed::Known(vec![container(restarts)]))),
                other => panic!("{other:?}"),
            };
            // An answer to something else changes nothing.
            checkup.take(now, Input::Sampled(OpId(u64::MAX), sample(Reading::Fail, now)));
            checkup.take(now, input);
        }
        assert!(!checkup.is_asking());
        seen.push(checkup.findings()[0].verdict);
        now = checkup.next_wake();
    }
    (seen, checkup.findings()[0].asked[0].totals)
}

/// The model: a row is as long as the readings at the end that are alike, and a restart ends a row of passes before it.
fn model(healthy: u32, unhealthy: u32, containers: bool, rounds: &[Round]) -> Verdict {
    let last = rounds.last().unwrap().reading;
    let alike = rounds.iter().rev().take_while(|round| round.reading == last).count();
    let since = rounds.iter().rev().position(|round| containers && round.restarted).map_or(usize::MAX, |at| at + 1);
    let row = u32::try_from(if last == Reading::Pass { alike.min(since) } else { alike }).unwrap();
    match last {
        Reading::Fail if row >= unhealthy => Verdict::Failed,
        Reading::Error if row >= unhealthy => Verdict::Errored,
        Reading::Pass if row >= healthy => Verdict::Met,
        Reading::Pass => Verdict::Holding,
        _ => Verdict::Unknown,
    }
}

/// Rounds that begin when the one before says, so much too late.
fn due(late: u64) -> Vec<u64> {
    let scope = Scope { services: BTreeSet::from(["web".to_owned()]), ..Scope::default() };
    let (mut checkup, mut now, mut due) = (Checkup::new(schedule(4, 4, 0), scope), Moment::START, Vec::new());
    for _ in 0..4 {
        for effect in checkup.begin_round(now) {
            let Effect::Sample { op, .. } = effect else { panic!("{effect:?}") };
            checkup.take(now, Input::Sampled(op, sample(Reading::Pass, now)));
        }
        due.push(u64::try_from(checkup.next_wake().0.as_millis()).unwrap());
        now = checkup.next_wake() + Duration::from_millis(late);
    }
    due
}

#[test]
fn rounds_that_begin_a_little_late_stay_in_their_place_and_late_ones_move_the_rest() {
    assert_eq!(due(0), [5000, 10_000, 15_000, 20_000]);
    assert_eq!(due(40), [5000, 10_000, 15_000, 20_000], "a timer's delay does not add up");
    assert_eq!(due(3000), [5000, 13_000, 21_000, 29_000], "what was missed is not run after");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn counters_and_verdict_are_those_of_the_model(healthy in 1u32..5, unhealthy in 1u32..5, rounds in rounds()) {
        let (seen, totals) = verdicts(healthy, unhealthy, false, &rounds);
        for (at, verdict) in seen.iter().enumerate() {
            prop_assert_eq!(*verdict, model(healthy, unhealthy, false, &rounds[..=at]));
        }
        let count = |reading| rounds.iter().filter(|round| round.reading == reading).count() as u64;
        prop_assert_eq!(totals, (count(Reading::Pass), count(Reading::Fail), count(Reading::Error)));
    }

    #[test]
    fn nothing_is_met_without_its_samples_and_a_restart_begins_the_row_anew(healthy in 1u32..5, unhealthy in 1u32..5, rounds in rounds()) {
        let (seen, _) = verdicts(healthy, unhealthy, true, &rounds);
        for (at, verdict) in seen.iter().enumerate() {
            let so_far = &rounds[..=at];
            if *verdict == Verdict::Met {
                let last = &so_far[so_far.len().checked_sub(healthy as usize).expect("met before there were so many samples")..];
                prop_assert!(last.iter().all(|round| round.reading == Reading::Pass), "{so_far:?}");
                prop_assert!(last.iter().skip(1).all(|round| !round.restarted), "{so_far:?}");
            }
            // The container alone passes in each round: it never makes a verdict better than the model's. Once met, less is `holding`.
            let model = model(healthy, unhealthy, true, so_far);
            let was_met = seen[..at].contains(&Verdict::Met);
            let model = if was_met && model == Verdict::Unknown { Verdict::Holding } else { model };
            prop_assert_eq!(*verdict, model, "{:?}", so_far);
        }
    }
}

fn exit_of(boot: u64, offset: Duration, faults: Vec<Fault>) -> u8 {
    on_virtual_time(async {
        let at = InMemory::at(World::new(Config { faults, ..Config::default() }), offset);
        let options = Options { run: "a".to_owned(), ..Options::default() };
        match at.run(&schedule(2, 3, boot), options, &mut InMind::default()).await {
            Driven::Ended(ending, _) => ending.exit_code().0,
            Driven::Left(_) => unreachable!("nobody interrupts"),
        }
    })
}

#[test]
fn a_slow_start_is_never_failed_early_and_a_crash_loop_always_is() {
    for offset in (0..5000).step_by(700).map(Duration::from_millis) {
        for boot in [1, 30, 59, 60, 61, 90, 105] {
            assert_eq!(exit_of(boot, offset, Vec::new()), 0, "boots for {boot} s, begun at {offset:?}");
        }
        // It cannot settle in two minutes.
        assert_eq!(exit_of(130, offset, Vec::new()), 4, "begun at {offset:?}");
        for period in [2, 11, 12, 13] {
            let fault = Fault::parse("web: crash-loop").unwrap();
            assert_eq!(exit_of(period, offset, vec![fault]), 4, "crashes every {period} s, begun at {offset:?}");
        }
    }
}
