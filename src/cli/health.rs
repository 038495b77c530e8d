//! `plan health`: asks what is delivered how it is, and changes nothing. Fit for a terminal, and for cron.

use super::args::{Health as Args, HealthFormat};
use super::asking;
use super::check::{self, Found};
use super::live;
use super::look::{complain, show};
use super::past::note;
use super::run::host_name;
use super::variables::{self, Environment};
use crate::diagnostic::{nearest, sort};
use crate::drive::{self, Clock as _, LiveClock, Probes, SharedMasks, check_up};
use crate::engine::{Checkup, Observed, Options, Position, Reason, Scope, Survey, common_causes, outlook};
use crate::report::health::{Delivered, Health, Shown};
use crate::report::past::Live;
use crate::report::{self, ColourChoice};
use crate::schedule::{Schedule, Subject};
use crate::store::{Key, LockFolder, Shared};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

/// A command that ends here: what is to be said is said.
struct Stopped(u8);

/// `plan health`. 0: everything is well. 8: something is not. 9: nothing is known to be unwell, and not everything could be asked.
pub(super) fn health(args: &Args) -> u8 {
    asked(args).unwrap_or_else(|Stopped(code)| code)
}

fn asked(args: &Args) -> Result<u8, Stopped> {
    let wrong = |message: &str, help: &str| {
        complain(&args.display, message, help);
        Stopped(2)
    };
    let Found { sources, lowered, schedule, diagnostics } = check::find_with(&args.file, &args.set.iter().cloned().collect());
    show(&diagnostics, &sources, &args.display);
    let Some(lowered) = lowered else { return Err(Stopped(2)) };
    if let Some((name, _)) = args.set.iter().find(|(name, _)| !lowered.lets.contains(name)) {
        let help = match nearest(name, lowered.lets.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if lowered.lets.is_empty() => "the plan has no `let` at all".to_owned(),
            None => format!("there are {}", lowered.lets.iter().cloned().collect::<Vec<_>>().join(", ")),
        };
        return Err(wrong(&format!("--set: the plan has no `let {name}`"), &help));
    }
    let (Some(schedule), Some(plan)) = (schedule, lowered.plan) else { return Err(Stopped(2)) };
    let connect_to = asking::routes(args.connect_to.as_deref()).map_err(|(message, help)| wrong(&message, help))?;
    let only = only(&schedule, &args.only).map_err(|(message, help)| wrong(&message, &help))?;

    let asking = asking::from_here(&args.file, connect_to);
    let probes = Probes::prepare(&schedule, &Environment, asking).map_err(|errors| {
        let mut diagnostics: Vec<_> = errors.iter().map(variables::unprepared).collect();
        sort(&mut diagnostics);
        show(&diagnostics, &sources, &args.display);
        Stopped(2)
    })?;
    let runtime = drive::runtime(false).map_err(|error| {
        complain(&args.display, &format!("no runtime: {error}"), "");
        Stopped(1)
    })?;
    let clock = Rc::new(LiveClock::start());
    let masks = SharedMasks::default();
    let probes = Rc::new(probes.sharing(Rc::clone(&masks)));
    let platform = if args.offline {
        Err("it was not to be asked (--offline)".to_owned())
    } else {
        live::platform(&args.file, &schedule, &plan.dokploy, Rc::clone(&clock))
    };
    let schedule = Arc::new(schedule);
    let code = runtime.block_on(async {
        let platform = platform.map(|(address, platform)| (address, Rc::new(platform.sharing(masks))));
        let surveyed = match &platform {
            Ok((address, platform)) => live::ask_survey(&**platform).await.map_err(|none| none.why).and_then(|survey| {
                let (position, refusal) = outlook(&schedule, &Options::default(), &survey);
                match refusal {
                    Some(Reason::CouldNotAsk { why }) => Err(why),
                    _ => Ok((address.clone(), survey, position)),
                }
            }),
            Err(why) => Err(why.clone()),
        };
        let _shared = match surveyed.as_ref().map(|(address, survey, _)| share(address, survey)) {
            Ok(Ok(shared)) => shared,
            Ok(Err(why)) if args.try_once => {
                note(&why);
                None
            }
            Ok(Err(why)) => return print(args, &Shown::Skipped { app: &schedule.app.name.value, why: &why }),
            Err(_) => None,
        };
        let delivered = delivered(&schedule, surveyed.as_ref());
        let absent = delivered.missing.iter().map(|(name, _)| name).filter(|name| args.only.contains(name)).cloned().collect();
        let scope = scope(&schedule, &delivered, only.as_ref(), surveyed.is_ok(), args.try_once);
        let mut checkup = Checkup::new(Arc::clone(&schedule), scope);
        let platform = platform.ok().filter(|_| surveyed.is_ok()).map(|(_, platform)| platform);
        let watched = args.format != Some(HealthFormat::Json) && report::terminal::columns_of_stderr().is_some();
        check_up(&mut checkup, platform, probes, Rc::clone(&clock), &mut |checkup| {
            if watched && !checkup.is_over() {
                report::to_stderr(&report::health::so_far(checkup.rounds(), &checkup.findings()));
            }
        })
        .await;
        let findings = checkup.findings();
        let health = Health {
            app: schedule.app.name.value.clone(),
            plan: args.file.display().to_string(),
            causes: common_causes(&findings),
            findings,
            delivered,
            containers: containers(surveyed.as_ref().ok().map(|(_, survey, _)| survey)),
            absent,
            is_narrowed: only.is_some(),
            is_try: args.try_once,
            offline: args.offline,
            rounds: checkup.rounds(),
            took: clock.now().0,
            probed_from: host_name(),
        };
        print(args, &Shown::Asked(&health))
    });
    // A name server that hangs is not waited for.
    runtime.shutdown_background();
    Ok(code)
}

