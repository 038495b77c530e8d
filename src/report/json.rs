//! JSON lines: one event a line, phases and gates by name, times in milliseconds of run time (`docs/output.md`). A published format, so
//! each event is spelt out here and does not follow from how the journal writes it.

use super::outline::Outline;
use super::progress::View;
use super::setting::{Setting, Speed};
use super::{difference, exit, safe};
use crate::engine::troubleshoot::{self, Advice};
use crate::engine::{
    Cause, DeployPurpose, Ending, Event, ExitCode, FailedService, Health, Moment, Observed, Position, Reading, Reason, RoundService,
    RowStatus, Sample, ServiceState, Survey, Target, Undo, Verdict,
};
use crate::schedule::{ExpectationId, PhaseId, Subject};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The format's version: grows when a key changes its meaning or goes away, not when one is added.
pub const VERSION: u32 = 1;

/// Writes a run's lines.
#[derive(Debug, Default)]
pub struct Lines {
    /// Whether the first line, which names the sandbox, is written.
    begun: bool,
    /// Rounds so far.
    rounds: u64,
    /// Samples so far.
    samples: u64,
}

impl Lines {
    /// The line for an event; `view` has it applied already.
    pub fn event(&mut self, view: &View, setting: &Setting, now: Moment, event: &Event) -> String {
        if let Event::Round { services, others, asides } = event {
            self.rounds += 1;
            let asked = services.values().map(|service| service.samples.len()).sum::<usize>() + others.len() + asides.len();
            self.samples += u64::try_from(asked).unwrap_or(u64::MAX);
        }
        let (name, fields) = self.spell(view, now, event);
        self.line(setting, now, name, fields)
    }

    /// The last line.
    pub fn verdict(&mut self, view: &View, setting: &Setting, ending: &Ending, code: ExitCode, notices: Option<(usize, usize)>) -> String {
        let mut fields = json!({
            "verdict": sentence(&ending.verdict),
            "exit": code.0,
            "meaning": exit::meaning(code),
            "live": ending.live,
            "probed_from": setting.probed_from,
            "waived": view.waived,
        });
        if let Some((delivered, lost)) = notices {
            fields["notices"] = json!({ "delivered": delivered, "lost": lost });
        }
        self.line(setting, view.now, "verdict", fields)
    }

    /// The line for notices that somebody did not get.
    pub fn notice_lost(&mut self, view: &View, setting: &Setting, to: &str, about: &[&str], why: &str) -> String {
        self.line(setting, view.now, "notice-lost", json!({ "to": to, "about": about, "why": why }))
    }

    /// The last line of a run that has no end.
    pub fn unfinished(&mut self, view: &View, setting: &Setting, so_far: &str, at_work: Option<&str>, torn_at: Option<u64>) -> String {
        let fields = json!({ "run": view.run, "so_far": so_far, "at_work": at_work, "torn_at": torn_at });
        self.line(setting, view.now, "unfinished", fields)
    }

    fn line(&mut self, setting: &Setting, now: Moment, event: &str, fields: Value) -> String {
        let mut line = Map::new();
        line.insert("v".to_owned(), VERSION.into());
        line.insert("at_ms".to_owned(), millis(now));
        line.insert("event".to_owned(), event.into());
        if !std::mem::replace(&mut self.begun, true) {
            line.insert("sandbox".to_owned(), setting.sandbox.map_or(Value::Null, sandbox));
        }
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        safe::json(&Value::Object(line).to_string())
    }

