//! What rounds come to, told a second time: from what the engine was answered alone, after each deploy of a phase that went through. A model
//! of one expectation a service; it knows rows of readings, what a container may do, the soak and its time, and nothing of how the engine
//! keeps them.

use super::fake::{Line, Run};
use rollout_plan::engine::*;
use rollout_plan::schedule::{PhaseId, Schedule};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What has not answered by then is an error.
const PATIENCE: Duration = Duration::from_secs(60);

/// A round in the air.
#[derive(Default)]
struct Asked {
    begun: Moment,
    look: Option<OpId>,
    seen: Option<Observed>,
    awaited: BTreeMap<OpId, usize>,
    samples: BTreeMap<usize, Sample>,
}

/// One kind of reading after the other.
#[derive(Clone, Copy, Default)]
struct Row {
    last: Option<Reading>,
    length: u32,
}

impl Row {
    fn take(&mut self, reading: Option<Reading>) {
        self.length = if reading.is_some() && self.last == reading { self.length + 1 } else { u32::from(reading.is_some()) };
        self.last = reading;
    }

    fn of(self, reading: Reading) -> u32 {
        if self.last == Some(reading) { self.length } else { 0 }
    }
}

/// A service since the deploy ended.
#[derive(Default)]
struct Service {
    container: Row,
    answers: Row,
    /// In all: passes, failures, errors, of its container and of what it answers.
    counts: [(u64, u64, u64); 2],
    was: Option<(String, u64, String)>,
    restarts_before: BTreeMap<String, u64>,
    ended: u32,
    is_new: bool,
    was_met: bool,
    verdict: Verdict,
    reading: Option<Reading>,
    changed: bool,
    is_over: bool,
}

fn count(counts: &mut (u64, u64, u64), reading: Reading) {
    match reading {
        Reading::Pass => counts.0 += 1,
        Reading::Fail => counts.1 += 1,
        Reading::Error => counts.2 += 1,
    }
}

/// What a phase came to since its deploy ended.
struct Watched {
    phase: PhaseId,
    before: Option<Vec<Container>>,
    /// Verified before this phase: its failures decide at once where its container is the same.
    held: BTreeSet<String>,
    services: BTreeMap<String, Service>,
    settle_until: Moment,
    soak_until: Option<Moment>,
    holds: bool,
    is_known: bool,
    samples: u64,
    /// Somebody failed: nothing may follow but the failure.
    is_over: bool,
}

/// Holds a run against the model.
pub fn holds(run: &Run, plan: &Schedule) {
    let (mut asked, mut watched, mut held, mut before) = (Asked::default(), None::<Watched>, BTreeSet::new(), None);
    let mut deadline = Moment(plan.limits.run);
    let mut asked_at = None;
    for (at, line) in &run.log {
        match line {
            Line::Asked(Effect::Platform { op, intent: Intent::Observe }) => {
                asked = Asked { begun: *at, look: Some(*op), ..Asked::default() };
            }
            Line::Asked(Effect::Sample { op, expectation }) => {
                asked.awaited.insert(*op, expectation.0);
            }
            Line::Heard(Input::Answered(op, answer)) if asked.look == Some(*op) => {
                asked.look = None;
                asked.seen = Some(match answer {
                    Answer::Observed(observed) => observed.clone(),
                    _ => Observed::Unknown(String::new()),
                });
            }
            Line::Heard(Input::Sampled(op, sample)) => {
                if let Some(expectation) = asked.awaited.remove(op) {
                    asked.samples.insert(expectation, sample.clone());
                }
            }
            Line::Told(event) => match &**event {
                Event::ApprovalAsked { .. } => asked_at = Some(*at),
                Event::ApprovalGiven { .. } => deadline = Moment(deadline.0 + (*at - asked_at.take().expect("it was asked"))),
                Event::Agreed => deadline = *at + plan.limits.run,
                Event::Deploying { purpose: DeployPurpose::Phase(_), before: seen, .. } => before.clone_from(seen),
                Event::DeployEnded { purpose: DeployPurpose::Phase(phase), status: RowStatus::Done, .. } => {
                    let of_phase = plan.phase(*phase);
                    watched = Some(Watched {
                        phase: *phase,
                        before: before.clone(),
                        held: held.clone(),
                        services: of_phase.services.iter().map(|name| (name.clone(), Service::default())).collect(),
                        settle_until: (*at + of_phase.settle).min(deadline),
                        soak_until: None,
                        holds: false,
                        is_known: false,
                        samples: 0,
                        is_over: false,
                    });
                }
                Event::Round { services, .. } if watched.is_some() && !services.is_empty() => {
                    let asked = std::mem::take(&mut asked);
                    watched.as_mut().expect("it is watched").round(*at, asked, services, plan);
                }
                Event::Settled { until, .. } | Event::SoakRestarted { until, .. } => {
                    if let Some(watched) = &mut watched {
                        watched.soaks(*at, event, *until, plan);
                    }
                }
                Event::PhaseVerified { services, asserted_only, samples, .. } => {
                    held.clone_from(services);
                    if let Some(watched) = watched.take() {
                        assert!(!asserted_only);
                        watched.is_verified(*at, *samples);
                    }
                }
                Event::PhaseFailed { cause, .. } => {
                    if let (Some(watched), Cause::Services { services, regression }) = (watched.take(), cause) {
                        watched.has_failed(*at, services, *regression, plan);
                    }
                }
                Event::StartedBroken { held: well, .. } => held.extend(well.iter().cloned()),
                Event::Holding { .. } => watched.iter_mut().for_each(|watched| watched.holds = true),
                Event::RollbackStarted { .. } | Event::RunEnded { .. } => watched = None,
                _ => {}
            },
            _ => {}
        }
    }
}

