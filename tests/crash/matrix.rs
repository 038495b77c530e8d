//! The matrix.

use super::disk::{Counts, Disk, End, Frame, Frames, Point, Process, Torn, begin, process, watched};
use super::scene::Scene;
use crate::support::in_memory::{InMemory, on_virtual_time};
use rollout_plan::engine::{Ending, Event};
use rollout_plan::schedule::Schedule;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How long nobody is at work: not at all, and long enough for whatever Dokploy was doing to be over.
const AWAY: [Duration; 2] = [Duration::ZERO, Duration::from_secs(300)];

/// The end of a run that nobody disturbs, and everything as it was at each point at which it could have died.
fn undisturbed(scene: Scene, schedule: &Arc<Schedule>) -> (End, Counts, Vec<Frame>) {
    on_virtual_time(async {
        let (dokploy, disk) = begin(scene);
        let frames = Frames::default();
        let seen = watched(&dokploy, &disk, schedule, None, Some(Rc::clone(&frames))).await;
        let (Process::Ended(ending), counts) = seen else { panic!("it does not end") };
        assert_eq!(ending.exit_code().0, scene.exit_code(), "{}", ending.verdict);
        (End::of(&ending, &dokploy), counts, frames.take())
    })
}

fn points(counts: Counts) -> Vec<Point> {
    let appends = (1..=counts.appends).flat_map(|number| Torn::ALL.map(|torn| Point::Append(number, torn)));
    let keeps = (1..=counts.keeps).flat_map(|number| [false, true].map(|kept| Point::Keep(number, kept)));
    let calls = (1..=counts.calls).flat_map(|number| [false, true].map(|acts| Point::Call(number, acts)));
    appends.chain(keeps).chain(calls).collect()
}

/// Goes on with what is left, dying at each of these points in turn. Gives the end, and how often it died.
async fn lives(
    dokploy: InMemory,
    disk: Rc<RefCell<Disk>>,
    schedule: &Arc<Schedule>,
    deaths: &[Point],
    away: Duration,
) -> Result<(End, usize), String> {
    let mut died = 0;
    let mut deaths = deaths.iter().copied();
    loop {
        match process(&dokploy, &disk, schedule, deaths.next()).await.0 {
            Process::Died => {
                died += 1;
                tokio::time::sleep(away).await;
            }
            Process::Ended(ending) => return Ok((End::of(&ending, &dokploy), died)),
            // It died after its last word was on disk.
            Process::Refused(why) => match last_word(&disk) {
                Some(ending) => return Ok((End::of(&ending, &dokploy), died)),
                None => return Err(format!("would not go on: {why}")),
            },
        }
    }
}

/// From the start.
fn dying(scene: Scene, schedule: &Arc<Schedule>, deaths: &[Point], away: Duration) -> Result<(End, usize), String> {
    on_virtual_time(async {
        let (dokploy, disk) = begin(scene);
        lives(dokploy, disk, schedule, deaths, away).await
    })
}

/// From a frame on.
fn going_on(frame: &Frame, schedule: &Arc<Schedule>, away: Duration) -> Result<End, String> {
    on_virtual_time(async {
        let dokploy = InMemory::new(frame.world.clone());
        tokio::time::advance(frame.now + away).await;
        let (end, died) = lives(dokploy, Rc::new(RefCell::new(frame.disk.clone())), schedule, &[], away).await?;
        assert_eq!(died, 0);
        Ok(end)
    })
}

fn last_word(disk: &Rc<RefCell<Disk>>) -> Option<Ending> {
    match disk.borrow_mut().past().pop()? {
        (_, Event::RunEnded { ending }) => Some(ending),
        _ => None,
    }
}

/// The journal, the kept texts, the writes, the moment and the time away that a process goes on from.
type Left = (Vec<u8>, usize, usize, Duration, Duration);

