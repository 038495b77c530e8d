//! Keeps a [`Vigil`]: a round of asking every so often, what is delivered read again when it may have changed, and no round while a run is at
//! work.

use super::{AtWork, Clock, Heard, Interrupts, Platform, Prober, Signal, check_up};
use crate::engine::vigil::{Rules, Sight, Standing, Vigil, VigilEvent, readings, restarted, told_of};
use crate::engine::{
    Answer, Checkup, Container, DeployEnd, Failure, FailureKind, Finding, Intent, Moment, Observed, Options, Position, Reading, Scope,
    Survey, delivered, outlook,
};
use crate::schedule::{Schedule, ServiceName, Subject};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// While a run is at work it is looked for its end this often.
const RUN_OVER: Duration = Duration::from_secs(2);
/// What is live is read again in so long, or not this time.
const READ: Duration = Duration::from_secs(30);

/// What a vigil needs of the outside.
#[derive(Debug)]
pub struct Lookout<P, Q, C, W> {
    /// Dokploy.
    pub platform: Rc<P>,
    /// Whether Dokploy is on this machine: then an answer from this machine proves as much as any.
    pub is_near: bool,
    /// Asks services.
    pub prober: Rc<Q>,
    /// The time.
    pub clock: Rc<C>,
    /// Tells of a run that is at work.
    pub at_work: W,
}

/// What is watched for how long.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The plan.
    pub schedule: Arc<Schedule>,
    /// What is live, as it was read just now.
    pub survey: Survey,
    /// How it is counted.
    pub rules: Rules,
    /// How long; `None`: until somebody ends it.
    pub length: Option<Duration>,
}

/// Takes what a vigil tells.
pub trait Hear {
    /// Something happened.
    fn hear(&mut self, now: Moment, event: &VigilEvent);
    /// What is live, in words.
    fn in_words(&self, survey: &Survey, position: &Position) -> String;
}

/// Keeps watch for as long as it is to, or until a signal ends it.
pub async fn keep_vigil<P, Q, C, W>(
    watched: Watched,
    lookout: Lookout<P, Q, C, W>,
    hear: &mut dyn Hear,
    interrupts: &mut impl Interrupts,
) -> (Standing, Option<Signal>)
where
    P: Platform + 'static,
    Q: Prober + 'static,
    C: Clock + 'static,
    W: AtWork,
{
    let clock = Rc::clone(&lookout.clock);
    let began = clock.now();
    let position = position(&watched);
    let services = delivered(&watched.schedule, &watched.survey, &position);
    let subjects = subjects(&watched.schedule, &services);
    let (every, length, live) = (watched.rules.every, watched.length, hear.in_words(&watched.survey, &position));
    let mut keeper = Keeper {
        vigil: Vigil::new(watched.rules),
        until: watched.length.map(|length| began + length),
        services,
        containers: None,
        must_read: false,
        deploying: None,
        is_suspended: false,
        watched,
        lookout,
    };
    keeper.vigil.look_afresh(&subjects);
    hear.hear(began, &VigilEvent::Begun { subjects, live, every, length });
    let signal = tokio::select! {
        biased;
        signal = interrupts.next() => Some(signal),
        () = keeper.keep(hear) => None,
    };
    let standing = keeper.vigil.standing();
    let (took, interrupted) = (clock.now() - began, signal.is_some());
    hear.hear(clock.now(), &VigilEvent::Ended { standing: standing.clone(), took, interrupted });
    (standing, signal)
}

struct Keeper<P, Q, C, W> {
    vigil: Vigil,
    until: Option<Moment>,
    /// Services that are delivered.
    services: BTreeSet<ServiceName>,
    /// The containers of the last round that saw them.
    containers: Option<Vec<Container>>,
    /// Whether what is live may be something else by now.
    must_read: bool,
    /// A deploy that ran or waited in the last round.
    deploying: Option<String>,
    is_suspended: bool,
    watched: Watched,
    lookout: Lookout<P, Q, C, W>,
}

