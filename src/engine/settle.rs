//! From the end of a deploy to `verified`: services settle, then everything must hold for the soak.
//!
//! While settling, failing samples decide nothing before the deadline; what no waiting will mend decides at once, and so do failures of a
//! service once it was met, or of an earlier service whose container the deploy did not replace. Where only errors stand in the way at
//! the deadline, asking goes on for as long again; then the run stops, since a rollback on ignorance may undo what is well.

use super::containers::Before;
use super::deploy::{Delivery, Leg, limit};
use super::failure::{self, Draft};
use super::stage::{Job, Stage};
use super::tracker::Patience;
use super::turn::Turn;
use super::watch::{Looks, Standing, Watch};
use super::{Cause, DeploymentId, Event, FailedService, Flaw, Moment, Reading, asides, kept, ours, phase, rollback};
use crate::schedule::{SOAK_TRIES, ServiceName, body_of};
use std::collections::{BTreeMap, BTreeSet};

/// Services on their way to healthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settling {
    pub watch: Watch,
    pub deployment: Option<DeploymentId>,
    until: Moment,
    /// Until when errors are put up with, once only they stand in the way.
    held: Option<Moment>,
    /// Rounds past the deadline, granted to rows of passes that errors or slow answers kept short.
    granted: u32,
}

impl Settling {
    pub(super) fn deadline(&self) -> Moment {
        self.held.unwrap_or(self.until)
    }
}

impl Settling {
    pub(super) fn begin_anew(&mut self, until: Moment) {
        (self.until, self.held) = (until, None);
    }
}

impl Soaking {
    pub(super) fn begin_anew(&mut self, until: Moment, limit: Moment) {
        (self.until, self.limit, self.held) = (until, limit.max(until), None);
    }
}

/// Services that must stay healthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Soaking {
    pub watch: Watch,
    pub deployment: Option<DeploymentId>,
    /// When the soak is over, if nothing happens.
    pub until: Moment,
    /// When it must be over, whatever happened.
    limit: Moment,
    /// Until when errors are borne that came too late for the soak to begin anew.
    held: Option<Moment>,
    /// Rounds past the soak's end, granted to rows of passes that errors or slow answers kept short.
    granted: u32,
}

/// Begins settling: after a deploy, or without one for a phase that is live and was never verified.
pub(super) fn begin(turn: &mut Turn, job: Job, before: Before, deployment: Option<DeploymentId>) {
    let schedule = turn.schedule();
    if let Job::Rollback(way) = &job
        && turn.has(Flaw::TrustsRollback)
    {
        return rollback::verified(turn, way);
    }
    let until = limit(turn, &job, schedule.phase(job.timing()).settle);
    let held = turn.ledger().held();
    let services: Vec<(ServiceName, Patience)> = match &job {
        Job::Phase(phase) => {
            let patience = |name: &ServiceName| if held.contains(name) { Patience::IfReplaced } else { Patience::UntilMet };
            let is_asked = |name: &&ServiceName| !(turn.has(Flaw::ForgetsEarlier) && held.contains(*name));
            schedule.phase(*phase).services.iter().filter(is_asked).map(|name| (name.clone(), patience(name))).collect()
        }
        Job::Rollback(way) => way.restore.required().iter().map(|name| (name.clone(), Patience::UntilMet)).collect(),
    };
    let mut watch = Watch::new(&schedule, services, [], before.clone(), Looks::MustKnow, turn.now).waiving(&turn.options().waived);
    // Without a deploy of its own there is nothing since which lines would count.
    if let Some(asked) = deployment.as_ref().and_then(|_| turn.ledger().underway.deploy_for(&job.purpose())).map(|deploy| deploy.asked) {
        watch = watch.since_deploy(asked, &turn.ledger().noise);
    }
    turn.begin_round(&mut watch);
    let step = Leg::Settling(Settling { watch, deployment, until, held: None, granted: 0 });
    turn.enter(Stage::Delivering(Delivery { job, before, step }));
}