    fn spell(&self, view: &View, now: Moment, event: &Event) -> (&'static str, Value) {
        let outline = &view.outline;
        let phase = |id: &PhaseId| outline.phase(*id).name.as_str();
        match event {
            Event::RunStarted { run, rollout, app, files, .. } => ("run-started", started(outline, run, rollout, app, files)),
            Event::Surveyed { survey: read, live } => ("surveyed", surveyed(outline, read, live)),
            Event::Pinned { commits } => ("pinned", json!({ "commits": commits })),
            Event::SnapshotKept { name, path, .. } => ("snapshot-kept", json!({ "name": name, "path": path })),
            Event::StartFound { after, to_run, earns } => {
                let to_run: Vec<&str> = to_run.iter().map(phase).collect();
                ("start-found", json!({ "after": after.as_ref().map(phase), "to_run": to_run, "earns": earns }))
            }
            Event::BaselineTaken { healthy, not_healthy } => ("baseline-taken", json!({ "healthy": healthy, "not_healthy": not_healthy })),
            Event::TargetFound { target: to, because, services, removes, is_live } => {
                let fields = json!({ "because": because, "services": services, "removes": removes, "is_live": is_live });
                ("target-found", with(target(outline, to), fields))
            }
            Event::StartedBroken { reason, what, services, held } => {
                let services: Vec<Value> = services.iter().map(failed_service).collect();
                ("started-broken", json!({ "reason": reason, "what": what, "services": services, "held": held }))
            }
            Event::Agreed => ("agreed", json!({})),
            Event::GateAsked { gate, phase: id } => ("gate-asked", json!({ "gate": outline.gate(*gate).name, "phase": phase(id) })),
            Event::GateHeld { gate } => ("gate-held", json!({ "gate": outline.gate(*gate).name })),
            Event::GateNotHeld { gate, cause } => {
                ("gate-not-held", json!({ "gate": outline.gate(*gate).name, "cause": spell_cause(outline, cause) }))
            }
            Event::ApprovalAsked { gate, question, until } => {
                ("approval-asked", json!({ "gate": outline.gate(*gate).name, "question": question, "until_ms": millis(*until) }))
            }
            Event::ApprovalGiven { gate, by } => ("approval-given", json!({ "gate": outline.gate(*gate).name, "by": by.0 })),
            Event::ApprovalNotGiven { gate, by } => {
                ("approval-not-given", json!({ "gate": outline.gate(*gate).name, "by": by.as_ref().map(|by| &by.0) }))
            }
            Event::NotHeld { phase: id, services: told } => {
                let services: Vec<Value> = told.iter().map(failed_service).collect();
                let advice = advice(&troubleshoot::of_services(told));
                ("not-held", json!({ "phase": phase(id), "services": services, "advice": advice }))
            }
            Event::PhaseStarted { phase: id } => {
                ("phase-started", json!({ "phase": phase(id), "adds": outline.phase(*id).adds, "services": outline.phase(*id).services }))
            }
            Event::NoiseKnown { noise } => {
                let kinds: BTreeMap<&String, usize> = noise.iter().map(|(name, kinds)| (name, kinds.len())).collect();
                ("noise-known", json!({ "kinds": kinds }))
            }
            Event::Replacing { purpose, digest, .. } => ("replacing", with(for_what(outline, purpose), json!({ "digest": digest }))),
            Event::Replaced { purpose } => ("replaced", for_what(outline, purpose)),
            Event::Deploying { purpose, marker, .. } => ("deploying", with(for_what(outline, purpose), json!({ "marker": marker }))),
            Event::Queued { purpose, ahead, active, whose, since } => {
                let job = json!({ "ahead": ahead, "active": active, "whose": whose, "since": since });
                ("queued", with(for_what(outline, purpose), job))
            }
            Event::DeployStarted { purpose, deployment, until } => {
                ("deploy-started", with(for_what(outline, purpose), json!({ "deployment": deployment.0, "until_ms": millis(*until) })))
            }
            Event::DeployOverdue { purpose, until } => {
                ("deploy-overdue", with(for_what(outline, purpose), json!({ "until_ms": millis(*until) })))
            }
            Event::DeployEnded { purpose, status, .. } => {
                ("deploy-ended", with(for_what(outline, purpose), json!({ "status": row_status(*status) })))
            }
            Event::NotDone { why, may_have_acted, .. } => ("not-done", json!({ "why": sentence(why), "may_have_acted": may_have_acted })),
            Event::Stopping { .. } => ("stopping", json!({})),
            Event::Stopped => ("stopped", json!({})),
            Event::WarningBegan { expectation, sample: taken } => ("warning-began", sample(outline, *expectation, taken)),
            Event::WarningOver { expectation, sample: taken } => ("warning-over", sample(outline, *expectation, taken)),
            Event::Round { services, others, asides } => {
                let services: Map<String, Value> =
                    services.iter().map(|(name, service)| (name.clone(), round_service(view, name, service))).collect();
                let [others, asides] = [others, asides].map(|list| {
                    let spelled = list.iter().map(|(at, (taken, verdict))| {
                        with(sample(outline, ExpectationId(*at), taken), json!({ "verdict": verdict_word(*verdict) }))
                    });
                    spelled.collect::<Vec<Value>>()
                });
                let said = json!({ "round": self.rounds, "samples": self.samples, "services": services, "others": others });
                // Plans without `warn` and `observe` have none.
                ("round", if asides.is_empty() { said } else { with(said, json!({ "asides": asides })) })
            }
            Event::Settled { purpose, until } => {
                ("settled", with(for_what(outline, purpose), json!({ "soak_ms": span(now, *until), "until_ms": millis(*until) })))
            }
            Event::SoakRestarted { service, why, until } => {
                ("soak-restarted", json!({ "service": service, "why": why, "soak_ms": span(now, *until), "until_ms": millis(*until) }))
            }
            Event::Holding { why, until } => ("holding", json!({ "why": why, "until_ms": millis(*until) })),
            Event::PhaseVerified { phase: id, services, samples, images, asserted_only } => {
                let fields = json!({
                    "phase": phase(id),
                    "services": services,
                    "healthy": [services.len(), services.len()],
                    "samples": samples,
                    "images": images,
                    "asserted_only": asserted_only,
                });
                ("phase-verified", fields)
            }
            Event::PhaseFailed { phase: id, cause, .. } => {
                ("phase-failed", json!({ "phase": phase(id), "cause": spell_cause(outline, cause) }))
            }
            Event::EvidenceKept { path, evidence } => {
                let of_rollback = view.rollback.as_ref().and_then(|rollback| rollback.failure.as_ref());
                let failure = of_rollback.or(view.failure.as_ref());
                let found =
                    failure.map(|failure| troubleshoot::of_cause(&failure.cause, evidence.as_deref(), |id| outline.expectation(id)));
                ("evidence-kept", json!({ "path": path, "advice": advice(&found.unwrap_or_default()) }))
            }
            Event::RollbackStarted { target: to, undo } => {
                let undo = match undo {
                    Undo::TextOnly => "text-only",
                    Undo::Redeploy => "redeploy",
                    Undo::Stop => "stop",
                };
                ("rollback-started", with(target(outline, to), json!({ "undo": undo })))
            }
            Event::RollbackVerified { target: to, services, not_held_against } => {
                ("rollback-verified", with(target(outline, to), json!({ "services": services, "not_held_against": not_held_against })))
            }
            Event::RollbackFailed { target: to, cause, .. } => {
                ("rollback-failed", with(target(outline, to), json!({ "cause": spell_cause(outline, cause) })))
            }
            Event::Resumed { gap, changed, .. } => ("resumed", json!({ "gap_ms": span(Moment::START, Moment(*gap)), "changed": changed })),
            Event::Overslept { gap } => ("overslept", json!({ "gap_ms": span(Moment::START, Moment(*gap)) })),
            Event::LockAwaited { holder, until } => ("lock-awaited", json!({ "holder": holder, "until_ms": millis(*until) })),
            Event::Waived { service, reason } => ("waived", json!({ "service": service, "reason": reason })),
            Event::FailureAsked { by } => ("failure-asked", json!({ "by": by })),
            Event::Warned { text } => ("warned", json!({ "text": sentence(text) })),
            Event::RunEnded { ending } => ("run-ended", ended(ending)),
            // Never shown; the reporter drops it before it comes here.
            Event::Noted { .. } => ("noted", json!({})),
        }
    }
}

