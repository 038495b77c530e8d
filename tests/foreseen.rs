//! What is foreseen of a plan holds of its runs: times lie within their bounds, what breaks is noticed in time, and the bounds are no wider
//! than what happens.

use crate::support::in_memory::{InMemory, InMind, Unseen, on_virtual_time, schedule_of};
use rollout_plan::drive::{Driven, NoInterrupts};
use rollout_plan::engine::{Cause, Engine, Event, FailedService, Moment, Options, Reason};
use rollout_plan::schedule::{Bounds, CALLS, Forecast, PhaseId, Schedule, Took, forecast};
use rollout_plan::store::{Condition, Entry, Past, Place};
use rollout_plan::world::{Config, External, Fault, Speaks, World};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// A plan of two phases whose limits can be used up.
struct Small {
    every: Duration,
    /// How long a build of each service takes, and a start.
    build: Duration,
    boot: Duration,
    /// Whether the second phase defines the first one's service otherwise.
    changes: bool,
    faults: Vec<String>,
}

const WITHIN: Duration = Duration::from_secs(60);
const QUEUE: Duration = Duration::from_secs(90);

impl Default for Small {
    fn default() -> Self {
        let (every, build, boot) = (Duration::from_secs(2), Duration::from_secs(3), Duration::from_millis(500));
        Self { every, build, boot, changes: false, faults: Vec::new() }
    }
}

impl Small {
    fn schedule(&self) -> Arc<Schedule> {
        let every = self.every.as_millis();
        let phase = |name: &str, more: &str| {
            format!("phase {name} {more}\n  deploy backend from \"{name}.yml\" within 60s\n  settle within 40s\n  soak 10s\n}}\n")
        };
        let plan = format!(
            "rollout small\ndokploy {{\n  url env(\"DOKPLOY_URL\")\n  api-key secret(\"DOKPLOY_API_KEY\")\n}}\napp backend {{\n  project \
             \"Backend\"\n  environment \"staging\"\n  compose \"backend\"\n}}\nqueue within 90s\nsampling {{\n  every {every}ms\n  timeout \
             1s\n}}\nservice web {{\n  expect http \"http://127.0.0.1:8080/health\"\n}}\nservice worker {{\n  expect http \
             \"http://127.0.0.1:8081/health\"\n}}\ngate cache {{\n  expect tcp \"cache.example:6379\"\n}}\n{}{}",
            phase("one", "{"),
            phase("two", "after one {\n  require cache"),
        );
        let service = |name: &str, port: u16, version: u8| {
            format!(
                "  {name}:\n    image: registry.example/{name}:{version}\n    restart: unless-stopped\n    ports: [\"{port}:80\"]\n    \
                 x-sandbox: {{ build: {}ms, boot: {}ms }}\n",
                self.build.as_millis(),
                self.boot.as_millis()
            )
        };
        let one = format!("services:\n{}", service("web", 8080, 1));
        let two = format!("services:\n{}{}", service("web", 8080, if self.changes { 2 } else { 1 }), service("worker", 8081, 1));
        schedule_of(&[("rollout.plan", &plan), ("one.yml", &one), ("two.yml", &two)])
    }

    /// Runs it. `then`: what is done to the world meanwhile.
    fn run(&self, then: &[(Duration, Happening)]) -> Ran {
        let schedule = self.schedule();
        let cache = External { name: "cache".to_owned(), host: "cache.example".to_owned(), port: 6379, speaks: Speaks::Tcp };
        let faults = self.faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect();
        let config = Config { faults, externals: vec![cache], ..Config::default() };
        on_virtual_time(async {
            let mut record = InMind::default();
            let world = InMemory::new(World::new(config));
            let happens = async {
                for (at, what) in then {
                    sleep(at.saturating_sub(world.now())).await;
                    world.with_world(|world, now| match what {
                        Happening::Breaks(fault) => world.add_fault(now, Fault::parse(fault).unwrap()),
                        Happening::Mends => world.clear_faults(now),
                    });
                }
                std::future::pending::<()>().await;
            };
            let engine = Engine::new(Arc::clone(&schedule), Options { run: "r1".to_owned(), ..Options::default() });
            let (mut unseen, mut interrupts) = (Unseen, NoInterrupts);
            let run = world.run_with(engine, &schedule, &mut record, &mut unseen, &mut interrupts);
            let driven = tokio::select! { driven = run => driven, () = happens => unreachable!("it waits for ever") };
            let Driven::Ended(ending, None) = driven else { panic!("{driven:?}") };
            Ran { reason: ending.reason, events: record.events, schedule: Arc::clone(&schedule) }
        })
    }
}

#[derive(Clone, Copy)]
enum Happening {
    Breaks(&'static str),
    Mends,
}

struct Ran {
    reason: Reason,
    events: Vec<(Moment, Event)>,
    schedule: Arc<Schedule>,
}

impl Ran {
    fn forecast(&self) -> Forecast {
        forecast(&self.schedule, &Took::new())
    }

    fn at(&self, wanted: impl Fn(&Event) -> bool) -> Option<Duration> {
        self.events.iter().find(|(_, event)| wanted(event)).map(|(at, _)| at.0)
    }

