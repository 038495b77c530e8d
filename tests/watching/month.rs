//! A month of two hundred services with scripted outages, through the pure machine. What is to be told is worked out from the script with
//! sums of its own, and not by counting samples.

use crate::support::dice::Dice;
use rollout_plan::engine::vigil::{Rules, Sight, Turn, Turned, Vigil};
use rollout_plan::engine::{Moment, Reading};
use rollout_plan::schedule::Subject;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub const MINUTE: u64 = 60_000;
pub const SERVICES: usize = 200;

/// An outage of one service: it fails in the rounds from `from` on, so many of them.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    pub from: usize,
    pub rounds: usize,
}

pub fn name(service: usize) -> String {
    format!("service-{service:03}")
}

/// Outages of each service, in order, between `quiet` rounds of which at least three pass: blips of one and two rounds, which are told to nobody,
/// and outages of up to days.
pub fn script(rounds: usize, seed: u64) -> Vec<Vec<Outage>> {
    let mut dice = Dice(seed);
    let mut script = Vec::new();
    for _ in 0..SERVICES {
        let (mut outages, mut at) = (Vec::new(), 3 + dice.roll(rounds / 8));
        loop {
            let length = match dice.roll(10) {
                0..=4 => 1 + dice.roll(2),
                5..=8 => 3 + dice.roll(60),
                _ => 3 + dice.roll(rounds / 6),
            };
            if at + length + 4 > rounds {
                break;
            }
            outages.push(Outage { from: at, rounds: length });
            at += length + 3 + dice.roll(rounds / 5);
        }
        script.push(outages);
    }
    script
}

/// What is to be told of outages: `(round, service, turn)`. Rounds are `every` apart, in minutes.
pub fn expected(script: &[Vec<Outage>], every: usize) -> BTreeSet<(usize, usize, Turn)> {
    let mut told = BTreeSet::new();
    for (service, outages) in script.iter().enumerate() {
        for outage in outages.iter().filter(|outage| outage.rounds >= 3) {
            // The third failure, and the second pass after the last one.
            let (down, up) = (outage.from + 2, outage.from + outage.rounds + 1);
            told.insert((down, service, Turn::Unhealthy));
            told.insert((up, service, Turn::Recovered));
            // Half an hour after it was told, then after one, two, four and six hours, and every six hours from then on: in the first round from
            // then on, and none once it has recovered.
            let mut at = down;
            for minutes in [30, 60, 120, 240].into_iter().chain(std::iter::repeat(360)) {
                at += usize::div_ceil(minutes, every);
                if at >= up {
                    break;
                }
                told.insert((at, service, Turn::StillUnhealthy));
            }
        }
    }
    told
}

