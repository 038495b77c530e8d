//! `plan health`: what is delivered is asked until it is decided, and nothing is changed. The same watch as in a run, without one.

use super::containers::Before;
use super::streak::Streak;
use super::tracker::{Patience, Tracker};
use super::troubleshoot::{Advice, Troubleshooter};
use super::watch::{Looks, Watch};
use super::{Answer, Container, Effect, ExitCode, Health, Input, Moment, Observed, OpId, Reading, Sample, ServiceState, Verdict};
use crate::model::{Probe, Severity};
use crate::schedule::{ExpectationId, Schedule, ServiceName, Subject};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Services of the app.
    pub services: BTreeSet<ServiceName>,
    /// Externals, by their names in the plan.
    pub externals: BTreeSet<String>,
    /// Whether their containers are looked at, too. Without that a service is judged by its expectations alone.
    pub containers: bool,
    /// Rounds at most; `None`: so many that whatever holds still is decided.
    pub rounds: Option<u32>,
}

/// Asking under way.
#[derive(Clone, Debug)]
pub struct Checkup {
    schedule: Arc<Schedule>,
    scope: Scope,
    watch: Watch,
    next_op: u64,
}

/// What was found of one service or external.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Of whom.
    pub subject: Subject,
    /// The worst of its expectations, the container included.
    pub verdict: Verdict,
    /// The last round's reading, the worst of its expectations and its container; an error before the first.
    pub reading: Reading,
    /// What its container does; `None` where no container is looked at.
    pub container: Option<(ServiceState, Option<Health>)>,
    /// What was seen last, when that is not all well.
    pub actual: Option<String>,
    /// What was asked of it.
    pub asked: Vec<Asked>,
    /// What to look at when it fails, says the plan.
    pub hint: Option<String>,
    /// Those that it leans on and that are not well, hard needs first.
    pub leans_on: Vec<Subject>,
    /// Likely causes, by its container and its samples; none while it is well.
    pub advice: Vec<Advice>,
}

/// One expectation and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The expectation as the plan writes it.
    pub text: String,
    /// Whether it decides.
    pub severity: Severity,
    /// Whether Dokploy answers it, and not what is asked about.
    pub is_dokploys: bool,
    /// Its own verdict.
    pub verdict: Verdict,
    /// The last sample; `None` when there is none.
    pub last: Option<Sample>,
    /// Passes, failures and errors in all.
    pub totals: (u64, u64, u64),
}

impl Finding {
    /// Whether it is well.
    pub fn is_well(&self) -> bool {
        self.verdict == Verdict::Met
    }

    /// What the plan warns of, and is so; what is not decided yet does not count.
    pub fn warnings(&self) -> impl Iterator<Item = &Asked> {
        let is_so = |asked: &&Asked| matches!(asked.verdict, Verdict::Failed | Verdict::Errored);
        self.asked.iter().filter(|asked| asked.severity == Severity::Warns).filter(is_so)
    }

    /// Whether this is the plan's own service, and not an external.
    pub fn is_service(&self) -> bool {
        matches!(self.subject, Subject::Service(_))
    }

    /// Its name in the plan.
    pub fn name(&self) -> &str {
        self.subject.name()
    }
}

impl Checkup {
    /// One that has asked nothing.
    pub fn new(schedule: Arc<Schedule>, scope: Scope) -> Self {
        let is_other = |subject: &Subject| match subject {
            Subject::External(name) => scope.externals.contains(name),
            Subject::Service(name) => !scope.containers && scope.services.contains(name),
            Subject::Gate(_) => false,
        };
        let others = schedule.expectations.iter().enumerate().filter(|(_, expectation)| is_other(&expectation.subject));
        let others: Vec<ExpectationId> = others.map(|(at, _)| ExpectationId(at)).collect();
        let services = scope.services.iter().filter(|_| scope.containers).map(|name| (name.clone(), Patience::None));
        let looks = if scope.containers { Looks::MustKnow } else { Looks::No };
        let watch = Watch::new(&schedule, services, others, Before::default(), looks, Moment::START).by_itself();
        Self { schedule, scope, watch, next_op: 0 }
    }

    /// Begins a round: what is to be asked, answered by [`Self::take`].
    pub fn begin_round(&mut self, now: Moment) -> Vec<Effect> {
        let next = &mut self.next_op;
        let effects = self.watch.begin(&self.schedule, now, || {
            *next += 1;
            OpId(*next)
        });
        if self.scope.containers {
            return effects;
        }
        // Dokploy is not asked at all.
        let (platform, samples): (Vec<Effect>, Vec<Effect>) =
            effects.into_iter().partition(|effect| matches!(effect, Effect::Platform { .. }));
        for effect in platform {
            if let Effect::Platform { op, .. } = effect {
                self.watch.take_answer(op, Answer::Observed(Observed::Unknown("Dokploy is not asked".to_owned())));
            }
        }
        if self.watch.awaited() == 0 {
            self.watch.judge(&self.schedule, now);
        }
        samples
    }