fn sandbox(speed: Speed) -> Value {
    match speed {
        Speed::Times(times) => json!({ "speed": times }),
        Speed::Max => json!({ "speed": "max" }),
    }
}

fn started(outline: &Outline, run: &str, rollout: &str, app: &str, files: &[(String, String)]) -> Value {
    let phases: Vec<Value> = outline
        .phases
        .iter()
        .map(|phase| {
            json!({
                "phase": phase.name,
                "file": phase.path,
                "services": phase.services,
                "adds": phase.adds,
                "within_ms": phase.within.as_millis(),
                "settle_ms": phase.settle.as_millis(),
                "soak_ms": phase.soak.as_millis(),
            })
        })
        .collect();
    let files: Map<String, Value> = files.iter().map(|(path, digest)| (path.clone(), digest.as_str().into())).collect();
    json!({
        "run": run,
        "rollout": rollout,
        "app": app,
        "files": files,
        "phases": phases,
        "every_ms": outline.every.as_millis(),
        "healthy_after": outline.healthy_after,
    })
}

/// Not the text, and of the environment not even the names.
fn surveyed(outline: &Outline, survey: &Survey, live: &Position) -> Value {
    let (position, phase, verified) = match live {
        Position::Empty => ("empty", None, None),
        Position::Phase(phase, verified) => ("phase", Some(outline.phase(*phase).name.as_str()), *verified),
        Position::OlderVersion { phase, verified } => ("older-version", Some(phase.as_str()), Some(*verified)),
        Position::Edited { phase } => ("edited", Some(phase.as_str()), None),
        Position::Foreign => ("foreign", None, None),
    };
    let containers = match &survey.containers {
        Observed::Known(containers) => containers.len().into(),
        Observed::Unknown(_) => Value::Null,
    };
    json!({
        "dokploy": survey.version,
        "app_name": survey.app_name,
        "live": { "position": position, "phase": phase, "verified": verified },
        "containers": containers,
        "queue": survey.queue.len(),
        "warnings": survey.warnings,
    })
}

