//! The space of what can go wrong: what strikes whom, at which moment, for how long. Moments come from the nominal run: where a step begins
//! or ends, a tick beside it, one sample before it, the middle of what follows.

use super::rehearsal::Rehearsal;
use crate::engine::{DeployPurpose, Event, Moment, Target as Back};
use crate::schedule::{PhaseId, Schedule, ServiceName};
use crate::world::{DokployFault, ExternalFault, Fault, GateFault, ServiceFault, Target, When};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The least there is between two moments.
const TICK: Duration = Duration::from_millis(1);
/// Landmarks that are closer than this are one step of several calls.
const CLOSE: Duration = Duration::from_secs(1);
/// How long nobody is at work when the tool is killed and gone on with.
const GAPS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(600)];

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mishap {
    /// Something around the run. In force from the moment on at which it is given to the world.
    Fault(Fault),
    /// The tool is killed, and gone on with that long after.
    Killed(Duration),
}

impl Mishap {
    /// Whether it makes a service answer no more, or wrongly, and nothing but a deploy may end that.
    pub fn is_down_for_good(&self) -> bool {
        let Self::Fault(fault) = self else { return false };
        let Target::Service(_, kind) = &fault.target else { return false };
        let is_down = matches!(kind, ServiceFault::Http500 | ServiceFault::NeverHealthy | ServiceFault::Exits);
        is_down && fault.lasting().is_none() && fault.every.is_none()
    }
}

/// One case: what goes wrong, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// When, in run time of the run that it strikes.
    pub at: Moment,
    /// What.
    pub mishap: Mishap,
    /// While which phase was the last to be deployed; `None`: before the first.
    pub phase: Option<PhaseId>,
    /// How many cases of the space it stands for: services that are alike fail alike.
    pub stands_for: usize,
}

/// Where a step of a run begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landmark {
    /// When.
    pub at: Moment,
    /// What, in words.
    pub what: &'static str,
}

/// The landmarks of a run from an index of its events on.
pub fn landmarks(told: &[(Moment, Arc<Event>)]) -> Vec<Landmark> {
    let what = |event: &Event| {
        Some(match event {
            Event::RunStarted { .. } => "the run starts",
            Event::Surveyed { .. } => "Dokploy is read",
            Event::BaselineTaken { .. } => "the baseline is taken",
            Event::PhaseStarted { .. } => "the phase starts",
            Event::ApprovalAsked { .. } => "a person is asked",
            Event::Replacing { .. } => "the text is sent",
            Event::Deploying { .. } => "the deploy is asked for",
            Event::DeployStarted { .. } => "the deploy starts",
            Event::DeployEnded { .. } => "the deploy ends",
            Event::Settled { .. } => "everything has settled",
            Event::PhaseVerified { .. } => "the phase is verified",
            Event::RollbackStarted { .. } => "the rollback starts",
            Event::Stopping { .. } => "the app is stopped",
            Event::RollbackVerified { .. } => "the rollback is verified",
            Event::RunEnded { .. } => "the run ends",
            _ => return None,
        })
    };
    told.iter().filter_map(|(at, event)| Some(Landmark { at: *at, what: what(event)? })).collect()
}

/// The moments that matter between landmarks, in order, each once: at each, a tick beside it, one sample before it, and in the middle of what
/// follows. Of landmarks that follow upon each other in less than a second only they themselves. None is before `from`, none as late as the
/// last landmark.
pub fn moments(landmarks: &[Landmark], every: Duration, from: Moment) -> Vec<Moment> {
    let mut moments = BTreeSet::new();
    for (at, landmark) in landmarks.iter().enumerate() {
        let at_it = landmark.at;
        moments.insert(at_it);
        if at.checked_sub(1).is_some_and(|last| at_it - landmarks[last].at < CLOSE) {
            continue;
        }
        moments.extend([at_it + TICK, before(at_it, TICK), before(at_it, every)]);
        if let Some(next) = landmarks.get(at + 1) {
            moments.insert(whole(Moment(at_it.0 + (next.at - at_it) / 2)));
        }
    }
    let end = landmarks.last().map_or(from, |last| last.at);
    moments.into_iter().filter(|moment| *moment >= from && *moment < end).collect()
}