#[test]
fn in_thirty_days_of_two_hundred_services_exactly_what_turns_is_told() {
    const ROUNDS: usize = 30 * 24 * 60;
    let script = script(ROUNDS, 0x5eed_1234_9876);
    let expected = expected(&script, 1);
    let blips = script.iter().flatten().filter(|outage| outage.rounds < 3).count();
    assert!(blips > 500 && expected.len() > 4_000, "the script tries something: {blips} blips, {} to tell", expected.len());

    let subjects: Vec<Subject> = (0..SERVICES).map(|service| Subject::Service(name(service))).collect();
    let mut vigil = Vigil::new(Rules { every: Duration::from_secs(60), down_after: 3, up_after: 2 });
    vigil.look_afresh(&subjects.iter().cloned().collect());
    let mut readings: BTreeMap<Subject, Reading> = subjects.iter().map(|subject| (subject.clone(), Reading::Pass)).collect();
    let mut changes: BTreeMap<usize, Vec<(usize, Reading)>> = BTreeMap::new();
    for (service, outage) in script.iter().enumerate().flat_map(|(service, outages)| outages.iter().map(move |outage| (service, outage))) {
        changes.entry(outage.from).or_default().push((service, Reading::Fail));
        changes.entry(outage.from + outage.rounds).or_default().push((service, Reading::Pass));
    }
    let mut told: Vec<(usize, Turned)> = Vec::new();
    for round in 0..ROUNDS {
        for (service, reading) in changes.get(&round).into_iter().flatten() {
            readings.insert(subjects[*service].clone(), *reading);
        }
        let came = vigil.take(Moment::millis(round as u64 * MINUTE), &readings, &Sight::Clear);
        assert_eq!((came.sight, came.overslept), (None, None), "round {round}");
        told.extend(came.turned.into_iter().map(|turned| (round, turned)));
    }
    let of = |turned: &Turned| subjects.iter().position(|subject| *subject == turned.subject).unwrap();
    let told_of: BTreeSet<(usize, usize, Turn)> = told.iter().map(|(round, turned)| (*round, of(turned), turned.turn)).collect();
    assert_eq!(told_of.len(), told.len(), "something was told twice in a round");
    let lost: Vec<_> = expected.difference(&told_of).take(5).collect();
    let more: Vec<_> = told_of.difference(&expected).take(5).collect();
    assert!(lost.is_empty() && more.is_empty(), "not told: {lost:?}; told and not to be: {more:?}");
    // Since when, and of how many samples.
    for (round, turned) in told.iter().filter(|(_, turned)| turned.turn == Turn::Recovered) {
        let outage = script[of(turned)].iter().rfind(|outage| outage.from < *round).unwrap();
        let samples = outage.rounds as u64;
        assert_eq!((turned.since, turned.bad, turned.samples), (Moment::millis(outage.from as u64 * MINUTE), samples, samples + 2));
    }
    let standing = vigil.standing();
    assert_eq!((standing.exit_code().0, standing.healthy, standing.rounds), (0, SERVICES, ROUNDS as u64));
    // Every failure is in the counts, told or not.
    let failed: u64 = standing.unsteady.iter().map(|(_, failed, ..)| failed).sum();
    assert_eq!(failed, script.iter().flatten().map(|outage| outage.rounds as u64).sum::<u64>());
}

/// One service, a letter a round: `+` passes, `-` fails, `?` cannot be asked, `b` nothing can be seen from here, `p` and `f`: Dokploy is silent and
/// it passes or fails by its address.
fn told(rounds: &str) -> String {
    let subject = Subject::Service("web".to_owned());
    let mut vigil = Vigil::new(Rules { every: Duration::from_secs(60), down_after: 3, up_after: 2 });
    vigil.look_afresh(&[subject.clone()].into());
    let mut line = String::new();
    for (at, letter) in (0..).zip(rounds.chars()) {
        let reading = match letter {
            '+' | 'p' => Reading::Pass,
            '-' | 'f' => Reading::Fail,
            _ => Reading::Error,
        };
        let sight = match letter {
            'b' => Sight::Blind("no route".to_owned()),
            'p' | 'f' => Sight::Unlooked("HTTP 502".to_owned()),
            _ => Sight::Clear,
        };
        let round = vigil.take(Moment::millis(at * MINUTE), &[(subject.clone(), reading)].into(), &sight);
        let of_service = round.turned.iter().map(|turned| match turned.turn {
            Turn::Unhealthy => 'D',
            Turn::StillUnhealthy => 'd',
            Turn::Unasked => 'Q',
            Turn::StillUnasked => 'q',
            Turn::Recovered => 'U',
            Turn::Gone => 'G',
        });
        let turn = of_service.chain(round.sight.iter().map(|told| if told.is_blind { 'B' } else { 'S' })).collect::<String>();
        line.push_str(if turn.is_empty() { "." } else { &turn });
    }
    format!("{line} {}", vigil.standing().exit_code().0)
}

