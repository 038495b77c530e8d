//! `plan run`: wires plan, engine, Dokploy, probes, store and reporter, for real or in the sandbox.

use super::answering::{self, Answering};
use super::args::{self, Run as Args};
use super::asking;
use super::build_log;
use super::check::find;
use super::look::{complain, show};
use super::make_believe::{self, WorldSources};
use super::named;
use super::notices::{self, Notices};
use super::past;
use super::reports;
use super::resume::{self, Taken};
use super::scenarios;
use super::variables::{self, Environment, authority, no_authority};
use super::watch;
use super::way_back;
use crate::compose::masks_of;
use crate::diagnostic::Diagnostic;
use crate::dokploy::{Masks, Session, Target};
use crate::drive::{
    self, AlwaysFree, BaseUrl, Clock, Dokploy, Driven, FileLocks, GitSources, HttpTransport, LiveClock, Locks, Masking, Outside,
    PacedClock, People, Probes, Prompt, Report, SharedMasks, Signals, Sources, Speed, Terminal,
};
use crate::engine::{Approver, Ending, Engine, Event, ExitCode, Goal, Moment, NotResumable, Options, Origin, Outline, Reason};
use crate::model::{Dokploy as Address, Variables};
use crate::notify::{Mail, Post, Teller};
use crate::probe::ConnectTo;
use crate::rehearse;
use crate::report::{self, Format, Reporter, Setting, Streams};
use crate::sandbox::{self, Sandbox};
use crate::scenario::{Ended, Scenario, Signs};
use crate::schedule::{GateId, Lines, Schedule, digest};
use crate::source::{SourceMap, Span};
use crate::store::{LockFolder, Note, Place, Store, new_run_id, this_user};
use crate::world::{Fault, World};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

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

/// One Dokploy to talk to, and everything beside it that is not the clock.
struct Connection<S> {
    url: BaseUrl,
    key: String,
    /// The text of the file of certificates that `ca` names, and where it is named.
    authority: Option<(String, Span)>,
    target: Target,
    masks: Masks,
    sources: S,
    probes: Probes,
    /// Who is told of the run.
    notices: Notices,
}

