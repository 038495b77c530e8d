//! From the engine's events to the lines' own types.

use super::difference;
use super::line::Told;
use super::parts::{self, Counts, Failed, JudgedSample, Kind, Live, Of, Purpose, To};
use crate::engine::troubleshoot::{self, Advice};
use crate::engine::{
    Cause, DeployPurpose, Ending, Event, FailedService, Health, Moment, Observed, Position, Reading, Reason, RoundService, RowStatus,
    Sample, ServiceState, Survey, Target, Undo, Verdict,
};
use crate::report::outline::{Outline, PhaseOutline};
use crate::report::progress::View;
use crate::report::words;
use crate::schedule::{ExpectationId, PhaseId, Subject};

/// What is likely behind what an event tells.
pub(super) fn likely(view: &View, event: &Event) -> Vec<Advice> {
    let of = |id| view.outline.expectation(id);
    match event {
        Event::NotHeld { services, .. } => troubleshoot::of_services(services),
        Event::GateNotHeld { cause, .. } | Event::PhaseFailed { cause, .. } | Event::RollbackFailed { cause, .. } => {
            troubleshoot::of_cause(cause, None, of)
        }
        Event::EvidenceKept { evidence, .. } => {
            let of_rollback = view.rollback.as_ref().and_then(|rollback| rollback.failure.as_ref());
            let failure = of_rollback.or(view.failure.as_ref());
            failure.map(|failure| troubleshoot::of_cause(&failure.cause, evidence.as_deref(), of)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// An event in the lines' terms; none for the engine's own notes. `likely` is what is behind it, `counted` rounds and samples so far.
pub(super) fn told<'a>(
    view: &'a View,
    now: Moment,
    event: &'a Event,
    likely: &'a [Advice],
    (round, samples_so_far): (u64, u64),
) -> Option<Told<'a>> {
    let outline = &view.outline;
    let phase = |id: &PhaseId| outline.phase(*id).name.as_str();
    let gate_name = |gate: &crate::schedule::GateId| outline.gate(*gate).name.as_str();
    Some(match event {
        Event::RunStarted { run, rollout, app, files, .. } => Told::RunStarted {
            run,
            rollout,
            app,
            files: files.iter().map(|(phase, digest)| (phase.as_str(), digest.as_str())).collect(),
            phases: outline.phases.iter().map(phase_limits).collect(),
            every_ms: words::millis(outline.every),
            healthy_after: outline.healthy_after,
        },
        Event::Surveyed { survey, live } => surveyed(outline, survey, live),
        Event::Pinned { commits } => Told::Pinned { commits },
        Event::SnapshotKept { name, path, .. } => Told::SnapshotKept { name, path },
        Event::StartFound { after, to_run, earns } => {
            Told::StartFound { after: after.as_ref().map(phase), to_run: to_run.iter().map(phase).collect(), earns: *earns }
        }
        Event::TargetFound { target: to, because, services, removes, is_live } => {
            Told::TargetFound { to: target(outline, to), because, services, removes, is_live: *is_live }
        }
        Event::StartedBroken { reason, what, services, held } => {
            Told::StartedBroken { reason, what, services: services.iter().map(failed).collect(), held }
        }
        Event::BaselineTaken { healthy, not_healthy } => Told::BaselineTaken { healthy, not_healthy },
        Event::Agreed => Told::Agreed {},
        Event::GateAsked { gate, phase: id } => Told::GateAsked { gate: gate_name(gate), phase: phase(id) },
        Event::GateHeld { gate } => Told::GateHeld { gate: gate_name(gate) },
        Event::GateNotHeld { gate, cause: why } => Told::GateNotHeld { gate: gate_name(gate), cause: cause(outline, why, likely) },
        Event::ApprovalAsked { gate, question, until } => Told::ApprovalAsked { gate: gate_name(gate), question, until_ms: millis(*until) },
        Event::ApprovalGiven { gate, by } => Told::ApprovalGiven { gate: gate_name(gate), by: &by.0 },
        Event::ApprovalNotGiven { gate, by } => Told::ApprovalNotGiven { gate: gate_name(gate), by: by.as_ref().map(|by| by.0.as_str()) },
        Event::NotHeld { phase: id, services } => {
            Told::NotHeld { phase: phase(id), services: services.iter().map(failed).collect(), advice: advice(likely) }
        }
        Event::PhaseStarted { phase: id } => {
            let PhaseOutline { name, adds, services, .. } = outline.phase(*id);
            Told::PhaseStarted { phase: name, adds, services }
        }
        Event::NoiseKnown { noise } => {
            Told::NoiseKnown { kinds: noise.iter().map(|(service, kinds)| (service.as_str(), kinds.len())).collect() }
        }
        Event::Replacing { purpose, digest, .. } => Told::Replacing { purpose: for_what(outline, purpose), digest },
        Event::Replaced { purpose } => Told::Replaced { purpose: for_what(outline, purpose) },
        Event::Deploying { purpose, marker, .. } => Told::Deploying { purpose: for_what(outline, purpose), marker },
        Event::Queued { purpose, ahead, active, whose, since } => Told::Queued {
            purpose: for_what(outline, purpose),
            ahead: *ahead,
            active: active.as_deref(),
            whose: whose.as_deref(),
            since: since.as_deref(),
        },
        Event::DeployStarted { purpose, deployment, until } => {
            Told::DeployStarted { purpose: for_what(outline, purpose), deployment: &deployment.0, until_ms: millis(*until) }
        }
        Event::DeployOverdue { purpose, until } => Told::DeployOverdue { purpose: for_what(outline, purpose), until_ms: millis(*until) },
        Event::DeployEnded { purpose, status, .. } => {
            Told::DeployEnded { purpose: for_what(outline, purpose), status: row_status(*status) }
        }
        Event::NotDone { why, may_have_acted, .. } => Told::NotDone { why: sentence(why), may_have_acted: *may_have_acted },
        Event::Stopping { .. } => Told::Stopping {},
        Event::Stopped => Told::Stopped {},
        Event::WarningBegan { expectation, sample: taken } => Told::WarningBegan(sample(outline, *expectation, taken)),
        Event::WarningOver { expectation, sample: taken } => Told::WarningOver(sample(outline, *expectation, taken)),
        Event::Round { services, others, asides } => {
            let [others, asides] = [others, asides].map(|list| {
                let judged = |(at, (taken, verdict)): (&usize, &'a (Sample, Verdict))| JudgedSample {
                    sample: sample(outline, ExpectationId(*at), taken),
                    verdict: self::verdict(*verdict),
                };
                list.iter().map(judged).collect()
            });
            let services = services.iter().map(|(name, service)| (name.as_str(), round_service(view, name, service))).collect();
            Told::Round { round, samples: samples_so_far, services, others, asides }
        }
        Event::Settled { purpose, until } => {
            Told::Settled { purpose: for_what(outline, purpose), soak_ms: words::millis(*until - now), until_ms: millis(*until) }
        }
        Event::SoakRestarted { service, why, until } => {
            Told::SoakRestarted { service, why, soak_ms: words::millis(*until - now), until_ms: millis(*until) }
        }
        Event::Holding { why, until } => Told::Holding { why, until_ms: millis(*until) },
        Event::PhaseVerified { phase: id, services, samples, images, asserted_only } => Told::PhaseVerified {
            phase: phase(id),
            services,
            healthy: [services.len(), services.len()],
            samples: *samples,
            images,
            asserted_only: *asserted_only,
        },
        Event::PhaseFailed { phase: id, cause: why, .. } => Told::PhaseFailed { phase: phase(id), cause: cause(outline, why, likely) },
        Event::EvidenceKept { path, .. } => Told::EvidenceKept { path, advice: advice(likely) },
        Event::RollbackStarted { target: to, undo } => {
            let undo = match undo {
                Undo::TextOnly => parts::Undo::TextOnly,
                Undo::Redeploy => parts::Undo::Redeploy,
                Undo::Stop => parts::Undo::Stop,
            };
            Told::RollbackStarted { to: target(outline, to), undo }
        }
        Event::RollbackVerified { target: to, services, not_held_against } => {
            Told::RollbackVerified { to: target(outline, to), services, not_held_against }
        }
        Event::RollbackFailed { target: to, cause: why, .. } => {
            Told::RollbackFailed { to: target(outline, to), cause: cause(outline, why, likely) }
        }
        Event::Resumed { gap, changed, .. } => Told::Resumed { gap_ms: words::millis(*gap), changed },
        Event::Overslept { gap } => Told::Overslept { gap_ms: words::millis(*gap) },
        Event::LockAwaited { holder, until } => Told::LockAwaited { holder, until_ms: millis(*until) },
        Event::Waived { service, reason } => Told::Waived { service, reason },
        Event::FailureAsked { by } => Told::FailureAsked { by },
        Event::Warned { text } => Told::Warned { text: sentence(text) },
        Event::RunEnded { ending } => ended(ending),
        Event::Noted { .. } => return None,
    })
}

fn phase_limits(phase: &PhaseOutline) -> parts::Phase<'_> {
    parts::Phase {
        phase: &phase.name,
        file: &phase.path,
        services: &phase.services,
        adds: &phase.adds,
        within_ms: words::millis(phase.within),
        settle_ms: words::millis(phase.settle),
        soak_ms: words::millis(phase.soak),
    }
}

/// Not the text, and of the environment not even the names.
fn surveyed<'a>(outline: &'a Outline, survey: &'a Survey, live: &'a Position) -> Told<'a> {
    let (position, phase, verified) = match live {
        Position::Empty => (parts::Position::Empty, None, None),
        Position::Phase(phase, verified) => (parts::Position::Phase, Some(outline.phase(*phase).name.as_str()), *verified),
        Position::OlderVersion { phase, verified } => (parts::Position::OlderVersion, Some(phase.as_str()), Some(*verified)),
        Position::Edited { phase } => (parts::Position::Edited, Some(phase.as_str()), None),
        Position::Foreign => (parts::Position::Foreign, None, None),
    };
    Told::Surveyed {
        dokploy: &survey.version,
        app_name: &survey.app_name,
        live: Live { position, phase, verified },
        containers: match &survey.containers {
            Observed::Known(containers) => Some(containers.len()),
            Observed::Unknown(_) => None,
        },
        queue: survey.queue.len(),
        warnings: &survey.warnings,
    }
}

