//! Annotations of a run for GitHub, the most important first: it shows ten of each kind for a step. The job summary is the Markdown report.

use super::fold::{Account, Approval, End};
use super::places::{self, of_service, place};
use crate::engine::{Cause, ExitCode, FailedService};
use crate::report::workflow::{Level, Place, command};
use crate::report::{cause, exit};
use crate::schedule::PhaseId;

/// Annotations of a kind, besides the run's; those that there is no room for are counted in the last one.
const SHOWN: usize = 9;

/// Workflow commands, a line each.
pub fn github(account: &Account) -> String {
    let mut commands = vec![of_run(account)];
    commands.extend(shown(errors(account), Level::Error));
    commands.extend(of_back(account));
    let beside = account.warned.iter().map(|(at, sample)| {
        let (subject, text) = &account.view.outline.expectations[*at];
        let spot = place(account, account.origin.lines.expectation(subject, text));
        command(Level::Warning, spot.as_ref(), &format!("{}: warning", subject.name()), &[sample.actual.clone(), text.clone()])
    });
    let file = place(account, None);
    let told = account.warnings.iter().map(|text| command(Level::Warning, file.as_ref(), "warning", std::slice::from_ref(text)));
    commands.extend(shown(beside.chain(told).collect(), Level::Warning));
    commands.iter().flat_map(|command| [command.as_str(), "\n"]).collect()
}

/// As many as there is room for.
fn shown(mut commands: Vec<String>, level: Level) -> Vec<String> {
    if commands.len() > SHOWN {
        let rest = commands.split_off(SHOWN - 1).len();
        commands.push(command(level, None, "and more", &[format!("{rest} more are in the job summary")]));
    }
    commands
}

fn of_run(account: &Account) -> String {
    let file = place(account, None);
    let label = account.setting.label().map_or_else(String::new, |label| format!(" [{label}]"));
    let title = format!("{}{label}", account.view.outline.rollout);
    match &account.end {
        End::Ended(_, code) => {
            let level = if *code == ExitCode(0) { Level::Notice } else { Level::Error };
            let lines = [account.sentence(), format!("exit {}: {}", code.0, exit::meaning(*code))];
            command(level, file.as_ref(), &title, &lines)
        }
        End::Unfinished { .. } => command(Level::Error, file.as_ref(), &title, &[account.sentence()]),
    }
}

/// What failed, each at its place.
fn errors(account: &Account) -> Vec<String> {
    let (view, lines) = (&account.view, &account.origin.lines);
    let mut found = Vec::new();
    for (at, told) in account.phases.iter().enumerate() {
        let phase = &view.outline.phase(PhaseId(at)).name;
        found.extend(told.not_held.iter().map(|failed| of_failed(account, &format!("not healthy before phase {phase}"), failed)));
        match &told.cause {
            Some(Cause::Services { services, regression }) => {
                let what = if *regression { "broken by" } else { "failed in" };
                found.extend(services.iter().map(|failed| of_failed(account, &format!("{what} phase {phase}"), failed)));
            }
            Some(cause) => {
                found.push(of_cause(account, place(account, lines.phase(phase)).as_ref(), &format!("phase {phase} failed"), cause));
            }
            None => {}
        }
    }
    for asked in &account.gates {
        let name = &view.outline.gate(asked.gate).name;
        let spot = place(account, lines.subject(&crate::schedule::Subject::Gate(name.clone())));
        if let Some(Err(cause)) = &asked.held {
            found.push(of_cause(account, spot.as_ref(), &format!("gate {name} does not hold"), cause));
        }
        if let Some(Approval::Refused(who)) = &asked.approval {
            let line = who.as_ref().map_or_else(|| "nobody answered in time".to_owned(), |who| format!("{who} said no"));
            found.push(command(Level::Error, spot.as_ref(), &format!("gate {name} was not approved"), &[line]));
        }
    }
    found
}

fn of_failed(account: &Account, title: &str, failed: &FailedService) -> String {
    let (passed, refused, errored) = failed.counts;
    let unasked = if errored > 0 { format!(", {errored} could not be taken") } else { String::new() };
    let mut lines = vec![
        format!("{}: {}", failed.service, failed.what),
        format!("expected: {}", failed.expected),
        format!("actual: {}", failed.actual),
        format!("samples: {refused} failed, {passed} passed{unasked}"),
    ];
    lines.extend(failed.hint.as_ref().map(|hint| format!("hint: {hint}")));
    let spot = place(account, of_service(account, &failed.service, &failed.what));
    command(Level::Error, spot.as_ref(), &format!("{} {title}", failed.service), &lines)
}

fn of_cause(account: &Account, spot: Option<&Place>, title: &str, cause: &Cause) -> String {
    let mut lines = vec![cause::headline(&account.view.outline, cause)];
    lines.extend(places::detail(account, cause));
    command(Level::Error, spot, title, &lines)
}

fn of_back(account: &Account) -> Option<String> {
    let back = account.view.rollback.as_ref()?;
    let target = crate::report::story::target_words(account.view.outline.target(&back.target), &back.target);
    let spot = place(account, account.origin.lines.phase(&target));
    match &back.failure {
        Some(failure) => Some(of_cause(account, spot.as_ref(), "the rollback failed", &failure.cause)),
        None if account.view.is_back() => {
            Some(command(Level::Notice, place(account, None).as_ref(), "rolled back", &[format!("{target} is back and verified")]))
        }
        None => None,
    }
}
