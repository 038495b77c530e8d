//! What else happens while one watches: Dokploy is silent, nothing answers at all, a run is at work, something else is delivered, containers
//! restart, somebody presses Ctrl-C.

use super::scene::{At, Kept, Left, Script, schedule, text_of, watched};
use crate::support::in_memory::on_virtual_time;
use rollout_plan::drive::Signal;
use rollout_plan::engine::vigil::{Turn, VigilEvent};
use rollout_plan::engine::{FailureKind, Reading};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn names() -> Vec<String> {
    ["search", "web"].map(str::to_owned).into()
}

fn during<S: Script + 'static>(script: S, minutes: u32, signal: Option<Duration>) -> Left<S> {
    let schedule = schedule(&names(), "");
    on_virtual_time(watched(schedule, script, MINUTE, MINUTE * minutes, Kept::default(), At(signal)))
}

fn is_in(now: Duration, from: u64, to: u64) -> bool {
    (from * 60..to * 60).contains(&now.as_secs())
}

/// Dokploy does not answer from minute 3 to 9; `web` fails from 5 on to 12.
struct Silent;

impl Script for Silent {
    fn service(&self, name: &str, now: Duration) -> Reading {
        if name == "web" && is_in(now, 5, 12) { Reading::Fail } else { Reading::Pass }
    }

    fn dokploy(&self, now: Duration) -> Result<(), FailureKind> {
        if is_in(now, 3, 9) { Err(FailureKind::Unreachable) } else { Ok(()) }
    }
}

#[test]
fn while_dokploy_is_silent_services_are_asked_by_their_addresses_and_only_who_fails_is_told() {
    let left = during(Silent, 20, None);
    assert_eq!(
        left.kept.words(),
        ["0 begun", "5 Lost", "7 Unhealthy web", "10 Regained", "13 Recovered web", "20 ended"],
        "nobody is told of the other one, which could not be judged"
    );
    assert_eq!(left.standing.exit_code().0, 0);
}

/// Nothing answers from minute 3 to 40: probes time out, Dokploy as well.
struct CutOff {
    answers_elsewhere: bool,
}

impl Script for CutOff {
    fn service(&self, _: &str, now: Duration) -> Reading {
        if is_in(now, 3, 40) { Reading::Fail } else { Reading::Pass }
    }

    fn dokploy(&self, now: Duration) -> Result<(), FailureKind> {
        if is_in(now, 3, 40) { Err(FailureKind::Unreachable) } else { Ok(()) }
    }

    fn hears(&self, now: Duration) -> bool {
        self.answers_elsewhere || !is_in(now, 3, 40)
    }
}

#[test]
fn when_nothing_answers_from_here_that_is_told_once_and_no_service_is_blamed() {
    let left = during(CutOff { answers_elsewhere: false }, 50, None);
    assert_eq!(left.kept.words(), ["0 begun", "5 Lost blind", "35 StillLost blind", "41 Regained blind", "50 ended"]);
    assert_eq!((left.standing.exit_code().0, left.standing.unsteady.len()), (0, 0));
    let left = during(CutOff { answers_elsewhere: false }, 20, None);
    assert_eq!(left.standing.exit_code().0, 9, "at the end nobody knows");
}

/// Cut off in the middle of a round: in minute 3 somebody still answered.
struct CutMidway;

impl Script for CutMidway {
    fn service(&self, name: &str, now: Duration) -> Reading {
        CutOff { answers_elsewhere: false }.service(name, now)
    }

    fn dokploy(&self, now: Duration) -> Result<(), FailureKind> {
        CutOff { answers_elsewhere: false }.dokploy(now)
    }

    fn hears(&self, now: Duration) -> bool {
        !is_in(now, 4, 40)
    }
}

#[test]
fn a_network_that_is_cut_in_the_middle_of_a_round_is_told_once_all_the_same() {
    let left = during(CutMidway, 50, None);
    assert_eq!(left.kept.words(), ["0 begun", "6 Lost blind", "36 StillLost blind", "41 Regained blind", "50 ended"]);
}

