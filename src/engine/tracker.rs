//! One service under watch: its container and its expectations, judged together round by round.

use super::containers::{Before, Look, Memory, job_look, look};
use super::docker::{self, Ask, Findings, From, LogReader, Named, Told};
use super::streak::{Count, Streak};
use super::{Container, FailedService, Flaw, Moment, Observed, Reading, RoundService, Sample, ServiceState, Verdict};
use crate::model::{Docker, Probe, Sampling, Severity};
use crate::schedule::{ExpectationId, Schedule, ServiceName};
use std::collections::{BTreeMap, BTreeSet};

/// When failures of a service decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// From the first sample on: the service was well before.
    None,
    /// From the first `met` on: the service was just deployed.
    UntilMet,
    /// As [`Patience::None`] while its containers are those from before the deploy, as [`Patience::UntilMet`] once they are not.
    IfReplaced,
}

/// One service of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tracker {
    patience: Patience,
    /// Whether it is asked and shown and decides nothing (`--waive`).
    pub is_waived: bool,
    container: Streak,
    pub expectations: BTreeMap<ExpectationId, Streak>,
    /// What is asked besides and decides nothing.
    pub asides: BTreeMap<ExpectationId, Streak>,
    memory: Memory,
    logs: LogReader,
    findings: BTreeMap<ExpectationId, Findings>,
    named: BTreeMap<ExpectationId, Named>,
    /// Whether percentiles must have all their samples.
    pub must_fill: bool,
    was_replaced: bool,
    was_met: bool,
    flaw: Option<Flaw>,
    pub last: Option<Last>,
}

/// What the last round said of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Last {
    pub look: Look,
    pub reading: Reading,
    verdict: Verdict,
    pub actual: Option<String>,
    pub samples: BTreeMap<usize, Sample>,
    /// Samples of what decides nothing.
    pub asides: BTreeMap<ExpectationId, Sample>,
}

