//! `plan sandbox`: the make-believe Dokploy as a server of its own.

use super::args::{Display, Sandbox as Args};
use super::check::find;
use super::look::{complain, show};
use super::make_believe;
use crate::drive;
use crate::rehearse::{self, Setting};
use crate::report;
use crate::sandbox::{Options, Sandbox};
use crate::world::{Config, Fault, World};
use std::path::{Path, PathBuf};

/// Serves until interrupted.
pub(super) fn serve(args: &Args) -> u8 {
    let display = Display { color: super::args::Color::Auto };
    if !args.listen.ip().is_loopback() {
        complain(&display, &format!("the sandbox listens on loopback only, and {} is not", args.listen), "--listen 127.0.0.1:3000");
        return 2;
    }
    let faults = match args.fault.iter().map(|fault| Fault::parse(fault)).collect::<Result<Vec<_>, _>>() {
        Ok(faults) => faults,
        Err(error) => {
            complain(&display, &error.to_string(), "");
            return 2;
        }
    };
    if let Some(fault) = faults.iter().find(|fault| fault.needs_the_run()) {
        let message = format!("the fault \"{fault}\" cannot strike here: a run asks its gates itself");
        complain(&display, &message, "give it to `plan run --sandbox`");
        return 2;
    }
    let Some(Setting { config, addresses }) = setting(args, faults, &display) else { return 2 };
    let runtime = match drive::runtime(false) {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&display, &format!("no runtime: {error}"), "");
            return 1;
        }
    };
    runtime.block_on(async {
        let options = Options { listen: args.listen, addresses, speed: args.speed };
        let sandbox = match Sandbox::start(World::new(config), options).await {
            Ok(sandbox) => sandbox,
            Err(error) => {
                complain(&display, &format!("cannot listen on {}: {error}", args.listen), "choose another port, or port 0 for any");
                return 2;
            }
        };
        report::to_stdout(&format!("{}\n", sandbox.exports().join("\n")));
        report::to_stderr("sandbox: serving until Ctrl-C; GET /sandbox/log tells what was asked, POST /sandbox/fault breaks something\n");
        match sandbox.until_interrupted().await {
            Ok(()) => 0,
            Err(error) => {
                complain(&display, &format!("cannot wait for Ctrl-C: {error}"), "");
                1
            }
        }
    })
}

/// The world of the plan that was named, of the one that is here, or of the example.
fn setting(args: &Args, faults: Vec<Fault>, display: &Display) -> Option<Setting> {
    let here = PathBuf::from("rollout.plan");
    let file = args.file.clone().or_else(|| here.exists().then_some(here));
    let found = match &file {
        Some(file) => find(file),
        None => super::check::find_in(&super::example::Example, Path::new("rollout.plan")),
    };
    let Some(schedule) = found.schedule else {
        show(&found.diagnostics, &found.sources, display);
        return None;
    };
    let setting = rehearse::setting(&schedule, &make_believe::variables(&schedule), faults);
    // The app of the example is always there, whatever the plan calls its own.
    let mut config = Config { version: args.dokploy_version.clone(), ..setting.config };
    for project in Config::default().projects {
        if !config.projects.iter().any(|known| known.name == project.name) {
            config.projects.push(project);
        }
    }
    Some(Setting { config, addresses: setting.addresses })
}