#[test]
fn when_somebody_answers_the_others_are_to_blame() {
    let left = during(CutOff { answers_elsewhere: true }, 20, None);
    // In minute 3 the containers were still hoped for, and what could not be judged beside them counted for nobody.
    assert_eq!(left.kept.words(), ["0 begun", "5 Lost", "6 Unhealthy search,web", "20 ended"]);
    assert_eq!(left.standing.exit_code().0, 8);
}

/// A run from minute 4 to 10 that leaves `web` out, with `search` failing while it works.
struct BesideARun;

impl Script for BesideARun {
    fn service(&self, name: &str, now: Duration) -> Reading {
        if name == "search" && is_in(now, 3, 12) || name == "web" { Reading::Fail } else { Reading::Pass }
    }

    fn text(&self, now: Duration) -> Option<String> {
        (now.as_secs() >= 5 * 60).then(|| text_of(&["search"]))
    }

    fn at_work(&self, now: Duration) -> bool {
        is_in(now, 4, 10)
    }
}

#[test]
fn no_round_begins_while_a_run_is_at_work_and_then_what_is_delivered_is_looked_at_afresh() {
    let left = during(BesideARun, 20, None);
    assert_eq!(
        left.kept.words(),
        ["0 begun", "2 Unhealthy web", "4 suspended", "10 goes on", "10 afresh + -web", "10 Gone web", "20 ended"],
        "two failures of search after the run are in no row with the one before it"
    );
    assert_eq!((left.standing.exit_code().0, left.standing.services, left.outside.surveys.get()), (0, 1, 1));
}

/// Somebody elsewhere delivers `web` too, in minute 4; it fails.
struct Grows;

impl Script for Grows {
    fn service(&self, name: &str, _: Duration) -> Reading {
        if name == "web" { Reading::Fail } else { Reading::Pass }
    }

    fn text(&self, now: Duration) -> Option<String> {
        (now.as_secs() < 4 * 60).then(|| text_of(&["search"]))
    }
}

#[test]
fn what_is_delivered_meanwhile_is_watched_from_then_on() {
    let left = during(Grows, 12, None);
    // The round of minute 4 saw that the text is another one, and counts for nothing.
    assert_eq!(left.kept.words(), ["0 begun", "5 afresh +web -", "7 Unhealthy web", "12 ended"]);
}

/// `web` answers every time, and Docker restarted it before each look from minute 3 to 7.
struct Loops;

impl Script for Loops {
    fn service(&self, _: &str, _: Duration) -> Reading {
        Reading::Pass
    }

    fn restarts(&self, name: &str, now: Duration) -> u64 {
        if name == "web" { (now.as_secs() / 60).clamp(2, 7) } else { 4 }
    }
}

#[test]
fn a_container_that_restarts_between_looks_is_not_well_however_it_answers() {
    let left = during(Loops, 12, None);
    assert_eq!(left.kept.words(), ["0 begun", "5 Unhealthy web", "9 Recovered web", "12 ended"]);
    let told = left.kept.events.iter().find_map(|(_, event)| match event {
        VigilEvent::Turned { turn: Turn::Unhealthy, told, .. } => Some(told[0].clone()),
        _ => None,
    });
    let told = told.unwrap();
    assert_eq!(told.seen.what, "its container");
    assert!(told.seen.actual.contains("was restarted since the last look"), "{}", told.seen.actual);
    assert_eq!((told.turned.bad, told.turned.samples), (3, 3));
}

struct Well;

impl Script for Well {
    fn service(&self, _: &str, _: Duration) -> Reading {
        Reading::Pass
    }
}

#[test]
fn a_signal_ends_it_at_once_and_the_end_is_told() {
    let left = during(Well, 600, Some(Duration::from_secs(150)));
    assert_eq!((left.signal, left.kept.words()), (Some(Signal::Interrupt), vec!["0 begun".to_owned(), "2 ended".to_owned()]));
    assert_eq!((left.standing.rounds, left.standing.healthy), (3, 2));
}

#[test]
fn rounds_keep_their_pace_and_none_begins_at_the_end() {
    let left = during(Well, 60, None);
    assert_eq!((left.standing.rounds, left.outside.samples.get(), left.outside.surveys.get()), (60, 120, 0));
}