impl Tracker {
    pub(super) fn new(schedule: &Schedule, name: &str, patience: Patience) -> Self {
        let service = schedule.services.get(name);
        let streaks =
            |ids: &[ExpectationId]| ids.iter().map(|id| (*id, Streak::of(&schedule.expectations[id.0], schedule.sampling.every))).collect();
        Self {
            patience,
            is_waived: false,
            container: Streak::default(),
            expectations: service.map(|service| streaks(&service.expectations)).unwrap_or_default(),
            asides: service.map(|service| streaks(&service.asides)).unwrap_or_default(),
            memory: Memory::default(),
            logs: LogReader::new(From::Now, BTreeSet::new()),
            findings: BTreeMap::new(),
            named: BTreeMap::new(),
            must_fill: patience != Patience::None,
            was_replaced: false,
            was_met: false,
            flaw: None,
            last: None,
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.last.as_ref().map_or(Verdict::Unknown, |last| last.verdict)
    }

    pub(super) fn actual(&self) -> String {
        self.last.as_ref().and_then(|last| last.actual.clone()).unwrap_or_else(|| "nothing was seen yet".to_owned())
    }

    /// The rows that decide.
    fn streaks(&self) -> impl Iterator<Item = &Streak> {
        std::iter::once(&self.container).chain(self.expectations.values())
    }

    fn all_streaks(&mut self) -> impl Iterator<Item = &mut Streak> {
        std::iter::once(&mut self.container).chain(self.expectations.values_mut()).chain(self.asides.values_mut())
    }

    /// Everything that is asked of it, whether it decides or not.
    pub(super) fn asked(&self) -> impl Iterator<Item = ExpectationId> {
        self.expectations.keys().chain(self.asides.keys()).copied()
    }

    /// The rows begin anew.
    pub(super) fn begin_anew(&mut self) {
        self.all_streaks().for_each(Streak::begin_anew);
        self.memory.begin_anew();
    }

    /// It is made to err so.
    pub(super) fn flawed_by(&mut self, flaw: Option<Flaw>) {
        self.flaw = flaw;
        self.all_streaks().for_each(|streak| streak.flaw = flaw);
    }

    /// From when on lines of its logs count.
    pub(super) fn reads_logs(&mut self, from: From, noise: BTreeSet<String>) {
        self.logs = LogReader::new(from, noise);
    }

    /// Kinds of lines that it wrote before now.
    pub(super) fn noise(&self) -> &BTreeSet<String> {
        &self.logs.noise
    }

    /// What to read of its logs, now that its containers are known.
    pub(super) fn log_asks(&self, containers: &[&Container], before: &Before, schedule: &Schedule, now: Moment) -> Vec<Ask> {
        let logs = self.asked().filter_map(|id| match &schedule.expectations[id.0].probe {
            Probe::Docker(Docker::Logs(logs)) => Some(logs),
            _ => None,
        });
        let (mut any, mut wants_all) = (false, false);
        for logs in logs {
            any = true;
            wants_all |= !logs.some.is_empty();
        }
        if any { self.logs.asks(containers, before, wants_all, now) } else { Vec::new() }
    }

    /// Samples of what Docker is asked about this service.
    fn docker_samples(
        &mut self,
        name: &ServiceName,
        observed: &Observed,
        told: &Told,
        before: &Before,
        schedule: &Schedule,
    ) -> BTreeMap<ExpectationId, Sample> {
        let mut samples = BTreeMap::new();
        let asked: Vec<(ExpectationId, &Docker)> = self
            .asked()
            .filter_map(|id| match &schedule.expectations[id.0].probe {
                Probe::Docker(docker) => Some((id, docker)),
                _ => None,
            })
            .collect();
        let mut reading = Vec::new();
        for (id, docker) in asked {
            let sample = match (docker, observed) {
                (Docker::Container { name: Some(_), .. } | Docker::Server(_), _) => {
                    docker::of_other(docker, told, self.named.entry(id).or_default())
                }
                (_, Observed::Unknown(why)) => {
                    told.sample(Reading::Error, docker.to_string(), format!("its container could not be looked at: {why}"))
                }
                (Docker::Container { name: None, assertions }, Observed::Known(all)) => {
                    let own: Vec<(&Container, u64)> =
                        all.iter().filter(|one| one.service == *name).map(|one| (one, self.memory.restarts_since(one))).collect();
                    docker::of_service(told, &own, assertions)
                }
                (Docker::Logs(logs), Observed::Known(_)) => {
                    reading.push((id, logs, self.findings.remove(&id).unwrap_or_default()));
                    continue;
                }
            };
            samples.insert(id, sample);
        }
        if let (Observed::Known(all), false) = (observed, reading.is_empty()) {
            let own: Vec<&Container> = all.iter().filter(|one| one.service == *name).collect();
            let read = self.logs.samples(told, &own, before, reading.iter_mut().map(|(_, logs, findings)| (*logs, findings)));
            samples.extend(reading.iter().map(|(id, ..)| *id).zip(read));
            self.findings.extend(reading.into_iter().map(|(id, _, findings)| (id, findings)));
        }
        samples
    }

    pub(super) fn judge(
        &mut self,
        name: &ServiceName,
        observed: &Observed,
        samples: &BTreeMap<ExpectationId, Sample>,
        told: &Told,
        before: &Before,
        schedule: &Schedule,
    ) -> RoundService {
        let job = schedule.services.get(name).and_then(|service| service.job);
        let mut look = match job {
            None => look(observed, name, &mut self.memory, before, schedule.limits.restarts),
            Some(job) => job_look(observed, name, &mut self.memory, before, schedule.limits.restarts, job.within, told.now),
        };
        if self.flaw == Some(Flaw::RestartIsTheSame) {
            look.changed = None;
        }
        let of_docker = self.docker_samples(name, observed, told, before, schedule);
        if let Observed::Known(containers) = observed {
            self.was_replaced |= !before.kept(name, containers);
        }
        if look.changed.is_some() {
            self.all_streaks().for_each(Streak::is_of_another);
        }

        self.container.count(look.count);
        if look.changed.is_some() {
            self.container.was_another();
        }
        let mut reading = match look.count {
            Count::Reading(reading) => reading,
            Count::Pending => Reading::Fail,
        };
        let mut actual = look.actual.clone();
        let (mut judged, mut beside) = (BTreeMap::new(), BTreeMap::new());
        let seen = |id: &ExpectationId| match (of_docker.get(id), samples.get(id)) {
            (Some(sample), _) => Some(sample.clone()),
            (None, sample) => sample.map(|sample| judged_with(sample, &look)),
        };
        for (id, streak) in self.expectations.iter_mut().chain(&mut self.asides) {
            let Some(sample) = seen(id) else { continue };
            if self.named.get(id).is_some_and(|named| named.is_changed) {
                streak.is_of_another();
            }
            let sample = streak.take(&sample, self.must_fill);
            if schedule.expectations[id.0].severity != Severity::Decides {
                beside.insert(*id, sample);
                continue;
            }
            if sample.reading != Reading::Pass && (actual.is_none() || sample.reading > reading) {
                actual = Some(sample.actual.clone());
            }
            reading = reading.max(sample.reading);
            judged.insert(id.0, sample);
        }

        let decisive = self.is_decisive();
        let was_met = self.was_met;
        let sampling = &schedule.sampling;
        let worst = self.streaks().map(|streak| streak.verdict(sampling, decisive, was_met)).max();
        let verdict = if look.terminal.is_some() { Verdict::Failed } else { worst.unwrap_or_default() };
        self.was_met |= verdict == Verdict::Met;
        let passes = self.streaks().map(|streak| streak.passes).min().unwrap_or(0);
        let round = RoundService {
            state: look.state.clone(),
            health: look.health,
            verdict,
            reading,
            passes,
            actual: actual.clone(),
            samples: judged.clone(),
        };
        self.last = Some(Last { look, reading, verdict, actual, samples: judged, asides: beside });
        round
    }

    /// Whether failures decide by now.
    fn is_decisive(&self) -> bool {
        self.was_met
            || self.flaw == Some(Flaw::JudgesWhileSettling)
            || match self.patience {
                Patience::None => true,
                Patience::UntilMet => false,
                Patience::IfReplaced => !self.was_replaced,
            }
    }

    /// What is asked besides: how it stands, and its last sample.
    pub(super) fn beside(&self, sampling: &Sampling) -> impl Iterator<Item = (ExpectationId, Verdict, &Sample)> {
        let last = self.last.as_ref().map(|last| &last.asides).into_iter().flatten();
        let decisive = self.is_decisive();
        last.filter_map(move |(id, sample)| Some((*id, self.asides.get(id)?.verdict(sampling, decisive, false), sample)))
    }

    /// What to say of a service that failed: its container if that is at fault, else the worst of its expectations.
    pub(super) fn failed(&self, name: &ServiceName, schedule: &Schedule) -> FailedService {
        let service = schedule.services.get(name);
        let hint = service.and_then(|service| service.hint.clone());
        let is_job = service.is_some_and(|service| service.job.is_some());
        let expected = if is_job { "ends with 0" } else { "runs, and is the same in every sample" };
        let look = self.last.as_ref().map(|last| &last.look);
        let at_fault = look.is_none_or(|look| look.terminal.is_some() || look.count != Count::Reading(Reading::Pass));
        let worst = self.expectations.iter().filter(|(_, streak)| streak.passes == 0 || self.verdict() != Verdict::Met);
        let worst = worst.max_by_key(|(_, streak)| (streak.failures, streak.errors, streak.totals.1));
        let sample = worst.and_then(|(id, streak)| Some((id, streak, self.last.as_ref()?.samples.get(&id.0)?)));
        match sample {
            Some((id, streak, sample)) if !at_fault => FailedService {
                service: name.clone(),
                what: schedule.expectations[id.0].text.clone(),
                expected: sample.expected.clone(),
                actual: sample.actual.clone(),
                counts: streak.totals,
                hint,
            },
            _ => FailedService {
                service: name.clone(),
                what: "its container".to_owned(),
                expected: expected.to_owned(),
                actual: look.and_then(|look| look.actual.clone().or_else(|| look.changed.clone())).unwrap_or_else(|| self.actual()),
                counts: self.container.totals,
                hint,
            },
        }
    }
}

/// A sample in the light of the containers: a pass by something else, or while nobody knows what runs, is no pass (promise 3).
fn judged_with(sample: &Sample, look: &Look) -> Sample {
    let mut sample = sample.clone();
    if !look.is_known {
        sample.reading = Reading::Error;
        sample.actual = format!("{}, and its container could not be looked at", sample.actual);
    } else if look.is_down && sample.reading == Reading::Pass {
        sample.reading = Reading::Error;
        sample.actual = match look.state {
            ServiceState::Missing => format!("{}, though the service has no container: something else answers there", sample.actual),
            _ => format!("{}, though its container does not run: something else answers there", sample.actual),
        };
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Moment;

    fn judged(observed: &Observed) -> Sample {
        let look = look(observed, &"web".to_owned(), &mut Memory::default(), &Before::default(), 3);
        let pass =
            Sample { reading: Reading::Pass, expected: "status 200".into(), actual: "status 200".into(), at: Moment::START, took_ms: 1 };
        judged_with(&pass, &look)
    }

    #[test]
    fn a_pass_while_the_container_does_not_run_comes_from_something_else() {
        let sample = judged(&Observed::Known(vec![]));
        assert_eq!(sample.reading, Reading::Error);
        assert_eq!(sample.actual, "status 200, though the service has no container: something else answers there");
    }

    #[test]
    fn a_pass_while_nobody_knows_what_runs_is_no_pass() {
        assert_eq!(judged(&Observed::Unknown("docker is silent".into())).reading, Reading::Error);
    }
}
