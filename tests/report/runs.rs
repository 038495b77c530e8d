//! Runs as their events tell them.

use super::stage::*;
use rollout_plan::engine::{
    Cause, DeployPurpose, Ending, Event, Facts, FailedService, Log, Moment, OpId, Position, Reading, Reason, RowStatus, Sample,
    ServiceState, Target, Undo,
};
use rollout_plan::schedule::ExpectationId;
use std::collections::{BTreeMap, BTreeSet};

fn names(phase: usize) -> BTreeSet<String> {
    SERVICES.iter().filter(|(_, _, added)| *added <= phase).map(|(name, ..)| (*name).to_owned()).collect()
}

/// All four phases from nothing, with an approval before the last.
pub fn success() -> Script {
    let mut script = Script::default();
    script.start(Position::Empty, None).gate(INFRASTRUCTURE, FOUNDATION);
    script.verified(FOUNDATION, 12).verified(CORE, 96).verified(BUSINESS, 60);
    let until = Moment::millis(script_now(&script) + 1_800_000);
    script.push(Event::GateAsked { gate: GO_AHEAD, phase: COMPLETE });
    script.push(Event::ApprovalAsked { gate: GO_AHEAD, question: "Bring up the AI services?".to_owned(), until });
    script.wait(40).push(Event::ApprovalGiven { gate: GO_AHEAD, by: person("maria") });
    script.push(Event::GateHeld { gate: GO_AHEAD }).verified(COMPLETE, 75);
    let verdict = "Backend/staging/backend runs phase complete, verified: 10/10 healthy.";
    script.end(ending(Reason::Completed, (true, true, true), Some("complete"), (10, 10), verdict), 0);
    script
}

/// business-directory crashes on and on; back to core by a deploy.
pub fn crash_loop_rolled_back() -> Script {
    let mut script = Script::default();
    script.start(Position::Phase(CORE, Some(true)), Some(CORE));
    script.push(Event::Warned { text: "redis answers slowly (412 ms)".to_owned() });
    script.push(Event::PhaseStarted { phase: BUSINESS });
    script.deploy(&DeployPurpose::Phase(BUSINESS), 60, 480, RowStatus::Done);
    let ill = [("business-directory", ServiceState::Restarting { restarts: 3 }, Reading::Fail, "connection refused")];
    script.rounds(BUSINESS, 5, 0, &ill).picture();
    let hint = "the directory needs bizosaas_staging: check DATABASE_URL";
    let failed = vec![crash_loop("business-directory", Some(hint))];
    script.push(Event::PhaseFailed { phase: BUSINESS, cause: Cause::Services { services: failed, regression: false }, open: false });
    let logs = BTreeMap::from([("business-directory".to_owned(), crashing_log(120))]);
    script.evidence("business", logs, Log::default());
    script.push(rollback_started(Target::Phase(CORE), Undo::Redeploy));
    let purpose = DeployPurpose::Rollback(Target::Phase(CORE));
    script.deploy(&purpose, 20, 600, RowStatus::Done).rounds(CORE, 2, 0, &[]);
    let until = Moment::millis(script_now(&script) + 60_000);
    script.push(Event::Settled { purpose, until });
    script.rounds(CORE, 6, 2, &[]).picture().rounds(CORE, 6, 8, &[]);
    script.push(Event::RollbackVerified { target: Target::Phase(CORE), services: names(1), not_held_against: BTreeSet::new() });
    let verdict = "Phase business failed (business-directory keeps restarting); core is back and verified: 4/4 healthy.";
    let reason = Reason::PhaseFailed { phase: "business".to_owned() };
    script.end(ending(reason, (true, true, true), Some("core"), (4, 4), verdict), 4);
    script
}

