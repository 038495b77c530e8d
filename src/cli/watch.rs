//! `plan watch`, and the watch after a run: asks what is delivered again and again, and tells what turns. Changes nothing.

use super::args::{self, Display, Watch as Args};
use super::asking;
use super::check::{self, Found};
use super::live;
use super::look::{complain, show};
use super::notices::Notices;
use super::run::host_name;
use super::variables::{self, Environment};
use crate::diagnostic::sort;
use crate::drive::{
    self, AtWork, BaseUrl, Bystander, Clock, Hear, Interrupts, LiveClock, Lookout, Platform, Prober, Probes, SharedMasks, Signals, Watched,
    keep_vigil,
};
use crate::engine::vigil::{Rules, Standing, VigilEvent};
use crate::engine::{ExitCode, Moment, Options, Outline, Position, Reason, Survey, delivered, outlook};
use crate::model::duration;
use crate::notify::{Lost, Mail, Post, Teller, VigilTeller};
use crate::report::past::Live;
use crate::report::{Format, Streams, VigilReporter, VigilSetting};
use crate::schedule::Schedule;
use crate::store::{LockFolder, times};
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// From one round to the next where neither the command line nor the plan says it.
const EVERY: Duration = Duration::from_secs(60);
/// How long notices are waited for at the end, and after a signal.
const LAST: Duration = Duration::from_secs(5);
const LAST_AFTER_SIGNAL: Duration = Duration::from_secs(1);

/// A command that ends here: what is to be said is said.
struct Stopped(u8);

/// What is watched, and how it is shown.
pub(super) struct Setup {
    pub(super) schedule: Arc<Schedule>,
    /// How long; `None`: until somebody ends it.
    pub(super) length: Option<Duration>,
    pub(super) every: Duration,
    /// The plan's file as it was typed.
    pub(super) plan: String,
    /// The run before; empty without one.
    pub(super) run: String,
    /// `sandbox, 20×`, or nothing.
    pub(super) label: Option<String>,
    /// Dokploy's address, without credentials.
    pub(super) address: String,
    pub(super) format: Format,
    pub(super) notices: Notices,
    pub(super) masks: SharedMasks,
}

/// Everything outside.
pub(super) struct Outside<P, Q, C> {
    pub(super) platform: Rc<P>,
    pub(super) prober: Rc<Q>,
    pub(super) clock: Rc<C>,
    pub(super) is_near: bool,
}

/// `plan watch`. 0: all is well at the end. 8: something is not. 9: nothing is known to be unwell, and not everything could be asked.
pub(super) fn watch(args: &Args) -> u8 {
    watched(args).unwrap_or_else(|Stopped(code)| code)
}

fn watched(args: &Args) -> Result<u8, Stopped> {
    let wrong = |message: &str, help: &str| {
        complain(&args.display, message, help);
        Stopped(2)
    };
    let Found { sources, lowered, schedule, diagnostics } = check::find(&args.file);
    show(&diagnostics, &sources, &args.display);
    let (Some(schedule), Some(plan)) = (schedule, lowered.and_then(|lowered| lowered.plan)) else { return Err(Stopped(2)) };
    let (length, every) = times_of(args, &schedule).map_err(|(message, help)| wrong(&message, &help))?;
    let connect_to = asking::routes(args.connect_to.as_deref()).map_err(|(message, help)| wrong(&message, help))?;

    let asking = asking::from_here(&args.file, connect_to);
    let refused = |errors: Vec<crate::probe::PrepareError>| {
        let mut diagnostics: Vec<_> = errors.iter().map(variables::unprepared).collect();
        sort(&mut diagnostics);
        show(&diagnostics, &sources, &args.display);
        Stopped(2)
    };
    let notices = Notices::prepare(&schedule, &Environment, asking.clone()).map_err(refused)?;
    let probes = Probes::prepare(&schedule, &Environment, asking).map_err(refused)?;
    let runtime = drive::runtime(false).map_err(|error| {
        complain(&args.display, &format!("no runtime: {error}"), "");
        Stopped(1)
    })?;
    let clock = Rc::new(LiveClock::start());
    let masks = SharedMasks::default();
    masks.borrow_mut().merge(&notices.masks());
    let probes = probes.sharing(Rc::clone(&masks));
    let (address, platform) =
        live::platform(&args.file, &schedule, &plan.dokploy, Rc::clone(&clock)).map_err(|why| silent(&args.display, &why))?;
    let platform = platform.sharing(Rc::clone(&masks));
    let is_near = BaseUrl::parse(&address).is_ok_and(|url| url.is_loopback());
    let setup = Setup {
        schedule: Arc::new(schedule),
        length,
        every,
        plan: args.file.display().to_string(),
        run: String::new(),
        label: None,
        address,
        format: format_of(args.format),
        notices,
        masks,
    };
    let outside = Outside { platform: Rc::new(platform), prober: Rc::new(probes), clock, is_near };
    let ended = runtime.block_on(async {
        let mut signals = Signals::listen().map_err(|error| {
            complain(&args.display, &format!("signals cannot be listened to: {error}"), "");
            Stopped(1)
        })?;
        Ok(keep(setup, outside, &args.display, &mut signals).await)
    });
    // A name server that hangs is not waited for.
    runtime.shutdown_background();
    ended
}

