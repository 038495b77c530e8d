//! `plan run`: wires plan, engine, Dokploy, probes, store and reporter, for real or in the sandbox.

mod connection;
mod job;
mod roll_out;

use self::connection::Connection;
use super::answering::Answering;
use super::args::Run as Args;
use super::check::find;
use super::look::{complain, show};
use super::make_believe::{self, WorldSources};
use super::notices;
use super::resume::{self, Taken};
use super::scenarios;
use super::variables::{self, Environment, authority};
use crate::diagnostic::Diagnostic;
use crate::drive::{self, AlwaysFree, BaseUrl, FileLocks, GitSources, LiveClock, PacedClock, People, Prompt, Speed, Terminal};
use crate::engine::{Approver, Moment, Options};
use crate::model::Dokploy as Address;
use crate::probe::ConnectTo;
use crate::rehearse;
use crate::report::{self, Format, Reporter, Setting, Streams};
use crate::sandbox::{self, Sandbox};
use crate::scenario::{Ended, Scenario, Signs};
use crate::schedule::{GateId, Lines, Schedule};
use crate::source::SourceMap;
use crate::store::{LockFolder, Note, Store, this_user};
use crate::world::{Fault, World};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// A command that cannot begin: what was shown of it stands already, this is its exit code.
struct Stopped(u8);

/// Runs a plan and gives the exit code.
pub(super) fn run(args: &Args) -> u8 {
    if args.resume.is_some() && args.sandbox {
        let help = "against one beside it a run can be resumed: `plan sandbox`, then what it says to export";
        complain(&args.display, "a run in the sandbox inside this process cannot be resumed: its world ended with the process", help);
        return 2;
    }
    start(args, Aim::Rollout)
}

/// Goes back by hand, to what `--to` says if it says something, and gives the exit code.
pub(super) fn go_back(args: &Args, to: Option<&str>) -> u8 {
    start(args, Aim::Back(to))
}

/// What a run is for.
#[derive(Clone, Copy)]
enum Aim<'a> {
    Rollout,
    /// Going back, to what `--to` says.
    Back(Option<&'a str>),
}

fn start(args: &Args, aim: Aim<'_>) -> u8 {
    let found = find(&args.file);
    show(&found.diagnostics, &found.sources, &args.display);
    let (Some(schedule), Some(plan)) = (found.schedule, found.lowered.and_then(|lowered| lowered.plan)) else { return 2 };
    let lines = Lines::of(&plan, &found.sources);
    let ready = Job::new(args, aim, schedule, found.sources, (plan.dokploy, lines));
    match ready.and_then(Job::go) {
        Ok(code) | Err(Stopped(code)) => code,
    }
}

/// What the command line asks for, understood.
struct Job<'a> {
    args: &'a Args,
    schedule: Schedule,
    sources: SourceMap,
    address: Address,
    options: Options,
    approvals: BTreeMap<GateId, Approver>,
    faults: Vec<Fault>,
    /// What `--scenario` names, and what the run told so far.
    scenario: Option<(Scenario, Rc<RefCell<Signs>>)>,
    connect_to: ConnectTo,
    format: Format,
    /// Digest of the plan's text.
    plan_digest: String,
    /// Where in the plan things are declared.
    lines: Lines,
    /// What `plan rollback` was given besides the plan, when it is one.
    back: Option<String>,
}

