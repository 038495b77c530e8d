//! What is judged before anything is changed: rights, the kind of app, who else deploys, host ports and container names of all phases,
//! sizes, and whose text is live.
//!
//! Rights come first, since without them nothing else can be told; then everything that refuses the run, in one go; then somebody else's
//! job, which passes by itself.

use super::judgement::listed;
use super::outline::{Outline, app_as_written};
use super::position;
use super::stage::Stage;
use super::turn::{Known, Turn};
use super::{
    Answer, Event, Goal, HostContainer, Intent, Observed, Options, Position, Reason, Right, Survey, Untested, images, lock, resume, start,
    unfinished, unset,
};
use crate::compose::Protocol;
use crate::model::{Docker, Probe};
use crate::schedule::{Phase, Schedule, render};

/// Compose text and environment go into one shell argument, in base64: more than this together fails at deploy time with no reason in
/// the log (FACTS §5).
pub const LARGEST_TEXT_AND_ENVIRONMENT: usize = 90_000;

/// A commit takes the place of a reference.
const COMMIT_BYTES: usize = 40;

/// Begins the run.
pub(super) fn begin(turn: &mut Turn) {
    let schedule = turn.schedule();
    turn.emit(Event::RunStarted {
        run: turn.options().run.clone(),
        rollout: schedule.rollout.clone(),
        app: app_as_written(&schedule.app),
        files: schedule.phases.iter().map(|phase| (phase.name.clone(), phase.digest.clone())).collect(),
        origin: turn.options().origin.clone(),
        outline: Some(Box::new(Outline::new(&schedule))),
        options: Box::new(turn.options().to_record()),
    });
    lock::begin(turn);
}

/// Reads everything that is judged before a run begins, or goes on, now that the app is ours.
pub(super) fn survey(turn: &mut Turn) {
    let op = turn.ask(Intent::Survey);
    turn.enter(Stage::Surveying { op });
}

/// The survey's answer.
pub(super) fn surveyed(turn: &mut Turn, answer: Answer) {
    let survey = match answer {
        Answer::Surveyed(survey) => *survey,
        Answer::Failed(failure) => return lock::not_found(turn, failure),
        _ => return turn.end(Reason::CouldNotAsk { why: "the survey was answered with something else".to_owned() }, Known::Holds),
    };
    if turn.ledger().underway.is_resumed {
        return resume::surveyed(turn, survey);
    }
    judge(turn, survey);
}

/// Judges a run that has changed nothing.
pub(super) fn judge(turn: &mut Turn, survey: Survey) {
    let schedule = turn.schedule();
    let position = position::position(&schedule, &survey.text);
    let refusal = refusal(&schedule, &turn.options(), &survey, &position);
    let mut warnings = survey.warnings.clone();
    if survey.host.is_none() {
        warnings.push("the host's containers could not be listed: host ports and container names were not compared".to_owned());
    }
    if refusal.is_none() {
        warnings.extend(version_warning(&turn.options(), &survey));
    }
    if turn.options().goal == Goal::Rollout {
        warnings.extend(unset::warnings(&schedule, &survey));
    }
    warnings.extend(images::moved(&survey, &turn.options().verified_before));
    turn.emit(Event::Surveyed { survey, live: position });
    for warning in warnings {
        turn.warn(warning);
    }
    for (service, reason) in turn.options().waived.clone() {
        turn.emit(Event::Waived { service, reason });
    }
    match refusal {
        Some(reason) => turn.end(reason, Known::Holds),
        None => start::begin(turn),
    }
}

/// What a run that begins now would find: where the live text stands, and why the run would not start, if it would not.
pub fn outlook(schedule: &Schedule, options: &Options, survey: &Survey) -> (Position, Option<Reason>) {
    let position = position::position(schedule, &survey.text);
    let refusal = refusal(schedule, options, survey, &position);
    (position, refusal)
}