impl<P, Q, C, W> Keeper<P, Q, C, W>
where
    P: Platform + 'static,
    Q: Prober + 'static,
    C: Clock + 'static,
    W: AtWork,
{
    async fn keep(&mut self, hear: &mut dyn Hear) {
        let (clock, every) = (Rc::clone(&self.lookout.clock), self.watched.rules.every);
        let mut due = clock.now();
        while self.until.is_none_or(|until| due < until) {
            clock.sleep_until(due).await;
            if let Some(who) = self.lookout.at_work.who() {
                self.suspend(who, hear);
                due = clock.now() + RUN_OVER.min(every);
                continue;
            }
            if std::mem::take(&mut self.is_suspended) {
                hear.hear(clock.now(), &VigilEvent::GoesOn);
            }
            if self.must_read {
                self.read_again(hear).await;
            }
            self.round(hear).await;
            // A round that is a little late is not to put off all that follow.
            due = (due + every).max(clock.now());
        }
        if let Some(until) = self.until {
            clock.sleep_until(until).await;
        }
    }

    fn suspend(&mut self, who: String, hear: &mut dyn Hear) {
        self.must_read = true;
        if !std::mem::replace(&mut self.is_suspended, true) {
            hear.hear(self.lookout.clock.now(), &VigilEvent::Suspended { who });
        }
    }

    async fn round(&mut self, hear: &mut dyn Hear) {
        let (mut findings, sight, containers) = self.ask().await;
        // A run that began meanwhile changes what was just asked.
        if let Some(who) = self.lookout.at_work.who() {
            return self.suspend(who, hear);
        }
        if sight == Sight::Clear && !self.is_as_it_was().await {
            // Asked of what is not live any more: nothing of it counts.
            self.must_read = true;
            return;
        }
        let now = self.lookout.clock.now();
        if let (Some(before), Some(after)) = (&self.containers, &containers) {
            for (service, words) in restarted(&self.watched.schedule, before, after) {
                let of_it = |finding: &&mut Finding| finding.is_service() && finding.name() == service && finding.reading == Reading::Pass;
                if let Some(finding) = findings.iter_mut().find(of_it) {
                    (finding.reading, finding.actual) = (Reading::Fail, Some(words));
                }
            }
        }
        // While a deploy is under way containers come and go.
        self.containers = containers.filter(|_| self.deploying.is_none());
        let round = self.vigil.take(now, &readings(&findings), &sight);
        if let Some(gap) = round.overslept {
            hear.hear(now, &VigilEvent::Overslept { gap });
        }
        if let Some(told) = round.sight {
            hear.hear(now, &VigilEvent::Sight(told));
        }
        for event in told_of(&round.turned, &findings, self.deploying.as_deref()) {
            hear.hear(now, &event);
        }
        hear.hear(now, &VigilEvent::Round(self.vigil.standing()));
    }

    /// Asks everything once. Gives what was found, what could be seen, and the containers if they could be told.
    async fn ask(&mut self) -> (Vec<Finding>, Sight, Option<Vec<Container>>) {
        let Lookout { platform, prober, clock, .. } = &self.lookout;
        // Where Dokploy was silent in the last round, services are asked by their addresses, and Dokploy beside that.
        let sees = self.vigil.sees();
        let externals = self.watched.schedule.externals.keys().cloned().collect();
        let scope = Scope { services: self.services.clone(), externals, containers: sees, rounds: Some(1) };
        let mut checkup = Checkup::new(Arc::clone(&self.watched.schedule), scope);
        let witness = Rc::new(Witness { inner: Rc::clone(platform), looked: RefCell::new(None) });
        let heard = prober.heard();
        let beside = async {
            if !sees {
                witness.carry_out(Intent::Observe, &mut |_| {}).await;
            }
        };
        let untold = &mut |_: &Checkup| {};
        tokio::join!(check_up(&mut checkup, Some(Rc::clone(&witness)), Rc::clone(prober), Rc::clone(clock), untold), beside);
        let mut findings = checkup.findings();
        let looked = witness.looked.borrow_mut().take();
        match looked {
            Some(Ok(Observed::Known(containers))) => {
                // Dokploy is back; an answer from an address was not judged beside its container yet.
                findings.retain(|finding| sees || !finding.is_service() || finding.reading == Reading::Fail);
                (findings, Sight::Clear, Some(containers))
            }
            Some(Ok(Observed::Unknown(why))) => (findings, Sight::Unlooked(why), None),
            Some(Err(failure)) if failure.kind != FailureKind::Unreachable => (findings, Sight::Unlooked(failure.message), None),
            silent => {
                let why = silent.and_then(Result::err).map_or_else(|| "Dokploy did not answer".to_owned(), |failure| failure.message);
                let somebody = match (heard, prober.heard()) {
                    (Some(before), Some(after)) => after.far > before.far || self.lookout.is_near && after.near > before.near,
                    _ => findings.iter().any(|finding| finding.reading == Reading::Pass),
                };
                let nobody_asked = findings.iter().all(|finding| finding.asked.is_empty());
                let sight = if somebody || nobody_asked { Sight::Unlooked(why) } else { Sight::Blind(why) };
                (findings, sight, None)
            }
        }
    }

    /// Whether the live text is still the one whose services were asked. Takes note of deploys that are under way.
    async fn is_as_it_was(&mut self) -> bool {
        let intent = Intent::StillOurs { expected: self.watched.survey.text.clone(), deployment: None };
        let deploying = match self.in_time(intent).await {
            Some(Answer::TextChanged { .. }) => return false,
            Some(Answer::Deployed(DeployEnd::Busy { title })) => Some(title),
            // It was asked a moment ago and answered: the next round will tell.
            _ => None,
        };
        // What it deploys is read when it is over, and whether it is meanwhile.
        self.must_read = deploying.is_some() || self.deploying.is_some();
        self.deploying = deploying;
        true
    }

    /// Reads again what is live, and watches that from now on. What cannot be read stays as it was known.
    async fn read_again(&mut self, hear: &mut dyn Hear) {
        let Some(Answer::Surveyed(survey)) = self.in_time(Intent::Survey).await else { return };
        self.must_read = false;
        let is_another = survey.text != self.watched.survey.text;
        if !is_another && self.deploying.is_some() {
            return;
        }
        self.watched.survey = *survey;
        let position = position(&self.watched);
        let services = delivered(&self.watched.schedule, &self.watched.survey, &position);
        let (added, gone) =
            (services.difference(&self.services).cloned().collect(), self.services.difference(&services).cloned().collect());
        (self.services, self.containers) = (services, None);
        let no_more = self.vigil.look_afresh(&subjects(&self.watched.schedule, &self.services));
        let now = self.lookout.clock.now();
        if is_another {
            let live = hear.in_words(&self.watched.survey, &position);
            hear.hear(now, &VigilEvent::LookedAfresh { added, gone, live });
        }
        for event in told_of(&no_more, &[], None) {
            hear.hear(now, &event);
        }
    }

    /// Dokploy's answer, unless it takes too long.
    async fn in_time(&self, intent: Intent) -> Option<Answer> {
        let clock = &self.lookout.clock;
        let unheard = &mut |_: Answer| {};
        tokio::select! {
            answer = self.lookout.platform.carry_out(intent, unheard) => Some(answer),
            () = clock.sleep_until(clock.now() + READ) => None,
        }
    }
}

