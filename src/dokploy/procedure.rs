//! One intent on its way: what to send, when to come back, how it ended.

use super::deploy::Deploy;
use super::jitter::Jitter;
use super::logs::Logs;
use super::named::ObserveNamed;
use super::observe::Observe;
use super::replace::Replace;
use super::retry::{self, Exchange, Outcome, Patience};
use super::room::ObserveServer;
use super::session::{App, Session};
use super::still_ours::StillOurs;
use super::stop::Stop;
use super::survey::{Found, Survey};
use super::withdraw::Withdraw;
use super::{Call, Masks, Reply};
use crate::engine::{Answer, DeployEnd, DeployProgress, Intent, Moment, Observed};
use std::collections::BTreeSet;

/// Characters of a message at most.
const LONGEST_MESSAGE: usize = 400;

/// What a procedure wants next, and what it has to tell on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// How far a deploy is, oldest first. Only a deploy tells.
    pub progress: Vec<DeployProgress>,
    /// What to do.
    pub next: Next,
}

/// What to do next for a procedure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send these, all at once (at most three), and come back with one reply for each in the same order.
    Calls(Vec<Call>),
    /// Come back then, without replies.
    Wait(Moment),
    /// It is over.
    Done(Answer),
}

/// What a script of a procedure wants next. [`Exchange`] carries its calls through troubles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask these, and come back when every one is settled.
    Ask(Vec<Call>, Patience),
    /// Come back then, with no outcomes.
    Wait(Moment),
    /// It is over.
    Done(Answer),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Script {
    Survey(Box<Survey>),
    Replace(Box<Replace>),
    Deploy(Box<Deploy>),
    StillOurs(Box<StillOurs>),
    Observe(Observe),
    ObserveNamed(ObserveNamed),
    ObserveServer(ObserveServer),
    Logs(Box<Logs>),
    Stop(Stop),
    Withdraw(Withdraw),
}

/// An intent being carried out. A plain state machine: cloning it forks the future.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Procedure {
    script: Script,
    exchange: Option<Exchange>,
    trusted: bool,
    masks: Masks,
    jitter: Jitter,
}

impl Procedure {
    /// `None` for `Resolve`, which is git's.
    ///
    /// # Panics
    /// When an intent other than `Find` and `Survey` comes before a survey was learnt.
    pub(super) fn new(intent: &Intent, session: &Session) -> Option<Self> {
        let app = || session.app.clone().expect("the engine surveys before it wants anything else");
        let script = match intent {
            Intent::Find => Script::Survey(Box::new(Survey::find(session.target.clone()))),
            Intent::Survey => Script::Survey(Box::new(match session.found.clone() {
                Some(found) => Survey::of(session.target.clone(), found),
                None => Survey::new(session.target.clone()),
            })),
            Intent::Resolve(_) => return None,
            Intent::Replace { expected, text } => Script::Replace(Box::new(Replace::new(app(), expected, text))),
            Intent::Deploy { expected, marker } => Script::Deploy(Box::new(Deploy::new(app(), expected, marker).flawed_by(session.flaw))),
            Intent::StillOurs { expected, deployment } => Script::StillOurs(Box::new(StillOurs::new(app(), expected, deployment.as_ref()))),
            Intent::Observe => Script::Observe(Observe::new(&app())),
            Intent::DeployLog { deployment, lines } => Script::Logs(Box::new(Logs::of_deployment(&app(), deployment, *lines))),
            Intent::ContainerLogs { containers, lines, seconds } => {
                Script::Logs(Box::new(Logs::of_containers(&app(), containers, *lines, *seconds)))
            }
            Intent::ObserveNamed { name } => Script::ObserveNamed(ObserveNamed::new(&app(), name)),
            Intent::ObserveServer => Script::ObserveServer(ObserveServer::new(&app())),
            Intent::Stop => Script::Stop(Stop::new(app())),
            Intent::Withdraw { marker } => Script::Withdraw(Withdraw::new(app(), marker)),
        };
        let trusted = session.found.is_some() || session.app.is_some();
        Some(Self { script, exchange: None, trusted, masks: session.masks.clone(), jitter: session.jitter })
    }

    /// Takes the replies to what it last sent, none at first and after a wait, and says what to do next.
    pub fn turn(&mut self, now: Moment, replies: Vec<Reply>) -> Turn {
        let mut replies = replies;
        loop {
            let outcomes = match &mut self.exchange {
                None => Vec::new(),
                Some(exchange) => {
                    let next = exchange.next(now, std::mem::take(&mut replies));
                    self.trusted = exchange.trusted();
                    match next {
                        retry::Next::Send(calls) => return self.tell(Next::Calls(calls)),
                        retry::Next::Wait(until) => return self.tell(Next::Wait(until)),
                        retry::Next::Settled(outcomes) => {
                            self.exchange = None;
                            outcomes
                        }
                    }
                }
            };
            match self.step(now, outcomes) {
                Step::Ask(calls, patience) => self.exchange = Some(Exchange::new(calls, patience, self.trusted, now, self.jitter)),
                Step::Wait(until) => return self.tell(Next::Wait(until)),
                Step::Done(answer) => return self.tell(Next::Done(answer)),
            }
        }
    }