/// Why the run may not start, if it may not.
pub(super) fn refusal(schedule: &Schedule, options: &Options, survey: &Survey, position: &Position) -> Option<Reason> {
    if let Some(why) = cannot_ask(survey) {
        return Some(Reason::CouldNotAsk { why });
    }
    if let Some(why) = not_shown(schedule, survey).filter(|_| options.goal == Goal::Rollout) {
        return Some(Reason::CouldNotAsk { why });
    }
    let mut why: Vec<String> = untested(options, survey).into_iter().collect();
    why.extend(survey.unsupported.clone());
    // Going back sends no phase that was not there before, and is what helps where somebody put another text there.
    if options.goal == Goal::Rollout {
        why.extend(conflicts(schedule, survey.host.as_deref().unwrap_or_default()));
        why.extend(schedule.phases.iter().filter_map(|phase| {
            too_large(&format!("phase `{}`: {}", phase.name, phase.path), bytes_of(phase, &options.run), survey.environment_bytes)
        }));
        why.extend(foreign(schedule, options, survey, position));
    }
    if !why.is_empty() {
        return Some(Reason::Refused { why });
    }
    busy(survey).or_else(|| unfinished::busy(options, survey, position)).map(|who| Reason::Busy { who })
}

/// What the plan expects and this Dokploy cannot show: it would be asked in vain, when something has been changed already.
fn not_shown(schedule: &Schedule, survey: &Survey) -> Option<String> {
    schedule.expectations.iter().find_map(|expectation| {
        let (is_lacking, what, since) = match &expectation.probe {
            Probe::Docker(Docker::Logs(_)) => (survey.lacks.container_logs, "the logs of containers", "v0.29.0"),
            Probe::Docker(Docker::Server(_)) => (survey.lacks.server_room, "a server's disk and memory", "v0.30.0"),
            _ => return None,
        };
        is_lacking
            .then(|| format!("`{}` needs {what}, which Dokploy {} does not show: {since} and later do", expectation.text, survey.version))
    })
}

/// Why nothing could be told of the app, if so.
pub(super) fn cannot_ask(survey: &Survey) -> Option<String> {
    if !survey.missing_rights.is_empty() {
        let rights = listed(survey.missing_rights.iter().map(|right| right_in_words(*right)));
        return Some(format!("the API key lacks a right: {rights}"));
    }
    // Where Docker tells nothing at all, nothing could be verified either: of a host that is really empty Dokploy makes a row (FACTS §7).
    if survey.host.is_none() && matches!(survey.containers, Observed::Unknown(_)) {
        let why = match survey.server {
            None => "Docker on Dokploy's host does not answer: none of its containers is listed, Dokploy's own included",
            Some(_) => {
                "Docker on the app's server does not answer, or a login shell there prints something, which spoils every answer: look at \
                 ~/.bashrc of the user that Dokploy connects as, and at Docker"
            }
        };
        return Some(why.to_owned());
    }
    None
}

/// A version that was never tested is only read, unless the user names it.
fn untested(options: &Options, survey: &Survey) -> Option<String> {
    let Untested { allow, why } = survey.untested.as_deref()?;
    match options.allow_version.as_deref() {
        Some(allowed) if allowed.trim_start_matches('v') == allow.trim_start_matches('v') => None,
        Some(other) => Some(format!("{why}: it is only read; --allow-version {other} is not it, --allow-version {allow} is")),
        None => Some(format!("{why}: it is only read; --allow-version {allow} changes it all the same")),
    }
}

/// What there is to say of the version when it does not refuse the run.
fn version_warning(options: &Options, survey: &Survey) -> Option<String> {
    match (survey.untested.as_deref(), options.allow_version.as_deref()) {
        (Some(Untested { allow, why }), Some(_)) => Some(format!("{why}: changed all the same, as --allow-version {allow} says")),
        (None, Some(allowed)) => {
            Some(format!("--allow-version {allowed} is not needed: Dokploy {} is a version that is known", survey.version))
        }
        (_, None) => None,
    }
}

fn right_in_words(right: Right) -> &'static str {
    match right {
        Right::Service => "the service must be assigned to the key's user",
        Right::CreateServices => "\"Create Services\", to change the compose text",
        Right::Docker => "\"Access to Docker\", to inspect containers",
        Right::Deployments => "to read deployments and the queue",
    }
}