/// Where the live text stands in terms of the plan.
fn position(watched: &Watched) -> Position {
    outlook(&watched.schedule, &Options::default(), &watched.survey).0
}

/// All that is watched while these services are delivered.
fn subjects(schedule: &Schedule, services: &BTreeSet<ServiceName>) -> BTreeSet<Subject> {
    let externals = schedule.externals.keys().cloned().map(Subject::External);
    services.iter().cloned().map(Subject::Service).chain(externals).collect()
}

/// Dokploy, and what came of looking at the containers: a checkup only says that it could not.
#[derive(Debug)]
struct Witness<P> {
    inner: Rc<P>,
    looked: RefCell<Option<Result<Observed, Failure>>>,
}

impl<P: Platform> Platform for Witness<P> {
    async fn carry_out(&self, intent: Intent, progress: &mut dyn FnMut(Answer)) -> Answer {
        let is_look = matches!(intent, Intent::Observe);
        let answer = self.inner.carry_out(intent, progress).await;
        if is_look {
            *self.looked.borrow_mut() = match &answer {
                Answer::Observed(observed) => Some(Ok(observed.clone())),
                Answer::Failed(failure) => Some(Err(failure.clone())),
                _ => None,
            };
        }
        answer
    }
}

impl Heard {
    /// One answer more, from this machine or from another one.
    pub(super) fn count(&mut self, is_near: bool) {
        if is_near {
            self.near += 1;
        } else {
            self.far += 1;
        }
    }
}