    /// What each verified phase took, as the records of a real run would say.
    fn took(&self) -> Vec<(String, Duration)> {
        let entry = |(at, event): &(Moment, Event)| Entry { at: *at, time: String::new(), event: event.clone(), offset: 0 };
        let place = Place { run: "r1".to_owned(), folder: "r1".into(), in_sandbox: false };
        Past { place, entries: self.events.iter().map(entry).collect(), condition: Condition::Whole }.phases_took()
    }

    /// From the first change on, whatever came of it.
    fn whole(&self) -> Duration {
        let began = self.at(|event| matches!(event, Event::BaselineTaken { .. })).expect("it began");
        self.events.last().expect("it ended").0.0.saturating_sub(began)
    }

    /// When the run acted on a service that is not well.
    fn noticed(&self, service: &str) -> Option<Duration> {
        let names = |services: &[FailedService]| services.iter().any(|failed| failed.service == service);
        self.at(|event| match event {
            Event::NotHeld { services, .. } | Event::PhaseFailed { cause: Cause::Services { services, .. }, .. } => names(services),
            _ => false,
        })
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_run_lies_within_its_bounds() {
    let mut runs = 0;
    for every in [1, 5].map(seconds) {
        for build in [1, 55].map(seconds) {
            for boot in [1, 33].map(seconds) {
                for queue in [None, Some("85s")] {
                    let faults: Vec<String> = queue
                        .iter()
                        .flat_map(|time| ["one", "two"].map(|phase| format!("dokploy: queue-busy {time} in {phase}")))
                        .collect();
                    let ran = Small { every, build, boot, faults, changes: runs % 2 == 0 }.run(&[]);
                    assert_eq!(ran.reason, Reason::Completed, "{every:?} {build:?} {boot:?} {queue:?}");
                    let (took, foreseen) = (ran.took(), ran.forecast());
                    assert_eq!(took.len(), 2);
                    for ((name, took), phase) in took.iter().zip(&foreseen.phases) {
                        let Bounds { best, worst } = phase.times.bounds;
                        assert!((best..=worst).contains(took), "{name}: {best:?} {took:?} {worst:?}");
                    }
                    let Bounds { best, worst } = foreseen.in_all.bounds;
                    assert!((best..=worst).contains(&ran.whole()), "{best:?} {:?} {worst:?}", ran.whole());
                    runs += 1;
                }
            }
        }
    }
    assert_eq!(runs, 16);
}

/// Neither end is further away than what nobody can know.
#[test]
fn the_bounds_are_reached() {
    let quick = Small { build: Duration::from_millis(1), boot: Duration::from_millis(1), ..Small::default() }.run(&[]);
    for ((name, took), phase) in quick.took().iter().zip(&quick.forecast().phases) {
        assert!(*took < phase.times.bounds.best + CALLS, "{name}: {took:?}, {:?} at best", phase.times.bounds.best);
    }
    // The queue, the build and the start take all they may, and a sample fails at the end of the soak.
    let faults = ["one", "two"].map(|phase| format!("dokploy: queue-busy 87s in {phase}")).to_vec();
    let slow = || Small { build: seconds(56), boot: seconds(34), faults: faults.clone(), ..Small::default() };
    let settled = slow().run(&[]).at(|event| matches!(event, Event::Settled { .. })).unwrap();
    let hiccup = [(settled + seconds(7), Happening::Breaks("web: http-500")), (settled + seconds(9), Happening::Mends)];
    let ran = slow().run(&hiccup);
    assert!(ran.at(|event| matches!(event, Event::SoakRestarted { .. })).is_some());
    let (took, worst) = (ran.took()[0].1, ran.forecast().phases[0].times.bounds.worst);
    assert!(took <= worst && took + CALLS + seconds(15) > worst, "{took:?} of {worst:?}");
}

#[test]
fn a_run_that_goes_back_lies_within_its_bound() {
    let mut longest = Duration::ZERO;
    for fault in [
        "worker: never-healthy in two",
        "worker: crash-loop in two",
        "worker: build-fails in two",
        "web: http-500 in two",
        "web: never-healthy",
    ] {
        for (build, queue) in [(1, None), (56, Some("87s"))] {
            let mut faults = vec![fault.to_owned()];
            faults.extend(
                queue.iter().flat_map(|time| ["one", "two", "rollback"].map(|when| format!("dokploy: queue-busy {time} in {when}"))),
            );
            let ran = Small { build: seconds(build), changes: true, faults, ..Small::default() }.run(&[]);
            assert!(matches!(ran.reason, Reason::PhaseFailed { .. }), "{fault}: {:?}", ran.reason);
            let bound = ran.forecast().in_all.worst_with_rollback.unwrap();
            assert!(ran.whole() <= bound, "{fault}: {:?} of {bound:?}", ran.whole());
            longest = longest.max(ran.whole());
        }
    }
    let bound = Small::default().run(&[]).forecast().in_all.worst_with_rollback.unwrap();
    // A deploy that never ends and gates that take their time are not among them.
    assert!(longest * 2 > bound, "{longest:?} of {bound:?}");
}

/// Breaks `web` for good at moments from the first phase's `verified` on, in runs in which nobody looks for as long as may be: every 15 s, and
/// every second around the one in which everybody has looked for the last time. Gives the longest time until the run acted on it.
fn longest_unnoticed(small: &Small, until: impl Fn(&Ran) -> Duration) -> (Duration, Ran) {
    let well = small.run(&[]);
    assert_eq!(well.reason, Reason::Completed);
    let from = well.at(|event| matches!(event, Event::PhaseVerified { .. })).unwrap();
    let started = well.at(|event| matches!(event, Event::PhaseStarted { phase: PhaseId(1) })).unwrap();
    let spread = (0..).map(|step| from + seconds(15 * step)).take_while(|at| *at < until(&well));
    let mut longest = Duration::ZERO;
    for at in spread.chain((0..6).map(|step| (started + seconds(step)).saturating_sub(seconds(3)))) {
        let ran = small.run(&[(at, Happening::Breaks("web: http-500"))]);
        let noticed = ran.noticed("web").unwrap_or_else(|| panic!("broken at {at:?} and never noticed: {:?}", ran.reason));
        longest = longest.max(noticed.saturating_sub(at));
    }
    (longest, well)
}

/// Everything of the second phase is verified: what breaks so shortly before it is for the watch after the run.
fn last_window(ran: &Ran) -> Duration {
    ran.events
        .iter()
        .rev()
        .find(|(_, event)| matches!(event, Event::PhaseVerified { .. }))
        .unwrap()
        .0
        .0
        .saturating_sub(ran.schedule.detection_bound())
}

#[test]
fn what_was_delivered_earlier_is_noticed_within_its_bound_and_as_late_as_that() {
    let faults = vec!["dokploy: queue-busy 88s in two".to_owned()];
    let (longest, well) = longest_unnoticed(&Small { build: seconds(57), faults, ..Small::default() }, last_window);
    let (bound, _) = well.forecast().phases[1].unnoticed.earlier.unwrap();
    assert_eq!(bound, QUEUE + WITHIN + CALLS + well.schedule.detection_bound());
    assert!(longest <= bound, "{longest:?} of {bound:?}");
    assert!(longest + CALLS + seconds(8) > bound, "{longest:?} of {bound:?}: it is wider than it need be");
}

#[test]
fn what_the_deploy_replaces_is_given_the_time_to_settle() {
    let faults = vec!["dokploy: queue-busy 88s in two".to_owned()];
    let (longest, well) = longest_unnoticed(&Small { build: seconds(57), faults, changes: true, ..Small::default() }, last_window);
    let bound = well.forecast().phases[1].unnoticed.replaced.unwrap();
    assert!(longest <= bound, "{longest:?} of {bound:?}");
    assert!(longest + CALLS + seconds(8) > bound, "{longest:?} of {bound:?}: it is wider than it need be");
}

#[test]
fn while_rounds_follow_each_other_it_is_the_detection_bound() {
    let small = Small::default();
    let well = small.run(&[]);
    let settled = well.events.iter().filter(|(_, event)| matches!(event, Event::Settled { .. })).nth(1).unwrap().0.0;
    let bound = well.schedule.detection_bound();
    assert_eq!(well.forecast().phases[1].unnoticed.watched, bound);
    let mut longest = Duration::ZERO;
    for step in 0..40 {
        let at = settled + Duration::from_millis(50 * step);
        let ran = small.run(&[(at, Happening::Breaks("web: never-healthy"))]);
        longest = longest.max(ran.noticed("web").expect("there is soak enough").saturating_sub(at));
    }
    // It is told once Dokploy has said that the app is still this run's.
    assert!(longest <= bound + seconds(1), "{longest:?} of {bound:?}");
    assert!(longest + seconds(1) > bound, "{longest:?} of {bound:?}");
}

/// Nobody looks at `web` while a gate is asked, which takes its time where every other answer is a pass.
#[test]
fn a_gate_that_takes_its_time_is_within_the_bound() {
    let small = Small::default();
    let well = small.run(&[]);
    let verified = well.at(|event| matches!(event, Event::PhaseVerified { .. })).unwrap();
    let bound = well.forecast().phases[1].unnoticed.earlier.unwrap().0;
    let at = verified + Duration::from_millis(100);
    let mut happens = vec![(at, Happening::Breaks("web: http-500"))];
    for round in 0..8 {
        happens.push((at + seconds(4 * round), Happening::Breaks("external cache: down")));
        // That mends everything, the service too.
        happens.push((at + seconds(4 * round + 2), Happening::Mends));
        happens.push((at + seconds(4 * round + 2), Happening::Breaks("web: http-500")));
    }
    let ran = small.run(&happens);
    let noticed = ran.noticed("web").unwrap_or_else(|| panic!("{:?}", ran.reason)).saturating_sub(at);
    assert!(noticed <= bound && noticed > seconds(25), "{noticed:?} of {bound:?}");
    assert!(ran.at(|event| matches!(event, Event::NotHeld { phase: PhaseId(1), .. })).is_some(), "before the deploy");
}