/// An image does not build; nothing running was touched, so the text is put back.
pub fn build_failure() -> Script {
    let mut script = Script::default();
    script.start(Position::Phase(CORE, Some(true)), Some(CORE));
    script.push(Event::PhaseStarted { phase: BUSINESS });
    script.deploy(&DeployPurpose::Phase(BUSINESS), 30, 480, RowStatus::Error);
    script.push(Event::PhaseFailed { phase: BUSINESS, cause: build_failed(), open: false });
    script.evidence("business", BTreeMap::new(), Log::default());
    script.push(rollback_started(Target::Phase(CORE), Undo::TextOnly));
    let purpose = DeployPurpose::Rollback(Target::Phase(CORE));
    script.push(Event::Replacing { op: rollout_plan::engine::OpId(90), purpose: purpose.clone(), digest: "sha256:1".to_owned() });
    script.picture().wait(1).push(Event::Replaced { purpose }).rounds(CORE, 2, 0, &[]);
    script.push(Event::RollbackVerified { target: Target::Phase(CORE), services: names(1), not_held_against: BTreeSet::new() });
    let verdict = "Phase business failed (business-directory did not build); core was never touched and is verified: 4/4 healthy.";
    let reason = Reason::PhaseFailed { phase: "business".to_owned() };
    script.end(ending(reason, (true, true, true), Some("core"), (4, 4), verdict), 4);
    script
}

/// Nobody answers the question before the last phase.
pub fn approval_unanswered() -> Script {
    let mut script = Script::default();
    script.start(Position::Phase(BUSINESS, Some(true)), Some(BUSINESS));
    let until = Moment::millis(script_now(&script) + 1_800_000);
    script.push(Event::GateAsked { gate: GO_AHEAD, phase: COMPLETE });
    script.push(Event::ApprovalAsked { gate: GO_AHEAD, question: "Bring up the AI services?".to_owned(), until });
    script.wait(900).picture().wait(900);
    script.push(Event::ApprovalNotGiven { gate: GO_AHEAD, by: None });
    let verdict = "Nobody approved go-ahead within 30m; phase business stays live, verified: 7/7 healthy.";
    let reason = Reason::GateNotHeld { what: "go-ahead: nobody answered".to_owned() };
    script.end(ending(reason, (false, true, true), Some("business"), (7, 7), verdict), 3);
    script
}

/// The rollback fails too.
pub fn degraded() -> Script {
    let mut script = Script::default();
    script.start(Position::Phase(FOUNDATION, Some(true)), Some(FOUNDATION)).verified(CORE, 80);
    script.push(Event::PhaseStarted { phase: BUSINESS });
    script.deploy(&DeployPurpose::Phase(BUSINESS), 60, 480, RowStatus::Done);
    let broken = ServiceState::Running { restarts: 0 };
    let ill = [
        ("business-directory", ServiceState::Exited(137), Reading::Fail, "exited with code 137, killed for memory"),
        ("brain-api", broken.clone(), Reading::Fail, "status 502"),
    ];
    script.rounds(BUSINESS, 4, 0, &ill).picture();
    let failed = vec![
        FailedService {
            counts: (0, 4, 0),
            ..crash_loop("business-directory", Some("the directory needs bizosaas_staging: check DATABASE_URL"))
        },
        FailedService {
            service: "brain-api".to_owned(),
            what: "http http://{host}:8001/health status == 200".to_owned(),
            expected: "status == 200".to_owned(),
            actual: "status 502".to_owned(),
            counts: (0, 4, 0),
            hint: None,
        },
    ];
    script.push(Event::PhaseFailed { phase: BUSINESS, cause: Cause::Services { services: failed, regression: false }, open: false });
    let missing = Log { lines: Vec::new(), missing: Some("Dokploy answered 500".to_owned()), is_cut: false };
    let logs = BTreeMap::from([("business-directory".to_owned(), missing), ("brain-api".to_owned(), crashing_log(0))]);
    script.evidence("business", logs, Log::default());
    script.push(rollback_started(Target::Phase(CORE), Undo::Redeploy));
    let purpose = DeployPurpose::Rollback(Target::Phase(CORE));
    script.deploy(&purpose, 20, 600, RowStatus::Done);
    let ill = [("brain-api", broken, Reading::Fail, "status 502")];
    script.rounds(CORE, 2, 0, &ill);
    let until = Moment::millis(script_now(&script) + 30_000);
    script.push(Event::Holding { why: "Dokploy does not answer (connection refused)".to_owned(), until }).picture().wait(20);
    script.rounds(CORE, 34, 2, &ill);
    let failed = vec![FailedService {
        service: "brain-api".to_owned(),
        what: "http http://{host}:8001/health status == 200".to_owned(),
        expected: "status == 200".to_owned(),
        actual: "status 502".to_owned(),
        counts: (0, 36, 0),
        hint: None,
    }];
    let text = "# plan run=20261123-1630-7f3a phase=core files=sha256:1 text=sha256:2 verified=yes\nservices:\n  saleor-api:\n    image: ghcr.example/saleor:3.20\n  brain-api:\n    build: ./brain\n".to_owned();
    let cause = Cause::Services { services: failed, regression: false };
    script.push(Event::RollbackFailed { target: Target::Phase(CORE), cause, text });
    script.evidence("business-rollback", BTreeMap::from([("brain-api".to_owned(), crashing_log(0))]), Log::default());
    let verdict = "Degraded: phase business failed and going back to core failed too; 3/4 healthy, brain-api is not.";
    let reason = Reason::PhaseFailed { phase: "business".to_owned() };
    script.end(ending(reason, (true, false, true), None, (3, 4), verdict), 5);
    script
}