fn ended(ending: &Ending) -> Told<'_> {
    let (reason, why) = match &ending.reason {
        Reason::Completed => (parts::Reason::Completed, Vec::new()),
        Reason::NothingToDo => (parts::Reason::NothingToDo, Vec::new()),
        Reason::Refused { why } => (parts::Reason::Refused, why.iter().map(|why| sentence(why)).filter(|why| !why.is_empty()).collect()),
        Reason::GateNotHeld { what } => (parts::Reason::GateNotHeld, vec![sentence(what)]),
        Reason::PhaseFailed { phase } => (parts::Reason::PhaseFailed, vec![phase.as_str()]),
        Reason::RollbackFailed { to } => (parts::Reason::RollbackFailed, vec![to.as_str()]),
        Reason::HolderAsked { who } => (parts::Reason::HolderAsked, vec![sentence(who)]),
        Reason::Busy { who } => (parts::Reason::Busy, vec![sentence(who)]),
        Reason::CouldNotAsk { why } => (parts::Reason::CouldNotAsk, vec![sentence(why)]),
        Reason::Interrupted => (parts::Reason::Interrupted, Vec::new()),
    };
    Told::RunEnded {
        reason,
        why,
        changed: ending.facts.changed,
        verified: ending.facts.verified,
        known: ending.facts.known,
        live: ending.live.as_deref(),
        healthy: [ending.healthy.0, ending.healthy.1],
        verdict: sentence(&ending.verdict),
    }
}