impl Watched {
    fn round(&mut self, at: Moment, asked: Asked, told: &BTreeMap<String, RoundService>, plan: &Schedule) {
        let is_late = asked.look.is_some() || !asked.awaited.is_empty();
        assert!(!is_late || at >= asked.begun + PATIENCE, "judged before everything was answered, {:?}", asked.awaited);
        assert!(!self.is_over, "a round after a failure");
        assert!(told.keys().eq(self.services.keys()), "{:?} are asked", told.keys());
        let seen = asked.seen.unwrap_or(Observed::Unknown(String::new()));
        self.is_known = matches!(seen, Observed::Known(_));
        let mut samples = asked.samples;
        for expectation in asked.awaited.values() {
            let sample = Sample { reading: Reading::Error, expected: String::new(), actual: String::new(), at, took_ms: 0 };
            samples.insert(*expectation, sample);
        }
        self.samples += samples.len() as u64;
        for (name, service) in &mut self.services {
            let expectation = plan.services[name].expectations[0].0;
            let is_held = self.held.contains(name);
            service.round(name, is_held, &seen, self.before.as_deref(), &samples[&expectation], plan);
            let told = &told[name];
            let said = (told.reading, told.verdict, told.passes, told.actual.is_none());
            let passes = service.container.of(Reading::Pass).min(service.answers.of(Reading::Pass));
            let reading = service.reading.expect("it was just read");
            // One that runs and was restarted too often passes in this round, and it is told what has failed it.
            let is_fine = reading == Reading::Pass && !service.is_over;
            assert_eq!(said, (reading, service.verdict, passes, is_fine), "{name} at {at:?}: {told:?}");
            assert!(told.samples.keys().eq([&expectation]), "{told:?}");
            self.is_over |= service.verdict == Verdict::Failed;
        }
    }

    /// Everything settles in the first round in which everything is met, and soaks for as long as the plan says.
    fn soaks(&mut self, at: Moment, event: &Event, until: Moment, plan: &Schedule) {
        let is_met = self.is_known && self.services.values().all(|service| service.verdict == Verdict::Met);
        let broke = self.services.iter().find(|(_, one)| one.reading != Some(Reading::Pass) || one.changed).map(|(name, _)| name);
        match event {
            Event::Settled { .. } => assert!(is_met && self.soak_until.is_none(), "settled at {at:?}"),
            Event::SoakRestarted { service, .. } => {
                assert!(self.soak_until.is_some() && broke == Some(service), "{service} broke the soak, and not {broke:?}");
            }
            _ => {}
        }
        assert_eq!(until, at + plan.phase(self.phase).soak);
        self.soak_until = Some(until);
    }

    fn is_verified(&self, at: Moment, samples: u64) {
        assert!(self.soak_until.is_some_and(|until| at >= until), "verified at {at:?}, before the soak is over");
        assert!(self.is_known && self.services.values().all(|service| service.verdict == Verdict::Met && !service.changed));
        assert_eq!(samples, self.samples, "samples since the deploy ended");
    }

