//! Pairs: what else goes wrong on the way back that a first case leads to.
//!
//! Rollbacks that begin alike, which is most of them, are explored once, for the first case that leads there. On its way a rollback comes to
//! joints, and from a joint on everything follows from what is so there: what strikes later is run once for all rollbacks that come to a joint
//! alike, and counted for each.
//!
//! To know what can strike a rollback it is gone through once without anything else going wrong. That is a path, too, and is paid for as one.

use super::explore::{Explorer, Rollbacks, Tally, Tried};
use super::joint::{Begin, Tails};
use super::outcome::{Outcome, struck};
use super::rehearsal::Rehearsal;
use super::space::{Case, Mishap, Space};
use super::table::Table;
use crate::engine::Moment;
use crate::schedule::{PhaseId, ServiceName};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// So many rollbacks are kept at once.
const AT_ONCE: usize = 64;

/// A rollback, by the cases that lead to it.
#[derive(Clone, Debug, Default)]
struct Lead {
    /// By the phase in which they strike: the place of the first of them, and how many they stand for.
    by_phase: BTreeMap<Option<PhaseId>, (usize, u64)>,
}

impl Lead {
    /// The place of the first case of all.
    fn case(&self) -> usize {
        self.by_phase.values().map(|(first, _)| *first).min().unwrap_or_default()
    }

    /// How many cases all that lead there stand for.
    fn paths(&self) -> u64 {
        self.by_phase.values().map(|(_, paths)| *paths).sum()
    }
}

/// A rollback in which nothing else goes wrong.
struct Back {
    /// At its beginning.
    began: Rehearsal,
    /// At the end of the run.
    meant: Rehearsal,
    joints: Vec<(Moment, Arc<Begin>)>,
    seconds: Vec<Case>,
}

/// What decides what comes of a second case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// A joint, and what strikes so long after it.
    After(Arc<Begin>, Duration, Mishap),
    /// A lead's place, and that of the second case.
    Own(usize, usize),
}

/// What came of a second case, counted from a moment of its rollback on.
struct Found {
    outcome: Outcome,
    steps: u64,
}

impl Explorer {
    /// Every case of every rollback, as far as `room` goes: at most half of it for going through rollbacks.
    pub(super) fn explore_back(
        &self,
        start: &Rehearsal,
        cases: &[Case],
        tried: &[Tried],
        classes: &[Vec<ServiceName>],
        table: &mut Table<'_>,
        room: u64,
    ) -> (Tally, Rollbacks) {
        let mut leads = self.leads(cases, tried);
        let known = leads.len();
        leads.truncate(usize::try_from(room / 2).unwrap_or(usize::MAX));
        let rollbacks = Rollbacks { known, gone_through: leads.len() };
        let room = room - leads.len() as u64;
        let (mut pairs, tails) = (Tally::default(), Tails::default());
        let mut places: BTreeMap<Key, usize> = BTreeMap::new();
        let mut found: Vec<Found> = Vec::new();
        for some in leads.chunks(AT_ONCE) {
            let backs = self.look_back(start, cases, some, classes);
            // For each lead the second cases that nobody ran before it, and for each second case where what came of it stands.
            let (mut to_run, mut uses) = (vec![Vec::new(); some.len()], Vec::new());
            for (at, (lead, back)) in some.iter().zip(&backs).enumerate() {
                for (second, case) in back.seconds.iter().enumerate() {
                    let paths = case.stands_for as u64 * lead.paths();
                    pairs.counted += paths;
                    let key = self.key(back, case).unwrap_or(Key::Own(lead.case(), second));
                    let next = places.len();
                    match places.get(&key) {
                        Some(place) => uses.push((at, second, *place)),
                        None if (next as u64) < room => {
                            places.insert(key, next);
                            to_run[at].push(second);
                            uses.push((at, second, next));
                        }
                        None => pairs.left_out += paths,
                    }
                }
            }
            let ran = self.spread(some.len(), &|at| self.strike_back(&backs[at], &to_run[at], &tails));
            found.extend(ran.into_iter().flatten());
            for (at, second, place) in uses {
                let (back, case) = (&backs[at], &backs[at].seconds[second]);
                let Found { outcome, .. } = &found[place];
                let took = outcome.took + (back.since(case) - back.began.now());
                let outcome = Outcome { took, ..outcome.clone() };
                for (first, paths) in some[at].by_phase.values() {
                    table.add(&cases[*first], Some(case), &outcome, case.stands_for as u64 * paths);
                }
            }
        }
        pairs.run = found.len() as u64;
        pairs.steps = found.iter().map(|found| found.steps).sum();
        (pairs, rollbacks)
    }