/// A text may end in a difference of compose texts, which is for the eyes of the person at the terminal only.
pub(super) fn sentence(text: &str) -> &str {
    difference::sentence_and_diff(text).0
}

fn round_service<'a>(view: &'a View, name: &str, service: &'a RoundService) -> parts::RoundService<'a> {
    let (state, restarts, exit) = match &service.state {
        ServiceState::Running { restarts } => (parts::State::Running, Some(*restarts), None),
        ServiceState::Restarting { restarts } => (parts::State::Restarting, Some(*restarts), None),
        ServiceState::Exited(code) => (parts::State::Exited, None, Some(*code)),
        ServiceState::Created => (parts::State::Created, None, None),
        ServiceState::Missing => (parts::State::Missing, None, None),
        ServiceState::Unknown => (parts::State::Unknown, None, None),
    };
    let health = service.health.map(|health| match health {
        Health::Starting => parts::Health::Starting,
        Health::Healthy => parts::Health::Healthy,
        Health::Unhealthy => parts::Health::Unhealthy,
    });
    parts::RoundService {
        state,
        restarts,
        exit,
        health,
        verdict: verdict(service.verdict),
        reading: reading(service.reading),
        streak: service.passes,
        rounds: counts(view.services.get(name).map_or((0, 0, 0), |service| service.counts)),
        actual: service.actual.as_deref(),
        samples: service.samples.iter().map(|(at, taken)| sample(&view.outline, ExpectationId(*at), taken)).collect(),
    }
}

