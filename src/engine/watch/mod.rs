//! Rounds: the one way in which anything is judged. A round looks at the containers and takes one sample of every expectation that is
//! watched; it is judged when all its answers are in, and the next begins one `every` after its start, or at its end when that is later.
//!
//! The start assertion, the baseline, gates, earlier services, settling, soaking and the proof of a rollback are all watches; they
//! differ in what they watch and in what they make of [`Watch::standing`].

mod asking;

use self::asking::Round;
use super::containers::Before;
use super::docker::{self, From, Named, Noise, Told};
use super::streak::Streak;
use super::tracker::{Patience, Tracker};
use super::{Container, Event, FailedService, Flaw, Moment, Observed, OpId, Reading, Sample, Verdict};
use crate::model::{Probe, Sampling, Severity};
use crate::schedule::{ExpectationId, Schedule, ServiceName};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What has not answered by then is given up, as an error. Longer than a remote host takes to say nothing (FACTS §13.1: 20 s and more).
const ROUND_PATIENCE: Duration = Duration::from_secs(60);

/// What is watched, how it did so far, and where the round stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Watch {
    services: BTreeMap<ServiceName, Tracker>,
    others: BTreeMap<ExpectationId, Streak>,
    /// What is asked along with `others` and decides nothing.
    asides: BTreeMap<ExpectationId, Streak>,
    /// What is remembered of containers that gates and externals name.
    named: BTreeMap<ExpectationId, Named>,
    before: Before,
    looks: Looks,
    pace: Pace,
    /// The app's containers as they were last known.
    pub seen: Option<Vec<Container>>,
    /// Whether the last round could tell the containers.
    is_known: bool,
    rounds: u64,
    samples: u64,
    /// Whether a round could not tell the containers, or took longer than rounds are apart: time that no service is to blame for.
    is_impeded: bool,
    flaw: Option<Flaw>,
}

/// Whether a watch looks at the containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    /// Not at all: only expectations.
    No,
    /// It does, and services need them.
    Yes,
    /// It does, and nothing is met unless they are known, be there services or not.
    MustKnow,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pace {
    /// A round is in the air.
    Asking(Round),
    /// The next round begins then.
    Waiting(Moment),
}

/// Where a watch stands after a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Everything is met.
    Met,
    /// Something failed for good.
    Failed,
    /// Neither yet.
    Open,
}

impl Watch {
    pub(super) fn new(
        schedule: &Schedule,
        services: impl IntoIterator<Item = (ServiceName, Patience)>,
        others: impl IntoIterator<Item = ExpectationId>,
        before: Before,
        looks: Looks,
        first: Moment,
    ) -> Self {
        let services = services.into_iter().map(|(name, patience)| {
            let tracker = Tracker::new(schedule, &name, patience);
            (name, tracker)
        });
        let others = others.into_iter().map(|id| (id, Streak::of(&schedule.expectations[id.0], schedule.sampling.every)));
        let (others, asides) = others.partition(|(id, _)| schedule.expectations[id.0].severity == Severity::Decides);
        Self {
            services: services.collect(),
            others,
            asides,
            named: BTreeMap::new(),
            before,
            looks,
            pace: Pace::Waiting(first),
            seen: None,
            is_known: false,
            rounds: 0,
            samples: 0,
            is_impeded: false,
            flaw: None,
        }
    }

    /// These services are asked and shown, and decide nothing.
    pub(super) fn waiving(mut self, waived: &BTreeMap<ServiceName, String>) -> Self {
        for (name, tracker) in &mut self.services {
            tracker.is_waived = waived.contains_key(name);
        }
        self
    }

    /// What is watched was deployed: lines of its logs count from then on, those of known kinds left out.
    pub(super) fn since_deploy(mut self, asked: Moment, noise: &Noise) -> Self {
        for (name, tracker) in &mut self.services {
            tracker.reads_logs(From::Deploy(asked), noise.get(name).cloned().unwrap_or_default());
        }
        self
    }