/// Every point, each once nobody was away and once they were. Points that leave the same disk and the same world are gone on from once.
fn explore(scene: Scene) {
    let schedule = scene.schedule();
    let (expected, counts, frames) = undisturbed(scene, &schedule);
    let mut known: BTreeMap<Left, Result<End, String>> = BTreeMap::new();
    let (mut bad, mut cells) = (Vec::new(), 0);
    for point in points(counts) {
        for away in AWAY {
            cells += 1;
            let found = match frames.iter().find(|frame| frame.point == point) {
                Some(frame) => {
                    let mut disk = frame.disk.clone();
                    // Cuts off a last line that was never finished.
                    disk.read();
                    let key = (disk.journal.clone(), disk.snapshots.len(), frame.writes, frame.now, away);
                    known.entry(key).or_insert_with(|| going_on(frame, &schedule, away)).clone()
                }
                // Only a process that dies there makes the world what it is then.
                None => dying(scene, &schedule, &[point], away).and_then(|(end, died)| match died {
                    0 => Err("never came there".to_owned()),
                    _ => Ok(end),
                }),
            };
            match found {
                Ok(end) if end == expected => {}
                Ok(end) => bad.push(format!("{point:?}, {away:?} away: {end:?}")),
                Err(why) => bad.push(format!("{point:?}, {away:?} away: {why}")),
            }
        }
    }
    let shown = bad.iter().take(12).cloned().collect::<Vec<_>>().join("\n  ");
    assert!(bad.is_empty(), "{scene:?}: {} of {cells} cells end otherwise than {expected:?}:\n  {shown}", bad.len());
    assert_eq!(cells, AWAY.len() * (counts.appends * Torn::ALL.len() + 2 * counts.keeps + 2 * counts.calls));
}

/// Dies twice: after each change that Dokploy took and after each append, and then again after every append of the process that went on.
fn explore_twice(scene: Scene, step: usize) {
    let schedule = scene.schedule();
    let (expected, counts, _) = undisturbed(scene, &schedule);
    let appends = (1..=counts.appends).map(|number| Point::Append(number, Torn::Whole));
    let calls = (1..=counts.calls).step_by(step).map(|number| Point::Call(number, true));
    let (mut bad, mut tried) = (Vec::new(), 0);
    for first in appends.chain(calls) {
        for number in (1..).step_by(step) {
            let deaths = [first, Point::Append(number, Torn::Whole)];
            let found = dying(scene, &schedule, &deaths, AWAY[1]);
            tried += 1;
            match found {
                // The process that went on has no more appends than that.
                Ok((_, 1)) => break,
                Ok((end, 2)) if end == expected => {}
                Ok((end, times)) => bad.push(format!("{deaths:?}, died {times} times: {end:?}")),
                Err(why) => bad.push(format!("{deaths:?}: {why}")),
            }
        }
    }
    let shown = bad.iter().take(12).cloned().collect::<Vec<_>>().join("\n  ");
    assert!(bad.is_empty(), "{scene:?}: {} of {tried} tried end otherwise than {expected:?}:\n  {shown}", bad.len());
}

#[test]
fn a_rollout_ends_the_same_wherever_it_is_cut_off() {
    explore(Scene::Rollout);
}

#[test]
fn a_rollback_by_a_deploy_ends_the_same_wherever_it_is_cut_off() {
    explore(Scene::Redeployed);
}

#[test]
fn a_rollback_of_the_text_alone_ends_the_same_wherever_it_is_cut_off() {
    explore(Scene::TextOnly);
}

#[test]
fn a_rollback_that_stops_what_was_started_ends_the_same_wherever_it_is_cut_off() {
    explore(Scene::Stopped);
}

#[test]
fn a_failure_that_is_left_as_it_is_ends_the_same_wherever_it_is_cut_off() {
    explore(Scene::Left);
}

#[test]
fn a_rollout_that_is_cut_off_twice_ends_the_same() {
    explore_twice(Scene::Rollout, 19);
}

#[test]
fn a_rollback_that_is_cut_off_twice_ends_the_same() {
    explore_twice(Scene::Redeployed, 17);
    explore_twice(Scene::Stopped, 7);
}