fn sample<'a>(outline: &'a Outline, id: ExpectationId, sample: &'a Sample) -> parts::Sample<'a> {
    let (subject, text) = &outline.expectations[id.0];
    let of = match subject {
        Subject::Service(name) => Of::Service(name),
        Subject::External(name) => Of::External(name),
        Subject::Gate(name) => Of::Gate(name),
    };
    parts::Sample {
        of,
        expect: text,
        reading: reading(sample.reading),
        expected: &sample.expected,
        actual: &sample.actual,
        at_ms: millis(sample.at),
        took_ms: sample.took_ms,
    }
}

/// The difference of texts is left out: it is compose text.
fn cause<'a>(outline: &'a Outline, cause: &'a Cause, likely: &'a [Advice]) -> parts::Cause<'a> {
    let kind = match cause {
        Cause::Deploy { status, error, services, candidates, lines } => Kind::Deploy {
            status: row_status(*status),
            error: error.as_deref(),
            services,
            candidates: *candidates,
            lines,
            // What was there before `advice`: a key that goes away would be another version.
            remedies: likely.iter().map(|one| one.remedy).collect(),
        },
        Cause::NeverStarted { evidence } => Kind::NeverStarted { evidence },
        Cause::QueueTimeout { withdrawn } => Kind::QueueTimeout { withdrawn: *withdrawn },
        Cause::RunTimeout => Kind::RunTimeout {},
        Cause::DeployTimeout => Kind::DeployTimeout {},
        Cause::Services { services, regression } => {
            Kind::Services { services: services.iter().map(failed).collect(), regression: *regression }
        }
        Cause::Expectations { samples } => {
            Kind::Expectations { samples: samples.iter().map(|(id, taken)| sample(outline, *id, taken)).collect() }
        }
        Cause::CouldNotAsk { why } => Kind::CouldNotAsk { why },
        Cause::Asked { by } => Kind::Asked { by },
        Cause::TextChanged { .. } => Kind::TextChanged {},
    };
    parts::Cause { kind, advice: advice(likely) }
}

/// Likely causes, each with the rule's name.
pub(in crate::report) fn advice(advice: &[Advice]) -> Vec<parts::Advice<'_>> {
    fn one(one: &Advice) -> parts::Advice<'_> {
        parts::Advice { rule: one.rule, of: &one.of, from: one.source.key(), seen: &one.seen, cause: one.cause, remedy: one.remedy }
    }
    advice.iter().map(one).collect()
}

fn failed(failed: &FailedService) -> Failed<'_> {
    Failed {
        service: &failed.service,
        what: &failed.what,
        expected: &failed.expected,
        actual: &failed.actual,
        samples: counts(failed.counts),
        hint: failed.hint.as_deref(),
    }
}

fn counts((passed, failed, errored): (u64, u64, u64)) -> Counts {
    Counts { passed, failed, errored }
}

fn for_what<'a>(outline: &'a Outline, purpose: &'a DeployPurpose) -> Purpose<'a> {
    match purpose {
        DeployPurpose::Phase(_) => Purpose::Phase { phase: outline.purpose(purpose) },
        DeployPurpose::Mark(_) => Purpose::Mark { phase: outline.purpose(purpose) },
        DeployPurpose::Rollback(to) => Purpose::Rollback(target(outline, to)),
    }
}

/// The state before the run is null, since a phase may well be called baseline.
fn target<'a>(outline: &'a Outline, target: &'a Target) -> To<'a> {
    match target {
        Target::Phase(phase) => To { to: Some(&outline.phase(*phase).name), of_run: None },
        Target::Baseline => To { to: None, of_run: None },
        Target::Kept { run, name } => To { to: Some(name), of_run: Some(run) },
    }
}

fn row_status(status: RowStatus) -> parts::RowStatus {
    match status {
        RowStatus::Done => parts::RowStatus::Done,
        RowStatus::Error => parts::RowStatus::Error,
        RowStatus::Cancelled => parts::RowStatus::Cancelled,
    }
}

/// A verdict's word.
pub(in crate::report) fn verdict(verdict: Verdict) -> parts::Verdict {
    match verdict {
        Verdict::Met => parts::Verdict::Met,
        Verdict::Holding => parts::Verdict::Holding,
        Verdict::Unknown => parts::Verdict::Unknown,
        Verdict::Errored => parts::Verdict::Errored,
        Verdict::Failed => parts::Verdict::Failed,
    }
}

fn reading(reading: Reading) -> parts::Reading {
    match reading {
        Reading::Pass => parts::Reading::Pass,
        Reading::Fail => parts::Reading::Fail,
        Reading::Error => parts::Reading::Error,
    }
}

/// A moment, in milliseconds of run time.
pub(super) fn millis(moment: Moment) -> u64 {
    words::millis(moment.0)
}
