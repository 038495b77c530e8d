//! `plan health` over whatever containers, logs and answers come, against a second reading that keeps lists and no counters: what each
//! expectation reads in a round, what its rows come to, and what is found of everybody.

use crate::support::dice::Dice;
use crate::support::in_memory::schedule_of;
use rollout_plan::engine::*;
use rollout_plan::schedule::{Schedule, Subject};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const PLAN: &str = r#"rollout small
dokploy {
  url env("DOKPLOY_URL")
  api-key secret("DOKPLOY_API_KEY")
}
app backend {
  project "Backend"
  environment "staging"
  compose "backend"
}
sampling {
  every 5s
  timeout 500ms
}
external temporal {
  hint "look at temporal"
  expect container "temporal" {
    running
    restarts < 2
  }
}
service web {
  hint "look at web"
  needs temporal
  expect http "http://127.0.0.1:8080/health"
  expect container { restarts < 2 }
  expect logs {
    none matches /CRITICAL/
    some matches /ready/
    ignore matches /heartbeat/
  }
  warn http "http://127.0.0.1:8080/slow"
}
phase one {
  deploy backend from "one.yml" within 1m
}
"#;

fn schedule() -> Arc<Schedule> {
    let one = "services:\n  web:\n    image: registry.example/web:v1\n    ports: [\"8080:80\"]\n";
    schedule_of(&[("rollout.plan", PLAN), ("one.yml", one)])
}

fn often(dice: &mut Dice) -> bool {
    dice.roll(6) > 0
}

/// A container that is restarted, replaced, stopped, or out of sight.
#[derive(Clone)]
struct Kept {
    id: u64,
    restarts: u64,
    state: ContainerState,
    health: Option<Health>,
    is_there: bool,
    is_known: bool,
    restarts_itself: bool,
}

impl Kept {
    fn new() -> Self {
        let (state, health) = (ContainerState::Running, None);
        Self { id: 1, restarts: 0, state, health, is_there: true, is_known: true, restarts_itself: true }
    }

    fn next(&mut self, dice: &mut Dice) {
        match dice.roll(14) {
            0 | 1 => self.restarts += 1 + dice.roll(2) as u64,
            2 => (self.id, self.restarts) = (self.id + 1, dice.roll(3) as u64),
            _ => {}
        }
        let states = [ContainerState::Restarting, ContainerState::Exited(0), ContainerState::Exited(1), ContainerState::Created];
        self.state = if often(dice) { ContainerState::Running } else { states[dice.roll(4)].clone() };
        self.health =
            if often(dice) { None } else { [Some(Health::Healthy), Some(Health::Starting), Some(Health::Unhealthy)][dice.roll(3)] };
        (self.is_there, self.is_known, self.restarts_itself) = (dice.roll(12) > 0, dice.roll(10) > 0, often(dice));
    }

    fn observed(&self, name: &str, service: &str) -> Observed {
        if !self.is_known {
            return Observed::Unknown("Docker is silent".to_owned());
        }
        let container = Container {
            id: ContainerId(format!("{:012x}", self.id)),
            name: name.to_owned(),
            service: service.to_owned(),
            state: self.state.clone(),
            restarts: self.restarts,
            started_at: self.restarts.to_string(),
            health: self.health,
            oom_killed: false,
            restarts_itself: self.restarts_itself,
            image: "registry.example/web:v1".to_owned(),
            image_id: "sha256:1".to_owned(),
        };
        Observed::Known(if self.is_there { vec![container] } else { Vec::new() })
    }
}

/// What is remembered of a container: as it was in the last round that saw it, and restarts that each had at first sight.
#[derive(Default)]
struct Memory {
    was: Option<(u64, u64)>,
    first: Vec<(u64, u64)>,
    ended: u32,
}

impl Memory {
    /// Whether it is another one than in the round before, and its restarts since it was first seen.
    fn look(&mut self, now: &Kept) -> (bool, u64) {
        if !now.is_known {
            return (false, 0);
        }
        if !now.is_there {
            self.was = None;
            return (false, 0);
        }
        let changed = self.was.replace((now.id, now.restarts)).is_some_and(|was| was != (now.id, now.restarts));
        if !self.first.iter().any(|(id, _)| *id == now.id) {
            self.first.push((now.id, now.restarts));
        }
        self.ended = if now.state == ContainerState::Exited(0) { self.ended + 1 } else { 0 };
        let first = self.first.iter().find(|(id, _)| *id == now.id).unwrap().1;
        (changed, now.restarts - first)
    }
}