/// The first phase never gets healthy where nothing was before: the blank text is put back and what was started is stopped.
pub fn first_phase() -> Script {
    let mut script = Script::default();
    script.start(Position::Empty, None).gate(INFRASTRUCTURE, FOUNDATION).push(Event::PhaseStarted { phase: FOUNDATION });
    script.deploy(&DeployPurpose::Phase(FOUNDATION), 12, 180, RowStatus::Done);
    let ill = [("saleor-api", ServiceState::Running { restarts: 0 }, Reading::Fail, "status 500")];
    script.rounds(FOUNDATION, 24, 0, &ill);
    let failed = FailedService {
        service: "saleor-api".to_owned(),
        what: "http http://{host}:8000/health status == 200".to_owned(),
        expected: "status == 200".to_owned(),
        actual: "status 500".to_owned(),
        counts: (0, 24, 0),
        hint: None,
    };
    let cause = Cause::Services { services: vec![failed], regression: false };
    script.push(Event::PhaseFailed { phase: FOUNDATION, cause, open: false });
    let logs = BTreeMap::from([("saleor-api".to_owned(), Log::default())]);
    script.evidence("foundation", logs, Log::default());
    script.push(rollback_started(Target::Baseline, Undo::Stop));
    let (purpose, op) = (DeployPurpose::Rollback(Target::Baseline), OpId(90));
    script.push(Event::Replacing { op, purpose: purpose.clone(), digest: "sha256:1".to_owned() });
    script.wait(1).push(Event::Replaced { purpose }).push(Event::Stopping { op }).picture().wait(3).push(Event::Stopped);
    let (services, not_held_against) = (BTreeSet::new(), BTreeSet::new());
    script.push(Event::RollbackVerified { target: Target::Baseline, services, not_held_against });
    let verdict = "backend is stopped, nothing of it was healthy before the run; phase `foundation` failed and was undone";
    let reason = Reason::PhaseFailed { phase: "foundation".to_owned() };
    script.end(ending(reason, (true, true, true), Some("baseline"), (0, 0), verdict), 4);
    script
}

/// A deploy fails and its log names nobody.
pub fn candidates() -> Script {
    let mut script = Script::default();
    script.start(Position::Phase(FOUNDATION, None), Some(FOUNDATION)).push(Event::PhaseStarted { phase: CORE });
    script.deploy(&DeployPurpose::Phase(CORE), 30, 600, RowStatus::Error);
    let services = names(1).difference(&names(0)).cloned().collect();
    let cause = Cause::Deploy { status: RowStatus::Error, error: None, services, candidates: true, lines: Vec::new() };
    script.push(Event::PhaseFailed { phase: CORE, cause, open: false });
    let log = Log { lines: vec!["Cloning…".to_owned(), "error during connect: EOF".to_owned()], missing: None, is_cut: false };
    script.evidence("core", BTreeMap::new(), log);
    let verdict = "backend runs phase `core` unverified, 1/4 healthy: phase `core` failed and was left as it is";
    let reason = Reason::PhaseFailed { phase: "core".to_owned() };
    script.end(ending(reason, (true, false, true), None, (1, 4), verdict), 5);
    script
}

