//! One cell of the matrix: a strike on one call of one scene, and what came of it.

use super::scene::Scene;
use super::strike::Strike;
use super::trace::{self, Witness};
use super::truth::Truth;
use crate::support::in_memory::{Fate, InMemory, InMind, Unseen, on_virtual_time};
use crate::support::live;
use rollout_plan::drive::{Driven, NoInterrupts};
use rollout_plan::engine::{Ending, Engine, Facts, Reason, baseline_kept};
use rollout_plan::schedule::Schedule;
use rollout_plan::world::World;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What came of a strike.
pub struct Left {
    /// The ending.
    pub ending: Ending,
    /// Whatever contradicts the world, or goes against a promise.
    pub lies: Vec<String>,
    /// How long it took, in world time.
    pub took: Duration,
    /// What lifting the fault and running again came to, if that was asked for: an exit code and the verdict.
    pub again: Option<(u8, String)>,
    /// The same of going on with the very run, where its ending allows that.
    pub resumed: Option<(u8, String)>,
    /// The journal's last lines, to tell of a failure.
    pub story: Vec<String>,
}

/// Strikes call `at` of a scene.
pub fn run(scene: Scene, schedule: &Arc<Schedule>, at: usize, strike: Strike, follow_up: bool) -> Left {
    on_virtual_time(async {
        let place = trace::begin(scene, schedule).await;
        let before = place.with_world(|world, now| Truth::of(world, now));
        let (calls_before, began) = (place.sent().len(), place.now());
        let mut witness = Witness::new(&place);
        place.set_weather(strike.weather(calls_before + at));
        let driven = place.run(schedule, trace::options("struck"), &mut witness).await;
        let Driven::Ended(ending, None) = driven else { panic!("{driven:?}") };
        let took = place.now().saturating_sub(began);
        let truth = place.with_world(|world, now| Truth::of(world, now));
        let mut lies = std::mem::take(&mut witness.lies);
        lies.extend(lies_of(&ending, &before, &truth, schedule));
        lies.extend(deployed_twice(&truth));
        if let Some(phase) = truth.says_verified()
            && before.says_verified() != Some(phase)
            && !witness.verified.contains(&phase)
        {
            lies.push(format!("the live text says that phase {phase} is verified, which nobody saw"));
        }
        let story = witness.mind.events.iter().map(|(now, event)| format!("{:>7} {event:?}", now.0.as_millis())).collect();
        let resumed =
            if follow_up && ending.is_resumable() { Some(resumed(&place, schedule, &truth, &witness.mind, &mut lies).await) } else { None };
        let again = if follow_up { Some(lifted(&place, schedule, &truth, &mut lies).await) } else { None };
        Left { ending, lies, took, again, resumed, story }
    })
}

/// Where the ending and the world differ.
fn lies_of(ending: &Ending, before: &Truth, truth: &Truth, schedule: &Arc<Schedule>) -> Vec<String> {
    let mut lies = Vec::new();
    let Facts { changed, verified, known } = ending.facts;
    if !changed && (truth.text != before.text || truth.deploys != before.deploys) {
        lies.push("it says that nothing was changed".to_owned());
    }
    if verified && known {
        let phase = ending.live.as_ref().and_then(|live| schedule.phases.iter().position(|phase| phase.name == *live));
        if !truth.runs(phase) || !truth.has_text_of(phase, schedule) {
            lies.push(format!("it says that {:?} is live and verified, and {:?} run", ending.live, truth.services));
        }
        if !truth.jobs.is_empty() {
            lies.push(format!("it says that all is well, and {:?} are still to come", truth.jobs));
        }
    }
    if ending.exit_code().0 == 0 && !truth.runs(Some(schedule.phases.len() - 1)) {
        lies.push("it says 0 and the last phase does not run".to_owned());
    }
    if matches!(ending.reason, Reason::Interrupted | Reason::Busy { .. }) {
        lies.push("nobody interrupted it, and nobody else deploys".to_owned());
    }
    lies
}