/// Readings one after the other; `None` is neither good nor bad yet, `true`: of another than the one before.
#[derive(Default)]
struct Row(Vec<(Option<Reading>, bool)>);

impl Row {
    fn at_end(&self, wanted: Reading) -> u32 {
        let mut length = 0;
        for (reading, is_another) in self.0.iter().rev() {
            if *reading != Some(wanted) {
                break;
            }
            length += 1;
            if *is_another && wanted == Reading::Pass {
                break;
            }
        }
        length
    }

    fn totals(&self) -> (u64, u64, u64) {
        let of = |wanted| self.0.iter().filter(|(reading, _)| *reading == Some(wanted)).count() as u64;
        (of(Reading::Pass), of(Reading::Fail), of(Reading::Error))
    }

    fn verdict(&self, met_before: bool) -> Verdict {
        if self.at_end(Reading::Fail) >= 3 {
            Verdict::Failed
        } else if self.at_end(Reading::Error) >= 3 {
            Verdict::Errored
        } else if self.at_end(Reading::Pass) >= 2 {
            Verdict::Met
        } else if self.at_end(Reading::Pass) > 0 || met_before {
            Verdict::Holding
        } else {
            Verdict::Unknown
        }
    }
}

/// Everything around a checkup.
struct Scene {
    now: Moment,
    web: Kept,
    temporal: Kept,
    /// Second, container and text of what was written.
    log: Vec<(u64, u64, &'static str)>,
    is_read: bool,
    answers: [Reading; 2],
}

impl Scene {
    fn stamped(at: u64, number: usize, text: &str) -> String {
        format!("2026-01-05T{:02}:{:02}:{:02}.{number:09}Z {text}", at / 3600, at / 60 % 60, at % 60)
    }