/// At the landmarks, and in the middle between those that are far enough apart.
fn few_moments(landmarks: &[Landmark], from: Moment) -> Vec<Moment> {
    let mut moments: BTreeSet<Moment> = landmarks.iter().map(|landmark| landmark.at).collect();
    let apart = landmarks.windows(2).filter(|two| two[1].at - two[0].at >= CLOSE);
    moments.extend(apart.map(|two| whole(Moment(two[0].at.0 + (two[1].at - two[0].at) / 2))));
    let end = landmarks.last().map_or(from, |last| last.at);
    moments.into_iter().filter(|moment| *moment >= from && *moment < end).collect()
}

fn before(moment: Moment, by: Duration) -> Moment {
    Moment(moment.0.saturating_sub(by))
}

fn whole(moment: Moment) -> Moment {
    Moment(Duration::from_millis(u64::try_from(moment.0.as_millis()).unwrap_or(u64::MAX)))
}

/// Every case of a run that went so, from a moment on.
#[derive(Debug)]
pub struct Space<'a> {
    /// The plan.
    pub schedule: &'a Schedule,
    /// The run.
    pub run: &'a Rehearsal,
    /// Services by those that are alike, each class once; without symmetry each alone.
    pub classes: &'a [Vec<ServiceName>],
    /// From when on.
    pub from: Moment,
    /// Whether it is what goes wrong first. What else goes wrong later strikes at the landmarks and in the middle between them, and lasts as
    /// long as fails a service, or for good.
    pub is_first: bool,
}