fn busy(survey: &Survey) -> Option<String> {
    if let Some(title) = &survey.running_row {
        return Some(format!("{} is running: \"{title}\"", whose(title)));
    }
    let job = survey.queue.iter().find(|job| job.this_app)?;
    let state = if job.active { "being worked on" } else { "waiting in the queue" };
    Some(format!("{} is {state}: \"{}\"", whose(&job.title), job.title))
}

/// Whose deploy it is, by its title: the operator may have killed the run that it belongs to.
fn whose(title: &str) -> &'static str {
    if title.starts_with("plan run=") { "a deploy of this app by another or an earlier run of plan" } else { "a deploy of this app" }
}

/// Bytes of a phase as it will be sent: every commit is as long as any other, so this is exact.
fn bytes_of(phase: &Phase, run: &str) -> usize {
    let commit = |pin: &crate::schedule::Pin| ((pin.repository.clone(), pin.reference.clone()), "0".repeat(COMMIT_BYTES));
    render(phase, run, &phase.pins.iter().map(commit).collect(), true).len()
}

/// `text`: bytes as they would be sent.
pub(crate) fn too_large(what: &str, text: usize, environment: usize) -> Option<String> {
    let both = text + environment;
    (both > LARGEST_TEXT_AND_ENVIRONMENT).then(|| {
        format!(
            "{what} has {text} bytes as it would be sent and the app's environment has {environment}, together {both}: Dokploy fails without a \
             reason over {LARGEST_TEXT_AND_ENVIRONMENT}"
        )
    })
}

/// Host ports and container names of all phases that somebody else on the host has.
fn conflicts(schedule: &Schedule, host: &[HostContainer]) -> Vec<String> {
    let mut found = Vec::new();
    for phase in &schedule.phases {
        for (service, ports) in &phase.ports {
            for port in ports {
                let Some(number) = port.host else { continue };
                let protocol = match port.protocol {
                    Protocol::Tcp => "tcp",
                    Protocol::Udp => "udp",
                };
                let address = port.host_ip.map(|ip| ip.to_string());
                let taken = |other: &&HostContainer| {
                    other.running
                        && !other.ours
                        && other.ports.iter().any(|(at, taken, kind)| {
                            *taken == number && kind.eq_ignore_ascii_case(protocol) && overlap(address.as_deref(), at)
                        })
                };
                if let Some(other) = host.iter().find(taken) {
                    found.push(format!("host port {number}/{protocol} of service `{service}` is taken by container `{}`", other.name));
                }
            }
        }
        for (service, name) in &phase.container_names {
            // A stopped container holds its name too (FACTS §13.5).
            if host.iter().any(|other| !other.ours && other.name == *name) {
                found.push(format!("container name `{name}` of service `{service}` is taken by a container of somebody else"));
            }
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|sentence| seen.insert(sentence.clone()));
    found
}

/// Whether two addresses to listen at share one. `0.0.0.0`, `::` and none at all mean every address.
fn overlap(ours: Option<&str>, theirs: &str) -> bool {
    let is_any = |address: &str| matches!(address, "" | "0.0.0.0" | "::" | "[::]" | "*");
    ours.is_none_or(is_any) || is_any(theirs) || ours == Some(theirs)
}

/// A text that is not ours: refused with a diff, unless it is adopted.
fn foreign(schedule: &Schedule, options: &Options, survey: &Survey, position: &Position) -> Vec<String> {
    let what = match position {
        Position::Foreign => "the live compose text is no phase of this plan and was not put there by it".to_owned(),
        Position::Edited { phase } => format!("the live compose text was put there for phase `{phase}` and edited since"),
        _ => return Vec::new(),
    };
    if options.adopt {
        return Vec::new();
    }
    let mut why = vec![format!("{what}; --adopt takes it as the baseline and keeps it in the snapshot store")];
    why.extend(position::nearest(schedule, &survey.text).map(|(_, diff)| diff));
    why
}
