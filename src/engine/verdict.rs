//! The last sentence: what is running now.

use super::judgement::listed;
use super::ledger::{Ledger, Standing, name_of};
use super::{Facts, Goal, Options, Reason, Target};
use crate::schedule::{PhaseId, Schedule};

/// The phase that is live and verified, by name (`baseline` for what was there before), and whether anything is.
pub(super) fn live(ledger: &Ledger, schedule: &Schedule) -> (Option<String>, bool) {
    match &ledger.standing {
        Standing::Verified(phase) => (Some(schedule.phase(*phase).name.clone()), true),
        Standing::RolledBack { target, .. } => (Some(name_of(target, schedule)), true),
        Standing::Untouched | Standing::Unverified(_) | Standing::Failed(_) | Standing::GoingBack { .. } | Standing::Degraded { .. } => {
            (None, false)
        }
    }
}

/// What is running now, and why the run ended, in one sentence without a full stop.
pub(super) fn sentence(ledger: &Ledger, schedule: &Schedule, options: &Options, reason: &Reason, facts: Facts) -> String {
    let running = running(ledger, schedule, facts) + &waived(ledger, options) + &warned(ledger, schedule);
    let sentence = of_reason(&running, ledger, schedule, options, reason, facts);
    match &ledger.broken {
        Some((why, what)) => format!("{sentence}; started from broken ({why}): {}", listed(what)),
        None => sentence,
    }
}

/// What was not held against anything, and why: who reads that all is well must read that, too.
fn waived(ledger: &Ledger, options: &Options) -> String {
    if options.waived.is_empty() || ledger.standing == Standing::Untouched {
        return String::new();
    }
    let each = options.waived.iter().map(|(service, reason)| format!("{service} ({reason})"));
    format!(", waived: {}", listed(each))
}

/// Who was warned of and was not well again by the end.
fn warned(ledger: &Ledger, schedule: &Schedule) -> String {
    let mut names: Vec<&str> = ledger.warned.iter().map(|id| schedule.expectations[id.0].subject.name()).collect();
    names.dedup();
    match names.len() {
        0 => String::new(),
        1 => format!(", a warning about {}", names[0]),
        _ => format!(", warnings about {}", listed(names)),
    }
}

fn of_reason(running: &str, ledger: &Ledger, schedule: &Schedule, options: &Options, reason: &Reason, facts: Facts) -> String {
    match reason {
        Reason::Completed => running.to_owned(),
        Reason::HolderAsked { who } => format!("{running} by this command; {who}: it was asked to fail its phase, and took the request"),
        Reason::RollbackFailed { to } => format!("{running}: going back to `{to}` failed"),
        Reason::NothingToDo => format!("{running}; there was nothing to do"),
        Reason::PhaseFailed { phase } => match &ledger.standing {
            Standing::RolledBack { stopped: true, .. } => format!("{running}; phase `{phase}` failed and was undone"),
            Standing::RolledBack { .. } => format!("{running}; phase `{phase}` failed and was rolled back"),
            Standing::Degraded { .. } => format!("{running}: phase `{phase}` failed and its rollback failed"),
            _ if !facts.known => format!("{running}: phase `{phase}` did not come to an end that could be seen"),
            _ => format!("{running}: phase `{phase}` failed and was left as it is"),
        },
        Reason::Refused { why } => format!("{running}; refused: {}", why.first().map_or("", String::as_str)),
        Reason::GateNotHeld { what } => format!("{running}; stopped: {what}"),
        Reason::Busy { who } => format!("{running}; stopped: {who}"),
        Reason::CouldNotAsk { why } => format!("{running}; stopped: {why}"),
        Reason::Interrupted => match &ledger.standing {
            // Known or not: the phase that was in flight has a name.
            Standing::Unverified(phase) if !facts.known => {
                format!("{running}; interrupted in phase `{}`, which is not verified", schedule.phase(*phase).name)
            }
            Standing::GoingBack { .. } if options.goal != Goal::Rollout => format!("{running}; interrupted on the way back"),
            Standing::GoingBack { failed, .. } => {
                format!("{running}; interrupted on the way back from phase `{}`", schedule.phase(*failed).name)
            }
            _ => format!("{running}; interrupted"),
        },
    }
}

fn running(ledger: &Ledger, schedule: &Schedule, facts: Facts) -> String {
    let app = &schedule.app.name.value;
    let (healthy, all) = ledger.healthy;
    let count = format!("{healthy}/{all} healthy");
    let phase = |phase: &PhaseId| &schedule.phase(*phase).name;
    if !facts.known {
        return match &ledger.standing {
            Standing::Untouched if !facts.changed => format!("{app} was not touched"),
            Standing::Verified(live) if !facts.changed => format!("{app} runs phase `{}` and was not touched", phase(live)),
            Standing::Unverified(sent) => {
                let seen = if all == 0 { String::new() } else { format!(", {count} when last seen") };
                format!("it is not known what {app} runs: phase `{}` was sent and is not verified{seen}", phase(sent))
            }
            _ if all == 0 => format!("it is not known what {app} runs"),
            _ => format!("it is not known what {app} runs, {count} when last seen"),
        };
    }
    match &ledger.standing {
        Standing::Untouched => format!("{app} was not touched"),
        Standing::Unverified(live) => format!("{app} has phase `{}` sent and not verified", phase(live)),
        Standing::Failed(live) => format!("{app} runs phase `{}` unverified, {count}", phase(live)),
        Standing::GoingBack { .. } if !facts.changed => format!("{app} was not touched"),
        Standing::GoingBack { .. } => format!("{app} is between two states, {count} when last seen"),
        Standing::RolledBack { stopped: true, target: Target::Kept { run, .. }, .. } => {
            format!("{app} is stopped, nothing of it was healthy before run {run}")
        }
        Standing::RolledBack { stopped: true, .. } => format!("{app} is stopped, nothing of it was healthy before the run"),
        Standing::RolledBack { target: Target::Baseline, .. } if all == 0 => format!("{app} runs nothing, as before the run"),
        Standing::RolledBack { target: Target::Baseline, .. } => format!("{app} runs what it ran before the run, {count}"),
        Standing::RolledBack { target: Target::Kept { run, name }, .. } if name == "baseline" => {
            format!("{app} runs what it ran before run {run}, {count}")
        }
        Standing::RolledBack { target: Target::Kept { run, name }, .. } => format!("{app} runs `{name}` as run {run} left it, {count}"),
        Standing::Verified(live) | Standing::RolledBack { target: Target::Phase(live), .. } => {
            format!("{app} runs phase `{}`, {count}", phase(live))
        }
        Standing::Degraded { .. } => format!("{app} is degraded, {count} when last seen"),
    }
}