    fn step(&mut self, now: Moment, outcomes: Vec<Outcome>) -> Step {
        match &mut self.script {
            Script::Survey(survey) => survey.step(now, outcomes, &mut self.masks),
            Script::Replace(replace) => replace.step(now, outcomes, &mut self.masks),
            Script::Deploy(deploy) => deploy.step(now, outcomes, &mut self.masks),
            Script::StillOurs(still_ours) => still_ours.step(outcomes, &mut self.masks),
            Script::Observe(observe) => observe.step(outcomes),
            Script::ObserveNamed(named) => named.step(outcomes),
            Script::ObserveServer(room) => room.step(outcomes),
            Script::Logs(logs) => logs.step(outcomes, &self.masks),
            Script::Stop(stop) => stop.step(now, outcomes),
            Script::Withdraw(withdraw) => withdraw.step(now, outcomes),
        }
    }

    /// Which app was found, and where.
    pub(super) fn finding(&self) -> Option<&Found> {
        match &self.script {
            Script::Survey(survey) => survey.finding(),
            _ => None,
        }
    }

    /// What a survey found the app to be.
    pub(super) fn app(&self) -> Option<&App> {
        match &self.script {
            Script::Survey(survey) => survey.app(),
            _ => None,
        }
    }

    /// A row that a deploy found to be dead.
    pub(super) fn dead_row(&self) -> Option<&str> {
        match &self.script {
            Script::Deploy(deploy) => deploy.dead_row(),
            _ => None,
        }
    }

    /// Rows that a replacement saw when it compared the text.
    pub(super) fn compared_rows(&self) -> Option<&BTreeSet<String>> {
        match &self.script {
            Script::Replace(replace) => replace.compared_rows(),
            _ => None,
        }
    }

    pub(super) fn masks(&self) -> &Masks {
        &self.masks
    }

    fn tell(&mut self, mut next: Next) -> Turn {
        let mut progress = match &mut self.script {
            Script::Deploy(deploy) => deploy.take_progress(),
            _ => Vec::new(),
        };
        for step in &mut progress {
            match step {
                DeployProgress::Queued { active, .. } => mask_some(&self.masks, active.as_mut()),
                DeployProgress::Unreachable { why } | DeployProgress::Noticed { what: why } => mask(&self.masks, why),
                DeployProgress::Started { .. } => {}
            }
        }
        if let Next::Done(answer) = &mut next {
            veil(&self.masks, answer);
        }
        Turn { progress, next }
    }
}

/// Hides secrets in what the server worded. Texts of the app itself are data, and go where only the user can read them.
fn veil(masks: &Masks, answer: &mut Answer) {
    match answer {
        Answer::Failed(failure) => mask(masks, &mut failure.message),
        Answer::Deployed(DeployEnd::Finished { error, .. }) => mask_some(masks, error.as_mut()),
        Answer::Deployed(DeployEnd::Busy { title } | DeployEnd::Overtaken { title }) => mask(masks, title),
        Answer::Observed(containers) => veil_containers(masks, containers),
        Answer::Surveyed(survey) => {
            veil_containers(masks, &mut survey.containers);
            survey.queue.iter_mut().for_each(|job| mask(masks, &mut job.title));
            mask_some(masks, survey.running_row.as_mut());
            mask_some(masks, survey.last_done.as_mut());
            survey.recent.iter_mut().for_each(|title| mask(masks, title));
            survey.page.rows.iter_mut().for_each(|row| mask(masks, &mut row.title));
            mask_some(masks, survey.page.badge.as_mut());
            survey.warnings.iter_mut().for_each(|warning| mask(masks, warning));
        }
        _ => {}
    }
}

/// An image's name is interpolated from the app's environment, and Docker shows what became of it.
fn veil_containers(masks: &Masks, containers: &mut Observed) {
    match containers {
        Observed::Known(containers) => containers.iter_mut().for_each(|container| mask(masks, &mut container.image)),
        Observed::Unknown(why) => mask(masks, why),
    }
}

fn mask_some(masks: &Masks, text: Option<&mut String>) {
    if let Some(text) = text {
        mask(masks, text);
    }
}

/// Cut only now: a secret that is cut in two would not be found whole.
fn mask(masks: &Masks, text: &mut String) {
    *text = masks.apply(text);
    if let Some((end, _)) = text.char_indices().nth(LONGEST_MESSAGE) {
        text.truncate(end);
        text.push('…');
    }
}
