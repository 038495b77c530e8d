//! What a strike must lead to, computed before it is tried.
//!
//! # The rules
//!
//! 1. What ends by itself changes nothing: the run ends as it would have (§ "A fault that ends").
//! 2. Dokploy that restarts, or forgets its jobs, takes a deploy of ours with it if one waits or runs: that deploy failed, and its phase with
//!    it. Otherwise nothing changes.
//! 3. What lasts ends the run at the first thing that it cannot do without, and the exit code says how far it was:
//!    - before the first change: 9, nothing was changed;
//!    - before a later phase: 6, what is live was verified;
//!    - the text was changed, its deploy was certainly not asked for: 5, what is live is not verified;
//!    - a change or a deploy whose fate cannot be learnt, and services that cannot be looked at: 10;
//!    - on the way back: 5, a rollback that is not verified failed, whatever may have become of it;
//!    - a mark is only a mark: the phase, or the rollback, is verified without it.
//! 4. Slowness is no failure.

use super::scene::Scene;
use super::strike::{Kind, Mishap, Span, Strike};
use super::trace::{For, Stage, Step, Trace};

/// What a strike must lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The exit code.
    pub code: u8,
    /// By which rule.
    pub why: &'static str,
}

const fn so(code: u8, why: &'static str) -> Expected {
    Expected { code, why }
}

/// What `strike` at the `at`th call must lead to.
pub fn expected(scene: Scene, trace: &Trace, at: usize, strike: Strike) -> Expected {
    let step = &trace.steps[at - 1];
    match strike {
        Strike::Call { span, .. } if span.ends() => so(scene.exit_code(), "it ends"),
        Strike::Call { kind: Kind::Late, .. } => so(scene.exit_code(), "slowness is no failure"),
        Strike::Call { kind, acts, span: Span::ProcedureForEver } => of_procedure(scene, trace, step, kind, acts),
        Strike::Call { kind, .. } => lasting(trace, step, kind),
        Strike::Dokploy(mishap) => of_dokploy(scene, step, mishap),
    }
}

/// Whether the answer leaves no doubt that nothing was done.
fn is_certain_no(kind: Kind) -> bool {
    matches!(kind, Kind::Refused | Kind::Unauthorized | Kind::Forbidden | Kind::NoProcedure | Kind::NotFound | Kind::TooMany)
}

/// No further call is answered.
fn lasting(trace: &Trace, step: &Step, kind: Kind) -> Expected {
    match step.stage {
        Stage::Survey if kind == Kind::NotFound && !only_confirms(trace, step) => so(3, "what the plan names is not there: refused"),
        Stage::Survey | Stage::Before => so(9, "nothing was changed"),
        Stage::Compare(what) => before_a_change(what),
        Stage::Update(what) if is_certain_no(kind) => before_a_change(what),
        Stage::Update(what) | Stage::Prove(what) => in_doubt(what, "whether the text was changed cannot be learnt"),
        Stage::Look(what) => not_deployed(what),
        Stage::Send(what) if is_certain_no(kind) => not_deployed(what),
        Stage::Send(what) | Stage::Follow(what) => in_doubt(what, "what became of the deploy cannot be learnt"),
        Stage::Watch(what) => in_doubt(what, "the services cannot be looked at"),
        Stage::Ours(what) => in_doubt(what, "whether the app is still ours cannot be learnt"),
        Stage::Earlier(_) => so(6, "what is live was verified"),
        // That it failed is known; nothing can be undone.
        Stage::OursToFail | Stage::Inquire | Stage::Probe | Stage::Stop => so(5, "the rollback failed"),
        Stage::SeeStopped => so(4, "Dokploy said that everything is stopped"),
    }
}

fn before_a_change(what: For) -> Expected {
    match what {
        For::Phase(0) => so(9, "nothing was changed"),
        For::Mark(last) if last + 1 == super::scene::PHASES.len() => so(0, "only the mark is missing"),
        // After a mark comes the next phase.
        For::Phase(_) | For::Mark(_) => so(6, "what is live was verified"),
        For::Rollback => so(5, "the rollback failed"),
        For::RollbackMark => so(4, "only the mark is missing"),
    }
}

fn not_deployed(what: For) -> Expected {
    match what {
        For::Rollback => so(5, "the rollback failed"),
        _ => so(5, "the text was changed and not deployed"),
    }
}

fn in_doubt(what: For, why: &'static str) -> Expected {
    match what {
        For::Phase(_) => so(10, why),
        For::Rollback => so(5, "the rollback failed"),
        For::Mark(_) | For::RollbackMark => before_a_change(what),
    }
}

