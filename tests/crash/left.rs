//! Runs that ended unfinished: interrupted, or with nobody to ask; and what may have changed before they go on.

use super::disk::{Disk, End, Frame, Frames, Process, alive, begin, process, watched};
use super::scene::{Scene, schedule_with};
use crate::support::in_memory::{Fate, InMemory, on_virtual_time};
use rollout_plan::drive::{Interrupts, NoInterrupts, Signal};
use rollout_plan::engine::{Ending, Event, NotResumable, Reason};
use rollout_plan::schedule::Schedule;
use rollout_plan::world::{ApiRequest, World};
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Ctrl-C at a time, once.
struct At(Option<Instant>);

impl At {
    fn after(after: Duration) -> Self {
        Self(Some(Instant::now() + after))
    }
}

impl Interrupts for At {
    async fn next(&mut self) -> Signal {
        match self.0 {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
        self.0 = None;
        Signal::Interrupt
    }
}

/// The undisturbed end, and how long it takes.
fn undisturbed(scene: Scene) -> (End, Duration) {
    on_virtual_time(async {
        let (dokploy, disk) = begin(scene);
        let ending = alive(&dokploy, &disk, &scene.schedule(), &mut NoInterrupts).await.unwrap();
        (End::of(&ending, &dokploy), dokploy.now())
    })
}

/// Interrupted after so long, and left to go on a while later.
async fn interrupted(scene: Scene, after: Duration, schedule: &Arc<Schedule>) -> (InMemory, Rc<RefCell<Disk>>) {
    let (dokploy, disk) = begin(scene);
    let ending = alive(&dokploy, &disk, schedule, &mut At::after(after)).await.unwrap();
    assert_eq!((ending.exit_code().0, ending.is_resumable()), (130, true), "{}", ending.verdict);
    tokio::time::sleep(Duration::from_secs(200)).await;
    (dokploy, disk)
}

#[test]
fn a_run_that_was_interrupted_at_any_second_goes_on_to_the_same_end() {
    for scene in [Scene::Rollout, Scene::Redeployed] {
        let (expected, takes) = undisturbed(scene);
        let schedule = scene.schedule();
        for second in (500..u64::try_from(takes.as_millis()).unwrap() - 500).step_by(1700) {
            on_virtual_time(async {
                let (dokploy, disk) = interrupted(scene, Duration::from_millis(second), &schedule).await;
                let ending = alive(&dokploy, &disk, &schedule, &mut NoInterrupts).await.unwrap();
                assert_eq!(End::of(&ending, &dokploy), expected, "{scene:?}, interrupted after {second} ms");
            });
        }
    }
}

/// From call `from` on nothing reaches Dokploy.
fn cut_the_line(dokploy: &InMemory, from: usize) {
    dokploy.set_weather(move |sent, _, _| if sent.number >= from { Fate::Refused } else { Fate::Answered });
}

#[test]
fn a_run_that_lost_the_network_goes_on_once_it_is_back() {
    let scene = Scene::Rollout;
    let (expected, _) = undisturbed(scene);
    let schedule = scene.schedule();
    let mut codes: BTreeMap<u8, usize> = BTreeMap::new();
    for call in (1..100).step_by(3) {
        on_virtual_time(async {
            let (dokploy, disk) = begin(scene);
            cut_the_line(&dokploy, call);
            let ending = alive(&dokploy, &disk, &schedule, &mut NoInterrupts).await.unwrap();
            if ending.exit_code().0 == 0 {
                return;
            }
            *codes.entry(ending.exit_code().0).or_default() += 1;
            assert!(ending.is_resumable(), "call {call}: {ending:?}");
            cut_the_line(&dokploy, usize::MAX);
            tokio::time::sleep(Duration::from_secs(3600)).await;
            let again = alive(&dokploy, &disk, &schedule, &mut NoInterrupts).await.unwrap();
            assert_eq!(End::of(&again, &dokploy), expected, "the line was cut at call {call}: {}", ending.verdict);
        });
    }
    assert!(codes.contains_key(&9) && codes.contains_key(&10), "{codes:?}");
}

#[test]
fn a_restart_of_dokploy_while_nobody_was_at_work_costs_no_second_deploy_of_what_ran() {
    let scene = Scene::Rollout;
    let (expected, takes) = undisturbed(scene);
    let schedule = scene.schedule();
    for after in (500..u64::try_from(takes.as_millis()).unwrap() - 500).step_by(2100) {
        on_virtual_time(async {
            let (dokploy, disk) = begin(scene);
            alive(&dokploy, &disk, &schedule, &mut At::after(Duration::from_millis(after))).await.unwrap();
            dokploy.with_world(rollout_plan::world::World::restart_dokploy);
            tokio::time::sleep(Duration::from_secs(60)).await;
            let ending = alive(&dokploy, &disk, &schedule, &mut NoInterrupts).await.unwrap();
            let end = End::of(&ending, &dokploy);
            // A deploy that it was in the middle of was cancelled: that is undone. Anything else is as if nothing had been.
            let was_cancelled = end.code == 4;
            assert!(end == expected || (was_cancelled && end.is_verified), "{after} ms: {end:?}");
        });
    }
}

fn edit(dokploy: &InMemory, text: &str) {
    dokploy.with_world(|world, now| {
        let key = world.api_key().to_owned();
        let projects = world.api(now, &ApiRequest::get("/api/project.all", &[], &key)).unwrap().json().unwrap();
        let environments = projects[0]["environments"].as_array().unwrap();
        let id = environments.iter().find_map(|environment| environment["compose"][0]["composeId"].as_str()).unwrap();
        let update = json!({"composeId": id, "composeFile": text});
        assert_eq!(world.api(now, &ApiRequest::post("/api/compose.update", &update, &key)).unwrap().status, 200);
    });
}

#[test]
fn a_text_that_somebody_changed_meanwhile_is_left_alone() {
    let schedule = Scene::Rollout.schedule();
    on_virtual_time(async {
        let (dokploy, disk) = interrupted(Scene::Rollout, Duration::from_secs(10), &schedule).await;
        edit(&dokploy, "services: {}\n");
        let ending = alive(&dokploy, &disk, &schedule, &mut NoInterrupts).await.unwrap();
        assert_eq!(ending.exit_code().0, 7, "{}", ending.verdict);
        assert!(matches!(&ending.reason, Reason::Busy { who } if who.contains("while nobody was at work")), "{:?}", ending.reason);
        assert_eq!(End::of(&ending, &dokploy).text, "services: {}\n");
    });
}

fn refused(ending: Result<Ending, NotResumable>) -> NotResumable {
    match ending {
        Ok(ending) => panic!("it went on: {}", ending.verdict),
        Err(why) => why,
    }
}

#[test]
fn a_changed_compose_file_is_refused_and_anything_else_is_told() {
    let scene = Scene::Rollout;
    let (expected, _) = undisturbed(scene);
    let schedule = scene.schedule();
    on_virtual_time(async {
        let (dokploy, disk) = interrupted(scene, Duration::from_secs(10), &schedule).await;
        let mut files = (*schedule).clone();
        files.phases[3].digest = "sha256:another".to_owned();
        let why = refused(alive(&dokploy, &disk, &Arc::new(files), &mut NoInterrupts).await);
        assert_eq!(why.exit_code().0, 3);
        assert!(why.to_string().contains("phase4.yml of phase `complete` was changed"), "{why}");

        let mut fewer = (*schedule).clone();
        fewer.phases.pop();
        let why = refused(alive(&dokploy, &disk, &Arc::new(fewer), &mut NoInterrupts).await);
        assert!(why.to_string().contains("phase `complete` is gone"), "{why}");

        let mut other = (*schedule).clone();
        other.rollout = "another".to_owned();
        let why = refused(alive(&dokploy, &disk, &Arc::new(other), &mut NoInterrupts).await);
        assert!(matches!(why, NotResumable::Other { .. }), "{why}");

        let changed = schedule_with("", "gate late {\n  expect external redis\n}\n");
        let mut changed = (*changed).clone();
        changed.phases[3].soak = Duration::from_secs(6);
        changed.expectations[0].text = "http http://127.0.0.1:8000/ready status == 200".to_owned();
        let ending = alive(&dokploy, &disk, &Arc::new(changed), &mut NoInterrupts).await.unwrap();
        assert_eq!(End::of(&ending, &dokploy), expected);
        let past = disk.borrow_mut().past();
        let told = past.iter().find_map(|(_, event)| match event {
            Event::Resumed { changed, .. } => Some(changed.join("\n")),
            _ => None,
        });
        let told = told.unwrap();
        for part in
            ["phase `complete`: soak 6s instead of soak 2s", "gate `late`: now also expect redis", "/ready status == 200 instead of"]
        {
            assert!(told.contains(part), "{part}: {told}");
        }
    });
}

#[test]
fn a_run_that_is_over_is_not_gone_on_with() {
    let schedule = Scene::Rollout.schedule();
    on_virtual_time(async {
        let (dokploy, disk) = begin(Scene::Rollout);
        alive(&dokploy, &disk, &schedule, &mut NoInterrupts).await.unwrap();
        let (Process::Refused(why), _) = process(&dokploy, &disk, &schedule, None).await else { panic!("it went on") };
        assert!(matches!(&why, NotResumable::Ended { code, .. } if code.0 == 0), "{why}");
        assert_eq!(why.exit_code().0, 3);
    });
}

#[test]
fn a_yes_stands_and_nobody_is_asked_again() {
    let scene = Scene::Rollout;
    let schedule = scene.schedule();
    let (_, takes) = undisturbed(scene);
    on_virtual_time(async {
        // In the last phase, whose gate was answered.
        let (dokploy, disk) = interrupted(scene, takes.checked_sub(Duration::from_secs(3)).unwrap(), &schedule).await;
        alive(&dokploy, &disk, &schedule, &mut NoInterrupts).await.unwrap();
        let past = disk.borrow_mut().past();
        let count = |test: fn(&Event) -> bool| past.iter().filter(|(_, event)| test(event)).count();
        assert_eq!(count(|event| matches!(event, Event::ApprovalAsked { .. })), 1);
        assert_eq!(count(|event| matches!(event, Event::Agreed)), 1);
        assert_eq!(count(|event| matches!(event, Event::Resumed { .. })), 1);
    });
}

#[test]
fn without_the_text_that_was_live_before_it_a_run_does_not_go_on() {
    let schedule = Scene::Rollout.schedule();
    on_virtual_time(async {
        let (dokploy, disk) = interrupted(Scene::Rollout, Duration::from_secs(10), &schedule).await;
        let kept = disk.borrow().snapshots.clone();
        disk.borrow_mut().snapshots.clear();
        let why = refused(alive(&dokploy, &disk, &schedule, &mut NoInterrupts).await);
        assert_eq!(why.exit_code().0, 9, "{why}");
        disk.borrow_mut().snapshots = kept.into_keys().map(|path| (path, "services: {}\n".to_owned())).collect();
        let why = refused(alive(&dokploy, &disk, &schedule, &mut NoInterrupts).await);
        assert!(why.to_string().contains("the file was changed"), "{why}");
    });
}

/// Everything as it was right after an event was on disk.
fn right_after(scene: Scene, test: fn(&Event) -> bool) -> (World, Rc<RefCell<Disk>>, Duration) {
    let frames = on_virtual_time(async {
        let (dokploy, disk) = begin(scene);
        let frames = Frames::default();
        watched(&dokploy, &disk, &scene.schedule(), None, Some(Rc::clone(&frames))).await;
        frames.take()
    });
    let is_meant = |frame: &&Frame| frame.disk.clone().past().last().is_some_and(|(_, event)| test(event));
    let frame = frames.iter().find(is_meant).unwrap();
    (frame.world.clone(), Rc::new(RefCell::new(frame.disk.clone())), frame.now)
}

#[test]
fn the_time_to_answer_a_question_goes_on_while_nobody_is_at_work() {
    let schedule = Scene::Rollout.schedule();
    for (minutes, code) in [(29, 0), (31, 6)] {
        let (world, disk, now) = right_after(Scene::Rollout, |event| matches!(event, Event::ApprovalAsked { .. }));
        on_virtual_time(async {
            let dokploy = InMemory::new(world);
            tokio::time::advance(now + Duration::from_secs(60 * minutes)).await;
            let ending = alive(&dokploy, &disk, &schedule, &mut NoInterrupts).await.unwrap();
            assert_eq!(ending.exit_code().0, code, "{}", ending.verdict);
            let text = if code == 0 { "complete" } else { "not answered in time" };
            assert!(ending.verdict.contains(text), "{}", ending.verdict);
        });
    }
}

#[test]
fn a_question_that_was_answered_is_not_asked_again_after_a_night() {
    let schedule = Scene::Rollout.schedule();
    let (world, disk, now) = right_after(Scene::Rollout, |event| matches!(event, Event::ApprovalGiven { .. }));
    on_virtual_time(async {
        let dokploy = InMemory::new(world);
        // Longer than `run within`: nobody was at work, so it does not count.
        tokio::time::advance(now + Duration::from_secs(9 * 3600)).await;
        let ending = alive(&dokploy, &disk, &schedule, &mut NoInterrupts).await.unwrap();
        assert_eq!(ending.exit_code().0, 0, "{}", ending.verdict);
        let asked = disk.borrow_mut().past().iter().filter(|(_, event)| matches!(event, Event::ApprovalAsked { .. })).count();
        assert_eq!(asked, 1);
    });
}