fn silent(display: &Display, why: &str) -> Stopped {
    complain(
        display,
        &format!("Dokploy could not be asked what is delivered: {why}"),
        "`plan health --offline` asks by address alone, once",
    );
    Stopped(9)
}

/// How long and how often: the command line's word, else the plan's.
fn times_of(args: &Args, schedule: &Schedule) -> Result<(Option<Duration>, Duration), (String, String)> {
    let length = args.length.or(schedule.watch.map(|watch| watch.length));
    let every = args.every.or(schedule.watch.map(|watch| watch.every)).unwrap_or(EVERY.max(schedule.sampling.timeout));
    let timeout = schedule.sampling.timeout;
    if every < timeout {
        let help = format!("--every {} or more, or a shorter `timeout` in `sampling`", duration(timeout));
        return Err((format!("--every {}: one sample may take {}", duration(every), duration(timeout)), help));
    }
    if let Some(length) = length.filter(|length| *length < every) {
        let help = format!("--for {} or more, or ask more often", duration(every));
        return Err((format!("a watch of {} that asks every {} would ask once", duration(length), duration(every)), help));
    }
    Ok((length, every))
}

/// `--format` in the reporter's terms.
pub(super) fn format_of(format: Option<args::Format>) -> Format {
    match format {
        Some(args::Format::Plain) => Format::Plain,
        Some(args::Format::Json) => Format::Json,
        Some(args::Format::Human) | None => Format::Human,
    }
}

