//! The run as a story: one line for each event that matters. Plain output prints all of them, the live view those that stay.

use super::line::Style;
use super::progress::View;
use super::words::{count, duration, list};
use super::{cause, difference};
use crate::engine::{DeployPurpose, Event, Moment, RowStatus, Target, Undo};

/// One line of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// What it is about: a phase, `rollback`, `gate`, `start`.
    pub subject: String,
    /// What happened to it, in a word.
    pub word: &'static str,
    /// The rest, in words.
    pub detail: String,
    /// How good or bad it is.
    pub style: Style,
    /// Whether it stays above the live view, which shows the others while they last.
    pub stays: bool,
}

/// The line for an event, if it deserves one. `view` has the event applied already.
pub fn beat(view: &View, now: Moment, event: &Event) -> Option<Beat> {
    let outline = &view.outline;
    let beat = |subject: &str, word: &'static str, detail: String, style: Style, stays: bool| {
        Some(Beat { subject: subject.to_owned(), word, detail, style, stays })
    };
    let step = |subject: &str, word: &'static str, detail: String| beat(subject, word, detail, Style::Plain, false);
    match event {
        // The header says it, or it is of no use to the reader.
        Event::Replaced { purpose: DeployPurpose::Mark(_) }
        | Event::RunStarted { .. }
        | Event::Surveyed { .. }
        | Event::StartFound { .. }
        | Event::Agreed
        | Event::TargetFound { .. }
        | Event::GateAsked { .. }
        | Event::Replacing { .. }
        | Event::Deploying { .. }
        | Event::Stopping { .. }
        | Event::Round { .. }
        | Event::Noted { .. }
        | Event::RunEnded { .. } => None,
        Event::Pinned { commits } => (!commits.is_empty())
            .then(|| count(commits.len(), "git reference"))
            .and_then(|refs| step("start", "pinned", format!("{refs} to commits"))),
        Event::SnapshotKept { name, path, .. } => {
            let is_phase = outline.phases.iter().any(|phase| phase.name == *name);
            if is_phase {
                step(name, "kept", format!("its compose text in {path}"))
            } else {
                step("start", "kept", format!("{name} in {path}"))
            }
        }
        Event::BaselineTaken { healthy, not_healthy } => {
            let detail = match (healthy.len(), not_healthy.len()) {
                (0, 0) => "nothing runs before the first change".to_owned(),
                (_, 0) => format!("{} before the first change, all healthy", count(healthy.len(), "service")),
                (well, _) => format!("{}/{} healthy before the first change; not: {}", well, well + not_healthy.len(), list(not_healthy)),
            };
            step("start", "baseline", detail)
        }
        Event::NotHeld { phase, services } => {
            let names = list(services.iter().map(|failed| &failed.service));
            let detail = format!("{names}: not healthy, before anything was sent");
            beat(&outline.phase(*phase).name, "not held", detail, Style::Bad, true)
        }
        Event::NotDone { why, may_have_acted, .. } => {
            let rest = if *may_have_acted { "; it may have happened all the same" } else { "" };
            step(&current(view), "not done", format!("{why}{rest}"))
        }
        Event::GateHeld { gate } => step(&phase_or(view, "gate"), "gate", format!("{} holds", outline.gate(*gate).name)),
        Event::GateNotHeld { gate, cause } => {
            let (name, why) = (&outline.gate(*gate).name, cause::headline(outline, cause));
            // What the gate itself expects is told under its name already.
            let why = why.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&why);
            let detail = format!("{name}: {why}");
            beat("gate", "not held", detail, Style::Bad, true)
        }
        Event::ApprovalAsked { gate, question, until } => {
            let detail = format!("{} asks: {question} ({} left)", outline.gate(*gate).name, duration(*until - now));
            beat(&phase_or(view, "gate"), "approval", detail, Style::Warn, true)
        }
        Event::ApprovalGiven { gate, by } => {
            beat(&phase_or(view, "gate"), "approved", format!("{} by {}", outline.gate(*gate).name, by.0), Style::Good, true)
        }
        Event::ApprovalNotGiven { gate, by } => {
            let gate = &outline.gate(*gate).name;
            match by {
                Some(by) => beat("gate", "refused", format!("{gate} by {}", by.0), Style::Bad, true),
                None => beat("gate", "no answer", format!("nobody answered {gate} in time"), Style::Bad, true),
            }
        }
        Event::PhaseStarted { phase } if view.is_earned(*phase) => {
            let phase = outline.phase(*phase);
            step(&phase.name, "started", format!("live already; settling without a deploy, {} at most", duration(phase.settle)))
        }
        Event::PhaseStarted { phase } => {
            let phase = outline.phase(*phase);
            let mut parts = Vec::new();
            if !phase.adds.is_empty() {
                parts.push(format!("adds {}", list(&phase.adds)));
            }
            if !phase.removes.is_empty() {
                parts.push(format!("removes {}", list(&phase.removes)));
            }
            if parts.is_empty() {
                parts.push(count(phase.services.len(), "service"));
            }
            step(&phase.name, "started", parts.join("; "))
        }
        Event::StartedBroken { reason, what, .. } => {
            beat("start", "broken", format!("{what}; started all the same: {reason}"), Style::Warn, true)
        }
        Event::Replaced { purpose: DeployPurpose::Rollback(_) } if view.is_back() => None,
        Event::Replaced { purpose } => step(subject(view, purpose), "sent", "the compose text is in place, read back and equal".to_owned()),
        Event::Queued { purpose, ahead, active, whose, since } => {
            let whose = whose.as_ref().map_or(String::new(), |whose| format!(" of {whose}"));
            let since = since.as_ref().map_or(String::new(), |since| format!(" since {since}"));
            let active = active.as_ref().map_or(String::new(), |title| format!("; Dokploy works on \"{title}\"{whose}{since}"));
            let (place, patience) = match *ahead {
                0 => ("next in line".to_owned(), ""),
                ahead => (format!("behind {}", count(ahead, "job")), "; it can only be waited for, not cancelled"),
            };
            step(subject(view, purpose), "queued", format!("{place}{active}{patience}"))
        }
        Event::DeployStarted { purpose, until, .. } => step(
            subject(view, purpose),
            "deploying",
            format!("Dokploy builds and starts the containers, {} at most", duration(*until - now)),
        ),
        Event::DeployOverdue { purpose, until } => {
            let detail = format!("the deploy's time is over and Dokploy cannot cancel it; waiting {} more", duration(*until - now));
            beat(subject(view, purpose), "overdue", detail, Style::Warn, true)
        }
        Event::DeployEnded { purpose, status, .. } => {
            let subject = subject(view, purpose);
            match status {
                RowStatus::Done => {
                    let limit = match purpose {
                        DeployPurpose::Phase(phase) | DeployPurpose::Mark(phase) | DeployPurpose::Rollback(Target::Phase(phase)) => {
                            format!(", {} at most", duration(outline.phase(*phase).settle))
                        }
                        DeployPurpose::Rollback(Target::Baseline | Target::Kept { .. }) => String::new(),
                    };
                    step(subject, "deployed", format!("now settling{limit}"))
                }
                RowStatus::Error => step(subject, "deployed", "Dokploy says: error".to_owned()),
                RowStatus::Cancelled => step(subject, "deployed", "Dokploy says: cancelled".to_owned()),
            }
        }
        Event::Stopped => step("rollback", "stopped", "what this run started is stopped".to_owned()),
        Event::Settled { purpose, until } => {
            let (healthy, all) = view.healthy();
            let detail = format!("{healthy}/{all} healthy, must hold for {}", duration(*until - now));
            step(subject(view, purpose), "soaking", detail)
        }
        Event::SoakRestarted { service, why, until } => {
            let detail = format!("{service}: {why}; must hold for {} again", duration(*until - now));
            beat(&current(view), "disturbed", detail, Style::Warn, true)
        }
        Event::Holding { why, until } => {
            let detail = format!("{why}; asking on for {}", duration(*until - now));
            beat(&current(view), "cannot ask", detail, Style::Warn, true)
        }
        Event::PhaseVerified { phase, services, samples, asserted_only, .. } => {
            let name = &outline.phase(*phase).name;
            let all = services.len();
            let samples = count(*samples, "sample");
            if *asserted_only {
                return beat(name, "holds", format!("{all}/{all} healthy, {samples}; was live, not deployed"), Style::Good, true);
            }
            let took = duration(view.phases[phase.0].elapsed(now));
            beat(name, "verified", format!("{all}/{all} healthy, {samples}, {took}"), Style::Good, true)
        }
        Event::PhaseFailed { phase, cause, .. } => {
            beat(&outline.phase(*phase).name, "failed", cause::headline(outline, cause), Style::Bad, true)
        }
        Event::EvidenceKept { path, .. } => step(&current(view), "evidence", path.clone()),
        Event::RollbackStarted { target, undo } => {
            let target = target_words(outline.target(target), target);
            let how = match undo {
                Undo::TextOnly if view.target.is_some() => {
                    format!("to {target}: its text is live already, and only has to be proved and marked")
                }
                Undo::TextOnly => format!("to {target}: every container is still the one from before, so only its text is put back"),
                Undo::Redeploy => format!("to {target}: its text is put back and deployed"),
                Undo::Stop if view.target.is_some() => {
                    format!("to {target}: nothing was healthy then, so its text is put back and what runs is stopped")
                }
                Undo::Stop => {
                    format!("to {target}: nothing was healthy then, so its text is put back and what this run started is stopped")
                }
            };
            beat("rollback", "started", how, Style::Warn, true)
        }
        Event::RollbackVerified { target, services, not_held_against } => {
            let name = target_words(outline.target(target), target);
            let took = view.rollback.as_ref().map_or(String::new(), |rollback| format!(", {}", duration(rollback.step.elapsed(now))));
            let healthy = match services.len() {
                0 => "with nothing running".to_owned(),
                all => format!("{all}/{all} healthy"),
            };
            let excused = if not_held_against.is_empty() {
                String::new()
            } else {
                format!("; not healthy before either: {}", list(not_held_against))
            };
            beat("rollback", "verified", format!("{name} is back, {healthy}{took}{excused}"), Style::Good, true)
        }
        Event::RollbackFailed { cause, .. } => beat("rollback", "failed", cause::headline(outline, cause), Style::Bad, true),
        Event::Resumed { gap, changed, .. } => {
            let changed = if changed.is_empty() { String::new() } else { format!("; changed in the plan since: {}", changed.join("; ")) };
            beat("start", "resumed", format!("nobody was at work for {}{changed}", duration(*gap)), Style::Plain, true)
        }
        Event::Overslept { gap } => beat(
            &current(view),
            "asleep",
            format!("nobody watched for {}: what has to hold begins anew", duration(*gap)),
            Style::Warn,
            true,
        ),
        Event::LockAwaited { holder, until } => {
            beat("start", "waiting", format!("{holder}; {} left", duration(*until - now)), Style::Warn, true)
        }
        Event::NoiseKnown { noise } => {
            let text = format!("what the logs of {} said before is known noise, and not held against the phase", list(noise.keys()));
            beat(&current(view), "known", text, Style::Plain, false)
        }
        Event::Waived { service, reason } => beat("start", "waived", format!("{service} decides nothing: {reason}"), Style::Warn, true),
        Event::FailureAsked { by } => beat(&current(view), "failing", format!("{by} asked for it"), Style::Warn, true),
        Event::WarningBegan { expectation, sample } => {
            let (name, text) = outline.expectation(*expectation);
            let text = text.strip_prefix("warn ").unwrap_or(text);
            beat("warning", "", format!("{name}: {}, where the plan would have {text}; the run goes on", sample.actual), Style::Warn, true)
        }
        Event::WarningOver { expectation, sample } => {
            let (name, text) = outline.expectation(*expectation);
            let text = text.strip_prefix("warn ").unwrap_or(text);
            beat("warning", "", format!("{name}: over, {}: {text}", sample.actual), Style::Plain, true)
        }
        Event::Warned { text } => beat("warning", "", difference::sentence_and_diff(text).0.to_owned(), Style::Warn, true),
    }
}

