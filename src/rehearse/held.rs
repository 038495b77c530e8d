//! What a run may say, and when: that something holds only after it held, that it failed only after it had its time, and what must come
//! before a rollback. Told from the order and the moments of events alone.

use super::properties::Broken;
use super::rehearsal::Rehearsal;
use super::space::{Case, Mishap};
use crate::engine::{Cause, DeployPurpose, Event, FailedService, Moment, RoundService, RowStatus, ServiceState, Target, Undo};
use crate::schedule::{PhaseId, Schedule, ServiceName};
use crate::world::{DokployFault, GateFault, Target as Struck, When};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Every such property that does not hold.
pub(super) fn broken(schedule: &Schedule, case: &Case, run: &Rehearsal) -> Vec<Broken> {
    let mut path = Path::new(schedule, case, run);
    for (at, event) in run.told() {
        path.take(*at, event);
    }
    path.broken
}

/// What one round said of each service.
type Round = BTreeMap<ServiceName, RoundService>;

/// What the events so far come to.
struct Path<'a> {
    schedule: &'a Schedule,
    case: &'a Case,
    run: &'a Rehearsal,
    broken: Vec<Broken>,
    /// The last round of services.
    round: Option<&'a Round>,
    waived: BTreeSet<&'a ServiceName>,
    /// The last deploy that went through, and when.
    delivered: Option<(&'a DeployPurpose, Moment)>,
    /// What settled last, and since when its soak has not been broken, with the round that said so.
    soaking: Option<(&'a DeployPurpose, Moment, Option<&'a Round>)>,
    verified: Option<(PhaseId, &'a BTreeSet<ServiceName>, bool)>,
    /// The last failure, and whether its evidence was kept.
    failed: Option<(PhaseId, bool)>,
    undo: Option<Undo>,
}

impl<'a> Path<'a> {
    fn new(schedule: &'a Schedule, case: &'a Case, run: &'a Rehearsal) -> Self {
        let (round, delivered, soaking, verified, failed, undo) = (None, None, None, None, None, None);
        Self { schedule, case, run, broken: Vec::new(), round, waived: BTreeSet::new(), delivered, soaking, verified, failed, undo }
    }

    fn take(&mut self, at: Moment, event: &'a Event) {
        match event {
            Event::Round { services, .. } => self.round = Some(services),
            Event::Waived { service, .. } => {
                self.waived.insert(service);
            }
            // What was read and asserted before is read and asserted anew.
            Event::Surveyed { .. } => self.verified = self.verified.filter(|(_, _, is_asserted)| !is_asserted),
            Event::Resumed { .. } => (self.delivered, self.soaking) = (None, None),
            Event::DeployEnded { purpose, status: RowStatus::Done, .. } => (self.delivered, self.soaking) = (Some((purpose, at)), None),
            Event::Settled { purpose, .. } => {
                self.short_rows(at, purpose);
                self.soaking = Some((purpose, at, self.round));
            }
            Event::SoakRestarted { .. } => self.soaking = self.soaking.map(|(purpose, ..)| (purpose, at, self.round)),
            Event::PhaseVerified { phase, services, asserted_only, .. } => {
                if !asserted_only {
                    self.too_soon(at, &DeployPurpose::Phase(*phase), &self.schedule.phase(*phase).name, self.schedule.phase(*phase).soak);
                    self.other_containers();
                    self.unseen(at, &self.schedule.phase(*phase).name);
                }
                self.verified = Some((*phase, services, *asserted_only));
            }
            Event::PhaseFailed { phase, cause, .. } => {
                self.failed = Some((*phase, false));
                if let Cause::Services { services, .. } = cause {
                    self.too_early(at, *phase, services);
                }
            }
            Event::EvidenceKept { .. } => self.failed = self.failed.map(|(phase, _)| (phase, true)),
            Event::RollbackStarted { target, undo } => {
                self.undo = Some(*undo);
                self.way_back(target);
            }
            Event::RollbackVerified { target, services, .. } if !services.is_empty() => {
                let name = format!("the rollback to {}", self.name_of(target));
                if self.undo == Some(Undo::Redeploy) {
                    let soak = self.schedule.phases.iter().map(|phase| phase.soak).min().unwrap_or_default();
                    self.too_soon(at, &DeployPurpose::Rollback(target.clone()), &name, soak);
                }
                self.unseen(at, &name);
            }
            Event::ApprovalGiven { gate, .. } => {
                let name = &self.schedule.gates[gate.0].name;
                let is_theirs = matches!(&self.case.mishap, Mishap::Fault(fault) if matches!(&fault.target, Struck::Gate(gate, GateFault::Silent | GateFault::Refused) if gate == name));
                if is_theirs && at >= self.case.at {
                    self.broken.push(Broken::WithoutAYes(name.clone()));
                }
            }
            _ => {}
        }
    }

    fn name_of(&self, target: &Target) -> String {
        match target {
            Target::Phase(phase) => self.schedule.phase(*phase).name.clone(),
            Target::Baseline => "the baseline".to_owned(),
            Target::Kept { name, .. } => name.clone(),
        }
    }

    /// A soak is over when nothing broke it for as long as it is.
    fn too_soon(&mut self, at: Moment, purpose: &DeployPurpose, name: &str, soak: Duration) {
        let since = self.soaking.filter(|(settled, ..)| *settled == purpose).map(|(_, since, _)| since);
        let held = since.map_or(Duration::ZERO, |since| at - since);
        if since.is_none() || held < soak {
            self.broken.push(Broken::VerifiedTooSoon(name.to_owned(), held));
        }
    }

    /// What restarted since its soak began is not what settled.
    fn other_containers(&mut self) {
        let Some((_, _, Some(first))) = self.soaking else { return };
        let Some(last) = self.round else { return };
        let restarts = |state: &ServiceState| if let ServiceState::Running { restarts } = state { Some(*restarts) } else { None };
        let differs = |one: &RoundService, other: &RoundService| {
            restarts(&one.state).zip(restarts(&other.state)).is_some_and(|(before, after)| before != after)
        };
        let other =
            last.iter().filter(|(name, now)| first.get(*name).is_some_and(|then| differs(then, now)) && !self.waived.contains(*name));
        let other: Vec<Broken> = other.map(|(name, _)| Broken::AnotherContainer(name.clone())).collect();
        self.broken.extend(other);
    }

    /// Nobody can have looked at the containers for longer than goes unnoticed.
    fn unseen(&mut self, at: Moment, name: &str) {
        let Mishap::Fault(fault) = &self.case.mishap else { return };
        let is_blind = matches!(fault.target, Struck::Dokploy(DokployFault::DockerDown(_)));
        let lasts = fault.when == When::Always && fault.lasting().is_none() && fault.every.is_none();
        if is_blind && lasts && at > self.case.at + self.schedule.detection_bound() {
            self.broken.push(Broken::VerifiedUnseen(name.to_owned()));
        }
    }

    /// What settled had as many passes in a row as the plan asks for, since its deploy.
    fn short_rows(&mut self, at: Moment, purpose: &DeployPurpose) {
        let since = self.delivered.filter(|(delivered, _)| *delivered == purpose).map_or(Moment::START, |(_, ended)| ended);
        let wanted = self.schedule.sampling.healthy_after as usize;
        let short = self.round.into_iter().flat_map(BTreeMap::keys).filter(|name| !self.waived.contains(*name));
        let short = short.filter(|name| self.readings(name, since, at).rev().take_while(|passed| *passed).take(wanted).count() < wanted);
        let short: Vec<Broken> = short.map(|name| Broken::ShortRow(name.clone())).collect();
        self.broken.extend(short);
    }

    /// A service that was just delivered, runs and was not well yet has all of `settle` to become so.
    fn too_early(&mut self, at: Moment, phase: PhaseId, failed: &[FailedService]) {
        let purpose = DeployPurpose::Phase(phase);
        let Some((_, ended)) = self.delivered.filter(|(delivered, _)| **delivered == purpose) else { return };
        let has_time = at - ended < self.schedule.phase(phase).settle && at.0 < self.schedule.limits.run;
        if !has_time || self.soaking.is_some() {
            return;
        }
        let wanted = self.schedule.sampling.healthy_after as usize;
        for name in failed.iter().map(|failed| &failed.service) {
            let is_up = self.round.and_then(|round| round.get(name)).is_some_and(|one| one.state == ServiceState::Running { restarts: 0 });
            let is_job = self.schedule.services.get(name).is_some_and(|service| service.job.is_some());
            let is_held = self.verified.is_some_and(|(_, services, _)| services.contains(name));
            if is_up && !is_job && !is_held && longest_row(self.readings(name, ended, at)) < wanted {
                self.broken.push(Broken::JudgedTooEarly(name.clone(), at - ended));
            }
        }
    }

    /// A rollback goes to the last verified phase, to the baseline when there is none, and not before the evidence is kept.
    fn way_back(&mut self, target: &Target) {
        let wanted = self.verified.map_or(Target::Baseline, |(phase, ..)| Target::Phase(phase));
        let Some((failed, has_evidence)) = self.failed else { return };
        if *target != wanted {
            self.broken.push(Broken::WrongWayBack(self.name_of(target), self.name_of(&wanted)));
        }
        if !has_evidence {
            self.broken.push(Broken::NoEvidence(self.schedule.phase(failed).name.clone()));
        }
    }

    /// Whether each round between two moments read a pass of a service.
    fn readings(&self, name: &str, from: Moment, until: Moment) -> impl DoubleEndedIterator<Item = bool> {
        let (rounds, unwell) = (self.run.rounds(), self.run.unwell());
        let rounds = &rounds[rounds.partition_point(|at| *at < from)..rounds.partition_point(|at| *at <= until)];
        rounds.iter().map(move |at| {
            let before = unwell.partition_point(|(since, _)| since <= at);
            before.checked_sub(1).is_none_or(|last| !unwell[last].1.contains(name))
        })
    }
}

fn longest_row(readings: impl Iterator<Item = bool>) -> usize {
    let (mut row, mut longest) = (0, 0);
    for passed in readings {
        row = if passed { row + 1 } else { 0 };
        longest = longest.max(row);
    }
    longest
}