/// A round was judged (`is_fresh`), or a deadline came between two.
pub(super) fn judged(turn: &mut Turn, delivery: Delivery, is_fresh: bool) {
    match delivery.step.clone() {
        Leg::Settling(settling) => settling_judged(turn, delivery, settling),
        Leg::Soaking(soaking) => soaking_judged(turn, delivery, soaking, is_fresh),
        _ => {}
    }
}

fn settling_judged(turn: &mut Turn, mut delivery: Delivery, mut settling: Settling) {
    let schedule = turn.schedule();
    match settling.watch.standing(&schedule) {
        Standing::Failed => return failed(turn, delivery, &settling.watch.failed_services(&schedule, false)),
        Standing::Met => {
            let phase = schedule.phase(delivery.job.timing());
            let until = if turn.has(Flaw::SkipsSoak) { turn.now } else { turn.now + phase.soak };
            if matches!(delivery.job, Job::Phase(_)) {
                let recreated = recreated(turn, &delivery.before, &settling.watch);
                for text in kept::recreated_in_words(&recreated) {
                    turn.warn(text);
                }
            }
            turn.emit(Event::Settled { purpose: delivery.job.purpose(), until });
            let limit = limit(turn, &delivery.job, phase.soak * SOAK_TRIES + schedule.sampling.timeout).max(until);
            let soaking = Soaking { watch: settling.watch, deployment: settling.deployment, until, limit, held: None, granted: 0 };
            let is_over = soaking.until <= turn.now;
            delivery.step = Leg::Soaking(soaking);
            if is_over {
                return ours::ask(turn, ours::Next::Verified(delivery));
            }
            return turn.enter(Stage::Delivering(delivery));
        }
        Standing::Open => {}
    }
    if turn.now >= settling.until && settling.watch.is_impeded() && settling.watch.is_passing() {
        // Everything answers, and well: what was lost to errors is made up, as far as a whole row of passes goes.
        if settling.granted <= schedule.sampling.healthy_after {
            settling.granted += 1;
            settling.until = settling.watch.next_wake();
            delivery.step = Leg::Settling(settling);
            return turn.enter(Stage::Delivering(delivery));
        }
    }
    if turn.now >= settling.until {
        let Some(why) = settling.watch.only_errors(&schedule) else {
            return failed(turn, delivery, &settling.watch.failed_services(&schedule, true));
        };
        match settling.held {
            Some(until) if turn.now >= until => return cannot_tell(turn, delivery, why),
            Some(_) => {}
            None => {
                let until = turn.now + schedule.phase(delivery.job.timing()).settle;
                settling.held = Some(until);
                turn.emit(Event::Holding { why, until });
            }
        }
    }
    delivery.step = Leg::Settling(settling);
    turn.enter(Stage::Delivering(delivery));
}

fn soaking_judged(turn: &mut Turn, mut delivery: Delivery, mut soaking: Soaking, is_fresh: bool) {
    let schedule = turn.schedule();
    let is_blind = turn.has(Flaw::SoaksBlindly);
    if !is_blind && soaking.watch.standing(&schedule) == Standing::Failed {
        return failed(turn, delivery, &soaking.watch.failed_services(&schedule, false));
    }
    // A deadline between two rounds brings nothing new to break the soak with.
    if let Some((service, reading, why)) = soaking.watch.broken().filter(|_| is_fresh && !is_blind) {
        let phase = schedule.phase(delivery.job.timing());
        let until = turn.now + phase.soak;
        if until > soaking.limit && reading == Reading::Error {
            // Time in which nobody could ask is not the service's: what the soak lacks for it is given, once.
            let why = format!("{service}: {why}");
            let hold = soaking.held.unwrap_or(turn.now + phase.settle);
            if soaking.held.replace(hold).is_none() {
                turn.emit(Event::Holding { why: why.clone(), until: hold });
            }
            soaking.limit = soaking.limit.max(limit(turn, &delivery.job, phase.soak));
            if turn.now >= hold || until > soaking.limit {
                return cannot_tell(turn, delivery, why);
            }
        }
        if until > soaking.limit {
            let services: Vec<FailedService> = soaking.watch.describe(&schedule, &service).into_iter().collect();
            return failed(turn, delivery, &services);
        }
        soaking.until = until;
        turn.emit(Event::SoakRestarted { service, why, until });
    } else if turn.now >= soaking.until {
        if is_blind || soaking.watch.standing(&schedule) == Standing::Met {
            delivery.step = Leg::Soaking(soaking);
            return ours::ask(turn, ours::Next::Verified(delivery));
        }
        // The row of passes is shorter than the soak left for it: it may still be completed.
        soaking.until = soaking.watch.next_wake();
        let is_owed = soaking.watch.is_impeded() && soaking.watch.is_passing() && soaking.granted <= schedule.sampling.healthy_after;
        soaking.granted += 1;
        if soaking.until > soaking.limit && !is_owed {
            return failed(turn, delivery, &soaking.watch.failed_services(&schedule, true));
        }
    }
    delivery.step = Leg::Soaking(soaking);
    turn.enter(Stage::Delivering(delivery));
}