    /// The rollbacks, those to which most cases lead before the others.
    fn leads(&self, cases: &[Case], tried: &[Tried]) -> Vec<Lead> {
        let mut leads: BTreeMap<(Begin, usize), Lead> = BTreeMap::new();
        for (case, (of, tried)) in cases.iter().zip(tried).enumerate() {
            let Some(back) = &tried.back else { continue };
            let apart = if self.merging { 0 } else { case };
            let lead = leads.entry((back.clone(), apart)).or_default();
            lead.by_phase.entry(of.phase).or_insert((case, 0)).1 += of.stands_for as u64;
        }
        let mut leads: Vec<Lead> = leads.into_values().collect();
        leads.sort_by_key(|lead| (Reverse(lead.paths()), lead.case()));
        leads
    }

    /// Goes through rollbacks in which nothing else goes wrong.
    fn look_back(&self, start: &Rehearsal, cases: &[Case], leads: &[Lead], classes: &[Vec<ServiceName>]) -> Vec<Back> {
        // Forks are made in the order of time.
        let mut in_time: Vec<usize> = (0..leads.len()).collect();
        in_time.sort_by_key(|at| leads[*at].case());
        let of_leads: Vec<Case> = in_time.iter().map(|at| cases[leads[*at].case()].clone()).collect();
        let backs = self.each(start, &of_leads, &|at, mut began| {
            began.strike(&of_leads[at].mishap);
            began.go_on_until_rollback();
            let mut meant = began.clone();
            let mut joints = Vec::new();
            while self.merging && meant.go_on_to_a_joint() {
                let begin = if meant.is_at_a_joint() { Begin::of(&mut meant) } else { None };
                joints.extend(begin.map(|begin| (meant.now(), Arc::new(begin))));
            }
            meant.finish();
            let schedule = self.place.schedule();
            let classes = apart(classes, struck(&of_leads[at].mishap));
            let seconds = Space { schedule, run: &meant, classes: &classes, from: began.now(), is_first: false }.cases();
            Back { began, meant, joints, seconds }
        });
        let mut backs: Vec<(usize, Back)> = in_time.into_iter().zip(backs).collect();
        backs.sort_by_key(|(at, _)| *at);
        backs.into_iter().map(|(_, back)| back).collect()
    }

    fn key(&self, back: &Back, second: &Case) -> Option<Key> {
        let (joint, begin) = back.joint_before(second).filter(|_| self.merging)?;
        Some(Key::After(Arc::clone(begin), second.at - *joint, second.mishap.clone()))
    }

    /// Lets these second cases strike a rollback, each by itself.
    fn strike_back(&self, back: &Back, seconds: &[usize], tails: &Tails) -> Vec<Found> {
        let mut run = back.began.clone();
        let found = seconds.iter().map(|second| {
            let second = &back.seconds[*second];
            run.go_on_until(second.at);
            let Tried { outcome, steps, .. } = self.try_case(second, run.clone(), &back.meant, tails);
            let took = outcome.took.saturating_sub(back.since(second).0);
            Found { outcome: Outcome { took, ..outcome }, steps }
        });
        found.collect()
    }
}

/// The classes when something is wrong with a service already: it is no more like the others of its class.
fn apart(classes: &[Vec<ServiceName>], struck: Option<&ServiceName>) -> Vec<Vec<ServiceName>> {
    let of_class = |class: &Vec<ServiceName>| {
        let (alone, others): (Vec<ServiceName>, Vec<ServiceName>) = class.iter().cloned().partition(|name| Some(name) == struck);
        [alone, others].into_iter().filter(|some| !some.is_empty()).collect::<Vec<_>>()
    };
    classes.iter().flat_map(of_class).collect()
}

impl Back {
    /// The last joint that is past when a case strikes.
    fn joint_before(&self, second: &Case) -> Option<&(Moment, Arc<Begin>)> {
        self.joints.iter().rev().find(|(at, _)| *at < second.at)
    }

    /// The moment from which what comes of a case is counted.
    fn since(&self, second: &Case) -> Moment {
        self.joint_before(second).map_or(self.began.now(), |(at, _)| *at)
    }
}