#[test]
fn rows_decide_and_an_error_is_never_a_failure() {
    for (rounds, expected) in [
        ("++++", ".... 0"),
        ("++--+--+-+", ".......... 0"),
        // Never often enough in a row either way: nobody knows.
        ("+--+--+-+", "......... 8"),
        ("++---+-+-+-++", "....D.......U 0"),
        ("---++", "..D.U 0"),
        ("++---", "....D 8"),
        ("+", ". 8"),
        // Errors neither end a row of failures nor make one longer, and end a row of passes.
        ("++-?-?-", "......D 8"),
        ("---+?+++", "..D...U. 0"),
        ("++???", "....Q 9"),
        ("++???---", "....Q..D 8"),
        ("???++", "..Q.U 0"),
        // What is down is not lifted by not being asked.
        ("---????++", "..D.....U 0"),
        // Failures before and after a long silence are in no row.
        ("++--???-++", "......Q..U 0"),
        // While nothing can be seen from here nobody is blamed, and the rows stand still.
        ("++--bbbbb++", "......B...B 0"),
        ("++--bb-", "......D 8"),
        ("++bbb", "....B 9"),
        // Dokploy alone is silent: who fails by address is told, and a pass by address makes nothing well.
        ("++fff", "....DS 8"),
        ("---pppp+", "..D..S.. 8"),
        ("---pppp++", "..D..S..US 0"),
        ("++ffpff", "....S.. 9"),
        // From Dokploy's silence to none at all is news, the way back is not.
        ("++pppbbbp++", "....S..B..B 0"),
    ] {
        assert_eq!(told(rounds), expected, "{rounds}");
    }
}

#[test]
fn after_a_night_asleep_nothing_is_in_a_row_with_the_evening() {
    let subject = Subject::Service("web".to_owned());
    let mut vigil = Vigil::new(Rules { every: Duration::from_secs(60), down_after: 3, up_after: 2 });
    vigil.look_afresh(&[subject.clone()].into());
    let mut take = |minute: u64| vigil.take(Moment::millis(minute * MINUTE), &[(subject.clone(), Reading::Fail)].into(), &Sight::Clear);
    assert!(take(0).turned.is_empty() && take(1).turned.is_empty());
    let morning = take(481);
    assert_eq!((morning.overslept, morning.turned.len()), (Some(Duration::from_secs(480 * 60)), 0));
    assert!(take(482).turned.is_empty());
    assert_eq!(take(483).turned[0].turn, Turn::Unhealthy);
}

#[test]
fn a_fresh_look_keeps_what_is_known_of_those_that_stay_and_tells_of_those_in_trouble_that_go() {
    let subject = |name: &str| Subject::Service(name.to_owned());
    let mut vigil = Vigil::new(Rules { every: Duration::from_secs(60), down_after: 3, up_after: 2 });
    vigil.look_afresh(&[subject("stays"), subject("goes"), subject("well")].into());
    let failing = [(subject("stays"), Reading::Fail), (subject("goes"), Reading::Fail), (subject("well"), Reading::Pass)].into();
    for minute in 0..4 {
        vigil.take(Moment::millis(minute * MINUTE), &failing, &Sight::Clear);
    }
    let told = vigil.look_afresh(&[subject("stays"), subject("new")].into());
    assert_eq!(told.iter().map(|told| (&told.subject, told.turn)).collect::<Vec<_>>(), [(&subject("goes"), Turn::Gone)]);
    let passing = [(subject("stays"), Reading::Pass), (subject("new"), Reading::Pass)].into();
    // Hours later: a watch that waited for a run has not overslept.
    assert_eq!(vigil.take(Moment::millis(300 * MINUTE), &passing, &Sight::Clear).overslept, None);
    let round = vigil.take(Moment::millis(301 * MINUTE), &passing, &Sight::Clear);
    assert_eq!(round.turned.iter().map(|told| (&told.subject, told.turn)).collect::<Vec<_>>(), [(&subject("stays"), Turn::Recovered)]);
    assert_eq!((vigil.standing().exit_code().0, vigil.standing().all()), (0, 2));
}