/// The heartbeat: what is waited for, while nothing else is told.
pub fn heartbeat(view: &View) -> Beat {
    let wait = view.wait();
    let left = wait.left(view.now);
    let progress = match view.current_step().map(|step| &step.stage) {
        Some(super::progress::Stage::Settling | super::progress::Stage::Soaking) => {
            let (healthy, all) = view.healthy();
            format!("{healthy}/{all} healthy; ")
        }
        _ => String::new(),
    };
    let left = if left.is_empty() { format!("for {}", duration(view.now - wait.since)) } else { left };
    // "cannot ask: …" is what keeps it waiting, the rest what it waits for.
    let what = if wait.what.starts_with("cannot ask") { wait.what.clone() } else { format!("waits for {}", wait.what) };
    let detail = format!("{progress}{what}; {left}");
    Beat { subject: current(view), word: "waiting", detail, style: Style::Dim, stays: false }
}

/// A target as a person would name it.
pub fn target_words(name: &str, target: &Target) -> String {
    match target {
        Target::Kept { run, name } if name == "baseline" => format!("what run {run} found"),
        Target::Kept { run, name } => format!("{name} as run {run} left it"),
        Target::Phase(_) => name.to_owned(),
        Target::Baseline => "what was there before the run".to_owned(),
    }
}

fn subject<'v>(view: &'v View, purpose: &DeployPurpose) -> &'v str {
    match purpose {
        DeployPurpose::Phase(phase) | DeployPurpose::Mark(phase) => &view.outline.phase(*phase).name,
        DeployPurpose::Rollback(_) => "rollback",
    }
}

fn current(view: &View) -> String {
    match (view.running_rollback(), view.failure.as_ref().and_then(|failure| failure.phase)) {
        (Some(_), _) => "rollback".to_owned(),
        (None, Some(phase)) if view.current.is_none() => view.outline.phase(phase).name.clone(),
        _ => phase_or(view, "start"),
    }
}

fn phase_or(view: &View, otherwise: &str) -> String {
    view.current.map_or_else(|| otherwise.to_owned(), |phase| view.outline.phase(phase).name.clone())
}