/// Markers under which Dokploy took more than one deploy.
fn deployed_twice(truth: &Truth) -> Vec<String> {
    let mut deploys: BTreeMap<String, usize> = BTreeMap::new();
    // One that Dokploy took and forgot when it restarted left nothing: neither job nor row. A job that is worked on has a row.
    let is_row = |marker: &String| truth.deploys.iter().any(|(title, _)| title == marker);
    let waiting = truth.jobs.iter().filter(|marker| !is_row(marker));
    for marker in waiting.chain(truth.deploys.iter().map(|(marker, _)| marker)) {
        *deploys.entry(marker.clone()).or_default() += 1;
    }
    deploys.into_iter().filter(|(_, times)| *times > 1).map(|(marker, times)| format!("{marker} was deployed {times} times")).collect()
}

/// Exit code and verdict, by what they follow from.
type Known<From> = Mutex<BTreeMap<From, (u8, String)>>;

/// What a run after each state of the world came to. A run knows nothing of the one before but what it finds: equal finds, equal runs.
static AFTER: Known<Truth> = Mutex::new(BTreeMap::new());

/// Everything is well again, services included: what another run comes to. A deploy that is still on its way is waited for.
async fn lifted(place: &InMemory, schedule: &Arc<Schedule>, truth: &Truth, lies: &mut Vec<String>) -> (u8, String) {
    if let Some(known) = AFTER.lock().unwrap().get(truth) {
        return known.clone();
    }
    place.set_weather(|_, _, _| Fate::Answered);
    place.with_world(World::clear_faults);
    // Docker starts what crashed so often only after a minute.
    tokio::time::sleep(Duration::from_secs(120)).await;
    let mut came_to = (0, String::new());
    for attempt in 0..3 {
        let mut witness = Witness::new(place);
        let driven = place.run(schedule, trace::options(&format!("again{attempt}")), &mut witness).await;
        let Driven::Ended(ending, None) = driven else { panic!("{driven:?}") };
        lies.append(&mut witness.lies);
        came_to = (ending.exit_code().0, ending.verdict);
        if came_to.0 != 7 {
            break;
        }
        tokio::time::sleep(Duration::from_secs(120)).await;
    }
    AFTER.lock().unwrap().insert(truth.clone(), came_to.clone());
    came_to
}

/// What going on came to, by the state of the world and the journal's events without their moments.
static RESUMED: Known<(Truth, Vec<String>)> = Mutex::new(BTreeMap::new());

/// How long nobody was at work before a run goes on.
const AWAY: Duration = Duration::from_secs(120);

/// Everything is well again, services included: what going on with the run comes to, in a world of its own.
async fn resumed(place: &InMemory, schedule: &Arc<Schedule>, truth: &Truth, mind: &InMind, lies: &mut Vec<String>) -> (u8, String) {
    let past = &mind.events;
    let kinds: Vec<String> = past.iter().map(|(_, event)| live::name(event)).collect();
    if let Some(known) = RESUMED.lock().unwrap().get(&(truth.clone(), kinds.clone())) {
        return known.clone();
    }
    let place = place.with_world(|world, now| {
        let mut world = world.clone();
        world.clear_faults(now);
        InMemory::at(world, now + AWAY)
    });
    let baseline = baseline_kept(past).and_then(|(path, _)| mind.snapshot(path));
    let from = past.last().unwrap().0 + AWAY;
    let came_to = match Engine::resume(schedule, trace::options("struck"), past, baseline, AWAY) {
        Err(why) => (why.exit_code().0, why.to_string()),
        Ok(engine) => {
            let mut witness = Witness::new(&place);
            witness.mind = mind.clone();
            let driven = place.run_from(from, engine, schedule, &mut witness, &mut Unseen, &mut NoInterrupts).await;
            let Driven::Ended(ending, None) = driven else { panic!("{driven:?}") };
            lies.append(&mut witness.lies);
            let after = place.with_world(|world, now| Truth::of(world, now));
            lies.extend(deployed_twice(&after));
            (ending.exit_code().0, ending.verdict)
        }
    };
    RESUMED.lock().unwrap().insert((truth.clone(), kinds), came_to.clone());
    came_to
}