fn ended(ending: &Ending) -> Value {
    let (reason, why) = match &ending.reason {
        Reason::Completed => ("completed", Vec::new()),
        Reason::NothingToDo => ("nothing-to-do", Vec::new()),
        Reason::Refused { why } => ("refused", why.iter().map(|why| sentence(why)).filter(|why| !why.is_empty()).collect()),
        Reason::GateNotHeld { what } => ("gate-not-held", vec![sentence(what)]),
        Reason::PhaseFailed { phase } => ("phase-failed", vec![phase.as_str()]),
        Reason::RollbackFailed { to } => ("rollback-failed", vec![to.as_str()]),
        Reason::HolderAsked { who } => ("holder-asked", vec![sentence(who)]),
        Reason::Busy { who } => ("busy", vec![sentence(who)]),
        Reason::CouldNotAsk { why } => ("could-not-ask", vec![sentence(why)]),
        Reason::Interrupted => ("interrupted", Vec::new()),
    };
    json!({
        "reason": reason,
        "why": why,
        "changed": ending.facts.changed,
        "verified": ending.facts.verified,
        "known": ending.facts.known,
        "live": ending.live,
        "healthy": [ending.healthy.0, ending.healthy.1],
        "verdict": sentence(&ending.verdict),
    })
}

/// A text may end in a difference of compose texts, which is for the eyes of the person at the terminal only.
fn sentence(text: &str) -> &str {
    difference::sentence_and_diff(text).0
}

fn round_service(view: &View, name: &str, service: &RoundService) -> Value {
    let (state, restarts, code) = match &service.state {
        ServiceState::Running { restarts } => ("running", Some(*restarts), None),
        ServiceState::Restarting { restarts } => ("restarting", Some(*restarts), None),
        ServiceState::Exited(code) => ("exited", None, Some(*code)),
        ServiceState::Created => ("created", None, None),
        ServiceState::Missing => ("missing", None, None),
        ServiceState::Unknown => ("unknown", None, None),
    };
    let health = service.health.map(|health| match health {
        Health::Starting => "starting",
        Health::Healthy => "healthy",
        Health::Unhealthy => "unhealthy",
    });
    let (passed, failed, errored) = view.services.get(name).map_or((0, 0, 0), |service| service.counts);
    let samples: Vec<Value> = service.samples.iter().map(|(at, taken)| sample(&view.outline, ExpectationId(*at), taken)).collect();
    json!({
        "state": state,
        "restarts": restarts,
        "exit": code,
        "health": health,
        "verdict": verdict_word(service.verdict),
        "reading": reading_word(service.reading),
        "streak": service.passes,
        "rounds": { "passed": passed, "failed": failed, "errored": errored },
        "actual": service.actual,
        "samples": samples,
    })
}

fn sample(outline: &Outline, id: ExpectationId, sample: &Sample) -> Value {
    let (subject, text) = &outline.expectations[id.0];
    let of = match subject {
        Subject::Service(name) => json!({ "service": name }),
        Subject::External(name) => json!({ "external": name }),
        Subject::Gate(name) => json!({ "gate": name }),
    };
    let said = json!({
        "expect": text,
        "reading": reading_word(sample.reading),
        "expected": sample.expected,
        "actual": sample.actual,
        "at_ms": millis(sample.at),
        "took_ms": sample.took_ms,
    });
    with(of, said)
}