    /// Nothing was deployed, and everything is to be decided by this watch alone.
    pub(super) fn by_itself(mut self) -> Self {
        for tracker in self.services.values_mut() {
            tracker.reads_logs(From::Recent, BTreeSet::new());
            tracker.must_fill = true;
        }
        self
    }

    /// Kinds of lines that services wrote before now.
    pub(super) fn noise(&self) -> Noise {
        let noisy = self.services.iter().filter(|(_, tracker)| !tracker.noise().is_empty());
        noisy.map(|(name, tracker)| (name.clone(), tracker.noise().clone())).collect()
    }

    /// It is made to err so.
    pub(super) fn flawed_by(&mut self, flaw: Option<Flaw>) {
        if flaw.is_some() {
            self.flaw = flaw;
            self.services.values_mut().for_each(|tracker| tracker.flawed_by(flaw));
        }
    }

    /// The services that decide.
    fn deciding(&self) -> impl Iterator<Item = (&ServiceName, &Tracker)> {
        self.services.iter().filter(|(_, tracker)| !tracker.is_waived)
    }

    /// When the watch wants to be asked again by itself.
    pub(super) fn next_wake(&self) -> Moment {
        match &self.pace {
            Pace::Asking(round) => round.started + ROUND_PATIENCE,
            Pace::Waiting(next) => *next,
        }
    }

    pub(super) fn is_asking(&self) -> bool {
        matches!(self.pace, Pace::Asking(_))
    }

    /// Begins anew, with a round that is due now: nobody looked for a while. What is in the air counts for nothing; gives its ids.
    pub(super) fn begin_anew(&mut self, now: Moment) -> Vec<OpId> {
        self.services.values_mut().for_each(Tracker::begin_anew);
        self.others.values_mut().chain(self.asides.values_mut()).for_each(Streak::begin_anew);
        match std::mem::replace(&mut self.pace, Pace::Waiting(now)) {
            Pace::Asking(round) => round.awaited.into_keys().chain(round.asked.into_keys()).chain(round.observe).collect(),
            Pace::Waiting(_) => Vec::new(),
        }
    }

    /// Judges the round in the air, all of whose answers are in.
    pub(super) fn judge(&mut self, schedule: &Schedule, now: Moment) -> Event {
        let next = match &self.pace {
            Pace::Asking(round) => (round.started + schedule.sampling.every).max(now),
            Pace::Waiting(next) => *next,
        };
        let round = match std::mem::replace(&mut self.pace, Pace::Waiting(next)) {
            Pace::Asking(round) => round,
            Pace::Waiting(_) => return Event::Round { services: BTreeMap::new(), others: BTreeMap::new(), asides: BTreeMap::new() },
        };
        let observed = match (round.observed, &self.seen) {
            (Some(Observed::Unknown(_)), Some(seen)) if self.flaw == Some(Flaw::SilenceIsAsBefore) => Observed::Known(seen.clone()),
            (observed, _) => observed.unwrap_or_else(|| Observed::Unknown("not asked".to_owned())),
        };
        self.is_known = matches!(observed, Observed::Known(_));
        self.is_impeded |= now > round.started + schedule.sampling.every || (self.looks != Looks::No && !self.is_known);
        self.rounds += 1;
        self.samples += round.samples.len() as u64;

        let told = Told { now, started: round.started, answers: round.answers };
        let mut services = BTreeMap::new();
        for (name, tracker) in &mut self.services {
            services.insert(name.clone(), tracker.judge(name, &observed, &round.samples, &told, &self.before, schedule));
        }
        let (mut others, mut asides) = (BTreeMap::new(), BTreeMap::new());
        for (id, streak) in self.others.iter_mut().chain(&mut self.asides) {
            let of_docker = match &schedule.expectations[id.0].probe {
                Probe::Docker(docker) => {
                    let named = self.named.entry(*id).or_default();
                    let sample = docker::of_other(docker, &told, named);
                    if named.is_changed {
                        streak.is_of_another();
                    }
                    Some(sample)
                }
                _ => None,
            };
            if let Some(sample) = of_docker.as_ref().or_else(|| round.samples.get(id)) {
                let sample = streak.take(sample, true);
                let decides = schedule.expectations[id.0].severity == Severity::Decides;
                let list = if decides { &mut others } else { &mut asides };
                list.insert(id.0, (sample, streak.verdict(&schedule.sampling, true, false)));
            }
        }
        if let Observed::Known(containers) = observed {
            self.seen = Some(containers);
        }
        let of_services = self.services.values().flat_map(|tracker| tracker.beside(&schedule.sampling));
        asides.extend(of_services.map(|(id, verdict, sample)| (id.0, (sample.clone(), verdict))));
        Event::Round { services, others, asides }
    }

