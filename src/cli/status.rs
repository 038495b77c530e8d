//! `plan status`: where an app stands, by the records, and by what Dokploy, containers and services say now where Dokploy is at hand.

use super::args::{Format, Status as Args};
use super::asking;
use super::look::complain;
use super::one_look;
use super::past::{self, AtHand, Stopped};
use crate::probe::ConnectTo;
use crate::report;
use crate::report::past::{Listed, Live, Now, Status};
use crate::store::{Archive, Past};

/// Runs of an app that are read: enough to know what is live, whatever was tried since.
const LOOKED_AT: usize = 50;

/// `plan status`. 0 when it was told, whatever it is.
pub(super) fn status(args: &Args) -> u8 {
    told(args).unwrap_or_else(|Stopped(code)| code)
}

fn told(args: &Args) -> Result<u8, Stopped> {
    let connect_to = asking::routes(args.connect_to.as_deref()).map_err(|(message, help)| {
        complain(&args.display, &message, help);
        Stopped(2)
    })?;
    let probes = if args.no_probes { Err("it was not to be (--no-probes)".to_owned()) } else { Ok(connect_to) };
    let archive = past::open(args.state.clone(), &args.display)?;
    let plan = past::plan_at_hand(args.file.as_deref(), &args.display)?;
    let mut runs = Vec::new();
    for place in past::places(&archive, &args.display)? {
        let run = place.read();
        if run.is_sandbox() == args.sandbox {
            runs.push(run);
        }
    }
    let apps = match &plan {
        Some(AtHand { app, .. }) => vec![app.clone()],
        None => apps(&runs),
    };
    if apps.is_empty() {
        past::note(&format!("no plan is at hand, and no run is recorded in {}", archive.folder().display()));
    }
    let live = plan.filter(|_| !args.offline && !args.sandbox).map(|plan| ask(&plan, probes));
    let (mut live, mut text) = (Some(live).flatten(), String::new());
    for app in apps {
        let status = of_app(app, &runs, &archive, live.take());
        if args.format == Format::Json {
            text.push_str(&report::past::status_json(&status));
        } else {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&report::past::status(&status, past::look(args.format, &args.display)));
        }
    }
    report::to_stdout(&text);
    Ok(0)
}

/// The apps that runs are recorded of, in order of their names.
fn apps(runs: &[Past]) -> Vec<String> {
    let mut apps: Vec<String> = runs.iter().filter_map(|run| run.app().map(str::to_owned)).collect();
    apps.sort();
    apps.dedup();
    apps
}

fn of_app(app: String, runs: &[Past], archive: &Archive, live: Option<Result<(Live, Now), String>>) -> Status {
    // A run that nobody can read may be of this app.
    let of_app = runs.iter().filter(|run| run.app().is_none_or(|of| of == app)).take(LOOKED_AT);
    let runs = of_app.map(|run| Listed::of(run, past::at_work(run))).collect();
    let (live, now) = match live {
        None => (None, None),
        Some(Err(why)) => (Some(Err(why)), None),
        Some(Ok((live, now))) => (Some(Ok(live)), Some(now)),
    };
    Status { app, runs, folder: archive.folder().to_owned(), live, now }
}

/// Asks the plan's Dokploy, and what is delivered.
fn ask(AtHand { path, found, .. }: &AtHand, probes: Result<ConnectTo, String>) -> Result<(Live, Now), String> {
    let plan = found.lowered.as_ref().and_then(|lowered| lowered.plan.as_ref());
    let (Some(schedule), Some(plan)) = (&found.schedule, plan) else {
        return Err("the plan has errors, which `plan check` names".to_owned());
    };
    one_look::look(path, schedule, &plan.dokploy, probes)
}