/// The difference of texts is left out: it is compose text.
fn spell_cause(outline: &Outline, cause: &Cause) -> Value {
    let likely = troubleshoot::of_cause(cause, None, |id| outline.expectation(id));
    let found = advice(&likely);
    let kind = |name: &str, fields: Value| with(with(json!({ "kind": name }), fields), json!({ "advice": found }));
    match cause {
        Cause::Deploy { status, error, services, candidates, lines } => {
            let said =
                json!({ "status": row_status(*status), "error": error, "services": services, "candidates": candidates, "lines": lines });
            // What was there before `advice`: a key that goes away would be another version.
            let remedies: Vec<&str> = likely.iter().map(|one| one.remedy).collect();
            kind("deploy", with(said, json!({ "remedies": remedies })))
        }
        Cause::NeverStarted { evidence } => kind("never-started", json!({ "evidence": evidence })),
        Cause::QueueTimeout { withdrawn } => kind("queue-timeout", json!({ "withdrawn": withdrawn })),
        Cause::RunTimeout => kind("run-timeout", json!({})),
        Cause::DeployTimeout => kind("deploy-timeout", json!({})),
        Cause::Services { services, regression } => {
            let services: Vec<Value> = services.iter().map(failed_service).collect();
            kind("services", json!({ "services": services, "regression": regression }))
        }
        Cause::Expectations { samples } => {
            let samples: Vec<Value> = samples.iter().map(|(id, taken)| sample(outline, *id, taken)).collect();
            kind("expectations", json!({ "samples": samples }))
        }
        Cause::CouldNotAsk { why } => kind("could-not-ask", json!({ "why": why })),
        Cause::Asked { by } => kind("asked", json!({ "by": by })),
        Cause::TextChanged { .. } => kind("text-changed", json!({})),
    }
}

/// Likely causes, each with the rule's name.
pub(super) fn advice(advice: &[Advice]) -> Value {
    let one = |one: &Advice| {
        json!({
            "rule": one.rule,
            "of": one.of,
            "from": one.source.key(),
            "seen": one.seen,
            "cause": one.cause,
            "remedy": one.remedy,
        })
    };
    advice.iter().map(one).collect()
}

fn failed_service(failed: &FailedService) -> Value {
    let (passed, refused, errored) = failed.counts;
    json!({
        "service": failed.service,
        "what": failed.what,
        "expected": failed.expected,
        "actual": failed.actual,
        "samples": { "passed": passed, "failed": refused, "errored": errored },
        "hint": failed.hint,
    })
}

fn for_what(outline: &Outline, purpose: &DeployPurpose) -> Value {
    match purpose {
        DeployPurpose::Phase(_) => json!({ "for": "phase", "phase": outline.purpose(purpose) }),
        DeployPurpose::Mark(_) => json!({ "for": "mark", "phase": outline.purpose(purpose) }),
        DeployPurpose::Rollback(to) => with(json!({ "for": "rollback" }), target(outline, to)),
    }
}

/// `{"to": "core"}`; the state before the run is `{"to": null}`, since a phase may well be called baseline.
fn target(outline: &Outline, target: &Target) -> Value {
    match target {
        Target::Phase(phase) => json!({ "to": outline.phase(*phase).name }),
        Target::Baseline => json!({ "to": null }),
        Target::Kept { run, name } => json!({ "to": name, "of_run": run }),
    }
}

fn with(mut first: Value, second: Value) -> Value {
    if let (Value::Object(first), Value::Object(second)) = (&mut first, second) {
        first.extend(second);
    }
    first
}

fn row_status(status: RowStatus) -> &'static str {
    match status {
        RowStatus::Done => "done",
        RowStatus::Error => "error",
        RowStatus::Cancelled => "cancelled",
    }
}

pub(super) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Holding => "holding",
        Verdict::Unknown => "unknown",
        Verdict::Errored => "errored",
        Verdict::Failed => "failed",
    }
}

fn reading_word(reading: Reading) -> &'static str {
    match reading {
        Reading::Pass => "pass",
        Reading::Fail => "fail",
        Reading::Error => "error",
    }
}

fn millis(moment: Moment) -> Value {
    u64::try_from(moment.0.as_millis()).unwrap_or(u64::MAX).into()
}

fn span(from: Moment, until: Moment) -> u64 {
    u64::try_from((until - from).as_millis()).unwrap_or(u64::MAX)
}