/// Watches, tells, and gives the exit code.
pub(super) async fn keep<P, Q, C>(setup: Setup, outside: Outside<P, Q, C>, display: &Display, signals: &mut impl Interrupts) -> u8
where
    P: Platform + 'static,
    Q: Prober + 'static,
    C: Clock + 'static,
{
    let Outside { platform, prober, clock, is_near } = outside;
    let schedule = Arc::clone(&setup.schedule);
    let surveyed = tokio::select! {
        biased;
        signal = signals.next() => return signal.exit_code().0,
        surveyed = live::ask_survey(&*platform) => surveyed,
    };
    let survey = match surveyed {
        Ok(survey) => survey,
        Err(none) => return silent(display, &none.why).0,
    };
    let (position, refusal) = outlook(&schedule, &Options::default(), &survey);
    if let Some(Reason::CouldNotAsk { why }) = refusal {
        return silent(display, &why).0;
    }
    if delivered(&schedule, &survey, &position).is_empty() {
        let message = format!("nothing of {} is delivered, so there is nothing to watch", schedule.app.name.value);
        complain(display, &message, &format!("plan run {}", setup.plan));
        return 8;
    }
    let at_work = Beside(LockFolder::open().ok().filter(|_| setup.label.is_none()).map(|folder| {
        // Without a folder for locks nobody can hold one.
        Bystander::new(folder, &setup.address, &survey.compose_id)
    }));
    let rules = Rules { every: setup.every, down_after: schedule.sampling.unhealthy_after, up_after: schedule.sampling.healthy_after };
    let (from, wall) = (host_name().filter(|_| setup.label.is_none()), wall(&clock));
    let setting = VigilSetting {
        app: schedule.app.name.value.clone(),
        label: setup.label.clone(),
        probed_from: from.clone(),
        rows: (rules.down_after, rules.up_after),
    };
    let streams = Streams::of_process(display.choice(), |name| std::env::var(name).ok());
    let shown_wall = Rc::clone(&wall);
    let reporter = Rc::new(RefCell::new(VigilReporter::new(setup.format, setting, streams, move |moment| shown_wall(moment))));
    let outline = Outline::new(&schedule);
    let (shown, told_at) = (Rc::clone(&reporter), Rc::clone(&clock));
    let post = setup.notices.post_to(Teller::new(outline.clone()), setup.masks, move |lost: &Lost| {
        let about: Vec<&str> = lost.about.iter().map(|event| event.as_str()).collect();
        shown.borrow_mut().notice_lost(told_at.now(), &lost.to, &about, &lost.why);
    });
    let teller = VigilTeller::new(&outline, setup.run, from, move |moment| wall(moment));
    let mut hear =
        Telling { reporter: Rc::clone(&reporter), post: post.clone(), teller, schedule: Arc::clone(&schedule), address: setup.address };
    let watched = Watched { schedule, survey, rules, length: setup.length };
    let lookout = Lookout { platform, is_near, prober, clock: Rc::clone(&clock), at_work };
    let mut sending = pin!(super::notices::work(post.as_deref()));
    let (standing, signal): (Standing, _) = tokio::select! {
        ended = keep_vigil(watched, lookout, &mut hear, signals) => ended,
        () = &mut sending => unreachable!("there may always be more to send"),
    };
    if let Some(post) = &post {
        let limit = if signal.is_some() { LAST_AFTER_SIGNAL } else { LAST };
        let sent = async {
            tokio::select! {
                () = sending => {}
                _ = signals.next() => {}
            }
        };
        let tally = post.finish(sent, limit).await;
        reporter.borrow_mut().notices_sent(tally.delivered, tally.lost);
    }
    let code: ExitCode = signal.map_or_else(|| standing.exit_code(), drive::Signal::exit_code);
    reporter.borrow_mut().finish(clock.now(), code);
    code.0
}

/// Run time as a time of day: by the machine's clock as it is now, so that a clock that is set meanwhile does no harm; of virtual time as if it had
/// passed since the start.
fn wall<C: Clock + 'static>(clock: &Rc<C>) -> Rc<dyn Fn(Moment) -> String> {
    let clock = Rc::clone(clock);
    if clock.is_virtual() {
        let (began, start) = (clock.now(), times::now());
        return Rc::new(move |moment| times::after(&start, moment - began));
    }
    Rc::new(move |moment| times::ago(clock.now() - moment))
}

/// Whether a run is at work; nobody is where there are no locks.
struct Beside(Option<Bystander>);

impl AtWork for Beside {
    fn who(&self) -> Option<String> {
        self.0.as_ref()?.who()
    }
}

/// Hands what a vigil tells to the reporter, and to those who are told.
struct Telling {
    reporter: Rc<RefCell<VigilReporter>>,
    post: Option<Rc<Post<Mail>>>,
    teller: VigilTeller,
    schedule: Arc<Schedule>,
    address: String,
}

impl Hear for Telling {
    fn hear(&mut self, now: Moment, event: &VigilEvent) {
        self.reporter.borrow_mut().hear(now, event);
        if let (Some(post), Some(notice)) = (&self.post, self.teller.hear(now, event)) {
            post.tell(notice);
        }
    }

    fn in_words(&self, survey: &Survey, position: &Position) -> String {
        Live::of(&self.schedule, &self.address, survey, position).words
    }
}