/// Whether a call only confirms that an empty list of containers means that there are none. There are other witnesses for that.
fn only_confirms(trace: &Trace, step: &Step) -> bool {
    let is_listing = |step: &&Step| step.sent.procedure == "docker.getContainers";
    is_listing(&step) && trace.steps.iter().find(is_listing).is_some_and(|first| first.sent.number < step.sent.number)
}

/// One procedure is not answered any more, all others are.
fn of_procedure(scene: Scene, trace: &Trace, step: &Step, kind: Kind, acts: bool) -> Expected {
    let nominal = so(scene.exit_code(), "it can do without");
    let begins_empty = scene != Scene::NothingToDo;
    match (step.sent.procedure.as_str(), step.stage) {
        // Old versions have no such question (FACTS §2); any other no to it is none of Dokploy's.
        ("settings.health", _) if matches!(kind, Kind::Empty | Kind::NoProcedure) => nominal,
        // Only a missing right tells anything (FACTS §3).
        ("compose.getConvertedCompose", _) if kind != Kind::Forbidden => nominal,
        // Evidence may be missing, and witnesses that confirm what others tell; of the cloud only a yes tells anything.
        ("settings.isCloud" | "deployment.readLogs" | "compose.readLogs" | "docker.getServerHealth", _)
        | ("deployment.queueList", Stage::Prove(For::Rollback)) => nominal,
        ("docker.getContainers", _) if only_confirms(trace, step) => nominal,
        // A noisy login shell empties it (FACTS §13.1). Where containers of the app's own show that Docker answers, that is all the same.
        ("docker.getContainers", _) if kind == Kind::Empty && !begins_empty => nominal,
        // An app whose text is blank needs no look before its first deploy. What that brings up cannot be looked at.
        ("docker.getContainersByAppNameMatch", Stage::Before) if begins_empty => so(10, "the services cannot be looked at"),
        ("docker.getContainersByAppNameMatch", Stage::Survey) if begins_empty && kind == Kind::Empty => {
            so(10, "the services cannot be looked at")
        }
        ("docker.getContainersByAppNameMatch" | "docker.getConfig", Stage::Inquire | Stage::Probe) if scene == Scene::FailsInFirst => {
            so(4, "Dokploy said that everything is stopped")
        }
        // An old Dokploy does not show its queue.
        ("deployment.queueList", _) if kind == Kind::NoProcedure => nominal,
        // The row tells how a deploy ended, and the history whose it was: the queue only tells what has changed nothing yet. The look before
        // the next change needs it. A mark is no more than that.
        ("deployment.queueList", Stage::OursToFail) => so(5, "the rollback failed"),
        ("deployment.queueList", Stage::Follow(what) | Stage::Watch(what) | Stage::Ours(what)) => match next_change(scene, what) {
            Some(next) => before_a_change(next),
            None => nominal,
        },
        // Everything else is answered: what was lost is looked up, and either it is there or it is not.
        ("compose.update" | "compose.deploy" | "compose.stop", _) if acts => nominal,
        (_, Stage::Update(what)) => before_a_change(what),
        (_, Stage::Send(For::Phase(_))) if !is_certain_no(kind) => so(4, "it never started: its text is taken back"),
        _ => lasting(trace, step, kind),
    }
}

/// What is changed after this deploy, marks left out.
fn next_change(scene: Scene, what: For) -> Option<For> {
    match (scene, what) {
        (Scene::FailsInFirst, For::Phase(_)) | (Scene::FailsInThird, For::Phase(2)) => Some(For::Rollback),
        (Scene::Rollout | Scene::FailsInThird, For::Phase(phase)) if phase < 3 => Some(For::Phase(phase + 1)),
        _ => None,
    }
}

/// Dokploy restarts, or forgets.
fn of_dokploy(scene: Scene, step: &Step, mishap: Mishap) -> Expected {
    let takes_a_deploy = match mishap {
        Mishap::QueueCleaned => step.waiting,
        // One that it took and forgot before it said so looks like one that it never took: it is looked for, and sent again.
        Mishap::RestartBefore | Mishap::RestartAfter => step.waiting || step.running,
    };
    let what = if let Stage::Follow(what) = step.stage { Some(what) } else { None };
    match what {
        Some(For::Rollback) if takes_a_deploy => so(5, "the rollback's deploy was lost"),
        Some(_) if takes_a_deploy => so(4, "the deploy was lost"),
        _ => so(scene.exit_code(), "no deploy of ours was there to be lost"),
    }
}