/// Everything held, and it is ours. Only from here does anything come to be called verified.
pub(super) fn verified(turn: &mut Turn, delivery: Delivery) {
    let Leg::Soaking(Soaking { watch, .. }) = delivery.step else { return };
    asides::tell_open(turn, &watch);
    match delivery.job {
        Job::Phase(phase) => {
            if turn.ledger().repeats() {
                let kept = watch.known().and_then(|now| kept::tag_may_have_moved(turn.schedule().phase(phase), &delivery.before, now));
                if let Some(text) = kept {
                    turn.warn(text);
                }
            }
            let (services, samples, images) = (watch.services(), watch.samples_taken(), watch.images());
            turn.emit(Event::PhaseVerified { phase, services, samples, images, asserted_only: false });
            phase::keep(turn, phase);
        }
        Job::Rollback(way) => rollback::verified(turn, &way),
    }
}

fn failed(turn: &mut Turn, delivery: Delivery, services: &[FailedService]) {
    let held: BTreeSet<ServiceName> = match delivery.job {
        Job::Phase(_) => turn.ledger().held(),
        Job::Rollback(_) => BTreeSet::new(),
    };
    let recreated = match delivery.job {
        Job::Phase(_) => delivery.watch().map(|watch| recreated(turn, &delivery.before, watch)).unwrap_or_default(),
        Job::Rollback(_) => BTreeMap::new(),
    };
    if matches!(delivery.step, Leg::Settling(_)) {
        for text in kept::recreated_in_words(&recreated) {
            turn.warn(text);
        }
    }
    // One that compose recreated along with what it depends on is deployed anew by this phase, and no regression.
    let broke = |failed: &FailedService| held.contains(&failed.service) && !recreated.contains_key(&failed.service);
    let regression = !services.is_empty() && services.iter().all(broke);
    let is_out_of_time = matches!(delivery.job, Job::Phase(_)) && turn.is_out_of_time();
    if is_out_of_time {
        turn.warn("the run's own time is over");
    }
    let cause =
        if services.is_empty() && is_out_of_time { Cause::RunTimeout } else { Cause::Services { services: services.to_vec(), regression } };
    failure::begin_after(turn, delivery, Draft::Cause(cause), None);
}

/// Unchanged services that the deploy replaced along with what they depend on.
fn recreated(turn: &Turn, before: &Before, watch: &Watch) -> BTreeMap<ServiceName, ServiceName> {
    let (ledger, now) = (turn.ledger(), watch.known().or(watch.seen.as_deref()));
    now.map(|now| kept::recreated_with(body_of(&ledger.previous), body_of(&ledger.live), before, now)).unwrap_or_default()
}

fn cannot_tell(turn: &mut Turn, delivery: Delivery, why: String) {
    failure::begin_after(turn, delivery, Draft::Open(Cause::CouldNotAsk { why }), None);
}