    fn answer(&self, effect: &Effect, schedule: &Schedule) -> Input {
        let failed = |op| {
            let failure =
                Failure { kind: FailureKind::Unreachable, message: "refused".to_owned(), may_have_acted: false, tried_for: Duration::ZERO };
            Input::Answered(op, Answer::Failed(failure))
        };
        match effect {
            Effect::Sample { op, expectation } => {
                let is_slow = schedule.expectations[expectation.0].text.contains("slow");
                let reading = self.answers[usize::from(is_slow)];
                Input::Sampled(*op, Sample { reading, expected: "e".to_owned(), actual: "a".to_owned(), at: self.now, took_ms: 1 })
            }
            Effect::Platform { op, intent: Intent::Observe } => {
                Input::Answered(*op, Answer::Observed(self.web.observed("backend-web-1", "web")))
            }
            Effect::Platform { op, intent: Intent::ObserveNamed { name } } => {
                Input::Answered(*op, Answer::Observed(self.temporal.observed(name, "")))
            }
            Effect::Platform { op, intent: Intent::ContainerLogs { .. } } if !self.is_read => failed(*op),
            Effect::Platform { op, intent: Intent::ContainerLogs { containers, seconds, .. } } => {
                assert_eq!(containers, &[("web".to_owned(), ContainerId(format!("{:012x}", self.web.id)))]);
                let from = seconds.map_or(0, |seconds| self.now.0.as_secs().saturating_sub(u64::from(seconds)));
                let lines = self.log.iter().enumerate().filter(|(_, (at, id, _))| *at >= from && *id == self.web.id);
                let lines = lines.map(|(number, (at, _, text))| Self::stamped(*at, number, text)).collect();
                let log = Log { lines, missing: None, is_cut: false };
                Input::Answered(*op, Answer::Logs([("web".to_owned(), log)].into()))
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The second reading of `web` and `temporal`.
#[derive(Default)]
struct Model {
    of_web: Memory,
    of_temporal: Memory,
    container: Row,
    /// Of `web`: http, container, logs, and what is warned of; of `temporal`: its container.
    rows: [Row; 5],
    was_met: bool,
    is_over: bool,
    read_from: Option<u64>,
    /// Lines that count and were read, and whether one that must be there was found.
    lines: BTreeSet<usize>,
    found: bool,
}

impl Model {
    fn take(&mut self, scene: &Scene) {
        let web = &scene.web;
        let (changed, restarts) = self.of_web.look(web);
        let is_up = web.is_known && web.is_there && web.state == ContainerState::Running;
        let container = match (web.is_known, web.is_there, web.health) {
            (false, ..) => Some(Reading::Error),
            (_, true, None | Some(Health::Healthy)) if is_up => Some(Reading::Pass),
            (_, true, Some(Health::Starting)) if is_up => None,
            _ => Some(Reading::Fail),
        };
        self.container.0.push((container, changed));
        self.is_over = web.is_known
            && web.is_there
            && (restarts > 3
                || match web.state {
                    ContainerState::Exited(0) => !web.restarts_itself && self.of_web.ended >= 2,
                    ContainerState::Exited(_) => !web.restarts_itself,
                    ContainerState::Created => true,
                    _ => false,
                });
        let by_address = |reading| match reading {
            _ if !web.is_known => Reading::Error,
            Reading::Pass if !is_up => Reading::Error,
            reading => reading,
        };
        let own = match (web.is_known, web.is_there) {
            (false, _) => Reading::Error,
            (_, false) => Reading::Fail,
            _ => {
                if restarts < 2 {
                    Reading::Pass
                } else {
                    Reading::Fail
                }
            }
        };
        let readings = [by_address(scene.answers[0]), own, self.log(scene), by_address(scene.answers[1])];
        for (row, reading) in self.rows.iter_mut().zip(readings) {
            row.0.push((Some(reading), changed));
        }
        let (changed, restarts) = self.of_temporal.look(&scene.temporal);
        let temporal = match (&scene.temporal.state, scene.temporal.is_there) {
            _ if !scene.temporal.is_known => Reading::Error,
            (ContainerState::Running, true) if restarts < 2 => Reading::Pass,
            _ => Reading::Fail,
        };
        self.rows[4].0.push((Some(temporal), changed));
        self.was_met |= self.web() == Verdict::Met;
    }

    /// What was written in the ten minutes before the first look, and since, counts; what must be there may be older.
    fn log(&mut self, scene: &Scene) -> Reading {
        if !scene.web.is_known {
            return Reading::Error;
        }
        if scene.web.is_there && scene.is_read {
            let from = *self.read_from.get_or_insert(scene.now.0.as_secs().saturating_sub(600));
            let own = || scene.log.iter().enumerate().filter(|(_, (_, id, _))| *id == scene.web.id);
            self.found |= own().any(|(_, (.., text))| text.contains("ready"));
            self.lines.extend(own().filter(|(_, (at, ..))| *at >= from).map(|(number, _)| number));
        }
        let is_minded = |number: &usize| scene.log[*number].2 == "CRITICAL: no disk";
        match (self.lines.iter().any(is_minded), scene.web.is_there && scene.is_read, self.found) {
            (true, ..) => Reading::Fail,
            (_, false, _) => Reading::Error,
            (_, _, found) => {
                if found {
                    Reading::Pass
                } else {
                    Reading::Fail
                }
            }
        }
    }

    fn web(&self) -> Verdict {
        let rows = std::iter::once(&self.container).chain(&self.rows[..3]);
        if self.is_over { Verdict::Failed } else { rows.map(|row| row.verdict(self.was_met)).max().unwrap() }
    }

    fn reading(&self) -> Reading {
        let of_container = self.container.0.last().unwrap().0.unwrap_or(Reading::Fail);
        self.rows[..3].iter().map(|row| row.0.last().unwrap().0.unwrap()).fold(of_container, Reading::max)
    }

    /// What is asked of whom, in the order of what decides and what does not.
    fn holds(&self, findings: &[Finding], what: &str) {
        let [web, temporal] = findings else { panic!("{findings:?}") };
        assert_eq!((web.verdict, web.reading, web.is_well()), (self.web(), self.reading(), self.web() == Verdict::Met), "{what}: {web:#?}");
        assert_eq!(web.actual.is_none(), self.reading() == Reading::Pass, "{what}: {web:#?}");
        let of_temporal = self.rows[4].verdict(false);
        assert_eq!((temporal.verdict, temporal.reading), (of_temporal, self.rows[4].0.last().unwrap().0.unwrap()), "{what}: {temporal:#?}");
        assert_eq!(temporal.actual.is_none(), temporal.reading == Reading::Pass);
        let asked: Vec<&Asked> = web.asked.iter().chain(&temporal.asked).collect();
        assert_eq!(asked.len(), 5, "{asked:#?}");
        for (asked, row) in asked.into_iter().zip(&self.rows) {
            let last = asked.last.as_ref().map(|sample| sample.reading);
            let expected = (row.0.last().unwrap().0, row.totals(), row.verdict(false));
            assert_eq!((last, asked.totals, asked.verdict), expected, "{what}: {asked:#?}");
            assert_eq!(asked.is_dokploys, !asked.text.contains("http"), "{asked:#?}");
        }
        if let Some(lines) = web.asked[2].last.as_ref().filter(|sample| sample.reading == Reading::Pass) {
            let read = if self.lines.len() == 1 { "1 line was read".to_owned() } else { format!("{} lines were read", self.lines.len()) };
            assert_eq!(lines.actual, read, "{what}");
        }
        assert_eq!((web.hint.as_deref(), temporal.hint.as_deref()), (Some("look at web"), Some("look at temporal")));
        let leans_on = if of_temporal == Verdict::Met { vec![] } else { vec![Subject::External("temporal".to_owned())] };
        assert_eq!((&web.leans_on, temporal.leans_on.len()), (&leans_on, 0), "{what}");
        let is_warned = matches!(self.rows[3].verdict(false), Verdict::Failed | Verdict::Errored);
        assert_eq!(web.warnings().count(), usize::from(is_warned), "{what}");
        assert!(web.is_service() && !temporal.is_service());
        assert!(!web.is_well() || web.advice.is_empty());
    }
}

#[test]
fn whatever_comes_a_checkup_finds_what_the_lists_say() {
    let schedule = schedule();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for seed in 1..=150u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let scope = Scope {
            services: BTreeSet::from(["web".to_owned()]),
            externals: BTreeSet::from(["temporal".to_owned()]),
            containers: true,
            rounds: Some(30),
        };
        let mut checkup = Checkup::new(Arc::clone(&schedule), scope);
        let mut log: Vec<(u64, u64, &str)> =
            (0..dice.roll(4)).map(|_| (dice.roll(1000) as u64, 1, WRITTEN[dice.roll(WRITTEN.len())])).collect();
        log.sort_unstable();
        let (now, answers) = (Moment::millis(1_000_000), [Reading::Pass; 2]);
        let mut scene = Scene { now, web: Kept::new(), temporal: Kept::new(), log, is_read: true, answers };
        let mut model = Model::default();
        for round in 1..=20u64 {
            let asked = checkup.begin_round(scene.now);
            assert!(checkup.is_asking());
            let mut answers: Vec<Effect> = asked;
            while let Some(effect) = (!answers.is_empty()).then(|| answers.remove(0)) {
                let more = checkup.take(scene.now, scene.answer(&effect, &schedule));
                answers.extend(more);
            }
            assert!(!checkup.is_asking() && checkup.rounds() == round);
            model.take(&scene);
            model.holds(&checkup.findings(), &format!("seed {seed}, round {round}"));
            let is_decided = |verdict| matches!(verdict, Verdict::Met | Verdict::Failed | Verdict::Errored);
            let all = [model.web(), model.rows[3].verdict(false), model.rows[4].verdict(false)];
            assert_eq!(checkup.is_over(), all.into_iter().all(is_decided), "seed {seed}, round {round}: {all:?}");
            assert_eq!(checkup.containers().is_some(), scene.web.is_known);
            seen.insert(format!("{:?}", model.web()));
            assert_eq!(checkup.next_wake(), scene.now + Duration::from_secs(5));

            scene.now = checkup.next_wake();
            scene.web.next(&mut dice);
            scene.temporal.next(&mut dice);
            scene.is_read = dice.roll(8) > 0;
            scene.answers = [0, 1].map(|_| if often(&mut dice) { Reading::Pass } else { [Reading::Fail, Reading::Error][dice.roll(2)] });
            if dice.roll(5) == 0 {
                let at = scene.now.0.as_secs() - dice.roll(5) as u64;
                scene.log.push((at, scene.web.id, WRITTEN[dice.roll(WRITTEN.len())]));
            }
        }
    }
    assert_eq!(seen.len(), 5, "{seen:?}");
}

const WRITTEN: [&str; 5] = ["ready", "GET /health 200", "GET /health 200", "CRITICAL: no heartbeat from 7", "CRITICAL: no disk"];