impl<'a> Job<'a> {
    fn new(
        args: &'a Args,
        aim: Aim<'_>,
        schedule: Schedule,
        mut sources: SourceMap,
        (address, lines): (Address, Lines),
    ) -> Result<Self, Stopped> {
        let wrong = |message: &str, help: &str| {
            complain(&args.display, message, help);
            Stopped(2)
        };
        let until =
            args.until.as_deref().map(|name| named::phase(&schedule, name)).transpose().map_err(|(text, help)| wrong(&text, &help))?;
        let from =
            args.from.as_deref().map(|name| named::phase(&schedule, name)).transpose().map_err(|(text, help)| wrong(&text, &help))?;
        if let (Some(from), Some(until)) = (from, until)
            && from > until
        {
            return Err(wrong(
                "--until names a phase before that of --from",
                "with both, a run starts with the one and ends with the other",
            ));
        }
        if args.watch && schedule.watch.is_none() {
            return Err(wrong("--watch: the plan has no `watch` statement", "add a line such as\nwatch for 1h every 1m"));
        }
        for (service, _) in &args.waive {
            named::service(&schedule, service).map_err(|(text, help)| wrong(&text, &help))?;
        }
        let waived = args.waive.iter().cloned().collect();
        reports::placeable(&args.report).map_err(|(text, help)| wrong(&text, &help))?;
        let goal = match aim {
            Aim::Back(to) => way_back::goal(&schedule, to, args.state.clone()).map_err(|(text, help)| wrong(&text, &help))?,
            Aim::Rollout => Goal::Rollout,
        };
        let mut approvals = BTreeMap::new();
        for (name, who) in &args.approve {
            let gate = named::gate(&schedule, name).map_err(|(text, help)| wrong(&text, &help))?;
            approvals.insert(gate, Approver(who.clone()));
        }
        let faults = args.fault.iter().map(|fault| Fault::parse(fault)).collect::<Result<Vec<_>, _>>();
        let faults = faults.map_err(|error| wrong(&error.to_string(), "`plan run --help` and docs/sandbox.md name every fault"))?;
        let scenario = args.scenario.as_deref().map(|text| scenarios::one(text, &schedule, &mut sources, &args.display).ok_or(Stopped(2)));
        let scenario = scenario.transpose()?;
        let (faults, who) = scenario.as_ref().map_or((faults, "by --fault"), |scenario| (scenario.faults(), "by the scenario"));
        for fault in &faults {
            named::fault(&schedule, fault).map_err(|(text, help)| wrong(&text, &help))?;
        }
        if let Some(gate) = answering::answered_by_faults(&schedule, &faults).into_iter().find(|gate| approvals.contains_key(gate)) {
            let name = &schedule.gates[gate.0].name;
            return Err(wrong(&format!("gate `{name}` is answered twice: by --approve and {who}"), "leave one of them out"));
        }
        let connect_to = asking::routes(args.connect_to.as_deref()).map_err(|(message, help)| wrong(&message, help))?;
        let run = new_run_id().map_err(|error| wrong(&error, ""))?;
        let on_failure_stop = args.on_failure.map(|policy| policy == args::OnFailure::Stop);
        let (adopt, redeploy, lock_wait) = (args.adopt, args.redeploy, args.lock_wait);
        let options = Options { run, goal, adopt, redeploy, until, on_failure_stop, from, waived, lock_wait, ..Options::default() };
        let (from_broken, allow_version) = (args.from_broken.clone(), args.allow_version.clone());
        let options = Options { from_broken, allow_version, known_runs: way_back::known_runs(args.state.clone()), ..options };
        let back = match aim {
            Aim::Rollout => None,
            Aim::Back(to) => Some(to.map_or_else(String::new, |to| format!(" --to {to}"))),
        };
        let format = match args.format {
            Some(args::RunFormat::Plain) => Format::Plain,
            Some(args::RunFormat::Json) => Format::Json,
            Some(args::RunFormat::Github) => Format::Github,
            Some(args::RunFormat::Human) | None => Format::Human,
        };
        let scenario = scenario.map(|scenario| (scenario, Rc::default()));
        let plan_digest = sources.find(&args.file).map(|file| digest(sources.file(file).text())).unwrap_or_default();
        Ok(Self { args, schedule, sources, address, options, approvals, faults, scenario, connect_to, format, plan_digest, lines, back })
    }

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

    fn connection<S>(
        &self,
        url: BaseUrl,
        key: String,
        mut secrets: Vec<String>,
        variables: &dyn Variables,
        sources: S,
    ) -> Result<Connection<S>, Stopped> {
        let app = &self.schedule.app;
        let mut wrong = Vec::new();
        let mut name = |text| match variables::resolve(text, variables) {
            Ok(resolved) => {
                secrets.extend(resolved.secrets);
                resolved.value
            }
            Err(diagnostic) => {
                wrong.push(diagnostic);
                String::new()
            }
        };
        let target = Target { project: name(&app.project), environment: name(&app.environment), compose: name(&app.compose) };
        let asking = asking::from_here(&self.args.file, self.connect_to.clone());
        // Nobody is told of make-believe.
        let notices = if self.args.sandbox { Ok(Notices::none()) } else { Notices::prepare(&self.schedule, variables, asking.clone()) };
        let notices = notices.unwrap_or_else(|errors| {
            wrong.extend(errors.iter().map(variables::unprepared));
            Notices::none()
        });
        let probes = match Probes::prepare(&self.schedule, variables, asking) {
            Ok(probes) if wrong.is_empty() => probes,
            Ok(_) => return Err(self.refuse(wrong)),
            Err(errors) => {
                wrong.extend(errors.iter().map(variables::unprepared));
                return Err(self.refuse(wrong));
            }
        };
        let mut masks = notices.masks();
        for secret in &secrets {
            masks.add_secret(secret);
        }
        self.schedule.phases.iter().for_each(|phase| masks.merge(&masks_of(&phase.text)));
        Ok(Connection { url, key, authority: None, target, masks, sources, probes, notices })
    }