    /// Takes an answer, and gives what is to be asked because of it; the round is judged with its last one.
    pub fn take(&mut self, now: Moment, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Sampled(op, sample) => self.watch.take_sample(op, sample),
            Input::Answered(op, answer) => {
                self.watch.take_answer(op, answer);
                let next = &mut self.next_op;
                effects = self.watch.ask_on(&self.schedule, now, || {
                    *next += 1;
                    OpId(*next)
                });
            }
            // What does not answer at all is given up.
            Input::Woke if self.watch.is_asking() && self.watch.next_wake() <= now => {
                self.watch.give_up(&self.schedule, now);
            }
            _ => {}
        }
        if self.watch.is_asking() && self.watch.awaited() == 0 {
            self.watch.judge(&self.schedule, now);
        }
        effects
    }

    /// Whether answers are waited for.
    pub fn is_asking(&self) -> bool {
        self.watch.is_asking()
    }

    /// When the next round is due, or the one in the air is given up.
    pub fn next_wake(&self) -> Moment {
        self.watch.next_wake()
    }

    /// The app's containers, if the last round could tell them.
    pub fn containers(&self) -> Option<&[Container]> {
        self.watch.known()
    }

    /// Rounds that are over.
    pub fn rounds(&self) -> u64 {
        self.watch.rounds()
    }

    /// Whether everything is decided, or as much as will be: what neither holds nor fails for long enough stays undecided, and is not well.
    pub fn is_over(&self) -> bool {
        let sampling = &self.schedule.sampling;
        let percentiles = self.schedule.expectations.iter().flat_map(|expectation| &expectation.percentiles);
        let longest = percentiles.map(|percentile| percentile.samples(sampling.every)).max().unwrap_or(0);
        let most = self.scope.rounds.unwrap_or(2 * (sampling.healthy_after + sampling.unhealthy_after) + longest);
        let is_decided = |verdict: Verdict| matches!(verdict, Verdict::Met | Verdict::Failed | Verdict::Errored);
        let warns = |asked: &&Asked| asked.severity == Severity::Warns;
        // What is warned of is waited for, too, as long as what holds still takes.
        let is_settled =
            |finding: &Finding| is_decided(finding.verdict) && finding.asked.iter().filter(warns).all(|asked| is_decided(asked.verdict));
        self.rounds() >= u64::from(most) || (self.rounds() > 0 && self.findings().iter().all(is_settled))
    }

    /// What was found so far: services, then externals, each by name.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.watch.trackers().map(|(name, tracker)| self.of_service(name, tracker)).collect();
        if !self.scope.containers {
            findings.extend(self.scope.services.iter().map(|name| self.of_others(Subject::Service(name.clone()))));
        }
        findings.extend(self.scope.externals.iter().map(|name| self.of_others(Subject::External(name.clone()))));
        let unwell: BTreeSet<Subject> =
            findings.iter().filter(|finding| !finding.is_well()).map(|finding| finding.subject.clone()).collect();
        for finding in &mut findings {
            let service = self.schedule.services.get(finding.name()).filter(|_| finding.is_service());
            let leans_on = service.into_iter().flat_map(|service| service.needs.iter().chain(&service.uses));
            finding.leans_on = leans_on.filter(|subject| unwell.contains(subject)).cloned().collect();
            finding.advice = self.advice(finding);
        }
        findings
    }

    /// What its container and its samples lead to. No log is read.
    fn advice(&self, finding: &Finding) -> Vec<Advice> {
        let mut reader = Troubleshooter::new();
        if finding.is_well() {
            return Vec::new();
        }
        let of_it = |one: &&Container| finding.is_service() && one.service == finding.name();
        self.watch.seen.iter().flatten().filter(of_it).for_each(|one| reader.look_at(one));
        // Where it is known not to run, what its address says is no news.
        if matches!(finding.container, None | Some((ServiceState::Running { .. } | ServiceState::Unknown, _))) {
            for asked in &finding.asked {
                if let Some(sample) = asked.last.as_ref().filter(|sample| sample.reading != Reading::Pass) {
                    reader.read_sample(finding.name(), &asked.text, &sample.actual);
                }
            }
        }
        reader.advice()
    }

    fn of_service(&self, name: &ServiceName, tracker: &Tracker) -> Finding {
        let look = tracker.last.as_ref().map(|last| &last.look);
        let asked = tracker.expectations.iter().chain(&tracker.asides).map(|(id, streak)| {
            // As judged beside the container: a pass while it does not run is none.
            let last = tracker.last.as_ref().and_then(|last| last.samples.get(&id.0).or_else(|| last.asides.get(id))).cloned();
            Asked { last, ..self.asked(*id, streak) }
        });
        Finding {
            subject: Subject::Service(name.clone()),
            verdict: tracker.verdict(),
            reading: tracker.last.as_ref().map_or(Reading::Error, |last| last.reading),
            container: Some(look.map_or((ServiceState::Unknown, None), |look| (look.state.clone(), look.health))),
            actual: tracker.last.as_ref().and_then(|last| last.actual.clone()),
            asked: asked.collect(),
            hint: self.schedule.services.get(name).and_then(|service| service.hint.clone()),
            leans_on: Vec::new(),
            advice: Vec::new(),
        }
    }

    fn of_others(&self, subject: Subject) -> Finding {
        let of_subject = self.watch.others().filter(|(id, _)| self.schedule.expectations[id.0].subject == subject);
        let asked: Vec<Asked> = of_subject.map(|(id, streak)| self.asked(id, streak)).collect();
        let deciding = || asked.iter().filter(|asked| asked.severity == Severity::Decides);
        // Nothing can be asked, so nothing is known, and waiting will not change that.
        let verdict = deciding().map(|asked| asked.verdict).max().unwrap_or(Verdict::Errored);
        let reading = deciding().map(|asked| asked.last.as_ref().map_or(Reading::Error, |sample| sample.reading)).max();
        let worst = deciding().filter_map(|asked| asked.last.as_ref()).filter(|sample| sample.reading != Reading::Pass);
        let actual = worst.max_by_key(|sample| sample.reading).map(|sample| sample.actual.clone());
        let nothing = deciding().next().is_none().then(|| "the plan expects nothing of it, and its container is not looked at".to_owned());
        let service = self.schedule.services.get(subject.name()).filter(|_| matches!(subject, Subject::Service(_)));
        let hint = match &subject {
            Subject::External(name) => self.schedule.externals.get(name).and_then(|external| external.hint.clone()),
            _ => service.and_then(|service| service.hint.clone()),
        };
        Finding {
            verdict,
            reading: reading.unwrap_or(Reading::Error),
            container: None,
            actual: actual.or(nothing),
            asked,
            hint,
            leans_on: Vec::new(),
            advice: Vec::new(),
            subject,
        }
    }

    fn asked(&self, id: ExpectationId, streak: &Streak) -> Asked {
        Asked {
            text: self.schedule.expectations[id.0].text.clone(),
            severity: self.schedule.expectations[id.0].severity,
            is_dokploys: matches!(self.schedule.expectations[id.0].probe, Probe::Docker(_)),
            verdict: streak.verdict(&self.schedule.sampling, true, false),
            last: streak.recent.last().cloned(),
            totals: streak.totals,
        }
    }
}