/// The services and externals that are named, with what they lean on; `None` when all are meant.
fn only(schedule: &Schedule, names: &[String]) -> Result<Option<BTreeSet<Subject>>, (String, String)> {
    if names.is_empty() {
        return Ok(None);
    }
    let mut meant = BTreeSet::new();
    for name in names {
        match schedule.services.get(name) {
            Some(service) => {
                meant.insert(Subject::Service(name.clone()));
                meant.extend(service.needs.iter().chain(&service.uses).cloned());
            }
            None if schedule.externals.contains_key(name) => {
                meant.insert(Subject::External(name.clone()));
            }
            None => {
                let valid: Vec<&str> = schedule.services.keys().chain(schedule.externals.keys()).map(String::as_str).collect();
                let help = nearest(name, valid.iter().copied())
                    .map_or_else(|| format!("there are {}", valid.join(", ")), |near| format!("did you mean `{near}`?"));
                return Err((format!("--only: the plan has no service and no external `{name}`"), help));
            }
        }
    }
    Ok(Some(meant))
}

/// What is live, and which services that starts.
fn delivered(schedule: &Schedule, surveyed: Result<&(String, Survey, Position), &String>) -> Delivered {
    let last = schedule.phases.last().map(|phase| phase.services.clone()).unwrap_or_default();
    match surveyed {
        Err(why) => Delivered { services: last, live: Err(why.clone()), missing: Vec::new(), busy: None },
        Ok((address, survey, position)) => {
            let services = crate::engine::delivered(schedule, survey, position);
            let missing = schedule.services.iter().filter(|(name, _)| !services.contains(*name));
            let missing = missing.map(|(name, service)| (name.clone(), schedule.phase(service.added_in).name.clone())).collect();
            let live = Live::of(schedule, address, survey, position);
            Delivered { services, missing, busy: live.busy, live: Ok(live.words) }
        }
    }
}

fn scope(schedule: &Schedule, delivered: &Delivered, only: Option<&BTreeSet<Subject>>, containers: bool, once: bool) -> Scope {
    let is_meant = |subject: Subject| only.is_none_or(|only| only.contains(&subject));
    let services = delivered.services.iter().filter(|name| is_meant(Subject::Service((*name).clone()))).cloned().collect();
    let externals = schedule.externals.keys().filter(|name| is_meant(Subject::External((*name).clone()))).cloned().collect();
    Scope { services, externals, containers, rounds: once.then_some(1) }
}

/// The names of the app's containers, by service.
fn containers(survey: Option<&Survey>) -> Vec<(String, String)> {
    match survey.map(|survey| &survey.containers) {
        Some(Observed::Known(all)) => all.iter().map(|one| (one.service.clone(), one.name.clone())).collect(),
        _ => Vec::new(),
    }
}

/// Keeps runs on this machine from changing the app meanwhile.
///
/// # Errors
/// Who is at work, in words.
fn share(address: &str, survey: &Survey) -> Result<Option<Shared>, String> {
    let Ok(folder) = LockFolder::open() else { return Ok(None) };
    let key = Key::new(address, &survey.compose_id);
    match folder.share(&key) {
        Ok(Some(shared)) => Ok(Some(shared)),
        Ok(None) => Err(folder
            .holder(&key)
            .ok()
            .flatten()
            .map_or_else(|| "a run of this app is at work on this machine".to_owned(), |holder| holder.in_words())),
        // Without a folder for locks nobody can hold one.
        Err(_) => Ok(None),
    }
}

fn print(args: &Args, shown: &Shown<'_>) -> u8 {
    let colour = args.display.colour().0 && args.display.choice() != ColourChoice::Never;
    let at_terminal = report::terminal::columns_of_stdout();
    let width = at_terminal.unwrap_or(report::PLAIN_WIDTH).clamp(40, 200);
    let format = args.format.unwrap_or(if at_terminal.is_some() { HealthFormat::Human } else { HealthFormat::Plain });
    report::to_stdout(&match format {
        HealthFormat::Human => report::health::human(shown, width, colour),
        HealthFormat::Plain => report::health::human(shown, width, false),
        HealthFormat::Json => report::health::json(shown),
        HealthFormat::Junit => report::health::junit(shown),
    });
    shown.exit_code().0
}