impl Space<'_> {
    /// The cases, in order of their moments.
    pub fn cases(&self) -> Vec<Case> {
        let told: Vec<(Moment, Arc<Event>)> = self.run.told().iter().filter(|(at, _)| *at >= self.from).cloned().collect();
        let marks = landmarks(&told);
        let moments = if self.is_first { moments(&marks, self.schedule.sampling.every, self.from) } else { few_moments(&marks, self.from) };
        let mut cases = Vec::new();
        for moment in moments {
            let phase = self.phase_at(moment);
            let mut add = |mishap, stands_for| cases.push(Case { at: moment, mishap, phase, stands_for });
            for (service, stands_for) in self.running_at(moment) {
                for fault in self.of_a_running_service(&service) {
                    add(Mishap::Fault(fault), stands_for);
                }
            }
            for target in self.around() {
                for lasts in self.few_spans() {
                    add(Mishap::Fault(Fault { lasts, ..Fault::new(target.clone(), When::Always) }), 1);
                }
            }
            add(Mishap::Fault(Fault::new(Target::Dokploy(DokployFault::AnswerLost), When::Always)), 1);
            if phase.is_some() {
                add(Mishap::Fault(Fault::new(Target::Dokploy(DokployFault::Restarts), When::Always)), 1);
            }
            for gap in GAPS {
                add(Mishap::Killed(gap), 1);
            }
        }
        cases.extend(self.of_deploys());
        cases.extend(self.of_gates(&told));
        cases.sort_by_key(|case| case.at);
        cases
    }

    /// One sample, one less than what fails a service, just as many, one more, for good.
    fn spans(&self) -> Vec<Option<Duration>> {
        let sampling = self.schedule.sampling;
        let failures = sampling.unhealthy_after;
        let counts: BTreeSet<u32> =
            [1, failures.saturating_sub(1), failures, failures + 1].into_iter().filter(|count| *count > 0).collect();
        counts.into_iter().map(|count| Some(sampling.every * count)).chain([None]).collect()
    }

    /// As long as fails a service, and for good; one sample, too, of what goes wrong first.
    fn few_spans(&self) -> Vec<Option<Duration>> {
        let sampling = self.schedule.sampling;
        let one = self.is_first.then_some(Some(sampling.every));
        one.into_iter().chain([Some(sampling.every * sampling.unhealthy_after), None]).collect()
    }

    /// What can become of a service that runs.
    fn of_a_running_service(&self, service: &str) -> Vec<Fault> {
        let (sampling, mut faults) = (self.schedule.sampling, Vec::new());
        let of = |kind| Fault::new(Target::Service(service.to_owned(), kind), When::Always);
        for lasts in if self.is_first { self.spans() } else { self.few_spans() } {
            faults.push(Fault { lasts, ..of(ServiceFault::Http500) });
        }
        faults.extend(self.few_spans().into_iter().map(|lasts| Fault { lasts, ..of(ServiceFault::NeverHealthy) }));
        if self.is_first {
            faults.push(of(ServiceFault::SlowAnswers(sampling.timeout)));
        }
        faults.push(of(ServiceFault::Exits));
        // Once, and again and again: just below and above what rounds can tell apart, and what a soak can see.
        faults.push(Fault { lasts: Some(TICK), ..of(ServiceFault::Crash) });
        for every in self.periods() {
            faults.push(Fault { every: Some(every), ..of(ServiceFault::Crash) });
        }
        faults
    }

    /// Periods of flapping.
    fn periods(&self) -> BTreeSet<Duration> {
        let every = self.schedule.sampling.every;
        let soaks = self.schedule.phases.iter().map(|phase| phase.soak).collect::<BTreeSet<_>>();
        let around = |length: Duration| [length.saturating_sub(TICK), length + TICK];
        let longest = soaks.last().copied().unwrap_or_default();
        around(every).into_iter().chain(around(longest + every)).filter(|period| *period > TICK).collect()
    }

    /// What can be away around the services.
    fn around(&self) -> Vec<Target> {
        let dokploy = [DokployFault::Down(None), DokployFault::DockerDown(None), DokployFault::DatabaseDown(None)];
        let mut targets: Vec<Target> = dokploy.into_iter().map(Target::Dokploy).collect();
        targets.push(Target::Network(None));
        for name in self.asked_externals() {
            targets.extend([ExternalFault::Down, ExternalFault::Hangs].map(|kind| Target::External(name.clone(), kind)));
        }
        targets
    }

    /// Externals that the world has and that some gate or service asks.
    fn asked_externals(&self) -> BTreeSet<String> {
        let known: BTreeSet<String> = self.run.world().externals().iter().map(|external| external.name.clone()).collect();
        self.schedule.externals.keys().filter(|name| known.contains(*name)).cloned().collect()
    }

    /// What can become of a deploy: each at the start of its phase, before anything of it is sent.
    fn of_deploys(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        let queue = self.schedule.limits.queue;
        for (at, purpose) in self.deploys() {
            let (when, phase) = match &purpose {
                DeployPurpose::Phase(phase) => (When::Phase(self.schedule.phase(*phase).name.clone()), *phase),
                DeployPurpose::Rollback(Back::Phase(phase)) => (When::Rollback, *phase),
                DeployPurpose::Rollback(_) | DeployPurpose::Mark(_) => continue,
            };
            let sent = self.schedule.phase(phase);
            let mut add = |target, stands_for| {
                let mishap = Mishap::Fault(Fault::new(target, when.clone()));
                cases.push(Case { at, mishap, phase: self.phase_at(at), stands_for });
            };
            let is_back = when == When::Rollback;
            let touched = if is_back { &sent.services } else { &sent.adds };
            for (service, stands_for) in self.of_classes(touched) {
                let settle = sent.settle;
                let slow = [settle.saturating_sub(self.schedule.sampling.every), settle + self.schedule.sampling.every];
                let kinds = [
                    ServiceFault::BuildFails,
                    ServiceFault::ImageMissing,
                    ServiceFault::CrashLoop,
                    ServiceFault::Exits,
                    ServiceFault::NeverHealthy,
                    ServiceFault::Http500,
                    ServiceFault::Oom,
                ];
                for kind in kinds.into_iter().chain(slow.map(ServiceFault::SlowStart)) {
                    add(Target::Service(service.clone(), kind), stands_for);
                }
            }
            // Services are started one after the other, and none any more after one whose port is taken: so nobody stands for others here.
            for service in touched {
                add(Target::Service(service.clone(), ServiceFault::PortConflict), 1);
            }
            let kinds = [
                DokployFault::JobLost,
                DokployFault::QueueBusy(queue.saturating_sub(self.schedule.sampling.every)),
                DokployFault::QueueBusy(queue + self.schedule.sampling.every),
            ];
            for kind in kinds {
                add(Target::Dokploy(kind), 1);
            }
        }
        cases
    }

    /// Approvers who refuse, or say nothing.
    fn of_gates(&self, told: &[(Moment, Arc<Event>)]) -> Vec<Case> {
        let asked = told.iter().filter_map(|(at, event)| match &**event {
            Event::ApprovalAsked { gate, .. } => Some((*at, self.schedule.gates[gate.0].name.clone())),
            _ => None,
        });
        let cases = asked.flat_map(|(at, gate)| {
            [GateFault::Refused, GateFault::Silent].map(|kind| Case {
                at: before(at, TICK),
                mishap: Mishap::Fault(Fault::new(Target::Gate(gate.clone(), kind), When::Always)),
                phase: self.phase_at(at),
                stands_for: 1,
            })
        });
        cases.collect()
    }

    /// When each deploy's text was sent, and what for.
    fn deploys(&self) -> Vec<(Moment, DeployPurpose)> {
        let sent = self.run.told().iter().filter(|(at, _)| *at >= self.from);
        let sent = sent.filter_map(|(at, event)| match &**event {
            Event::Replacing { purpose, .. } => Some((*at, purpose.clone())),
            _ => None,
        });
        sent.filter(|(_, purpose)| !matches!(purpose, DeployPurpose::Mark(_))).collect()
    }

    /// The phase that was deployed last at a moment.
    pub fn phase_at(&self, moment: Moment) -> Option<PhaseId> {
        let begun = self.run.told().iter().take_while(|(at, _)| *at <= moment).filter_map(|(_, event)| match &**event {
            Event::DeployStarted { purpose: DeployPurpose::Phase(phase), .. } => Some(*phase),
            _ => None,
        });
        begun.last()
    }

    /// Services that run at a moment: those of what was deployed last, one of each class.
    fn running_at(&self, moment: Moment) -> Vec<(ServiceName, usize)> {
        let begun = self.run.told().iter().take_while(|(at, _)| *at <= moment).filter_map(|(_, event)| match &**event {
            Event::DeployStarted { purpose, .. } => Some(purpose.clone()),
            _ => None,
        });
        match begun.last() {
            Some(DeployPurpose::Phase(phase) | DeployPurpose::Rollback(Back::Phase(phase))) => {
                self.of_classes(&self.schedule.phase(phase).services)
            }
            _ => Vec::new(),
        }
    }

    /// One of each class of these services, with how many of them it stands for.
    fn of_classes(&self, services: &BTreeSet<ServiceName>) -> Vec<(ServiceName, usize)> {
        let of_class = |class: &Vec<ServiceName>| {
            let mut members = class.iter().filter(|name| services.contains(*name));
            Some((members.next()?.clone(), 1 + members.count()))
        };
        self.classes.iter().filter_map(of_class).collect()
    }
}