    fn has_failed(&self, at: Moment, failed: &[FailedService], regression: bool, plan: &Schedule) {
        assert_eq!(regression, !failed.is_empty() && failed.iter().all(|failed| self.held.contains(&failed.service)));
        let names: Vec<&String> = failed.iter().map(|failed| &failed.service).collect();
        let worst: Vec<&String> = self.services.iter().filter(|(_, one)| one.verdict == Verdict::Failed).map(|(name, _)| name).collect();
        if worst.is_empty() {
            let is_in_time = self.soak_until.is_none() && at < self.settle_until;
            assert!(!is_in_time, "{names:?} failed at {at:?}, before they had their time");
        } else {
            assert_eq!(names, worst, "those failed");
        }
        for one in failed {
            let service = &self.services[&one.service];
            let of_container = usize::from(one.what != "its container");
            assert_eq!(one.counts, service.counts[of_container], "{one:?}");
            assert_eq!(one.hint, plan.services[&one.service].hint);
            let is_at_fault = service.is_over || service.container.of(Reading::Pass) == 0;
            assert_eq!(one.what == "its container", is_at_fault, "{one:?}");
        }
    }
}

impl Service {
    fn round(&mut self, name: &str, is_held: bool, seen: &Observed, before: Option<&[Container]>, sample: &Sample, plan: &Schedule) {
        let container = match seen {
            Observed::Known(all) => Some(all.iter().find(|one| one.service == name)),
            Observed::Unknown(_) => None,
        };
        let of_container = match container {
            None => Some(Reading::Error),
            Some(None) => Some(Reading::Fail),
            Some(Some(one)) => match (&one.state, one.health) {
                (ContainerState::Running, None | Some(Health::Healthy)) => Some(Reading::Pass),
                (ContainerState::Running, Some(Health::Starting)) => None,
                _ => Some(Reading::Fail),
            },
        };
        (self.changed, self.is_over) = (false, false);
        if let Some(container) = container {
            self.looked_at(container, before, plan.limits.restarts);
        }
        let is_up = matches!(container, Some(Some(one)) if one.state == ContainerState::Running);
        // What answers while its container does not run, or may not, is not it.
        let answer = match (container, sample.reading) {
            (None, _) => Reading::Error,
            (Some(_), Reading::Pass) if !is_up => Reading::Error,
            (Some(_), reading) => reading,
        };
        if self.changed {
            (self.container, self.answers) = (no_passes(self.container), no_passes(self.answers));
        }
        self.container.take(of_container);
        self.answers.take(Some(answer));
        // A pass of another container than before is one in a row, and none in all.
        let in_all = if self.changed && of_container == Some(Reading::Pass) { Some(Reading::Fail) } else { of_container };
        if let Some(reading) = in_all {
            count(&mut self.counts[0], reading);
        }
        count(&mut self.counts[1], answer);
        self.reading = Some(of_container.unwrap_or(Reading::Fail).max(answer));

        let decides = self.was_met || (is_held && !self.is_new);
        let rows = [self.container, self.answers];
        let (fails, errors) = (|row: &Row| row.of(Reading::Fail) >= 3, |row: &Row| row.of(Reading::Error) >= 3);
        let verdict = if self.is_over || (decides && rows.iter().any(fails)) {
            Verdict::Failed
        } else if rows.iter().any(errors) {
            Verdict::Errored
        } else if rows.iter().all(|row| row.of(Reading::Pass) >= 2) {
            Verdict::Met
        } else if self.was_met || rows.iter().all(|row| row.of(Reading::Pass) > 0) {
            Verdict::Holding
        } else {
            Verdict::Unknown
        };
        self.was_met |= verdict == Verdict::Met;
        self.verdict = verdict;
    }

    /// Whether it is the same as in the round before and as before the deploy, and whether waiting may still mend it.
    fn looked_at(&mut self, container: Option<&Container>, before: Option<&[Container]>, forgiven: u32) {
        let then = |one: &Container| before.and_then(|all| all.iter().find(|then| then.id == one.id));
        self.is_new |= container.is_none_or(|one| then(one).is_none_or(|then| then.started_at != one.started_at));
        let Some(one) = container else {
            self.was = None;
            return;
        };
        let now = (one.id.0.clone(), one.restarts, one.started_at.clone());
        self.changed = self.was.as_ref().is_some_and(|was| *was != now);
        self.was = Some(now);
        let at_first = before.map_or(one.restarts, |_| then(one).map_or(0, |then| then.restarts));
        let from = *self.restarts_before.entry(one.id.0.clone()).or_insert(at_first);
        self.ended = if one.state == ContainerState::Exited(0) { self.ended + 1 } else { 0 };
        self.is_over = one.restarts.saturating_sub(from) > u64::from(forgiven)
            || match one.state {
                ContainerState::Exited(0) => !one.restarts_itself && self.ended >= 2,
                ContainerState::Exited(_) => !one.restarts_itself,
                ContainerState::Created => true,
                _ => false,
            };
    }
}

fn no_passes(row: Row) -> Row {
    if row.last == Some(Reading::Pass) { Row::default() } else { row }
}