/// What is live was never verified: it earns that without a deploy; then a service of it breaks before the next phase is sent.
pub fn earned_then_not_held() -> Script {
    let mut script = Script::default();
    script.start(Position::Phase(CORE, Some(false)), Some(FOUNDATION));
    if let Some((_, Event::StartFound { earns, .. })) =
        script.events.iter_mut().find(|(_, event)| matches!(event, Event::StartFound { .. }))
    {
        *earns = true;
    }
    script.push(Event::PhaseStarted { phase: CORE }).rounds(CORE, 2, 0, &[]).picture();
    let until = Moment::millis(script_now(&script) + 60_000);
    script.push(Event::Settled { purpose: DeployPurpose::Phase(CORE), until }).rounds(CORE, 12, 2, &[]);
    script.push(Event::PhaseVerified { phase: CORE, services: names(1), samples: 56, images: BTreeMap::new(), asserted_only: false });
    let ill = [("brain-api", ServiceState::Running { restarts: 1 }, Reading::Fail, "status 503")];
    script.rounds(CORE, 3, 0, &ill).picture();
    let services = vec![FailedService {
        service: "brain-api".to_owned(),
        what: "http http://{host}:8001/health status == 200".to_owned(),
        expected: "status == 200".to_owned(),
        actual: "status 503".to_owned(),
        counts: (0, 3, 0),
        hint: None,
    }];
    script.push(Event::NotHeld { phase: BUSINESS, services });
    let what = "`brain-api` does not hold before phase `business`".to_owned();
    let verdict = format!("backend runs phase `core`, 3/4 healthy; stopped: {what}");
    script.end(ending(Reason::GateNotHeld { what }, (true, false, true), Some("core"), (3, 4), &verdict), 6);
    script
}

/// An external is down before anything is changed.
pub fn gate_not_held() -> Script {
    let mut script = Script::default();
    script.start(Position::Foreign, None).push(Event::GateAsked { gate: INFRASTRUCTURE, phase: FOUNDATION });
    let sample = |actual: &str| Sample {
        reading: Reading::Fail,
        expected: "a connection is accepted".to_owned(),
        actual: actual.to_owned(),
        at: Moment::millis(6_000),
        took_ms: 3,
    };
    let samples = vec![(ExpectationId(10), sample("connection refused")), (ExpectationId(11), sample("no answer within 3s"))];
    script.picture().wait(6).push(Event::GateNotHeld { gate: INFRASTRUCTURE, cause: Cause::Expectations { samples } });
    let verdict = "backend was not touched; stopped: gate `infrastructure` does not hold";
    let reason = Reason::GateNotHeld { what: "gate `infrastructure` does not hold".to_owned() };
    script.end(ending(reason, (false, false, true), None, (0, 0), verdict), 3);
    script
}

/// Somebody edited the live text.
pub fn refused() -> Script {
    let mut script = Script::default();
    let why = "the live text was edited after phase core was deployed; --adopt accepts it";
    let difference = "--- sent\n+++ live\n@@ -3,2 +3,3 @@\n   brain-api:\n+    environment: [\"A=1\"]\n+      ADMIN_PASSWORD: hunter2\n";
    let reason = Reason::Refused { why: vec![why.to_owned(), difference.to_owned()] };
    let verdict = "Refused: the live text is not what was deployed; nothing was changed.";
    script.ending = Some((ending(reason, (false, false, true), None, (0, 0), verdict), 3));
    script
}

fn ending(reason: Reason, facts: (bool, bool, bool), live: Option<&str>, healthy: (usize, usize), verdict: &str) -> Ending {
    let (changed, verified, known) = facts;
    let facts = Facts { changed, verified, known };
    Ending { reason, facts, live: live.map(str::to_owned), healthy, verdict: verdict.to_owned() }
}

fn script_now(script: &Script) -> u64 {
    let (now, _) = script.events.last().expect("a script has begun");
    u64::try_from(now.0.as_millis()).expect("a run is short")
}