    /// What decides nothing: how each stands, and its last sample.
    pub(super) fn beside(&self, sampling: &Sampling) -> Vec<(ExpectationId, Verdict, Sample)> {
        let of_services = self.services.values().flat_map(|tracker| tracker.beside(sampling));
        let others =
            self.asides.iter().filter_map(|(id, streak)| Some((*id, streak.verdict(sampling, true, false), streak.recent.last()?)));
        of_services.chain(others).map(|(id, verdict, sample)| (id, verdict, sample.clone())).collect()
    }

    pub(super) fn standing(&self, schedule: &Schedule) -> Standing {
        let verdicts = || {
            let of_services = self.deciding().map(|(_, tracker)| tracker.verdict());
            of_services.chain(self.others.values().map(|streak| streak.verdict(&schedule.sampling, true, false)))
        };
        if verdicts().any(|verdict| verdict == Verdict::Failed) {
            Standing::Failed
        } else if self.rounds > 0 && (self.is_known || self.looks != Looks::MustKnow) && verdicts().all(|verdict| verdict == Verdict::Met) {
            Standing::Met
        } else {
            Standing::Open
        }
    }

    /// Whether the last round knew the containers and read nothing but passes.
    pub(super) fn is_passing(&self) -> bool {
        let of_services = self.deciding().map(|(_, tracker)| tracker.last.as_ref().map(|last| last.reading));
        let of_others = self.others.values().map(|streak| streak.recent.last().map(|sample| sample.reading));
        (self.is_known || self.looks != Looks::MustKnow) && of_services.chain(of_others).all(|reading| reading == Some(Reading::Pass))
    }

    /// Why nothing can be said, when everything that is not met could not be asked in the last round.
    pub(super) fn only_errors(&self, schedule: &Schedule) -> Option<String> {
        let mut why = None;
        if self.looks == Looks::MustKnow && !self.is_known {
            why = Some("the containers could not be looked at".to_owned());
        }
        for (name, tracker) in self.deciding().filter(|(_, tracker)| tracker.verdict() != Verdict::Met) {
            let last = tracker.last.as_ref()?;
            if last.reading != Reading::Error {
                return None;
            }
            why.get_or_insert_with(|| format!("{name}: {}", last.actual.clone().unwrap_or_default()));
        }
        for (id, streak) in &self.others {
            if streak.verdict(&schedule.sampling, true, false) == Verdict::Met {
                continue;
            }
            let last = streak.recent.last()?;
            if last.reading != Reading::Error {
                return None;
            }
            why.get_or_insert_with(|| format!("{}: {}", schedule.expectations[id.0].text, last.actual));
        }
        why
    }

    /// Why asking goes badly, as soon as it went badly often enough to be worth saying.
    pub(super) fn errored(&self, schedule: &Schedule) -> Option<String> {
        let service = self.deciding().find(|(_, tracker)| tracker.verdict() == Verdict::Errored);
        let of_service = service.map(|(name, tracker)| format!("{name}: {}", tracker.actual()));
        of_service.or_else(|| {
            let other = self.others.iter().find(|(_, streak)| streak.verdict(&schedule.sampling, true, false) == Verdict::Errored);
            other.map(|(id, streak)| {
                format!("{}: {}", schedule.expectations[id.0].text, streak.recent.last().map_or("", |sample| sample.actual.as_str()))
            })
        })
    }