impl Job<'_> {
    fn go(self) -> Result<u8, Stopped> {
        let runtime = drive::runtime(self.args.sandbox).map_err(|error| self.stop(1, &format!("no runtime: {error}"), ""))?;
        let ended =
            if self.args.sandbox { runtime.block_on(Box::pin(self.in_sandbox())) } else { runtime.block_on(Box::pin(self.for_real())) };
        // A name server that hangs is not waited for.
        runtime.shutdown_background();
        ended
    }

    async fn for_real(self) -> Result<u8, Stopped> {
        let url = variables::resolve(&self.address.url, &Environment);
        let key = variables::resolve(&self.address.api_key, &Environment);
        let (url, key) = match (url, key) {
            (Ok(url), Ok(key)) => (url, key),
            (url, key) => return Err(self.refuse(url.err().into_iter().chain(key.err()).collect())),
        };
        let base = BaseUrl::parse(&url.value).map_err(|why| {
            self.stop(2, &format!("Dokploy's address {why}"), "it is an http or https address such as http://127.0.0.1:3000")
        })?;
        let authority = match &self.address.ca {
            Some(ca) => Some(authority(&self.args.file, ca).map_err(|wrong| self.refuse(vec![wrong]))?),
            None => None,
        };
        let sources = GitSources { connect_to: self.connect_to.clone(), ..GitSources::default() };
        // The key is a secret however the plan comes by it.
        let secrets = key.secrets.into_iter().chain([key.value.clone()]).collect();
        let connection = Connection { authority, ..self.connection(base, key.value, secrets, &Environment, sources)? };
        let warning = connection.url.warning();
        let setting =
            Setting { sandbox: None, plan: self.args.file.display().to_string(), back: self.back.clone(), probed_from: host_name() };
        let reporter = self.reporter(setting);
        if let Some(warning) = warning {
            reporter.borrow_mut().note(&warning);
        }
        let state = self.state(None)?;
        let taken = self.args.resume.as_ref().map(|wanted| resume::take(&state, wanted.as_deref(), &self.schedule)).transpose();
        let taken = taken.map_err(|not| self.stop(not.code, &not.message, &not.help))?;
        let from = taken.as_ref().map_or(Moment::START, Taken::from);
        if let Some(taken) = &taken {
            reporter.borrow_mut().recall(&taken.past);
        } else if let Some(run) = resume::left_behind(&state, &self.schedule).filter(|_| self.back.is_none()) {
            reporter.borrow_mut().note(&format!("run {run} was cut off; this is a new one. To go on with that instead: --resume {run}"));
        }
        let is_agreed = taken.as_ref().is_some_and(Taken::is_agreed);
        if !is_agreed && !self.args.yes && !report::terminal::can_ask() {
            reporter.borrow_mut().note("nobody is at a terminal to agree, and --yes is not given: nothing will be changed");
        }
        reporter.borrow_mut().can_be_answered_elsewhere(self.approvals.keys().copied());
        let people = self.people(&reporter, self.args.yes, false);
        // Whoever meets the lock is told of the run that goes on, not of one that there never was.
        let run = taken.as_ref().map_or_else(|| self.options.run.clone(), |taken| taken.id.clone());
        let locks = self.locks(&connection.url, &run)?;
        self.roll_out(connection, LiveClock::start_at(from), people, locks, reporter, state, taken).await
    }

    async fn in_sandbox(self) -> Result<u8, Stopped> {
        let stand_ins = make_believe::variables(&self.schedule);
        let setting = rehearse::setting(&self.schedule, &stand_ins, self.faults.clone());
        let at_terminal = report::terminal::can_ask();
        let told = make_believe::told(&stand_ins, &self.schedule, &setting.config, at_terminal);
        let options = sandbox::Options { addresses: setting.addresses, ..sandbox::Options::default() };
        let sandbox = Sandbox::start(World::new(setting.config), options).await;
        let sandbox = Rc::new(sandbox.map_err(|error| self.stop(1, &format!("the sandbox cannot listen on loopback: {error}"), ""))?);
        let base = BaseUrl::parse(&sandbox.url).map_err(|why| self.stop(1, &format!("the sandbox's address {why}"), ""))?;
        let job = Self { connect_to: sandbox.connect_to.clone(), ..self };
        let key = sandbox.api_key.clone();
        let connection = job.connection(base, key.clone(), vec![key], &stand_ins, WorldSources(Rc::clone(&sandbox)))?;
        let speed = match job.args.speed {
            Speed::Times(times) => report::Speed::Times(f64::from(times.get())),
            Speed::Max => report::Speed::Max,
        };
        let plan = job.args.file.display().to_string();
        let reporter = job.reporter(Setting { sandbox: Some(speed), plan, back: None, probed_from: None });
        for line in &told {
            reporter.borrow_mut().note(line);
        }
        notices::not_in_sandbox(&job.schedule, &reporter);
        let people = if at_terminal { job.people(&reporter, true, true) } else { Answering::Nobody(job.approvals.clone()) };
        let people = people.but_for(&job.schedule, &job.faults, &sandbox);
        // Runs against a sandbox are kept apart from real ones.
        let state = job.state(Some("sandbox"))?;
        let requests = state.run_folder(&job.options.run).join("sandbox-requests.jsonl");
        let (unfelt, clock) = (Rc::clone(&sandbox), PacedClock::start(job.args.speed));
        let noter = Rc::clone(&reporter);
        let scenario = job.scenario.clone().map(|(scenario, signs)| (scenario, signs, Arc::new(job.schedule.clone()), job.sources.clone()));
        let code = job.roll_out(connection, clock, people, AlwaysFree, reporter, state, None).await;
        let told = match &scenario {
            None => {
                let told = |fault: &Fault| format!("the fault \"{fault}\" never had anything to break");
                unfelt.with_world(|world, _| world.unfelt_faults().map(told).collect())
            }
            Some((scenario, signs, schedule, sources)) => {
                let ended = unfelt.with_world(Ended::of);
                scenarios::after(scenario, (schedule, sources), &stand_ins, (signs.borrow().clone(), ended))
            }
        };
        for line in &told {
            noter.borrow_mut().note(line);
        }
        // For tests and the curious; a run does not depend on it.
        let _ = std::fs::write(requests, sandbox.request_log());
        code
    }

    fn people(&self, reporter: &Rc<RefCell<Reporter>>, yes: bool, stand_still: bool) -> Answering {
        let shown = Rc::clone(reporter);
        let show = move |prompt: &Prompt| {
            let mut reporter = shown.borrow_mut();
            match prompt {
                Prompt::Approve(_) => reporter.ask_for_approval(),
                Prompt::Confirm(_) => reporter.ask_to_go_on(),
                Prompt::Rollback(_) => reporter.ask_to_roll_back(),
                Prompt::Again => reporter.ask_again(),
                Prompt::Elsewhere => reporter.answered_elsewhere(),
            }
        };
        let (who, _) = this_user();
        let terminal = report::terminal::can_ask()
            .then(|| Terminal::new(Approver(who), Box::new(show), BufReader::new(std::io::stdin()), stand_still));
        Answering::People(People { yes, given: self.approvals.clone(), terminal })
    }

    fn reporter(&self, setting: Setting) -> Rc<RefCell<Reporter>> {
        let variable = |name: &str| std::env::var(name).ok();
        let streams = Streams::of_process(self.args.display.choice(), variable);
        Rc::new(RefCell::new(Reporter::new(self.format, setting, &self.schedule, streams)))
    }

    /// The lock that other runs of this user on this machine find, wherever their state folders are.
    fn locks(&self, url: &BaseUrl, run: &str) -> Result<FileLocks, Stopped> {
        let folder = LockFolder::open().map_err(|error| self.stop(9, &error.to_string(), "nothing was changed"))?;
        let command = if self.back.is_some() { "rollback" } else { "run" };
        let note = Note::of_this_process(run, &format!("plan {command} {}", self.args.file.display()));
        Ok(FileLocks::new(folder, url.to_string(), note, &self.schedule))
    }

    fn state(&self, below: Option<&str>) -> Result<Store, Stopped> {
        let folder: Option<PathBuf> = match (&self.args.state, below) {
            (None, Some(below)) => crate::store::default_folder(|name| std::env::var_os(name)).map(|folder| folder.join(below)),
            (given, _) => given.clone(),
        };
        Store::open(folder).map_err(|error| self.stop(9, &error.to_string(), "nothing was changed"))
    }

    fn refuse(&self, diagnostics: Vec<Diagnostic>) -> Stopped {
        let mut diagnostics = diagnostics;
        crate::diagnostic::sort(&mut diagnostics);
        show(&diagnostics, &self.sources, &self.args.display);
        Stopped(2)
    }

    fn stop(&self, code: u8, message: &str, help: &str) -> Stopped {
        complain(&self.args.display, message, help);
        Stopped(code)
    }
}

/// The name of this machine.
pub(super) fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