/// The exit code of `plan health`. `is_whole`: Dokploy was asked, or was not to be. `is_all_there`: there is something to ask, and whatever
/// was named is delivered.
pub fn health_code(findings: &[Finding], is_whole: bool, is_all_there: bool) -> ExitCode {
    let is_unwell = |finding: &Finding| !matches!(finding.verdict, Verdict::Met | Verdict::Errored);
    if !is_all_there || findings.iter().any(is_unwell) {
        ExitCode(8)
    } else if !is_whole || findings.iter().any(|finding| !finding.is_well()) {
        ExitCode(9)
    } else {
        ExitCode(0)
    }
}

/// Something that is not well and that others lean on: where to look first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommonCause {
    /// What is not well.
    pub root: Subject,
    /// Those that are not well either and lean on it, directly or by way of others.
    pub takes_along: Vec<Subject>,
}

/// Groups what is not well by what it leans on. What leans on nothing that is not well is a root; roots that nobody leans on are left out.
pub fn common_causes(findings: &[Finding]) -> Vec<CommonCause> {
    let unwell = |subject: &Subject| findings.iter().find(|finding| finding.subject == *subject && !finding.is_well());
    let roots = findings.iter().filter(|finding| !finding.is_well() && finding.leans_on.is_empty());
    let leans = |finding: &Finding, root: &Subject| {
        let (mut seen, mut ahead) = (BTreeSet::new(), finding.leans_on.clone());
        while let Some(next) = ahead.pop() {
            if next == *root {
                return true;
            }
            if seen.insert(next.clone()) {
                ahead.extend(unwell(&next).into_iter().flat_map(|finding| finding.leans_on.clone()));
            }
        }
        false
    };
    let causes = roots.map(|root| CommonCause {
        root: root.subject.clone(),
        takes_along: findings
            .iter()
            .filter(|finding| !finding.is_well() && leans(finding, &root.subject))
            .map(|finding| finding.subject.clone())
            .collect(),
    });
    causes.filter(|cause| !cause.takes_along.is_empty()).collect()
}