    /// The services that failed; at a deadline, all that are not met and could be asked.
    pub(super) fn failed_services(&self, schedule: &Schedule, at_deadline: bool) -> Vec<FailedService> {
        let failed = self.deciding().filter(|(_, tracker)| match tracker.verdict() {
            Verdict::Failed => true,
            Verdict::Met => false,
            _ => at_deadline && tracker.last.as_ref().is_none_or(|last| last.reading != Reading::Error),
        });
        failed.map(|(name, tracker)| tracker.failed(name, schedule)).collect()
    }

    /// Samples of gates and externals that did not pass in the last round.
    pub(super) fn failed_others(&self) -> Vec<(ExpectationId, Sample)> {
        let last = self.others.iter().filter_map(|(id, streak)| Some((*id, streak.recent.last()?.clone())));
        last.filter(|(_, sample)| sample.reading != Reading::Pass).collect()
    }

    /// The services under watch.
    pub(super) fn trackers(&self) -> impl Iterator<Item = (&ServiceName, &Tracker)> {
        self.services.iter()
    }

    /// What gates and externals are asked, whether it decides or not.
    pub(super) fn others(&self) -> impl Iterator<Item = (ExpectationId, &Streak)> {
        self.others.iter().chain(&self.asides).map(|(id, streak)| (*id, streak))
    }

    /// What broke the row in the last round, by the first service it happened to: a reading that is not a pass, or another container.
    pub(super) fn broken(&self) -> Option<(ServiceName, Reading, String)> {
        self.deciding().find_map(|(name, tracker)| {
            let last = tracker.last.as_ref()?;
            if last.reading != Reading::Pass {
                return Some((name.clone(), last.reading, tracker.actual()));
            }
            last.look.changed.clone().map(|changed| (name.clone(), Reading::Fail, changed))
        })
    }

    /// A service that failed to hold, described as such.
    pub(super) fn describe(&self, schedule: &Schedule, service: &str) -> Option<FailedService> {
        self.services.get_key_value(service).map(|(name, tracker)| tracker.failed(name, schedule))
    }

    /// Services whose last reading was a pass.
    pub(super) fn passing(&self) -> BTreeSet<ServiceName> {
        let passing = |tracker: &Tracker| tracker.last.as_ref().is_some_and(|last| last.reading == Reading::Pass);
        self.services.iter().filter(|(_, tracker)| passing(tracker)).map(|(name, _)| name.clone()).collect()
    }

    /// Services that are met.
    pub(super) fn met(&self) -> BTreeSet<ServiceName> {
        self.services.iter().filter(|(_, tracker)| tracker.verdict() == Verdict::Met).map(|(name, _)| name.clone()).collect()
    }

    /// The services that are watched and decide.
    pub(super) fn services(&self) -> BTreeSet<ServiceName> {
        self.deciding().map(|(name, _)| name.clone()).collect()
    }

    /// Containers of the last round, if it could tell them.
    pub(super) fn known(&self) -> Option<&[Container]> {
        if self.is_known { self.seen.as_deref() } else { None }
    }

    pub(super) fn observed(&self) -> Before {
        Before(self.known().map(<[Container]>::to_vec))
    }

    /// Whether rounds were lost to what no service is to blame for, so that a row of passes may be short at a deadline.
    pub(super) fn is_impeded(&self) -> bool {
        self.is_impeded
    }

    pub(super) fn rounds(&self) -> u64 {
        self.rounds
    }

    pub(super) fn samples_taken(&self) -> u64 {
        self.samples
    }

    pub(super) fn images(&self) -> BTreeMap<ServiceName, String> {
        let image = |tracker: &Tracker| tracker.last.as_ref().and_then(|last| last.look.image.clone());
        self.services.iter().filter_map(|(name, tracker)| Some((name.clone(), image(tracker)?))).collect()
    }

    /// The last samples of each expectation, by its text.
    pub(super) fn recent(&self, schedule: &Schedule) -> BTreeMap<String, Vec<Sample>> {
        let of_services = self.services.values().flat_map(|tracker| tracker.expectations.iter().chain(&tracker.asides));
        of_services
            .chain(&self.others)
            .chain(&self.asides)
            .map(|(id, streak)| (schedule.expectations[id.0].text.clone(), streak.recent.clone()))
            .collect()
    }
}