    #[expect(clippy::too_many_arguments, reason = "everything outside that differs between Dokploy and the sandbox, each used once")]
    async fn roll_out<S: Sources + 'static, C: Clock + 'static, L: Locks + 'static>(
        self,
        connection: Connection<S>,
        clock: C,
        people: Answering,
        locks: L,
        reporter: Rc<RefCell<Reporter>>,
        store: Store,
        taken: Option<Taken>,
    ) -> Result<u8, Stopped> {
        let clock = Rc::new(clock);
        let (address, is_near) = (connection.url.to_string(), connection.url.is_loopback());
        let dokploy = if self.args.sandbox { String::new() } else { address.clone() };
        let mut transport = HttpTransport::new(connection.url, &connection.key).map_err(|why| self.stop(1, &why, ""))?;
        if let Some((pem, span)) = &connection.authority {
            transport = transport.trusting(pem).map_err(|why| self.refuse(vec![no_authority(&why, *span)]))?;
        }
        let verified_before = if self.args.sandbox { Vec::new() } else { past::verified_before(store.folder(), &dokploy) };
        let (plan_digest, lines) = (self.plan_digest.clone(), self.lines.clone());
        let origin = Origin { plan_digest, dokploy, lines, ..reporter.borrow().setting().origin() };
        let options = Options { origin, verified_before, ..self.options.clone() };
        let run = taken.as_ref().map_or_else(|| self.options.run.clone(), |taken| taken.id.clone());
        let place = Place { folder: store.run_folder(&run), run, in_sandbox: self.args.sandbox };
        let mut teller = Teller::new(Outline::new(&self.schedule));
        if let Some(taken) = &taken {
            teller.recall(&taken.past);
        }
        let schedule = Arc::new(self.schedule.clone());
        let run_id = taken.as_ref().map_or_else(|| self.options.run.clone(), |taken| taken.id.clone());
        let (engine, mut record) = match taken {
            None => {
                let record = store.begin(&options.run).map_err(|error| self.stop(9, &error.to_string(), "nothing was changed"))?;
                (Engine::new(schedule, options), record)
            }
            Some(taken) => {
                let engine = Engine::resume(&schedule, options, &taken.past, taken.baseline, taken.gap);
                let not = |why: NotResumable| {
                    self.stop(why.exit_code().0, &format!("run {} cannot be resumed: {why}", taken.id), "nothing was changed")
                };
                (engine.map_err(not)?, taken.record)
            }
        };
        // Before anything is asked for: a signal must find somebody who listens.
        let mut signals = Signals::listen().map_err(|error| self.stop(1, &format!("signals cannot be listened to: {error}"), ""))?;
        let masks = SharedMasks::default();
        let probes = connection.probes.sharing(Rc::clone(&masks));
        let mut secrets = connection.masks;
        secrets.merge(&masks.borrow());
        let session = Session::new(connection.target, secrets).jittered_by(&self.options.run);
        let platform = Dokploy::new(session, transport, Rc::clone(&clock), connection.sources).sharing(Rc::clone(&masks));
        let platform = Rc::new(platform);
        let after = watch::Outside { platform: Rc::clone(&platform), prober: Rc::new(probes), clock: Rc::clone(&clock), is_near };
        let told_after = (connection.notices.clone(), Rc::clone(&masks));
        let outside = Outside {
            platform: Rc::clone(&platform),
            prober: Rc::clone(&after.prober),
            clock: Rc::clone(&clock),
            people: Rc::new(people),
            locks: Rc::new(locks),
        };
        let post = connection.notices.post(teller, Rc::clone(&masks), Rc::clone(&reporter));
        let mut record = Masking::new(&mut record, masks);
        let witness = self.scenario.as_ref().map(|(_, signs)| Rc::clone(signs));
        let mut telling = Telling { reporter: Rc::clone(&reporter), post: post.clone(), witness };
        let mut sending = pin!(notices::work(post.as_deref()));
        let watching = Box::pin(build_log::follow(&reporter, &*platform, &*clock));
        let ticking = tick(&reporter, &*clock, self.args.sandbox);
        let driven = tokio::select! {
            driven = drive::run(engine, outside, &mut record, &mut telling, &mut signals) => driven,
            () = ticking => unreachable!("ticking never ends"),
            () = watching => unreachable!("there may always be another build"),
            () = &mut sending => unreachable!("there may always be more to send"),
        };
        match driven {
            Driven::Ended(ending, signal) => {
                let mut code = ending.exit_code();
                if let (130, Some(signal)) = (code.0, signal) {
                    code = signal.exit_code();
                }
                if matches!(ending.reason, Reason::CouldNotAsk { .. }) && !self.args.sandbox {
                    reporter.borrow_mut().note(&format!("Dokploy was asked at {address}"));
                }
                if let Some(post) = &post {
                    notices::finish(post, sending, signal.is_some(), &mut signals, &reporter).await;
                }
                let is_watched = self.args.watch && code.0 == 0;
                if self.back.is_none() && !is_watched {
                    notices::no_watch(&self.schedule, code, &reporter);
                }
                self.leave_reports(&place, Some((&ending, code)), &reporter);
                reporter.borrow_mut().finish(&ending, code);
                if !is_watched {
                    return Ok(code.0);
                }
                let label = reporter.borrow().setting().label();
                let setup = self.watch(run_id, address, label, told_after);
                Ok(Box::pin(watch::keep(setup, after, &self.args.display, &mut signals)).await)
            }
            Driven::Left(signal) => {
                reporter.borrow_mut().note("left at once; the journal says how far it came");
                self.leave_reports(&place, None, &reporter);
                Ok(signal.exit_code().0)
            }
        }
    }

    /// Leaves the reports that were asked for. One that cannot be written is told; the run ended as it did all the same.
    fn leave_reports(&self, place: &Place, ended: Option<(&Ending, ExitCode)>, reporter: &RefCell<Reporter>) {
        let is_github = self.format == Format::Github;
        reports::leave(&self.args.report, is_github, place, ended, &|text| reporter.borrow_mut().note(text));
    }

    /// The watch after a run that is verified.
    fn watch(&self, run: String, address: String, label: Option<String>, (notices, masks): (Notices, SharedMasks)) -> watch::Setup {
        let schedule = Arc::new(self.schedule.clone());
        let watch = schedule.watch.expect("without a `watch` in the plan `--watch` is refused");
        let (length, every, plan) = (Some(watch.length), watch.every, self.args.file.display().to_string());
        watch::Setup { schedule, length, every, plan, run, label, address, format: self.format, notices, masks }
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

/// Hands the engine's events to the reporter, to those who are told, and to whoever judges a scenario.
struct Telling {
    reporter: Rc<RefCell<Reporter>>,
    post: Option<Rc<Post<Mail>>>,
    witness: Option<Rc<RefCell<Signs>>>,
}

impl Report for Telling {
    fn event(&mut self, now: Moment, event: &Event) {
        self.reporter.borrow_mut().event(now, event);
        if let Some(post) = &self.post {
            post.event(now, event);
        }
        if let Some(witness) = &self.witness {
            witness.borrow_mut().tell(now, event);
        }
    }
}

/// Lets the reporter know that time goes on: ten times a second, in the sandbox once a second of its own time.
async fn tick(reporter: &RefCell<Reporter>, clock: &impl Clock, in_sandbox: bool) {
    let every = if in_sandbox { Duration::from_secs(1) } else { Duration::from_millis(100) };
    loop {
        clock.sleep_until(clock.now() + every).await;
        reporter.borrow_mut().tick(clock.now());
    }
}

/// The name of this machine.
pub(super) fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