/// Services that are alike in everything that decides what becomes of them: each class by itself, in the order of names. Alike are services
/// of one phase that are built or pulled alike, have the same healthcheck, restart policy and dependencies, and are asked alike.
pub fn classes(schedule: &Schedule, definitions: &BTreeMap<ServiceName, String>) -> Vec<Vec<ServiceName>> {
    let mut classes: BTreeMap<String, Vec<ServiceName>> = BTreeMap::new();
    for (name, service) in &schedule.services {
        let asked: Vec<String> = service.expectations.iter().map(|id| asked_alike(schedule, id.0)).collect();
        let shape = format!(
            "{:?} {:?} {:?} {asked:?} {}",
            service.added_in,
            service.job,
            service.needs,
            definitions.get(name).map_or("", String::as_str)
        );
        classes.entry(shape).or_default().push(name.clone());
    }
    classes.into_values().collect()
}

/// What is asked, the address left out.
fn asked_alike(schedule: &Schedule, expectation: usize) -> String {
    use crate::model::Probe;
    let expectation = &schedule.expectations[expectation];
    let asked = match &expectation.probe {
        Probe::Http { options, assertions, .. } => {
            let assertions: Vec<String> = assertions.iter().map(|assertion| assertion.value.to_string()).collect();
            format!("http {assertions:?} {}", options.body.is_some())
        }
        Probe::Tcp { banner, .. } => format!("tcp {banner:?}"),
        other => format!("{other:?}"),
    };
    format!("{asked} {:?} {:?}", expectation.severity, expectation.percentiles)
}
